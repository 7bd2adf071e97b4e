//! A run while its model cannot answer: the turn is asked again, and those who follow are told
//! what to discard.

use std::time::Duration;

use axum::http::Method;
use navi::llm::model::ChatRequest;
use navi::llm::script::{Fail, FailKind, Script, Turn};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{Stage, Transcript, calls, says, script};
use crate::runs::stream::Frame;
use crate::support::client::json_request;

/// Longer than any run waits.
const FOR_EVER: u64 = 3_600_000;

fn failing(turn: Turn, kind: FailKind, times: Option<u32>, retry_after_ms: Option<u64>) -> Turn {
    Turn {
        fail: Some(Fail {
            kind,
            retry_after_ms,
            times,
        }),
        ..turn
    }
}

/// The text that is left when everything was discarded that those who follow were told to discard.
fn text_left(frames: &[Frame]) -> String {
    let mut pieces: Vec<(i64, &str)> = Vec::new();
    for frame in frames {
        if let Some(text) = frame.data["text"].as_str() {
            pieces.push((frame.id.unwrap(), text));
        }
        if let Some(after) = frame.data["discard_after"].as_i64() {
            pieces.retain(|(id, _)| *id <= after);
        }
    }
    pieces.into_iter().map(|(_, text)| text).collect()
}

fn waits(run: &Transcript) -> Vec<String> {
    let told = run.events("thinking_progress").into_iter();
    let told = told.map(|event| event["message"].as_str().unwrap().to_owned());
    told.filter(|message| message.contains("asking again"))
        .collect()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_turn_that_breaks_off_is_asked_again_and_what_was_shown_of_it_is_discarded(db: PgPool) {
    for kind in [
        FailKind::Truncated,
        FailKind::Network,
        FailKind::TimedOut,
        FailKind::Unavailable,
        FailKind::RateLimited,
        FailKind::Botched,
        FailKind::Protocol,
    ] {
        let mut edit = calls(&[("write_file", json!({"path": "a", "content": "1"}))]);
        edit.say = vec!["I write ".to_owned(), "the file. ".to_owned()];
        let turns = [
            failing(edit, kind, Some(1), None),
            failing(says("It is written."), kind, Some(1), None),
        ];
        let stage = Stage::new(db.clone(), script(turns)).await;
        let run = stage.run("write a file for me").await;
        assert_eq!(run.outcome(), "success=true completed verification=not_run");
        assert_eq!(run.errors(), [] as [&str; 0], "{kind:?}");
        assert_eq!(stage.content("a"), "1");
        assert_eq!(run.events("tool_call").len(), 1, "nothing is done twice");
        assert_eq!(text_left(&run.frames), "I write the file. It is written.");
        let discards = run.events("job_resumed");
        assert_eq!(discards.len(), 2, "{kind:?}");
        assert!(
            discards
                .iter()
                .all(|event| event["reason"] == "asked_again")
        );
        // Clients that do not know this kind of event have a sentence to show.
        let told = run.events("thinking_progress");
        let told = told.iter().filter(|event| {
            let message = event["message"].as_str().unwrap();
            message.contains("broke off")
        });
        assert_eq!(told.count(), 2);
        assert_eq!(stage.turns().len(), 4);
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn hidden_reasoning_counts_as_nothing_shown(db: PgPool) {
    let thinks = Turn {
        reason: vec!["hm".to_owned()],
        ..says("Done.")
    };
    let mut turn = failing(thinks, FailKind::Unavailable, Some(1), None);
    turn.say = Vec::new();
    turn.calls = calls(&[("list_directory", json!({"path": "."}))]).calls;
    let stage = Stage::new(db, script([turn, says("Done.")])).await;
    let run = stage.run("list what is there").await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    assert_eq!(run.events("job_resumed"), [] as [&Value; 0]);
    assert_eq!(stage.turns().len(), 3);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_interactive_run_ends_when_its_patience_does_and_says_why(db: PgPool) {
    for kind in [FailKind::RateLimited, FailKind::Unavailable] {
        let turns = [failing(Turn::default(), kind, None, Some(FOR_EVER))];
        let stage = Stage::new(db.clone(), script(turns)).await;
        let run = stage.run("do something useful").await;
        assert_eq!(
            run.outcome(),
            "success=false model_error verification=not_run"
        );
        assert_eq!(run.errors().len(), 1);
        assert_eq!(stage.turns().len(), 1, "no sooner than it wants");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_plan_that_cannot_be_asked_for_now_is_waited_for_too(db: PgPool) {
    // Without a plan of its own the script plays its turns for the planner as well.
    let script = Script {
        turns: vec![
            failing(says("no plan"), FailKind::Unavailable, Some(2), None),
            says("Done."),
        ],
        ..Script::default()
    };
    let stage = Stage::new(db, script).await;
    let run = stage.run("do something useful").await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    assert_eq!(run.errors(), [] as [&str; 0]);
}

/// A run that waits for a minute, and its stream up to there.
async fn waiting(stage: &Stage) -> crate::runs::stream::EventStream {
    let client = stage.planner();
    let mut stream = stage
        .begin(&client, &stage.body("do something useful"))
        .await;
    stream
        .until(|event| {
            let message = event["message"].as_str().unwrap_or_default();
            event["type"] == "thinking_progress" && message.contains("asking again in 6")
        })
        .await;
    stream
}

const PATIENT: [&str; 2] = ["--model-patience-seconds-interactive", "900"];

fn minute() -> Script {
    let turn = Turn::default();
    script([
        failing(turn, FailKind::RateLimited, Some(1), Some(60_000)),
        says("Done."),
    ])
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn waiting_is_an_event_and_can_be_cancelled(db: PgPool) {
    let stage = Stage::with(db, minute(), &PATIENT).await;
    let mut stream = waiting(&stage).await;
    let run_id = stream.frames.iter().find_map(|frame| {
        let id = frame.data["task_id"].as_str();
        id.map(str::to_owned)
    });
    let path = format!("/api/jobs/{}/cancel", run_id.unwrap());
    let request = json_request(Method::POST, &path, &Value::Null);
    assert_eq!(stage.planner().send(request).await.status(), 200);
    let rest = tokio::time::timeout(Duration::from_secs(20), stream.rest());
    rest.await.unwrap();
    let run = stage.ended(stream).await;
    assert_eq!(run.summary()["stopped_reason"], "cancelled");
    assert_eq!(waits(&run).len(), 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_that_waits_for_long_holds_no_slot(db: PgPool) {
    let flags = [&PATIENT[..], &["--max-concurrent-runs", "1"]].concat();
    let stage = Stage::with(db, minute(), &flags).await;
    let waits = waiting(&stage).await;
    // The model answers by now, and there is one slot alone.
    let run = stage.run("do something else").await;
    assert_eq!(run.summary()["success"], true);
    drop(waits);
}

fn is_prefix(before: &ChatRequest, after: &ChatRequest) -> bool {
    after.messages.starts_with(&before.messages)
        && (&before.system, &before.tools) == (&after.system, &after.tools)
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_prompt_of_a_run_begins_with_the_one_before_whatever_failed(db: PgPool) {
    let read = || calls(&[("list_directory", json!({"path": "."}))]);
    let half = Turn {
        say: vec!["Half an ".to_owned()],
        ..read()
    };
    let turns = [
        failing(read(), FailKind::Unavailable, Some(1), None),
        Turn::default(),
        failing(read(), FailKind::Botched, Some(3), None),
        failing(half, FailKind::Truncated, Some(1), None),
        Turn {
            cut_off: true,
            ..says("And ")
        },
        says("done."),
    ];
    let stage = Stage::new(db, script(turns)).await;
    let run = stage.run("list what is there").await;
    assert_eq!(run.summary()["success"], true);
    let asked = stage.turns();
    assert!(asked.len() >= 10, "{}", asked.len());
    for pair in asked.windows(2) {
        assert!(is_prefix(&pair[0], &pair[1]), "{pair:#?}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_conversation_is_shortened_until_the_provider_takes_it(db: PgPool) {
    let read = || calls(&[("read_file", json!({"path": "long.txt"}))]);
    let turns = [
        read(),
        read(),
        read(),
        failing(says("Done."), FailKind::ContextTooLong, Some(3), None),
    ];
    let mut script = script(turns);
    script.turns[3].say = Vec::new();
    let stage = Stage::new(db, script).await;
    stage.put("long.txt", "a line of some length\n".repeat(600));
    let run = stage.run("read the long file").await;
    assert_eq!(run.errors(), [] as [&str; 0]);
    let sizes: Vec<usize> = stage
        .turns()
        .iter()
        .map(|request| serde_json::to_string(&request.messages).unwrap().len())
        .collect();
    // After three refusals it is taken.
    let tried = &sizes[3..7];
    assert!(tried.windows(2).all(|pair| pair[1] < pair[0]), "{sizes:?}");
}
