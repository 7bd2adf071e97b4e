//! Witnesses of a log: a folder, a file, and the server's own log.

use std::process::ExitCode;

use axum::http::StatusCode;
use navi::audit::event::Event;
use navi::audit::model::{Actor, ActorKind, Filter, Log, NewEntry, Outcome};
use navi::audit::note::Checkpoint;
use navi::audit::service::Audit;
use navi::audit::verifying::report::Report;
use navi::auth::principal::Role;
use navi::cli::audit::verify;
use navi::config::settings::Config;
use navi::platform::clock::Clock;
use sqlx::{AssertSqlSafe, PgPool};

use crate::support::app::{ORG, TestApp, audit};

fn log() -> Log {
    Log::from_name(ORG)
}

async fn write(audit: &Audit, log: &Log, count: usize) {
    let noted = (0..count).map(|_| {
        let server = Actor::nameless(ActorKind::Server);
        let entry = NewEntry::new(log.clone(), Event::HttpRequest, server);
        audit.note(entry, Outcome::Success)
    });
    for noted in futures_util::future::join_all(noted).await {
        noted.unwrap();
    }
}

/// Changes the tables as their owner can, whatever guards them.
async fn tamper(db: &PgPool, statements: &[&str]) {
    let mut tx = db.begin().await.unwrap();
    let guarded = "set local session_replication_role = replica";
    for sql in [guarded].iter().chain(statements) {
        let done = sqlx::query(AssertSqlSafe(*sql)).execute(&mut *tx).await;
        done.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn all(audit: &Audit) -> Vec<Report> {
    audit.verify_all(&[], |_, _, _| {}).await.unwrap()
}

fn problems(reports: &[Report], log: &Log) -> String {
    let of = reports.iter().filter(|one| one.org_id == log.as_str());
    let problems = of.flat_map(|one| one.findings.iter().map(ToString::to_string));
    problems.collect::<Vec<_>>().join("\n")
}

/// A checkpoint of the organisation, its end, and everything of it, to be put back.
const KEEP: &[&str] = &[
    "create table then_records as select * from audit_records where org_id = 'org-1'",
    "create table then_chains as select * from audit_chains where org_id = 'org-1'",
    "create table then_checkpoints as select * from audit_checkpoints where org_id = 'org-1'",
    "create table then_tiles as select * from audit_tiles where org_id = 'org-1'",
];
const TAKE_AWAY: &[&str] = &[
    "delete from audit_records where org_id = 'org-1'",
    "delete from audit_chains where org_id = 'org-1'",
    "delete from audit_checkpoints where org_id = 'org-1'",
    "delete from audit_tiles where org_id = 'org-1'",
];
const PUT_BACK: &[&str] = &[
    "insert into audit_records select * from then_records",
    "insert into audit_chains select * from then_chains",
    "insert into audit_checkpoints select * from then_checkpoints",
    "insert into audit_tiles select * from then_tiles",
];

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_servers_own_log_knows_of_a_log_that_was_taken_away_or_rolled_back(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    write(&audit, &log(), 5).await;
    audit.make_checkpoints().await;
    tamper(&db, KEEP).await;
    write(&audit, &log(), 5).await;
    audit.make_checkpoints().await;
    let whole = all(&audit).await;
    assert!(whole.iter().all(|report| report.ok), "{whole:?}");
    let ours = whole.iter().find(|report| report.org_id == ORG).unwrap();
    assert_eq!(ours.checkpoints, 2);
    // And the beginning. On a busy disk a naming seems to fail, is written all the same, and comes again.
    assert!(ours.named_checkpoints >= 3, "{ours:?}");
    tamper(&db, TAKE_AWAY).await;
    let found = problems(&all(&audit).await, &log());
    assert!(found.contains("there is no such log"), "{found}");
    // An older state of it, in which everything fits.
    tamper(&db, PUT_BACK).await;
    let found = problems(&all(&audit).await, &log());
    assert!(
        found.contains("ends at record 5") && found.contains("of the server's own log names 10"),
        "{found}"
    );
    let alone = audit.verify(&log(), &[], |_, _| {}).await.unwrap();
    assert!(!alone.ok);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_round_without_anything_new_writes_nothing(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    write(&audit, &log(), 2).await;
    write(&audit, &Log::from_name("org-2"), 2).await;
    for _ in 0..3 {
        audit.make_checkpoints().await;
    }
    let filter = Filter::default();
    let entries = audit.entries(&Log::Server, &filter, None, 10).await;
    let entries = entries.unwrap();
    assert_eq!(entries.len(), 3, "each beginning, and one record for both");
    assert!(entries.iter().all(|one| one.event == Event::AuditWitnessed));
    // A checkpoint that was made on request is named in the next round.
    write(&audit, &log(), 1).await;
    audit.checkpoint(&log()).await.unwrap();
    audit.make_checkpoints().await;
    let ours = audit.verify(&log(), &[], |_, _| {}).await.unwrap();
    assert_eq!((ours.ok, ours.named_checkpoints), (true, 3));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_checkpoint_that_is_missing_is_found_by_whoever_names_it(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    for _ in 0..3 {
        write(&audit, &log(), 3).await;
        audit.make_checkpoints().await;
    }
    for (log, size) in [(log(), 6), (Log::Server, 2)] {
        let gone = format!(
            "delete from audit_checkpoints where org_id = '{}' and size = {size}",
            log.as_str()
        );
        tamper(&db, &[&gone]).await;
        let found = problems(&all(&audit).await, &log);
        assert!(found.contains("is not kept here any more"), "{found}");
    }
}

/// Settings with this data folder and this witness file.
fn config(data: &str, file: &str) -> Config {
    TestApp::config(&["--data-dir", data, "--audit-witness-file", file])
}

async fn verified(args: &verify::Args, config: &Config, audit: &Audit) -> (ExitCode, String) {
    let mut out = Vec::new();
    let code = verify::run(args, config, audit, &mut out).await.unwrap();
    (code, String::from_utf8(out).unwrap())
}

const ARGS: verify::Args = verify::Args {
    export: None,
    org: None,
    checkpoints: Vec::new(),
    keys: Vec::new(),
    json: false,
};

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_checkpoint_that_somebody_asked_for_is_kept_outside_the_database(db: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let file = folder.path().join("witness.jsonl");
    let config = config(&data, file.to_str().unwrap());
    let app = TestApp::of(db.clone(), Clock::System, config.clone()).await;
    let audit = &app.app.audit;
    write(audit, &log(), 3).await;
    tamper(&db, KEEP).await;
    write(audit, &log(), 3).await;
    let (status, answer) = app.client(Role::Admin).get("/api/audit/checkpoint").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let kept = config.audit_witness().notes().unwrap();
    let note = answer["checkpoint"].as_str().unwrap();
    assert_eq!(kept, [note, note], "in the folder and in the file");
    // Without the folder and without the server's own log, the file knows.
    tamper(&db, TAKE_AWAY).await;
    tamper(&db, PUT_BACK).await;
    let elsewhere = folder.path().join("else").display().to_string();
    let by_file = self::config(&elsewhere, file.to_str().unwrap());
    for config in [&config, &by_file] {
        let (code, told) = verified(&ARGS, config, audit).await;
        assert_eq!(code, ExitCode::FAILURE, "{told}");
        assert!(told.contains("a checkpoint was signed over 6"), "{told}");
    }
    let (status, _) = app.client(Role::Admin).get("/api/audit/checkpoint").await;
    assert_eq!(status, StatusCode::CONFLICT, "and it is not signed");
    // Neither: it is named in the server's own log at once.
    let nobody = TestApp::config(&[]);
    let (code, told) = verified(&ARGS, &nobody, audit).await;
    assert_eq!(code, ExitCode::FAILURE, "{told}");
    assert!(told.contains("own log names 6"), "{told}");
    tamper(
        &db,
        &[
            "delete from audit_records where org_id = ''",
            "delete from audit_chains where org_id = ''",
        ],
    )
    .await;
    assert_eq!(verified(&ARGS, &nobody, audit).await.0, ExitCode::SUCCESS);
    let given = verify::Args {
        checkpoints: vec![file],
        ..ARGS
    };
    let (code, told) = verified(&given, &nobody, audit).await;
    assert_eq!(code, ExitCode::FAILURE, "{told}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_file_of_the_witness_has_a_line_for_each_checkpoint(db: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("witness.jsonl");
    let config = TestApp::config(&["--audit-witness-file", file.to_str().unwrap()]);
    let app = TestApp::of(db, Clock::System, config).await;
    let audit = &app.app.audit;
    for _ in 0..2 {
        write(audit, &log(), 2).await;
        audit.make_checkpoints().await;
    }
    let text = std::fs::read_to_string(&file).unwrap();
    let keys = audit.verifying_keys();
    let sizes: Vec<(String, i64)> = text
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let note = line["checkpoint"].as_str().unwrap();
            let checkpoint = Checkpoint::open(note, &keys).unwrap();
            (checkpoint.log, checkpoint.size)
        })
        .collect();
    let of = |log: &str| -> Vec<i64> {
        let of = sizes.iter().filter(|(name, _)| name == log);
        of.map(|(_, size)| *size).collect()
    };
    assert_eq!(of(ORG), [2, 4]);
    assert!(of("").len() >= 2 && of("").is_sorted(), "{sizes:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_file_that_holds_no_checkpoint_is_no_witness(db: PgPool) {
    let audit = audit(&db, &Clock::System);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept.txt");
    std::fs::write(&file, "nothing of that kind").unwrap();
    let args = verify::Args {
        checkpoints: vec![file],
        ..ARGS
    };
    let refused = verify::run(&args, &TestApp::config(&[]), &audit, &mut Vec::new()).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("holds no checkpoint"), "{refused}");
}
