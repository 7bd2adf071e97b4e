//! Jobs that meet an obstacle which may pass: they pause, and go on where they were.

use navi::llm::script::{Fail, FailKind, Script, Turn};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::jobs::desk::{Desk, nothing};
use crate::runs::stage::{calls, says, script};

/// A turn that fails so often, and asks for more time than there is.
fn failing(turn: Turn, kind: FailKind, times: Option<u32>) -> Turn {
    Turn {
        fail: Some(Fail {
            kind,
            retry_after_ms: Some(3_600_000),
            times,
        }),
        ..turn
    }
}

fn busy_once(kind: FailKind) -> Script {
    script([
        calls(&[("write_file", json!({"path": "a", "content": "1"}))]),
        failing(says("Half an answer"), kind, Some(1)),
    ])
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_whose_model_stays_away_pauses_and_goes_on_where_it_was(db: PgPool) {
    for (kind, code) in [
        (FailKind::RateLimited, "MODEL_RATE_LIMITED"),
        (FailKind::Unavailable, "MODEL_UNAVAILABLE"),
        (FailKind::QuotaExhausted, "MODEL_QUOTA_EXHAUSTED"),
    ] {
        let desk = Desk::new(db.clone(), busy_once(kind)).await;
        let id = desk.create(json!({})).await;
        let paused = desk.until(&id, "job_paused").await;
        assert_eq!(paused["reason"], code);
        assert_eq!(paused["job_status"], "paused_for_approval");
        assert!(paused["message"].as_str().unwrap().contains("`scripted`"));
        let job = desk.job(&id).await;
        assert_eq!(job["status"], "paused_for_approval");
        assert_eq!(job["pending_approval"], Value::Null);
        assert_eq!(job["error"], paused["message"]);
        assert_eq!(job["finished_at"], Value::Null);
        let (status, _) = desk.ask(&id, "start", nothing()).await;
        assert_eq!(status, 409, "it was started long ago");
        let (status, _) = desk
            .ask(&id, "approve", json!({"choice": "allow_once"}))
            .await;
        assert_eq!(status, 409, "it waits for no answer");

        let (status, answer) = desk.ask(&id, "resume", nothing()).await;
        assert_eq!((status, &answer["started"]), (200, &json!(true)));
        let told = desk.ended(&id).await;
        assert_eq!(told.stopped_reason(), "completed");
        let resumed = told.all("job_resumed");
        assert_eq!(resumed.len(), 1);
        assert_eq!(resumed[0]["reason"], "requested");
        let half = told.all("text")[0];
        assert!(half["sequence"].as_i64() > resumed[0]["discard_after"].as_i64());
        assert_eq!(told.all("tool_call").len(), 1, "nothing is done twice");
        assert_eq!(told.all("plan_start").len(), 1);
        assert_eq!(desk.job(&id).await["error"], Value::Null);
        assert_eq!(desk.job(&id).await["takeovers"], 0);
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_may_pause_before_its_plan_and_again_after_it_was_resumed(db: PgPool) {
    let script = Script {
        turns: vec![failing(Turn::default(), FailKind::RateLimited, Some(2))],
        ..Script::default()
    };
    let desk = Desk::new(db, script).await;
    let id = desk.create(json!({})).await;
    let mut stream = desk.follow(&id, 0).await;
    for _ in 0..2 {
        stream.until(|event| event["type"] == "job_paused").await;
        let (status, refused) = desk.ask(&id, "start", nothing()).await;
        assert_eq!(status, 409);
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains("send `resume`"), "{detail}");
        let (status, answer) = desk.ask(&id, "resume", nothing()).await;
        assert_eq!((status, &answer["started"]), (200, &json!(true)));
    }
    let told = desk.ended(&id).await;
    assert_eq!(told.all("job_paused").len(), 2);
    assert_eq!(told.all("job_started").len(), 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_paused_job_can_be_cancelled_and_holds_no_slot(db: PgPool) {
    let turns = [failing(Turn::default(), FailKind::RateLimited, Some(1))];
    let flags = ["--max-concurrent-runs", "1"];
    let desk = Desk::with(db, script(turns), &flags).await;
    let id = desk.create(json!({})).await;
    desk.until_status(&id, "paused_for_approval").await;
    let other = desk.create(json!({})).await;
    assert_eq!(desk.ended(&other).await.stopped_reason(), "completed");
    let (status, _) = desk.ask(&id, "cancel", nothing()).await;
    assert_eq!(status, 200);
    assert_eq!(desk.ended(&id).await.stopped_reason(), "cancelled");
    let (status, _) = desk.ask(&id, "resume", nothing()).await;
    assert_eq!(status, 409);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_cannot_pass_ends_a_job(db: PgPool) {
    for kind in [
        FailKind::Unauthorized,
        FailKind::UnknownModel,
        FailKind::Rejected,
    ] {
        let turns = [failing(Turn::default(), kind, None)];
        let desk = Desk::new(db.clone(), script(turns)).await;
        let id = desk.create(json!({})).await;
        let told = desk.ended(&id).await;
        assert_eq!(told.stopped_reason(), "model_error");
        assert_eq!(told.all("job_paused"), [] as [&Value; 0]);
    }
}
