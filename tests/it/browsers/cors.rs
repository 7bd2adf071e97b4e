//! Which pages may send what, and read what.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use navi::auth::principal::Role;
use navi::http::openapi::walk;
use navi::http::router::document;
use navi::platform::clock::Clock;
use serde_json::json;
use sqlx::PgPool;

use crate::support::app::TestApp;
use crate::support::client::{Answer, Client, json_request};

const WEBVIEW: &str = "vscode-webview://0a1b2c3d-e4f5";
const CONVERSATIONS: &str = "/api/navi-memory/conversations";
const CORS: [&str; 3] = [
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-expose-headers",
];

async fn app(db: PgPool, flags: &[&str]) -> TestApp {
    TestApp::with(db, Clock::System, flags).await
}

/// The preflight of a browser before a page of this origin sends a request.
async fn preflight(app: &TestApp, origin: &str, path: &str, more: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder()
        .method(Method::OPTIONS)
        .uri(path)
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    app.stranger().answer(request).await
}

/// A request of a page of this origin.
async fn from_page(
    client: &Client,
    origin: &str,
    method: Method,
    path: &str,
    body: &serde_json::Value,
) -> Answer {
    let mut request = json_request(method, path, body);
    let origin = origin.parse().unwrap();
    request.headers_mut().insert(header::ORIGIN, origin);
    client.answer(request).await
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// True if an answer is for a page of this origin, and for no other.
fn is_for(answer: &Answer, origin: &str) -> bool {
    let vary = answer.headers.get_all(header::VARY).iter();
    let varies = vary.filter(|value| value.to_str().unwrap().contains("Origin"));
    assert_eq!(varies.count(), 1, "{:?}", answer.headers);
    let credentials = answer.headers.get("access-control-allow-credentials");
    assert_eq!(credentials, None, "credentials are not needed");
    let named = text(&answer.headers, "access-control-allow-origin");
    assert!(named.is_empty() || named == origin, "{named}");
    named == origin
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_preflight_of_every_route_is_answered_before_a_token_is_asked_for(db: PgPool) {
    let app = app(db.clone(), &[]).await;
    let records = "select count(*) from audit_records";
    let before: i64 = sqlx::query_scalar(records).fetch_one(&db).await.unwrap();
    let document = document(&app.app);
    let routes = walk(&document);
    let paths = routes
        .iter()
        .map(|route| route.path.replace(['{', '}'], ""));
    for path in paths.chain(["/nowhere".to_owned()]) {
        let answer = preflight(&app, WEBVIEW, &path, &[]).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{path}");
        assert!(is_for(&answer, WEBVIEW), "{path}");
        let methods = text(&answer.headers, "access-control-allow-methods");
        for route in &routes {
            assert!(methods.contains(route.method), "{}", route.method);
        }
        assert_eq!(text(&answer.headers, "access-control-max-age"), "7200");
    }
    let after: i64 = sqlx::query_scalar(records).fetch_one(&db).await.unwrap();
    assert_eq!(before, after, "a preflight changes nothing");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_page_may_send_every_header_that_is_one(db: PgPool) {
    let app = app(db, &[]).await;
    let asked = "authorization,content-type,content-encoding,idempotency-key,last-event-id,\
                 x-request-id,traceparent,x-org-id,x-user-id,accept,sentry-trace";
    let name = "access-control-request-headers";
    let answer = preflight(&app, WEBVIEW, "/api/jobs", &[(name, asked)]).await;
    assert_eq!(text(&answer.headers, "access-control-allow-headers"), asked);
    let vary = text(&answer.headers, "vary");
    assert!(vary.contains("Access-Control-Request-Headers"), "{vary}");
    let many = vec!["x-a"; 65].join(",");
    for bad in ["a b", "a,,b", "", "x-a, (", &many] {
        let answer = preflight(&app, WEBVIEW, "/api/jobs", &[(name, bad)]).await;
        let allowed = answer.headers.get("access-control-allow-headers");
        assert_eq!(allowed, None, "{bad}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_page_of_a_public_network_may_reach_a_private_one_only_where_it_may_read(db: PgPool) {
    let app = app(db, &[]).await;
    let asks = [("access-control-request-private-network", "true")];
    let may = |answer: &Answer| {
        answer
            .headers
            .get("access-control-allow-private-network")
            .cloned()
    };
    let answer = preflight(&app, WEBVIEW, "/api/jobs", &asks).await;
    assert_eq!(may(&answer).unwrap(), "true");
    let unasked = preflight(&app, WEBVIEW, "/api/jobs", &[]).await;
    assert_eq!(may(&unasked), None);
    let foreign = preflight(&app, "https://evil.example", "/api/jobs", &asks).await;
    assert_eq!(may(&foreign), None);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_foreign_page_gets_no_header_and_its_preflight_a_problem(db: PgPool) {
    let app = app(db, &[]).await;
    let planner = app.client(Role::Planner);
    for origin in [
        "https://evil.example",
        "http://localhost:3000",
        "null",
        "file://",
        "*",
    ] {
        let answer = preflight(&app, origin, "/api/jobs", &[]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin}");
        assert_eq!(answer.body["error_code"], "ORIGIN_NOT_ALLOWED");
        let read = from_page(&planner, origin, Method::GET, "/api/jobs", &json!(null)).await;
        assert_eq!(read.status, StatusCode::OK, "the page does not see it");
        for answer in [answer, read] {
            assert!(!is_for(&answer, origin), "{origin}");
            for name in CORS {
                assert_eq!(answer.headers.get(name), None, "{origin}: {name}");
            }
        }
    }
    let twice = Request::get("/api/jobs")
        .header(header::ORIGIN, WEBVIEW)
        .header(header::ORIGIN, "https://evil.example");
    let answer = planner.answer(twice.body(Body::empty()).unwrap()).await;
    assert!(!is_for(&answer, WEBVIEW));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn options_without_a_page_is_no_preflight(db: PgPool) {
    let app = app(db, &[]).await;
    for (origin, method) in [(None, Some("POST")), (Some(WEBVIEW), None), (None, None)] {
        let mut request = Request::builder().method(Method::OPTIONS).uri("/ping");
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        if let Some(method) = method {
            request = request.header(header::ACCESS_CONTROL_REQUEST_METHOD, method);
        }
        let request = request.body(Body::empty()).unwrap();
        let answer = app.stranger().answer(request).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_answer_can_be_read_by_an_allowed_page_whatever_it_says(db: PgPool) {
    let app = app(db, &["--writes-per-minute=4"]).await;
    let (viewer, admin) = (app.client(Role::Viewer), app.client(Role::Admin));
    let stranger = app.stranger();
    let (get, post) = (Method::GET, Method::POST);
    let large = json!({"title": "x".repeat(2 << 20)});
    let nothing = json!(null);
    let mut found = Vec::new();
    for (client, method, path, body) in [
        (&viewer, &get, CONVERSATIONS, &nothing),
        (&stranger, &get, CONVERSATIONS, &nothing),
        (&viewer, &get, "/api/audit", &nothing),
        (&viewer, &get, "/nowhere", &nothing),
        (&viewer, &Method::PUT, CONVERSATIONS, &nothing),
        (&viewer, &post, CONVERSATIONS, &large),
        (&viewer, &post, CONVERSATIONS, &json!({"title": [1]})),
        (&viewer, &post, CONVERSATIONS, &json!({})),
        (&viewer, &post, CONVERSATIONS, &json!({})),
    ] {
        let answer = from_page(client, WEBVIEW, method.clone(), path, body).await;
        assert!(is_for(&answer, WEBVIEW), "{method} {path}");
        let exposed = text(&answer.headers, "access-control-expose-headers").to_lowercase();
        // Browsers show the type and the length of every answer.
        for name in answer.headers.keys().filter(|name| {
            let name = name.as_str();
            !name.starts_with("access-control-")
                && !["vary", "content-type", "content-length", "allow"].contains(&name)
        }) {
            let listed = exposed.split(", ").any(|listed| listed == name.as_str());
            assert!(listed, "{method} {path}: {name} is hidden");
        }
        found.push(answer.status.as_u16());
    }
    assert_eq!(found, [200, 401, 403, 404, 405, 413, 422, 200, 429]);
    app.app.db.close().await;
    let failed = from_page(&admin, WEBVIEW, get, "/api/jobs", &nothing).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(is_for(&failed, WEBVIEW));
    let unasked = admin
        .answer(json_request(Method::GET, "/ping", &nothing))
        .await;
    assert!(!is_for(&unasked, WEBVIEW), "but it varies all the same");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_settings_say_which_pages_may_read(db: PgPool) {
    let flags = [
        "--allow-vscode-webview=off",
        "--cors-origins=https://App.Example, https://*.vscode-cdn.net",
        "--allow-dev-cors=1",
    ];
    let app = app(db, &flags).await;
    for (origin, expected) in [
        ("https://app.example", 204),
        ("https://abc.vscode-cdn.net", 204),
        ("http://localhost:5173", 204),
        ("http://127.0.0.1", 204),
        ("http://[::1]:3000", 204),
        (WEBVIEW, 403),
        ("https://vscode-cdn.net", 403),
        ("http://app.example", 403),
    ] {
        let answer = preflight(&app, origin, "/api/jobs", &[]).await;
        assert_eq!(answer.status.as_u16(), expected, "{origin}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn preflights_are_counted_together_and_from_zero(db: PgPool) {
    let app = app(db, &[]).await;
    let series = async |status: u16| {
        let (_, text) = app.stranger().get("/metrics").await;
        let name = format!(
            "http_requests_total{{method=\"OPTIONS\",path=\"<preflight>\",status=\"{status}\"}} "
        );
        let text = text.as_str().unwrap().to_owned();
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        assert_eq!(
            text.matches("method=\"OPTIONS\"").count(),
            2,
            "one for each status"
        );
        line.map(str::to_owned)
    };
    assert_eq!(series(204).await.as_deref(), Some("0"));
    for path in ["/api/jobs", "/api/models", "/nowhere"] {
        preflight(&app, WEBVIEW, path, &[]).await;
        preflight(&app, "https://evil.example", path, &[]).await;
    }
    assert_eq!(series(204).await.as_deref(), Some("3"));
    assert_eq!(series(403).await.as_deref(), Some("3"));
}
