//! A server that is killed between any two events of a run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use navi::llm::script::{Script, Turn};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::durable::person::{Story, see_through};
use crate::runs::stage::{calls, says, script};
use crate::support::served::{Place, url};

/// Losing a server is noticed this soon.
const QUICK: [&str; 2] = ["--lease-seconds", "2"];

/// Every kind of effect: a file made, a file changed, a line added, and looking at it.
fn everything() -> Script {
    let slow = |turn: Turn| Turn {
        delay_ms: 15,
        ..turn
    };
    let mut write = calls(&[("write_file", json!({"path": "notes", "content": "one\n"}))]);
    write.say = vec!["I write ".to_owned(), "it. ".to_owned()];
    let edit = json!({"path": "notes", "old_text": "one", "new_text": "two"});
    let turns = [
        write,
        calls(&[("edit_file", edit)]),
        calls(&[("run_command", json!({"command": "echo line >> log"}))]),
        calls(&[("run_command", json!({"command": "cat notes log"}))]),
        Turn {
            say: vec!["All ".to_owned(), "is ".to_owned(), "done.".to_owned()],
            ..says("")
        },
    ];
    script(turns.map(slow))
}

struct Attempt {
    killed_at: i64,
    id: String,
    workspace: PathBuf,
}

fn is_as_without(plain: &Story, story: &Story, attempt: &Attempt) {
    let at = format!("killed after event {}: {story:#?}", attempt.killed_at);
    assert_eq!(story.text(), plain.text(), "{at}");
    assert_eq!(story.calls(), plain.calls(), "{at}");
    assert_eq!(story.summary(), plain.summary(), "{at}");
    let read = |file: &str| std::fs::read_to_string(attempt.workspace.join(file)).unwrap();
    assert_eq!(
        (read("notes").as_str(), read("log").as_str()),
        ("two\n", "line\n"),
        "{at}"
    );
    for (place, result) in story.results().into_iter().enumerate() {
        let known = result["success"] == true;
        // The one effect that cannot be told from outside; a person has looked.
        let looked = place == 2 && story.questions > 0;
        assert!(known || looked, "{at}");
    }
    assert_eq!(story.all("job_started").len(), 1, "{at}");
}

/// Kills one server after the other: each when a new job of its own has told its next event, while it
/// may be going on with those of the servers before. The last sees all of them through.
async fn killed_at_each(db: PgPool, which: i64) {
    let place = Place::new(&everything(), Some(&url(&db.connect_options())));
    let plain = {
        let served = place.serve(&QUICK).await;
        let workspace = place.workspace("plain");
        let id = served.job(&workspace).await;
        see_through(&db, &served, &id, &workspace.join("log")).await
    };
    let last = i64::try_from(plain.events.len()).unwrap() - 1;
    let points: Vec<_> = (1..last).filter(|at| at % 3 == which).collect();
    let mut resumed = 0;
    // In parts, so that no job loses its server too often.
    for points in points.chunks(6) {
        let mut attempts = Vec::new();
        for at in points {
            attempts.push(killed_after(&place, *at).await);
        }
        let served = place.serve(&QUICK).await;
        let seen = attempts.iter().map(async |attempt| {
            let log = attempt.workspace.join("log");
            let story = see_through(&db, &served, &attempt.id, &log).await;
            is_as_without(&plain, &story, attempt);
            usize::from(!story.all("job_resumed").is_empty())
        });
        let seen = futures_util::future::join_all(seen).await;
        resumed += seen.into_iter().sum::<usize>();
        assert!(!served.log().contains("panicked"), "{}", served.log());
    }
    // The end is written as a whole, so who is killed after its first event was done.
    assert!(resumed * 2 >= points.len(), "{resumed} of {points:?}");
}

async fn killed_after(place: &Arc<Place>, at: i64) -> Attempt {
    let mut served = place.serve(&QUICK).await;
    let workspace = place.workspace(&at.to_string());
    let id = served.job(&workspace).await;
    let mut stream = served.follow(&id, 0, true).await;
    let is = |event: &Value| event["sequence"].as_i64() >= Some(at);
    stream.until(is).await;
    served.kill();
    Attempt {
        killed_at: at,
        id,
        workspace,
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_kill_loses_and_repeats_nothing_after_events_1_4_7_and_so_on(db: PgPool) {
    killed_at_each(db, 1).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_kill_loses_and_repeats_nothing_after_events_2_5_8_and_so_on(db: PgPool) {
    killed_at_each(db, 2).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_kill_loses_and_repeats_nothing_after_events_3_6_9_and_so_on(db: PgPool) {
    killed_at_each(db, 0).await;
}

/// A command that changes files and then takes its time.
fn changes_and_waits() -> Script {
    let command = "rm gone; mv old new; echo line >> log; sleep 60";
    script([
        calls(&[("run_command", json!({ "command": command }))]),
        says("It is done."),
    ])
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_a_command_changed_before_its_server_was_killed_is_told_by_the_next(db: PgPool) {
    let place = Place::new(&changes_and_waits(), Some(&url(&db.connect_options())));
    let mut served = place.serve(&QUICK).await;
    let workspace = place.workspace("changed");
    std::fs::write(workspace.join("gone"), "1\n").unwrap();
    std::fs::write(workspace.join("old"), "2\n").unwrap();
    let log = workspace.join("log");
    let id = served.job(&workspace).await;
    while !log.exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    served.kill();
    let served = place.serve(&QUICK).await;
    // The person sees the line, and answers that the command is not to run again.
    let story = see_through(&db, &served, &id, &log).await;
    let summary = story.summary();
    assert_eq!(story.all("job_resumed").len(), 1, "{story:#?}");
    assert_eq!(summary["files_created"], json!(["log"]));
    assert_eq!(summary["files_deleted"], json!(["gone"]));
    assert_eq!(
        summary["files_renamed"],
        json!([{"from": "old", "to": "new"}])
    );
    assert_eq!(summary["changes_complete"], true);
}
