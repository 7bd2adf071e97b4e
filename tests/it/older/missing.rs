//! Addresses that older clients call and that do not exist.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use navi::auth::principal::Role;
use navi::http::openapi::walk;
use navi::http::router::document;
use sqlx::PgPool;

use crate::support::app::TestApp;
use crate::support::client::Client;

const NOTHING: &str = "there is nothing at this address; /openapi.json lists what there is";

async fn detail(client: &Client, method: &str, path: &str) -> String {
    let method: Method = method.parse().unwrap();
    let request = Request::builder().method(method).uri(path);
    let answer = client.answer(request.body(Body::empty()).unwrap()).await;
    let start: String = path.chars().take(80).collect();
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{start}");
    assert_eq!(answer.body["error_code"], "NOT_FOUND", "{start}");
    answer.body["detail"].as_str().unwrap().to_owned()
}

/// The route that a sentence names, without its method.
fn named(detail: &str) -> Option<&str> {
    let route = detail.split("the nearest is ").nth(1)?;
    let route = route.split(',').next()?;
    Some(route.rsplit(' ').next().unwrap())
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_address_of_an_older_client_leads_to_what_took_its_place(db: PgPool) {
    let app = TestApp::new(db).await;
    for (method, path, expected) in [
        (
            "GET",
            "/api/navi/memory/recent?user_id=default_user&limit=50",
            "GET /api/navi-memory/conversations",
        ),
        ("POST", "/api/events/ingest", "POST /api/telemetry"),
        ("GET", "/api/tasks", "GET /api/jobs"),
        ("GET", "/api/governance/audit", "GET /api/audit"),
        (
            "GET",
            "/api/governance/insights",
            "GET /api/feedback/insights",
        ),
        ("DELETE", "/api/navi/checkpoint", "GET /api/jobs/{job_id}"),
        (
            "POST",
            "/api/navi/checkpoint/sync",
            "GET /api/jobs/{job_id}",
        ),
        (
            "GET",
            "/api/navi/checkpoint/interrupted/list",
            "GET /api/jobs",
        ),
        (
            "POST",
            "/api/navi/process/stream",
            "POST /api/navi/chat/stream/v2",
        ),
        ("POST", "/api/users/sync", "GET /api/auth/me"),
        ("GET", "/api/advanced/health", "GET /health/ready"),
        // What was misspelled leads to what was probably meant.
        ("GET", "/api/job", "/api/jobs"),
        (
            "GET",
            "/api/navi/job/17/event",
            "/api/navi/jobs/{job_id}/events",
        ),
        (
            "GET",
            "/api/conversations",
            "/api/navi-memory/conversations",
        ),
        ("POST", "/api/feedback/sumbit", "/api/feedback/submit"),
    ] {
        let expected = format!(
            "there is nothing at this address; the nearest is {expected}, and /openapi.json lists all"
        );
        for client in [app.stranger(), app.client(Role::Admin)] {
            assert_eq!(detail(&client, method, path).await, expected, "{path}");
        }
    }
}

/// Addresses of older clients that have no counterpart, or another one.
const CALLED: &[&str] = &[
    "/api/advanced/db/seed",
    "/api/advanced/mcp/servers/7/test",
    "/api/ai/generate-diff",
    "/api/autonomous/tasks/7/steps",
    "/api/connectors/meet/sync",
    "/api/connectors/ui/config",
    "/api/context/task/7",
    "/api/extensions/marketplace/featured",
    "/api/github/pr/create",
    "/api/media/video/capabilities",
    "/api/navi/enterprise/projects/7/gates/8/decide",
    "/api/navi/repo/review/stream",
    "/api/plan/7/stream",
    "/api/review/stream",
    "/api/search",
];

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn no_answer_leads_nowhere(db: PgPool) {
    let app = TestApp::new(db).await;
    let document = document(&app.app);
    let served: BTreeSet<_> = walk(&document).iter().map(|route| route.path).collect();
    for path in CALLED {
        let detail = detail(&app.stranger(), "POST", path).await;
        match named(&detail) {
            Some(route) => assert!(served.contains(route), "{path}: {detail}"),
            None => assert_eq!(detail, NOTHING, "{path}"),
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_repeats_nothing_of_the_address_and_knows_no_ids(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let begun = serde_json::json!({"title": "mine"});
    let (_, begun) = client.post("/api/navi-memory/conversations", begun).await;
    let id = begun["id"].as_str().unwrap();
    let of = async |id: &str| {
        let path = format!("/api/navi-memory/conversations/{id}/secrets");
        detail(&app.stranger(), "GET", &path).await
    };
    let known = of(id).await;
    assert_eq!(known, of("01890a5d-ac96-774b-bcce-b302099a8057").await);
    assert!(!known.contains(id));
    let marked = "owl-1729";
    let long = format!("/api/jobs/7/{}", marked.repeat(2_000));
    let deep = format!("/api{}", format!("/{marked}").repeat(500));
    for path in [
        "/api/owl-1729",
        "/api/jobs/7/owl-1729",
        "/api/jobs/%3Cscript%3Eowl-1729/x/y",
        "/nowhere/owl-1729",
        "/api",
        "/api/",
        "//api//jobs",
        &long,
        &deep,
    ] {
        let detail = detail(&app.stranger(), "GET", path).await;
        assert!(!detail.contains("owl"), "{detail}");
        assert!(detail.len() < 200, "{detail}");
    }
    assert_eq!(detail(&client, "GET", &long).await, NOTHING);
    assert_eq!(detail(&client, "GET", "/nowhere/jobs").await, NOTHING);
}
