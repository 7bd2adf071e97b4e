//! Resealing, as a command.

use std::process::{Command, Output, Stdio};

use navi::connectors::model::{Owner, Provider, TokenPlace};
use navi::vault::service::Vault;
use serde_json::Value;
use sqlx::{ConnectOptions, PgPool};

use crate::support::app::AUDIT_KEY;
use crate::vault::{DEV_KEY, development};

/// The key of the server after the change.
const NEW_KEY: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

/// A command of the vault against this database, with these variables and no others.
#[expect(
    clippy::disallowed_methods,
    reason = "the program itself is what is tested"
)]
pub(crate) fn navi(db: &PgPool, variables: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_navi"));
    command
        .env_clear()
        .env("DATABASE_URL", url(db))
        .env("AUDIT_ENCRYPTION_KEY", AUDIT_KEY)
        .envs(variables.iter().copied())
        .arg("vault")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn url(db: &PgPool) -> String {
    db.connect_options().to_url_lossy().to_string()
}

/// Exit code and standard output.
pub(crate) fn outcome(output: &Output) -> (i32, String) {
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap(), out)
}

/// Runs on a thread of its own, so that a stub in this process can answer meanwhile.
async fn run(db: &PgPool, variables: &[(&str, &str)], arguments: &[&str]) -> (i32, String, String) {
    let mut command = navi(db, variables, arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let (code, out) = outcome(&output);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (code, out, said)
}

pub(super) fn owner(org: &str, number: usize) -> Owner {
    Owner {
        org_id: org.parse().unwrap(),
        user_id: format!("user-{number:05}").parse().unwrap(),
        provider: Provider::GitHub,
    }
}

/// Puts a sealed value into the table as it is.
pub(super) async fn insert(db: &PgPool, owner: &Owner, sealed: &[u8], with: &str) {
    sqlx::query(
        "insert into connector_tokens
           (org_id, user_id, provider, sealed, sealed_with, created_at, updated_at)
         values ($1, $2, $3, $4, $5, now(), now())",
    )
    .bind(owner.org_id.as_str())
    .bind(owner.user_id.as_str())
    .bind(owner.provider.as_str())
    .bind(sealed)
    .bind(with)
    .execute(db)
    .await
    .unwrap();
}

pub(super) async fn sealed(db: &PgPool, owner: &Owner) -> (Vec<u8>, String) {
    sqlx::query_as(
        "select sealed, sealed_with from connector_tokens
         where org_id = $1 and user_id = $2 and provider = $3",
    )
    .bind(owner.org_id.as_str())
    .bind(owner.user_id.as_str())
    .bind(owner.provider.as_str())
    .fetch_one(db)
    .await
    .unwrap()
}

async fn opened(vault: &Vault, db: &PgPool, owner: &Owner) -> Vec<u8> {
    let (bytes, _) = sealed(db, owner).await;
    let place = TokenPlace::new(owner, None);
    vault.open(&place.place(), &bytes).await.unwrap().to_vec()
}

/// A value of the original for the key [`NEW_KEY`].
fn original(text: &str) -> Vec<u8> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let token = fernet::Fernet::new(NEW_KEY)
        .unwrap()
        .encrypt(text.as_bytes());
    STANDARD.encode(format!("dev|{token}")).into_bytes()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_opens_is_renewed_and_what_does_not_is_named_and_left_as_it_was(db: PgPool) {
    let (lost, kept) = (development(DEV_KEY), development(NEW_KEY));
    for number in 0..23 {
        let owner = owner("acme", number);
        insert(
            &db,
            &owner,
            &original(&format!("token {number}")),
            "dev:fernet",
        )
        .await;
    }
    // Renewed already, and under a key that is not there any more.
    let (done, foreign) = (owner("globex", 1), owner("globex", 2));
    let place = TokenPlace::new(&done, None);
    let now = kept.seal(&place.place(), b"done").await.unwrap();
    insert(&db, &done, &now.bytes, &now.with).await;
    let place = TokenPlace::new(&foreign, None);
    let old = lost.seal(&place.place(), b"a-secret-text").await.unwrap();
    insert(&db, &foreign, &old.bytes, &old.with).await;

    let key = [("DEV_ENCRYPTION_KEY", NEW_KEY)];
    let (code, out, _) = run(&db, &key, &["status", "--json"]).await;
    assert_eq!(code, 0);
    let status: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status["current"], now.with.as_str());
    let mut rows: Vec<_> = status["sealed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let with = row["sealed_with"].as_str().unwrap().to_owned();
            (with, row["rows"].as_i64().unwrap())
        })
        .collect();
    rows.sort();
    let mut expected = vec![
        (now.with.clone(), 1),
        (old.with.clone(), 1),
        ("dev:fernet".to_owned(), 23),
    ];
    expected.sort();
    assert_eq!(rows, expected);

    let (code, out, _) = run(&db, &key, &["rewrap", "--batch", "5"]).await;
    assert_eq!(code, 4, "{out}");
    assert!(out.contains("failed: globex user-00002 github: "), "{out}");
    assert!(
        out.contains("23 renewed, 0 replaced by others meanwhile, 1 failed"),
        "{out}"
    );
    assert!(!out.contains("a-secret-text"), "{out}");
    for number in 0..23 {
        let owner = owner("acme", number);
        let text = format!("token {number}");
        assert_eq!(opened(&kept, &db, &owner).await, text.as_bytes());
        assert_eq!(sealed(&db, &owner).await.1, now.with);
    }
    assert_eq!(sealed(&db, &done).await, (now.bytes, now.with.clone()));
    assert_eq!(sealed(&db, &foreign).await, (old.bytes, old.with));

    // Again, only what failed is looked at.
    let (code, out, _) = run(&db, &key, &["rewrap", "--json"]).await;
    assert_eq!(code, 4);
    let lines: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["failed"]["org_id"], "globex");
    assert_eq!(lines[0]["failed"]["provider"], "github");
    let sums = &lines[1];
    assert_eq!((&sums["renewed"], &sums["failed"]), (&0.into(), &1.into()));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_token_that_is_replaced_meanwhile_is_not_overwritten(db: PgPool) {
    use navi::connectors::rewrap::Rewrap;
    let vault = development(NEW_KEY);
    let (one, other) = (owner("acme", 1), owner("acme", 2));
    for owner in [&one, &other] {
        insert(&db, owner, &original("old"), "dev:fernet").await;
    }
    let mut work = Rewrap::begin(db.clone(), vault.clone(), 10).await.unwrap();
    // A server writes between the reading and the writing of a batch: held back by a lock, the batch
    // writes after it.
    let mut server = db.begin().await.unwrap();
    let place = TokenPlace::new(&one, None);
    let new = vault.seal(&place.place(), b"new").await.unwrap();
    sqlx::query("update connector_tokens set sealed = $1, sealed_with = $2 where user_id = $3")
        .bind(&new.bytes)
        .bind(&new.with)
        .bind(one.user_id.as_str())
        .execute(&mut *server)
        .await
        .unwrap();
    let stepping = async { work.step().await.unwrap().unwrap() };
    let replacing = async {
        // The batch waits for the row as soon as a connection waits for a lock.
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock'",
            )
            .fetch_one(&db)
            .await
            .unwrap();
            if waiting > 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        server.commit().await.unwrap();
    };
    let (batch, ()) = tokio::join!(stepping, replacing);
    assert_eq!((batch.renewed, batch.overtaken), (1, 1));
    assert!(batch.failed.is_empty());
    assert_eq!(opened(&vault, &db, &one).await, b"new");
    assert_eq!(opened(&vault, &db, &other).await, b"old");
    assert_eq!(work.step().await.unwrap(), None);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn without_a_key_or_a_database_the_command_says_so(db: PgPool) {
    let staging = [("APP_ENV", "staging")];
    let (code, out, said) = run(&db, &staging, &["rewrap"]).await;
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(said.contains("TOKEN_ENCRYPTION_KEY_ID"), "{said}");
    let (code, out, _) = run(&db, &staging, &["status"]).await;
    assert_eq!(code, 0, "counting needs no key");
    assert!(out.contains("sealing with nothing"), "{out}");
    assert!(out.contains("nothing is sealed yet"), "{out}");
    let gone = [
        ("APP_ENV", "staging"),
        ("DATABASE_URL", "postgres://navi@127.0.0.1:1/none"),
    ];
    let (code, _, _) = run(&db, &gone, &["status"]).await;
    assert_eq!(code, 3);
    let wrong = [("APP_ENV", "staging"), ("DEV_ENCRYPTION_KEY", "hunter2")];
    let (code, _, said) = run(&db, &wrong, &["rewrap"]).await;
    assert_eq!(code, 1);
    assert!(
        said.contains("DEV_ENCRYPTION_KEY is not 32 bytes"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_development_key_is_made_once_and_all_commands_use_it(db: PgPool) {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let current = async || {
        let (code, out, said) = run(&db, &[("NAVI_DATA_DIR", data)], &["status", "--json"]).await;
        assert_eq!(code, 0, "{said}");
        let status: Value = serde_json::from_str(&out).unwrap();
        status["current"].as_str().unwrap().to_owned()
    };
    let first = current().await;
    assert!(first.starts_with("2:dev:"), "{first}");
    assert_eq!(first, current().await);
    let file = folder.path().join("dev_encryption_key");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // In production it is not used, even if it is there.
    let production = [("NAVI_DATA_DIR", data), ("APP_ENV", "production")];
    let (_, out, _) = run(&db, &production, &["status", "--json"]).await;
    let status: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status["current"], Value::Null);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_kms_that_stays_down_stops_the_work_and_loses_nothing(db: PgPool) {
    use crate::vault::stub::{KEY, KmsStub, Mischief};
    let stub = KmsStub::start().await;
    let owner = owner("acme", 1);
    let wrapped = stub.wrap_bare(KEY, [7; 32]);
    let value = crate::vault::moto::v1(&[7; 32], &wrapped, b"token");
    insert(&db, &owner, &value, "v1:kms").await;
    let endpoint = stub.url();
    let variables = [
        ("APP_ENV", "production"),
        ("TOKEN_ENCRYPTION_KEY_ID", KEY),
        ("AWS_ENDPOINT_URL_KMS", endpoint),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    stub.set(Mischief::Fail(u32::MAX, "ThrottlingException", 400));
    let (code, out, said) = run(&db, &variables, &["rewrap"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("KMS limits the rate"), "{said}");
    assert!(out.contains("0 renewed"), "{out}");
    assert_eq!(sealed(&db, &owner).await, (value, "v1:kms".to_owned()));
    // Throttling that ends while the command waits is not even seen.
    stub.set(Mischief::Fail(5, "ThrottlingException", 400));
    let (code, out, said) = run(&db, &variables, &["rewrap"]).await;
    assert_eq!(code, 0, "{said}");
    assert!(out.contains("1 renewed"), "{out}");
    let vault = stub.vault(KEY, &[]).await;
    assert_eq!(opened(&vault, &db, &owner).await, b"token");
}
