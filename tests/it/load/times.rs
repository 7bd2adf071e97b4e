//! Times count from when a request was to be sent.

#![expect(
    clippy::disallowed_methods,
    reason = "a test is a server that answers late"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Barrier;

use crate::load::program::LoadDesk;

/// The requests of a load at fifty a second: one at a whole second comes too late.
const REQUESTS: usize = 49;

/// A server that takes events, each batch after it has waited.
async fn server(
    wait: impl Fn() -> BoxFuture<'static, ()> + Clone + Send + Sync + 'static,
) -> String {
    let stored = Arc::new(AtomicU64::new(0));
    let counted = stored.clone();
    let metrics = move || {
        let count = counted.load(Ordering::Relaxed);
        async move { format!("navi_telemetry_events_total{{outcome=\"stored\"}} {count}\n") }
    };
    let answer = move || {
        let (waiting, stored) = (wait(), stored.clone());
        async move {
            waiting.await;
            stored.fetch_add(10, Ordering::Relaxed);
            r#"{"success": true, "eventsPersisted": 10}"#
        }
    };
    let router = Router::new()
        .route("/api/auth/me", get(async || r#"{"org_id": "acme"}"#))
        .route("/metrics", get(metrics))
        .route("/api/telemetry", post(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// The answers to a second's load of that server, with so many requests at once.
async fn answers(server: &str, seats: &str) -> Value {
    let arguments = "--token anything --scenario telemetry --spacing even --users 1 --most-users 1 \
                     --pace 50 --seconds 1 --warm-up 0";
    let mut all: Vec<&str> = arguments.split_whitespace().collect();
    all.extend(["--server", server, "--seats", seats]);
    let (outcome, report) = LoadDesk::new().measure(&all).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let action = &report["stages"][0]["actions"][0];
    assert_eq!(action["offered"], REQUESTS);
    assert_eq!(action["good"], REQUESTS);
    action["times"]["answer"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_counts_from_when_the_request_was_to_be_sent() {
    let late =
        || -> BoxFuture<'static, ()> { Box::pin(tokio::time::sleep(Duration::from_millis(100))) };
    let answers = answers(&server(late).await, "1").await;
    // Each takes 100 ms, and one is due every 20 ms. One at a time, the 25th is answered 2.5 s after the
    // first was sent, and was due after 0.5 s.
    let middle = answers["ms"]["p50"].as_f64().unwrap();
    assert!(middle >= 1_900.0, "{middle} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_no_answer_to_another() {
    // This server answers none before it was asked by all.
    let all = Arc::new(Barrier::new(REQUESTS));
    let together = move || -> BoxFuture<'static, ()> {
        let all = all.clone();
        Box::pin(async move {
            all.wait().await;
        })
    };
    let answers = answers(&server(together).await, "1000").await;
    // The first waited nearly a second for the last.
    let most = answers["ms"]["max"].as_f64().unwrap();
    assert!(most >= 900.0, "{most} ms");
}
