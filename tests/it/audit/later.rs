//! A log in which a later version wrote, read after its rollout was taken back.

use std::io::Cursor;

use axum::http::StatusCode;
use navi::audit::event::Event;
use navi::audit::model::{Actor, ActorKind, Log, NewEntry, Outcome};
use navi::auth::principal::Role;
use navi::cli::audit::verify::verify_lines;
use sqlx::PgPool;

use crate::support::app::{ORG, TestApp};

const LATER: &str = "rollout.begun";

/// An organisation's log: an entry of this version, one of a later, one of this.
async fn history(app: &TestApp) -> Log {
    let log = Log::from_name(ORG);
    for event in ["tool.call", LATER, "tool.call"] {
        let event: Event = event.parse().unwrap();
        let server = Actor::nameless(ActorKind::Server);
        let entry = NewEntry::new(log.clone(), event, server);
        app.app.audit.note(entry, Outcome::Success).await.unwrap();
    }
    log
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_log_with_events_of_a_later_version_is_whole_and_goes_on(db: PgPool) {
    let app = TestApp::new(db).await;
    let log = history(&app).await;
    let admin = app.client(Role::Admin);
    let (status, page) = admin.get("/api/audit?format=object").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(page["entries"][1]["event_type"], LATER);
    app.app.audit.make_checkpoints().await;
    let report = app.app.audit.verify(&log, &[], |_, _| {}).await.unwrap();
    assert!(report.ok, "{:?}", report.findings);
    assert_eq!(report.records, 3);
    let (_, export) = admin.get("/api/audit/export").await;
    let keys = app.app.audit.verifying_keys();
    let report = verify_lines(Cursor::new(export.as_str().unwrap()), keys, &[]).unwrap();
    assert!(report.ok, "{:?}", report.findings);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_entry_that_was_given_a_later_versions_event_is_found(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    let log = history(&app).await;
    let mut tx = db.begin().await.unwrap();
    for sql in [
        "set local session_replication_role = replica",
        "update audit_records set event = 'tool.called' where sequence = 1",
    ] {
        sqlx::query(sql).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    let report = app.app.audit.verify(&log, &[], |_, _| {}).await.unwrap();
    assert!(!report.ok);
    assert_eq!(report.findings[0].sequence, 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_list_of_an_unknown_event_is_refused_with_the_names_that_there_are(db: PgPool) {
    let app = TestApp::new(db).await;
    let admin = app.client(Role::Admin);
    let (status, problem) = admin.get("/api/audit?event_type=tool.cal").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("`tool.cal`") && detail.contains("`tool.call`"),
        "{detail}"
    );
}
