//! Questions to the user, answered over HTTP while the run waits.

use navi::auth::principal::Role;
use navi::llm::script::Script;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{Stage, calls, says, script};
use crate::runs::stream::EventStream;

fn asks() -> Script {
    let question = json!({"question": "Which colour?", "options": ["red", "blue"]});
    script([calls(&[("ask_user", question)]), says("Good.")])
}

/// Begins a run and reads on until it waits; answers with the path of its question.
async fn waiting(stage: &Stage) -> (EventStream, String) {
    let mut stream = stage
        .begin(&stage.planner(), &stage.body("paint it as I like"))
        .await;
    let asked = stream
        .until(|event| event["type"] == "prompt_request")
        .await;
    let status = stream.until(|event| event["type"] == "status").await;
    assert_eq!(status["status"], "awaiting_user_input");
    assert_eq!(status["prompt_id"], asked["data"]["prompt_id"]);
    let id = asked["data"]["prompt_id"].as_str().unwrap();
    (stream, format!("/api/navi/prompt/{id}"))
}

async fn result(stage: &Stage, mut stream: EventStream) -> Value {
    stream.rest().await;
    let run = stage.ended(stream).await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    json!(run.results()[0])
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_reaches_the_model_and_counts_once(db: PgPool) {
    let stage = Stage::new(db, asks()).await;
    let (stream, path) = waiting(&stage).await;
    let client = stage.planner();
    let (status, problem) = client.post(&path, json!({})).await;
    assert_eq!(
        (status.as_u16(), &problem["error_code"]),
        (400, &json!("PROMPT_UNANSWERED"))
    );
    let (status, _) = client.post(&path, json!({"response": null})).await;
    assert_eq!(status, 400);
    let (status, taken) = client.post(&path, json!({"response": "blue"})).await;
    assert_eq!((status.as_u16(), &taken["success"]), (200, &json!(true)));
    let result = result(&stage, stream).await;
    assert_eq!(result, json!({"success": true, "response": "blue"}));
    // The same answer again is harmless, another one is not taken.
    let (status, _) = client.post(&path, json!({"response": "blue"})).await;
    assert_eq!(status, 200);
    for other in [json!({"response": "red"}), json!({"cancelled": true})] {
        let (status, problem) = client.post(&path, other).await;
        assert_eq!(
            (status.as_u16(), &problem["error_code"]),
            (409, &json!("PROMPT_ALREADY_ANSWERED"))
        );
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_question_that_is_declined_is_told_to_the_model(db: PgPool) {
    let stage = Stage::new(db, asks()).await;
    let (stream, path) = waiting(&stage).await;
    let (status, taken) = stage
        .planner()
        .post(&path, json!({"cancelled": true}))
        .await;
    assert_eq!((status.as_u16(), &taken["cancelled"]), (200, &json!(true)));
    let result = result(&stage, stream).await;
    assert_eq!(result["error"], "the user does not want to answer");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_question_that_no_person_was_asked_is_told_so(db: PgPool) {
    let stage = Stage::new(db, asks()).await;
    let (mut stream, path) = waiting(&stage).await;
    let nobody = json!({"cancelled": true, "nobody_asked": true});
    let (status, _) = stage.planner().post(&path, nobody).await;
    assert_eq!(status, 200);
    stream.rest().await;
    let run = stage.ended(stream).await;
    let told = run.results()[0]["error"].as_str().unwrap().to_owned();
    assert!(told.contains("needs a person, and there is none"), "{told}");
    let summary = run.summary();
    assert_eq!(
        (&summary["success"], &summary["verdict"]),
        (&json!(true), &json!("partly"))
    );
    let met = "1 question needs a person and was not asked";
    assert_eq!(summary["obstacles"], json!([met]));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn nobody_else_sees_a_question(db: PgPool) {
    let stage = Stage::new(db, asks()).await;
    let (stream, path) = waiting(&stage).await;
    for stranger in [
        stage.app.client_of("org-2", "user-1", Role::Admin),
        stage.app.client_of("org-1", "user-2", Role::Admin),
    ] {
        let (status, problem) = stranger.post(&path, json!({"response": "red"})).await;
        assert_eq!(
            (status.as_u16(), &problem["error_code"]),
            (404, &json!("PROMPT_NOT_FOUND"))
        );
    }
    let unknown = "/api/navi/prompt/00000000-0000-7000-8000-000000000000";
    let (status, _) = stage
        .planner()
        .post(unknown, json!({"response": "red"}))
        .await;
    assert_eq!(status, 404);
    stage
        .planner()
        .post(&path, json!({"response": "blue"}))
        .await;
    result(&stage, stream).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_question_whose_time_is_over_takes_no_answer(db: PgPool) {
    let stage = Stage::new(db, asks()).await;
    let (stream, path) = waiting(&stage).await;
    stage.app.app.clock.advance(chrono::TimeDelta::seconds(301));
    let (status, _) = stage
        .planner()
        .post(&path, json!({"response": "blue"}))
        .await;
    assert_eq!(status, 404);
    drop(stream);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_question_of_a_run_that_is_over_takes_no_answer(db: PgPool) {
    let stage = Stage::new(db, asks()).await;
    let (stream, path) = waiting(&stage).await;
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
    let (status, _) = stage
        .planner()
        .post(&path, json!({"response": "blue"}))
        .await;
    assert_eq!(status, 404);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_question_that_makes_no_sense_is_told_to_the_model(db: PgPool) {
    let nonsense = calls(&[("ask_user", json!({"question": " "}))]);
    let stage = Stage::new(db, script([nonsense, says("Never mind.")])).await;
    let run = stage.run("ask me something odd").await;
    assert!(
        run.results()[0]["error"]
            .as_str()
            .unwrap()
            .contains("question")
    );
    assert_eq!(run.events("prompt_request"), [] as [&Value; 0]);
}
