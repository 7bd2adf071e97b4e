//! Following jobs: from anywhere, as often as one likes.

use axum::http::{Method, StatusCode};
use navi::llm::script::Turn;
use navi::runs::log::audience::Readers;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::jobs::desk::{Desk, follow, nothing};
use crate::runs::rules;
use crate::runs::stage::{calls, says, script};
use crate::runs::stream::EventStream;
use crate::support::client::json_request;

impl Desk {
    /// Follows with the header that browsers send.
    async fn since(&self, path: &str, seen: &str) -> (StatusCode, EventStream) {
        let mut request = json_request(Method::GET, path, &Value::Null);
        let headers = request.headers_mut();
        headers.insert("last-event-id", seen.parse().unwrap());
        let response = self.client.send(request).await;
        let status = response.status();
        let stream = EventStream::new(response.into_body().into_data_stream());
        (status, stream)
    }
}

/// A command that runs until the workspace has a file.
fn waits_for(file: &str) -> Turn {
    let command = format!("until [ -f {file} ]; do sleep 0.02; done");
    calls(&[("run_command", json!({ "command": command }))])
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_log_is_read_from_any_point(db: PgPool) {
    let echo = calls(&[("run_command", json!({"command": "echo one"}))]);
    let desk = Desk::new(db, script([echo, says("Done.")])).await;
    let id = desk.create(nothing()).await;
    let told = desk.ended(&id).await;
    let last = i64::try_from(told.events.len()).unwrap() - 1;
    for after in 0..last {
        let mut stream = desk.follow(&id, after).await;
        stream.rest().await;
        assert!(stream.done);
        let from = usize::try_from(after).unwrap();
        let seen: Vec<_> = stream.frames.iter().map(|frame| &frame.data).collect();
        let mut rest: Vec<_> = told.events[from..].iter().collect();
        // When the end was told differs.
        assert_eq!(seen.last().unwrap()["sequence"], last);
        rest.pop();
        assert_eq!(seen[..seen.len() - 1], rest);
    }
    // Who has seen everything is told nothing again; nor who says to have seen more.
    for after in [last, last + 1, i64::MAX] {
        let mut stream = desk.follow(&id, after).await;
        stream.rest().await;
        assert!(stream.done && stream.frames.is_empty(), "{after}");
    }
    let path = format!("/api/jobs/{id}/events");
    // The header goes before the parameter.
    let (_, mut stream) = desk.since(&format!("{path}?after_sequence=0"), "3").await;
    assert_eq!(stream.next().await.unwrap()["sequence"], 4);
    for odd in ["x", "-1", "1.5", "99999999999999999999"] {
        assert_eq!(desk.since(&path, odd).await.0, 422, "{odd}");
    }
    for odd in ["x", "-1", "99999999999999999999"] {
        let (status, _) = desk
            .client
            .get(&format!("{path}?after_sequence={odd}"))
            .await;
        assert!(status == 422 || status == 400, "{odd}: {status}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn whoever_follows_a_job_that_runs_is_told_its_end(db: PgPool) {
    let desk = Desk::new(db, script([waits_for("go"), says("Done.")])).await;
    let id = desk.create(nothing()).await;
    desk.until(&id, "tool_call").await;
    let head = desk.job(&id).await["last_sequence"].as_i64().unwrap();
    // One that is at the head, one that says to be far beyond it, and one from the beginning.
    let mut streams = Vec::new();
    for after in [head, head + 1_000, 0] {
        streams.push(desk.follow(&id, after).await);
    }
    desk.stage.put("go", "");
    for mut stream in streams {
        stream.rest().await;
        let ends: Vec<_> = stream.frames.iter().rev().take(2).collect();
        assert_eq!(ends[1].data["type"], "job_completed");
        assert!(stream.done);
    }
    desk.ended(&id).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_edit_does_not_wait_for_events_that_a_client_had_seen_when_it_came_back(db: PgPool) {
    let desk = Desk::new(db, script([waits_for("go"), says("Done.")])).await;
    let id = desk.create(nothing()).await;
    desk.until(&id, "tool_call").await;
    let head = desk.job(&id).await["last_sequence"].as_i64().unwrap();
    let mut stream = desk.follow(&id, head).await;
    let feed = &desk.stage.app.app.agent.deps().feed;
    tokio::select! {
        readers = feed.let_clients_read(id.parse().unwrap()) => assert_eq!(readers, Readers::Ready),
        () = stream.rest() => panic!("the job waits for a file"),
    }
    desk.stage.put("go", "");
    stream.rest().await;
    assert!(stream.done);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_interactive_run_is_seen_as_a_job_and_may_go_on_without_its_client(db: PgPool) {
    let desk = Desk::new(db, script([waits_for("go"), says("Done.")])).await;
    let mut body = desk.stage.body("do it");
    body["on_disconnect"] = json!("continue");
    let mut stream = desk.stage.begin(&desk.client, &body).await;
    stream.until(|event| event["type"] == "tool_call").await;
    let status = stream
        .frames
        .iter()
        .find(|frame| frame.data["type"] == "status");
    let id = status.unwrap().data["task_id"].as_str().unwrap().to_owned();
    drop(stream);
    let job = desk.job(&id).await;
    assert_eq!(job["kind"], "autonomous");
    assert_eq!(job["status"], "running");
    let mut again = desk.follow(&id, 0).await;
    desk.stage.put("go", "");
    again.rest().await;
    assert!(again.done);
    let kinds: Vec<_> = again.frames.iter().rev().take(2).collect();
    assert_eq!(kinds[0].data["type"], "job_terminal");
    assert_eq!(kinds[1].data["type"], "complete");
    assert_eq!(kinds[1].data["summary"]["stopped_reason"], "completed");
    rules::nothing_is_left_running(&id);
}

/// A client that comes back after every event, another that stays, and a third that comes and goes,
/// all see the same.
#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_client_that_leaves_after_every_event_misses_none(db: PgPool) {
    let chatty = calls(&[(
        "run_command",
        json!({"command": "for i in 1 2 3 4 5 6; do echo $i; sleep 0.06; done"}),
    )]);
    let desk = Desk::new(db, script([chatty, says("Done.")])).await;
    let id = desk.create(nothing()).await;
    let mut seen = Vec::new();
    let mut after = 0;
    for round in 0.. {
        let path = format!("/api/jobs/{id}/events");
        let mut stream = if round % 2 == 0 {
            follow(&desk.client, &id, after).await
        } else {
            desk.since(&path, &after.to_string()).await.1
        };
        let Some(event) = stream.next().await else {
            break;
        };
        if event["type"] == "job_terminal" {
            break;
        }
        after = event["sequence"].as_i64().unwrap();
        seen.push(event);
    }
    let told = desk.ended(&id).await;
    assert_eq!(seen[..], told.events[..told.events.len() - 1]);
}

/// As during a deploy, when a newer process works on what an older one shows.
#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_event_of_another_version_is_passed_on_as_it_is(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let id = desk.create(nothing()).await;
    desk.ended(&id).await;
    let changed = "update run_events set payload = '{\"type\": \"of_tomorrow\", \"x\": [1]}'
                   where kind = 'job_started'";
    sqlx::query(changed).execute(&desk.stage.db).await.unwrap();
    let mut stream = desk.follow(&id, 0).await;
    stream.rest().await;
    assert!(stream.done);
    let frames = stream.frames.iter().map(|frame| &frame.data);
    let unknown: Vec<&Value> = frames
        .filter(|data| data["type"] == "of_tomorrow")
        .collect();
    assert_eq!(unknown.len(), 1);
    assert_eq!(unknown[0]["x"], json!([1]));
}
