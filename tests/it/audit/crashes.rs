//! Servers that die, several at once, and databases that go away.

use std::time::{Duration, Instant};

use navi::audit::event::Event;
use navi::audit::model::{Actor, ActorKind, Filter, Log, NewEntry, Outcome};
use navi::platform::clock::Clock;
use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::PgPool;

use crate::runs::stage::{says, script};
use crate::support::app::{ORG, audit};
use crate::support::promises::{REFUSED_WITHIN, kept};
use crate::support::served::{Place, url};

fn log() -> Log {
    Log::from_name(ORG)
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_killed_between_the_phases_leaves_an_entry_whose_end_is_unknown(db: PgPool) {
    let url = url(&db.connect_options());
    let place = Place::new(&script([says("hello")]), Some(&url));
    let key = ["--audit-encryption-key", crate::support::app::AUDIT_KEY];
    let mut server = place.serve(&key).await;
    // The handler hangs on this lock: its entry has begun and cannot end.
    let mut lock = db.begin().await.unwrap();
    sqlx::query("lock table conversations in access exclusive mode")
        .execute(&mut *lock)
        .await
        .unwrap();
    let body = json!({"title": "lost"});
    let request = server.send(
        reqwest::Method::POST,
        "/api/navi-memory/conversations",
        &body,
    );
    let audit = audit(&db, &Clock::System);
    let until_begun = async {
        let began = Instant::now();
        loop {
            let found = audit
                .entries(&log(), &Filter::default(), None, 10)
                .await
                .unwrap();
            if let Some(entry) = found.into_iter().next() {
                return entry;
            }
            assert!(began.elapsed() < Duration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let entry = tokio::select! {
        _ = request => panic!("it was answered"),
        entry = until_begun => entry,
    };
    server.kill();
    lock.rollback().await.unwrap();
    assert_eq!((entry.event, entry.outcome), (Event::HttpRequest, None));
    let report = audit.verify(&log(), &[], |_, _| {}).await.unwrap();
    assert!(report.ok, "{:?}", report.findings);
    assert_eq!(report.open, 1);
    // Another server goes on behind it.
    let mut again = place.serve(&key).await;
    let (status, _) = again.post("/api/navi-memory/conversations", &body).await;
    assert_eq!(status, 200);
    again.signal(Signal::SIGTERM);
    assert_eq!(again.gone(Duration::from_secs(20)).await, Some(0));
    let report = audit.verify(&log(), &[], |_, _| {}).await.unwrap();
    assert!(report.ok && report.open == 1, "{:?}", report.findings);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn many_servers_write_one_chain(db: PgPool) {
    let servers = [(); 3].map(|()| audit(&db, &Clock::System));
    let work = (0..300).map(|n| {
        let audit = &servers[n % servers.len()];
        let log = if n % 4 == 0 { Log::Server } else { log() };
        async move {
            let entry = NewEntry::new(log, Event::ToolCall, Actor::nameless(ActorKind::Server));
            let open = audit.begin(entry).await.unwrap();
            open.complete(Outcome::Success.into()).await;
        }
    });
    // In waves that a busy machine writes within the second that a beginning may wait.
    let mut work: Vec<_> = work.collect();
    while !work.is_empty() {
        let wave = work.split_off(work.len().saturating_sub(60));
        futures_util::future::join_all(wave).await;
    }
    // One record of the server's own log names the beginning of the other.
    for (log, records) in [(log(), 450), (Log::Server, 151)] {
        let report = servers[0].verify(&log, &[], |_, _| {}).await.unwrap();
        assert!(report.ok, "{:?}", report.findings);
        assert_eq!((report.records, report.open), (records, 0));
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_end_of_what_was_done_is_written_when_the_database_comes_back(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    let entry = || NewEntry::new(log(), Event::ToolCall, Actor::nameless(ActorKind::Server));
    let open = audit.begin(entry()).await.unwrap();
    let mut lock = db.begin().await.unwrap();
    sqlx::query("lock table audit_chains in access exclusive mode")
        .execute(&mut *lock)
        .await
        .unwrap();
    let began = Instant::now();
    open.complete(Outcome::Success.into()).await;
    // The end of an entry waits no longer than a refusal.
    kept(REFUSED_WITHIN, began);
    assert!(
        audit.begin(entry()).await.is_err(),
        "and nothing new begins"
    );
    lock.rollback().await.unwrap();
    let began = Instant::now();
    loop {
        let report = audit.verify(&log(), &[], |_, _| {}).await.unwrap();
        assert!(report.ok, "{:?}", report.findings);
        if report.records >= 2 && report.open == 0 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{report:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_entry_that_nobody_completes_is_completed_as_abandoned(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    let entry = NewEntry::new(log(), Event::ToolCall, Actor::nameless(ActorKind::Server));
    drop(audit.begin(entry).await.unwrap());
    let began = Instant::now();
    loop {
        let found = audit
            .entries(&log(), &Filter::default(), None, 1)
            .await
            .unwrap();
        if found[0].outcome == Some(Outcome::Abandoned) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn connections_that_break_lose_and_double_nothing(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    let breaking = async {
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            sqlx::query(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and pid <> pg_backend_pid()
                   and (query ilike '%audit_%' or query = 'COMMIT')",
            )
            .execute(&db)
            .await
            .unwrap();
        }
    };
    let done = std::sync::atomic::AtomicBool::new(false);
    let working = async {
        let mut completed = 0;
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            let some = (0..8).map(|_| async {
                let entry =
                    NewEntry::new(log(), Event::ToolCall, Actor::nameless(ActorKind::Server));
                let Ok(open) = audit.begin(entry).await else {
                    return 0;
                };
                open.complete(Outcome::Success.into()).await;
                1
            });
            completed += futures_util::future::join_all(some)
                .await
                .iter()
                .sum::<i64>();
        }
        completed
    };
    let (completed, ()) = tokio::join!(working, async {
        breaking.await;
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(completed > 0);
    let began = Instant::now();
    loop {
        let report = audit.verify(&log(), &[], |_, _| {}).await.unwrap();
        assert!(report.ok, "{:?}", report.findings);
        if report.open == 0 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{report:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let successes: i64 = sqlx::query_scalar(
        "select count(*) from audit_records where phase = 'completed' and outcome = 'success'",
    )
    .fetch_one(&db)
    .await
    .unwrap();
    assert_eq!(successes, completed, "each that was done once");
}
