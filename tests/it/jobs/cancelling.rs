//! Cancelled jobs end within a second, whatever they were doing, and say so.

use std::time::{Duration, Instant};

use navi::llm::script::{Fail, FailKind, Script, Turn};
use serde_json::json;
use sqlx::PgPool;

use crate::jobs::desk::{Desk, nothing};
use crate::runs::rules;
use crate::runs::stage::{calls, says, script};
use crate::support::promises::{CANCELLED_WITHIN, kept};

/// Cancels a job and waits for its end.
async fn cancelled(desk: &Desk, id: &str) {
    let began = Instant::now();
    let (status, answer) = desk.ask(id, "cancel", nothing()).await;
    assert_eq!((status, &answer["success"]), (200, &json!(true)));
    rules::end_of(&desk.stage.db, id).await;
    kept(CANCELLED_WITHIN, began);
    let told = desk.ended(id).await;
    assert_eq!(told.stopped_reason(), "cancelled");
    assert_eq!(told.all("cancel_requested").len(), 1, "{told:#?}");
    assert_eq!(told.last(3), ["complete", "job_canceled", "job_terminal"]);
    let job = desk.job(id).await;
    assert_eq!(job["status"], "canceled");
    assert_eq!(job["cancel_requested"], true);
    assert_eq!(job["pending_approval"], json!(null));
    assert!(!job["finished_at"].is_null());
    let twice = desk.ask(id, "cancel", nothing()).await;
    assert_eq!(twice.0, 200, "{}", twice.1);
    let again = desk.job(id).await;
    assert_eq!(again, job, "the second time changes nothing");
}

/// Begins a job, waits until an event of this type comes, and cancels it.
async fn cancelled_at(db: PgPool, script: Script, kind: &str) -> Desk {
    let desk = Desk::new(db, script).await;
    let id = desk.create(nothing()).await;
    desk.until(&id, kind).await;
    cancelled(&desk, &id).await;
    desk
}

fn command(command: &str) -> Turn {
    calls(&[("run_command", json!({ "command": command }))])
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn cancelling_ends_a_job_that_was_not_started(db: PgPool) {
    let desk = Desk::new(db, script([says("Never.")])).await;
    let id = desk.create(json!({"auto_start": false})).await;
    cancelled(&desk, &id).await;
    assert_eq!(desk.stage.requests().len(), 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn cancelling_ends_a_job_that_is_queued(db: PgPool) {
    let script = script([command("echo begun; sleep 60"), says("Done.")]);
    let desk = Desk::with(db, script, &["--max-runs-per-org", "1"]).await;
    let first = desk.create(nothing()).await;
    desk.until(&first, "command_output").await;
    let second = desk.create(nothing()).await;
    cancelled(&desk, &second).await;
    cancelled(&desk, &first).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn cancelling_ends_a_command_that_ignores_signals(db: PgPool) {
    let stubborn = "trap '' TERM INT HUP; echo begun; while :; do sleep 1; done; touch after";
    let script = script([command(stubborn), says("Done.")]);
    let desk = cancelled_at(db, script, "command_output").await;
    assert!(!desk.stage.path("after").exists());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn cancelling_ends_a_daemon_that_a_command_left(db: PgPool) {
    let daemon = "setsid sh -c 'trap \"\" TERM; exec <&- >&- 2>&-; (sleep 77 & ); sleep 77' & \
                  sleep 0.2; echo begun; sleep 60";
    let script = script([command(daemon), says("Done.")]);
    cancelled_at(db, script, "command_output").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn cancelling_ends_a_command_that_forks_without_end(db: PgPool) {
    let forks = "echo begun; while :; do (sleep 55 &); sleep 0.01; done";
    let script = script([command(forks), says("Done.")]);
    cancelled_at(db, script, "command_output").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn cancelling_ends_a_command_that_floods_its_output(db: PgPool) {
    let flood = "head -c 1073741824 /dev/zero | tr '\\0' '\\n'; echo; sleep 60";
    let script = script([command(flood), says("Done.")]);
    cancelled_at(db, script, "command_output").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn cancelling_ends_a_job_whose_model_is_silent(db: PgPool) {
    let hangs = Turn {
        say: vec!["Let me ".to_owned()],
        fail: Some(Fail {
            kind: FailKind::Hang,
            retry_after_ms: None,
            times: None,
        }),
        ..Turn::default()
    };
    cancelled_at(db, script([hangs]), "text").await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn cancelling_ends_a_job_that_waits_for_a_consent(db: PgPool) {
    let script = script([command("git push origin main"), says("Done.")]);
    let desk = cancelled_at(db, script, "job_paused").await;
    let pending = "select count(*) from consents where status <> 'canceled'";
    assert_eq!(desk.stage.count(pending).await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn cancelling_ends_a_job_that_waits_for_an_answer(db: PgPool) {
    let asks = calls(&[("ask_user", json!({"question": "Which colour?"}))]);
    let desk = cancelled_at(db, script([asks, says("Done.")]), "job_paused").await;
    let pending = "select count(*) from prompts where status = 'pending'";
    assert_eq!(desk.stage.count(pending).await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn cancelling_ends_a_verification_and_keeps_the_files(db: PgPool) {
    let write = calls(&[("write_file", json!({"path": "new", "content": "1\n"}))]);
    let desk = Desk::new(db, script([write, says("Done.")])).await;
    desk.stage.project("if [ -f new ]; then sleep 60; fi\n");
    let id = desk.create(nothing()).await;
    let mut stream = desk.follow(&id, 0).await;
    stream.until(|event| event["status"] == "verifying").await;
    cancelled(&desk, &id).await;
    assert_eq!(desk.stage.content("new"), "1\n", "what was done stays done");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_that_is_over_cannot_be_cancelled_and_stays_what_it_is(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let id = desk.create(nothing()).await;
    desk.ended(&id).await;
    let before = desk.job(&id).await;
    let (status, problem) = desk.ask(&id, "cancel", nothing()).await;
    assert_eq!((status, &problem["error_code"]), (409, &json!("JOB_OVER")));
    assert_eq!(desk.job(&id).await, before);
}

/// Whichever comes first, there is one end, and it is told.
#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_cancellation_at_any_moment_of_a_short_job_leaves_one_end(db: PgPool) {
    let desk = Desk::new(db, script([command("true"), says("Done.")])).await;
    for wait in [0, 5, 10, 20, 40, 60, 80, 120, 160] {
        let id = desk.create(nothing()).await;
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let (status, _) = desk.ask(&id, "cancel", nothing()).await;
        assert!(status == 200 || status == 409, "{status}");
        let told = desk.ended(&id).await;
        assert_eq!(told.all("complete").len(), 1);
        if status == 409 {
            assert_eq!(told.stopped_reason(), "completed");
        }
    }
}
