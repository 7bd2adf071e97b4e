//! The keys of a server that starts: those that the logs are sealed with, or it says which are not.

use std::path::Path;

use navi::audit::event::Event;
use navi::audit::model::{Actor, ActorKind, Log, NewEntry, Outcome};
use navi::audit::service::Audit;
use navi::audit::verifying::report::Report;
use navi::cli::doctor::command::examine;
use navi::cli::serve::Running;
use navi::config::settings::Config;
use navi::platform::clock::Clock;
use sqlx::{AssertSqlSafe, PgPool};

use crate::support::app::{AUDIT_KEY, ORG, SECRET};
use crate::support::served::url;

/// A key that comes after that of the tests.
const NEXT_KEY: &str = "bm90IHRoZSBrZXkgb2YgdGhlIHRlc3RzLCBhbm90aGU=";

fn log() -> Log {
    Log::from_name(ORG)
}

async fn write(audit: &Audit, count: usize) {
    for _ in 0..count {
        let server = Actor::nameless(ActorKind::Server);
        let entry = NewEntry::new(log(), Event::HttpRequest, server);
        audit.note(entry, Outcome::Success).await.unwrap();
    }
}

/// Settings of a server over this database and data folder.
fn config(db: &PgPool, folder: &Path, more: &[&str]) -> Config {
    let database = url(&db.connect_options());
    let flags = [
        "--database-url",
        &database,
        "--data-dir",
        folder.to_str().unwrap(),
        "--bind",
        "127.0.0.1:0",
    ];
    Config::from_flags(flags.iter().chain(more).copied()).unwrap()
}

async fn report(audit: &Audit) -> Report {
    audit.verify(&log(), &[], |_, _| {}).await.unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_development_key_that_was_lost_is_an_error_at_the_start(db: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let config = |more: &[&str]| config(&db, folder.path(), more);
    let running = Running::start(config(&[]), false).await.unwrap();
    let id = running.app.audit.key_id().unwrap().to_owned();
    write(&running.app.audit, 2).await;
    assert!(running.stop().await);
    let file = folder.path().join("audit_encryption_key");
    let key = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    // The first start makes a file, and is no better for it.
    for _ in 0..2 {
        let refused = Running::start(config(&[]), false).await.err().unwrap();
        let refused = refused.to_string();
        for said in [&id, "audit_encryption_key", "navi audit adopt --all"] {
            assert!(refused.contains(said), "{refused}");
        }
    }
    let previous = format!("{id}:{key}");
    let named = config(&["--audit-encryption-keys-previous", &previous]);
    let running = Running::start(named, false).await.unwrap();
    write(&running.app.audit, 1).await;
    let whole = report(&running.app.audit).await;
    assert!(whole.ok && whole.handovers == 1, "{whole:?}");
    assert!(running.stop().await);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn development_servers_that_share_a_signing_secret_share_the_audit_key(db: PgPool) {
    let other = format!("{SECRET}-of-another-time");
    let mut ids = Vec::new();
    for (signing, previous) in [(SECRET, ""), (SECRET, ""), (&*other, SECRET)] {
        let folder = tempfile::tempdir().unwrap();
        let secrets = ["--jwt-secret", signing, "--jwt-secret-previous", previous];
        let given = if previous.is_empty() { 2 } else { 4 };
        let config = config(&db, folder.path(), &secrets[..given]);
        let running = Running::start(config, false).await.unwrap();
        write(&running.app.audit, 1).await;
        assert!(report(&running.app.audit).await.ok);
        ids.push(running.app.audit.key_id().unwrap().to_owned());
        assert!(!folder.path().join("audit_encryption_key").exists());
        assert!(running.stop().await);
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn another_key_under_the_same_name_is_an_error_at_the_start_and_a_finding(db: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let config = |more: &[&str]| config(&db, folder.path(), more);
    let mine = ["--audit-encryption-key", AUDIT_KEY];
    let other = ["--audit-encryption-key", NEXT_KEY];
    let running = Running::start(config(&mine), false).await.unwrap();
    let id = running.app.audit.key_id().unwrap().to_owned();
    write(&running.app.audit, 2).await;
    assert!(running.stop().await);

    let refused = Running::start(config(&other), false).await.err().unwrap();
    let refused = refused.to_string();
    let name = format!("under the name `{id}`");
    for said in [&*name, "AUDIT_ENCRYPTION_KEY", "AUDIT_ENCRYPTION_KEY_ID"] {
        assert!(refused.contains(said), "{refused}");
    }
    let found = |flags: Vec<&'static str>| {
        let config = config(&flags);
        async move {
            let report = examine(&config, &Clock::System, false).await;
            let mut checks = report.checks.into_iter();
            checks.find(|check| check.name == "audit keys").unwrap()
        }
    };
    assert!(found(mine.to_vec()).await.ok);
    let wrong = found(other.to_vec()).await;
    assert!(
        !wrong.ok && wrong.detail.contains("another key"),
        "{wrong:?}"
    );
    let missing = found([&other[..], &["--audit-encryption-key-id", "next"]].concat()).await;
    assert!(!missing.ok && missing.detail.contains(&id), "{missing:?}");

    let found = async |name: &str| {
        let report = examine(&config(&mine), &Clock::System, false).await;
        let mut checks = report.checks.into_iter();
        checks.find(|check| check.name == name).unwrap()
    };
    assert!(found("audit logs").await.ok);
    // One end that was changed by hand is damage of one log, and the rest go on.
    let change = AssertSqlSafe(format!(
        "update audit_chains set size = size + 1 where org_id = '{ORG}'"
    ));
    sqlx::query(change).execute(&db).await.unwrap();
    assert!(found("audit keys").await.ok);
    let damaged = found("audit logs").await;
    assert!(
        !damaged.ok && damaged.detail.contains("does not fit its key"),
        "{damaged:?}"
    );
    let running = Running::start(config(&mine), false).await.unwrap();
    // Before any request is refused.
    let app = &running.app;
    app.audit.look_at_logs().await.unwrap();
    app.health.refresh().await;
    let ready = app.health.ready();
    let audit = ready.checks.iter().find(|check| check.name == "audit");
    let audit = audit.unwrap();
    assert!(
        !ready.ok && audit.detail.contains("takes no records"),
        "{audit:?}"
    );
    let server = Actor::nameless(ActorKind::Server);
    let entry = NewEntry::new(log(), Event::HttpRequest, server);
    let closed = running.app.audit.begin(entry).await.err().unwrap();
    let said = closed.to_string();
    assert!(
        said.contains("takes no records until its operator"),
        "{said}"
    );
    assert!(running.stop().await);
}
