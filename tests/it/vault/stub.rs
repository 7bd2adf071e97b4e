//! A KMS that speaks the real protocol and misbehaves on demand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::config::Credentials;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use navi::vault::kms::Kms;
use navi::vault::service::{Keys, Limits, Vault};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The key that is the vault's.
pub(crate) const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/aaaa";
/// Another key of the same account.
pub(crate) const OTHER: &str = "arn:aws:kms:eu-west-1:111122223333:key/bbbb";
/// A name of the vault's key.
pub(crate) const ALIAS: &str = "alias/navi";

/// The misbehaviour of the stub.
#[derive(Clone, Debug)]
pub(crate) enum Mischief {
    /// Nothing.
    None,
    /// Fails so many calls with this code and status, then answers well.
    Fail(u32, &'static str, u16),
    /// Takes its time.
    Slow(Duration),
    /// Answers as if another key had been used.
    OtherKey,
    /// Answers with a data key that is too short.
    ShortKey,
    /// Answers what is no JSON.
    Nonsense,
}

/// The stub, and what it was asked.
#[derive(Clone)]
pub(crate) struct KmsStub {
    url: String,
    state: Arc<Mutex<Inner>>,
}

struct Inner {
    mischief: Mischief,
    calls: Vec<(String, Value)>,
    alias: &'static str,
    /// Data keys by number, with key and context.
    made: Vec<(String, BTreeMap<String, String>, [u8; 32])>,
}

impl KmsStub {
    /// Begins to listen.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Inner {
            mischief: Mischief::None,
            calls: Vec::new(),
            alias: KEY,
            made: Vec::new(),
        };
        let state = Arc::new(Mutex::new(inner));
        let router = Router::new()
            .route("/", post(answer))
            .with_state(state.clone());
        #[expect(clippy::disallowed_methods, reason = "it ends with its test")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn set(&self, mischief: Mischief) {
        self.state.lock().unwrap().mischief = mischief;
    }

    /// Lets [`ALIAS`] name another key.
    pub(crate) fn point_alias(&self, key: &'static str) {
        self.state.lock().unwrap().alias = key;
    }

    /// The calls so far of this operation.
    pub(crate) fn calls(&self, operation: &str) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        let calls = state.calls.iter();
        let calls = calls.filter(|(name, _)| name == operation);
        calls.map(|(_, body)| body.clone()).collect()
    }

    /// A data key as the original would have it: wrapped without a context.
    pub(crate) fn wrap_bare(&self, key: &str, bytes: [u8; 32]) -> Vec<u8> {
        let mut state = self.state.lock().unwrap();
        state.made.push((key.to_owned(), BTreeMap::new(), bytes));
        blob(state.made.len() - 1)
    }

    /// A vault over this stub.
    pub(crate) async fn vault(&self, current: &str, previous: &[&str]) -> Vault {
        self.vault_within(current, previous, Limits::default())
            .await
    }

    pub(crate) async fn vault_within(
        &self,
        current: &str,
        previous: &[&str],
        limits: Limits,
    ) -> Vault {
        let previous: Vec<_> = previous.iter().map(|id| (*id).to_owned()).collect();
        let kms = Kms::over(&connection(&self.url).await, current, &previous);
        let keys = Keys {
            kms: Some(kms),
            development: None,
        };
        Vault::new(keys, limits)
    }
}

/// The way to a KMS at this address.
pub(crate) async fn connection(url: &str) -> SdkConfig {
    let credentials = Credentials::builder()
        .access_key_id("test")
        .secret_access_key("test")
        .provider_name("test")
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(url)
        .credentials_provider(aws_sdk_kms::config::SharedCredentialsProvider::new(
            credentials,
        ))
        .load()
        .await
}

fn blob(number: usize) -> Vec<u8> {
    format!("wrapped {number}").into_bytes()
}

fn failure(code: &str, status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    let body = json!({"__type": code, "message": "a secret of the provider"});
    (status, body.to_string()).into_response()
}

async fn answer(
    State(state): State<Arc<Mutex<Inner>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers["x-amz-target"].to_str().unwrap();
    let operation = target.strip_prefix("TrentService.").unwrap().to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let mischief = {
        let mut state = state.lock().unwrap();
        state.calls.push((operation.clone(), body.clone()));
        let now = state.mischief.clone();
        if let Mischief::Fail(times, _, _) = &mut state.mischief {
            *times = times.saturating_sub(1);
        }
        now
    };
    match mischief {
        Mischief::Fail(times, code, status) if times > 0 => return failure(code, status),
        Mischief::Slow(time) => tokio::time::sleep(time).await,
        Mischief::Nonsense => return "<html>a proxy</html>".into_response(),
        Mischief::None | Mischief::Fail(..) | Mischief::OtherKey | Mischief::ShortKey => {}
    }
    let mut state = state.lock().unwrap();
    let named = |state: &Inner| match body["KeyId"].as_str() {
        Some(ALIAS) => Some(state.alias.to_owned()),
        named => named.map(str::to_owned),
    };
    let context = serde_json::from_value(body["EncryptionContext"].clone()).unwrap_or_default();
    let (key, number) = match operation.as_str() {
        "DescribeKey" => {
            let arn = named(&state).unwrap();
            if ![KEY, OTHER].contains(&arn.as_str()) {
                return failure("NotFoundException", 400);
            }
            let metadata = json!({"KeyId": "id", "Arn": arn});
            return json!({ "KeyMetadata": metadata })
                .to_string()
                .into_response();
        }
        "GenerateDataKey" => {
            let key = named(&state).unwrap();
            let bytes: [u8; 32] = rand::random();
            state.made.push((key.clone(), context, bytes));
            (key, state.made.len() - 1)
        }
        "Decrypt" => {
            let wrapped = STANDARD.decode(body["CiphertextBlob"].as_str().unwrap());
            let wrapped = wrapped.unwrap();
            let found = (0..state.made.len()).find(|number| blob(*number) == wrapped);
            let Some(number) = found.filter(|number| state.made[*number].1 == context) else {
                return failure("InvalidCiphertextException", 400);
            };
            let key = state.made[number].0.clone();
            if named(&state).is_some_and(|named| named != key) {
                return failure("IncorrectKeyException", 400);
            }
            (key, number)
        }
        other => return failure(other, 400),
    };
    let bytes = state.made[number].2;
    let key = match mischief {
        Mischief::OtherKey => OTHER.to_owned(),
        Mischief::None
        | Mischief::Fail(..)
        | Mischief::Slow(_)
        | Mischief::ShortKey
        | Mischief::Nonsense => key,
    };
    let length = if matches!(mischief, Mischief::ShortKey) {
        16
    } else {
        32
    };
    json!({
        "KeyId": key,
        "Plaintext": STANDARD.encode(&bytes[..length]),
        "CiphertextBlob": STANDARD.encode(blob(number)),
    })
    .to_string()
    .into_response()
}
