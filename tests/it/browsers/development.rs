//! The identity that a developer's own server lends to requests without a token.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use navi::auth::principal::Role;
use navi::cli::serve::Running;
use navi::config::settings::Config;
use navi::platform::clock::Clock;
use navi::platform::logging::LogFormat;
use navi::platform::redact::known::KnownSecrets;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::jobs::desk::Desk;
use crate::redaction::logs::Captured;
use crate::runs::stage::{calls, says, script};
use crate::support::app::{ORG, TestApp, USER};
use crate::support::client::{Answer, Client};
use crate::support::served::url;

const ON: &str = "--allow-dev-auth-bypass=true";
const ME: &str = "/api/auth/me";
const CONVERSATIONS: &str = "/api/navi-memory/conversations";
const LOCAL: &str = "127.0.0.1:8787";

async fn app(db: PgPool, flags: &[&str]) -> TestApp {
    let flags: Vec<_> = [ON].iter().chain(flags).copied().collect();
    TestApp::with(db, Clock::System, &flags).await
}

/// Sends a request with exactly these headers beside those of its body.
async fn send(
    client: &Client,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = if body.is_null() {
        request.body(Body::empty())
    } else {
        request = request.header(header::CONTENT_TYPE, "application/json");
        request.body(Body::from(body.to_string()))
    };
    client.answer(request.unwrap()).await
}

/// A request without a token, by a loopback name.
async fn here(app: &TestApp, method: Method, path: &str, body: &Value) -> Answer {
    send(&app.stranger(), method, path, &[("host", LOCAL)], body).await
}

async fn me(app: &TestApp, headers: &[(&str, &str)]) -> Answer {
    send(&app.stranger(), Method::GET, ME, headers, &json!(null)).await
}

fn assert_refused(answer: &Answer, at: &str) {
    assert_eq!(
        answer.status,
        StatusCode::FORBIDDEN,
        "{at}: {}",
        answer.body
    );
    assert_eq!(
        answer.body["error_code"], "DEVELOPMENT_IDENTITY_REFUSED",
        "{at}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_request_without_a_token_is_the_one_identity_and_a_token_is_verified_as_ever(db: PgPool) {
    let named = [
        "--dev-user-id=ada",
        "--dev-org-id=acme",
        "--dev-user-role=planner",
    ];
    for (flags, expected) in [
        (
            &[][..],
            json!({"org_id": "dev_org", "user_id": "dev_user", "role": "viewer"}),
        ),
        (
            &named,
            json!({"org_id": "acme", "user_id": "ada", "role": "planner"}),
        ),
    ] {
        let app = app(db.clone(), flags).await;
        assert_eq!(
            here(&app, Method::GET, ME, &json!(null)).await.body,
            expected
        );
        let token = app.token(ORG, USER, Role::Viewer);
        let good = format!("Bearer {token}");
        let own = me(&app, &[("host", LOCAL), ("authorization", &good)]).await;
        assert_eq!(own.body["user_id"], USER);
        for bad in ["Bearer nonsense", "Bearer ", "Basic YTpi", ""] {
            let answer = me(&app, &[("host", LOCAL), ("authorization", bad)]).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{bad}");
        }
        // A refused credential is not treated as a missing one.
        for shown in ["access_token=x", "ticket=x"] {
            let answer = here(&app, Method::GET, &format!("{ME}?{shown}"), &json!(null)).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{shown}");
        }
        // A token is good from anywhere.
        let far = me(&app, &[("host", "navi.example"), ("authorization", &good)]).await;
        assert_eq!(far.status, StatusCode::OK);
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn without_the_setting_nobody_is_let_in(db: PgPool) {
    let off = TestApp::with(db, Clock::System, &["--allow-dev-auth-bypass=false"]).await;
    let answer = here(&off, Method::GET, ME, &json!(null)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_name_that_leads_to_this_machine_is_not_enough(db: PgPool) {
    let app = app(db, &[]).await;
    for host in [
        "localhost",
        "localhost:8787",
        "navi.localhost:8787",
        "127.0.0.53",
        "[::1]:8787",
    ] {
        assert_eq!(
            me(&app, &[("host", host)]).await.status,
            StatusCode::OK,
            "{host}"
        );
    }
    for host in [
        "evil.example:8787",
        "localhost.evil.example",
        "192.168.1.2:8787",
        "0.0.0.0:8787",
        "2130706433",
        "",
    ] {
        assert_refused(&me(&app, &[("host", host)]).await, host);
    }
    assert_refused(&me(&app, &[]).await, "no name");
    let twice = [("host", LOCAL), ("host", "evil.example")];
    assert_refused(&me(&app, &twice).await, "two names");
    let forwarded = [("host", LOCAL), ("x-forwarded-for", "203.0.113.5")];
    assert_refused(&me(&app, &forwarded).await, "a proxy");
    // Public routes stay public.
    let ping = send(&app.stranger(), Method::GET, "/ping", &[], &json!(null)).await;
    assert_eq!(ping.status, StatusCode::OK);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_foreign_page_changes_and_reads_nothing(db: PgPool) {
    let app = app(db.clone(), &["--cors-origins=https://app.example"]).await;
    let post = async |headers: &[(&str, &str)]| {
        let mut all = vec![("host", LOCAL)];
        all.extend(headers);
        send(
            &app.stranger(),
            Method::POST,
            CONVERSATIONS,
            &all,
            &json!({}),
        )
        .await
    };
    for (origin, site) in [
        ("https://evil.example", "cross-site"),
        ("http://localhost:3000", "same-site"),
        ("http://127.0.0.1", "same-site"),
        ("null", "cross-site"),
    ] {
        assert_refused(
            &post(&[("origin", origin), ("sec-fetch-site", site)]).await,
            origin,
        );
        // Older browsers say the one and not the other.
        assert_refused(&post(&[("origin", origin)]).await, origin);
    }
    let silent = [("host", LOCAL), ("sec-fetch-site", "cross-site")];
    assert_refused(&me(&app, &silent).await, "an image of a foreign page");
    let made = "select count(*) from conversations";
    let made = async || {
        sqlx::query_scalar::<_, i64>(made)
            .fetch_one(&db)
            .await
            .unwrap()
    };
    assert_eq!(made().await, 0);
    for (origin, site) in [
        ("https://app.example", "cross-site"),
        ("vscode-webview://abc", "cross-site"),
        ("http://127.0.0.1:8787", "same-origin"),
    ] {
        let answer = post(&[("origin", origin), ("sec-fetch-site", site)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{origin}: {}", answer.body);
    }
    assert_eq!(made().await, 3);
    let typed = [("host", LOCAL), ("sec-fetch-site", "none")];
    assert_eq!(me(&app, &typed).await.status, StatusCode::OK);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn pages_of_this_machine_have_it_where_they_may_read(db: PgPool) {
    let app = app(db, &["--allow-dev-cors=true"]).await;
    for origin in ["http://localhost:5173", "http://[::1]:3000"] {
        let headers = [
            ("host", LOCAL),
            ("origin", origin),
            ("sec-fetch-site", "cross-site"),
        ];
        let answer = me(&app, &headers).await;
        assert_eq!(answer.status, StatusCode::OK, "{origin}");
        assert_eq!(answer.headers["access-control-allow-origin"], origin);
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_development_identity_answers_questions_and_no_consents(db: PgPool) {
    let turns = [
        calls(&[("run_command", json!({"command": "git push origin main"}))]),
        calls(&[("ask_user", json!({"question": "Which colour?"}))]),
        says("Done."),
    ];
    // The same person as the desk's client, who has a token.
    let of = [
        ON,
        "--dev-org-id=org-1",
        "--dev-user-id=user-1",
        "--dev-user-role=planner",
    ];
    let desk = Desk::with(db.clone(), script(turns), &of).await;
    let app = &desk.stage.app;
    let body = desk.stage.body("do it");
    let made = here(app, Method::POST, "/api/jobs", &body).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let id = made.body["job"]["job_id"].as_str().unwrap();
    let asked = desk.until(id, "command.consent_required").await;
    let consent = asked["data"]["consent_id"].as_str().unwrap();
    for path in [
        format!("/api/navi/consent/{consent}"),
        format!("/api/jobs/{id}/approve"),
        format!("/api/navi/jobs/{id}/approve"),
    ] {
        for choice in ["allow_once", "deny"] {
            let answer = here(app, Method::POST, &path, &json!({"choice": choice})).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
            assert_eq!(answer.body["error_code"], "CONSENT_NEEDS_TOKEN", "{path}");
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(detail.contains("navi token mint"), "{detail}");
        }
    }
    let (status, answer) = desk
        .ask(id, "approve", json!({"choice": "allow_once"}))
        .await;
    assert_eq!(status, 200, "{answer}");
    let question = desk.until(id, "prompt_request").await;
    let prompt = question["data"]["prompt_id"].as_str().unwrap();
    let path = format!("/api/navi/prompt/{prompt}");
    let answer = here(app, Method::POST, &path, &json!({"response": "blue"})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    desk.until_status(id, "completed").await;
    // A viewer's is refused for the same reason: another role would not help.
    let viewer = self::app(db, &[]).await;
    let path = format!("/api/navi/consent/{consent}");
    let answer = here(&viewer, Method::POST, &path, &json!({"choice": "deny"})).await;
    assert_eq!(answer.body["error_code"], "CONSENT_NEEDS_TOKEN");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_audit_log_tells_it_from_a_person_with_a_token(db: PgPool) {
    let same = ["--dev-org-id=org-1", "--dev-user-id=user-1"];
    let app = app(db, &same).await;
    let person = app.client(Role::Viewer);
    let batch = |id: &str| {
        json!({
            "events": [{"type": "navi.test", "timestamp": 1_767_323_045_000_i64}],
            "batchId": id, "timestamp": 1_767_323_045_000_i64,
        })
    };
    for (path, body, again) in [
        (CONVERSATIONS, json!({}), json!({})),
        ("/api/telemetry", batch("a"), batch("b")),
        (
            "/api/auth/stream-ticket",
            json!({"path": "/api/jobs/01890a5d-ac96-774b-bcce-b302099a8057/events"}),
            json!({"path": "/api/jobs/01890a5d-ac96-774b-bcce-b302099a8057/events"}),
        ),
    ] {
        let answer = here(&app, Method::POST, path, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        let (status, answer) = person.post(path, again).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        let query = format!("/api/audit?route={path}");
        let (_, page) = app.client(Role::Admin).get(&query).await;
        let entries = page["entries"].as_array().unwrap();
        let kinds: Vec<_> = entries.iter().map(|entry| &entry["actor_kind"]).collect();
        assert_eq!(kinds, ["user", "development"], "{path}");
        assert!(entries.iter().all(|entry| entry["actor_sub"] == USER));
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn its_tickets_are_worth_no_more_than_itself(db: PgPool) {
    let app = app(db.clone(), &[]).await;
    let path = "/api/jobs/01890a5d-ac96-774b-bcce-b302099a8057/events";
    let body = json!({ "path": path });
    let issued = here(&app, Method::POST, "/api/auth/stream-ticket", &body).await;
    assert_eq!(issued.status, StatusCode::OK, "{}", issued.body);
    let ticket = issued.body["ticket"].as_str().unwrap();
    let address = format!("{path}?ticket={ticket}");
    let open = async |app: &TestApp, host: &str| {
        let stranger = app.stranger();
        send(
            &stranger,
            Method::GET,
            &address,
            &[("host", host)],
            &json!(null),
        )
        .await
    };
    // There is no such job: a client that is let in learns that.
    assert_eq!(open(&app, LOCAL).await.status, StatusCode::NOT_FOUND);
    assert_refused(&open(&app, "evil.example").await, "a foreign name");
    let off = TestApp::with(db, Clock::System, &[]).await;
    assert_eq!(open(&off, LOCAL).await.status, StatusCode::UNAUTHORIZED);
}

/// The server's answer to a request that is written by hand.
async fn exchange(running: &Running, head: &str) -> String {
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let request = format!("{head}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_that_lends_it_says_so_at_every_start_and_looks_at_what_is_sent(db: PgPool) {
    let captured = Captured::default();
    let log = captured.dispatch(LogFormat::Json, false, KnownSecrets::default());
    let _logging = tracing::dispatcher::set_default(&log);
    let folder = tempfile::tempdir().unwrap();
    let (data, database) = (folder.path().to_str().unwrap(), url(&db.connect_options()));
    let flags = [
        "--database-url",
        &database,
        "--bind=127.0.0.1:0",
        "--data-dir",
        data,
        ON,
    ];
    let config = Config::from_flags(flags).unwrap();
    let running = Running::start(config, false).await.unwrap();
    let said = captured.text();
    let line = said
        .lines()
        .find(|line| line.contains("ALLOW_DEV_AUTH_BYPASS is on"));
    let line: Value = serde_json::from_str(line.unwrap()).unwrap();
    assert_eq!(line["level"], "WARN", "{line}");
    assert!(line.to_string().contains("dev_user"), "{line}");
    for (head, expected) in [
        (format!("GET {ME} HTTP/1.1\r\nHost: localhost"), "200"),
        (
            format!("GET http://127.0.0.1{ME} HTTP/1.1\r\nHost: 127.0.0.1"),
            "200",
        ),
        (
            format!("GET http://evil.example{ME} HTTP/1.1\r\nHost: localhost"),
            "400",
        ),
        (
            format!("GET http://evil.example{ME} HTTP/1.1\r\nHost: evil.example"),
            "403",
        ),
        (format!("GET {ME} HTTP/1.1\r\nHost: evil.example"), "403"),
        (
            format!("GET {ME} HTTP/1.1\r\nHost: localhost\r\nHost: localhost"),
            "400",
        ),
        (format!("GET {ME} HTTP/1.1"), "400"),
        (format!("GET {ME} HTTP/1.0"), "400"),
    ] {
        let answer = exchange(&running, &head).await;
        let (_, rest) = answer.split_once(' ').unwrap();
        assert!(rest.starts_with(expected), "{head}: {answer}");
    }
    assert!(running.stop().await);
}
