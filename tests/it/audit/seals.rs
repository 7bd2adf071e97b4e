//! Ends of logs and their seals: a server goes on only from an end that it can check.

use std::process::ExitCode;
use std::sync::Arc;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use navi::audit::adopting::{Adoption, Despite};
use navi::audit::error::Error;
use navi::audit::event::Event;
use navi::audit::model::{Actor, ActorKind, Log, NewEntry, Outcome};
use navi::audit::record::Hash;
use navi::audit::seals::handover::Cause;
use navi::audit::service::Audit;
use navi::audit::store::appending;
use navi::audit::store::appending::End;
use navi::audit::verifying::report::Report;
use navi::audit::witnessing::witness::Witness;
use navi::auth::principal::Role;
use navi::cli::audit::opened::Which;
use navi::cli::audit::{adopt, verify};
use navi::config::settings::Config;
use navi::platform::clock::Clock;
use navi::platform::metrics::Metrics;
use navi::platform::tasks::Tasks;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};

use crate::support::app::{AUDIT_KEY, ORG, TestApp, audit};

const CONVERSATIONS: &str = "/api/navi-memory/conversations";
/// A key that comes after that of the tests.
const NEXT_KEY: &str = "bm90IHRoZSBrZXkgb2YgdGhlIHRlc3RzLCBhbm90aGU=";

const BROKEN: Despite = Despite {
    broken_seal: true,
    rolled_back: false,
};

fn log() -> Log {
    Log::from_name(ORG)
}

fn entry(log: &Log) -> NewEntry {
    let server = Actor::nameless(ActorKind::Server);
    NewEntry::new(log.clone(), Event::HttpRequest, server)
}

async fn write(audit: &Audit, count: usize) {
    let noted = (0..count).map(|_| audit.note(entry(&log()), Outcome::Success));
    for noted in futures_util::future::join_all(noted).await {
        noted.unwrap();
    }
}

/// The log of another process with these settings.
fn with_settings(db: &PgPool, flags: &[&str]) -> Audit {
    let config = Config::from_flags(flags.iter().copied()).unwrap();
    let keys = Arc::new(config.audit_keys().unwrap());
    let metrics = Metrics::new(&[], &[]).unwrap();
    let (witness, tasks) = (Witness::default(), Tasks::new());
    Audit::open(db.clone(), Clock::System, keys, metrics, witness, &tasks)
}

/// That of a process with the next key, which has the key before in its ring or has lost it.
fn next(db: &PgPool, previous: bool) -> Audit {
    let previous_keys = format!("default:{AUDIT_KEY}");
    let flags = [
        "--audit-encryption-key",
        NEXT_KEY,
        "--audit-encryption-key-id",
        "next",
        "--audit-encryption-keys-previous",
        &previous_keys,
    ];
    with_settings(db, if previous { &flags } else { &flags[..4] })
}

async fn end(db: &PgPool) -> End {
    let mut conn = db.acquire().await.unwrap();
    appending::end(&mut conn, ORG).await.unwrap().unwrap()
}

/// Changes the tables as their owner can, whatever guards them.
async fn tamper(db: &PgPool, statements: &[&str]) {
    let mut tx = db.begin().await.unwrap();
    let mut changed = 0;
    for sql in ["set local session_replication_role = replica"]
        .iter()
        .chain(statements)
    {
        let done = sqlx::query(AssertSqlSafe(*sql)).execute(&mut *tx).await;
        changed += done.unwrap().rows_affected();
    }
    assert!(changed > 0, "a change that changes nothing: {statements:?}");
    tx.commit().await.unwrap();
}

async fn report(audit: &Audit) -> Report {
    audit.verify(&log(), &[], |_, _| {}).await.unwrap()
}

fn found(report: &Report, problem: &str) -> bool {
    assert_eq!(report.ok, report.findings.is_empty());
    let mut findings = report.findings.iter();
    findings.any(|finding| finding.problem.contains(problem))
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn nothing_is_appended_behind_the_seal_of_an_unknown_key(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    let client = app.client(Role::Viewer);
    let (status, _) = client.post(CONVERSATIONS, json!({"title": "one"})).await;
    assert_eq!(status, StatusCode::OK);
    tamper(&db, &["update audit_chains set seal_key_id = 'gone/2'"]).await;
    let before = end(&db).await;
    for _ in 0..2 {
        let (status, answer) = client.post(CONVERSATIONS, json!({"title": "two"})).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer["error_code"], "AUDIT_UNAVAILABLE");
    }
    let (status, _) = app.client(Role::Admin).get("/api/audit/checkpoint").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(end(&db).await, before, "nothing is sealed anew");
    let error = app.app.audit.checkpoint(&log()).await.unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("`gone`") && error.contains("navi audit adopt --org org-1"),
        "{error}"
    );
    assert!(found(&report(&app.app.audit).await, "the key `gone`"));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_tail_that_was_cut_off_under_a_made_up_key_is_found_after_the_next_attempt(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    write(&audit, 9).await;
    tamper(
        &db,
        &[
            "delete from audit_records where sequence > 5",
            "update audit_chains set seal_key_id = 'k9/2', size = 5, head =
               (select hash from audit_records where sequence = 5), last_at =
               (select created_at from audit_records where sequence = 5)",
        ],
    )
    .await;
    assert!(audit.note(entry(&log()), Outcome::Success).await.is_err());
    assert_eq!(end(&db).await.size, 5);
    assert!(found(&report(&audit).await, "the key `k9`"));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_log_passes_to_the_next_key_with_a_record_that_both_vouch_for(db: PgPool) {
    let before = audit(&db, &Clock::System);
    write(&before, 3).await;
    before.checkpoint(&log()).await.unwrap();
    let after = next(&db, true);
    write(&after, 2).await;
    after.checkpoint(&log()).await.unwrap();
    let end = end(&db).await;
    assert_eq!((end.size, end.seal_key_id.as_str()), (6, "next/2"));
    let statement: String = sqlx::query_scalar(
        "select statement from audit_records where sequence = 4 and event = 'audit.handed_over'",
    )
    .fetch_one(&db)
    .await
    .unwrap();
    for said in ["\n3\n", "from default/2\n", "to next/2\n", "\nvouched "] {
        assert!(statement.contains(said), "{statement}");
    }
    let whole = report(&after).await;
    assert!(whole.ok, "{:?}", whole.findings);
    assert_eq!((whole.handovers, whole.checkpoints), (1, 2));
    assert_eq!(whole.whole_since, None);
    // Without the old key its checkpoint holds, and proves nothing.
    let alone = report(&next(&db, false)).await;
    assert!(alone.ok, "{:?}", alone.findings);
    assert_eq!((alone.checkpoints, alone.unsigned_checkpoints), (1, 1));
    // A server with the old key alone goes no further.
    assert!(before.note(entry(&log()), Outcome::Success).await.is_err());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_log_whose_key_is_lost_is_adopted_and_says_so(db: PgPool) {
    let lost = audit(&db, &Clock::System);
    write(&lost, 4).await;
    lost.checkpoint(&log()).await.unwrap();
    write(&lost, 1).await;
    let audit = next(&db, false);
    assert!(audit.note(entry(&log()), Outcome::Success).await.is_err());
    let config = Config::from_flags([]).unwrap();
    let args = adopt::AdoptArgs {
        which: Which {
            org: None,
            server: false,
        },
        all: true,
        broken_seal: false,
        rolled_back: false,
    };
    let mut out = Vec::new();
    let code = adopt::run(&args, &config, &audit, &mut out).await.unwrap();
    let out = String::from_utf8(out).unwrap();
    assert_eq!(code, ExitCode::SUCCESS, "{out}");
    assert!(
        out.contains("adopted from record 6 on") && out.contains("was not available"),
        "{out}"
    );
    write(&audit, 2).await;
    audit.checkpoint(&log()).await.unwrap();
    let whole = report(&audit).await;
    assert!(whole.ok, "{:?}", whole.findings);
    assert_eq!((whole.whole_since, whole.size), (Some(6), 8));
    assert_eq!((whole.checkpoints, whole.unsigned_checkpoints), (2, 1));
    let args = verify::Args {
        export: None,
        org: None,
        checkpoints: Vec::new(),
        keys: Vec::new(),
        json: false,
    };
    let mut out = Vec::new();
    let code = verify::run(&args, &config, &audit, &mut out).await.unwrap();
    let out = String::from_utf8(out).unwrap();
    assert_eq!(code, ExitCode::SUCCESS, "{out}");
    for said in [
        "the log of `org-1`: whole since record 6",
        "no seal vouches for what is before",
        "not detectable without a checkpoint kept elsewhere",
    ] {
        assert!(out.contains(said), "{out}");
    }
    let again = audit.adopt(&log(), Despite::default(), &[]).await.unwrap();
    assert_eq!(again, Adoption::Unneeded);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_log_that_does_not_fit_by_itself_is_not_adopted(db: PgPool) {
    let lost = audit(&db, &Clock::System);
    write(&lost, 6).await;
    let note = lost.checkpoint(&log()).await.unwrap().unwrap().note;
    write(&lost, 2).await;
    let audit = next(&db, false);
    let refused = async |elsewhere: &[String]| {
        let refused = audit.adopt(&log(), BROKEN, elsewhere).await;
        assert!(matches!(refused, Err(Error::Unfit { .. })), "{refused:?}");
    };
    for (change, undo) in [
        (
            "update audit_records set route = '/x' where sequence = 3",
            "update audit_records set route = null where sequence = 3",
        ),
        (
            "update audit_chains set size = 7",
            "update audit_chains set size = 8",
        ),
        (
            "update audit_tiles set hashes = set_byte(hashes, 7, get_byte(hashes, 7) # 1)",
            "update audit_tiles set hashes = set_byte(hashes, 7, get_byte(hashes, 7) # 1)",
        ),
    ] {
        tamper(&db, &[change]).await;
        refused(&[]).await;
        tamper(&db, &[undo]).await;
    }
    // Everything fits, but a note proves that there was more.
    tamper(
        &db,
        &[
            "delete from audit_records where sequence > 4",
            "delete from audit_checkpoints",
            "delete from audit_tiles",
            "update audit_chains set size = 4, head =
               (select hash from audit_records where sequence = 4)",
        ],
    )
    .await;
    refused(&[note]).await;
    assert!(audit.note(entry(&log()), Outcome::Success).await.is_err());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_end_that_was_taken_away_is_found_and_nothing_begins_in_its_place(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    let audit = &app.app.audit;
    write(audit, 4).await;
    tamper(&db, &["delete from audit_chains"]).await;
    let client = app.client(Role::Viewer);
    let (status, _) = client.post(CONVERSATIONS, json!({"title": "one"})).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let (status, _) = app.client(Role::Admin).get("/api/audit/checkpoint").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(found(&report(audit).await, "its end is missing"));
    let all = audit.verify_all(&[], |_, _, _| {}).await.unwrap();
    assert!(all.iter().any(|one| one.org_id == ORG && !one.ok));
    let adopted = audit.adopt(&log(), Despite::default(), &[]).await.unwrap();
    let cause = Cause::Missing;
    assert_eq!(adopted, Adoption::Adopted { since: 5, cause });
    let (status, _) = client.post(CONVERSATIONS, json!({"title": "one"})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(report(audit).await.whole_since, Some(5));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_seal_that_does_not_fit_is_adopted_only_when_that_is_said(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    write(&audit, 4).await;
    tamper(
        &db,
        &["update audit_chains set last_at = last_at + interval '1 year'"],
    )
    .await;
    assert!(audit.note(entry(&log()), Outcome::Success).await.is_err());
    let refused = audit
        .adopt(&log(), Despite::default(), &[])
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("--broken-seal"), "{refused}");
    let adopted = audit.adopt(&log(), BROKEN, &[]).await.unwrap();
    let cause = Cause::Broken;
    assert_eq!(adopted, Adoption::Adopted { since: 5, cause });
    write(&audit, 1).await;
    let whole = report(&audit).await;
    assert!(whole.ok, "{:?}", whole.findings);
    assert!(end(&db).await.last_at < Clock::System.now() + chrono::TimeDelta::days(1));
}

/// Seals the end as the first versions did.
async fn seal_as_at_first(db: &PgPool) {
    let keys = TestApp::config(&[]).audit_keys().unwrap();
    let end = end(db).await;
    let head = Hash::try_from(end.head.as_slice()).unwrap();
    let seal = keys.current().unwrap().first_seal(ORG, end.size, &head);
    sqlx::query("update audit_chains set seal = $1, seal_key_id = 'default'")
        .bind(seal.as_slice())
        .execute(db)
        .await
        .unwrap();
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_older_seal_is_read_and_the_next_record_has_it_replaced(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    write(&audit, 3).await;
    seal_as_at_first(&db).await;
    let older = report(&audit).await;
    assert!(older.ok, "{:?}", older.findings);
    // Its seal does not cover the time, so no check relies on that.
    tamper(&db, &["update audit_chains set last_at = '2999-01-01'"]).await;
    assert!(!report(&audit).await.ok);
    write(&audit, 1).await;
    let (whole, end) = (report(&audit).await, end(&db).await);
    assert!(whole.ok, "{:?}", whole.findings);
    assert_eq!((whole.handovers, whole.whole_since), (1, None));
    assert_eq!((end.size, end.seal_key_id.as_str()), (5, "default/2"));
    let year: DateTime<Utc> = "2900-01-01T00:00:00Z".parse().unwrap();
    assert!(end.last_at < year);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_seal_does_not_pass_for_an_older_one(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    write(&audit, 3).await;
    tamper(
        &db,
        &["update audit_chains set seal_key_id = 'default', last_at = last_at + interval '1 hour'"],
    )
    .await;
    assert!(!report(&audit).await.ok);
    assert!(audit.note(entry(&log()), Outcome::Success).await.is_err());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn whatever_a_reader_relies_on_is_compared_with_what_is_signed(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    write(&audit, 300).await;
    audit.checkpoint(&log()).await.unwrap();
    write(&audit, 5).await;
    audit.checkpoint(&log()).await.unwrap();
    assert!(report(&audit).await.ok);
    let root = "set_byte(root, 3, get_byte(root, 3) # 1)";
    for change in [
        "update audit_chains set last_at = last_at - interval '1 second'",
        "update audit_chains set seal = set_byte(seal, 3, get_byte(seal, 3) # 1)",
        &format!("update audit_checkpoints set root = {root} where size = 300"),
        &format!("update audit_checkpoints set root = {root} where size = 305"),
        "update audit_checkpoints set created_at = created_at + interval '1 second' where size = 300",
        "update audit_checkpoints set is_base = true where size = 300",
        "update audit_checkpoints set size = 299 where size = 300",
        "update audit_checkpoints set note = note || ' ' where size = 300",
        "update audit_checkpoints set org_id = 'org-2' where size = 300",
        "insert into audit_checkpoints select org_id, 7, true, root, note, created_at
           from audit_checkpoints where size = 300",
        "update audit_tiles set hashes = set_byte(hashes, 3, get_byte(hashes, 3) # 1) where tile = 0",
        "update audit_tiles set hashes = substr(hashes, 1, 32) where level = 0 and tile = 1",
        "update audit_tiles set hashes = hashes || substr(hashes, 1, 32) where tile = 1",
        "update audit_tiles set tile = 2 where level = 0 and tile = 1",
        "delete from audit_tiles where level = 1",
        "insert into audit_tiles select org_id, 2, tile, hashes from audit_tiles where level = 1",
        "insert into audit_records select org_id, sequence, gen_random_uuid(), phase,
           created_at + interval '1 second', event, method, route, request_id, trace_id, run_id, status,
           outcome, duration_ms, actor_kind, statement, actor, actor_role, resource, blind, commitment,
           payload, payload_digest, entry_key, key_id, erased_by, previous, hash
           from audit_records where sequence = 305",
    ] {
        let mut tx = db.begin().await.unwrap();
        sqlx::query("set local session_replication_role = replica")
            .execute(&mut *tx)
            .await
            .unwrap();
        let done = sqlx::query(AssertSqlSafe(change)).execute(&mut *tx).await;
        assert!(done.unwrap().rows_affected() > 0, "{change}");
        let reports = audit.verify_all_over(&mut tx, &[], |_, _, _| {}).await;
        let reports = reports.unwrap();
        assert!(reports.iter().any(|report| !report.ok), "{change}");
        tx.rollback().await.unwrap();
    }
    assert!(report(&audit).await.ok);
    // Readers compare too: nothing is proved by a row that says something else.
    tamper(
        &db,
        &[&format!("update audit_checkpoints set root = {root}")],
    )
    .await;
    assert!(audit.checkpoint(&log()).await.is_err());
}
