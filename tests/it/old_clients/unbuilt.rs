//! Requests for features that are not built.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use navi::auth::principal::Role;
use navi::http::openapi::walk;
use navi::http::router::document;
use serde_json::json;
use sqlx::PgPool;

use crate::support::app::TestApp;

/// Each request as its client sends it, and a word that says what there is instead.
const ASKED: &[(&str, &str, &str, &str)] = &[
    ("GET", "/api/org/scan/status", "", "in the chat instead"),
    (
        "POST",
        "/api/org/scan/run?workspace_root=%2Fhome%2Fada%2Fproject",
        "",
        "in the chat instead",
    ),
    (
        "POST",
        "/api/org/scan/consent?allow_secrets=false",
        "",
        "in the chat instead",
    ),
    ("POST", "/api/org/scan/pause", "", "in the chat instead"),
    ("POST", "/api/org/scan/resume", "", "in the chat instead"),
    ("POST", "/api/org/scan/revoke", "{}", "in the chat instead"),
    ("GET", "/api/advanced/mcp/tools", "", "tools of its own"),
    ("GET", "/api/advanced/mcp/servers", "", "tools of its own"),
    (
        "POST",
        "/api/advanced/mcp/servers",
        r#"{"name": "s", "url": "https://a.example"}"#,
        "tools of its own",
    ),
    (
        "PATCH",
        "/api/advanced/mcp/servers/7",
        r#"{"enabled": false}"#,
        "tools of its own",
    ),
    (
        "DELETE",
        "/api/advanced/mcp/servers/7",
        "",
        "tools of its own",
    ),
    (
        "POST",
        "/api/advanced/mcp/servers/7/test",
        "",
        "tools of its own",
    ),
    (
        "POST",
        "/api/advanced/mcp/execute?tool_name=git_bisect&approved=true",
        r#"{"repo": "."}"#,
        "tools of its own",
    ),
    (
        "GET",
        "/api/connectors/github/oauth/start?install=org",
        "",
        "make a personal token",
    ),
    (
        "GET",
        "/api/connectors/zoom/oauth/start?install=user&ui_origin=https%3A%2F%2Fa.example",
        "",
        "make a personal token",
    ),
    ("GET", "/api/analytics/usage?days=30", "", "llm_metrics"),
    ("GET", "/api/analytics/org?days=30", "", "llm_metrics"),
];

fn request(method: &str, path: &str, body: &str) -> Request<Body> {
    let method: Method = method.parse().unwrap();
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_is_not_built_says_so_and_what_there_is_instead(db: PgPool) {
    let app = TestApp::new(db).await;
    for (method, path, body, instead) in ASKED {
        let client = app.client(Role::Viewer);
        let answer = client.answer(request(method, path, body)).await;
        assert_eq!(answer.status, StatusCode::NOT_IMPLEMENTED, "{path}");
        assert_eq!(answer.headers["x-error-code"], "NOT_BUILT");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains("not built"), "{path}: {detail}");
        assert!(detail.contains(instead), "{path}: {detail}");
        assert!(!detail.contains("  "), "{path}: {detail}");
        let stranger = app.stranger().answer(request(method, path, body)).await;
        assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let (_, metrics) = app.stranger().get("/metrics").await;
    let counted = "http_requests_total{method=\"GET\",path=\"<not built>\",status=\"501\"} 7";
    assert!(metrics.as_str().unwrap().contains(counted));
    let document = document(&app.app);
    let described = walk(&document).into_iter().filter(|route| {
        let mut statuses = route.statuses();
        statuses.any(|status| status == "501")
    });
    // `github` and `zoom` are one route.
    assert_eq!(described.count(), ASKED.len() - 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_request_for_what_is_not_built_is_audited_as_refused(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    client.get("/api/org/scan/status").await;
    client.post("/api/org/scan/run", json!({})).await;
    let (_, page) = app.client(Role::Admin).get("/api/audit").await;
    let entries = page["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "reading is no entry: {page}");
    assert_eq!(entries[0]["status_code"], 501);
    assert_eq!(entries[0]["outcome"], "refused");
}
