//! Servers that stop, and databases that go away.

use std::path::Path;
use std::time::{Duration, Instant};

use navi::llm::script::{Script, Turn};
use navi::platform::clock::Clock;
use navi::platform::embedded_postgres::server::{EmbeddedPostgres, Settings};
use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::durable::person::see_through;
use crate::runs::rules;
use crate::runs::stage::{calls, script};
use crate::support::promises::{CANCELLED_WITHIN, kept};
use crate::support::served::{Place, Served, url};

const QUICK: [&str; 2] = ["--lease-seconds", "2"];

/// A line, and then a long time.
fn line_and_wait() -> Script {
    let command = "echo line >> log; echo begun; sleep 60; echo line >> log";
    let talk = Turn {
        say: (0..40).map(|n| format!("piece {n}, ")).collect(),
        delay_ms: 25,
        ..Turn::default()
    };
    script([
        calls(&[("run_command", json!({ "command": command }))]),
        talk,
    ])
}

async fn until_logged(served: &Served, text: &str) {
    let began = Instant::now();
    while !served.log().contains(text) {
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "{}",
            served.log()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn last_sequence(db: &PgPool) -> i64 {
    let last = sqlx::query_scalar("select last_sequence from runs");
    last.fetch_one(db).await.unwrap()
}

fn lines(workspace: &Path) -> String {
    std::fs::read_to_string(workspace.join("log")).unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_that_is_stopped_past_its_lease_does_nothing_twice(db: PgPool) {
    let place = Place::new(&line_and_wait(), Some(&url(&db.connect_options())));
    let stopped = place.serve(&QUICK).await;
    let workspace = place.workspace("a");
    let id = stopped.job(&workspace).await;
    let mut stream = stopped.follow(&id, 0, true).await;
    stream.until(|event| event["line"] == "begun").await;
    stopped.signal(Signal::SIGSTOP);
    let other = place.serve(&QUICK).await;
    let story = see_through(&db, &other, &id, &workspace.join("log")).await;
    assert_eq!(
        story.questions, 1,
        "nobody can know what came of the command"
    );
    assert_eq!(story.all("job_resumed")[0]["reason"], "worker_lost");
    assert_eq!(story.summary()["success"], true);
    let last = last_sequence(&db).await;
    stopped.signal(Signal::SIGCONT);
    until_logged(&stopped, "the lease is lost").await;
    // It is of use again, which also shows that it is done with what it had.
    drop(other);
    let id = stopped.job(&place.workspace("b")).await;
    let mut stream = stopped.follow(&id, 0, true).await;
    stream.until(|event| event["line"] == "begun").await;
    let path = format!("/api/jobs/{id}/cancel");
    assert_eq!(stopped.post(&path, &json!({})).await.0, 200);
    stream.rest().await;
    assert_eq!(lines(&workspace), "line\n");
    let unchanged: i64 =
        sqlx::query_scalar("select min(last_sequence) from runs where takeovers > 0")
            .fetch_one(&db)
            .await
            .unwrap();
    assert_eq!(unchanged, last);
    rules::nothing_is_left_running(&id);
    assert!(!stopped.log().contains("panicked"), "{}", stopped.log());
}

/// The same server that lost its run takes it again, while it may still be letting go of it.
#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_that_lost_its_run_may_take_it_again(db: PgPool) {
    let place = Place::new(&line_and_wait(), Some(&url(&db.connect_options())));
    let served = place.serve(&QUICK).await;
    let workspace = place.workspace("a");
    let id = served.job(&workspace).await;
    let mut stream = served.follow(&id, 0, true).await;
    stream.until(|event| event["line"] == "begun").await;
    served.signal(Signal::SIGSTOP);
    let expired = "select count(*) from workers where expires_at > clock_timestamp()";
    let began = Instant::now();
    while sqlx::query_scalar::<_, i64>(expired)
        .fetch_one(&db)
        .await
        .unwrap()
        > 0
    {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    served.signal(Signal::SIGCONT);
    stream.until(|event| event["type"] == "job_resumed").await;
    // A run that was taken up again obeys its user.
    let began = Instant::now();
    let path = format!("/api/jobs/{id}/cancel");
    assert_eq!(served.post(&path, &json!({})).await.0, 200);
    rules::end_of(&db, &id).await;
    kept(CANCELLED_WITHIN, began);
    let story = see_through(&db, &served, &id, &workspace.join("log")).await;
    assert_eq!(story.summary()["stopped_reason"], "cancelled");
    assert_eq!(lines(&workspace), "line\n");
}

/// Away for this long. A person is asked at most this often: what came of a command that was ended with
/// the lease is known if the server that ended it could still say so.
async fn survives(away: Duration, most_questions: usize) {
    let data = tempfile::tempdir().unwrap();
    let settings = || Settings {
        data_dir: data.path().to_owned(),
        ..Settings::default()
    };
    let postgres = EmbeddedPostgres::start(settings()).await.unwrap();
    let options = postgres.connect_options();
    let now = Clock::System.now();
    navi::platform::db::migrate(&options, now).await.unwrap();
    let command = "echo line >> log; echo begun; until [ -f go ]; do sleep 0.05; done";
    let turns = [
        calls(&[("run_command", json!({ "command": command }))]),
        crate::runs::stage::says("Done."),
    ];
    let place = Place::new(&script(turns), Some(&url(&options)));
    let served = place.serve(&["--lease-seconds", "3"]).await;
    let workspace = place.workspace("a");
    let id = served.job(&workspace).await;
    let mut stream = served.follow(&id, 0, true).await;
    stream.until(|event| event["line"] == "begun").await;
    postgres.stop().await;
    tokio::time::sleep(away).await;
    let postgres = EmbeddedPostgres::start(settings()).await.unwrap();
    std::fs::write(workspace.join("go"), "").unwrap();
    let db = PgPoolOptions::new()
        .connect_with(postgres.connect_options())
        .await
        .unwrap();
    let story = see_through(&db, &served, &id, &workspace.join("log")).await;
    assert!(story.questions <= most_questions, "{story:#?}");
    assert_eq!(story.summary()["success"], true);
    assert_eq!(lines(&workspace), "line\n");
    db.close().await;
    drop(served);
    postgres.stop().await;
}

#[tokio::test]
async fn a_database_that_is_away_for_less_than_a_lease_changes_nothing() {
    survives(Duration::from_millis(300), 0).await;
}

#[tokio::test]
async fn a_database_that_is_away_for_longer_than_a_lease_loses_and_repeats_nothing() {
    survives(Duration::from_secs(5), 1).await;
}
