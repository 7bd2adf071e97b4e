//! Runs that are ended from outside: by the user, the clock, or a limit within a command.

use std::time::{Duration, Instant};

use navi::llm::script::{FailKind, Script, Turn};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::rules;
use crate::runs::stage::{Stage, calls, says, script};
use crate::support::model::Failing as _;
use crate::support::promises::{CANCELLED_WITHIN, kept};

/// Runs a command that says that it began and then takes a minute.
fn slow() -> Turn {
    let command = "echo begun; touch begun; sleep 60; touch ended";
    calls(&[("run_command", json!({ "command": command }))])
}

fn is_output(event: &Value) -> bool {
    event["type"] == "command_output"
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_client_that_leaves_ends_its_run_within_a_second_and_with_it_the_command(db: PgPool) {
    let stage = Stage::new(db, script([slow(), says("Done.")])).await;
    let mut stream = stage
        .begin(&stage.planner(), &stage.body("run the slow command"))
        .await;
    stream.until(is_output).await;
    let run_id = stream.frames[1].data["task_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let left = Instant::now();
    drop(stream);
    let run = stage.logged(&run_id).await;
    kept(CANCELLED_WITHIN, left);
    assert_eq!(
        run.outcome(),
        "success=false cancelled verification=not_run"
    );
    assert_eq!(
        stage
            .count("select count(*) from runs where status = 'canceled'")
            .await,
        1
    );
    // The command says itself how far it came.
    let result = &run.results()[0];
    assert_eq!(
        (&result["exit_code"], &result["stdout"]),
        (&json!(-2), &json!("begun\n"))
    );
    assert!(!stage.path("ended").exists());
    let status: String = sqlx::query_scalar("select status from task_metrics")
        .fetch_one(&stage.db)
        .await
        .unwrap();
    assert_eq!(status, "cancelled");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_client_that_leaves_while_the_model_answers_cancels_the_call(db: PgPool) {
    let mut hangs = script([]).fails(FailKind::Hang);
    hangs.turns[0].say = vec!["I begin.".to_owned()];
    let stage = Stage::new(db, hangs).await;
    let mut stream = stage
        .begin(&stage.planner(), &stage.body("say something long"))
        .await;
    stream.until(|event| event["type"] == "text").await;
    let run_id = stream.frames[1].data["task_id"]
        .as_str()
        .unwrap()
        .to_owned();
    drop(stream);
    let run = stage.logged(&run_id).await;
    assert_eq!(
        run.outcome(),
        "success=false cancelled verification=not_run"
    );
    assert_eq!(
        stage.calls().await,
        ["plan success tokens cost", "autonomous cancelled"]
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn calls_that_never_began_are_not_shown_and_those_that_did_are_answered(db: PgPool) {
    let mut turn = slow();
    turn.calls.extend(slow().calls);
    let stage = Stage::new(db, script([turn])).await;
    let mut stream = stage
        .begin(&stage.planner(), &stage.body("run the slow commands"))
        .await;
    stream.until(is_output).await;
    let run_id = stream.frames[1].data["task_id"]
        .as_str()
        .unwrap()
        .to_owned();
    drop(stream);
    let run = stage.logged(&run_id).await;
    assert_eq!(run.events("tool_call").len(), 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_limit_of_time_ends_a_run_and_its_command(db: PgPool) {
    let flags = ["--max-runtime-seconds", "1"];
    let stage = Stage::with(db, script([slow(), says("Done.")]), &flags).await;
    let run = stage.run("run the slow command").await;
    assert_eq!(
        run.outcome(),
        "success=false runtime_cap_reached verification=not_run"
    );
    assert_eq!(run.results()[0]["exit_code"], -2);
    let last = run.events("status");
    assert_eq!(last.last().unwrap()["reason"], "runtime_cap_reached");
    let status: String = sqlx::query_scalar("select status from task_metrics")
        .fetch_one(&stage.db)
        .await
        .unwrap();
    assert_eq!(status, "timeout");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_a_command_leaves_behind_ends_with_the_run(db: PgPool) {
    let leave = "setsid nohup sleep 300 >/dev/null 2>&1 & echo left";
    let turns = [
        calls(&[("run_command", json!({ "command": leave }))]),
        says("Done."),
    ];
    let stage = Stage::new(db, script(turns)).await;
    // That nothing carries the run's mark any more is a rule of every run.
    let run = stage.run("leave something behind").await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_stopping_server_takes_no_run_and_leaves_its_runs_resumable(db: PgPool) {
    let stage = Stage::new(db, script([slow(), says("Done.")])).await;
    let mut stream = stage
        .begin(&stage.planner(), &stage.body("run the slow command"))
        .await;
    stream.until(is_output).await;
    assert!(stage.app.app.agent.shutdown(Duration::from_secs(10)).await);
    stream.rest().await;
    assert!(stream.done);
    let last = &stream.frames.last().unwrap().data;
    assert_eq!(
        (&last["status"], &last["reason"]),
        (&json!("interrupted"), &json!("server_shutting_down"))
    );
    assert_eq!(
        stage
            .count("select count(*) from runs where status = 'queued' and finished_at is null")
            .await,
        1
    );
    assert_eq!(
        stage
            .count("select count(*) from run_events where kind = 'complete'")
            .await,
        0
    );
    assert_eq!(stage.count("select count(*) from task_metrics").await, 0);
    let (status, problem) = stage.refused(stage.body("another one, please")).await;
    assert_eq!(
        (status, &problem["error_code"]),
        (503, &json!("SHUTTING_DOWN"))
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn more_runs_than_the_server_takes_are_refused(db: PgPool) {
    let flags = ["--max-concurrent-runs", "1"];
    let stage = Stage::with(db, Script::default().fails(FailKind::Hang), &flags).await;
    let first = stage
        .begin(&stage.planner(), &json!({"message": "hello"}))
        .await;
    let (status, problem) = stage.refused(json!({"message": "hello"})).await;
    assert_eq!(
        (status, &problem["error_code"]),
        (503, &json!("TOO_MANY_RUNS"))
    );
    drop(first);
    let began = Instant::now();
    while stage.app.app.agent.deps().active.count() > 0 {
        assert!(began.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_whose_log_is_refused_is_told_as_failed_and_not_left_running(db: PgPool) {
    // The database takes the first two messages and no result.
    sqlx::raw_sql("alter table run_messages add constraint no_more check (position < 2)")
        .execute(&db)
        .await
        .unwrap();
    let mut script = script([slow(), says("Done.")]);
    script.turns[0].calls[0].arguments["command"] = json!("echo short");
    let stage = Stage::new(db, script).await;
    let mut stream = stage
        .begin(&stage.planner(), &stage.body("run the short command"))
        .await;
    stream.rest().await;
    assert!(stream.done);
    rules::numbered(&stream.frames);
    rules::every_call_has_one_result(&stream.frames);
    let last = &stream.frames.last().unwrap().data["summary"];
    assert_eq!(last["stopped_reason"], "internal_error");
    let open = "select count(*) from runs where finished_at is null or status <> 'failed'";
    assert_eq!(stage.count(open).await, 0);
    let open = "select count(*) from tool_calls where status <> 'finished'";
    assert_eq!(stage.count(open).await, 0);
}
