//! Answers that do not wait for the ends of their entries.

use std::future::Future;
use std::time::Duration;

use axum::http::StatusCode;
use navi::audit::event::Event;
use navi::audit::model::{Actor, ActorKind, Filter, Log, NewEntry, Outcome};
use navi::auth::principal::Role;
use navi::llm::script::Script;
use navi::platform::clock::Clock;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sqlx::{PgPool, PgTransaction};

use crate::support::app::{AUDIT_KEY, ORG, TestApp, audit};
use crate::support::served::{Place, Served, url};

const CONVERSATIONS: &str = "/api/navi-memory/conversations";

async fn locked(db: &PgPool, table: &str) -> PgTransaction<'static> {
    let mut lock = db.begin().await.unwrap();
    let sql = format!("lock table {table} in access exclusive mode");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(&mut *lock)
        .await
        .unwrap();
    lock
}

async fn until_begun(db: &PgPool) {
    let begun = "select count(*) from audit_records where org_id <> '' and phase = 'begun'";
    while sqlx::query_scalar::<_, i64>(begun)
        .fetch_one(db)
        .await
        .unwrap()
        == 0
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Has a request answered at a time when no end of an entry can be written, because of the lock that is
/// handed back.
async fn answered<T>(db: &PgPool, request: impl Future<Output = T>) -> (T, PgTransaction<'static>) {
    // The handler waits for one lock, so that its entry has begun when the other is taken.
    let work = locked(db, "conversations").await;
    let held = async {
        until_begun(db).await;
        let log = locked(db, "audit_chains").await;
        work.rollback().await.unwrap();
        log
    };
    tokio::join!(request, held)
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_does_not_wait_for_the_end_of_its_entry_and_who_reads_the_log_does(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    let client = app.client(Role::Viewer);
    let request = client.post(CONVERSATIONS, json!({"title": "one"}));
    let ((status, _), lock) = answered(&db, request).await;
    assert_eq!(status, StatusCode::OK);
    let ends = "select count(*) from audit_records where phase = 'completed'";
    let ends: i64 = sqlx::query_scalar(ends).fetch_one(&db).await.unwrap();
    assert_eq!(ends, 0);
    let admin = app.client(Role::Admin);
    let (page, ()) = tokio::join!(admin.get("/api/audit"), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        lock.rollback().await.unwrap();
    });
    assert_eq!(page.1["entries"][0]["outcome"], "success", "{}", page.1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_way_to_read_the_log_finds_the_ends_of_what_was_answered(db: PgPool) {
    let app = TestApp::new(db).await;
    let (client, admin) = (app.client(Role::Viewer), app.client(Role::Admin));
    let answered = async || {
        let (status, _) = client.post(CONVERSATIONS, json!({"title": "one"})).await;
        assert_eq!(status, StatusCode::OK);
    };
    answered().await;
    let (_, page) = admin.get("/api/audit").await;
    let id = page["entries"][0]["id"].as_str().unwrap();
    assert_eq!(page["entries"][0]["outcome"], "success", "{page}");
    answered().await;
    let (_, entry) = admin.get(&format!("/api/audit/{id}")).await;
    assert_eq!(entry["outcome"], "success", "{entry}");
    answered().await;
    let (_, checkpoint) = admin.get("/api/audit/checkpoint").await;
    assert_eq!(checkpoint["size"], 6, "{checkpoint}");
    answered().await;
    let (_, proof) = admin.get(&format!("/api/audit/{id}/proof")).await;
    assert_eq!(
        proof["records"].as_array().map(Vec::len),
        Some(2),
        "{proof}"
    );
    answered().await;
    let (_, export) = admin.get("/api/audit/export").await;
    let text = export
        .as_str()
        .map_or_else(|| export.to_string(), str::to_owned);
    let count = |phase: &str| text.matches(&format!("\"phase\":\"{phase}\"")).count();
    assert_eq!((count("begun"), count("completed")), (5, 5), "{text}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_end_that_cannot_be_written_is_counted_and_written_later(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    let client = app.client(Role::Viewer);
    let request = client.post(CONVERSATIONS, json!({"title": "one"}));
    let ((status, _), lock) = answered(&db, request).await;
    assert_eq!(status, StatusCode::OK);
    let failures = async || {
        let (_, text) = app.stranger().get("/metrics").await;
        let text = text.as_str().unwrap().to_owned();
        let name = "navi_audit_failures_total ";
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().parse::<f64>().unwrap()
    };
    while failures().await < 1.0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    lock.rollback().await.unwrap();
    let (_, page) = app.client(Role::Admin).get("/api/audit").await;
    assert_eq!(page["entries"][0]["outcome"], "success", "{page}");
}

async fn served(db: &PgPool) -> Served {
    let url = url(&db.connect_options());
    let place = Place::new(&Script::default(), Some(&url));
    place.serve(&["--audit-encryption-key", AUDIT_KEY]).await
}

async fn begin_conversation(db: &PgPool, server: &Served) -> PgTransaction<'static> {
    let body = json!({"title": "one"});
    let ((status, answer), lock): ((u16, Value), _) =
        answered(db, server.post(CONVERSATIONS, &body)).await;
    assert_eq!(status, 200, "{answer}");
    lock
}

/// The number of entries without an end, of a log that is whole.
async fn open(db: &PgPool) -> u64 {
    let log = Log::from_name(ORG);
    let audit = audit(db, &Clock::System);
    let report = audit.verify(&log, &[], |_, _| {}).await.unwrap();
    assert!(report.ok, "{:?}", report.findings);
    report.open
}

/// Ends the sessions that wait for a lock. Postgres would carry out what a process sent that is gone.
async fn end_what_waits(db: &PgPool) {
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity
               where datname = current_database() and wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(end)
        .fetch_one(db)
        .await
        .unwrap()
        > 0
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_killed_between_an_answer_and_the_end_of_its_entry_leaves_it_open(db: PgPool) {
    let mut server = served(&db).await;
    let lock = begin_conversation(&db, &server).await;
    server.kill();
    end_what_waits(&db).await;
    lock.rollback().await.unwrap();
    assert_eq!(open(&db).await, 1);
    let entries = audit(&db, &Clock::System)
        .entries(&Log::from_name(ORG), &Filter::default(), None, 10)
        .await
        .unwrap();
    let outcomes: Vec<_> = entries.iter().map(|entry| entry.outcome).collect();
    assert_eq!(outcomes, [None]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_that_is_told_to_end_writes_the_ends_of_what_it_answered(db: PgPool) {
    let mut server = served(&db).await;
    let lock = begin_conversation(&db, &server).await;
    server.signal(Signal::SIGTERM);
    tokio::time::sleep(Duration::from_millis(100)).await;
    lock.rollback().await.unwrap();
    assert_eq!(server.gone(Duration::from_secs(20)).await, Some(0));
    assert_eq!(open(&db).await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn many_ends_that_nobody_waits_for_are_all_there_for_who_reads(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    let log = Log::from_name(ORG);
    let work = (0..300).map(|_| async {
        let entry = NewEntry::new(
            log.clone(),
            Event::ToolCall,
            Actor::nameless(ActorKind::Agent),
        );
        let open = audit.begin(entry).await.unwrap();
        open.hand_over(Outcome::Success.into()).await;
    });
    futures_util::future::join_all(work).await;
    let entries = audit
        .entries(&log, &Filter::default(), None, 1_000)
        .await
        .unwrap();
    assert_eq!(entries.len(), 300);
    assert!(
        entries
            .iter()
            .all(|entry| entry.outcome == Some(Outcome::Success))
    );
}
