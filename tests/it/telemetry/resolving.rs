//! Dealing with groups of errors.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use chrono::TimeDelta;
use navi::auth::principal::Role;
use navi::platform::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::telemetry::stock::{ERRORS, Group, Stock, ago, now};

impl Stock {
    /// A planner decides about a group.
    async fn decide(&self, id: i64, body: Value) -> (StatusCode, Value) {
        let planner = self
            .app
            .client_of(crate::support::app::ORG, "ada", Role::Planner);
        planner.post(&format!("{ERRORS}/{id}/resolve"), body).await
    }

    /// The number of events of a group that are marked as resolved, once none is left to be marked.
    async fn marked(&self, id: i64) -> i64 {
        let began = Instant::now();
        while self
            .count(
                "select count(*) from error_groups where group_id = $1 and unmarked",
                id,
            )
            .await
            > 0
        {
            assert!(began.elapsed() < Duration::from_secs(10), "never marked");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.count(
            "select count(*) from error_events where group_id = $1 and resolved = 1",
            id,
        )
        .await
    }

    async fn count(&self, sql: &'static str, id: i64) -> i64 {
        sqlx::query_scalar(sql)
            .bind(id)
            .fetch_one(&self.db)
            .await
            .unwrap()
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_resolved_group_leaves_the_list_and_its_events_are_marked(db: PgPool) {
    let stock = Stock::new(db).await;
    let id = stock.group(Group::default()).await;
    let other = stock
        .group(Group {
            last_seen: ago(99),
            ..Group::default()
        })
        .await;
    stock.occurrences(id, 4_500, ago(10)).await;
    stock.occurrences(other, 3, ago(10)).await;
    let (status, group) = stock.decide(id, json!({"notes": " fixed in 1.3 "})).await;
    assert_eq!(status, StatusCode::OK, "{group}");
    let told =
        ["status", "resolved_at", "resolved_by", "resolution_notes"].map(|name| &group[name]);
    assert_eq!(
        json!(told),
        json!(["resolved", "2026-11-25T17:40:00Z", "ada", "fixed in 1.3"])
    );
    assert_eq!(stock.marked(id).await, 4_500);
    assert_eq!(stock.marked(other).await, 0);
    assert_eq!(stock.listed("").await, [other]);
    let noted: Value = sqlx::query_scalar(
        "select distinct jsonb_build_array(resolved_at, resolution_notes) from error_events
         where resolved = 1",
    )
    .fetch_one(&stock.db)
    .await
    .unwrap();
    assert_eq!(noted, json!(["2026-11-25T17:40:00+00:00", "fixed in 1.3"]));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn deciding_twice_is_harmless_and_what_was_decided_can_be_undone(db: PgPool) {
    let stock = Stock::new(db).await;
    let id = stock
        .group(Group {
            status: "regressed",
            ..Group::default()
        })
        .await;
    stock.occurrences(id, 2, ago(10)).await;
    let (_, first) = stock.decide(id, json!({"notes": "fixed"})).await;
    stock.app.app.clock.advance(TimeDelta::minutes(5));
    let (status, second) = stock.decide(id, json!({"notes": "fixed again"})).await;
    assert_eq!((status, &second), (StatusCode::OK, &first));
    assert_eq!(stock.marked(id).await, 2);
    for _ in 0..2 {
        let (status, open) = stock.decide(id, json!({"reopen": true})).await;
        let told =
            ["status", "resolved_at", "resolved_by", "resolution_notes"].map(|name| &open[name]);
        assert_eq!(
            (status, json!(told)),
            (StatusCode::OK, json!(["open", null, null, null]))
        );
        assert_eq!(open["regressions"], 1, "that it came back stays known");
    }
    assert_eq!(stock.marked(id).await, 2, "they were dealt with");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn resolving_is_for_planners_and_notes_are_short_and_hold_no_secret(db: PgPool) {
    let stock = Stock::new(db).await;
    let id = stock.group(Group::default()).await;
    let viewer = stock.app.client(Role::Viewer);
    let path = format!("{ERRORS}/{id}/resolve");
    let (status, _) = viewer.post(&path, json!({})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, problem) = stock.decide(id, json!({"notes": "é".repeat(1_001)})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["detail"], "`notes` are longer than 1000 characters");
    assert_eq!(
        stock.listed("status=open").await,
        [id],
        "nothing was changed"
    );
    let (status, group) = stock
        .decide(id, json!({"notes": "set PASSWORD=hunter2hunter2\0"}))
        .await;
    assert_eq!(status, StatusCode::OK);
    let notes = group["resolution_notes"].as_str().unwrap();
    assert!(
        !notes.contains("hunter2") && !notes.contains('\0'),
        "{notes}"
    );
    let id = stock.group(Group::default()).await;
    let (status, group) = stock.decide(id, json!({"notes": "é".repeat(1_000)})).await;
    assert_eq!(
        (status, &group["status"]),
        (StatusCode::OK, &json!("resolved"))
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_lost_server_left_unmarked_is_marked_and_nothing_after_the_resolution(db: PgPool) {
    let stock = Stock::new(db.clone()).await;
    let id = stock
        .group(Group {
            status: "regressed",
            ..Group::default()
        })
        .await;
    // Resolved two hours before the last occurrence; the first half was marked before the server went.
    let resolved_at = ago(130);
    stock.occurrences(id, 3_000, resolved_at).await;
    stock.occurrences(id, 5, ago(10)).await;
    sqlx::query("update error_groups set unmarked = true")
        .execute(&db)
        .await
        .unwrap();
    sqlx::query(
        "update error_events set resolved = 1, resolved_at = $1 where created_at > $1 - interval '20 min'
         and created_at <= $1",
    )
    .bind(resolved_at)
    .execute(&db)
    .await
    .unwrap();
    stock.app.app.errors.mark_remaining().await.unwrap();
    assert_eq!(stock.marked(id).await, 3_000);
    assert!(resolved_at < now());
    // A group that another transaction holds already is left to it.
    sqlx::query("update error_groups set unmarked = true")
        .execute(&db)
        .await
        .unwrap();
    let mut busy = db.begin().await.unwrap();
    sqlx::query("select from error_groups for update")
        .execute(&mut *busy)
        .await
        .unwrap();
    stock.app.app.errors.mark_remaining().await.unwrap();
    busy.rollback().await.unwrap();
    let left = "select count(*) from error_groups where group_id = $1 and unmarked";
    assert_eq!(stock.count(left, id).await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_resolution_is_an_entry_of_the_audit_log_with_before_and_after(db: PgPool) {
    let stock = Stock::new(db).await;
    let id = stock.group(Group::default()).await;
    stock.decide(id, json!({"notes": "fixed"})).await;
    let admin = stock.app.client(Role::Admin);
    let (_, log) = admin.get("/api/audit").await;
    let entry = &log["entries"][0];
    assert_eq!(entry["route"], "/api/telemetry/errors/{id}/resolve");
    let path = format!("/api/audit/{}/decrypt", entry["id"].as_str().unwrap());
    let (_, opened) = admin.post(&path, json!({"reason": "a test"})).await;
    let changes = &opened["changes"];
    let statuses = [&changes["before"]["status"], &changes["after"]["status"]];
    assert_eq!(json!(statuses), json!(["open", "resolved"]));
}
