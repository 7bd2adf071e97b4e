//! Runs whose model fails.

use std::time::{Duration, Instant};

use navi::llm::script::{Fail, FailKind, Script, Turn};
use serde_json::json;
use sqlx::PgPool;

use crate::llm_support::{RawServer, Step, sse};
use crate::runs::stage::{Stage, calls, says, script};
use crate::support::model::Failing as _;

fn fails(kind: FailKind) -> Script {
    script([]).fails(kind)
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_retrying_does_not_help_ends_the_run_at_once_and_says_why(db: PgPool) {
    for (kind, code) in [
        (FailKind::Unauthorized, "MODEL_KEY_REFUSED"),
        (FailKind::QuotaExhausted, "MODEL_QUOTA_EXHAUSTED"),
        (FailKind::UnknownModel, "MODEL_UNKNOWN"),
        (FailKind::Rejected, "MODEL_REQUEST_REJECTED"),
        (FailKind::ContextTooLong, "MODEL_CONTEXT_TOO_LONG"),
    ] {
        let stage = Stage::new(db.clone(), fails(kind)).await;
        let run = stage.run("do something useful").await;
        assert_eq!(
            run.outcome(),
            "success=false model_error verification=not_run"
        );
        assert_eq!(run.errors(), [code]);
        assert_eq!(stage.turns().len(), 1, "{kind:?}");
    }
    assert_eq!(
        stage_statuses(&db).await,
        [("error".to_owned(), 5), ("success".to_owned(), 5)]
    );
}

async fn stage_statuses(db: &PgPool) -> Vec<(String, i64)> {
    sqlx::query_as("select status, count(*) from llm_metrics group by status order by status")
        .fetch_all(db)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_passes_is_tried_again_and_the_client_sees_nothing_of_it(db: PgPool) {
    let passing = |kind, retry_after_ms| Turn {
        fail: Some(Fail {
            kind,
            retry_after_ms,
            times: Some(1),
        }),
        calls: calls(&[("list_directory", json!({"path": "."}))]).calls,
        ..Turn::default()
    };
    let turns = [
        passing(FailKind::RateLimited, Some(700)),
        passing(FailKind::Unavailable, None),
        passing(FailKind::Network, None),
        says("Done."),
    ];
    let stage = Stage::new(db, script(turns)).await;
    let began = Instant::now();
    let run = stage.run("list what is there").await;
    assert!(
        began.elapsed() > Duration::from_millis(700),
        "sooner than asked for"
    );
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    assert_eq!(run.errors(), [] as [&str; 0]);
    assert_eq!(stage.turns().len(), 7);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_that_was_cut_off_is_continued_and_not_for_ever(db: PgPool) {
    let cut = Turn {
        cut_off: true,
        ..says("and then ")
    };
    let turns = [cut.clone(), says("the end.")];
    let stage = Stage::new(db.clone(), script(turns)).await;
    let run = stage.run("tell me a long story").await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    let stage = Stage::new(db, script(vec![cut; 9])).await;
    let run = stage.run("tell me a long story").await;
    assert_eq!(
        run.outcome(),
        "success=false model_error verification=not_run"
    );
    assert_eq!(run.errors(), ["MODEL_ANSWER_TOO_LONG"]);
    assert_eq!(stage.turns().len(), 4);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn who_makes_the_same_call_without_end_is_told_and_stopped(db: PgPool) {
    let looks = || calls(&[("run_command", json!({"command": "cat missing"}))]);
    let turns = std::iter::repeat_with(looks).take(5);
    let stage = Stage::new(db.clone(), script(turns.chain([says("It is not there.")]))).await;
    let run = stage.run("look").await;
    assert_eq!(run.errors(), [] as [&str; 0]);
    let said = "You made the same tool calls several times";
    let told = stage.requests().into_iter().map(|request| {
        let messages = serde_json::to_string(&request.messages).unwrap();
        messages.matches(said).count()
    });
    let told: Vec<_> = told.collect();
    assert_eq!((stage.turns().len(), told), (6, vec![0, 0, 0, 0, 1, 1]));
    let stage = Stage::new(db, script(std::iter::repeat_with(looks).take(20))).await;
    let run = stage.run("look").await;
    assert_eq!(
        run.outcome(),
        "success=false model_error verification=not_run"
    );
    assert_eq!(run.errors(), ["MODEL_ANSWER_REPEATS"]);
    assert_eq!(stage.turns().len(), 12);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_set_limit_of_answers_holds_for_plans_too(db: PgPool) {
    let limit = ["--answer-limits", "scripted=64"];
    let stage = Stage::with(db, script([says("Done.")]), &limit).await;
    stage.run("list what is there").await;
    let limits: Vec<_> = stage
        .requests()
        .iter()
        .map(|it| it.max_output_tokens)
        .collect();
    assert_eq!(limits, [Some(64), Some(64)]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_plan_that_cannot_be_had_is_one_step_and_one_that_fails_ends_the_run(db: PgPool) {
    let mut odd = script([says("Done.")]);
    odd.plan = Some("I would rather not.".to_owned());
    let run = Stage::new(db.clone(), odd)
        .await
        .run("do something useful")
        .await;
    let steps = run.events("plan_start")[0]["data"]["steps"]
        .as_array()
        .unwrap();
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0]["title"], "do something useful");
    let mut failing = fails(FailKind::Unauthorized);
    failing.plan = None;
    let run = Stage::new(db, failing)
        .await
        .run("do something useful")
        .await;
    assert_eq!(run.errors(), ["MODEL_KEY_REFUSED"]);
    assert_eq!(run.events("plan_start"), [] as [&serde_json::Value; 0]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_call_that_is_no_json_is_told_and_never_run(db: PgPool) {
    let mut turn = calls(&[("write_file", json!({}))]);
    turn.calls[0].raw_arguments = Some("{\"path\": \"a\", \"content".to_owned());
    let stage = Stage::new(db, script([turn, says("Sorry.")])).await;
    let run = stage.run("write a file for me").await;
    let told = run.results()[0]["error"].as_str().unwrap().to_owned();
    assert!(
        told.contains("not a usable JSON object") && told.contains("nothing was run"),
        "{told}"
    );
    assert!(!stage.path("a").exists());
    assert!(run.events("tool_call")[0]["tool_call"]["arguments"].is_string());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_tool_that_does_not_exist_is_told(db: PgPool) {
    let turn = calls(&[("deploy_to_production", json!({"now": true}))]);
    let stage = Stage::new(db, script([turn, says("Sorry.")])).await;
    let run = stage.run("deploy it to production").await;
    assert_eq!(
        run.results()[0]["error"],
        "there is no tool `deploy_to_production`; use one of the tools offered"
    );
    assert_eq!(
        run.outcome(),
        "success=false completed verification=not_run"
    );
}

const DOWN: &str = "http://127.0.0.1:9/v1";

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_provider_that_is_down_is_named(db: PgPool) {
    let impatient = ["--model-patience-seconds-interactive", "0"];
    let local = [
        "--self-hosted-api-base-url",
        DOWN,
        "--self-hosted-model",
        "local",
    ];
    let flags = [&local[..], &impatient[..]].concat();
    let stage = Stage::without_script(db, &flags).await;
    let run = stage.run("do something useful").await;
    assert_eq!(run.errors(), ["MODEL_UNREACHABLE"]);
    let error = run.events("error")[0]["error"].as_str().unwrap();
    assert!(error.contains("(SELF_HOSTED_API_BASE_URL)"), "{error}");
    assert_eq!(stage.calls().await, ["plan error"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_provider_that_falls_silent_is_given_up(db: PgPool) {
    let piece = r#"data: {"choices":[{"index":0,"delta":{"content":"I begin"}}]}"#;
    let begin = sse(format!("{piece}\n\n"));
    let server = RawServer::start(vec![vec![Step::Send(begin), Step::Hang]]).await;
    let base = format!("{}v1", server.base);
    let flags = [
        "--self-hosted-api-base-url",
        &base,
        "--self-hosted-model",
        "local",
        "--llm-idle-timeout-seconds",
        "1",
        "--model-patience-seconds-interactive",
        "1",
    ];
    let stage = Stage::without_script(db, &flags).await;
    let run = stage
        .run_with(&stage.planner(), json!({"message": "hello"}))
        .await;
    assert_eq!(run.errors(), ["MODEL_TIMED_OUT"]);
    assert_eq!(run.events("text")[0]["text"], "I begin");
    assert_eq!(stage.calls().await, ["autonomous timeout"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_price_that_nobody_knows_is_not_zero(db: PgPool) {
    let text =
        r#"data: {"choices":[{"index":0,"delta":{"content":"Hi."},"finish_reason":"stop"}]}"#;
    let usage = r#"data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}"#;
    let server = RawServer::with(sse(format!("{text}\n\n{usage}\n\ndata: [DONE]\n\n"))).await;
    let base = format!("{}v1", server.base);
    let flags = ["--openai-base-url", &base, "--openai-api-key", "k"];
    let stage = Stage::without_script(db, &flags).await;
    let body = json!({"message": "hello", "model": "openai/model-of-tomorrow"});
    let run = stage.run_with(&stage.planner(), body).await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    assert_eq!(run.summary()["tokens"]["input"], 10);
    assert_eq!(run.summary()["cost_usd"], json!(null));
    assert_eq!(stage.calls().await, ["autonomous success tokens"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_zero_beside_an_answer_is_no_count_and_no_price(db: PgPool) {
    let text =
        r#"data: {"choices":[{"index":0,"delta":{"content":"Hi."},"finish_reason":"stop"}]}"#;
    for (usage, known) in [
        (r#"{"prompt_tokens":0,"completion_tokens":500}"#, false),
        (r#"{"prompt_tokens":10,"completion_tokens":0}"#, false),
        (r#"{"prompt_tokens":0,"completion_tokens":0}"#, false),
        (r#"{"prompt_tokens":10,"completion_tokens":2}"#, true),
    ] {
        let usage = format!("data: {{\"choices\":[],\"usage\":{usage}}}");
        let server = RawServer::with(sse(format!("{text}\n\n{usage}\n\ndata: [DONE]\n\n"))).await;
        let base = format!("{}v1", server.base);
        let flags = ["--openai-base-url", &base, "--openai-api-key", "k"];
        let stage = Stage::without_script(db.clone(), &flags).await;
        let body = json!({"message": "hello", "model": "openai/gpt-4.1-mini"});
        let run = stage.run_with(&stage.planner(), body).await;
        assert_eq!(run.summary()["success"], true);
        assert_eq!(run.summary()["cost_usd"].is_number(), known, "{usage}");
    }
}
