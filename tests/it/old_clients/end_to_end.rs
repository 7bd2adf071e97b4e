//! The requests of the original's own end-to-end script, `e2e_real_llm_validation.py`, and its verdict.

#![expect(
    clippy::disallowed_methods,
    reason = "a test is the client, and sends as that does"
)]

use std::time::Duration;

use navi::llm::script::Script;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{calls, says};
use crate::support::served::{Place, url};

/// One case of its quick suite.
const QUESTION: &str = "Read the README.md file and give me a one-sentence summary";

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_originals_end_to_end_script_counts_a_run_as_a_success(db: PgPool) {
    let script = Script {
        turns: vec![
            calls(&[("read_file", json!({"path": "README.md"}))]),
            says("A small project that says hello."),
        ],
        ..Script::default()
    };
    let place = Place::new(&script, Some(&url(&db.connect_options())));
    // It sends no token.
    let bypass = ["--allow-dev-auth-bypass=true", "--dev-user-role=planner"];
    let server = place.serve(&bypass).await;
    std::fs::write(server.workspace().join("README.md"), "# Hello\n").unwrap();
    let health = reqwest::get(format!("{}/health", server.url)).await;
    assert_eq!(health.unwrap().status(), 200);

    let answer = reqwest::Client::new()
        .post(format!("{}/api/navi/chat/autonomous", server.url))
        // It gives up after two minutes.
        .timeout(Duration::from_mins(2))
        .json(&json!({
            "message": QUESTION,
            "mode": "simple",
            "workspace_root": server.workspace(),
        }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    // It reads the whole answer, takes the lines that hold JSON, and believes the first that is complete.
    let text = answer.text().await.unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = lines
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect();
    let first = |kind: &str| events.iter().find(|event| event["type"] == kind);
    assert_eq!(first("complete").unwrap()["summary"]["success"], true);
    assert_eq!(
        first("tool_call").unwrap()["tool_call"]["name"],
        "read_file"
    );
}
