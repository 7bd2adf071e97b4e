//! Tables that were reshaped, emptied or put back: verification finds it, and servers do not write.

use std::sync::Arc;

use navi::audit::adopting::{Adoption, Despite};
use navi::audit::error::Error;
use navi::audit::event::Event;
use navi::audit::model::{Actor, ActorKind, Log, NewEntry, Outcome};
use navi::audit::seals::handover::Cause;
use navi::audit::service::Audit;
use navi::audit::verifying::report::Report;
use navi::audit::witnessing::witness::Witness;
use navi::cli::serve::Running;
use navi::config::settings::Config;
use navi::platform::clock::Clock;
use navi::platform::metrics::Metrics;
use navi::platform::tasks::Tasks;
use sqlx::{AssertSqlSafe, PgPool};

use crate::support::app::{ORG, SECRET, TestApp, audit};
use crate::support::served::url;

const ROLLED_BACK: Despite = Despite {
    broken_seal: false,
    rolled_back: true,
};

fn log() -> Log {
    Log::from_name(ORG)
}

fn other() -> Log {
    Log::from_name("org-2")
}

async fn note(audit: &Audit, log: &Log) -> Result<(), Error> {
    let server = Actor::nameless(ActorKind::Server);
    let entry = NewEntry::new(log.clone(), Event::HttpRequest, server);
    audit.note(entry, Outcome::Success).await.map(drop)
}

async fn write(audit: &Audit, log: &Log, count: usize) {
    for _ in 0..count {
        note(audit, log).await.unwrap();
    }
}

/// Changes the tables as their owner can, whatever guards them.
async fn tamper(db: &PgPool, sql: &str) {
    let sql = format!("begin; set local session_replication_role = replica; {sql}; commit");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(db).await.unwrap();
}

/// Takes everything of a log away.
async fn take_away(db: &PgPool, log: &Log) {
    let name = log.as_str();
    let tables = [
        "audit_records",
        "audit_chains",
        "audit_checkpoints",
        "audit_tiles",
    ];
    let sql = tables.map(|table| format!("delete from {table} where org_id = '{name}'"));
    tamper(db, &sql.join(";")).await;
}

/// Keeps records and ends as they are, to be put back.
async fn keep(db: &PgPool) {
    let sql = "create table then_records as select * from audit_records;
               create table then_chains as select * from audit_chains";
    tamper(db, sql).await;
}

/// Puts the records and the end of a log back.
async fn put_back(db: &PgPool, log: &Log) {
    let name = log.as_str();
    let sql = format!(
        "delete from audit_records where org_id = '{name}';
         delete from audit_chains where org_id = '{name}';
         insert into audit_records select * from then_records where org_id = '{name}';
         insert into audit_chains select * from then_chains where org_id = '{name}'"
    );
    tamper(db, &sql).await;
}

async fn all(audit: &Audit) -> Vec<Report> {
    audit.verify_all(&[], |_, _, _| {}).await.unwrap()
}

async fn problems(audit: &Audit) -> String {
    let reports = all(audit).await;
    let findings = reports.iter().flat_map(|report| &report.findings);
    findings
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// The log of a process that keeps its last checkpoints in a folder.
fn with_folder(db: &PgPool, witness: &Witness) -> Audit {
    let keys = Arc::new(TestApp::config(&[]).audit_keys().unwrap());
    let (metrics, tasks) = (Metrics::new(&[], &[]).unwrap(), Tasks::new());
    Audit::open(
        db.clone(),
        Clock::System,
        keys,
        metrics,
        witness.clone(),
        &tasks,
    )
}

/// Changes to the shape of the tables, how they are undone, and the words of verification.
const SHAPES: &[(&str, &str, &str)] = &[
    (
        "alter table audit_chains drop constraint audit_chains_pkey",
        "alter table audit_chains add primary key (org_id)",
        "`audit_chains` has lost its key",
    ),
    (
        "alter table audit_chains rename to hidden; create view audit_chains as select * from hidden",
        "drop view audit_chains; alter table hidden rename to audit_chains",
        "`audit_chains` is no table",
    ),
    (
        "alter table audit_checkpoints enable row level security",
        "alter table audit_checkpoints disable row level security",
        "a row-level policy stands on `audit_checkpoints`",
    ),
    (
        "create rule forgets as on delete to audit_tiles do instead nothing",
        "drop rule forgets on audit_tiles",
        "the rule `forgets` stands on `audit_tiles`",
    ),
    (
        "create function forges() returns trigger language plpgsql as
           $$ begin new.actor := 'x'; return new; end $$;
         create trigger forges before insert on audit_records_default for each row
           execute function forges()",
        "drop function forges cascade",
        "the trigger `forges` stands on `audit_records`",
    ),
    (
        "alter table audit_chains alter column size type numeric",
        "alter table audit_chains alter column size type bigint",
        "`audit_chains` has other columns",
    ),
    (
        "alter table audit_chains alter column org_id type text collate \"C\"",
        "alter table audit_chains alter column org_id type text collate \"default\"",
        "`audit_chains` has other columns",
    ),
];

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn tables_that_are_not_as_navi_makes_them_are_found_and_take_nothing(db: PgPool) {
    write(&audit(&db, &Clock::System), &log(), 2).await;
    for (change, undo, said) in SHAPES {
        tamper(&db, change).await;
        let audit = audit(&db, &Clock::System);
        let found = problems(&audit).await;
        assert!(found.contains(said), "{change}: {found}");
        // A beginning that is refused is not tried again, beneath the next change.
        let server = Actor::nameless(ActorKind::Server);
        let entry = NewEntry::new(log(), Event::HttpRequest, server);
        assert!(audit.begin(entry).await.is_err(), "{change}");
        tamper(&db, undo).await;
    }
    let audit = audit(&db, &Clock::System);
    assert_eq!(problems(&audit).await, "");
    write(&audit, &log(), 1).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_column_that_a_later_version_adds_is_no_change_of_a_table(db: PgPool) {
    let added = "alter table audit_records add column later text;
                 alter table audit_chains add column later bigint not null default 0";
    tamper(&db, added).await;
    let audit = audit(&db, &Clock::System);
    write(&audit, &log(), 2).await;
    assert_eq!(problems(&audit).await, "");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn of_two_ends_of_a_log_neither_is_gone_on_from(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    write(&audit, &log(), 2).await;
    let second = format!(
        "alter table audit_chains drop constraint audit_chains_pkey;
         insert into audit_chains select * from audit_chains where org_id = '{ORG}'"
    );
    tamper(&db, &second).await;
    assert!(note(&audit, &log()).await.is_err());
    assert!(problems(&audit).await.contains("two rows for one"));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_the_database_drops_is_not_taken_for_written(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    write(&audit, &log(), 2).await;
    for (table, event) in [("audit_records", "insert"), ("audit_chains", "update")] {
        let drops = format!(
            "create function drops() returns trigger language plpgsql as
               $$ begin return null; end $$;
             create trigger drops before {event} on {table} for each row execute function drops()"
        );
        tamper(&db, &drops).await;
        assert!(note(&audit, &log()).await.is_err(), "{table}");
        tamper(&db, "drop function drops cascade").await;
        write(&audit, &log(), 1).await;
    }
    assert_eq!(problems(&audit).await, "");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_time_that_no_calendar_has_is_found_and_stops_no_other_log(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    write(&audit, &log(), 2).await;
    write(&audit, &other(), 1).await;
    audit.make_checkpoints().await;
    for (table, column) in [
        ("audit_chains", "last_at"),
        ("audit_records", "created_at"),
        ("audit_checkpoints", "created_at"),
    ] {
        for time in ["infinity", "-infinity", "294276-01-01"] {
            let held = format!("create table held as select * from {table} where org_id = '{ORG}'");
            let set = format!("update {table} set {column} = '{time}' where org_id = '{ORG}'");
            tamper(&db, &format!("{held}; {set}")).await;
            assert!(!problems(&audit).await.is_empty(), "{table} {time}");
            if table == "audit_chains" {
                assert!(note(&audit, &log()).await.is_err(), "{time}");
            }
            write(&audit, &other(), 1).await;
            let undo = format!(
                "delete from {table} where org_id = '{ORG}'; insert into {table} select * from held;
                 drop table held"
            );
            tamper(&db, &undo).await;
        }
    }
    assert_eq!(problems(&audit).await, "");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_log_that_was_taken_away_whole_is_not_begun_again(db: PgPool) {
    let first = audit(&db, &Clock::System);
    write(&first, &log(), 2).await;
    // Behind the record that names the beginning; nothing is signed yet.
    write(&first, &Log::Server, 1).await;
    take_away(&db, &log()).await;
    for audit in [first, audit(&db, &Clock::System)] {
        assert!(note(&audit, &log()).await.is_err());
        let signed = audit.checkpoint(&log()).await;
        assert!(matches!(signed, Err(Error::EndMissing(_))), "{signed:?}");
    }
    let audit = audit(&db, &Clock::System);
    let found = problems(&audit).await;
    assert!(found.contains("there is no such log"), "{found}");
    let refused = audit.adopt(&log(), Despite::default(), &[]).await;
    assert!(matches!(refused, Err(Error::NoLog(_))), "{refused:?}");
    let cause = Cause::RolledBack;
    let adopted = audit.adopt(&log(), ROLLED_BACK, &[]).await.unwrap();
    assert_eq!(adopted, Adoption::Adopted { since: 1, cause });
    write(&audit, &log(), 2).await;
    assert_eq!(problems(&audit).await, "");
    let report = audit.verify(&log(), &[], |_, _| {}).await.unwrap();
    assert_eq!((report.size, report.lost_before), (3, Some(1)));
    write(&audit, &other(), 1).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_data_folder_knows_of_a_log_when_nothing_is_left_in_the_database(db: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let witness = Witness::new(Some(folder.path().join("kept")), None);
    let first = with_folder(&db, &witness);
    write(&first, &log(), 2).await;
    first.make_checkpoints().await;
    for gone in [log(), Log::Server] {
        take_away(&db, &gone).await;
    }
    let audit = with_folder(&db, &witness);
    for gone in [log(), Log::Server] {
        assert!(note(&audit, &gone).await.is_err(), "{gone}");
        let notes = witness.notes().unwrap();
        let kept: Vec<String> = notes
            .into_iter()
            .filter(|note| note.starts_with("navi-audit/.") == (gone == Log::Server))
            .collect();
        let adopted = audit.adopt(&gone, ROLLED_BACK, &kept).await.unwrap();
        assert!(matches!(adopted, Adoption::Adopted { since: 1, .. }));
    }
    // A process remembers until its end what it has seen.
    let audit = with_folder(&db, &witness);
    write(&audit, &log(), 1).await;
    let notes = witness.notes().unwrap();
    let reports = audit.verify_all(&notes, |_, _, _| {}).await.unwrap();
    assert!(reports.iter().all(|report| report.ok), "{reports:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_servers_own_log_is_missed_by_the_checkpoints_of_the_others(db: PgPool) {
    let first = audit(&db, &Clock::System);
    write(&first, &log(), 2).await;
    first.make_checkpoints().await;
    keep(&db).await;
    write(&first, &Log::Server, 2).await;
    write(&first, &log(), 2).await;
    first.make_checkpoints().await;
    assert_eq!(problems(&first).await, "");
    // An older state of it, in which everything fits.
    let mut tx = db.begin().await.unwrap();
    let roll_back = "set local session_replication_role = replica;
        delete from audit_records where org_id = '';
        delete from audit_chains where org_id = '';
        insert into audit_records select * from then_records where org_id = '';
        insert into audit_chains select * from then_chains where org_id = '';
        delete from audit_checkpoints where org_id = ''; delete from audit_tiles where org_id = ''";
    sqlx::raw_sql(roll_back).execute(&mut *tx).await.unwrap();
    let reports = first.verify_all_over(&mut tx, &[], |_, _, _| {}).await;
    let found = format!("{:?}", reports.unwrap());
    assert!(
        found.contains("a checkpoint of the log of `org-1` names"),
        "{found}"
    );
    tx.rollback().await.unwrap();
    take_away(&db, &Log::Server).await;
    let audit = audit(&db, &Clock::System);
    let found = problems(&audit).await;
    assert!(found.contains("there is no such log"), "{found}");
    assert!(note(&audit, &Log::Server).await.is_err());
    write(&audit, &log(), 1).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_end_that_was_put_back_is_refused_by_whoever_knows_a_later_one(db: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let witness = Witness::new(Some(folder.path().join("kept")), None);
    let first = with_folder(&db, &witness);
    write(&first, &log(), 3).await;
    keep(&db).await;
    write(&first, &log(), 3).await;
    put_back(&db, &log()).await;
    assert!(
        note(&first, &log()).await.is_err(),
        "it wrote the later one"
    );
    let signed = first.checkpoint(&log()).await;
    assert!(
        matches!(signed, Err(Error::RolledBack { seen: 6, .. })),
        "{signed:?}"
    );
    // Another process does not know it: no checkpoint says that there was more.
    let second = with_folder(&db, &witness);
    write(&second, &log(), 3).await;
    second.checkpoint(&log()).await.unwrap();
    let put_back_all = "delete from audit_checkpoints; delete from audit_tiles";
    put_back(&db, &log()).await;
    let third = audit(&db, &Clock::System);
    assert!(note(&third, &log()).await.is_err(), "a checkpoint is there");
    tamper(&db, put_back_all).await;
    let fourth = with_folder(&db, &witness);
    assert!(note(&fourth, &log()).await.is_err(), "the folder has one");
    let signed = fourth.checkpoint(&log()).await;
    let told = signed.unwrap_err().to_string();
    assert!(
        told.contains("navi audit adopt --org org-1 --rolled-back"),
        "{told}"
    );
    let notes = witness.notes().unwrap();
    let unsaid = fourth.adopt(&log(), Despite::default(), &notes).await;
    let shortened = Adoption::Shortened { size: 3, known: 6 };
    assert_eq!(unsaid.unwrap(), shortened);
    let adopted = fourth.adopt(&log(), ROLLED_BACK, &notes).await;
    assert!(
        matches!(adopted, Ok(Adoption::Adopted { .. })),
        "{adopted:?}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_checkpoint_that_is_gone_is_not_replaced_but_put_back(db: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let witness = Witness::new(Some(folder.path().join("kept")), None);
    let audit = with_folder(&db, &witness);
    write(&audit, &log(), 3).await;
    audit.checkpoint(&log()).await.unwrap();
    tamper(
        &db,
        "delete from audit_checkpoints; delete from audit_tiles",
    )
    .await;
    write(&audit, &log(), 1).await;
    let refused = audit.checkpoint(&log()).await;
    assert!(
        matches!(refused, Err(Error::CheckpointGone { seen: 3, .. })),
        "{refused:?}"
    );
    let notes = witness.notes().unwrap();
    let report = audit.verify(&log(), &notes, |_, _| {}).await.unwrap();
    assert!(!report.ok);
    let put_back = audit
        .adopt(&log(), Despite::default(), &notes)
        .await
        .unwrap();
    assert_eq!(put_back, Adoption::Signed);
    assert_eq!(
        audit
            .checkpoint(&log())
            .await
            .unwrap()
            .unwrap()
            .checkpoint
            .size,
        4
    );
    let report = audit.verify(&log(), &notes, |_, _| {}).await.unwrap();
    assert!(report.ok && report.checkpoints == 3, "{report:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_signs_what_it_wrote_when_it_stops(db: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let database = url(&db.connect_options());
    let data = folder.path().to_str().unwrap();
    let flags = [
        "--database-url",
        &database,
        "--data-dir",
        data,
        "--bind",
        "127.0.0.1:0",
        "--jwt-secret",
        SECRET,
    ];
    let config = Config::from_flags(flags).unwrap();
    let running = Running::start(config, false).await.unwrap();
    write(&running.app.audit, &log(), 5).await;
    assert!(running.stop().await);
    let size = "select max(size) from audit_checkpoints where org_id = 'org-1'";
    let size: Option<i64> = sqlx::query_scalar(size).fetch_one(&db).await.unwrap();
    assert_eq!(size, Some(5));
}
