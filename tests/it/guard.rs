//! The host that every request has to name, and the headers of every answer for browsers and caches.

use std::time::Duration;

use axum::http::{StatusCode, header};
use navi::auth::principal::Role;
use sqlx::PgPool;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::app::TestApp;
use crate::support::client::json_request;
use crate::support::wire::{listen, until_closed};

/// Sends a head as it is, and reads what is answered until the connection is closed.
async fn exchange(address: std::net::SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    until_closed(&mut stream).await
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_request_that_does_not_name_one_host_is_refused(db: PgPool) {
    let app = TestApp::new(db).await;
    let (address, _stop) = listen(&app, Duration::from_mins(1)).await;
    for head in [
        "GET /ping HTTP/1.1",
        "GET /ping HTTP/1.0",
        "GET /ping HTTP/1.1\r\nHost: a\r\nHost: a",
        "GET /ping HTTP/1.1\r\nHost: a\r\nX: y\r\nhost: b",
        "GET /ping HTTP/1.0\r\nHost: a\r\nHost: b",
        "GET /ping HTTP/1.1\r\nHost: a b",
        "GET /ping HTTP/1.1\r\nHost: a, b",
        "GET /ping HTTP/1.1\r\nHost: u@a",
        "GET http://a/ping HTTP/1.1",
        "GET http://a/ping HTTP/1.1\r\nHost: b",
        "GET /ping HTTP/1.1\r\nHost: a:99999",
        "POST /api/jobs HTTP/1.1\r\nContent-Length: 0",
    ] {
        let said = exchange(address, head).await;
        let (_, rest) = said.split_once(' ').unwrap();
        assert!(rest.starts_with("400 "), "{head:?}: {said}");
        assert!(said.contains("HOST_INVALID"), "{head:?}: {said}");
        assert!(said.contains("x-request-id: "), "{head:?}: {said}");
        assert!(said.contains("connection: close"), "{head:?}: {said}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn probes_that_name_a_host_reach_what_they_ask_for(db: PgPool) {
    let app = TestApp::new(db).await;
    let (address, _stop) = listen(&app, Duration::from_mins(1)).await;
    for (version, host) in [
        ("1.1", "a"),
        ("1.0", "a"),
        ("1.1", "10.0.0.7:8787"),
        ("1.1", "[::1]:8787"),
        ("1.1", ""),
    ] {
        for path in ["/health/live", "/health/ready", "/metrics", "/ping"] {
            let head = format!("GET {path} HTTP/{version}\r\nHost: {host}");
            let said = exchange(address, &head).await;
            let (_, rest) = said.split_once(' ').unwrap();
            assert!(rest.starts_with("200 "), "{head:?}: {said}");
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_answer_is_what_its_type_says_and_private_ones_are_kept_nowhere(db: PgPool) {
    let app = TestApp::new(db).await;
    let (viewer, stranger) = (app.client(Role::Viewer), app.stranger());
    for (client, method, path, private) in [
        (&viewer, "GET", "/api/auth/me", true),
        (&viewer, "GET", "/api/navi-memory/conversations", true),
        (&viewer, "GET", "/api/models", true),
        (&viewer, "GET", "/api/nowhere", true),
        (&viewer, "DELETE", "/api/auth/me", true),
        (&stranger, "GET", "/api/auth/me", true),
        (&stranger, "GET", "/api/telemetry/health", false),
        (&stranger, "GET", "/ping", false),
        (&stranger, "GET", "/version", false),
        (&stranger, "GET", "/metrics", false),
        (&stranger, "GET", "/openapi.json", false),
        (&stranger, "GET", "/nowhere", false),
    ] {
        let method = method.parse().unwrap();
        let request = json_request(method, path, &serde_json::Value::Null);
        let headers = client.answer(request).await.headers;
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer", "{path}");
        let kept = headers.get(header::CACHE_CONTROL);
        if private {
            assert_eq!(kept.unwrap(), "no-store", "{path}");
        } else {
            assert_eq!(kept, None, "{path}");
        }
    }
    // The state of a moment is kept nowhere either, and says so itself.
    let request = json_request(
        "GET".parse().unwrap(),
        "/health/live",
        &serde_json::Value::Null,
    );
    let answer = stranger.answer(request).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_refusal_over_a_connection_has_the_headers_too(db: PgPool) {
    let app = TestApp::new(db).await;
    let (address, _stop) = listen(&app, Duration::from_mins(1)).await;
    for head in [
        "GET /api/auth/me HTTP/1.1\r\nHost: a",
        "GET /api/auth/me HTTP/1.1",
    ] {
        let said = exchange(address, head).await;
        for line in [
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(said.contains(line), "{head:?}: {said}");
        }
    }
}
