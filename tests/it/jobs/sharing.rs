//! Several organisations, and several processes, over one database.

use std::time::{Duration, Instant};

use navi::auth::principal::Role;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::jobs::desk::{Desk, follow, nothing};
use crate::runs::stage::{calls, says, script};
use crate::support::app::TestApp;
use crate::support::promises::{CANCELLED_WITHIN, kept};

fn waits() -> [navi::llm::script::Turn; 2] {
    let command = "until [ -f go ]; do sleep 0.05; done";
    [
        calls(&[("run_command", json!({ "command": command }))]),
        says("Done."),
    ]
}

impl Desk {
    async fn running(&self, org: &'static str) -> i64 {
        let count = "select count(*) from runs where status = 'running' and org_id = $1";
        let count = sqlx::query_scalar(count).bind(org);
        count.fetch_one(&self.stage.db).await.unwrap()
    }

    async fn until_running(&self, org: &'static str, count: i64) {
        let began = Instant::now();
        while self.running(org).await != count {
            assert!(began.elapsed() < Duration::from_secs(10), "{org}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn many_jobs_of_one_organisation_starve_no_other(db: PgPool) {
    let flags = ["--max-runs-per-org", "3", "--max-runs-total", "4"];
    let desk = Desk::with(db, script(waits()), &flags).await;
    let mut jobs = Vec::new();
    for _ in 0..8 {
        jobs.push(desk.create(nothing()).await);
    }
    desk.until_running("org-1", 3).await;
    // An interactive run of the same organisation is refused, and says when to come again.
    let (status, problem) = desk.stage.refused(desk.stage.body("more")).await;
    assert_eq!(
        (status, &problem["error_code"]),
        (429, &json!("ORGANISATION_BUSY"))
    );
    let other = desk.stage.app.client_of("org-2", "user-1", Role::Planner);
    let elsewhere = tempfile::tempdir().unwrap();
    let there = json!({ "workspace_path": elsewhere.path() });
    let theirs = [
        desk.create_as(&other, there.clone()).await,
        desk.create_as(&other, there).await,
    ];
    desk.until_running("org-2", 1).await;
    assert_eq!(desk.running("org-1").await, 3, "as many as may be");
    desk.stage.put("go", "");
    std::fs::write(elsewhere.path().join("go"), "").unwrap();
    for id in &theirs {
        let mut stream = follow(&other, id, 0).await;
        stream.rest().await;
        assert!(stream.done);
    }
    for id in &jobs {
        assert_eq!(desk.ended(id).await.stopped_reason(), "completed");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_that_waits_for_a_person_keeps_no_place(db: PgPool) {
    let asks = calls(&[("ask_user", json!({"question": "Which colour?"}))]);
    let desk = Desk::with(
        db,
        script([asks, says("Done.")]),
        &["--max-runs-per-org", "1", "--max-concurrent-runs", "1"],
    )
    .await;
    let first = desk.create(nothing()).await;
    desk.until(&first, "job_paused").await;
    // Neither a place of its organisation's nor one of the process's.
    let second = desk.create(nothing()).await;
    desk.until(&second, "job_paused").await;
    let other = desk.stage.app.client_of("org-2", "user-1", Role::Planner);
    let elsewhere = tempfile::tempdir().unwrap();
    let there = json!({ "workspace_path": elsewhere.path() });
    let theirs = desk.create_as(&other, there).await;
    let mut stream = follow(&other, &theirs, 0).await;
    stream.until(|event| event["type"] == "job_paused").await;
    for id in [first, second] {
        desk.ask(&id, "cancel", nothing()).await;
        desk.ended(&id).await;
    }
}

/// A process that works, and one that only answers requests.
#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_is_followed_answered_and_cancelled_through_another_process(db: PgPool) {
    let asks = calls(&[("ask_user", json!({"question": "Which colour?"}))]);
    let turns = [asks].into_iter().chain(waits());
    let desk = Desk::new(db.clone(), script(turns)).await;
    let clock = desk.stage.app.app.clock.clone();
    let other = TestApp::with(db, clock, &["--worker", "false"]).await;
    other.app.start_background();
    let client = other.client(Role::Planner);
    let id = desk.create(nothing()).await;
    let mut stream = follow(&client, &id, 0).await;
    let asked = stream
        .until(|event| event["type"] == "prompt_request")
        .await;
    let prompt = asked["data"]["prompt_id"].as_str().unwrap();
    let path = format!("/api/navi/prompt/{prompt}");
    let (status, _) = client.post(&path, json!({"response": "blue"})).await;
    assert_eq!(status, 200);
    let result = stream.until(|event| event["type"] == "tool_result").await;
    assert_eq!(result["tool_result"]["result"]["response"], "blue");
    stream.until(|event| event["type"] == "tool_call").await;
    let began = Instant::now();
    let path = format!("/api/jobs/{id}/cancel");
    let (status, _) = client.post(&path, nothing()).await;
    assert_eq!(status, 200);
    stream.rest().await;
    kept(CANCELLED_WITHIN, began);
    let told = desk.ended(&id).await;
    assert_eq!(told.stopped_reason(), "cancelled");
    let seen: Vec<&Value> = stream.frames.iter().map(|frame| &frame.data).collect();
    let all: Vec<&Value> = told.events.iter().collect();
    assert_eq!(seen[..seen.len() - 1], all[..all.len() - 1]);
}
