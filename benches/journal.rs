//! The log of runs: how much goes in, and how long a run waits for what must be durable.
//!
//! The journal commits what gathers while the commit before is on its way. Beside it stands the
//! plain way, a transaction for every event, and the least that any way costs on this machine: a
//! round trip to Postgres, and a statement that commits.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark stops at the first surprise, prints rounded numbers, and looks at its \
              surroundings"
)]

#[path = "support/clock.rs"]
mod clock;
#[path = "support/postgres.rs"]
mod postgres;

use std::time::Duration;

use clock::{Sample, heading, nanos};
use futures_util::future::join_all;
use navi::auth::principal::Role;
use navi::platform::clock::Clock;
use navi::platform::db;
use navi::platform::ids::RunId;
use navi::platform::signals::Signals;
use navi::platform::tasks::Tasks;
use navi::runs::active::ActiveRuns;
use navi::runs::event::Event;
use navi::runs::log::feed::Feed;
use navi::runs::log::journal::Journal;
use navi::runs::log::store::beginning;
use navi::runs::log::store::events as store;
use navi::runs::log::store::events::{Append, Storable};
use navi::runs::model::{ChosenModel, Run, RunClaim, RunKind, RunStatus};
use navi::runs::task::{EditorContext, Task};
use sqlx::PgPool;
use tokio::runtime::Runtime;

const EVENTS: usize = 10_000;
const COMMITS: usize = 2_000;

fn event() -> Event {
    Event::Text {
        text: "A sentence of the length that is shown at once.".to_owned(),
        timestamp: 1_763_890_000_000,
    }
}

async fn run(db: &PgPool) -> Run {
    let clock = Clock::System;
    let run = Run {
        id: RunId::new(&clock),
        org_id: "bench".parse().unwrap(),
        user_id: "bench".parse().unwrap(),
        team_id: None,
        role: Role::Planner,
        kind: RunKind::Job,
        task: Task {
            message: "Write.".to_owned(),
            workspace_path: None,
            conversation_id: None,
            history: Vec::new(),
            attachments: Vec::new(),
            editor: EditorContext::default(),
            run_verification: false,
            max_iterations: None,
            effort: None,
            verbosity: None,
            tuning: None,
            plan: None,
            trace_parent: None,
        },
        model: ChosenModel {
            requested: None,
            provider: "scripted".to_owned(),
            model: "scripted".to_owned(),
            router_info: serde_json::Map::new(),
        },
        trace_id: None,
        created_at: clock.now(),
    };
    let mut conn = db.acquire().await.unwrap();
    beginning::insert_run(&mut conn, &run, None, false, None, &[])
        .await
        .unwrap();
    run
}

fn journal(run: &Run, db: &PgPool, tasks: &Tasks) -> Journal {
    let hold = RunClaim {
        last: 0,
        fence: 0,
        status: RunStatus::Running,
    };
    let feed = Feed::new(Signals::new(db.clone()), ActiveRuns::default());
    Journal::open(run, hold, db.clone(), Clock::System, feed, 0, tasks)
}

/// Writes and waits, one event at a time; answers how long each took.
async fn commits_by_journal(db: PgPool, count: usize) -> Vec<u64> {
    let tasks = Tasks::new();
    let journal = journal(&run(&db).await, &db, &tasks);
    let mut took = Vec::new();
    for _ in 0..count {
        let began = nanos();
        journal.event(event()).await.unwrap();
        journal.commit().await.unwrap();
        took.push(nanos() - began);
    }
    took
}

async fn commits_by_transactions(db: PgPool, count: usize) -> Vec<u64> {
    let run = run(&db).await;
    let mut took = Vec::new();
    for last in 0..i64::try_from(count).unwrap() {
        let began = nanos();
        let mut tx = db.begin().await.unwrap();
        let (org_id, at) = (&run.org_id, Clock::System.now());
        let events = [(Storable::new(event()), RunStatus::Running)];
        let append = Append::events(last, 0, &events, RunStatus::Running);
        store::append(&mut tx, org_id, run.id, &append, at)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        took.push(nanos() - began);
    }
    took
}

/// Writes without waiting, and waits for the end.
async fn flood(db: PgPool, count: usize) {
    let tasks = Tasks::new();
    let journal = journal(&run(&db).await, &db, &tasks);
    for _ in 0..count {
        journal.event(event()).await.unwrap();
    }
    journal.commit().await.unwrap();
}

async fn statements(db: PgPool, sql: &'static str, count: usize) -> Vec<u64> {
    let mut conn = db.acquire().await.unwrap();
    let mut took = Vec::new();
    for _ in 0..count {
        let began = nanos();
        sqlx::query(sql).execute(&mut *conn).await.unwrap();
        took.push(nanos() - began);
    }
    took
}

/// Prints the events that so many concurrent runs append in a second.
async fn rate<F: Future>(name: &str, runs: usize, one: impl Fn(usize) -> F) {
    let began = nanos();
    join_all((0..runs).map(|_| one(EVENTS / runs))).await;
    let took = Duration::from_nanos(nanos() - began).as_secs_f64();
    println!(
        "{name:<34} {runs:>4} runs {:>9.0} events/s",
        EVENTS as f64 / took
    );
}

async fn measure(db: PgPool) {
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let sql = sqlx::AssertSqlSafe(format!("show {setting}"));
        let value: String = sqlx::query_scalar(sql).fetch_one(&db).await.unwrap();
        println!("{setting} = {value}");
    }
    // Warm: connections, statements, caches.
    flood(db.clone(), COMMITS).await;
    commits_by_transactions(db.clone(), 100).await;

    heading("one event, durable, 1 run");
    Sample::new(statements(db.clone(), "select 1", COMMITS).await).row("a round trip");
    let least = "update runs set updated_at = now() where last_sequence = 100";
    Sample::new(statements(db.clone(), least, COMMITS).await).row("a statement that commits");
    Sample::new(commits_by_transactions(db.clone(), COMMITS).await).row("a transaction");
    Sample::new(commits_by_journal(db.clone(), COMMITS).await).row("the journal");
    heading("one event, durable, 100 runs");
    let each = COMMITS / 100;
    let all = (0..100).map(|_| commits_by_transactions(db.clone(), each));
    Sample::new(join_all(all).await.concat()).row("a transaction");
    let all = (0..100).map(|_| commits_by_journal(db.clone(), each));
    Sample::new(join_all(all).await.concat()).row("the journal");

    println!();
    for runs in [1, 100] {
        let one = |events| commits_by_transactions(db.clone(), events);
        rate("a transaction for every event", runs, one).await;
        rate("the journal", runs, |events| flood(db.clone(), events)).await;
    }
}

fn main() {
    let runtime = Runtime::new().unwrap();
    let data = tempfile::tempdir().unwrap();
    let postgres = postgres::start(&runtime, data.path());
    runtime.block_on(async {
        let options = postgres.connect_options();
        db::migrate(&options, Clock::System.now()).await.unwrap();
        let db = sqlx::postgres::PgPoolOptions::new()
            .max_connections(16)
            .connect_with(options)
            .await
            .unwrap();
        measure(db.clone()).await;
        db.close().await;
    });
    runtime.block_on(postgres.stop());
}
