//! Batches that are sent again, at once, too often.

use axum::http::StatusCode;
use navi::auth::principal::Role;
use navi::platform::clock::Clock;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::app::TestApp;
use crate::telemetry::desk::{Desk, NOW, event, report};

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_batch_that_is_sent_again_is_stored_once(db: PgPool) {
    let desk = Desk::new(db).await;
    let events = [
        event("a", json!({})),
        json!(7),
        event("web.performance", json!({"metric": "m", "value": 1})),
        event("navi.error", json!({"error": "x"})),
    ];
    let first = desk.send("b", &events).await.body;
    let second = desk.send("b", &events).await.body;
    assert_eq!(first["eventsPersisted"], 3);
    assert_eq!(
        second["message"],
        "3 of 4 events are stored; 3 of them had been stored before"
    );
    for field in [
        "success",
        "eventsReceived",
        "eventsPersisted",
        "eventsRejected",
    ] {
        assert_eq!(first[field], second[field], "{field}");
    }
    for (table, rows) in [
        ("telemetry_events", 3),
        ("performance_metrics", 1),
        ("error_events", 1),
        ("telemetry_batches", 1),
    ] {
        assert_eq!(desk.count(table).await, rows, "{table}");
    }
    let counted = desk.rows("select sum(events) from telemetry_hours").await;
    assert_eq!(counted[0]["sum"], 3);
    let seen = desk
        .rows("select occurrences from error_group_activity")
        .await;
    assert_eq!(seen[0]["occurrences"], 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_mended_event_and_a_further_one_of_a_known_batch_are_stored(db: PgPool) {
    let desk = Desk::new(db).await;
    let (a, b, c) = (
        event("a", json!({})),
        event("b", json!({})),
        event("c", json!({})),
    );
    desk.send("x", &[a.clone(), json!("broken")]).await;
    let answer = desk
        .send("x", &[a.clone(), b.clone(), c.clone()])
        .await
        .body;
    assert_eq!(answer["success"], true);
    assert_eq!(
        answer["message"],
        "3 of 3 events are stored; 1 of them had been stored before"
    );
    let answer = desk.send("x", &[a, b, c]).await.body;
    assert_eq!(
        answer["message"],
        "3 of 3 events are stored; 3 of them had been stored before"
    );
    let kept = desk
        .rows("select batch_index, event_type from telemetry_events order by 1")
        .await;
    insta::assert_json_snapshot!(kept, @r#"
    [
      {
        "event_type": "a",
        "batch_index": 0
      },
      {
        "event_type": "b",
        "batch_index": 1
      },
      {
        "event_type": "c",
        "batch_index": 2
      }
    ]
    "#);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn other_events_under_a_known_id_are_rejected_and_not_taken_for_stored(db: PgPool) {
    let desk = Desk::new(db).await;
    let first = [
        event("a", json!({"n": 1})),
        event("b", json!({})),
        event("c", json!({})),
    ];
    desk.send("1", &first).await;
    let other = [
        event("a", json!({"n": 2})),
        event("z", json!({})),
        event("c", json!({})),
        event("d", json!({})),
    ];
    let answer = desk.send("1", &other).await.body;
    assert_eq!(
        answer["message"],
        "2 of 4 events are stored; 1 of them had been stored before"
    );
    assert_eq!(answer["success"], false);
    let rejected = answer["eventsRejected"].as_array().unwrap();
    let rejected: Vec<_> = rejected
        .iter()
        .map(|one| (one["index"].clone(), one["reason"].clone()))
        .collect();
    let reused = json!("batch_id_reused");
    assert_eq!(
        rejected,
        [(json!(0), reused.clone()), (json!(1), reused)],
        "{answer:#}"
    );
    assert_eq!(desk.count("telemetry_events").await, 4);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_same_batch_from_many_connections_of_two_servers_is_stored_once(db: PgPool) {
    let one = Desk::new(db.clone()).await;
    let other = Desk::new(db).await;
    let events: Vec<Value> = (0..50).map(|n| event("t", json!({"n": n}))).collect();
    let sending = (0..40).map(|n| {
        let desk = if n % 2 == 0 { &one } else { &other };
        desk.send("the-same", &events)
    });
    for answer in futures_util::future::join_all(sending).await {
        assert_eq!(answer.status, StatusCode::OK, "{:#}", answer.body);
        assert_eq!(answer.body["eventsPersisted"], 50);
    }
    let distinct = one
        .rows("select count(*), count(distinct batch_index) as indexes from telemetry_events")
        .await;
    assert_eq!(distinct[0], json!({"count": 50, "indexes": 50}));
    let counted = one.rows("select sum(events) from telemetry_hours").await;
    assert_eq!(counted[0]["sum"], 50);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn people_and_organisations_do_not_share_names_of_batches(db: PgPool) {
    let desk = Desk::new(db).await;
    let events = [event("t", json!({}))];
    let batch = json!({"events": events, "batchId": "b", "timestamp": NOW});
    for (org, user) in [
        ("org-1", "user-1"),
        ("org-1", "user-2"),
        ("org-2", "user-1"),
    ] {
        let client = desk.app.client_of(org, user, Role::Viewer);
        let answer = report(&client, &batch).await;
        assert_eq!(answer.body["message"], "1 of 1 events are stored");
    }
    assert_eq!(desk.count("telemetry_events").await, 3);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_batch_without_events_is_fine_and_one_without_any_good_one_is_not(db: PgPool) {
    let desk = Desk::new(db).await;
    let told = desk.keep("empty", &[]).await;
    assert_eq!(told["message"], "0 of 0 events are stored");
    let answer = desk.send("bad", &[json!(1), json!(2)]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    insta::assert_json_snapshot!(answer.body, {".request_id" => "[id]"}, @r#"
    {
      "type": "/problems/telemetry-rejected",
      "title": "Unprocessable Entity",
      "status": 422,
      "detail": "none of the 2 events can be stored; event 0: an event must be a JSON object",
      "error_code": "TELEMETRY_REJECTED",
      "request_id": "[id]"
    }
    "#);
    assert_eq!(desk.count("telemetry_batches").await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn who_sends_too_much_waits_and_keeps_nobody_from_working(db: PgPool) {
    let flags = [
        "--telemetry-batches-per-minute",
        "3",
        "--telemetry-events-per-minute",
        "5",
        "--writes-per-minute",
        "1",
    ];
    let app = TestApp::with(db.clone(), Clock::System, &flags).await;
    let client = app.client(Role::Planner);
    let send = async |id: &str, count: usize| {
        let events: Vec<Value> = (0..count).map(|_| json!({"type": "t"})).collect();
        let batch = json!({"events": events, "batchId": id, "timestamp": NOW});
        report(&client, &batch).await
    };
    assert_eq!(send("1", 5).await.status, StatusCode::OK);
    let too_many = send("2", 1).await;
    assert_eq!(too_many.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(too_many.body["error_code"], "RATE_LIMITED");
    assert!(too_many.headers.contains_key("retry-after"));
    send("3", 1).await;
    let too_often = send("4", 1).await;
    assert_eq!(too_often.status, StatusCode::TOO_MANY_REQUESTS);
    let policy = too_often.headers["ratelimit-policy"].to_str().unwrap();
    assert_eq!(policy, r#""telemetry";q=3;w=60"#);
    let other = app.client_of("org-1", "user-2", Role::Viewer);
    let batch = json!({"events": [{"type": "t"}], "batchId": "b", "timestamp": NOW});
    let answer = report(&other, &batch).await;
    assert_eq!(answer.status, StatusCode::OK);
    // The other limit is still unused.
    let (status, body) = client
        .post("/api/navi-memory/conversations", json!({"title": "t"}))
        .await;
    assert_eq!(status, StatusCode::OK, "{body:#}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn one_audit_entry_covers_a_persons_reports_of_a_minute(db: PgPool) {
    let desk = Desk::new(db).await;
    for n in 0..20 {
        desk.keep(&format!("b-{n}"), &[event("t", json!({}))]).await;
    }
    let begun = desk
        .rows(
            "select org_id, route, phase, actor from audit_records where route = '/api/telemetry'",
        )
        .await;
    insta::assert_json_snapshot!(begun, @r#"
    [
      {
        "actor": "user-1",
        "phase": "begun",
        "route": "/api/telemetry",
        "org_id": "org-1"
      }
    ]
    "#);
}
