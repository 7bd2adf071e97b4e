//! Streams for clients that cannot send a header.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use navi::auth::principal::Role;
use navi::http::openapi::walk;
use navi::http::router::{STREAMS, document};
use navi::platform::clock::Clock;
use navi::platform::logging::LogFormat;
use navi::platform::redact::known::KnownSecrets;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

use crate::jobs::desk::{Desk, nothing};
use crate::redaction::logs::Captured;
use crate::runs::stage::{says, script};
use crate::runs::stream::EventStream;
use crate::support::app::{AUDIT_KEY, ORG, SECRET, TestApp, USER};
use crate::support::client::{Answer, Client, json_request};

const TICKETS: &str = "/api/auth/stream-ticket";
const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
/// Another secret that signs tokens.
const OTHER: &str = "another-5f2b8c1d7e9a4036b8d1c2e3f4a596877869";
const OTHER_KEY: &str = "w7Yd1sKfR4gZvB8x2T0mUo5Hc9LeNqA6jPiXtIyVbSE=";

async fn app(db: PgPool) -> TestApp {
    TestApp::with(db, Clock::System, &[]).await
}

/// Asks for a ticket.
async fn issue(client: &Client, path: &str) -> Answer {
    let body = json!({ "path": path });
    client
        .answer(json_request(Method::POST, TICKETS, &body))
        .await
}

/// A ticket for a stream.
async fn ticket(client: &Client, path: &str) -> String {
    let answer = issue(client, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["ticket"].as_str().unwrap().to_owned()
}

fn events(id: &str) -> String {
    format!("/api/jobs/{id}/events")
}

/// A job that is over, and how many events it had.
async fn ended(desk: &Desk) -> (String, usize) {
    let id = desk.create(nothing()).await;
    let told = desk.ended(&id).await;
    // The last one is no part of the log.
    (id, told.events.len() - 1)
}

/// Opens a stream without a token.
async fn open(app: &TestApp, address: &str, seen: Option<&str>) -> (HeaderMap, EventStream) {
    let mut request = Request::get(address);
    if let Some(seen) = seen {
        request = request.header("last-event-id", seen);
    }
    let request = request.body(Body::empty()).unwrap();
    let (parts, body) = app.stranger().send(request).await.into_parts();
    assert_eq!(parts.status, StatusCode::OK, "{address}");
    (parts.headers, EventStream::new(body.into_data_stream()))
}

/// Why an address is refused to those without a token.
async fn refusal(app: &TestApp, method: Method, address: &str) -> String {
    let request = json_request(method, address, &Value::Null);
    let answer = app.stranger().answer(request).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{address}");
    assert_eq!(answer.body["error_code"], "UNAUTHORIZED");
    assert!(answer.headers.contains_key(header::WWW_AUTHENTICATE));
    answer.body["detail"].as_str().unwrap().to_owned()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_ticket_opens_its_stream_without_a_header_as_often_as_one_likes(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let (id, count) = ended(&desk).await;
    let app = &desk.stage.app;
    for path in [events(&id), events(&id).replace("/api/", "/api/navi/")] {
        let ticket = ticket(&desk.client, &path).await;
        for _ in 0..3 {
            let (headers, mut stream) = open(app, &format!("{path}?ticket={ticket}"), None).await;
            assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
            assert_eq!(headers[header::CONTENT_TYPE], "text/event-stream");
            stream.rest().await;
            assert!(stream.done);
            assert_eq!(stream.frames.len(), count + 1, "and the frame that ends it");
        }
        // It goes on where another stream ended.
        let after = format!("{path}?ticket={ticket}&after_sequence=2");
        let (_, mut stream) = open(app, &after, None).await;
        assert_eq!(stream.next().await.unwrap()["sequence"], 3);
        let (_, mut stream) = open(app, &format!("{path}?ticket={ticket}"), Some("3")).await;
        assert_eq!(stream.next().await.unwrap()["sequence"], 4);
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_ticket_says_what_it_opens_and_how_long_and_is_not_cached(db: PgPool) {
    let app = app(db).await;
    let asked = events(&ID.to_uppercase().replace('-', ""));
    let answer = issue(&app.client(Role::Viewer), &asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(answer.headers[header::REFERRER_POLICY], "no-referrer");
    assert_eq!(
        answer.body["path"],
        events(ID),
        "ids are written in one way"
    );
    assert_eq!(answer.body["expires_in"], 60);
    let expires: DateTime<Utc> = serde_json::from_value(answer.body["expires_at"].clone()).unwrap();
    let left = expires - app.app.clock.now();
    assert!(left <= TimeDelta::seconds(60), "{left}");
    let ticket = answer.body["ticket"].as_str().unwrap();
    assert!(
        ticket.starts_with("navist_") && !ticket.contains('%'),
        "{ticket}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn there_are_tickets_for_streams_alone(db: PgPool) {
    let app = app(db).await;
    let viewer = app.client(Role::Viewer);
    for path in [
        "",
        "/",
        "/api/jobs",
        &format!("/api/jobs/{ID}"),
        "/api/jobs/x/events",
        "/api/jobs/../jobs/events",
        &format!("{}?after_sequence=1", events(ID)),
        &format!("https://navi.example{}", events(ID)),
        "/api/navi/chat/autonomous",
        "/api/audit/export",
    ] {
        let answer = issue(&viewer, path).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains("/api/jobs/{job_id}/events"), "{detail}");
    }
    let (status, _) = app
        .stranger()
        .post(TICKETS, json!({"path": events(ID)}))
        .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_ticket_is_refused_wherever_it_was_not_meant_for(db: PgPool) {
    let app = app(db).await;
    let viewer = app.client(Role::Viewer);
    let path = events(ID);
    let ticket = ticket(&viewer, &path).await;
    let other = events("01890a5d-ac96-774b-bcce-b302099a8058");
    let why = async |address: String| refusal(&app, Method::GET, &address).await;
    let foreign = why(format!("{other}?ticket={ticket}")).await;
    assert!(foreign.contains("another stream"), "{foreign}");
    let twin = path.replace("/api/", "/api/navi/");
    let foreign = why(format!("{twin}?ticket={ticket}")).await;
    assert!(foreign.contains("another stream"), "{foreign}");
    let many = why(format!("{path}?ticket={ticket}&ticket={ticket}")).await;
    assert!(many.contains("several"), "{many}");
    for address in ["/api/auth/me", "/api/jobs", &format!("/api/jobs/{ID}")] {
        let misused = why(format!("{address}?ticket={ticket}")).await;
        assert!(misused.contains("opens a stream"), "{misused}");
    }
    for id in ["JOB_ID", "%7Bjob_id%7D", "7"] {
        let unnamed = why(format!("{}?ticket={ticket}", events(id))).await;
        assert!(unnamed.contains("no UUID"), "{id}: {unnamed}");
        let answer = issue(&viewer, &events(id)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{id}");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(
            detail.starts_with("the id in `path` is no UUID"),
            "{detail}"
        );
    }
    for (method, address) in [
        (Method::HEAD, path.clone()),
        (Method::POST, path.clone()),
        (Method::POST, format!("/api/jobs/{ID}/cancel")),
        (Method::POST, TICKETS.to_owned()),
    ] {
        let address = format!("{address}?ticket={ticket}");
        let request = json_request(method.clone(), &address, &Value::Null);
        let status = app.stranger().send(request).await.status();
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {address}");
    }
    // With both, one part could check the one and another part use the other.
    let both = json_request(
        Method::GET,
        &format!("{path}?ticket={ticket}"),
        &Value::Null,
    );
    let answer = viewer.answer(both).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains("Authorization header too"), "{detail}");
    // A public route asks for nothing.
    let public = json_request(Method::GET, &format!("/ping?ticket={ticket}"), &Value::Null);
    assert_eq!(app.stranger().send(public).await.status(), StatusCode::OK);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_token_is_no_ticket_and_has_no_place_in_an_address(db: PgPool) {
    let app = app(db).await;
    let token = app.token(ORG, USER, Role::Viewer);
    let path = events(ID);
    let why = refusal(&app, Method::GET, &format!("{path}?ticket={token}")).await;
    assert!(why.contains("not issued by this server"), "{why}");
    for address in [&path, "/api/auth/me"] {
        for name in ["access_token", "acces%73_token"] {
            let why = refusal(&app, Method::GET, &format!("{address}?{name}={token}")).await;
            assert!(why.contains("in the query is not accepted"), "{why}");
        }
    }
    let mut changed = ticket(&app.client(Role::Viewer), &path).await;
    let last = changed.pop().unwrap();
    changed.push(if last == 'A' { 'Q' } else { 'A' });
    for bad in [&changed, "", "navist_", "navist_AAAA", "null", "undefined"] {
        let why = refusal(&app, Method::GET, &format!("{path}?ticket={bad}")).await;
        assert!(why.contains("not issued by this server"), "{bad}: {why}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_old_ticket_is_refused_and_a_new_one_goes_on(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let (id, count) = ended(&desk).await;
    let (app, path) = (&desk.stage.app, events(&id));
    let old = ticket(&desk.client, &path).await;
    app.app.clock.advance(TimeDelta::seconds(60));
    let why = refusal(app, Method::GET, &format!("{path}?ticket={old}")).await;
    assert!(why.contains("expired"), "{why}");
    let new = ticket(&desk.client, &path).await;
    let last = count.to_string();
    let (_, mut stream) = open(app, &format!("{path}?ticket={new}"), Some(&last)).await;
    stream.rest().await;
    assert!(stream.done && stream.frames.is_empty(), "all was seen");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_ticket_is_its_bearers_and_opens_nobody_elses_job(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let (id, _) = ended(&desk).await;
    let (app, path) = (&desk.stage.app, events(&id));
    for (org, user) in [(ORG, "user-2"), ("org-2", USER)] {
        let client = app.client_of(org, user, Role::Admin);
        let ticket = ticket(&client, &path).await;
        let (status, problem) = app.stranger().get(&format!("{path}?ticket={ticket}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{org} {user}");
        assert_eq!(problem["error_code"], "JOB_NOT_FOUND");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_ticket_is_good_on_every_server_that_knows_its_key(db: PgPool) {
    let path = events(ID);
    let first = app(db.clone()).await;
    let ticket = ticket(&first.client(Role::Viewer), &path).await;
    let address = format!("{path}?ticket={ticket}");
    let elsewhere = async |flags: &[&str]| {
        let app = TestApp::with(db.clone(), Clock::System, flags).await;
        app.stranger().get(&address).await.0
    };
    // The stream of a job that does not exist: a caller who is let in learns that.
    assert_eq!(elsewhere(&[]).await, StatusCode::NOT_FOUND);
    let under = async |auth: &[&str], audit_key: &str| {
        let mut config = TestApp::config(&[]);
        let other = navi::config::settings::Config::from_flags(auth.iter().copied()).unwrap();
        config.auth = other.auth;
        config.audit.audit_encryption_key = Some(audit_key.into());
        let app = TestApp::of(db.clone(), Clock::System, config).await;
        app.stranger().get(&address).await.0
    };
    let replaced = ["--jwt-secret", OTHER, "--jwt-secret-previous", SECRET];
    assert_eq!(under(&replaced, AUDIT_KEY).await, StatusCode::NOT_FOUND);
    let other = ["--jwt-secret", OTHER];
    assert_eq!(under(&other, AUDIT_KEY).await, StatusCode::UNAUTHORIZED);
    // A holder of the audit key can read the log, and sign in nowhere.
    let same = ["--jwt-secret", SECRET];
    assert_eq!(under(&same, OTHER_KEY).await, StatusCode::NOT_FOUND);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_ticket_is_written_down_nowhere(db: PgPool) {
    let captured = Captured::default();
    let log = captured.dispatch(LogFormat::Json, false, KnownSecrets::default());
    let _logging = tracing::dispatcher::set_default(&log);
    let desk = Desk::new(db.clone(), script([says("Done.")])).await;
    let (id, _) = ended(&desk).await;
    let (app, path) = (&desk.stage.app, events(&id));
    let ticket = ticket(&desk.client, &path).await;
    let (_, mut stream) = open(app, &format!("{path}?ticket={ticket}"), None).await;
    stream.rest().await;
    let mut said = vec![format!("{:?}", stream.frames)];
    // Wherever it may be put by mistake.
    let stranger = app.stranger();
    for address in [
        format!("{path}?ticket={ticket}&after_sequence=x"),
        format!("{path}?ticket={ticket}x"),
        format!("/api/jobs?ticket={ticket}"),
        format!("/api/jobs/{ticket}/events"),
        format!("/api/jobs/{ticket}/events?ticket={ticket}"),
        format!("/nowhere/{ticket}"),
    ] {
        let answer = stranger
            .answer(json_request(Method::GET, &address, &json!(null)))
            .await;
        said.push(format!("{:?} {}", answer.headers, answer.body));
    }
    for (address, body) in [
        (TICKETS.to_owned(), json!({"path": ticket})),
        (format!("/api/jobs/{id}/cancel?ticket={ticket}"), json!({})),
        (
            format!("/api/navi-memory/conversations?ticket={ticket}"),
            json!({"title": [ticket]}),
        ),
    ] {
        let (_, answer) = desk.client.post(&address, body).await;
        said.push(answer.to_string());
    }
    said.push(stranger.get("/metrics").await.1.to_string());
    said.push(captured.text());
    let admin = app.client(Role::Admin);
    for log in ["?limit=100", "?event_type=login.failed"] {
        let (_, page) = admin.get(&format!("/api/audit{log}")).await;
        for entry in page["entries"].as_array().unwrap() {
            let path = format!("/api/audit/{}/decrypt", entry["id"].as_str().unwrap());
            let (_, opened) = admin
                .post(&path, json!({"reason": "is a ticket in it"}))
                .await;
            said.push(format!("{entry} {opened}"));
        }
    }
    for table in [
        "audit_records",
        "runs",
        "run_events",
        "error_events",
        "telemetry_events",
    ] {
        let rows = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        let rows = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_one(&db).await;
        said.push(rows.unwrap());
    }
    let secret = &ticket["navist_".len()..];
    for text in said {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(captured.text().contains("answered"), "nothing was logged");
}

/// Every entry of the server's own log of refused tokens.
async fn refused_logins(db: &PgPool) -> i64 {
    let count = "select count(*) from audit_records where event = 'login.failed'";
    sqlx::query_scalar(count).fetch_one(db).await.unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn tickets_that_are_forged_or_misused_are_noted_and_old_ones_are_not(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    let path = events(ID);
    let ticket = ticket(&app.client(Role::Viewer), &path).await;
    for address in [
        format!("{path}?ticket=forged"),
        format!("/api/jobs?ticket={ticket}"),
    ] {
        refusal(&app, Method::GET, &address).await;
    }
    app.app.clock.advance(TimeDelta::minutes(2));
    refusal(&app, Method::GET, &format!("{path}?ticket={ticket}")).await;
    refusal(&app, Method::GET, &path).await;
    // Entries that are noted without waiting are written before an entry that is waited for.
    let (status, _) = app
        .client(Role::Viewer)
        .post("/api/navi-memory/conversations", json!({}))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(refused_logins(&db).await, 2);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn one_entry_covers_a_persons_tickets_of_a_minute_and_they_have_a_limit_of_their_own(
    db: PgPool,
) {
    let app = TestApp::with(db.clone(), Clock::System, &["--writes-per-minute=20"]).await;
    let viewer = app.client(Role::Viewer);
    for _ in 0..20 {
        assert_eq!(issue(&viewer, &events(ID)).await.status, StatusCode::OK);
    }
    let refused = issue(&viewer, &events(ID)).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers["ratelimit-policy"], "\"tickets\";q=20;w=60");
    let (status, _) = viewer
        .post("/api/navi-memory/conversations", json!({}))
        .await;
    assert_eq!(
        status,
        StatusCode::OK,
        "a person's other requests are not slowed"
    );
    let entries = "select count(*) from audit_records where route = $1 and phase = 'begun'";
    let entries = sqlx::query_scalar::<_, i64>(entries).bind(TICKETS);
    assert_eq!(entries.fetch_one(&db).await.unwrap(), 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_streams_that_tickets_open_are_those_that_are_read_by_get(db: PgPool) {
    let app = app(db).await;
    let document = document(&app.app);
    let text = serde_json::to_value(&document).unwrap();
    let mut streams = Vec::new();
    for route in walk(&document) {
        let operation = &text["paths"][route.path][route.method.to_ascii_lowercase()];
        let is_stream = operation["responses"]["200"]["content"]["text/event-stream"].is_object();
        let takes_tickets = operation["security"].to_string().contains("stream_ticket");
        assert_eq!(
            takes_tickets,
            is_stream && route.method == "GET",
            "{}",
            route.path
        );
        if takes_tickets {
            streams.push(route.path);
            assert_eq!(operation["security"][0], json!({"bearer": ["viewer"]}));
        }
    }
    let mut listed = STREAMS.to_vec();
    listed.sort_unstable();
    streams.sort_unstable();
    assert_eq!(streams, listed, "served on the left, listed on the right");
    let scheme = &text["components"]["securitySchemes"]["stream_ticket"];
    assert_eq!(
        (&scheme["in"], &scheme["name"]),
        (&json!("query"), &json!("ticket"))
    );
}
