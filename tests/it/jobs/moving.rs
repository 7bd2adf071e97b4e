//! Starting, resuming and approving jobs.

use serde_json::json;
use sqlx::PgPool;

use crate::jobs::desk::{Desk, nothing};
use crate::runs::stage::{calls, says, script};

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_that_waits_begins_once_however_often_it_is_started(db: PgPool) {
    let turns = [calls(&[(
        "run_command",
        json!({"command": "echo begun; sleep 60"}),
    )])];
    let desk = Desk::new(db, script(turns)).await;
    let id = desk.create(json!({"auto_start": false})).await;
    assert_eq!(desk.job(&id).await["status"], "queued");
    assert_eq!(desk.stage.requests().len(), 0, "nobody has begun with it");
    let starts = (0..2).map(|_| desk.ask(&id, "start", nothing()));
    let answers = futures_util::future::join_all(starts).await;
    let started = |(status, answer): &(u16, serde_json::Value)| {
        assert_eq!(*status, 200, "{answer}");
        answer["started"] == true
    };
    assert_eq!(answers.iter().filter(|one| started(one)).count(), 1);
    desk.until(&id, "command_output").await;
    for what in ["start", "resume"] {
        let (status, answer) = desk.ask(&id, what, nothing()).await;
        assert_eq!((status, &answer["started"]), (200, &json!(false)));
        assert_eq!(answer["message"], "the job is running already");
    }
    desk.ask(&id, "cancel", nothing()).await;
    let told = desk.ended(&id).await;
    assert_eq!(told.all("job_started").len(), 1);
    for what in ["start", "resume", "cancel", "approve"] {
        let body = json!({"choice": "allow_once"});
        let (status, problem) = desk.ask(&id, what, body).await;
        let expected = if what == "cancel" { 200 } else { 409 };
        assert_eq!(status, expected, "{what}: {problem}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_that_waits_for_a_person_is_moved_by_an_answer_alone(db: PgPool) {
    let ship = json!({"command": "git push origin main; echo pushed >> log"});
    let turns = [calls(&[("run_command", ship)]), says("Done.")];
    let desk = Desk::new(db, script(turns)).await;
    let id = desk.create(nothing()).await;
    let asked = desk.until(&id, "command.consent_required").await;
    let job = desk.until_status(&id, "paused_for_approval").await;
    assert_eq!(job["phase"], "awaiting_human_decision");
    assert_eq!(job["pending_approval"]["kind"], "consent");
    assert_eq!(
        job["pending_approval"]["consent_id"],
        asked["data"]["consent_id"]
    );
    assert_eq!(
        desk.paused().await[0]["pending_approval"],
        job["pending_approval"]
    );
    for what in ["start", "resume"] {
        let (status, problem) = desk.ask(&id, what, nothing()).await;
        assert_eq!(
            (status, &problem["error_code"]),
            (409, &json!("JOB_WAITS_FOR_APPROVAL"))
        );
    }
    for unclear in [
        nothing(),
        json!({"choice": null}),
        json!({"comment": "go on"}),
        json!({"decision": "perhaps"}),
        json!({"choice": "alternative"}),
    ] {
        let (status, problem) = desk.ask(&id, "approve", unclear).await;
        assert_eq!(status, 400, "{problem}");
    }
    let unknown = "00000000-0000-7000-8000-000000000000";
    let of_nobody = json!({"choice": "allow_once", "consent_id": unknown});
    assert_eq!(desk.ask(&id, "approve", of_nobody).await.0, 404);
    let other = desk.create(nothing()).await;
    let others = desk.until(&other, "command.consent_required").await;
    let of_other = json!({"choice": "allow_once", "consent_id": others["data"]["consent_id"]});
    assert_eq!(desk.ask(&id, "approve", of_other).await.0, 404);
    assert_eq!(desk.job(&id).await["status"], "paused_for_approval");
    let (status, answer) = desk
        .ask(&id, "approve", json!({"decision": "approve"}))
        .await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["approval"]["choice"], "allow_once");
    let told = desk.ended(&id).await;
    assert_eq!(told.stopped_reason(), "completed");
    assert_eq!(told.all("approval_recorded").len(), 1);
    assert_eq!(told.all("job_paused").len(), 1);
    assert_eq!(desk.stage.content("log"), "pushed\n");
    let (status, _) = desk.ask(&other, "cancel", nothing()).await;
    assert_eq!(status, 200);
    desk.ended(&other).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn nothing_that_does_not_wait_can_be_approved(db: PgPool) {
    let asks = calls(&[("ask_user", json!({"question": "Which colour?"}))]);
    let desk = Desk::new(db, script([asks, says("Done.")])).await;
    let yes = json!({"choice": "allow_once"});
    let held = desk.create(json!({"auto_start": false})).await;
    let waits = desk.create(nothing()).await;
    let asked = desk.until(&waits, "prompt_request").await;
    let job = desk.until_status(&waits, "paused_for_approval").await;
    let pending = &job["pending_approval"];
    assert_eq!(pending["kind"], "prompt");
    assert_eq!(pending["prompt_id"], asked["data"]["prompt_id"]);
    assert_eq!(&desk.paused().await[0]["pending_approval"], pending);
    for id in [&held, &waits] {
        let (status, problem) = desk.ask(id, "approve", yes.clone()).await;
        assert_eq!(
            (status, &problem["error_code"]),
            (409, &json!("JOB_NOT_PAUSED"))
        );
    }
    let prompt = asked["data"]["prompt_id"].as_str().unwrap();
    let path = format!("/api/navi/prompt/{prompt}");
    let (status, _) = desk.client.post(&path, json!({"response": "blue"})).await;
    assert_eq!(status, 200);
    let told = desk.ended(&waits).await;
    assert_eq!(told.results()[0]["response"], "blue");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_whose_past_cannot_be_read_ends_and_says_so(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let id = desk.create(json!({"auto_start": false})).await;
    let stored = "insert into run_messages (org_id, run_id, position, content, created_at)
                  select org_id, run_id, 0, '{\"role\": 7}', now() from runs";
    sqlx::query(stored).execute(&desk.stage.db).await.unwrap();
    desk.ask(&id, "start", nothing()).await;
    let job = desk.until_status(&id, "failed").await;
    assert!(job["error"].as_str().unwrap().contains("history"), "{job}");
}
