//! Bearer tokens that one core verifies in a second.
//!
//! `first` verifies tokens that were never seen, `again` one that was, which is what a client sends;
//! with HS256 there is no difference. Beside them stands the plain way, `jsonwebtoken::decode`.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../tests/it/support/signing.rs"]
mod signing;

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode};
use navi::auth::key_store::{KeyStore, Times};
use navi::auth::token::Verifier;
use navi::config::settings::Config;
use navi::platform::clock::Clock;
use navi::platform::secret::SecretString;
use navi::platform::tasks::Tasks;
use serde::Deserialize;
use serde_json::{Value, json};
use signing::SigningKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const SECRET: &str = "bench-5f2b8c1d7e9a4036b8d1c2e3f4a5968778695a4b";
/// So many that hardly any of them is still remembered when its turn comes again.
const STRANGERS: usize = 32_768;
const KINDS: [(&str, Algorithm); 3] = [
    ("RS256", Algorithm::RS256),
    ("ES256", Algorithm::ES256),
    ("EdDSA", Algorithm::EdDSA),
];

/// The claims that the plain way reads.
#[derive(Deserialize)]
struct Plain {
    #[expect(dead_code, reason = "reading it is what is timed")]
    sub: String,
    #[expect(dead_code, reason = "reading it is what is timed")]
    org_id: String,
}

fn claims(user: usize) -> Value {
    let now = Clock::System.now().timestamp();
    json!({
        "iss": "https://tenant.example/", "aud": "navi", "azp": "app", "sub": format!("user|{user}"),
        "org_id": "org_0123456789", "role": "planner", "scope": "openid profile email",
        "iat": now, "exp": now + 3600,
    })
}

/// A verifier with the secret and this provider's keys, which it fetched.
fn verifier(runtime: &Runtime, keys: &[SigningKey]) -> Verifier {
    let document = json!({"keys": keys.iter().map(SigningKey::jwk).collect::<Vec<_>>()});
    let answer = document.to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}",
        answer.len()
    );
    let tasks = Tasks::new();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let flags = [
        format!("--jwt-jwks-url={url}"),
        "--jwt-audience=navi".to_owned(),
        "--jwt-issuer=https://tenant.example/".to_owned(),
        "--oidc-client-ids=app".to_owned(),
    ];
    let auth = Config::from_flags(flags.iter().map(String::as_str))
        .unwrap()
        .auth;
    let provider = auth.identity_provider().unwrap();
    let (clock, times) = (Clock::System, Times::refreshed_after(3600));
    let store = KeyStore::new(provider.keys.clone(), times, clock.clone(), tasks).unwrap();
    let served = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    let fetched = async {
        store.keep_fresh();
        while !store.is_usable() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    runtime.block_on(async { tokio::join!(served, fetched) });
    let secret = SecretString::from(SECRET);
    Verifier::over(&auth, Some(&secret), clock).and_provider(provider, Arc::clone(&store))
}

fn rules(algorithm: Algorithm) -> Validation {
    let mut rules = Validation::new(algorithm);
    rules.set_audience(&["navi"]);
    rules.set_issuer(&["https://tenant.example/"]);
    rules
}

fn verifying(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let keys = KINDS.map(|(name, _)| SigningKey::new(name, name));
    let verifier = verifier(&runtime, &keys);
    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(1));
    let signing = EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&Header::default(), &claims(0), &signing).unwrap();
    group.bench_function(BenchmarkId::new("HS256", "navi"), |bencher| {
        bencher.iter(|| verifier.verify(&token).unwrap());
    });
    let (key, hs256) = (
        DecodingKey::from_secret(SECRET.as_bytes()),
        rules(Algorithm::HS256),
    );
    group.bench_function(BenchmarkId::new("HS256", "jsonwebtoken"), |bencher| {
        bencher.iter(|| decode::<Plain>(&token, &key, &hs256).unwrap());
    });
    for ((name, algorithm), key) in KINDS.iter().zip(&keys) {
        let tokens: Vec<_> = (0..STRANGERS)
            .map(|user| key.token(&claims(user)))
            .collect();
        let mut strangers = tokens.iter().cycle();
        group.bench_function(BenchmarkId::new(*name, "navi, first"), |bencher| {
            bencher.iter(|| verifier.verify(strangers.next().unwrap()).unwrap());
        });
        group.bench_function(BenchmarkId::new(*name, "navi, again"), |bencher| {
            bencher.iter(|| verifier.verify(&tokens[0]).unwrap());
        });
        let jwk = serde_json::from_value(key.jwk()).unwrap();
        let (theirs, rules) = (DecodingKey::from_jwk(&jwk).unwrap(), rules(*algorithm));
        group.bench_function(BenchmarkId::new(*name, "jsonwebtoken"), |bencher| {
            bencher.iter(|| decode::<Plain>(&tokens[0], &theirs, &rules).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, verifying);
criterion_main!(benches);
