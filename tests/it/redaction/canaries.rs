//! Canaries in every input that the service has, looked for in every output.
//!
//! A canary has the form of a secret or stands under the name of one. What its owner wrote and the
//! model read may hold it, and is listed with the reason; anything else fails the test.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Method, Request, header};
use http_body_util::BodyExt;
use navi::http::openapi::walk;
use navi::http::router::document;
use navi::llm::script::{Fail, FailKind};
use navi::platform::logging::LogFormat;
use navi::platform::redact::known::KnownSecrets;
use navi::platform::secret::SecretString;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, PgPool, Row};

use crate::redaction::corpus::body;
use crate::redaction::logs::Captured;
use crate::runs::stage::{Stage, calls, says, script};
use crate::support::client::Client;

/// Columns that hold what their owner wrote or what the model read, exactly, and why.
const EXACT: &[(&str, &str, &str)] = &[
    (
        "conversations",
        "title",
        "the owner's words, shown to the owner alone",
    ),
    (
        "conversations",
        "workspace_path",
        "names a folder; changed, it would name another",
    ),
    (
        "conversations",
        "initial_context",
        "the owner's words; the model reads them",
    ),
    (
        "runs",
        "task",
        "the owner's words, shown to the owner alone",
    ),
    (
        "idempotency_keys",
        "key",
        "compared with what the client sends again",
    ),
    (
        "idempotency_keys",
        "answer",
        "given to the owner again as it was; dropped after a day",
    ),
    (
        "conversation_messages",
        "content",
        "the owner's words; the model reads them again",
    ),
    (
        "conversation_messages",
        "metadata",
        "the client's own notes, given back to it as they were",
    ),
    (
        "runs",
        "request",
        "what the run works from; dropped with its end",
    ),
    (
        "runs",
        "state",
        "what the run goes on from; dropped with its end",
    ),
    (
        "runs",
        "metadata",
        "the client's own notes, given back to it as they were",
    ),
    (
        "run_messages",
        "content",
        "what the model read and said; edits must fit to the letter",
    ),
    ("tool_calls", "arguments", "what is executed"),
    (
        "tool_calls",
        "probe",
        "what is compared with the world after a crash",
    ),
    (
        "tool_calls",
        "result",
        "what the model read; a run that goes on reads it again",
    ),
    ("consents", "command", "what is executed when it is allowed"),
    (
        "consents",
        "findings",
        "what preferences and alternatives are decided by",
    ),
];

/// Makes canaries and remembers them.
#[derive(Default)]
struct Canaries {
    made: RefCell<Vec<String>>,
    count: Cell<usize>,
}

impl Canaries {
    /// Letters and digits that stand nowhere else.
    fn core(&self) -> String {
        let number = self.count.replace(self.count.get() + 1);
        let core = body(
            &format!("canary {number}"),
            36,
            "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789",
        );
        self.made.borrow_mut().push(core.clone());
        core
    }

    /// A secret that is known by its form, in one word.
    fn secret(&self) -> String {
        let prefix = ["ghp", "_"].concat();
        format!("{prefix}{}", self.core())
    }

    /// A secret that is known by its name, in a sentence.
    fn named(&self) -> String {
        format!("set PASSWORD={} first", self.core())
    }

    /// The canaries in a text, each by its place among those made.
    fn found_in(&self, text: &str) -> Vec<usize> {
        let made = self.made.borrow();
        let places = made.iter().enumerate();
        let found = places.filter(|(_, core)| text.contains(core.as_str()));
        found.map(|(place, _)| place).collect()
    }

    fn assert_absent(&self, output: &str, what: &str) {
        assert_eq!(
            self.found_in(output),
            Vec::<usize>::new(),
            "{what}: {output}"
        );
    }
}

/// Everything that the database holds, searched column by column; answers with the columns that held
/// a canary and may.
async fn search_database(db: &PgPool, canaries: &Canaries) -> Vec<(String, String)> {
    let tables = sqlx::query(
        "select relname::text as name from pg_class
         where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace",
    )
    .fetch_all(db)
    .await
    .unwrap();
    assert!(tables.len() > 20, "{} tables", tables.len());
    let mut exact = Vec::new();
    let mut leaks = Vec::new();
    for table in tables {
        let table: String = table.get("name");
        let sql = format!("select to_jsonb(entry) as entry from \"{table}\" entry");
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(db).await.unwrap();
        for row in rows {
            let entry: Value = row.get("entry");
            for (column, value) in entry.as_object().unwrap() {
                if canaries.found_in(&value.to_string()).is_empty() {
                    continue;
                }
                let may = EXACT.iter().any(|(t, c, _)| *t == table && c == column);
                if may {
                    exact.push((table.clone(), column.clone()));
                } else {
                    leaks.push(format!("{table}.{column}: {value}"));
                }
            }
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    exact
}

/// A value that a schema describes, with a canary in every string.
fn filled(schema: &Value, whole: &Value, canaries: &Canaries, depth: usize) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return filled(
            &whole["components"]["schemas"][name],
            whole,
            canaries,
            depth,
        );
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(options) = schema[choice].as_array() {
            let real = options.iter().find(|option| option["type"] != "null");
            return filled(real.unwrap(), whole, canaries, depth);
        }
    }
    let kinds = schema["type"].as_array();
    let kind = kinds.map_or(&schema["type"], |kinds| {
        kinds.iter().find(|kind| *kind != "null").unwrap()
    });
    match kind.as_str() {
        Some("object") if depth < 6 => {
            let mut fields = Map::new();
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                fields.insert(name.clone(), filled(property, whole, canaries, depth + 1));
            }
            // A field that the route does not know is an input too.
            fields.insert("apiKey".to_owned(), json!(canaries.core()));
            Value::Object(fields)
        }
        Some("array") => json!([filled(&schema["items"], whole, canaries, depth + 1)]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("string") if schema["enum"].is_array() => schema["enum"][0].clone(),
        Some("string") if schema["format"] == "uuid" => {
            json!("01890a5d-ac96-774b-bcce-b302099a8057")
        }
        _ => json!(format!("{} {}", canaries.secret(), canaries.named())),
    }
}

/// A template with a canary, or something that fits, in every parameter.
fn address(template: &str, fits: bool, canaries: &Canaries) -> String {
    let mut address = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (_, after) = after.split_once('}').unwrap();
        address.push_str(before);
        if fits {
            address.push_str("01890a5d-ac96-774b-bcce-b302099a8057");
        } else {
            address.push_str(&canaries.secret());
        }
        rest = after;
    }
    address + rest
}

/// Sends a request with canaries in its headers and looks at what is answered.
async fn send(client: &Client, method: &str, uri: &str, body: &Value, canaries: &Canaries) {
    let mut request = Request::builder().method(method).uri(uri);
    for name in [
        "x-request-id",
        "user-agent",
        "cookie",
        "x-api-key",
        "idempotency-key",
        "traceparent",
        "referer",
        "last-event-id",
        "x-org-id",
        "x-forwarded-for",
    ] {
        request = request.header(name, canaries.secret());
    }
    let request = if body.is_null() {
        request.body(Body::empty()).unwrap()
    } else {
        request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap()
    };
    let response = client.send(request).await;
    let (parts, body) = response.into_parts();
    let answer = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&answer);
    let at = format!("{method} {uri} answered {}", parts.status);
    // A successful answer holds the owner's own data, as it was sent.
    if !parts.status.is_success() {
        canaries.assert_absent(&text, &at);
    }
    canaries.assert_absent(&format!("{:?}", parts.headers), &at);
}

/// A stranger's request whose token is a canary.
async fn send_bad_token(client: &Client, method: &str, uri: &str, canaries: &Canaries) {
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header(header::AUTHORIZATION, format!("Bearer {}", canaries.core()))
        .body(Body::empty())
        .unwrap();
    let answer = client.answer(request).await;
    canaries.assert_absent(&answer.body.to_string(), uri);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn no_canary_in_a_request_comes_out_anywhere_else(db: PgPool) {
    let canaries = Canaries::default();
    let captured = Captured::default();
    let log = captured.dispatch(LogFormat::Json, false, KnownSecrets::default());
    let _logging = tracing::dispatcher::set_default(&log);
    let turns = (0..20).map(|_| says("Done."));
    let stage = Stage::new(db.clone(), script(turns)).await;
    let described = document(&stage.app.app);
    let whole = serde_json::to_value(&described).unwrap();
    let routes = walk(&described);
    assert!(routes.len() > 35, "{} routes", routes.len());
    let (planner, stranger) = (stage.planner(), stage.app.stranger());
    for route in &routes {
        let operation = &whole["paths"][route.path][route.method.to_ascii_lowercase()];
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let mut query = String::from("?access_token=");
        query.push_str(&canaries.core());
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" {
                let name = parameter["name"].as_str().unwrap();
                query = format!("{query}&{name}={}", canaries.secret());
            }
        }
        for fits in [true, false] {
            let path = address(route.path, fits, &canaries);
            let body = if schema.is_null() {
                Value::Null
            } else {
                filled(schema, &whole, &canaries, 0)
            };
            send_bad_token(&stranger, route.method, &path, &canaries).await;
            send(
                &planner,
                route.method,
                &format!("{path}{query}"),
                &body,
                &canaries,
            )
            .await;
            send(&planner, route.method, &path, &body, &canaries).await;
            send(
                &planner,
                route.method,
                &path,
                &json!(canaries.secret()),
                &canaries,
            )
            .await;
        }
    }
    // Bodies that are no JSON at all.
    let broken = format!("{{\"message\": {}", canaries.secret());
    for path in [
        "/api/jobs",
        "/api/navi/chat",
        "/api/navi-memory/conversations",
    ] {
        let request = Request::builder().method(Method::POST).uri(path);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let answer = planner
            .answer(request.body(Body::from(broken.clone())).unwrap())
            .await;
        assert!(answer.status.is_client_error());
        canaries.assert_absent(&answer.body.to_string(), path);
    }
    let (_, metrics) = stranger.get("/metrics").await;
    canaries.assert_absent(metrics.as_str().unwrap(), "metrics");
    assert!(captured.text().lines().count() > routes.len());
    canaries.assert_absent(&captured.text(), "the log");
    let exact = search_database(&db, &canaries).await;
    assert!(!exact.is_empty(), "no canary reached the database");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn no_canary_in_a_run_comes_out_of_its_events_or_records(db: PgPool) {
    let canaries = Canaries::default();
    let captured = Captured::default();
    let log = captured.dispatch(LogFormat::Text, true, KnownSecrets::default());
    let _logging = tracing::dispatcher::set_default(&log);
    let push = format!(
        "git push --force https://ada:{}@127.0.0.1:9/r main",
        canaries.core()
    );
    // Asked about and allowed for ever, with a secret in it.
    let delete = format!("rm -rf out.env --token={}", canaries.core());
    let script_of_command = format!("cat notes.txt; echo '{}'; exit 3", canaries.named());
    let mut first = calls(&[
        ("read_file", json!({"path": "notes.txt"})),
        (
            "write_file",
            json!({"path": "out.env", "content": format!("API_KEY={}\n", canaries.core())}),
        ),
        ("run_command", json!({"command": script_of_command})),
        ("run_command", json!({"command": delete})),
        ("run_command", json!({"command": push})),
        ("read_file", json!({"path": canaries.secret()})),
        ("no_such_tool", json!({"clientSecret": canaries.core()})),
    ]);
    // The model says a secret in pieces.
    let said = format!(
        "I found {} in the notes, and {}.",
        canaries.secret(),
        canaries.named()
    );
    first.say = said
        .as_bytes()
        .chunks(3)
        .map(|piece| String::from_utf8(piece.to_vec()).unwrap())
        .collect();
    let mut last = says(&format!("It was {}.", canaries.secret()));
    last.fail = Some(Fail {
        kind: FailKind::Network,
        retry_after_ms: None,
        times: None,
    });
    let mut played = script([first, last]);
    let steps = json!({"steps": [{"label": canaries.secret(), "description": canaries.named()}]});
    played.plan = Some(steps.to_string());
    let stage = Stage::new(db.clone(), played).await;
    let notes = format!(
        "{}\n\"apiKey\": \"{}\"\n",
        canaries.named(),
        canaries.core()
    );
    stage.put("notes.txt", &notes);
    let asked = format!("look at {} and {}", canaries.secret(), canaries.named());
    let planner = stage.planner();
    let mut stream = stage.begin(&planner, &stage.body(&asked)).await;
    let mut asked_about = 0;
    while let Some(event) = stream.next().await {
        if event["type"] == "command.consent_required" {
            asked_about += 1;
            let id = event["data"]["consent_id"].as_str().unwrap();
            let pushes = event["data"]["command"]
                .as_str()
                .unwrap()
                .starts_with("git push");
            let choice = if pushes { "deny" } else { "allow_always_exact" };
            let path = format!("/api/navi/consent/{id}");
            let (status, answer) = planner.post(&path, json!({ "choice": choice })).await;
            assert!(status.is_success(), "{answer}");
        }
    }
    assert!(asked_about > 0, "nothing was asked about");
    let kept = "select count(*) from consent_preferences where command_pattern like '%[redacted]%'";
    assert_eq!(stage.count(kept).await, 2);
    for frame in &stream.frames {
        canaries.assert_absent(&frame.data.to_string(), "an event");
    }
    let text: String = stream
        .frames
        .iter()
        .filter_map(|frame| frame.data["text"].as_str())
        .collect();
    assert!(
        text.contains(
            "I found [redacted:github-token] in the notes, and set PASSWORD=[redacted] first"
        ),
        "{text}"
    );
    let outputs = stream
        .frames
        .iter()
        .filter(|frame| frame.data["type"] == "command_output");
    assert!(outputs.count() > 0, "a command printed nothing");
    // The model works with what is there, and the file holds what it wrote.
    assert!(!canaries.found_in(&stage.content("out.env")).is_empty());
    let read = format!("{:?}", stage.requests());
    assert!(
        canaries.found_in(&read).len() > 8,
        "the model read something else"
    );
    stage
        .app
        .app
        .ledger
        .flush(std::time::Duration::from_secs(5))
        .await
        .unwrap();
    canaries.assert_absent(&captured.text(), "the log");
    let (_, audit) = planner.get("/api/navi/consent-audit").await;
    canaries.assert_absent(&audit.to_string(), "the audit");
    let (_, metrics) = stage.app.stranger().get("/metrics").await;
    canaries.assert_absent(metrics.as_str().unwrap(), "metrics");
    let exact = search_database(&db, &canaries).await;
    for (table, column) in [("run_messages", "content"), ("tool_calls", "arguments")] {
        let holds = exact.iter().any(|(t, c)| t == table && c == column);
        assert!(holds, "{table}.{column} is not exact: {exact:?}");
    }
}

/// A provider that refuses everything and repeats what it was sent.
async fn echoing_provider() -> SocketAddr {
    let app =
        axum::Router::new().fallback(|headers: axum::http::HeaderMap, body: String| async move {
            let key = headers
                .get("authorization")
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            let message = format!("bad request with {key}: {body}");
            let answer = json!({"error": {"message": message, "type": "invalid_request_error"}});
            (axum::http::StatusCode::BAD_REQUEST, answer.to_string())
        });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a provider of the test's own")]
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn no_canary_in_the_settings_or_in_a_providers_error_comes_out(db: PgPool) {
    let canaries = Canaries::default();
    let captured = Captured::default();
    let key = canaries.core();
    let secrets = KnownSecrets::new(&[SecretString::from(key.clone())]);
    let log = captured.dispatch(LogFormat::Json, false, secrets);
    let _logging = tracing::dispatcher::set_default(&log);
    let base = format!("http://{}/v1", echoing_provider().await);
    let flags = ["--openai-api-key", &key, "--openai-base-url", &base];
    let stage = Stage::without_script(db.clone(), &flags).await;
    let planner = stage.planner();
    let mut body = stage.body(&format!(
        "look at {} and {}",
        canaries.secret(),
        canaries.named()
    ));
    let mut stream = stage.begin(&planner, &body).await;
    stream.rest().await;
    let errors = stream
        .frames
        .iter()
        .filter(|frame| frame.data["type"] == "error");
    assert!(errors.count() > 0, "the provider refused nothing");
    for frame in &stream.frames {
        canaries.assert_absent(&frame.data.to_string(), "an event");
    }
    body.as_object_mut().unwrap().remove("workspace_path");
    let (status, answer) = planner.post("/api/navi/chat", body.clone()).await;
    assert!(!status.is_success());
    canaries.assert_absent(&answer.to_string(), "a chat's answer");
    let (_, answer) = planner.post("/api/navi/chat/stream/v2", body).await;
    canaries.assert_absent(&answer.to_string(), "a chat's stream");
    tracing::info!(note = %key, "a careless line");
    stage
        .app
        .app
        .ledger
        .flush(std::time::Duration::from_secs(5))
        .await
        .unwrap();
    canaries.assert_absent(&captured.text(), "the log");
    search_database(&db, &canaries).await;
}
