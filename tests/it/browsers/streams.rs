//! The headers and frames of every stream, for clients and proxies.

use axum::http::{Method, header};
use http_body_util::BodyExt;
use navi::http::openapi::walk;
use navi::http::router::document;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::jobs::desk::{Desk, nothing};
use crate::runs::stage::{says, script};
use crate::support::client::json_request;

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_stream_forbids_proxies_to_hold_it_back_and_says_when_to_come_again(db: PgPool) {
    let turns = (0..8).map(|_| says("Done."));
    let desk = Desk::new(db, script(turns)).await;
    let id = desk.create(nothing()).await;
    desk.ended(&id).await;
    let message = desk.stage.body("say something");
    let document = document(&desk.stage.app.app);
    let text = serde_json::to_value(&document).unwrap();
    let mut streams = 0;
    for route in walk(&document) {
        let operation = &text["paths"][route.path][route.method.to_ascii_lowercase()];
        if !operation["responses"]["200"]["content"]["text/event-stream"].is_object() {
            continue;
        }
        streams += 1;
        let method: Method = route.method.parse().unwrap();
        let path = route.path.replace("{job_id}", &id);
        let body = if method == Method::GET {
            &Value::Null
        } else {
            &message
        };
        let response = desk.client.send(json_request(method, &path, body)).await;
        let (parts, body) = response.into_parts();
        let headers = parts.headers;
        assert_eq!(headers[header::CONTENT_TYPE], "text/event-stream", "{path}");
        assert_eq!(
            headers[header::CACHE_CONTROL],
            "no-cache, no-store, no-transform"
        );
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
    assert_eq!(streams, 7);
    let (_, not_found) = desk.client.get("/api/jobs/x/events").await;
    assert_eq!(not_found["error_code"], json!("JOB_NOT_FOUND"));
}
