//! What every stream tells clients and proxies.

use axum::http::{Method, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::jobs::desk::{Desk, nothing};
use crate::runs::stage::{says, script};
use crate::support::client::json_request;

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_stream_says_that_nobody_may_hold_it_back_and_when_to_come_again(db: PgPool) {
    let turns = (0..3).map(|_| says("Done."));
    let desk = Desk::new(db, script(turns)).await;
    let id = desk.create(nothing()).await;
    desk.ended(&id).await;
    let body = desk.stage.body("say something");
    let nothing = Value::Null;
    for (method, path, body) in [
        (Method::POST, "/api/navi/chat/autonomous".to_owned(), &body),
        (Method::POST, "/api/navi/chat/stream/v2".to_owned(), &body),
        (Method::GET, format!("/api/jobs/{id}/events"), &nothing),
        (Method::GET, format!("/api/navi/jobs/{id}/events"), &nothing),
    ] {
        let response = desk.client.send(json_request(method, &path, body)).await;
        let (parts, body) = response.into_parts();
        let headers = parts.headers;
        assert_eq!(headers[header::CONTENT_TYPE], "text/event-stream", "{path}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-cache, no-transform");
        assert_eq!(headers["x-accel-buffering"], "no");
        let text = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(text.to_vec()).unwrap();
        let retries = text.lines().filter(|line| line.starts_with("retry:"));
        assert_eq!(retries.collect::<Vec<_>>(), ["retry: 3000"], "{path}");
        assert!(
            text.starts_with("retry:") || text.starts_with(':'),
            "{path}: first"
        );
        assert!(text.ends_with("data: [DONE]\n\n"), "{path}");
    }
    let (_, not_found) = desk.client.get("/api/jobs/x/events").await;
    assert_eq!(not_found["error_code"], json!("VALIDATION_ERROR"));
}
