//! Requests that only read, beside those that change something.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;
use navi::auth::principal::Role;
use navi::platform::clock::Clock;
use serde_json::json;
use sqlx::{PgPool, Postgres, Transaction};

use crate::support::app::{ORG, TestApp};

const ERRORS: &str = "/api/telemetry/errors";
const CONVERSATIONS: &str = "/api/navi-memory/conversations";

/// Keeps every list of errors waiting.
async fn stop_lists(db: &PgPool) -> Transaction<'static, Postgres> {
    let mut lock = db.begin().await.unwrap();
    sqlx::raw_sql("lock table error_group_activity in access exclusive mode")
        .execute(&mut *lock)
        .await
        .unwrap();
    lock
}

async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_only_reads_leaves_connections_for_what_writes(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    let lock = stop_lists(&db).await;
    let reads = join_all((0..40).map(|n| {
        let client = app.client_of(ORG, &format!("reader-{n}"), Role::Viewer);
        async move { client.get(ERRORS).await.0 }
    }));
    let work = async {
        // The pool of a test has five connections, of which reading has two.
        until(|| app.app.db.count_reading() == (2, 38)).await;
        let client = app.client(Role::Viewer);
        for title in ["one", "two"] {
            let (status, answer) = client.post(CONVERSATIONS, json!({ "title": title })).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
        }
        app.app.health.refresh().await;
        let (status, report) = client.get("/health/ready").await;
        assert_eq!(status, StatusCode::OK, "{report}");
        let (_, metrics) = client.get("/metrics").await;
        let metrics = metrics.as_str().unwrap().to_owned();
        for line in [
            "navi_db_reading_connections 2",
            "navi_db_waiting_readers 38",
        ] {
            assert!(metrics.lines().any(|found| found == line), "{line}");
        }
        assert_eq!(app.app.db.count_reading(), (2, 38));
        lock.rollback().await.unwrap();
    };
    let (reads, ()) = tokio::join!(reads, work);
    assert!(
        reads.iter().all(|status| *status == StatusCode::OK),
        "{reads:?}"
    );
    assert_eq!(app.app.db.count_reading(), (0, 0));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_person_who_reads_much_keeps_no_other_from_reading(db: PgPool) {
    let flags = ["--database-connections", "4"];
    let app = TestApp::with(db.clone(), Clock::System, &flags).await;
    let lock = stop_lists(&db).await;
    let reader = app.client_of(ORG, "reader", Role::Viewer);
    let reads = join_all((0..20).map(|_| reader.get(ERRORS)));
    let others = async {
        // One of them runs; the others wait before they want a connection.
        until(|| app.app.db.count_reading() == (1, 0)).await;
        let client = app.client(Role::Viewer);
        let (status, answer) = client.get(CONVERSATIONS).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(app.app.db.count_reading(), (1, 0));
        lock.rollback().await.unwrap();
    };
    let (reads, ()) = tokio::join!(reads, others);
    assert!(reads.iter().all(|(status, _)| *status == StatusCode::OK));
}
