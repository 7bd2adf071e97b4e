//! The extension copies a file for its Undo when it sees the call that will change it.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::PgListener;

use crate::jobs::desk::{Desk, follow, nothing};
use crate::runs::stage::{Stage, calls, says, script};

/// The time that a client has to read a file after a call is announced and before the file changes.
const READ_TIME: Duration = Duration::from_millis(250);

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn who_sees_an_edit_announced_can_still_read_the_old_file(db: PgPool) {
    let edit = |number: u32| {
        let (old, new) = (format!("line {number}"), format!("line {}", number + 1));
        let arguments = json!({"path": "notes.txt", "old_text": old, "new_text": new});
        calls(&[("edit_file", arguments)])
    };
    let create = calls(&[("write_file", json!({"path": "new.txt", "content": "new"}))]);
    let turns = (0..4).map(edit).chain([create, says("Done.")]);
    let stage = Stage::new(db, script(turns)).await;
    stage.put("notes.txt", "line 0\n");
    let mut stream = stage.begin(&stage.planner(), &stage.body("count up")).await;
    let (mut edits, mut compared) = (0, 0);
    while let Some(event) = stream.next().await {
        let seen = Instant::now();
        if event["type"] != "tool_call" {
            continue;
        }
        let path = event["tool_call"]["arguments"]["path"].as_str().unwrap();
        let before = std::fs::read_to_string(stage.path(path)).ok();
        // A machine that takes longer than that to read a file says nothing.
        if seen.elapsed() < READ_TIME {
            let expected = (path == "notes.txt").then(|| format!("line {edits}\n"));
            assert_eq!(before, expected, "the copy is of the changed file");
            compared += 1;
        }
        edits += 1;
    }
    assert_eq!(
        (edits, stage.content("notes.txt").as_str()),
        (5, "line 4\n")
    );
    assert!(compared > 0, "no copy was made in time");
    stage.ended(stream).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_process_with_followers_tells_the_one_that_works_on_the_run(db: PgPool) {
    let asks = calls(&[("ask_user", json!({"question": "Which colour?"}))]);
    let desk = Desk::new(db.clone(), script([asks, says("Done.")])).await;
    let id = desk.create(nothing()).await;
    desk.until(&id, "job_paused").await;
    let mut told = PgListener::connect_with(&db).await.unwrap();
    told.listen("navi").await.unwrap();
    let elsewhere = Stage::without_script(db, &["--app-env", "development"]).await;
    let signals = &elsewhere.app.app.agent.deps().signals;
    signals.start(&elsewhere.app.app.tasks);
    let mut stream = follow(&elsewhere.planner(), &id, 0).await;
    let following = async { while stream.next().await.is_some() {} };
    let heard = async {
        loop {
            let payload = told.recv().await.unwrap().payload().to_owned();
            if payload.contains("followed") && payload.contains(&id) {
                return;
            }
        }
    };
    tokio::select! {
        () = following => panic!("the job waits for an answer"),
        () = heard => {}
    }
}
