//! Common to all requests: ids, problems, limits, health, metrics, a description.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::IntoResponse;
use insta::assert_json_snapshot;
use navi::auth::principal::Role;
use navi::http::limits::within;
use navi::http::patience::pace::{Pace, Waiting};
use navi::platform::body::BodyError;
use navi::platform::logging::LogFormat;
use navi::platform::problem::Problem;
use navi::platform::redact::known::KnownSecrets;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::llm_support::{RawServer, answer};
use crate::redaction::logs::Captured;
use crate::support::app::TestApp;
use crate::support::client::json_request;

const CONVERSATIONS: &str = "/api/navi-memory/conversations";

fn with_headers(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_matches_nothing_is_a_problem_with_its_request_id(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let answer = client
        .answer(with_headers(
            Method::GET,
            "/nowhere",
            &[("x-request-id", "my-id")],
        ))
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(
        answer.headers[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert_eq!(answer.headers["x-error-code"], "NOT_FOUND");
    assert_json_snapshot!(answer.body, @r#"
    {
      "type": "/problems/not-found",
      "title": "Not Found",
      "status": 404,
      "detail": "there is nothing at this address; /openapi.json lists what there is",
      "error_code": "NOT_FOUND",
      "request_id": "my-id"
    }
    "#);
    let answer = client
        .answer(with_headers(Method::DELETE, CONVERSATIONS, &[]))
        .await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers[header::ALLOW], "GET,HEAD,POST");
    assert_eq!(answer.body["error_code"], "METHOD_NOT_ALLOWED");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_request_keeps_its_own_id_only_when_it_is_harmless(db: PgPool) {
    let app = TestApp::new(db).await;
    let id = async |sent: &str| {
        let request = with_headers(Method::GET, "/ping", &[("x-request-id", sent)]);
        let answer = app.stranger().answer(request).await;
        answer.headers["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(id("abc-123").await, "abc-123");
    for bad in ["a b", "", &"x".repeat(129)] {
        let given = id(bad).await;
        assert_ne!(given, bad);
        assert!(uuid::Uuid::parse_str(&given).is_ok(), "{given}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_trace_goes_on_and_a_broken_one_begins_anew(db: PgPool) {
    let app = TestApp::new(db).await;
    let trace = async |sent: &str| {
        let request = with_headers(Method::GET, "/ping", &[("traceparent", sent)]);
        let answer = app.stranger().answer(request).await;
        answer.headers["traceparent"].to_str().unwrap().to_owned()
    };
    let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let ours = trace(sent).await;
    assert_eq!((&ours[..36], &ours[52..]), (&sent[..36], "-01"));
    assert_ne!(ours, sent);
    assert!(trace("nonsense").await.ends_with("-00"));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn bodies_that_do_not_fit_get_the_problem_that_says_why(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let post = async |kind: &str, body: String| {
        let request = Request::post(CONVERSATIONS)
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body))
            .unwrap();
        let answer = client.answer(request).await;
        assert_eq!(
            answer.headers[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert_eq!(
            answer.body["request_id"],
            answer.headers["x-request-id"].to_str().unwrap()
        );
        (
            answer.status.as_u16(),
            answer.body["detail"].as_str().unwrap().to_owned(),
        )
    };
    let json = "application/json";
    let large = format!("{{\"title\":\"{}\"}}", "x".repeat(1024 * 1024));
    let deep = "[".repeat(100_000);
    insta::assert_debug_snapshot!(
        [
            post(json, "{\"title\":".to_owned()).await,
            post(json, "{\"title\":[1]}".to_owned()).await,
            post(json, "{\"title\":\"a\"} more".to_owned()).await,
            post("text/plain", "{}".to_owned()).await,
            post(json, large).await,
            post(json, deep).await,
            post(json, "[\"a title\", null, null]".to_owned()).await,
        ],
        @r#"
    [
        (
            400,
            "the body is not valid JSON: it ends in the middle; see line 1, column 9",
        ),
        (
            422,
            "`title` must be a text, not a list",
        ),
        (
            400,
            "the body is not valid JSON: something follows after its end; see line 1, column 15",
        ),
        (
            415,
            "send the body as JSON, with the header `Content-Type: application/json`",
        ),
        (
            413,
            "the body is larger than this route accepts",
        ),
        (
            422,
            "the body must be a JSON object, not a list",
        ),
        (
            422,
            "the body must be a JSON object, not a list",
        ),
    ]
    "#
    );
    let (status, problem) = client.get(&format!("{CONVERSATIONS}?limit=-1")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["detail"], "`limit` must be a whole number");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn models_are_listed_with_what_they_cost_and_why_they_do_not_answer(db: PgPool) {
    let clock = navi::platform::clock::Clock::System;
    // It has no list of models, and answers.
    let provider = RawServer::with(answer(404, "", "{}")).await;
    let base = provider.base.as_str();
    let flags = [
        "--anthropic-api-key",
        "not-a-key",
        "--anthropic-base-url",
        base,
    ];
    let app = TestApp::with(db, clock, &flags).await;
    let (status, body) = app.client(Role::Viewer).get("/api/models").await;
    assert_eq!(status, StatusCode::OK);
    let models = body["models"].as_array().unwrap();
    for model in models {
        let usable = model["provider"] == "anthropic" && model["reason"] != "model_retired";
        assert_eq!(model["routable"] == json!(true), usable, "{model}");
        assert_eq!(model["reason"].is_null(), usable, "{model}");
    }
    let priced = models.iter().filter(|model| model["prices"].is_object());
    assert!(priced.count() > 10);
    assert!(
        body["modes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|mode| mode["id"] == body["default"])
    );
    assert!(!body.to_string().contains("not-a-key"));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_agent_takes_files_and_images_up_to_10_mib(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Planner);
    for path in ["/api/navi/chat/autonomous", "/api/navi/chat"] {
        for (bytes, status) in [
            (9 << 20, StatusCode::UNPROCESSABLE_ENTITY),
            (11 << 20, StatusCode::PAYLOAD_TOO_LARGE),
        ] {
            // Wrong in its type, so that nothing begins when the size is right.
            let body = json!({"message": ["x".repeat(bytes)]});
            let (found, problem) = client.post(path, body).await;
            assert_eq!(found, status, "{path}");
            assert!(problem["detail"].as_str().unwrap().len() < 400);
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_refusal_is_found_in_the_log_by_the_id_that_its_sender_was_told(db: PgPool) {
    let captured = Captured::default();
    let log = captured.dispatch(LogFormat::Json, false, KnownSecrets::default());
    let _logging = tracing::dispatcher::set_default(&log);
    let app = TestApp::new(db).await;
    for (method, path, code) in [
        (Method::GET, "/api/jobs", "UNAUTHORIZED"),
        (Method::POST, "/health/ready", "METHOD_NOT_ALLOWED"),
        (Method::POST, "/metrics", "METHOD_NOT_ALLOWED"),
    ] {
        let request = json_request(method, path, &json!({}));
        let answer = app.stranger().answer(request).await;
        let id = answer.body["request_id"].as_str().unwrap();
        let log = captured.text();
        let line = log
            .lines()
            .find(|line| line.contains(id))
            .unwrap_or_default();
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        assert_eq!(
            (&line["level"], &line["message"], &line["code"]),
            (&json!("INFO"), &json!("answered"), &json!(code)),
            "{path}: {log}"
        );
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn health_says_what_works_and_stops_being_ready_when_draining(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.stranger();
    let redacted = async |path: &str| {
        let (status, mut body) = client.get(path).await;
        for check in body["checks"].as_array_mut().unwrap() {
            check["latency_ms"] = json!(0);
        }
        (status.as_u16(), body)
    };
    assert_json_snapshot!(redacted("/health/ready").await, @r#"
    [
      200,
      {
        "ok": true,
        "checks": [
          {
            "name": "self",
            "ok": true,
            "latency_ms": 0,
            "detail": "ok"
          },
          {
            "name": "database",
            "ok": true,
            "latency_ms": 0,
            "detail": "ok"
          },
          {
            "name": "migrations",
            "ok": true,
            "latency_ms": 0,
            "detail": "ok"
          },
          {
            "name": "audit",
            "ok": true,
            "latency_ms": 0,
            "detail": "ok"
          },
          {
            "name": "sandbox",
            "ok": true,
            "latency_ms": 0,
            "detail": "commands are not contained: it is switched off"
          }
        ]
      }
    ]
    "#);
    app.app.health.drain();
    let (status, body) = redacted("/health/ready").await;
    assert_eq!((status, &body["ok"]), (503, &json!(false)));
    assert_eq!(redacted("/health/live").await.0, 200);
    assert_eq!(redacted("/health/startup").await.0, 200);
    assert_eq!(client.get("/ping").await.1, "pong");
    assert_eq!(client.get("/health").await.1["status"], "ok");
    assert_json_snapshot!(client.get("/version").await.1, {".version" => "[version]"}, @r#"
    {
      "name": "navi",
      "env": "development",
      "version": "[version]"
    }
    "#);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_servers_own_address_says_what_answers_there(db: PgPool) {
    let app = TestApp::new(db).await;
    let at = async |path: &str, accept: &str| {
        let request = with_headers(Method::GET, path, &[("accept", accept)]);
        app.stranger().answer(request).await
    };
    let program = at("/", "*/*").await;
    assert_eq!(program.status, StatusCode::OK);
    assert_eq!(program.body["name"], "navi");
    for link in program.body["links"].as_object().unwrap().values() {
        let answer = at(link.as_str().unwrap(), "*/*").await;
        assert_eq!(answer.status, StatusCode::OK, "{link}");
    }
    let browser = at("/", "text/html,application/xhtml+xml,*/*;q=0.8").await;
    assert_eq!(
        browser.headers[header::CONTENT_TYPE],
        "text/html; charset=utf-8"
    );
    for path in ["/", "/docs"] {
        let page = at(path, "text/html").await;
        let policy = page.headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(
            !policy.contains("http") && !policy.contains('*'),
            "{policy}"
        );
    }
    let missing = at("/docs/swagger-ui-bundle.js", "*/*").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.body["error_code"], "NOT_FOUND");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_database_that_is_gone_or_behind_ends_readiness(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    navi::platform::db::MIGRATOR.undo(&db, 0).await.unwrap();
    app.app.health.refresh().await;
    let (status, body) = app.stranger().get("/health/ready").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let detail = body["checks"][2]["detail"].as_str().unwrap();
    assert!(detail.ends_with("pending; run `navi migrate`"), "{detail}");
    app.app.db.close().await;
    app.app.health.refresh().await;
    let (_, body) = app.stranger().get("/health/ready").await;
    assert_eq!(body["checks"][1]["detail"], "the database does not answer");
    assert_eq!(app.stranger().get("/health/live").await.0, StatusCode::OK);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_thousand_probes_at_once_need_no_connection(db: PgPool) {
    let app = TestApp::new(db).await;
    app.app.db.close().await;
    let probes = (0..1_000).map(|_| {
        let client = app.stranger();
        async move { client.get("/health/ready").await.0 }
    });
    let all = futures_util::future::join_all(probes).await;
    assert!(all.iter().all(|status| *status == StatusCode::OK));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn requests_are_counted_by_template_and_from_zero(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let scrape = async || {
        let (_, text) = client.get("/metrics").await;
        text.as_str().unwrap().to_owned()
    };
    let series = |text: &str, labels: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(&format!("http_requests_total{{{labels}}} ")))
            .map(str::to_owned)
    };
    let template = r#"method="GET",path="/api/navi-memory/conversations/{id}",status="404""#;
    let unmatched = r#"method="GET",path="<unmatched>",status="404""#;
    let text = scrape().await;
    assert_eq!(series(&text, template).as_deref(), Some("0"));
    assert_eq!(series(&text, unmatched).as_deref(), Some("0"));
    for n in 0..20 {
        client.get(&format!("/nowhere/{n}")).await;
        client
            .get(&format!("{CONVERSATIONS}/{}", uuid::Uuid::from_u128(n)))
            .await;
    }
    client
        .answer(with_headers(
            Method::from_bytes(b"BREW").unwrap(),
            "/nowhere",
            &[],
        ))
        .await;
    let refused = with_headers(Method::PUT, CONVERSATIONS, &[]);
    let refused = app.stranger().answer(refused).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let text = scrape().await;
    assert!(text.contains(r#"method="PUT",path="<unmatched>",status="401""#));
    assert!(!text.contains(r#"method="PUT",path="/api/navi-memory"#));
    assert_eq!(series(&text, template).as_deref(), Some("20"));
    assert_eq!(series(&text, unmatched).as_deref(), Some("20"));
    assert!(text.contains(r#"method="OTHER",path="<unmatched>""#));
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(samples <= 2_000, "{samples} series");
    assert!(!text.contains("/nowhere"));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_description_is_served_and_every_answer_in_it_is_described(db: PgPool) {
    let app = TestApp::new(db).await;
    let (status, document) = app.stranger().get("/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(
        document["components"]["securitySchemes"]["bearer"]["scheme"],
        "bearer"
    );
    let mut operations = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            let id = operation["operationId"].as_str().unwrap();
            assert!(operations.insert(id.to_owned()), "{at}: {id} is taken");
            assert!(operation["summary"].is_string(), "{at} has no summary");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.len() > 1, "{at}");
            for (status, response) in responses {
                let described = response["description"]
                    .as_str()
                    .is_some_and(|d| !d.is_empty());
                assert!(described, "{at} {status}");
            }
        }
    }
    assert_references_exist(&document, &document);
}

fn assert_references_exist(value: &Value, document: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(to)) = fields.get("$ref") {
                let pointer = to.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{to} does not exist");
            }
            fields
                .values()
                .for_each(|v| assert_references_exist(v, document));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|v| assert_references_exist(v, document)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_handler_that_panics_is_a_problem_and_the_server_goes_on(db: PgPool) {
    let app = TestApp::new(db).await;
    let panicking = axum::Router::new()
        .route(
            "/boom",
            axum::routing::get(|| async { panic!("secret text") as &'static str }),
        )
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(
            navi::http::limits::panicked,
        ));
    let client = crate::support::client::Client::new(panicking, None);
    let (status, body) = client.get("/boom").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body["error_code"], "INTERNAL");
    assert!(!body.to_string().contains("secret"));
    assert_eq!(app.stranger().get("/ping").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_handler_that_does_not_answer_is_given_up() {
    let never = std::future::pending();
    let waiting = Waiting::new(Pace::ALLOWED);
    let answer = within(Duration::from_millis(5), &waiting, never).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()[header::RETRY_AFTER], "5");
}

#[tokio::test]
async fn a_handler_that_waits_for_its_client_is_not_given_up_for_that() {
    let pace = Pace {
        silence: Duration::from_secs(3),
        ..Pace::ALLOWED
    };
    let waiting = Waiting::new(pace);
    let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let body = waiting.for_body(Body::from_stream(never));
    let reads = async {
        let failed = axum::body::to_bytes(body, usize::MAX).await.unwrap_err();
        Problem::from(BodyError::of(&failed)).into_response()
    };
    // Less than the client has.
    let answer = within(Duration::from_secs(2), &waiting, reads).await;
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
}
