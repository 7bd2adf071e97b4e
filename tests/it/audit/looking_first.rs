//! Requests that look things up while their entry is written, and change nothing before it is.

use axum::http::StatusCode;
use serde_json::json;
use sqlx::PgPool;

use crate::jobs::desk::Desk;
use crate::runs::stage::{says, script};
use crate::support::promises::{REFUSED_WITHIN, kept};

/// The number of runs, of calls to models and of bound folders.
const BEGUN: &str = "select (select count(*) from runs) + (select count(*) from llm_metrics)
                          + (select count(*) from workspace_bindings)";

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn no_run_no_job_and_no_chat_begins_that_cannot_be_audited(db: PgPool) {
    let desk = Desk::new(db.clone(), script([says("Done.")])).await;
    let begun = async || -> i64 { sqlx::query_scalar(BEGUN).fetch_one(&db).await.unwrap() };
    let mut lock = db.begin().await.unwrap();
    sqlx::query("lock table audit_chains in access exclusive mode")
        .execute(&mut *lock)
        .await
        .unwrap();
    for path in [
        "/api/jobs",
        "/api/navi/jobs",
        "/api/navi/chat",
        "/api/navi/chat/autonomous",
        "/api/navi/chat/stream",
        "/api/navi/chat/stream/v2",
    ] {
        let began = std::time::Instant::now();
        let body = desk.stage.body("do it");
        let (status, answer) = desk.client.post(path, body).await;
        kept(REFUSED_WITHIN, began);
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {answer}");
        assert_eq!(answer["error_code"], "AUDIT_UNAVAILABLE", "{path}");
    }
    assert_eq!(begun().await, 0);
    lock.rollback().await.unwrap();
    // The writer finds its way back by itself.
    let id = loop {
        let (status, answer) = desk.client.post("/api/jobs", desk.body(json!({}))).await;
        if status == StatusCode::OK {
            break answer["job"]["job_id"].as_str().unwrap().to_owned();
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    };
    assert_eq!(desk.ended(&id).await.stopped_reason(), "completed");
    assert!(begun().await >= 2);
}
