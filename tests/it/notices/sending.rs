//! Sinks that fail, hang, babble, redirect and come back.

use std::time::Duration;

use axum::http::StatusCode;
use chrono::TimeDelta;
use navi::auth::principal::Role;
use navi::notices::store::claims;
use navi::notices::store::claims::Lane;
use navi::platform::ids::uuid_v7;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::notices::sink::{Mood, Sink};
use crate::notices::{deliveries, office, send_all, shown, tell, webhook, webhook_at};
use crate::support::app::TestApp;

/// Flags of a service that waits a second for a sink.
const QUICK: [&str; 2] = ["--webhook-timeout-seconds", "1"];

/// Longer than any pause between two attempts.
const LONG: TimeDelta = TimeDelta::hours(8);

fn later(app: &TestApp, by: TimeDelta) {
    app.app.clock.advance(by);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_sink_that_answers_500_gets_its_notice_once_when_it_is_back(db: PgPool) {
    let app = office(db, &[]).await;
    let sink = Sink::in_mood(Mood::Answers(500, None)).await;
    let (id, _) = webhook_at(&app, &sink.url).await;
    let notice = tell(&app).await.to_string();
    assert_eq!(send_all(&app).await, 1);
    assert_eq!(send_all(&app).await, 0, "it is not asked again at once");
    let failing = shown(&app, &id).await;
    assert_eq!(failing["last_error"], "answered 500");
    assert_eq!(
        (&failing["failures"], &failing["pending"]),
        (&json!(1), &json!(1))
    );
    later(&app, TimeDelta::seconds(7));
    assert_eq!(send_all(&app).await, 1, "the first pause is five seconds");
    later(&app, TimeDelta::seconds(7));
    assert_eq!(send_all(&app).await, 0, "the second is longer");
    sink.answers(204);
    later(&app, LONG);
    assert_eq!(send_all(&app).await, 1);
    later(&app, LONG);
    assert_eq!(send_all(&app).await, 0, "it has it");
    assert_eq!(sink.ids(), [notice.clone(), notice.clone(), notice]);
    let bodies: Vec<_> = sink.received().iter().map(|one| one.body.clone()).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    let back = shown(&app, &id).await;
    assert_eq!(
        (&back["failures"], &back["last_error"]),
        (&json!(0), &Value::Null)
    );
    assert!(back["last_delivery_at"].is_string(), "{back}");
    let sent = &deliveries(&app, &id, "").await[0];
    assert_eq!(
        (&sent["state"], &sent["attempts"]),
        (&json!("delivered"), &json!(3))
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_sink_that_says_when_to_come_again_is_not_asked_before(db: PgPool) {
    let app = office(db, &[]).await;
    let asked = Some(("retry-after", "3600".to_owned()));
    let sink = Sink::in_mood(Mood::Answers(503, asked)).await;
    webhook_at(&app, &sink.url).await;
    tell(&app).await;
    send_all(&app).await;
    sink.answers(204);
    later(&app, TimeDelta::minutes(59));
    assert_eq!(send_all(&app).await, 0);
    later(&app, TimeDelta::minutes(2));
    assert_eq!(send_all(&app).await, 1);
    assert_eq!(sink.ids().len(), 2);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn redirects_are_not_followed_inward_or_anywhere(db: PgPool) {
    let app = office(db, &[]).await;
    let (inward, elsewhere) = (Sink::start().await, Sink::start().await);
    for (status, target) in [(302, &inward), (307, &elsewhere), (308, &inward)] {
        let location = Some(("location", target.url.clone()));
        let sink = Sink::in_mood(Mood::Answers(status, location)).await;
        let (id, _) = webhook_at(&app, &sink.url).await;
        tell(&app).await;
        send_all(&app).await;
        assert_eq!(sink.ids().len(), 1);
        let error = shown(&app, &id).await["last_error"].clone();
        assert_eq!(
            error,
            format!("answered {status}, and redirects are not followed")
        );
    }
    assert_eq!((inward.ids().len(), elsewhere.ids().len()), (0, 0));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_sink_that_hangs_is_given_up_on_for_now_and_one_that_never_stops_is_not_read(db: PgPool) {
    let app = office(db, &QUICK).await;
    let hangs = Sink::in_mood(Mood::Hangs).await;
    let babbles = Sink::in_mood(Mood::Babbles).await;
    let (hanging, _) = webhook_at(&app, &hangs.url).await;
    let (babbling, _) = webhook_at(&app, &babbles.url).await;
    let notice = tell(&app).await.to_string();
    assert_eq!(send_all(&app).await, 2);
    assert_eq!(
        shown(&app, &hanging).await["last_error"],
        "no answer in time"
    );
    let babbling = shown(&app, &babbling).await;
    assert!(babbling["last_delivery_at"].is_string(), "{babbling}");
    hangs.release();
    later(&app, LONG);
    assert_eq!(send_all(&app).await, 1);
    assert_eq!(hangs.ids(), [notice.clone(), notice]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_sink_that_hangs_delays_no_other_and_gets_one_request_at_a_time(db: PgPool) {
    let app = office(db.clone(), &["--webhook-timeout-seconds", "30"]).await;
    let second = office(db, &["--webhook-timeout-seconds", "30"]).await;
    let hangs = Sink::in_mood(Mood::Hangs).await;
    let well = Sink::start().await;
    webhook_at(&app, &hangs.url).await;
    webhook_at(&app, &well.url).await;
    for _ in 0..5 {
        tell(&app).await;
    }
    for server in [&app, &second] {
        server.app.notices.dispatcher.start(&server.app.tasks);
    }
    let received = well.until(5).await;
    assert_eq!(hangs.until(1).await.len(), 1);
    hangs.release();
    hangs.until(5).await;
    assert_eq!((hangs.busiest(), well.busiest()), (1, 1));
    let mut ids: Vec<_> = received.iter().map(|one| one.id().to_owned()).collect();
    let mut others = hangs.ids();
    ids.sort();
    others.sort();
    assert_eq!(ids, others, "each notice came once to each");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn two_servers_send_every_notice_once(db: PgPool) {
    let app = office(db.clone(), &[]).await;
    let second = office(db, &[]).await;
    let sink = Sink::start().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        webhook_at(&app, &sink.url).await;
    }
    for _ in 0..10 {
        ids.push(tell(&app).await.to_string());
    }
    let both = tokio::join!(send_all(&app), send_all(&second));
    assert_eq!(both.0 + both.1, 40);
    let mut received = sink.ids();
    received.sort();
    let mut expected = [ids.clone(), ids.clone(), ids.clone(), ids].concat();
    expected.sort();
    assert_eq!(received, expected);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_a_lost_server_had_claimed_is_sent_when_its_claim_has_ended(db: PgPool) {
    let app = office(db.clone(), &[]).await;
    let sink = Sink::start().await;
    webhook_at(&app, &sink.url).await;
    tell(&app).await;
    let claim = async |lasts| {
        let (id, at) = (uuid_v7(&app.app.clock), app.app.clock.now());
        let mut conn = db.acquire().await.unwrap();
        claims::claim(&mut conn, Lane::Healthy, id, lasts, at)
            .await
            .unwrap()
    };
    assert!(claim(Duration::from_hours(1)).await.is_some());
    assert!(
        claim(Duration::from_hours(1)).await.is_none(),
        "it is taken"
    );
    assert_eq!(send_all(&app).await, 0);
    sqlx::query("update webhooks set claimed_until = clock_timestamp() - interval '1 second'")
        .execute(&db)
        .await
        .unwrap();
    assert_eq!(send_all(&app).await, 1);
    assert_eq!(sink.ids().len(), 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_sink_that_is_gone_disables_its_webhook_and_the_others_are_told(db: PgPool) {
    let app = office(db, &[]).await;
    let gone = Sink::in_mood(Mood::Answers(410, None)).await;
    let other = Sink::start().await;
    let (id, _) = webhook_at(&app, &gone.url).await;
    let admin = app.client(Role::Admin);
    let events = json!({"url": other.url, "events": ["webhook.disabled"]});
    webhook(&admin, events).await;
    tell(&app).await;
    tell(&app).await;
    send_all(&app).await;
    assert_eq!(gone.ids().len(), 1);
    let disabled = shown(&app, &id).await;
    assert_eq!(
        (&disabled["state"], &disabled["dead"]),
        (&json!("disabled"), &json!(2))
    );
    let told = other.received();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].json()["type"], "webhook.disabled");
    assert_eq!(told[0].json()["data"]["webhook_id"], id.as_str());
    // Nothing is written for it any more, and what is dead stays so.
    tell(&app).await;
    let dead = deliveries(&app, &id, "").await;
    assert_eq!(dead.len(), 2);
    // Newest first; the receiver was asked about the older one alone.
    let attempts: Vec<_> = dead.iter().map(|one| &one["attempts"]).collect();
    assert_eq!(attempts, [&json!(0), &json!(1)]);
    assert!(dead[0]["last_attempt_at"].is_null(), "{}", dead[0]);
    assert!(dead[1]["last_attempt_at"].is_string(), "{}", dead[1]);
    assert!(
        dead[1]["last_error"].as_str().unwrap().contains("410"),
        "{}",
        dead[1]
    );
    let retry = format!(
        "/api/webhooks/{id}/deliveries/{}/retry",
        dead[0]["id"].as_str().unwrap()
    );
    let (status, problem) = admin.post(&retry, json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["error_code"], "WEBHOOK_DISABLED");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn after_a_day_a_notice_is_dead_and_is_sent_again_by_hand(db: PgPool) {
    let app = office(db, &[]).await;
    let sink = Sink::in_mood(Mood::Answers(500, None)).await;
    let (id, _) = webhook_at(&app, &sink.url).await;
    let began = app.app.clock.now();
    let notice = tell(&app).await.to_string();
    let mut attempts = 0;
    while deliveries(&app, &id, "?state=dead").await.is_empty() {
        attempts += send_all(&app).await;
        later(&app, TimeDelta::minutes(10));
        assert!(
            app.app.clock.now() - began < TimeDelta::hours(40),
            "{attempts}"
        );
    }
    assert!(app.app.clock.now() - began > TimeDelta::hours(20));
    assert!((8..=12).contains(&attempts), "{attempts}");
    assert_eq!(shown(&app, &id).await["dead"], 1);
    later(&app, LONG);
    assert_eq!(send_all(&app).await, 0);

    sink.answers(200);
    let path = format!("/api/webhooks/{id}/deliveries/{notice}/retry");
    let (status, revived) = app.client(Role::Admin).post(&path, json!({})).await;
    assert_eq!(status, StatusCode::OK, "{revived}");
    assert_eq!(
        (&revived["state"], &revived["attempts"]),
        (&json!("pending"), &json!(0))
    );
    assert_eq!(send_all(&app).await, 1, "the webhook does not wait");
    assert_eq!(sink.ids().last(), Some(&notice));
    assert_eq!(shown(&app, &id).await["dead"], 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_piles_up_for_a_sink_that_is_away_for_days_is_given_up_by_age(db: PgPool) {
    let app = office(db, &[]).await;
    let sink = Sink::in_mood(Mood::Answers(500, None)).await;
    let (id, _) = webhook_at(&app, &sink.url).await;
    for _ in 0..50 {
        tell(&app).await;
    }
    send_all(&app).await;
    later(&app, TimeDelta::hours(25));
    tell(&app).await;
    send_all(&app).await;
    let shown = shown(&app, &id).await;
    assert_eq!((&shown["dead"], &shown["pending"]), (&json!(50), &json!(1)));
    assert!(
        sink.ids().len() < 5,
        "each was not tried: {}",
        sink.ids().len()
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_deleted_webhook_gets_nothing_more(db: PgPool) {
    let app = office(db.clone(), &[]).await;
    let sink = Sink::start().await;
    let (id, _) = webhook_at(&app, &sink.url).await;
    tell(&app).await;
    let admin = app.client(Role::Admin);
    admin.delete(&format!("/api/webhooks/{id}")).await;
    assert_eq!(send_all(&app).await, 0);
    let left: i64 = sqlx::query_scalar("select count(*) from notice_deliveries")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!((left, sink.ids().len()), (0, 0));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_webhook_that_is_deleted_meanwhile_does_not_fail_what_is_told(db: PgPool) {
    let app = office(db.clone(), &[]).await;
    let sink = Sink::start().await;
    webhook_at(&app, &sink.url).await;
    let mut deleting = db.begin().await.unwrap();
    sqlx::query("delete from webhooks")
        .execute(&mut *deleting)
        .await
        .unwrap();
    let telling = async {
        tell(&app).await;
    };
    let commit = async {
        // The teller waits for the row by now, or begins after it is gone: both must do.
        tokio::task::yield_now().await;
        deleting.commit().await.unwrap();
    };
    tokio::join!(telling, commit);
    assert_eq!(send_all(&app).await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn attempts_and_dead_notices_are_counted(db: PgPool) {
    let app = office(db, &[]).await;
    let (well, gone) = (
        Sink::start().await,
        Sink::in_mood(Mood::Answers(410, None)).await,
    );
    webhook_at(&app, &well.url).await;
    webhook_at(&app, &gone.url).await;
    tell(&app).await;
    send_all(&app).await;
    let text = app.app.metrics.render().unwrap();
    for line in [
        "navi_notice_attempts_total{outcome=\"delivered\"} 2",
        "navi_notice_attempts_total{outcome=\"failed\"} 1",
        "navi_notices_dead_total 1",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}
