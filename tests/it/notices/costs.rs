//! Thresholds of costs, and calls without a price.

use navi::auth::principal::Role;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::documents::read;
use crate::notices::sink::Sink;
use crate::notices::{office, send_all, webhook};
use crate::support::app::{ORG, TestApp};

/// A call that cost so much, at this time.
async fn spend(db: &PgPool, org: &str, dollars: Option<f64>, at: &str) {
    sqlx::query(
        "insert into llm_metrics (org_id, user_id, call_id, model, provider, phase, input_cost,
                                  output_cost, total_cost, created_at)
         values ($1, 'user-1', gen_random_uuid(), 'm', 'p', 'chat', $2::float8, 0 * $2::float8,
                 $2::float8, $3::timestamptz)",
    )
    .bind(org)
    .bind(dollars)
    .bind(at)
    .execute(db)
    .await
    .unwrap();
}

async fn look(app: &TestApp) -> u64 {
    // A large future within one of a test.
    Box::pin(app.app.notices.costs.look()).await.unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_threshold_is_told_once_by_hour_and_by_day_to_the_organisation_that_crossed_it(
    db: PgPool,
) {
    let flags = [
        "--notice-cost-hour-usd",
        "10",
        "--notice-cost-day-usd",
        "30",
    ];
    let app = office(db.clone(), &flags).await;
    let second = office(db.clone(), &flags).await;
    let (ours, theirs) = (Sink::start().await, Sink::start().await);
    let kinds = |url: &str| json!({"url": url, "events": ["cost.threshold_crossed"]});
    webhook(&app.client(Role::Admin), kinds(&ours.url)).await;
    let elsewhere = app.client_of("org-2", "user-1", Role::Admin);
    webhook(&elsewhere, kinds(&theirs.url)).await;
    spend(&db, ORG, Some(9.0), "2026-01-02T03:00:01Z").await;
    spend(&db, ORG, Some(25.0), "2026-01-02T01:00:00Z").await;
    spend(&db, "org-2", Some(0.5), "2026-01-02T03:00:02Z").await;
    spend(&db, ORG, Some(400.0), "2026-01-01T23:00:00Z").await;
    // The day is over its threshold, the hour is not yet, and yesterday is over for good.
    assert_eq!(look(&app).await, 1);
    spend(&db, ORG, Some(1.5), "2026-01-02T03:04:00Z").await;
    let both = tokio::join!(look(&app), look(&second));
    assert_eq!(both.0 + both.1, 1);
    assert_eq!(look(&app).await, 0);
    send_all(&app).await;
    let told: Vec<Value> = ours
        .received()
        .iter()
        .map(|one| one.json()["data"].clone())
        .collect();
    let expected = [
        json!({"window": "day", "since": "2026-01-02T00:00:00Z", "threshold_usd": 30,
               "cost_usd": 34.0, "links": {}}),
        json!({"window": "hour", "since": "2026-01-02T03:00:00Z", "threshold_usd": 10,
               "cost_usd": 10.5, "links": {}}),
    ];
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(expected.iter().all(|one| told.contains(one)), "{told:?}");
    assert_eq!(theirs.ids().len(), 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn calls_without_a_price_are_told_once_a_day_and_those_that_used_nothing_known_are_not(
    db: PgPool,
) {
    let app = office(db.clone(), &["--notice-cost-hour-usd", "0"]).await;
    let sink = Sink::start().await;
    let body = json!({"url": sink.url, "events": ["cost.price_unknown", "cost.threshold_crossed"]});
    webhook(&app.client(Role::Admin), body).await;
    spend(&db, ORG, None, "2026-01-02T03:00:01Z").await;
    sqlx::query("update llm_metrics set extra_metadata = '{\"usage_reported\": false}'")
        .execute(&db)
        .await
        .unwrap();
    spend(&db, ORG, Some(1_000.0), "2026-01-02T03:01:00Z").await;
    assert_eq!(look(&app).await, 0, "a threshold of zero tells nothing");
    spend(&db, ORG, None, "2026-01-02T03:02:00Z").await;
    assert_eq!(look(&app).await, 1);
    app.app.clock.advance(chrono::TimeDelta::hours(1));
    spend(&db, ORG, None, "2026-01-02T04:02:00Z").await;
    assert_eq!(look(&app).await, 0);
    send_all(&app).await;
    let told = sink.received();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].json()["type"], "cost.price_unknown");
    assert_eq!(told[0].json()["data"]["calls"], 1);
}

#[test]
fn the_thresholds_are_those_of_the_objectives() {
    let config = TestApp::config(&[]);
    let notices = &config.notices;
    let objectives = read("prometheus/slos.toml");
    for (name, usd) in [
        ("hour_usd", notices.notice_cost_hour_usd),
        ("day_usd", notices.notice_cost_day_usd),
    ] {
        let line = format!("\n{name} = {usd}\n");
        assert!(objectives.contains(&line), "{line}");
    }
}
