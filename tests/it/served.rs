//! The server as a process: what only its own end, its clients' and its database's can show.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use navi::llm::script::Turn;
use navi::platform::clock::Clock;
use navi::platform::embedded_postgres::server::{EmbeddedPostgres, Settings};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::runs::rules;
use crate::runs::stage::{calls, says, script};
use crate::runs::stream::EventStream;
use crate::support::promises::{CANCELLED_WITHIN, kept};
use crate::support::served::{Served, url};

fn slow() -> Turn {
    let command = "echo begun; sleep 60; touch ended";
    calls(&[("run_command", json!({ "command": command }))])
}

fn is_output(event: &Value) -> bool {
    event["type"] == "command_output"
}

fn run_id(stream: &EventStream) -> String {
    stream.frames[1].data["task_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_signal_leaves_runs_resumable_and_nothing_running(db: PgPool) {
    let script = script([slow(), says("Done.")]);
    let mut served = Served::start(&script, Some(&url(&db.connect_options()))).await;
    let mut stream = served.begin("run the slow command").await;
    stream.until(is_output).await;
    let run_id = run_id(&stream);
    served.signal(Signal::SIGTERM);
    stream.rest().await;
    assert!(stream.done, "the stream breaks off");
    // Old clients show errors, and would take the end of the stream for the end of the work.
    let told = stream.frames.remove(stream.frames.len() - 2);
    assert_eq!(told.id, None, "it is not part of the log");
    assert_eq!(
        told.data,
        json!({
            "type": "error",
            "error": format!("The server is restarting. The run has not ended: it continues as job {run_id}"),
            "code": "RUN_CONTINUES",
            "job_id": run_id,
            "events_url": format!("/api/jobs/{run_id}/events"),
        })
    );
    rules::numbered(&stream.frames);
    assert_eq!(stream.frames.last().unwrap().data["status"], "interrupted");
    assert_eq!(served.gone(Duration::from_secs(10)).await, Some(0));
    rules::nothing_is_left_running(&run_id);
    assert_eq!(rules::log(&db, &run_id).await, stream.frames);
    let row: (String, bool, i64) = sqlx::query_as(
        "select status, finished_at is null, (select count(*) from llm_metrics) from runs",
    )
    .fetch_one(&db)
    .await
    .unwrap();
    assert_eq!(row, ("queued".to_owned(), true, 2));
    assert!(!served.log().contains("panicked"), "{}", served.log());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_closed_connection_ends_its_run_within_a_second(db: PgPool) {
    let script = script([slow(), says("Done.")]);
    let served = Served::start(&script, Some(&url(&db.connect_options()))).await;
    let mut stream = served.begin("run the slow command").await;
    stream.until(is_output).await;
    let run_id = run_id(&stream);
    let left = Instant::now();
    drop(stream);
    let frames = rules::end_of(&db, &run_id).await;
    kept(CANCELLED_WITHIN, left);
    let summary = &frames.last().unwrap().data["summary"];
    assert_eq!(summary["stopped_reason"], "cancelled");
    rules::nothing_is_left_running(&run_id);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn thirty_runs_at_once_all_end_with_their_rows(db: PgPool) {
    let write = |number: u32| {
        let content = format!("{number}\n");
        calls(&[
            ("run_command", json!({"command": "echo $RANDOM"})),
            (
                "write_file",
                json!({"path": format!("f{number}"), "content": content}),
            ),
        ])
    };
    let script = script((0..3).map(write).chain([says("Done.")]));
    let served = Served::start(&script, Some(&url(&db.connect_options()))).await;
    let run = async || {
        let mut stream = served.begin("do three things at once").await;
        stream.rest().await;
        stream
    };
    let streams = futures_util::future::join_all((0..30).map(|_| run())).await;
    // Recorded calls are written within moments.
    let began = Instant::now();
    let calls = "select count(*) from llm_metrics where status = 'success'";
    while sqlx::query_scalar::<_, i64>(calls)
        .fetch_one(&db)
        .await
        .unwrap()
        < 30 * 5
    {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for stream in streams {
        rules::hold(&db, &stream.frames, stream.done).await;
        let summary = &stream.frames.last().unwrap().data["summary"];
        assert_eq!(summary["success"], true, "{summary}");
    }
}

/// The process of the private Postgres below a data folder.
fn postmaster(data: &Path) -> Pid {
    let found = walk(data)
        .into_iter()
        .find(|path| path.ends_with("postmaster.pid"));
    let text = std::fs::read_to_string(found.unwrap()).unwrap();
    Pid::from_raw(text.lines().next().unwrap().trim().parse().unwrap())
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                walk(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// A Postgres of the test's own, which it may stop and start under a server.
#[tokio::test]
async fn a_database_that_goes_away_and_comes_back_loses_nothing_of_a_run() {
    let data = tempfile::tempdir().unwrap();
    let settings = || Settings {
        data_dir: data.path().to_owned(),
        ..Settings::default()
    };
    let postgres = EmbeddedPostgres::start(settings()).await.unwrap();
    let options = postgres.connect_options();
    navi::platform::db::migrate(&options, Clock::System.now())
        .await
        .unwrap();
    let long = "for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.5; done";
    let turns = [
        calls(&[("run_command", json!({ "command": long }))]),
        says("Done."),
    ];
    let served = Served::start(&script(turns), Some(&url(&options))).await;
    let mut stream = served.begin("run the long command").await;
    stream.until(is_output).await;
    postgres.stop().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let postgres = EmbeddedPostgres::start(settings()).await.unwrap();
    stream.rest().await;
    let db = PgPoolOptions::new()
        .connect_with(postgres.connect_options())
        .await
        .unwrap();
    let began = Instant::now();
    let calls = "select count(*) from llm_metrics";
    while sqlx::query_scalar::<_, i64>(calls)
        .fetch_one(&db)
        .await
        .unwrap()
        < 3
    {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{}",
            served.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    rules::hold(&db, &stream.frames, stream.done).await;
    let summary = &stream.frames.last().unwrap().data["summary"];
    assert_eq!(summary["success"], true, "{summary}");
    let lines: String = stream
        .frames
        .iter()
        .filter_map(|frame| frame.data["line"].as_str())
        .collect();
    assert!(
        (1..9).all(|n| lines.contains(&format!("line {n}"))),
        "{lines}"
    );
    db.close().await;
    drop(served);
    postgres.stop().await;
}

#[tokio::test]
async fn a_private_database_that_dies_ends_the_server_with_its_own_exit_code() {
    let script = script([slow(), says("Done.")]);
    let mut served = Served::start(&script, None).await;
    let mut stream = served.begin("run the slow command").await;
    stream.until(is_output).await;
    let run_id = run_id(&stream);
    kill(postmaster(&served.place.data()), Signal::SIGQUIT).unwrap();
    assert_eq!(served.gone(Duration::from_secs(25)).await, Some(3));
    rules::nothing_is_left_running(&run_id);
}
