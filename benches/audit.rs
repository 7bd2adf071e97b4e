//! The cost of the audit log: entries a second by group commit beside a commit for each, the time that
//! a request waits, and the speed of verifying a log.
//!
//! `cargo bench --bench audit` starts a Postgres of its own, with fsync, and prints a table. It is a
//! program of its own and no criterion benchmark, because what counts are the percentiles of many
//! requests at once.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise and prints what it measured"
)]

use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant};

use navi::audit::event::Event;
use navi::audit::model::{Actor, ActorKind, Filter, Log, NewEntry, Outcome};
use navi::audit::service::Audit;
use navi::audit::witnessing::witness::Witness;
use navi::cli::audit::verify::verify_lines;
use navi::config::settings::Config;
use navi::platform::clock::Clock;
use navi::platform::db;
use navi::platform::embedded_postgres::server::{EmbeddedPostgres, Settings};
use navi::platform::metrics::Metrics;
use navi::platform::tasks::Tasks;
use serde_json::json;
use sqlx::PgPool;

/// Entries of each measurement, and how long the paced one lasts.
const ENTRIES: usize = 30_000;
const PACED: Duration = Duration::from_secs(10);

fn entry(org: usize, n: usize) -> NewEntry {
    let actor = Actor {
        kind: ActorKind::User,
        id: Some(format!("user-{}", n % 100)),
        role: None,
    };
    NewEntry {
        method: Some("POST".to_owned()),
        route: Some("/api/jobs/{id}/start".to_owned()),
        resource: Some(format!("job-{n}")),
        request_id: Some(format!("request-{n}")),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        payload: Some(json!({"body": {"message": "m".repeat(400)}})),
        ..NewEntry::new(
            Log::from_name(&format!("org-{org}")),
            Event::HttpRequest,
            actor,
        )
    }
}

fn audit(pool: &PgPool) -> Audit {
    let key = "q5Jm0cHfT2hXvB7w1R9kYl3Zs8NdUe4GaPo6IxVtQyE=";
    let config = Config::from_flags(["--audit-encryption-key", key]).expect("flags");
    let keys = Arc::new(config.audit_keys().expect("keys"));
    let metrics = Metrics::new(&[], &[]).expect("metrics");
    let (witness, tasks) = (Witness::default(), Tasks::new());
    Audit::open(pool.clone(), Clock::System, keys, metrics, witness, &tasks)
}

/// As many entries as go through, by so many requests at once; each waits for its beginning and its end.
async fn flood(audit: &Audit, requests: usize, orgs: usize) -> (f64, Vec<Duration>) {
    let began = Instant::now();
    let work = (0..requests).map(|request| {
        let audit = audit.clone();
        async move {
            let mut took = Vec::new();
            for n in 0..ENTRIES / requests {
                let start = Instant::now();
                let open = audit.begin(entry(request % orgs, n)).await.expect("begun");
                let waited = start.elapsed();
                open.complete(Outcome::Success.into()).await;
                took.push(waited);
            }
            took
        }
    });
    #[expect(
        clippy::disallowed_methods,
        reason = "a benchmark has no shutdown to wait for"
    )]
    let tasks: Vec<_> = work.map(tokio::spawn).collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.expect("a request"));
    }
    let rate = as_f64(took.len()) / began.elapsed().as_secs_f64();
    (rate, took)
}

/// The same rate that was asked for, and how long beginnings and ends took at it.
async fn paced(audit: &Audit, rate: u32, orgs: usize) -> (Vec<Duration>, Vec<Duration>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let (sender, mut results) = tokio::sync::mpsc::unbounded_channel();
    let first = Instant::now();
    let mut n = 0;
    while first.elapsed() < PACED {
        ticks.tick().await;
        for _ in 0..rate / 1_000 {
            n += 1;
            let (audit, sender) = (audit.clone(), sender.clone());
            #[expect(
                clippy::disallowed_methods,
                reason = "a benchmark has no shutdown to wait for"
            )]
            tokio::spawn(async move {
                let start = Instant::now();
                let open = audit.begin(entry(n % orgs, n)).await;
                let waited = start.elapsed();
                let Ok(open) = open else { return };
                let start = Instant::now();
                open.complete(Outcome::Success.into()).await;
                let _sent = sender.send((waited, start.elapsed()));
            });
        }
    }
    drop(sender);
    let (mut waits, mut ends) = (Vec::new(), Vec::new());
    while let Some((one, other)) = results.recv().await {
        waits.push(one);
        ends.push(other);
    }
    let lost = n - waits.len();
    if lost > 0 {
        println!("  {lost} of {n} were refused");
    }
    (waits, ends)
}

/// The alternative: a transaction of its own for every record.
async fn one_commit_each(pool: &PgPool, requests: usize) -> (f64, Vec<Duration>) {
    sqlx::query("create table if not exists plain (org text, n bigint, payload bytea, at timestamptz default now())")
        .execute(pool)
        .await
        .expect("table");
    let count = ENTRIES / 10;
    let began = Instant::now();
    let work = (0..requests).map(|_| async {
        let mut took = Vec::new();
        for n in 0..count / requests {
            let start = Instant::now();
            for _ in 0..2 {
                sqlx::query("insert into plain (org, n, payload) values ('org', $1, $2)")
                    .bind(i64::try_from(n).unwrap_or_default())
                    .bind(vec![7_u8; 600])
                    .execute(pool)
                    .await
                    .expect("row");
            }
            took.push(start.elapsed() / 2);
        }
        took
    });
    let took: Vec<Duration> = futures_util::future::join_all(work).await.concat();
    (as_f64(took.len()) / began.elapsed().as_secs_f64(), took)
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn percentiles(mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let at =
        |share: usize| took[(took.len() * share / 1_000).min(took.len() - 1)].as_secs_f64() * 1e3;
    format!(
        "p50 {:.2} ms, p95 {:.2}, p99 {:.2}",
        at(500),
        at(950),
        at(990)
    )
}

async fn export(audit: &Audit, log: &Log) -> String {
    let filter = Filter::default();
    let (header, mut after) = audit.export_header(log, &filter).await.expect("header");
    let mut text = String::new();
    let mut lines = vec![header];
    while !lines.is_empty() {
        for line in &lines {
            text.push_str(&serde_json::to_string(line).expect("line"));
            text.push('\n');
        }
        (lines, after) = audit
            .export_page(log, &filter, after, 2_000)
            .await
            .expect("page");
    }
    text
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("folder");
    let settings = Settings {
        data_dir: folder.path().to_owned(),
        pg_bin: None,
        path: Vec::new(),
    };
    let postgres = EmbeddedPostgres::start(settings).await.expect("postgres");
    let options = postgres.connect_options();
    db::migrate(&options, Clock::System.now())
        .await
        .expect("migrations");
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(16)
        .connect_with(options)
        .await
        .expect("pool");
    let audit = audit(&pool);
    for (requests, orgs) in [(16, 1), (128, 1), (128, 100)] {
        let (rate, took) = flood(&audit, requests, orgs).await;
        println!(
            "{requests} requests at once, {orgs} organisations: {rate:.0} entries/s; beginning {}",
            percentiles(took)
        );
    }
    let (rate, took) = one_commit_each(&pool, 16).await;
    println!(
        "a commit for each record, 16 at once, no chain, no seal: {rate:.0} entries/s; a record {}",
        percentiles(took)
    );
    for rate in [1_000, 2_000, 5_000] {
        let (begun, ended) = paced(&audit, rate, 20).await;
        println!(
            "{rate} entries/s asked, {} done: beginning {}; end {}",
            begun.len(),
            percentiles(begun),
            percentiles(ended)
        );
    }
    let log = Log::from_name("org-0");
    let began = Instant::now();
    let report = audit.verify(&log, &[], |_, _| {}).await.expect("report");
    let rate =
        as_f64(usize::try_from(report.records).unwrap_or_default()) / began.elapsed().as_secs_f64();
    println!(
        "verified in the database: {} records, whole: {}, {:.0} records a minute",
        report.records,
        report.ok,
        rate * 60.0
    );
    let text = export(&audit, &log).await;
    let began = Instant::now();
    let report = verify_lines(Cursor::new(&text), audit.verifying_keys(), &[]).expect("report");
    let rate =
        as_f64(usize::try_from(report.records).unwrap_or_default()) / began.elapsed().as_secs_f64();
    println!(
        "verified from an export: {} records, whole: {}, {:.0} records a minute",
        report.records,
        report.ok,
        rate * 60.0
    );
    postgres.stop().await;
}
