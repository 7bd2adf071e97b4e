//! A person is shown the action that runs, whatever characters are in it.

use std::time::Duration;

use navi::platform::text::is_unseen;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{Stage, calls, says, script};

/// Turns, hides and parts what a terminal or a page shows. Nothing of it runs but `false`.
const TRICK: &str =
    "false && git push \u{202e}nigiro\u{202c} \u{2066}main\u{2069} a\u{200b}b \u{e0041}\u{1b}[8m";
/// The same as it may be read.
const READ: &str = "false && git push \\u{202e}nigiro\\u{202c} \\u{2066}main\\u{2069} a\\u{200b}b \
                    \\u{e0041}\\u{1b}[8m";

fn assert_shows_itself(value: &Value, about: &str) {
    let text = value.to_string();
    let is_trick = |c: char| is_unseen(c) || c.is_control();
    assert!(!text.contains(is_trick), "{about}: {text:?}");
    for escape in ["\\u001b", "\\u200b"] {
        assert!(!text.contains(escape), "{about}: {text:?}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_person_is_asked_about_the_command_that_runs(db: PgPool) {
    let turns = [
        calls(&[("run_command", json!({"command": TRICK}))]),
        says("a\u{202e}b"),
    ];
    let stage = Stage::new(db.clone(), script(turns)).await;
    let planner = stage.planner();
    let mut stream = stage.begin(&planner, &stage.body("publish it")).await;
    let asked = stream
        .until(|event| event["type"] == "command.consent_required")
        .await;
    assert_eq!(asked["data"]["command"], READ);
    for reason in asked["data"]["reasons"].as_array().unwrap() {
        assert!(
            !reason["segment"].as_str().unwrap().contains(is_unseen),
            "{reason}"
        );
    }
    let id = asked["data"]["consent_id"].as_str().unwrap();
    let shown: Value = sqlx::query_scalar("select shown from consents")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(shown["command"], READ);
    let path = format!("/api/navi/consent/{id}");
    let (status, answer) = planner
        .post(&path, json!({"choice": "allow_always_exact"}))
        .await;
    assert_eq!(status, 200, "{answer}");
    stream.rest().await;
    for frame in &stream.frames {
        assert_shows_itself(&frame.data, "an event");
    }
    let of = |kind: &str| {
        let found = stream
            .frames
            .iter()
            .find(|frame| frame.data["type"] == kind);
        found.unwrap().data.clone()
    };
    assert_eq!(of("tool_call")["tool_call"]["arguments"]["command"], READ);
    assert_eq!(of("approval_recorded")["approval"]["command"], READ);
    let (_, audit) = planner.get("/api/navi/consent-audit").await;
    assert_eq!(audit["audit_log"][0]["command"], READ);
    let (_, preferences) = planner.get("/api/navi/consent-preferences").await;
    assert_eq!(preferences["preferences"][0]["command_pattern"], READ);
    // The command that is kept to be run, and that the model reads again, is the one that was sent.
    let kept: String = sqlx::query_scalar("select command from consents")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(kept, TRICK);
    let arguments: Value = sqlx::query_scalar("select arguments from tool_calls")
        .fetch_one(&db)
        .await
        .unwrap();
    assert!(arguments.to_string().contains('\u{202e}'), "{arguments}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_that_waits_shows_the_same(db: PgPool) {
    let turns = [
        calls(&[("run_command", json!({"command": TRICK}))]),
        says("Done."),
    ];
    let stage = Stage::new(db, script(turns)).await;
    let planner = stage.planner();
    let mut stream = stage.begin(&planner, &stage.body("publish it")).await;
    let asked = stream
        .until(|event| event["type"] == "command.consent_required")
        .await;
    let run = stream
        .frames
        .iter()
        .find_map(|frame| frame.data["task_id"].as_str());
    let (status, job) = planner.get(&format!("/api/jobs/{}", run.unwrap())).await;
    assert_eq!(status, 200, "{job}");
    assert!(job.to_string().contains(&*json!(READ).to_string()), "{job}");
    assert_shows_itself(&job, "a job");
    let id = asked["data"]["consent_id"].as_str().unwrap();
    let path = format!("/api/navi/consent/{id}");
    let alternative = json!({"choice": "alternative", "alternative_command": "echo \u{202e}x"});
    let (status, _) = planner.post(&path, alternative).await;
    assert_eq!(status, 200);
    // The alternative is a command of its own, which hides something as well.
    let asked = stream
        .until(|event| event["type"] == "command.consent_required")
        .await;
    let id = asked["data"]["consent_id"].as_str().unwrap();
    let path = format!("/api/navi/consent/{id}");
    let (status, _) = planner.post(&path, json!({"choice": "deny"})).await;
    assert_eq!(status, 200);
    let waited = tokio::time::timeout(Duration::from_secs(20), stream.rest()).await;
    assert!(waited.is_ok(), "the run did not go on");
    for frame in &stream.frames {
        assert_shows_itself(&frame.data, "an event");
    }
    let (_, audit) = planner.get("/api/navi/consent-audit").await;
    assert_eq!(
        audit["audit_log"][1]["alternative_command"],
        "echo \\u{202e}x"
    );
    assert_shows_itself(&audit, "the audit");
}
