//! The words of a repository in a run that outlives its server.

use navi::llm::script::Turn;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::durable::person::see_through;
use crate::runs::stage::{calls, says, script};
use crate::support::served::{Place, url};

const QUICK: [&str; 2] = ["--lease-seconds", "2"];

/// The conversation as it is stored, which is what a model is sent.
async fn conversation(db: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select content::text from run_messages order by position")
        .fetch_all(db)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_that_goes_on_elsewhere_keeps_the_words_that_it_began_with(db: PgPool) {
    let read = || calls(&[("read_file", json!({"path": "sub/a"}))]);
    let slow = Turn {
        delay_ms: 1_000,
        ..read()
    };
    let script = script([read(), slow, says("Done.")]);
    let place = Place::new(&script, Some(&url(&db.connect_options())));
    let mut served = place.serve(&QUICK).await;
    let workspace = place.workspace("words");
    let put = |path: &str, text: &str| std::fs::write(workspace.join(path), text).unwrap();
    std::fs::create_dir(workspace.join("sub")).unwrap();
    put("sub/a", "a\n");
    put("AGENTS.md", "Words before.\n");
    put("sub/AGENTS.md", "Folder before.\n");
    let id = served.job(&workspace).await;
    let mut stream = served.follow(&id, 0, true).await;
    let is_told = |event: &Value| event["type"] == "tool_result";
    stream.until(is_told).await;
    served.kill();
    let before = conversation(&db).await;
    put("AGENTS.md", "Words afterwards.\n");
    put("sub/AGENTS.md", "Folder afterwards.\n");
    let served = place.serve(&QUICK).await;
    let story = see_through(&db, &served, &id, &workspace.join("none")).await;
    assert_eq!(story.all("job_resumed").len(), 1, "{story:#?}");
    let after = conversation(&db).await;
    assert_eq!(after[..before.len()], before);
    assert!(before[0].contains("Words before."), "{before:?}");
    let whole = after.concat();
    assert!(!whole.contains("afterwards"), "{whole}");
    assert_eq!(whole.matches("Folder before.").count(), 1, "{whole}");
    let results = story.results();
    assert!(results.iter().all(|result| result["success"] == true));
}
