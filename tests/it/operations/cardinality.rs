//! The bound on the number of series, whatever is sent.

#![expect(
    clippy::print_stdout,
    reason = "how long a scrape takes is told and not judged"
)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use navi::auth::principal::Role;
use navi::ledger::model::{Call, CallId, CallPhase, Status};
use navi::llm::model::Usage;
use navi::platform::clock::Clock;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use sqlx::PgPool;

use crate::support::app::TestApp;
use crate::support::client::json_request;

/// Paths, models and names, of each so many.
const RANDOM: usize = 100_000;
/// The events of a batch.
const BATCH: usize = 1_000;

/// The service with every provider, so that as many models as may be have series of their own.
async fn crowded(db: PgPool) -> TestApp {
    let mut flags = vec![
        "--telemetry-events-per-minute",
        "0",
        "--telemetry-batches-per-minute",
        "0",
    ];
    for name in [
        "--anthropic-api-key",
        "--openai-api-key",
        "--openrouter-api-key",
        "--groq-api-key",
        "--google-api-key",
    ] {
        flags.extend([name, "not-a-key"]);
    }
    for name in ["--ollama-base-url", "--self-hosted-api-base-url"] {
        flags.extend([name, "http://127.0.0.1:9"]);
    }
    TestApp::with(db, Clock::System, &flags).await
}

fn word(random: &mut StdRng) -> String {
    let length = random.random_range(1..12);
    let letter = |_| char::from(random.random_range(b'a'..=b'z'));
    (0..length).map(letter).collect()
}

/// A path that was not sent before: of a route with an id, below one, or of none.
fn path(random: &mut StdRng) -> String {
    const ROUTES: &[&str] = &[
        "/api/navi-memory/conversations",
        "/api/jobs",
        "/api/connectors",
        "/api/audit",
        "/api/feedback/generations",
        "/api/telemetry/errors",
        "/health",
        "/metrics",
    ];
    let word = word(random);
    match random.random_range(0..3) {
        0 => format!("/{word}"),
        1 => format!("{}/{word}", ROUTES[random.random_range(0..ROUTES.len())]),
        _ => format!(
            "{}/{}/{word}?{word}=1",
            ROUTES[random.random_range(0..ROUTES.len())],
            random.random::<u64>()
        ),
    }
}

fn method(random: &mut StdRng) -> Method {
    let usual = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    match usual.get(random.random_range(0..=usual.len())) {
        Some(name) => name.parse().unwrap(),
        None => word(random).to_uppercase().parse().unwrap(),
    }
}

/// The series of a scrape.
async fn series(app: &TestApp) -> BTreeSet<String> {
    let (status, text) = app.stranger().get("/metrics").await;
    assert_eq!(status, StatusCode::OK);
    let samples = text.as_str().unwrap().lines();
    let samples = samples.filter(|line| !line.starts_with('#'));
    let series = samples.map(|line| line.rsplit_once(' ').unwrap().0.to_owned());
    series.collect()
}

async fn tell_how_long_a_scrape_takes(app: &TestApp) {
    let mut times = Vec::new();
    for _ in 0..50 {
        let began = Instant::now();
        app.stranger().get("/metrics").await;
        times.push(began.elapsed());
    }
    times.sort();
    println!("half of 50 scrapes take less than {:?}", times[25]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_hundred_thousand_paths_models_and_names_leave_at_most_two_thousand_series(db: PgPool) {
    let app = crowded(db).await;
    let before = series(&app).await;
    let mut random = StdRng::seed_from_u64(7);
    let (client, stranger) = (app.client(Role::Admin), app.stranger());
    for n in 0..RANDOM {
        let request = Request::builder()
            .method(method(&mut random))
            .uri(path(&mut random));
        let request = request.body(Body::empty()).unwrap();
        let sender = if n % 10 == 0 { &client } else { &stranger };
        sender.send(request).await;
    }
    let after_paths = series(&app).await;
    for _ in 0..RANDOM {
        app.app.ledger.record(call(&mut random));
    }
    let after_models = series(&app).await;
    assert_eq!(
        names(&after_models, &after_paths),
        [""; 0],
        "models have made series"
    );
    for batch in 0..RANDOM / BATCH {
        let events: Vec<_> = (0..BATCH)
            .map(|_| json!({"type": word(&mut random), "data": {"metric": word(&mut random), "value": 1}}))
            .collect();
        let batch = json!({"events": events, "batchId": format!("batch-{batch}")});
        let request = json_request(Method::POST, "/api/telemetry", &batch);
        assert_eq!(client.send(request).await.status(), StatusCode::OK);
    }
    let after = series(&app).await;
    assert_eq!(
        names(&after, &after_models),
        [""; 0],
        "events have made series"
    );
    tell_how_long_a_scrape_takes(&app).await;
    let made = names(&after, &before);
    println!(
        "{} series, {} of them made by the requests: {made:#?}",
        after.len(),
        made.len()
    );
    assert!(
        after.len() <= 2_000,
        "{} series, of them {made:#?}",
        after.len()
    );
}

/// The series that are new.
fn names<'a>(after: &'a BTreeSet<String>, before: &'a BTreeSet<String>) -> Vec<&'a str> {
    after.difference(before).map(String::as_str).collect()
}

fn call(random: &mut StdRng) -> Call {
    Call {
        call_id: CallId::new(&Clock::System),
        org_id: word(random).parse().unwrap(),
        user_id: word(random).parse().unwrap(),
        run_id: None,
        trace_id: None,
        session_id: None,
        phase: CallPhase::Chat,
        provider: word(random),
        model: word(random),
        usage: Some(Usage::default()),
        status: Status::Success,
        error_message: None,
        latency: Duration::from_secs(1),
        ttft: Some(Duration::from_millis(300)),
        created_at: Clock::System.now(),
        task_type: Some(word(random)),
    }
}
