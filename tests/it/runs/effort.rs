//! The amount of reasoning and the length of answers, as clients ask for them, and what came from a cache.

use axum::http::Method;
use navi::llm::effort::{Effort, Verbosity};
use navi::llm::model::Usage;
use navi::llm::script::{Fail, FailKind, Turn};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::jobs::desk::Desk;
use crate::llm_support::{RawServer, sse};
use crate::runs::stage::{Stage, calls, says, script};
use crate::support::client::json_request;

const DONE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_a_request_asks_for_reaches_the_model_in_runs_and_chats(db: PgPool) {
    let stage = Stage::new(db, script([says("Done."), says("Done."), says("Done.")])).await;
    stage.put("a", "a\n");
    let wishes = json!({"reasoning_effort": "high", "verbosity": "low"});
    let with = |mut body: Value| {
        for (name, value) in wishes.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let body = with(stage.body("make it work, please"));
    stage.run_with(&stage.planner(), body).await;
    let body = with(json!({"message": "hello"}));
    for path in ["/api/navi/chat", "/api/navi/chat/stream/v2"] {
        let request = json_request(Method::POST, path, &body);
        let response = stage.planner().send(request).await;
        assert_eq!(response.status(), 200, "{path}");
        axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
    }
    let asked: Vec<_> = stage
        .requests()
        .iter()
        .map(|request| (request.effort, request.verbosity))
        .collect();
    let full = (Some(Effort::High), Some(Verbosity::Low));
    let plan = (Some(Effort::Low), None);
    assert_eq!(asked, [plan, full, full, full]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_amount_that_is_not_known_is_refused(db: PgPool) {
    let stage = Stage::new(db, script([says("Done.")])).await;
    for (field, value) in [
        ("reasoning_effort", json!("enormous")),
        ("reasoning_effort", json!(3)),
        ("verbosity", json!("xhigh")),
    ] {
        let mut body = stage.body("make it work, please");
        body[field] = value;
        let (status, problem) = stage.refused(body).await;
        assert_eq!(status, 422, "{field}");
        assert!(
            problem["detail"].as_str().unwrap().contains(field),
            "{problem}"
        );
    }
    assert!(stage.requests().is_empty());
}

/// The body of the one request that a chat makes of a server in the place of `OpenAI`.
async fn sent(db: PgPool, mut body: Value) -> Value {
    let server = RawServer::with(sse(DONE)).await;
    let base = format!("{}v1", server.base);
    let flags = ["--openai-base-url", &base, "--openai-api-key", "k"];
    let stage = Stage::without_script(db, &flags).await;
    body["message"] = json!("hello");
    stage.run_with(&stage.planner(), body).await;
    let requests = server.requests();
    let (_, sent) = requests[0].split_once("\r\n\r\n").unwrap();
    serde_json::from_str(sent).unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_mode_says_how_much_unless_the_request_does(db: PgPool) {
    for (body, expected) in [
        (json!({}), json!("high")),
        (json!({"model": "navi/fast"}), json!("low")),
        (
            json!({"model": "navi/intelligence", "reasoning_effort": "medium"}),
            json!("medium"),
        ),
        (json!({"model": "openai/gpt-5.2"}), Value::Null),
        (
            json!({"model": "openai/gpt-5", "reasoning_effort": "none"}),
            json!("minimal"),
        ),
        (
            json!({"model": "openai/gpt-4.1", "reasoning_effort": "high"}),
            Value::Null,
        ),
    ] {
        let sent = sent(db.clone(), body.clone()).await;
        assert_eq!(sent["reasoning_effort"], expected, "{body}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_that_goes_on_after_a_pause_asks_for_the_same(db: PgPool) {
    let away = Fail {
        kind: FailKind::Unavailable,
        retry_after_ms: Some(3_600_000),
        times: Some(1),
    };
    let turns = [
        calls(&[("list_directory", json!({}))]),
        Turn {
            fail: Some(away),
            ..says("Done.")
        },
    ];
    let desk = Desk::new(db, script(turns)).await;
    let id = desk
        .create(json!({"reasoning_effort": "xhigh", "verbosity": "high"}))
        .await;
    desk.until(&id, "job_paused").await;
    let (status, _) = desk.ask(&id, "resume", json!({})).await;
    assert_eq!(status, 200);
    desk.ended(&id).await;
    let requests = desk.stage.requests();
    let last = requests.last().unwrap();
    assert_eq!(
        (last.effort, last.verbosity),
        (Some(Effort::Xhigh), Some(Verbosity::High))
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_part_of_the_input_that_came_from_the_cache_stands_in_the_summary(db: PgPool) {
    let usage = |input, cache_read| {
        Some(Usage {
            input,
            cache_read,
            output: 10,
            ..Usage::default()
        })
    };
    let turn = Turn {
        usage: usage(3_000, 2_250),
        ..says("Hi.")
    };
    let stage = Stage::new(db, script([turn])).await;
    let run = stage.run("hello").await;
    assert_eq!(run.summary()["cache_hit_rate"], json!(0.75));
}
