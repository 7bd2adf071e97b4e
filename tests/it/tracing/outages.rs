//! Collectors that are away, silent, broken or busy: what they cost is spans, and nothing else.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::PgPool;

use crate::llm_support::{RawServer, Step, answer};
use crate::runs::stage::{calls, says, script};
use crate::support::served::{Place, Served, url};
use crate::tracing::receiver::Receiver;

/// The longest wait for something that certainly comes. Machines may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

async fn spans(served: &Served, outcome: &str) -> u64 {
    let text = reqwest::get(format!("{}/metrics", served.url))
        .await
        .unwrap();
    let text = text.text().await.unwrap();
    let series = format!("navi_trace_spans_total{{outcome=\"{outcome}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&series));
    line.unwrap().parse().unwrap()
}

async fn until_some(served: &Served, outcome: &str) {
    let began = Instant::now();
    while spans(served, outcome).await == 0 {
        assert!(began.elapsed() < PATIENCE, "{}", served.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A server whose collector is here works as ever, and ends on request.
async fn works_with(db: &PgPool, collector: &str, lost: &str) {
    let script = script([
        calls(&[("list_directory", json!({"path": "."}))]),
        says("Done."),
    ]);
    let place = Place::new(&script, Some(&url(&db.connect_options())));
    let mut served = place
        .serve(&[
            "--otel-exporter-otlp-endpoint",
            collector,
            "--otel-bsp-schedule-delay",
            "1",
            "--otel-bsp-max-queue-size",
            "16",
        ])
        .await;
    let mut stream = served.begin("list the folder").await;
    stream.rest().await;
    assert!(stream.done, "the stream breaks off");
    let end = &stream.frames.last().unwrap().data;
    assert_eq!(end["summary"]["stopped_reason"], "completed", "{end}");
    until_some(&served, lost).await;
    assert_eq!(spans(&served, "sent").await, 0);
    served.signal(Signal::SIGTERM);
    assert_eq!(
        served.gone(Duration::from_secs(20)).await,
        Some(0),
        "{}",
        served.log()
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_collector_that_is_away_costs_spans_alone(db: PgPool) {
    // Nothing listens any more where something did.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    works_with(&db, &gone, "failed").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_collector_that_never_answers_costs_spans_alone(db: PgPool) {
    let silent = RawServer::start(vec![vec![Step::Hang]]).await;
    works_with(&db, silent.base.as_str(), "dropped").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_collector_that_fails_costs_spans_alone(db: PgPool) {
    let broken = RawServer::with(answer(500, "", "{}")).await;
    works_with(&db, broken.base.as_str(), "failed").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_collector_that_was_busy_gets_its_spans(db: PgPool) {
    let Some(receiver) = Receiver::start(2) else {
        return;
    };
    let place = Place::new(&script([says("Done.")]), Some(&url(&db.connect_options())));
    let flags = ["--otel-exporter-otlp-endpoint", &receiver.url];
    let mut served = place.serve(&flags).await;
    let (status, _) = served
        .post("/api/navi/chat", &json!({"message": "hello"}))
        .await;
    assert_eq!(status, 200);
    until_some(&served, "sent").await;
    assert_eq!(spans(&served, "failed").await, 0);
    assert_eq!(receiver.spans().named("POST /api/navi/chat").len(), 1);
    served.signal(Signal::SIGTERM);
    assert_eq!(served.gone(Duration::from_secs(20)).await, Some(0));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn without_a_collector_nothing_is_traced(db: PgPool) {
    let place = Place::new(&script([says("Done.")]), Some(&url(&db.connect_options())));
    let served = place.serve(&[]).await;
    let (status, _) = served
        .post("/api/navi/chat", &json!({"message": "hello"}))
        .await;
    assert_eq!(status, 200);
    for outcome in ["sent", "dropped", "failed"] {
        assert_eq!(spans(&served, outcome).await, 0);
    }
    assert!(
        !served.log().contains("traces are sent"),
        "{}",
        served.log()
    );
}
