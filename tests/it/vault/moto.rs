//! Against moto's KMS, which is not ours. `scripts/moto.sh` installs it and prints the path that
//! `NAVI_MOTO` holds; `scripts/test.sh` does both.

#![expect(
    clippy::disallowed_methods,
    reason = "a test looks for moto, and starts it and the program as processes"
)]
#![expect(
    clippy::print_stdout,
    reason = "a test says when it did nothing, and how long it took"
)]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use navi::connectors::model::TokenPlace;
use navi::platform::ids::OrgId;
use navi::vault::error::Error;
use navi::vault::kms::Kms;
use navi::vault::service::{Keys, Limits, Vault};
use sqlx::PgPool;

use crate::vault::place;
use crate::vault::rewrap::{insert, navi, outcome, owner, sealed};
use crate::vault::stub::connection;

/// A value as the original writes it.
pub(super) fn v1(key: &[u8; 32], wrapped: &[u8], text: &[u8]) -> Vec<u8> {
    let nonce: [u8; 12] = rand::random();
    let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key));
    let text = cipher.encrypt(&Nonce::from(nonce), text).unwrap();
    let parts = [wrapped, &nonce, &text].map(|part| STANDARD.encode(part));
    STANDARD
        .encode(format!("v1|{}", parts.join("|")))
        .into_bytes()
}

/// A moto of this test's own.
struct Moto {
    process: Child,
    url: String,
}

impl Moto {
    /// None where moto is not installed.
    async fn start() -> Option<Self> {
        let Ok(program) = std::env::var("NAVI_MOTO") else {
            println!("not run: NAVI_MOTO names no moto_server; scripts/moto.sh installs it");
            return None;
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let process = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut moto = Self {
            process,
            url: format!("http://{address}"),
        };
        let began = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "moto is silent");
            assert!(moto.process.try_wait().unwrap().is_none(), "moto ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(moto)
    }

    async fn client(&self) -> Client {
        Client::new(&connection(&self.url).await)
    }

    async fn vault(&self, current: &str, previous: &[&str]) -> Vault {
        let previous: Vec<_> = previous.iter().map(|id| (*id).to_owned()).collect();
        let kms = Kms::over(&connection(&self.url).await, current, &previous);
        let keys = Keys {
            kms: Some(kms),
            development: None,
        };
        Vault::new(keys, Limits::default())
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}

/// The ARN of a new key.
async fn new_key(client: &Client) -> String {
    let made = client.create_key().send().await.unwrap();
    made.key_metadata.unwrap().arn.unwrap()
}

#[tokio::test]
async fn values_are_sealed_opened_and_bound_with_a_kms_that_is_not_ours() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let client = moto.client().await;
    let arn = new_key(&client).await;
    let alias = client.create_alias().alias_name("alias/navi");
    alias.target_key_id(&arn).send().await.unwrap();
    let id = arn.rsplit('/').next().unwrap();
    let org: OrgId = "acme".parse().unwrap();
    // ARN, id and alias name the same key.
    for name in [&arn, id, "alias/navi"] {
        let vault = moto.vault(name, &[]).await;
        let one = vault.seal(&place(&org), b"a token").await.unwrap();
        assert_eq!(one.with, format!("2:kms:{arn}"));
        let fresh = moto.vault(&arn, &[]).await;
        let opened = fresh.open(&place(&org), &one.bytes).await.unwrap();
        assert_eq!(opened.as_slice(), b"a token");
        let globex: OrgId = "globex".parse().unwrap();
        let moved = fresh.open(&place(&globex), &one.bytes).await;
        assert_eq!(moved.unwrap_err(), Error::InvalidDataKey);
    }
    let gone = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000";
    let vault = moto.vault(gone, &[]).await;
    let refused = vault.seal(&place(&org), b"text").await.unwrap_err();
    assert_eq!(refused, Error::KeyNotFound(gone.to_owned()));

    // A server with another key opens the values of the first key if it is told of that key.
    let next = new_key(&client).await;
    let old = moto
        .vault(&arn, &[])
        .await
        .seal(&place(&org), b"text")
        .await;
    let old = old.unwrap();
    let refused = moto.vault(&next, &[]).await;
    let refused = refused.open(&place(&org), &old.bytes).await.unwrap_err();
    assert_eq!(refused, Error::UnknownKey(arn.clone()));
    let both = moto.vault(&next, &[&arn]).await;
    both.open(&place(&org), &old.bytes).await.unwrap();
    // The original's way: no context.
    let made = client.generate_data_key().key_id(&arn);
    let made = made.key_spec(DataKeySpec::Aes256).send().await.unwrap();
    let key: [u8; 32] = made.plaintext.unwrap().into_inner().try_into().unwrap();
    let wrapped = made.ciphertext_blob.map(Blob::into_inner).unwrap();
    let value = v1(&key, &wrapped, b"from before");
    let opened = both.open(&place(&org), &value).await.unwrap();
    assert_eq!(opened.as_slice(), b"from before");
}

/// Organisations, each with a data key of its own.
const ORGS: usize = 100;
/// Rows of each.
const ROWS: usize = 30;

async fn left(db: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from connector_tokens where sealed_with = 'v1:kms'")
        .fetch_one(db)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn thousands_of_rows_are_renewed_though_the_command_is_killed_in_the_middle(db: PgPool) {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let client = moto.client().await;
    let arn = new_key(&client).await;
    for org in 0..ORGS {
        let made = client.generate_data_key().key_id(&arn);
        let made = made.key_spec(DataKeySpec::Aes256).send().await.unwrap();
        let key: [u8; 32] = made.plaintext.unwrap().into_inner().try_into().unwrap();
        let wrapped = made.ciphertext_blob.map(Blob::into_inner).unwrap();
        for row in 0..ROWS {
            let value = v1(&key, &wrapped, format!("token {org} {row}").as_bytes());
            insert(&db, &owner(&format!("org-{org:03}"), row), &value, "v1:kms").await;
        }
    }
    let variables = [
        ("APP_ENV", "production"),
        ("TOKEN_ENCRYPTION_KEY_ID", arn.as_str()),
        ("AWS_ENDPOINT_URL_KMS", moto.url.as_str()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let arguments = ["rewrap", "--batch", "50"];
    let all = i64::try_from(ORGS * ROWS).unwrap();
    let mut first = navi(&db, &variables, &arguments).spawn().unwrap();
    let began = Instant::now();
    while left(&db).await > all * 3 / 4 {
        assert!(began.elapsed() < Duration::from_secs(30), "nothing is done");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let rest = left(&db).await;
    assert!(rest > 0 && rest < all, "{rest} of {all} are left");

    let began = Instant::now();
    let mut second = navi(&db, &variables, &arguments);
    let output = tokio::task::spawn_blocking(move || second.output().unwrap());
    let (code, out) = outcome(&output.await.unwrap());
    println!("{rest} rows renewed in {:?}", began.elapsed());
    assert_eq!(code, 0, "{out}");
    assert!(
        out.starts_with(&format!("{rest} renewed, 0 replaced")),
        "{out}"
    );
    assert_eq!(left(&db).await, 0);
    let vault = moto.vault(&arn, &[]).await;
    for org in 0..ORGS {
        for row in 0..ROWS {
            let owner = owner(&format!("org-{org:03}"), row);
            let (bytes, with) = sealed(&db, &owner).await;
            assert_eq!(with, format!("2:kms:{arn}"));
            let place = TokenPlace::new(&owner, None);
            let opened = vault.open(&place.place(), &bytes).await.unwrap();
            assert_eq!(opened.as_slice(), format!("token {org} {row}").as_bytes());
        }
    }
}
