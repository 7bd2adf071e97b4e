//! Clients that close a side of their connection, or both, or break it.

use std::time::{Duration, Instant};

use navi::auth::principal::Role;
use navi::llm::script::{FailKind, Script};
use serde_json::json;
use sqlx::PgPool;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::runs::rules;
use crate::runs::stage::{Stage, calls, says, script};
use crate::support::app::{ORG, TestApp, USER};
use crate::support::model::Failing as _;
use crate::support::wire::{Wire, until_closed, until_said};

const RUN: &str = "/api/navi/chat/autonomous";
const CHAT: &str = "/api/navi/chat";

async fn wire(app: &TestApp) -> Wire {
    Wire::to(app, app.token(ORG, USER, Role::Planner)).await
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_client_that_closes_its_sending_side_gets_its_answer(db: PgPool) {
    let chat = Script {
        plan: None,
        ..script([says("Hello!")])
    };
    let stage = Stage::new(db, chat).await;
    let wire = wire(&stage.app).await;
    let title = json!({"title": "owl"}).to_string();
    let probe = json!({"message": "health_check"}).to_string();
    let question = json!({"message": "hello"}).to_string();
    for (method, path, body, expected) in [
        ("GET", "/ping", "", "pong"),
        ("GET", "/api/auth/me", "", r#""org_id""#),
        ("GET", "/openapi.json", "", r#""openapi":"3.1"#),
        ("POST", "/api/navi-memory/conversations", &*title, "owl"),
        ("POST", CHAT, &*probe, "NAVI is running."),
        ("POST", CHAT, &*question, "Hello!"),
        ("GET", "/nowhere", "", "NOT_FOUND"),
    ] {
        let mut stream = wire.ask(method, path, body).await;
        stream.shutdown().await.unwrap();
        let said = until_closed(&mut stream).await;
        assert!(said.contains(expected), "{method} {path}: {said}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn requests_that_were_sent_together_are_all_answered(db: PgPool) {
    let app = TestApp::new(db).await;
    let (address, _stop) = crate::support::wire::listen(&app, Duration::from_mins(1)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let together = "GET /ping HTTP/1.1\r\nHost: a\r\n\r\nGET /version HTTP/1.0\r\nHost: a\r\n\r\n";
    stream.write_all(together.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let said = until_closed(&mut stream).await;
    assert!(said.contains("pong") && said.contains("navi"), "{said}");
}

/// Begins a run whose command takes a minute, over a connection, and waits until it runs.
async fn begun(stage: &Stage, wire: &Wire, on_disconnect: &str) -> (TcpStream, String) {
    let mut body = stage.body("run the slow command");
    body["on_disconnect"] = json!(on_disconnect);
    let mut stream = wire.ask("POST", RUN, &body.to_string()).await;
    let said = until_said(&mut stream, "command_output").await;
    let (_, rest) = said.split_once(r#""task_id":""#).unwrap();
    let run_id = rest.split('"').next().unwrap().to_owned();
    (stream, run_id)
}

async fn stage(db: PgPool) -> Stage {
    let slow = json!({"command": "echo begun; sleep 60"});
    Stage::new(db, script([calls(&[("run_command", slow)]), says("Done.")])).await
}

async fn is_cancelled(stage: &Stage, run_id: &str) {
    let run = stage.logged(run_id).await;
    let expected = "success=false cancelled verification=not_run";
    assert_eq!(run.outcome(), expected);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_client_that_closes_its_connection_ends_its_run(db: PgPool) {
    let stage = stage(db).await;
    let wire = wire(&stage.app).await;
    let (stream, run_id) = begun(&stage, &wire, "cancel").await;
    drop(stream);
    is_cancelled(&stage, &run_id).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_client_that_breaks_its_connection_ends_its_run(db: PgPool) {
    let stage = stage(db).await;
    let wire = wire(&stage.app).await;
    let (stream, run_id) = begun(&stage, &wire, "cancel").await;
    stream.set_zero_linger().unwrap();
    drop(stream);
    is_cancelled(&stage, &run_id).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_client_that_closes_its_sending_side_of_a_stream_leaves_it(db: PgPool) {
    let stage = stage(db).await;
    let wire = wire(&stage.app).await;
    let (mut stream, run_id) = begun(&stage, &wire, "cancel").await;
    stream.shutdown().await.unwrap();
    // It can see that the stream was broken off: neither `[DONE]` nor the last chunk comes.
    let said = until_closed(&mut stream).await;
    assert!(
        !said.contains("[DONE]") && !said.ends_with("0\r\n\r\n"),
        "{said}"
    );
    is_cancelled(&stage, &run_id).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_that_may_go_on_alone_does(db: PgPool) {
    let short = json!({"command": "echo begun; while [ ! -e go ]; do sleep 0.05; done"});
    let turns = [calls(&[("run_command", short)]), says("Done.")];
    let stage = Stage::new(db, script(turns)).await;
    let wire = wire(&stage.app).await;
    let (stream, run_id) = begun(&stage, &wire, "continue").await;
    drop(stream);
    let began = Instant::now();
    while stage.app.app.metrics.navi_streams_open.get() > 0 {
        assert!(began.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stage.put("go", "");
    let end = rules::end_of(&stage.db, &run_id).await;
    let summary = &end.last().unwrap().data["summary"];
    assert_eq!(summary["success"], true, "{summary}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_broken_connection_ends_a_plain_request_too(db: PgPool) {
    let mut hangs = script([]).fails(FailKind::Hang);
    hangs.plan = None;
    hangs.turns[0].say = vec!["I begin ".to_owned()];
    let stage = Stage::new(db, hangs).await;
    let wire = wire(&stage.app).await;
    let body = json!({"message": "hello"}).to_string();
    let stream = wire.ask("POST", CHAT, &body).await;
    let began = Instant::now();
    while stage.requests().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stream.set_zero_linger().unwrap();
    drop(stream);
    while stage.calls().await.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(stage.calls().await, ["chat cancelled"]);
}
