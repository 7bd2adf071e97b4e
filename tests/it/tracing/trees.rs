//! The spans of requests, runs, models, tools, statements and passes, and how they hang together.

#![expect(
    clippy::disallowed_methods,
    reason = "a test runs the command as a process and is the server's client"
)]

use std::process::Command;
use std::time::Duration;

use navi::auth::principal::Role;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::llm_support::{RawServer, sse};
use crate::runs::stage::{calls, says, script};
use crate::support::app::{AUDIT_KEY, ORG, USER};
use crate::support::served::{Place, Served, token_of, url};
use crate::tracing::receiver::{PARENT, Receiver, Spans, TRACE, traceparent};

/// Words that are in no span: what was asked, what was read, what was answered.
const SAID: [&str; 3] = ["planted-question", "planted-content", "planted-answer"];

/// Asks a server for something, as a step of a trace.
async fn ask(served: &Served, flags: &str, path: &str, body: &Value) -> reqwest::Response {
    let request = reqwest::Client::new().post(format!("{}{path}", served.url));
    let request = request.header("traceparent", traceparent(flags));
    let answer = request
        .bearer_auth(&served.token)
        .json(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    answer
}

/// Ends a server, which sends what it holds before it is gone.
async fn end(served: &mut Served) {
    served.signal(Signal::SIGTERM);
    assert_eq!(
        served.gone(Duration::from_secs(20)).await,
        Some(0),
        "{}",
        served.log()
    );
}

/// The flags of a server that sends its spans here, and not before it ends.
fn flags(receiver: &Receiver) -> [&str; 4] {
    [
        "--otel-exporter-otlp-endpoint",
        &receiver.url,
        "--otel-bsp-schedule-delay",
        "60000",
    ]
}

fn place(db: &PgPool) -> std::sync::Arc<Place> {
    let read = calls(&[("read_file", json!({"path": "notes.txt"}))]);
    let script = script([read, says("planted-answer")]);
    let place = Place::new(&script, Some(&url(&db.connect_options())));
    std::fs::write(place.workspace(".").join("notes.txt"), "planted-content\n").unwrap();
    place
}

fn task(place: &Place) -> Value {
    json!({"message": "planted-question", "workspace_path": place.workspace(".")})
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_is_one_tree_below_the_step_that_asked_for_it(db: PgPool) {
    let Some(receiver) = Receiver::start(1) else {
        return;
    };
    let place = place(&db);
    let mut more = flags(&receiver).to_vec();
    more.extend(["--otel-service-name", "navi-east"]);
    more.extend([
        "--otel-resource-attributes",
        "team=tools,service.name=ignored",
    ]);
    more.extend(["--otel-exporter-otlp-headers", "x-key=planted-header%2C1"]);
    more.extend(["--otel-exporter-otlp-compression", "gzip"]);
    more.extend([
        "--log-format",
        "json",
        "--log-level",
        "info,sqlx::query=debug",
    ]);
    let mut served = place.serve(&more).await;
    let answer = ask(&served, "01", "/api/navi/chat/autonomous", &task(&place)).await;
    let returned = answer.headers()["traceparent"].to_str().unwrap().to_owned();
    let said = answer.text().await.unwrap();
    assert!(said.contains("[DONE]"), "{said}");
    end(&mut served).await;

    let spans = receiver.spans();
    let server = spans.only("POST /api/navi/chat/autonomous");
    let id = server["span_id"].as_str().unwrap();
    assert_eq!(
        (server["parent"].as_str(), server["kind"].as_str()),
        (Some(PARENT), Some("server"))
    );
    assert_eq!(returned, format!("00-{TRACE}-{id}-01"));
    let (host, port) = served
        .url
        .strip_prefix("http://")
        .unwrap()
        .split_once(':')
        .unwrap();
    assert_eq!(
        server["attributes"],
        json!({
            "http.request.method": "POST", "http.route": "/api/navi/chat/autonomous",
            "url.scheme": "http", "network.protocol.version": "1.1",
            "server.address": host, "server.port": port.parse::<u16>().unwrap(),
            "http.response.status_code": 200,
        })
    );
    let run = spans.only("invoke_agent navi");
    assert_eq!(
        (&run["parent"], &run["kind"]),
        (&server["span_id"], &json!("internal"))
    );
    assert_eq!(run["attributes"]["navi.run.stopped_reason"], "completed");
    assert_eq!(run["attributes"]["gen_ai.operation.name"], "invoke_agent");
    let asked: Vec<_> = spans
        .below(run)
        .into_iter()
        .filter(|span| span["kind"] == "client")
        .collect();
    let asked: Vec<_> = asked
        .into_iter()
        .filter(|span| span["scope"] == "navi.gen_ai")
        .collect();
    assert_eq!(asked.len(), 3, "a plan and two turns: {:?}", spans.names());
    for span in &asked {
        is_question(span);
    }
    let tool = spans.only("execute_tool read_file");
    assert_eq!(
        (&tool["parent"], &tool["kind"]),
        (&run["span_id"], &json!("internal"))
    );
    assert_eq!(tool["attributes"]["gen_ai.tool.name"], "read_file");
    assert_eq!(tool["failed"], false);
    statements(&spans, run);
    for span in &spans.0 {
        assert_eq!(span["trace_id"], TRACE, "{span}");
        assert!(span["began"].as_u64() <= span["ended"].as_u64(), "{span}");
        assert_eq!(span["resource"]["service.name"], "navi-east");
        assert_eq!(span["resource"]["team"], "tools");
        assert_eq!(
            span["resource"]["deployment.environment.name"],
            "development"
        );
        assert_eq!(span["headers"]["x-key"], "planted-header,1");
        assert_eq!(span["headers"]["path"], "/v1/traces");
        assert_eq!(span["headers"]["content-encoding"], "gzip");
    }
    let text = receiver.text();
    for said in SAID.into_iter().chain([
        served.token.as_str(),
        place.workspace(".").to_str().unwrap(),
    ]) {
        assert!(!text.contains(said), "{said} left the process");
    }
    in_log(&served.log(), "run");
    in_log(&served.log(), "request");
}

/// A question to the scripted model, by the conventions.
fn is_question(span: &Value) {
    let said = &span["attributes"];
    let model = said["gen_ai.request.model"].as_str().unwrap();
    assert_eq!(span["name"], format!("chat {model}"));
    assert_eq!(
        span["schema"],
        "https://opentelemetry.io/schemas/gen-ai/0.1.0"
    );
    assert_eq!(said["gen_ai.operation.name"], "chat");
    assert_eq!(said["gen_ai.provider.name"], "scripted");
    // The older name, until it is declined.
    assert_eq!(said["gen_ai.system"], "scripted");
    assert!(
        said["gen_ai.usage.input_tokens"].as_u64() > Some(0),
        "{span}"
    );
    assert!(
        said["gen_ai.usage.output_tokens"].as_u64() > Some(0),
        "{span}"
    );
    assert!(said["gen_ai.response.finish_reasons"].is_array(), "{span}");
    assert!(
        said["gen_ai.response.time_to_first_chunk"].is_f64(),
        "{span}"
    );
}

/// Statements are there, below what sent them, and nothing of their text is.
fn statements(spans: &Spans, run: &Value) {
    let is_statement = |span: &&Value| span["attributes"]["db.system.name"] == "postgresql";
    let all: Vec<_> = spans.0.iter().filter(is_statement).collect();
    let ids: Vec<_> = spans.0.iter().map(|span| &span["span_id"]).collect();
    for span in &all {
        assert!(ids.contains(&&span["parent"]), "{span}");
        assert_eq!(span["kind"], "client");
        let mut names: Vec<_> = span["attributes"].as_object().unwrap().keys().collect();
        names.retain(|name| {
            let known = [
                "system.name",
                "operation.name",
                "collection.name",
                "query.summary",
                "response.returned_rows",
            ];
            !known.iter().any(|known| **name == format!("db.{known}"))
        });
        assert!(names.is_empty(), "{span}");
    }
    assert!(
        spans.below(run).iter().any(is_statement),
        "{:?}",
        spans.names()
    );
    assert!(spans.names().contains(&"COMMIT"), "{:?}", spans.names());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_statement_that_failed_says_so_with_the_code_of_postgres(db: PgPool) {
    let Some(receiver) = Receiver::start(0) else {
        return;
    };
    let mut served = place(&db).serve(&flags(&receiver)).await;
    let admin = token_of(ORG, USER, Role::Admin);
    let list = async || {
        let request = reqwest::Client::new().get(format!("{}/api/webhooks", served.url));
        let request = request.header("traceparent", traceparent("01"));
        let answer = request.bearer_auth(&admin).send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!(list().await, 200);
    sqlx::query("alter table webhooks rename to elsewhere")
        .execute(&db)
        .await
        .unwrap();
    assert!(list().await >= 500);
    end(&mut served).await;
    let spans = receiver.spans();
    let is_statement = |span: &&Value| span["attributes"]["db.system.name"] == "postgresql";
    let statements = spans.0.iter().filter(is_statement);
    let (failed, good): (Vec<_>, Vec<_>) = statements.partition(|span| span["failed"] == true);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(!good.is_empty(), "{:?}", spans.names());
    let said = &failed[0]["attributes"];
    // "undefined_table"
    assert_eq!(said["error.type"], "42P01");
    assert_eq!(said["db.response.status_code"], "42P01");
    for span in good {
        assert!(span["attributes"]["error.type"].is_null(), "{span}");
    }
    let requests = spans.named("GET /api/webhooks");
    let of_request = requests
        .iter()
        .filter(|span| span["span_id"] == failed[0]["parent"]);
    assert_eq!(of_request.count(), 1);
}

/// A line within this span of the log names the trace.
fn in_log(log: &str, name: &str) {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut spans = lines.flat_map(|line| {
        let around = line["spans"].as_array().cloned().unwrap_or_default();
        around.into_iter().chain([line["span"].clone()])
    });
    let found = spans.any(|span| span["name"] == name && span["trace.id"] == TRACE);
    assert!(found, "no line of `{name}` names the trace:\n{log}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_hangs_below_the_request_that_made_it(db: PgPool) {
    let Some(receiver) = Receiver::start(0) else {
        return;
    };
    let place = place(&db);
    let mut more = flags(&receiver).to_vec();
    more.extend([
        "--otel-semconv-stability-opt-in",
        "gen_ai_latest_experimental",
    ]);
    let mut served = place.serve(&more).await;
    let answer = ask(&served, "01", "/api/jobs", &task(&place)).await;
    let job: Value = answer.json().await.unwrap();
    let id = job["job"]["job_id"].as_str().unwrap();
    served.follow(id, 0, false).await.rest().await;
    end(&mut served).await;

    let spans = receiver.spans();
    let made = spans.only("POST /api/jobs");
    let run = spans.only("invoke_agent navi");
    assert_eq!(run["parent"], made["span_id"]);
    assert_eq!(run["trace_id"], TRACE);
    assert_eq!(run["attributes"]["navi.run.id"], id);
    assert!(!spans.named("execute_tool read_file").is_empty());
    assert!(
        !receiver.text().contains("gen_ai.system"),
        "it was declined"
    );
    // Who follows is of another trace, which began here.
    let follower = spans.only("GET /api/jobs/{job_id}/events");
    assert_eq!(follower["parent"], "");
    assert_ne!(follower["trace_id"], TRACE);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_caller_who_records_nothing_is_followed_and_nonsense_begins_a_trace(db: PgPool) {
    let Some(receiver) = Receiver::start(0) else {
        return;
    };
    let place = place(&db);
    let mut served = place.serve(&flags(&receiver)).await;
    let chat = json!({"message": "planted-question"});
    let answer = ask(&served, "00", "/api/navi/chat", &chat).await;
    let returned = answer.headers()["traceparent"].to_str().unwrap();
    assert!(
        returned.starts_with(&format!("00-{TRACE}-")) && returned.ends_with("-00"),
        "{returned}"
    );
    let request = reqwest::Client::new().post(format!("{}/api/navi/chat", served.url));
    let request = request.header("traceparent", "00-00000000000000000000000000000000-0-01");
    let answer = request
        .bearer_auth(&served.token)
        .json(&chat)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(
        served
            .post("/api/nowhere?code=planted-question", &json!({}))
            .await
            .0,
        404
    );
    let probed = reqwest::get(format!("{}/health/live", served.url))
        .await
        .unwrap();
    assert_eq!(probed.status(), 200);
    end(&mut served).await;

    let spans = receiver.spans();
    let server = spans.only("POST /api/navi/chat");
    assert_eq!(server["parent"], "");
    assert_ne!(server["trace_id"], TRACE);
    assert!(
        spans
            .below(server)
            .iter()
            .any(|span| span["attributes"]["gen_ai.operation.name"] == "chat")
    );
    let lost = spans.only("POST");
    assert_eq!(lost["attributes"].get("http.route"), None, "{lost}");
    assert_eq!(lost["attributes"]["http.response.status_code"], 404);
    let probes = spans
        .names()
        .iter()
        .filter(|name| name.contains("health"))
        .count();
    assert_eq!(probes, 0, "probes are not traced");
    assert!(!receiver.text().contains(TRACE) && !receiver.text().contains(SAID[0]));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_pass_of_the_analyzer_is_a_trace(db: PgPool) {
    let Some(receiver) = Receiver::start(0) else {
        return;
    };
    let output = Command::new(env!("CARGO_BIN_EXE_navi"))
        .args(["feedback-analyzer", "--mode", "once"])
        .args([
            "--database-url",
            &url(&db.connect_options()),
            "--audit-encryption-key",
            AUDIT_KEY,
        ])
        .args(flags(&receiver))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let spans = receiver.spans();
    let pass = spans.only("analyze feedback");
    assert_eq!(
        (pass["parent"].as_str(), pass["failed"].as_bool()),
        (Some(""), Some(false))
    );
    assert_eq!(pass["attributes"]["navi.analyzer.outcome"], "done");
    assert_eq!(pass["attributes"]["navi.analyzer.orgs"], 0);
    let below = spans.below(pass);
    assert!(
        below
            .iter()
            .all(|span| span["attributes"]["db.system.name"] == "postgresql")
    );
    assert!(!below.is_empty());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn providers_are_told_of_the_trace_only_where_a_setting_says_so(db: PgPool) {
    let Some(receiver) = Receiver::start(0) else {
        return;
    };
    let chunk = json!({"choices": [{"delta": {"content": "planted-answer"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2}});
    let body = format!("data: {chunk}\n\ndata: [DONE]\n\n");
    for is_told in [false, true] {
        let model = RawServer::with(sse(&body)).await;
        let base = format!("{}v1", model.base);
        let told = is_told.to_string();
        let place = place(&db);
        let mut more = flags(&receiver).to_vec();
        more.extend([
            "--self-hosted-api-base-url",
            &base,
            "--trace-to-providers",
            &told,
        ]);
        let mut served = place.serve(&more).await;
        let chat = json!({"message": "planted-question", "model": "self_hosted/any"});
        ask(&served, "01", "/api/navi/chat", &chat).await;
        end(&mut served).await;
        let requests = model.requests();
        assert!(!requests.is_empty());
        let asked = receiver.spans();
        let asked = asked.named("chat any");
        let id = asked.last().unwrap()["span_id"].as_str().unwrap();
        let header = format!("traceparent: 00-{TRACE}-{id}-01");
        for request in requests {
            assert_eq!(request.contains("traceparent"), is_told, "{request}");
            assert_eq!(request.contains(&header), is_told, "{request}");
        }
    }
}
