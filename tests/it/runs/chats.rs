//! Chats: an answer in text, streamed or whole.

use std::time::{Duration, Instant};

use axum::http::Method;
use navi::llm::script::{FailKind, Script, Turn};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{Stage, says, script};
use crate::runs::stream::EventStream;
use crate::support::client::json_request;
use crate::support::model::Failing as _;
use crate::support::promises::{CANCELLED_WITHIN, kept};

/// The time that a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);
const STREAM: &str = "/api/navi/chat/stream/v2";
const PLAIN: &str = "/api/navi/chat/stream";
const WHOLE: &str = "/api/navi/chat";
const IMPATIENT: [&str; 2] = ["--model-patience-seconds-interactive", "0"];

fn chat(turns: impl IntoIterator<Item = Turn>) -> Script {
    Script {
        plan: None,
        ..script(turns)
    }
}

/// A turn that says something and breaks off, so many times.
fn broken(said: &str, times: Option<u32>) -> Turn {
    let mut turn = chat([]).fails(FailKind::Truncated).turns.remove(0);
    turn.say = vec![said.to_owned()];
    turn.fail.as_mut().unwrap().times = times;
    turn
}

async fn begin(stage: &Stage, body: &Value) -> EventStream {
    begin_at(stage, STREAM, body).await
}

async fn begin_at(stage: &Stage, path: &str, body: &Value) -> EventStream {
    let request = json_request(Method::POST, path, body);
    let response = stage.planner().send(request).await;
    assert_eq!(response.status(), 200);
    EventStream::new(response.into_body().into_data_stream())
}

/// The frames, a line for each; what differs between runs is replaced.
fn lines(stream: &EventStream) -> String {
    let line = |data: &Value| {
        let mut data = data.clone();
        for key in ["gen_id", "timestamp", "router_info"] {
            if let Some(value) = data.get_mut(key) {
                *value = json!("…");
            }
        }
        data.to_string()
    };
    let lines: Vec<_> = stream
        .frames
        .iter()
        .map(|frame| line(&frame.data))
        .collect();
    lines.join("\n")
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_chat_is_streamed_piece_by_piece_and_can_be_rated(db: PgPool) {
    let mut turn = says("Use ");
    turn.say.push("`paginate`.".to_owned());
    let stage = Stage::new(db, chat([turn])).await;
    stage.put("paging.py", "def paginate(items):\n    return items\n");
    let mut stream = begin(&stage, &stage.body("how do I paginate items?")).await;
    stream.rest().await;
    assert!(stream.done);
    insta::assert_snapshot!(lines(&stream), @r#"
    {"router_info":"…"}
    {"type":"activity","activity":{"kind":"read","label":"Read","detail":"paging.py","filePath":"paging.py","status":"done"}}
    {"type":"activity","activity":{"kind":"llm_call","label":"Generating response","detail":"Thinking…","status":"running"}}
    {"type":"text","text":"Use "}
    {"type":"text","text":"`paginate`."}
    {"type":"generation_logged","gen_id":"…","timestamp":"…"}
    {"type":"complete","summary":{}}
    {"type":"activity","activity":{"kind":"llm_call","label":"Generating response","detail":"Complete","status":"done"}}
    "#);
    let ids: Vec<_> = stream.frames.iter().filter_map(|frame| frame.id).collect();
    assert_eq!(
        ids,
        (1..=i64::try_from(ids.len()).unwrap()).collect::<Vec<_>>()
    );
    let gen_id = &stream
        .frames
        .iter()
        .find(|f| f.data["type"] == "generation_logged")
        .unwrap()
        .data;
    let logged: (i64, String) = sqlx::query_as("select id, task_type from ai_generation_log")
        .fetch_one(&stage.db)
        .await
        .unwrap();
    assert_eq!(
        (&gen_id["gen_id"], logged.1.as_str()),
        (&json!(logged.0), "chat")
    );
    assert_eq!(stage.calls().await, ["chat success tokens cost"]);
    let asked = serde_json::to_string(&stage.requests()[0].messages).unwrap();
    assert!(asked.contains("def paginate"), "{asked}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_that_was_told_to_its_end_is_in_the_ledger(db: PgPool) {
    let stage = Stage::new(db, chat([says("Use it.")])).await;
    let (body, rows) = (stage.body("how?"), "select count(*) from llm_metrics");
    for (path, expected) in [(STREAM, 1), (PLAIN, 2)] {
        let mut stream = begin_at(&stage, path, &body).await;
        stream.rest().await;
        assert_eq!((stream.done, stage.count(rows).await), (true, expected));
    }
    let (status, _) = stage.planner().post(WHOLE, body).await;
    assert_eq!((status.as_u16(), stage.count(rows).await), (200, 3));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_chat_whose_model_fails_says_so_and_is_no_generation(db: PgPool) {
    let stage = Stage::with(db, chat([broken("I begin ", None)]), &IMPATIENT).await;
    let mut stream = begin(&stage, &json!({"message": "hello"})).await;
    stream.rest().await;
    assert!(stream.done);
    insta::assert_snapshot!(lines(&stream), @r#"
    {"router_info":"…"}
    {"type":"activity","activity":{"kind":"llm_call","label":"Generating response","detail":"Thinking…","status":"running"}}
    {"type":"text","text":"I begin "}
    {"type":"error","error":"the answer of `scripted` was cut off before its end","code":"MODEL_ANSWER_TRUNCATED"}
    {"type":"activity","activity":{"kind":"llm_call","label":"Generating response","detail":"Failed","status":"error"}}
    "#);
    assert_eq!(
        stage.count("select count(*) from ai_generation_log").await,
        0
    );
    assert_eq!(stage.calls().await, ["chat error"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_chat_whose_model_is_away_for_a_moment_says_what_it_waits_for(db: PgPool) {
    let mut away = chat([]).fails(FailKind::Unavailable).turns.remove(0);
    let fail = away.fail.as_mut().unwrap();
    (fail.times, fail.retry_after_ms) = (Some(1), Some(1_000));
    away.say = vec!["Hello.".to_owned()];
    let stage = Stage::new(db, chat([away])).await;
    let mut stream = begin(&stage, &json!({"message": "hello"})).await;
    stream.rest().await;
    let lines = lines(&stream);
    assert!(lines.contains("; asking again in "), "{lines}");
    assert!(
        lines.contains(r#"{"type":"text","text":"Hello."}"#),
        "{lines}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_chat_that_breaks_off_is_asked_again_and_what_was_shown_of_it_is_void(db: PgPool) {
    let turns = || chat([broken("Use `paginate`.", Some(1))]);
    let stage = Stage::new(db.clone(), turns()).await;
    let mut stream = begin(&stage, &json!({"message": "hello"})).await;
    stream.rest().await;
    assert!(stream.done);
    insta::assert_snapshot!(lines(&stream), @r#"
    {"router_info":"…"}
    {"type":"activity","activity":{"kind":"llm_call","label":"Generating response","detail":"Thinking…","status":"running"}}
    {"type":"text","text":"Use `paginate`."}
    {"type":"text","text":"\n\n"}
    {"type":"activity","activity":{"kind":"llm_call","label":"Generating response","detail":"The answer broke off (the answer of `scripted` was cut off before its end) and is asked for again","status":"running"}}
    {"type":"job_resumed","reason":"asked_again","discard_after":0,"message":"The answer broke off (the answer of `scripted` was cut off before its end) and is asked for again"}
    {"type":"text","text":"Use `paginate`."}
    {"type":"generation_logged","gen_id":"…","timestamp":"…"}
    {"type":"complete","summary":{}}
    {"type":"activity","activity":{"kind":"llm_call","label":"Generating response","detail":"Complete","status":"done"}}
    "#);
    assert_eq!(
        stage.calls().await,
        ["chat error", "chat success tokens cost"]
    );
    let answers = "select count(*) from ai_generation_log";
    assert_eq!(stage.count(answers).await, 1);

    let stage = Stage::new(db, turns()).await;
    let mut stream = begin_at(&stage, PLAIN, &json!({"message": "hello"})).await;
    stream.rest().await;
    assert!(stream.done);
    let shown: Vec<_> = stream.frames.iter().map(|frame| &frame.data).collect();
    let pieces: Vec<_> = shown
        .iter()
        .filter_map(|data| data["content"].as_str())
        .collect();
    assert_eq!(pieces, ["Use `paginate`.", "\n\n", "Use `paginate`."]);
    let asked_again = shown.iter().find(|data| data["type"] == "job_resumed");
    assert_eq!(asked_again.unwrap()["discard_after"], 0);
    let result = shown.iter().find(|data| data["type"] == "result");
    assert_eq!(result.unwrap()["data"]["content"], "Use `paginate`.");

    let stage = Stage::new(stage.db.clone(), turns()).await;
    let body = json!({"message": "hello"});
    let (status, answer) = stage.planner().post(WHOLE, body).await;
    assert_eq!(
        (status.as_u16(), &answer["content"]),
        (200, &json!("Use `paginate`."))
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn leaving_a_chat_cancels_its_call_and_that_is_recorded(db: PgPool) {
    let mut script = chat([]).fails(FailKind::Hang);
    script.turns[0].say = vec!["I begin ".to_owned()];
    let stage = Stage::new(db, script).await;
    let mut stream = begin(&stage, &json!({"message": "hello"})).await;
    stream.until(|data| data["type"] == "text").await;
    drop(stream);
    let left = Instant::now();
    while stage.calls().await.is_empty() {
        assert!(left.elapsed() < PATIENCE, "the call goes on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    kept(CANCELLED_WITHIN, left);
    assert_eq!(stage.calls().await, ["chat cancelled"]);
    assert_eq!(stage.app.app.metrics.navi_streams_open.get(), 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_whole_answer_has_the_fields_old_clients_read_and_no_status_that_they_show(db: PgPool) {
    let stage = Stage::new(db, chat([says("Hello!")])).await;
    let (status, mut answer) = stage
        .planner()
        .post(WHOLE, json!({"message": "hello"}))
        .await;
    assert_eq!(status, 200);
    answer["gen_id"] = json!("…");
    insta::assert_json_snapshot!(answer, @r#"
    {
      "content": "Hello!",
      "reply": "Hello!",
      "actions": [],
      "sources": [],
      "edits": [],
      "model": "scripted/demo",
      "router_info": {
        "requestedModelId": null,
        "requestedModeId": null,
        "effectiveModelId": "scripted/demo",
        "provider": "scripted",
        "model": "demo",
        "wasFallback": false,
        "fallbackReasonCode": null,
        "fallbackReason": null,
        "modelId": "scripted/demo",
        "mode": null,
        "task_type": "chat"
      },
      "gen_id": "…"
    }
    "#);
    assert_eq!(
        stage.count("select count(*) from ai_generation_log").await,
        1
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_health_check_asks_no_model(db: PgPool) {
    let stage = Stage::without_script(db, &[]).await;
    let probe = json!({"message": "health_check", "attachments": [], "workspace_root": null});
    let (status, answer) = stage.planner().post(WHOLE, probe).await;
    assert_eq!((status.as_u16(), &answer["status"]), (200, &json!("ok")));
    assert!(!answer["content"].as_str().unwrap().is_empty());
    let (status, _) = stage
        .planner()
        .post(WHOLE, json!({"message": "hello"}))
        .await;
    assert_eq!(status, 400);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_model_that_fails_is_a_problem_for_whoever_wants_a_whole_answer(db: PgPool) {
    for (kind, expected, code) in [
        (FailKind::Unauthorized, 502, "MODEL_KEY_REFUSED"),
        (FailKind::ContextTooLong, 502, "MODEL_CONTEXT_TOO_LONG"),
        (FailKind::Network, 503, "MODEL_UNREACHABLE"),
        (FailKind::RateLimited, 503, "MODEL_RATE_LIMITED"),
        (FailKind::Unavailable, 503, "MODEL_UNAVAILABLE"),
    ] {
        let stage = Stage::with(db.clone(), chat([]).fails(kind), &IMPATIENT).await;
        let (status, problem) = stage
            .planner()
            .post(WHOLE, json!({"message": "hello"}))
            .await;
        assert_eq!(
            (status.as_u16(), &problem["error_code"]),
            (expected, &json!(code))
        );
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_oldest_clients_know_most_frames_by_their_keys(db: PgPool) {
    let mut turn = says("Use ");
    turn.say.push("`paginate`.".to_owned());
    let stage = Stage::new(db, chat([turn])).await;
    stage.put("paging.py", "def paginate(items):\n    return items\n");
    let mut body = stage.body("how do I paginate items?");
    body["conversationHistory"] = json!([{"type": "user", "content": "an earlier question"}]);
    let mut stream = begin_at(&stage, PLAIN, &body).await;
    stream.rest().await;
    assert!(stream.done);
    let shown = lines(&stream);
    let gen_id = stream.frames.last().map(|_| {
        let result = stream
            .frames
            .iter()
            .find(|frame| frame.data["type"] == "result");
        result.unwrap().data["data"]["gen_id"].to_string()
    });
    let shown = shown.replace(
        &format!("\"gen_id\":{}", gen_id.unwrap()),
        "\"gen_id\":\"…\"",
    );
    insta::assert_snapshot!(shown, @r#"
    {"router_info":"…"}
    {"activity":{"kind":"read","label":"Read","detail":"paging.py","filePath":"paging.py","status":"done"}}
    {"activity":{"kind":"llm_call","label":"Generating response","detail":"Thinking…","status":"running"}}
    {"content":"Use "}
    {"content":"`paginate`."}
    {"type":"generation_logged","gen_id":"…","timestamp":"…"}
    {"activity":{"kind":"llm_call","label":"Generating response","detail":"Complete","status":"done"}}
    {"type":"result","data":{"content":"Use `paginate`.","reply":"Use `paginate`.","actions":[],"model":"scripted/demo","gen_id":"…"}}
    {"type":"done","done":true,"summary":{"success":true,"files_read":["paging.py"]}}
    "#);
    let ids: Vec<_> = stream.frames.iter().filter_map(|frame| frame.id).collect();
    assert_eq!(ids.len(), stream.frames.len());
    assert_eq!(stage.calls().await, ["chat success tokens cost"]);
    let asked = serde_json::to_string(&stage.requests()[0].messages).unwrap();
    assert!(asked.contains("an earlier question"), "{asked}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_oldest_clients_are_told_of_a_failure_and_of_no_success(db: PgPool) {
    let stage = Stage::new(db, chat([]).fails(FailKind::Unauthorized)).await;
    let mut stream = begin_at(&stage, PLAIN, &json!({"message": "hello"})).await;
    stream.rest().await;
    assert!(stream.done);
    insta::assert_snapshot!(lines(&stream), @r#"
    {"router_info":"…"}
    {"activity":{"kind":"llm_call","label":"Generating response","detail":"Thinking…","status":"running"}}
    {"type":"error","error":"`scripted` refused the API key (status 401); check the provider's key setting","message":"`scripted` refused the API key (status 401); check the provider's key setting","code":"MODEL_KEY_REFUSED"}
    {"activity":{"kind":"llm_call","label":"Generating response","detail":"Failed","status":"error"}}
    {"type":"done","done":true,"summary":{"success":false,"message":"`scripted` refused the API key (status 401); check the provider's key setting"}}
    "#);
    assert_eq!(stage.calls().await, ["chat error cost"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_chat_says_when_its_answer_was_cut_off_or_is_empty(db: PgPool) {
    let cut = Turn {
        cut_off: true,
        ..says("Half an ans")
    };
    let stage = Stage::new(db.clone(), chat(vec![cut; 3])).await;
    let mut stream = begin(&stage, &json!({"message": "tell me all"})).await;
    stream.rest().await;
    let codes = |stream: &EventStream| {
        let errors = stream.frames.iter().map(|frame| frame.data.clone());
        let errors = errors.filter(|data| data["type"] == "error");
        errors.map(|data| data["code"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(codes(&stream), [json!("MODEL_ANSWER_TOO_LONG")]);
    assert!(
        !lines(&stream).contains("\"complete\""),
        "{}",
        lines(&stream)
    );
    // A cut-off answer is stored, so that it can be continued.
    assert_eq!(
        stage.count("select count(*) from ai_generation_log").await,
        1
    );
    let mut stream = begin_at(&stage, PLAIN, &json!({"message": "tell me all"})).await;
    stream.rest().await;
    assert_eq!(codes(&stream), [json!("MODEL_ANSWER_TOO_LONG")]);
    let body = json!({"message": "tell me all"});
    let (status, answer) = stage.planner().post(WHOLE, body.clone()).await;
    assert_eq!(status, 200);
    assert_eq!(answer["content"], "Half an ans");
    assert_eq!(
        answer["incomplete"],
        "the answer was cut off at its length limit; ask for the rest, or for a shorter answer"
    );

    let stage = Stage::new(db, chat(vec![Turn::default(); 12])).await;
    let mut stream = begin(&stage, &body).await;
    stream.rest().await;
    assert_eq!(codes(&stream), [json!("MODEL_ANSWER_EMPTY")]);
    let (status, problem) = stage.planner().post(WHOLE, body).await;
    assert_eq!(
        (status.as_u16(), &problem["error_code"]),
        (502, &json!("MODEL_ANSWER_EMPTY"))
    );
}
