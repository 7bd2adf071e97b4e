//! A forger who knows the format, and changes many things at once so that they fit each other.

use std::collections::BTreeMap;

use navi::audit::event::Event;
use navi::audit::model::{Actor, ActorKind, Log, NewEntry, Outcome};
use navi::audit::note::Checkpoint;
use navi::audit::record::{Record, digest};
use navi::audit::service::Audit;
use navi::audit::store::reading;
use navi::audit::tree::merkle::leaf;
use navi::audit::tree::tiles::Tiles;
use navi::auth::principal::Role;
use navi::platform::clock::Clock;
use navi::platform::hex::hex;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use crate::support::app::{ORG, audit};

/// Forgeries for each seed; the five seeds make five hundred.
const FORGERIES: usize = 100;
/// The server's own log and those of two organisations.
const LOGS: [&str; 3] = ["", ORG, "org-2"];
/// Records of the organisation's log: two levels of tiles.
const RECORDS: usize = 270;

/// Two organisations and the server, signed and named in turn. Answers the last checkpoint of each log,
/// which another party keeps.
async fn history(db: &PgPool, audit: &Audit) -> Vec<String> {
    let other = Log::from_name("org-2");
    for (count, log) in [
        (RECORDS - 30, Log::from_name(ORG)),
        (6, other.clone()),
        (30, Log::from_name(ORG)),
        (6, other.clone()),
    ] {
        let noted = (0..count).map(|n| {
            let actor = Actor {
                kind: ActorKind::User,
                id: Some(format!("user-{}", n % 3)),
                role: Some(Role::Planner),
            };
            let entry = NewEntry {
                route: Some("/api/jobs/{id}/start".to_owned()),
                resource: Some(format!("job-{n}")),
                payload: Some(json!({"n": n})),
                ..NewEntry::new(log.clone(), Event::HttpRequest, actor)
            };
            audit.note(entry, Outcome::Success)
        });
        for noted in futures_util::future::join_all(noted).await {
            noted.unwrap();
        }
        audit.make_checkpoints().await;
    }
    let mut last = Vec::new();
    for log in [Log::Server, Log::from_name(ORG), other] {
        last.push(audit.checkpoint(&log).await.unwrap().unwrap().note);
    }
    // The owner of a table takes its constraints away first.
    let constraints: Vec<(String, String)> = sqlx::query_as(
        "select conrelid::regclass::text, conname from pg_constraint
         where conrelid in ('audit_records'::regclass, 'audit_chains'::regclass,
                            'audit_checkpoints'::regclass, 'audit_tiles'::regclass)
           and contype = 'c' and conislocal",
    )
    .fetch_all(db)
    .await
    .unwrap();
    for (table, name) in constraints {
        let sql = format!("alter table {table} drop constraint \"{name}\"");
        sqlx::query(AssertSqlSafe(sql)).execute(db).await.unwrap();
    }
    last
}

async fn run(conn: &mut PgConnection, sql: String) {
    sqlx::query(AssertSqlSafe(sql)).execute(conn).await.unwrap();
}

/// A digest of all that is kept of the logs: forgeries that cancel each other out change nothing.
async fn state(conn: &mut PgConnection) -> String {
    let tables = [
        "audit_records",
        "audit_chains",
        "audit_checkpoints",
        "audit_tiles",
    ];
    let parts = tables.map(|table| {
        format!(
            "(select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {table} t)"
        )
    });
    let sql = format!("select {}", parts.join(" || "));
    let state = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(conn).await;
    state.unwrap()
}

async fn records(conn: &mut PgConnection, log: &str) -> Vec<Record> {
    reading::records_after(conn, log, 0, None, 10_000)
        .await
        .unwrap()
}

/// Recomputes all that takes no key: every hash of a log, its end, its tiles.
async fn fit(conn: &mut PgConnection, log: &str, mut records: Vec<Record>) {
    let (mut previous, mut tiles, mut stored) = (vec![0; 32], Tiles::default(), BTreeMap::new());
    let signed: Option<i64> = sqlx::query_scalar(
        "select max(size) from audit_checkpoints where org_id = $1 and not is_base",
    )
    .bind(log)
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    for (index, record) in records.iter_mut().enumerate() {
        let old = record.sequence;
        record.sequence = i64::try_from(index).unwrap() + 1;
        record.previous = previous;
        record.hash = record.computed_hash().to_vec();
        previous = record.hash.clone();
        let sql = format!(
            "update audit_records set sequence = {}, previous = '\\x{}', hash = '\\x{}'
             where org_id = '{log}' and sequence = {old} and entry_id = '{}'",
            record.sequence,
            hex(&record.previous),
            hex(&record.hash),
            record.entry_id
        );
        run(conn, sql).await;
        if record.sequence <= signed.unwrap_or(0) {
            for position in tiles.push(index as u64, leaf(&record.hash)) {
                stored.insert(position, tiles.bytes(position).unwrap());
            }
        }
    }
    run(
        conn,
        format!("delete from audit_tiles where org_id = '{log}'"),
    )
    .await;
    for ((level, tile), hashes) in stored {
        let hashes = hex(&hashes);
        let sql =
            format!("insert into audit_tiles values ('{log}', {level}, {tile}, '\\x{hashes}')");
        run(conn, sql).await;
    }
    let size = records.len();
    let sql = format!(
        "update audit_chains set size = {size}, head = '\\x{}' where org_id = '{log}'",
        hex(&previous)
    );
    run(conn, sql).await;
}

/// Edits a record as an attacker who knows which fields are committed to, and which are not.
async fn edit(conn: &mut PgConnection, rng: &mut StdRng, log: &str, record: &mut Record) {
    match rng.random_range(0..4) {
        0 => record.route = Some("/api/harmless".to_owned()),
        1 => record.personal.actor = Some("somebody".to_owned()),
        2 => record.payload = Some(vec![7; 40]),
        _ => record.key_id = Some("other".to_owned()),
    }
    record.payload_digest = record
        .payload
        .as_deref()
        .map(|payload| digest(payload).to_vec());
    let commitment = record.personal.commitment(record.entry_key.as_deref());
    record.commitment = commitment.to_vec();
    let bytes = |bytes: &Option<Vec<u8>>| {
        let bytes = bytes.as_deref();
        bytes.map_or("null".to_owned(), |bytes| format!("'\\x{}'", hex(bytes)))
    };
    let text = |text: &Option<String>| {
        let text = text.as_deref();
        text.map_or("null".to_owned(), |text| format!("'{text}'"))
    };
    let sql = format!(
        "update audit_records set route = {}, actor = {}, payload = {}, payload_digest = {},
           key_id = {}, commitment = '\\x{}' where org_id = '{log}' and sequence = {}",
        text(&record.route),
        text(&record.personal.actor),
        bytes(&record.payload),
        bytes(&record.payload_digest),
        text(&record.key_id),
        hex(&record.commitment),
        record.sequence
    );
    run(conn, sql).await;
}

/// Changes of one place that need no thought, each over rows of one log.
const CHANGES: &[&str] = &[
    "update audit_chains set seal_key_id = 'other/2' where org_id = '{log}'",
    "update audit_chains set seal_key_id = 'default' where org_id = '{log}'",
    "update audit_chains set last_at = last_at + interval '1 minute' where org_id = '{log}'",
    "update audit_chains set seal = set_byte(seal, {n} % 32, get_byte(seal, {n} % 32) # 1) where org_id = '{log}'",
    "update audit_chains set org_id = org_id || 'x' where org_id = '{log}'",
    "delete from audit_chains where org_id = '{log}'",
    "insert into audit_chains select 'org-' || {n}, size, head, last_at, seal, seal_key_id from audit_chains where org_id = '{log}' on conflict do nothing",
    "update audit_records set key_id = 'other' where org_id = '{log}' and sequence >= {n}",
    "update audit_records set created_at = created_at - interval '1 hour' where org_id = '{log}' and sequence = {n}",
    "update audit_records set actor = null, actor_role = null, resource = null, blind = null, entry_key = null, erased_by = {n} where org_id = '{log}' and sequence = {n}",
    "update audit_records set payload = null, payload_digest = null where org_id = '{log}' and sequence = {n}",
    "update audit_records set event = 'audit.handed_over', statement = 'x' where org_id = '{log}' and sequence = {n}",
    "delete from audit_records where org_id = '{log}' and sequence >= {n}",
    "delete from audit_records where org_id = '{log}'",
    "update audit_checkpoints set root = set_byte(root, {n} % 32, get_byte(root, {n} % 32) # 1) where org_id = '{log}'",
    "update audit_checkpoints set created_at = created_at - interval '1 second' where org_id = '{log}'",
    "update audit_checkpoints set is_base = not is_base where org_id = '{log}'",
    "update audit_checkpoints set size = size + 1000 where org_id = '{log}'",
    "update audit_checkpoints set note = replace(note, 'time 2', 'time 3') where org_id = '{log}'",
    "update audit_checkpoints set note = note || '.' where org_id = '{log}'",
    "update audit_checkpoints set org_id = org_id || 'x' where org_id = '{log}'",
    "delete from audit_checkpoints where org_id = '{log}'",
    "delete from audit_checkpoints where org_id = '{log}' and size = (select max(size) from audit_checkpoints where org_id = '{log}')",
    "delete from audit_checkpoints where org_id = '{log}' and size = (select min(size) from audit_checkpoints where org_id = '{log}')",
    "update audit_tiles set hashes = set_byte(hashes, {n} % 32, get_byte(hashes, {n} % 32) # 1) where org_id = '{log}'",
    "update audit_tiles set hashes = substr(hashes, 1, 32) where org_id = '{log}'",
    "update audit_tiles set level = level + 1 where org_id = '{log}' and level > 0",
    "update audit_tiles set org_id = org_id || 'x' where org_id = '{log}'",
    "delete from audit_tiles where org_id = '{log}'",
    // Two logs change places, or one is passed off as another.
    "with a as (update audit_chains set head = (select head from audit_chains where org_id = 'org-2') where org_id = '{log}' returning 1) select * from a",
    "update audit_chains set seal = (select seal from audit_chains where org_id = '') where org_id = '{log}'",
    "update audit_checkpoints set note = (select note from audit_checkpoints where org_id = '' order by size desc limit 1) where org_id = '{log}'",
    "insert into audit_checkpoints select (c).* from (select jsonb_populate_record(c, jsonb_build_object('size', c.size + 7)) as c from audit_checkpoints c where c.org_id = '{log}' limit 1) made",
    // An older end in place of the last one, with all that came after it taken away.
    "with gone as (delete from audit_records where org_id = '{log}' and sequence > {n} returning 1) update audit_chains set size = {n}, head = (select hash from audit_records where org_id = '{log}' and sequence = {n}) where org_id = '{log}'",
    // A person who is blotted out of what was done, a reason, a time.
    "update audit_records set actor = 'somebody' where org_id = '{log}' and actor is not null and sequence % 2 = {n} % 2",
    "update audit_records set statement = null where org_id = '{log}' and statement is not null",
    "update audit_records set phase = 'noted' where org_id = '{log}' and sequence = {n}",
    "update audit_records set entry_id = (select entry_id from audit_records where org_id = '{log}' and sequence = 1) where org_id = '{log}' and sequence = {n}",
    "update audit_records r set payload = o.payload, payload_digest = o.payload_digest, entry_key = o.entry_key from audit_records o where r.org_id = '{log}' and o.org_id = '{log}' and r.sequence = {n} and o.sequence = {n} % 5 + 1",
    "update audit_records r set created_at = o.created_at from audit_records o where r.org_id = '{log}' and o.org_id = '{log}' and r.sequence + o.sequence = {n}",
];

/// Takes everything of a log away.
async fn take_away(conn: &mut PgConnection, log: &str) {
    for table in [
        "audit_records",
        "audit_chains",
        "audit_checkpoints",
        "audit_tiles",
    ] {
        run(conn, format!("delete from {table} where org_id = '{log}'")).await;
    }
}

/// Makes one change, and says which.
async fn forge(conn: &mut PgConnection, rng: &mut StdRng, log: &str) -> String {
    let mut records = records(conn, log).await;
    let size = records.len();
    let one = rng.random_range(0..size.max(1));
    match rng.random_range(0..10) {
        _ if records.is_empty() => "nothing is left".to_owned(),
        0 => {
            edit(conn, rng, log, &mut records[one]).await;
            fit(conn, log, records).await;
            format!("record {one} of `{log}` was edited, and everything made to fit")
        }
        1 => {
            let taken = records.remove(one);
            let sql = format!(
                "delete from audit_records where org_id = '{log}' and sequence = {}",
                taken.sequence
            );
            run(conn, sql).await;
            fit(conn, log, records).await;
            format!("record {one} of `{log}` was taken out, and everything made to fit")
        }
        2 => {
            // As if a checkpoint had not been made yet.
            let sql =
                format!("delete from audit_checkpoints where org_id = '{log}' and size > {one}");
            run(conn, sql).await;
            fit(conn, log, records).await;
            format!("the checkpoints of `{log}` behind {one} were taken away with their tiles")
        }
        3 => {
            take_away(conn, log).await;
            format!("all of `{log}` was taken away")
        }
        _ => {
            let change = CHANGES.choose(rng).unwrap();
            let change = change
                .replace("{log}", log)
                .replace("{n}", &(one + 1).to_string());
            // One that does not go with another before it is left out.
            let mut alone = sqlx::Connection::begin(&mut *conn).await.unwrap();
            let sql = AssertSqlSafe(change.clone());
            match sqlx::query(sql).execute(&mut *alone).await {
                Ok(_) => alone.commit().await.unwrap(),
                Err(_) => alone.rollback().await.unwrap(),
            }
            change
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn random_forgery_is_detected_seed_1(db: PgPool) {
    withstand(db, 1).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn random_forgery_is_detected_seed_2(db: PgPool) {
    withstand(db, 2).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn random_forgery_is_detected_seed_3(db: PgPool) {
    withstand(db, 3).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn random_forgery_is_detected_seed_4(db: PgPool) {
    withstand(db, 4).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn random_forgery_is_detected_seed_5(db: PgPool) {
    withstand(db, 5).await;
}

/// Makes one to three changes at once, undoes them before the next, and sees that each is found.
async fn withstand(db: PgPool, seed: u64) {
    let audit = audit(&db, &Clock::System);
    let last = history(&db, &audit).await;
    assert!(last.iter().all(|note| Checkpoint::read(note).is_ok()));
    let mut rng = StdRng::seed_from_u64(seed);
    let mut conn = db.acquire().await.unwrap();
    for number in 0..FORGERIES {
        let mut tx = sqlx::Connection::begin(&mut *conn).await.unwrap();
        // The owner of a table can do this, and so can a holder of the owner's password.
        sqlx::query("set local session_replication_role = replica")
            .execute(&mut *tx)
            .await
            .unwrap();
        let before = state(&mut tx).await;
        let mut changes = Vec::new();
        while changes.is_empty() || state(&mut tx).await == before {
            for _ in 0..rng.random_range(1..=3) {
                let log = LOGS.choose(&mut rng).unwrap();
                changes.push(forge(&mut tx, &mut rng, log).await);
            }
        }
        let reports = audit.verify_all_over(&mut tx, &last, |_, _, _| {}).await;
        let is_found = reports.unwrap().iter().any(|report| !report.ok);
        assert!(
            is_found,
            "forgery {number}: {changes:#?}, and nobody noticed"
        );
        tx.rollback().await.unwrap();
    }
    let reports = audit.verify_all(&last, |_, _, _| {}).await.unwrap();
    assert_eq!(reports.len(), 3);
    for report in reports {
        assert!(report.ok, "{report:?}");
    }
}
