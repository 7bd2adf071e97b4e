//! Errors: grouped, counted, resolved, back again.

use chrono::TimeDelta;
use navi::auth::principal::Role;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::telemetry::desk::{Desk, event, report};

fn failed(data: Value) -> Value {
    event("navi.error", data)
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_error_has_its_own_row_and_a_group_that_is_explained(db: PgPool) {
    let desk = Desk::new(db).await;
    let stack = "TypeError: item 7 is gone\n    at render (/home/ada/src/Panel.tsx:10:5)";
    let sent = failed(json!({"error": "TypeError: item 7 is gone", "stack": stack,
        "severity": "Critical", "component": "panel", "operation": "render", "userVisible": false,
        "errorCode": "E7", "version": "1.4.0"}));
    desk.keep("b", &[sent]).await;
    let rows = desk.rows("select * from error_events").await;
    insta::assert_json_snapshot!(rows, @r#"
    [
      {
        "id": 1,
        "org_id": "org-1",
        "run_id": null,
        "source": "client",
        "user_id": "user-1",
        "version": "1.4.0",
        "group_id": 1,
        "resolved": 0,
        "severity": "critical",
        "trace_id": null,
        "component": "panel",
        "operation": "render",
        "created_at": "2026-01-02T03:04:05+00:00",
        "error_code": "E7",
        "error_type": "TypeError",
        "session_id": "session_1",
        "environment": "development",
        "occurred_at": "2026-01-02T03:04:04+00:00",
        "resolved_at": null,
        "stack_trace": "TypeError: item 7 is gone\n    at render (/home/~/src/Panel.tsx:10:5)",
        "user_visible": 0,
        "error_message": "TypeError: item 7 is gone",
        "extra_metadata": null,
        "resolution_notes": null,
        "recovery_attempted": 0
      }
    ]
    "#);
    let groups = desk
        .rows(
            "select g.fingerprint, g.error_type, g.message, g.frames, g.source, g.status,
                    g.first_version, a.*
             from error_groups g join error_group_activity a using (org_id, group_id)",
        )
        .await;
    insta::assert_json_snapshot!(groups, @r#"
    [
      {
        "frames": [
          "render (Panel.tsx)"
        ],
        "org_id": "org-1",
        "source": "client",
        "status": "open",
        "message": "TypeError: item <n> is gone",
        "group_id": 1,
        "severity": "critical",
        "component": "panel",
        "last_seen": "2026-01-02T03:04:04+00:00",
        "error_type": "TypeError",
        "first_seen": "2026-01-02T03:04:04+00:00",
        "fingerprint": "32826960334408e56a1d780c8ec44585",
        "occurrences": 1,
        "last_message": "TypeError: item 7 is gone",
        "last_version": "1.4.0",
        "first_version": "1.4.0",
        "affected_users": 1
      }
    ]
    "#);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn errors_that_differ_only_in_what_varies_are_one_group(db: PgPool) {
    let desk = Desk::new(db).await;
    let of = |n: usize| {
        failed(json!({"error": format!("timeout after {n} ms"), "errorType": "Timeout"}))
    };
    let events: Vec<Value> = (0..30).map(of).collect();
    desk.keep("b-1", &events).await;
    let other = desk.app.client_of("org-1", "user-2", Role::Viewer);
    let batch = json!({"events": [of(99), of(100)], "batchId": "b-1"});
    report(&other, &batch).await;
    desk.keep(
        "b-2",
        &[
            failed(json!({"error": "disk full", "errorType": "Disk"})),
            failed(json!({})),
            failed(json!({"message": "the panel is gone", "errorType": "Panel"})),
        ],
    )
    .await;
    let groups = desk
        .rows(
            "select g.error_type, g.message, a.occurrences, a.affected_users,
                    (select sum(occurrences) from error_group_hours h
                     where h.org_id = g.org_id and h.group_id = g.group_id) as in_hours
             from error_groups g join error_group_activity a using (org_id, group_id) order by 1",
        )
        .await;
    insta::assert_json_snapshot!(groups, @r#"
    [
      {
        "message": "disk full",
        "in_hours": 1,
        "error_type": "Disk",
        "occurrences": 1,
        "affected_users": 1
      },
      {
        "message": "the panel is gone",
        "in_hours": 1,
        "error_type": "Panel",
        "occurrences": 1,
        "affected_users": 1
      },
      {
        "message": "timeout after <n> ms",
        "in_hours": 32,
        "error_type": "Timeout",
        "occurrences": 32,
        "affected_users": 2
      },
      {
        "message": "Unknown error",
        "in_hours": 1,
        "error_type": "unknown",
        "occurrences": 1,
        "affected_users": 1
      }
    ]
    "#);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_resolved_error_comes_back_when_it_happens_again_and_not_when_it_is_told_late(
    db: PgPool,
) {
    let desk = Desk::new(db).await;
    let sent = failed(json!({"error": "gone", "errorType": "Gone"}));
    desk.keep("b-1", std::slice::from_ref(&sent)).await;
    sqlx::query(
        "update error_groups set status = 'resolved', resolved_by = 'ada',
            resolved_at = '2026-01-02T03:04:04.500Z'",
    )
    .execute(&desk.db)
    .await
    .unwrap();
    let status = async || {
        desk.rows("select status, regressions from error_groups")
            .await[0]
            .clone()
    };
    // It happened, by its own time, before the error was resolved.
    desk.keep("b-2", &[sent]).await;
    assert_eq!(
        status().await,
        json!({"status": "resolved", "regressions": 0})
    );
    let late = desk
        .rows("select resolved, resolved_at from error_events order by id desc limit 1")
        .await;
    assert_eq!(late[0]["resolved"], 1, "it was dealt with: {late:?}");
    desk.app.app.clock.advance(TimeDelta::minutes(1));
    let again = json!({"type": "navi.error", "data": {"error": "gone", "errorType": "Gone"}});
    desk.keep("b-3", &[again]).await;
    assert_eq!(
        status().await,
        json!({"status": "regressed", "regressions": 1})
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn errors_beyond_the_groups_of_an_hour_share_one(db: PgPool) {
    let desk = Desk::new(db).await;
    let of = |n: usize| failed(json!({"error": "x", "errorType": format!("Invented{n}")}));
    let events: Vec<Value> = (0..900).map(of).collect();
    desk.keep("b-1", &events).await;
    let others = desk
        .rows(
            "select count(*) as groups, sum(occurrences) as occurrences,
                    (select occurrences from error_groups g join error_group_activity a
                     using (org_id, group_id) where g.error_type = '<other>') as others
             from error_group_activity",
        )
        .await;
    insta::assert_json_snapshot!(others, @r#"
    [
      {
        "groups": 501,
        "others": 400,
        "occurrences": 900
      }
    ]
    "#);
    assert_eq!(desk.count("error_events").await, 900);
}
