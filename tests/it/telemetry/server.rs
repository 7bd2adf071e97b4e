//! Failures of this server.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use navi::llm::script::{Fail, FailKind, Turn};
use serde_json::Value;
use sqlx::PgPool;

use crate::runs::stage::{Stage, says, script};
use crate::telemetry::desk::Desk;

/// A turn in which the model cannot be asked.
fn fails() -> Turn {
    Turn {
        fail: Some(Fail {
            kind: FailKind::Rejected,
            retry_after_ms: None,
            times: None,
        }),
        ..Turn::default()
    }
}

/// Rows that come a moment later.
async fn soon(desk: &Desk, query: &str) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let rows = desk.rows(query).await;
        if !rows.is_empty() {
            return rows;
        }
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "nothing: {query}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_request_that_fails_on_our_side_is_an_error_of_its_person_with_its_cause(db: PgPool) {
    let desk = Desk::new(db.clone()).await;
    sqlx::query("alter table conversations rename to gone")
        .execute(&db)
        .await
        .unwrap();
    let (status, _) = desk.client.get("/api/navi-memory/conversations").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let mut rows = soon(&desk, "select * from error_events").await;
    let row = rows.remove(0);
    insta::assert_json_snapshot!(row, {
        ".trace_id" => "[trace]", ".extra_metadata.request_id" => "[id]",
    }, @r#"
    {
      "id": 1,
      "org_id": "org-1",
      "run_id": null,
      "source": "server",
      "user_id": "user-1",
      "version": "0.1.0",
      "group_id": 1,
      "resolved": 0,
      "severity": "error",
      "trace_id": "[trace]",
      "component": "http",
      "operation": "GET /api/navi-memory/conversations",
      "created_at": "2026-01-02T03:04:05+00:00",
      "error_code": "INTERNAL",
      "error_type": "INTERNAL",
      "session_id": null,
      "environment": "development",
      "occurred_at": "2026-01-02T03:04:05+00:00",
      "resolved_at": null,
      "stack_trace": null,
      "user_visible": 1,
      "error_message": "GET /api/navi-memory/conversations: error returned from database: relation \"conversations\" does not exist: relation \"conversations\" does not exist",
      "extra_metadata": {
        "status": 500,
        "request_id": "[id]"
      },
      "resolution_notes": null,
      "recovery_attempted": 0
    }
    "#);
    assert_eq!(row["trace_id"].as_str().unwrap().len(), 32);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_request_for_what_is_not_built_is_no_failure(db: PgPool) {
    let desk = Desk::new(db.clone()).await;
    let (status, _) = desk.client.get("/api/analytics/usage").await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
    sqlx::query("alter table conversations rename to gone")
        .execute(&db)
        .await
        .unwrap();
    // Failures are recorded in their order, so that one before would be there too.
    desk.client.get("/api/navi-memory/conversations").await;
    let rows = soon(&desk, "select operation from error_events").await;
    let operation = "GET /api/navi-memory/conversations";
    assert_eq!(rows, [serde_json::json!({ "operation": operation })]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_background_task_that_panics_is_an_error_of_the_server(db: PgPool) {
    let desk = Desk::new(db).await;
    let secret = ["ghp", "_0123456789abcdefABCDEF0123456789abcd"].concat();
    let panicking = desk.app.app.tasks.spawn(async move {
        assert!(secret.is_empty(), "no use for \0{secret}");
    });
    assert!(panicking.await.unwrap_err().is_panic());
    let rows = soon(
        &desk,
        "select org_id, error_type, severity, error_message, source from error_events",
    )
    .await;
    insta::assert_json_snapshot!(rows, @r#"
    [
      {
        "org_id": "",
        "source": "server",
        "severity": "critical",
        "error_type": "panic",
        "error_message": "no use for [redacted:github-token]"
      }
    ]
    "#);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_storm_of_failures_is_recorded_as_a_few(db: PgPool) {
    let desk = Desk::new(db.clone()).await;
    sqlx::query("alter table conversations rename to gone")
        .execute(&db)
        .await
        .unwrap();
    for _ in 0..150 {
        desk.client.get("/api/navi-memory/conversations").await;
    }
    let began = Instant::now();
    let mut count = 0;
    while count < 60 && began.elapsed() < Duration::from_secs(5) {
        count = desk.count("error_events").await;
    }
    // One more each second while it lasts.
    assert!((60..=75).contains(&count), "{count}");
    assert_eq!(desk.count("error_groups").await, 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_that_failed_is_an_error_of_whoever_asked_for_it(db: PgPool) {
    let desk = Desk::new(db.clone()).await;
    let stage = Stage::new(db, script([fails()])).await;
    let run = stage.run("do it").await;
    assert_eq!(run.summary()["stopped_reason"], "model_error");
    let mut rows = desk
        .rows(
            "select e.error_type, e.severity, e.source, e.component, e.user_id, e.error_message,
                    e.run_id, e.trace_id is not null as has_trace, a.occurrences
             from error_events e join error_group_activity a using (org_id, group_id)",
        )
        .await;
    let row = rows.remove(0);
    assert_eq!(row["run_id"], run.run_id());
    insta::assert_json_snapshot!(row, {".run_id" => "[run]"}, @r#"
    {
      "run_id": "[run]",
      "source": "run",
      "user_id": "user-1",
      "severity": "error",
      "component": "agent",
      "has_trace": true,
      "error_type": "model_error",
      "occurrences": 1,
      "error_message": "`scripted` rejected the request (status 400): the script rejects the request"
    }
    "#);
    assert!(rows.is_empty(), "{rows:?}");
    // One that ends well is none.
    let stage = Stage::new(desk.db.clone(), script([says("Done.")])).await;
    assert_eq!(stage.run("do it").await.summary()["success"], true);
    assert_eq!(desk.count("error_events").await, 1);
}
