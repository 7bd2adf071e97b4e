//! Signals of an answer beside its ratings.

use chrono::TimeDelta;
use navi::agent::learning::changes::check_all;
use serde_json::json;
use sqlx::PgPool;

use crate::jobs::desk::{Desk, nothing};
use crate::runs::stage::{Stage, calls, says, script};

/// A run that writes `a.py`, which was there with another text.
async fn written(db: PgPool) -> Stage {
    let write = json!({"path": "a.py", "content": "answer = 42\n"});
    let make = json!({"path": "b.py", "content": "made = True\n"});
    let turns = [
        calls(&[("write_file", write), ("write_file", make)]),
        says("Done."),
    ];
    let stage = Stage::new(db, script(turns)).await;
    stage.put("a.py", "answer = 41\n");
    let told = stage.run("do it").await;
    assert_eq!(told.summary()["success"], true, "{:?}", told.frames);
    stage
}

/// The signals that were recorded.
async fn signals(db: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "select concat_ws(' ', signal, source) from ai_feedback_signals order by signal",
    )
    .fetch_all(db)
    .await
    .unwrap()
}

/// The signals after the next run in the same folder.
async fn seen_by_the_next(stage: &Stage) -> Vec<String> {
    stage.run("look at something else").await;
    signals(&stage.db).await
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn changes_that_are_still_there_were_kept(db: PgPool) {
    let stage = written(db.clone()).await;
    assert_eq!(seen_by_the_next(&stage).await, ["kept workspace"]);
    let learned = "select count(*) from learning_suggestions
                   where feedback_type = 'accepted' and rating is null";
    assert_eq!(stage.count(learned).await, 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn changes_that_were_changed_further_were_edited(db: PgPool) {
    let stage = written(db.clone()).await;
    stage.put("a.py", "answer = 43\n");
    assert_eq!(seen_by_the_next(&stage).await, ["edited workspace"]);
    let learned = "select count(*) from learning_suggestions where feedback_type = 'modified'";
    assert_eq!(stage.count(learned).await, 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn changes_that_were_put_back_were_reverted(db: PgPool) {
    let stage = written(db.clone()).await;
    stage.put("a.py", "answer = 41\n");
    std::fs::remove_file(stage.path("b.py")).unwrap();
    assert_eq!(seen_by_the_next(&stage).await, ["reverted workspace"]);
    let learned = "select count(*) from learning_suggestions where feedback_type = 'rejected'";
    assert_eq!(stage.count(learned).await, 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_looks_by_itself_after_an_hour_and_once(db: PgPool) {
    let stage = written(db.clone()).await;
    let agent = &stage.app.app.agent;
    check_all(agent.deps()).await.unwrap();
    assert_eq!(signals(&db).await, [""; 0], "people need time");
    sqlx::query("update run_changes set created_at = created_at - $1::interval")
        .bind(TimeDelta::hours(2).to_std().unwrap())
        .execute(&db)
        .await
        .unwrap();
    let (one, other) = tokio::join!(check_all(agent.deps()), check_all(agent.deps()));
    one.and(other).unwrap();
    assert_eq!(signals(&db).await, ["kept workspace"]);
    assert_eq!(stage.count("select count(*) from run_changes").await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_folder_that_is_not_here_says_nothing(db: PgPool) {
    let stage = written(db.clone()).await;
    sqlx::query("update run_changes set workspace = '/nowhere', created_at = '2020-01-01'")
        .execute(&db)
        .await
        .unwrap();
    check_all(stage.app.app.agent.deps()).await.unwrap();
    assert_eq!(signals(&db).await, [""; 0]);
    assert_eq!(stage.count("select count(*) from run_changes").await, 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_same_question_again_says_that_the_first_answer_was_not_it(db: PgPool) {
    let stage = Stage::new(db.clone(), script([says("Done.")])).await;
    let first = stage.run("do it").await;
    stage.run("do it").await;
    let retried: i64 = sqlx::query_scalar(
        "select gen_id from ai_feedback_signals where signal = 'retried' and source = 'run'",
    )
    .fetch_one(&db)
    .await
    .unwrap();
    assert_eq!(first.events("generation_logged")[0]["gen_id"], retried);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn checks_that_pass_are_a_signal(db: PgPool) {
    let write = |name: &str| calls(&[("write_file", json!({"path": name, "content": "x"}))]);
    let stage = Stage::new(db.clone(), script([write("ok"), says("Done.")])).await;
    stage.project("test -e ok");
    let told = stage.run("do it").await;
    assert_eq!(told.outcome(), "success=true completed verification=passed");
    assert_eq!(signals(&db).await, ["tests_passed run"]);
    let verified = "select count(*) from ai_generation_log where verification = 'passed'";
    assert_eq!(stage.count(verified).await, 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn checks_that_fail_are_a_signal_too(db: PgPool) {
    let write = json!({"path": "broken", "content": "x"});
    let turns = [
        calls(&[("write_file", write)]),
        says("Done."),
        says("Done."),
        says("Done."),
    ];
    let stage = Stage::new(db.clone(), script(turns)).await;
    stage.project("! test -e broken");
    let told = stage.run("do it").await;
    assert_eq!(told.summary()["verification"], "failed");
    assert_eq!(signals(&db).await, ["tests_failed run"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_denied_approval_is_a_signal(db: PgPool) {
    let push = calls(&[("run_command", json!({"command": "git push origin main"}))]);
    let desk = Desk::new(db.clone(), script([push, says("Then not.")])).await;
    let id = desk.create(nothing()).await;
    let asked = desk.until(&id, "command.consent_required").await;
    let consent = asked["data"]["consent_id"].as_str().unwrap();
    let path = format!("/api/navi/consent/{consent}");
    let (status, _) = desk.client.post(&path, json!({"choice": "deny"})).await;
    assert_eq!(status, 200);
    desk.ended(&id).await;
    assert_eq!(signals(&db).await, ["approval_denied run"]);
}
