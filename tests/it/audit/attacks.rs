//! An attacker with all rights on the database and no key.

use chrono::{DateTime, Utc};
use navi::audit::erasing::Whose;
use navi::audit::event::Event;
use navi::audit::model::{Actor, ActorKind, Ending, Log, NewEntry, Outcome};
use navi::audit::record::Record;
use navi::audit::service::Audit;
use navi::audit::store::{appending, reading};
use navi::auth::principal::Role;
use navi::cli::audit::opened::operator;
use navi::platform::clock::Clock;
use navi::platform::hex::hex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use crate::support::app::{ORG, audit};

/// An earlier end of the log, as an attacker may have kept it.
struct Kept {
    size: i64,
    head: Vec<u8>,
    last_at: DateTime<Utc>,
    seal: Vec<u8>,
}

/// A log of some twenty entries, signed three times, with an erasure in it. Returns the ends that an
/// attacker kept on the way, and the last checkpoint, which another party keeps.
async fn history(db: &PgPool, audit: &Audit, log: &Log) -> (Vec<Kept>, String) {
    let mut kept = Vec::new();
    for n in 0..18 {
        let actor = Actor {
            kind: ActorKind::User,
            id: Some(format!("user-{}", n % 3)),
            role: Some(Role::Planner),
        };
        let entry = NewEntry {
            method: Some("POST".to_owned()),
            route: Some("/api/jobs/{id}/start".to_owned()),
            resource: Some(format!("job-{n}")),
            request_id: Some(format!("request-{n}")),
            payload: Some(json!({"n": n})),
            ..NewEntry::new(log.clone(), Event::HttpRequest, actor)
        };
        let open = audit.begin(entry).await.unwrap();
        let ending = Ending {
            status: Some(200),
            payload: Some(json!({"after": n})),
            ..Ending::from(Outcome::Success)
        };
        open.complete(ending).await;
        if n % 6 == 5 {
            audit.checkpoint(log).await.unwrap();
        }
        if n == 9 {
            audit
                .erase(log, Whose::Person("user-2"), &operator())
                .await
                .unwrap();
        }
        let mut conn = db.acquire().await.unwrap();
        let end = appending::end(&mut conn, ORG).await.unwrap().unwrap();
        kept.push(Kept {
            size: end.size,
            head: end.head,
            last_at: end.last_at,
            seal: end.seal,
        });
    }
    kept.pop();
    let last = audit.checkpoint(log).await.unwrap().unwrap().note;
    // The owner of a table takes its constraints away first.
    for constraint in [
        "audit_records_outcome_iff_done",
        "audit_records_digest_iff_payload",
        "audit_records_erased_wholly",
        "audit_records_completed_once",
    ] {
        let sql = format!("alter table audit_records drop constraint {constraint}");
        sqlx::query(AssertSqlSafe(sql)).execute(db).await.unwrap();
    }
    let count: i64 = sqlx::query_scalar("select count(*) from audit_checkpoints")
        .fetch_one(db)
        .await
        .unwrap();
    assert_eq!(count, 3);
    (kept, last)
}

async fn run(conn: &mut PgConnection, sql: String) {
    assert!(
        changed(conn, sql).await > 0,
        "a change that changes nothing"
    );
}

async fn changed(conn: &mut PgConnection, sql: String) -> u64 {
    let done = sqlx::query(AssertSqlSafe(sql)).execute(conn).await.unwrap();
    done.rows_affected()
}

/// Columns, and what an attacker makes of one: always something else.
const EDITS: &[(&str, &str)] = &[
    ("org_id", "org_id || 'x'"),
    ("sequence", "sequence + 1000"),
    ("entry_id", "gen_random_uuid()"),
    (
        "phase",
        "case phase when 'begun' then 'noted' else 'begun' end",
    ),
    ("created_at", "created_at + interval '1 microsecond'"),
    ("event", "'login.failed'"),
    ("method", "coalesce(method, '') || 'X'"),
    ("route", "coalesce(route, '') || '/x'"),
    ("request_id", "coalesce(request_id, '') || 'x'"),
    ("trace_id", "coalesce(trace_id, '') || '0'"),
    ("run_id", "gen_random_uuid()"),
    ("status", "coalesce(status, 200) + 1"),
    (
        "outcome",
        "case outcome when 'success' then 'failure' else 'success' end",
    ),
    ("duration_ms", "coalesce(duration_ms, 0) + 7"),
    (
        "actor_kind",
        "case actor_kind when 'user' then 'server' else 'user' end",
    ),
    ("statement", "coalesce(statement, '') || 'x'"),
    ("actor", "coalesce(actor, '') || 'x'"),
    ("actor_role", "coalesce(actor_role, '') || 'x'"),
    ("resource", "coalesce(resource, '') || 'x'"),
    (
        "blind",
        "case when blind is null then decode(repeat('00', 16), 'hex') else set_byte(blind, 3, get_byte(blind, 3) # 1) end",
    ),
    (
        "commitment",
        "set_byte(commitment, 31, get_byte(commitment, 31) # 128)",
    ),
    ("payload", "coalesce(payload, ''::bytea) || '\\x00'::bytea"),
    (
        "payload_digest",
        "case when payload_digest is null then decode(repeat('00', 32), 'hex') else set_byte(payload_digest, 0, get_byte(payload_digest, 0) # 1) end",
    ),
    (
        "entry_key",
        "coalesce(entry_key, ''::bytea) || '\\x00'::bytea",
    ),
    ("key_id", "coalesce(key_id, '') || 'x'"),
    ("erased_by", "coalesce(erased_by, 0) + 1"),
    (
        "previous",
        "set_byte(previous, 9, get_byte(previous, 9) # 1)",
    ),
    ("hash", "set_byte(hash, 9, get_byte(hash, 9) # 1)"),
];

/// Makes one random change, and says which.
async fn attack(conn: &mut PgConnection, rng: &mut StdRng, size: i64, kept: &[Kept]) -> String {
    let one = rng.random_range(1..=size);
    let other = loop {
        let other = rng.random_range(1..=size);
        if other != one {
            break other;
        }
    };
    match rng.random_range(0..10) {
        0..=3 => {
            let (column, value) = EDITS[rng.random_range(0..EDITS.len())];
            run(
                conn,
                format!("update audit_records set {column} = {value} where sequence = {one}"),
            )
            .await;
            format!("{column} of {one} was edited")
        }
        4 => {
            run(
                conn,
                format!("delete from audit_records where sequence = {one}"),
            )
            .await;
            format!("{one} was deleted")
        }
        5 => {
            let swap = format!(
                "update audit_records set sequence = {one} + {other} - sequence
                 where sequence in ({one}, {other})"
            );
            run(conn, swap).await;
            format!("{one} and {other} were exchanged")
        }
        6 => {
            let at = rng.random_range(1..=size + 1);
            let copy = format!(
                "create temp table copied on commit drop as select * from audit_records where sequence = {one}"
            );
            sqlx::query(AssertSqlSafe(copy))
                .execute(&mut *conn)
                .await
                .unwrap();
            run(conn, format!("update copied set sequence = {at}, created_at = created_at + interval '1 second'")).await;
            run(
                conn,
                "insert into audit_records select * from copied".to_owned(),
            )
            .await;
            format!("{one} was inserted again at {at}")
        }
        7 => {
            let left = rng.random_range(0..size);
            run(
                conn,
                format!("delete from audit_records where sequence > {left}"),
            )
            .await;
            if rng.random_bool(0.5) && left > 0 {
                run(
                    conn,
                    format!(
                        "update audit_chains set size = {left}, head =
                       (select hash from audit_records where sequence = {left})"
                    ),
                )
                .await;
            }
            format!("the tail after {left} was cut off")
        }
        8 => {
            // As if a backup was restored: everything fits, and some of it never happened any more.
            let then = &kept[rng.random_range(0..kept.len())];
            run(
                conn,
                format!("delete from audit_records where sequence > {}", then.size),
            )
            .await;
            run(
                conn,
                format!(
                    "update audit_chains
                     set size = {}, head = '\\x{}', last_at = '{}', seal = '\\x{}'",
                    then.size,
                    hex(&then.head),
                    then.last_at.to_rfc3339(),
                    hex(&then.seal)
                ),
            )
            .await;
            let sql = format!("delete from audit_checkpoints where size > {}", then.size);
            // There may be none.
            changed(conn, sql).await;
            format!("the database was rolled back to {}", then.size)
        }
        _ => {
            forge(conn, one).await;
            format!("{one} was edited, and all hashes after it made anew")
        }
    }
}

/// Edits a record and recomputes every hash after it, which takes no key.
async fn forge(conn: &mut PgConnection, from: i64) {
    let mut records: Vec<Record> = reading::records_after(conn, ORG, from - 1, None, 1_000)
        .await
        .unwrap();
    records[0].route = Some("/api/harmless".to_owned());
    let mut previous = records[0].previous.clone();
    for record in &mut records {
        record.previous = previous;
        record.hash = record.computed_hash().to_vec();
        previous = record.hash.clone();
        run(conn, format!(
            "update audit_records set route = {}, previous = '\\x{}', hash = '\\x{}' where sequence = {}",
            record.route.as_ref().map_or("null".to_owned(), |route| format!("'{route}'")),
            hex(&record.previous), hex(&record.hash), record.sequence
        )).await;
    }
    run(
        conn,
        format!("update audit_chains set head = '\\x{}'", hex(&previous)),
    )
    .await;
}

/// Random changes for each seed; the four seeds make ten thousand, and run at the same time.
const CHANGES: usize = 2_500;

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn random_tampering_is_detected_seed_1(db: PgPool) {
    withstand(db, 1).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn random_tampering_is_detected_seed_2(db: PgPool) {
    withstand(db, 2).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn random_tampering_is_detected_seed_3(db: PgPool) {
    withstand(db, 3).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn random_tampering_is_detected_seed_4(db: PgPool) {
    withstand(db, 4).await;
}

/// Makes one change after the other, each undone before the next, and sees that each is found.
async fn withstand(db: PgPool, seed: u64) {
    let (audit, log) = (audit(&db, &Clock::System), Log::from_name(ORG));
    let (kept, last) = history(&db, &audit, &log).await;
    // Of one log alone: no other witness has seen it.
    let alone = "begin; set local session_replication_role = replica;
                 delete from audit_records where org_id = ''; delete from audit_chains where org_id = '';
                 commit";
    sqlx::raw_sql(alone).execute(&db).await.unwrap();
    let elsewhere = [last];
    let report = audit.verify(&log, &elsewhere, |_, _| {}).await.unwrap();
    assert!(report.ok, "{:?}", report.findings);
    let size = report.size;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut conn = db.acquire().await.unwrap();
    for _ in 0..CHANGES {
        let mut tx = sqlx::Connection::begin(&mut *conn).await.unwrap();
        // The owner of a table can do this, and so can a holder of the owner's password.
        sqlx::query("set local session_replication_role = replica")
            .execute(&mut *tx)
            .await
            .unwrap();
        let change = attack(&mut tx, &mut rng, size, &kept).await;
        let report = audit
            .verify_over(&mut tx, &log, &elsewhere, |_, _| {})
            .await
            .unwrap();
        assert!(!report.ok, "{change}, and nobody noticed");
        tx.rollback().await.unwrap();
    }
    let report = audit.verify(&log, &elsewhere, |_, _| {}).await.unwrap();
    assert!(report.ok, "{:?}", report.findings);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn accidents_stop_at_the_table(db: PgPool) {
    let (audit, log) = (audit(&db, &Clock::System), Log::from_name(ORG));
    // Rows in the default partition may be moved; these are where they belong.
    sqlx::query("select make_month_partitions(now(), 1)")
        .execute(&db)
        .await
        .unwrap();
    history(&db, &audit, &log).await;
    for accident in [
        "delete from audit_records",
        "update audit_records set outcome = 'failure' where phase = 'completed'",
        "update audit_records set actor = 'somebody'",
        "update audit_records set erased_by = null where erased_by is not null",
    ] {
        let stopped = sqlx::query(accident).execute(&db).await;
        assert!(stopped.is_err(), "{accident}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn nothing_is_appended_behind_an_end_that_somebody_moved(db: PgPool) {
    let (audit, log) = (audit(&db, &Clock::System), Log::from_name(ORG));
    let other = Log::from_name("org-2");
    let entry = |log: &Log| {
        NewEntry::new(
            log.clone(),
            Event::HttpRequest,
            Actor::nameless(ActorKind::Server),
        )
    };
    audit.note(entry(&log), Outcome::Success).await.unwrap();
    audit.note(entry(&other), Outcome::Success).await.unwrap();
    sqlx::query("update audit_chains set size = 0 where org_id = 'org-1'")
        .execute(&db)
        .await
        .unwrap();
    assert!(audit.note(entry(&log), Outcome::Success).await.is_err());
    assert!(
        audit.checkpoint(&log).await.is_err(),
        "and it is not signed either"
    );
    audit.note(entry(&other), Outcome::Success).await.unwrap();
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_payload_that_was_moved_to_another_entry_does_not_open(db: PgPool) {
    let (audit, log) = (audit(&db, &Clock::System), Log::from_name(ORG));
    let mut ids = Vec::new();
    for n in 0..2 {
        let entry = NewEntry {
            payload: Some(json!({"n": n})),
            ..NewEntry::new(
                log.clone(),
                Event::HttpRequest,
                Actor::nameless(ActorKind::Server),
            )
        };
        ids.push(audit.note(entry, Outcome::Success).await.unwrap());
    }
    let mut tx = db.begin().await.unwrap();
    sqlx::query("set local session_replication_role = replica")
        .execute(&mut *tx)
        .await
        .unwrap();
    sqlx::query(
        "update audit_records r set payload = o.payload, entry_key = o.entry_key
         from audit_records o
         where r.org_id = 'org-1' and r.sequence = 1 and o.org_id = 'org-1' and o.sequence = 2",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert!(
        audit
            .decrypt(&log, ids[0], &operator(), "test")
            .await
            .is_err()
    );
    assert!(
        audit
            .decrypt(&log, ids[1], &operator(), "test")
            .await
            .is_ok()
    );
}
