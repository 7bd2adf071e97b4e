//! Tokens of an identity provider: who is let in, and what forgers and outages achieve.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta};
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use navi::auth::config::{AuthConfig, KeysAt};
use navi::auth::key_store::{KeyStore, Times};
use navi::auth::principal::{Principal, Role};
use navi::auth::refusal::Refusal;
use navi::auth::token::Verifier;
use navi::config::settings::Config;
use navi::platform::clock::Clock;
use navi::platform::secret::SecretString;
use navi::platform::tasks::Tasks;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::app::{ORG, SECRET, TestApp, USER};
use crate::support::client::Client;
use crate::support::identity::{Answer, Stub};
use crate::support::signing::{SigningKey, encoded};

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://tenant.example/";
const PARTIES: &[&str] = &[
    "--jwt-audience=navi",
    "--jwt-issuer=https://tenant.example/",
    "--auth0-valid-client-ids=app,cli",
];
const ALGORITHMS: [&str; 6] = ["RS256", "RS384", "RS512", "PS256", "ES256", "EdDSA"];

/// Claims that are accepted, with `changes` laid over them; a null removes a claim.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": ["navi", "other"], "azp": "app", "sub": USER, "org_id": ORG,
        "role": "planner", "iat": NOW, "exp": NOW + 600,
    });
    let object = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    claims
}

fn good() -> Value {
    claims(&json!({}))
}

/// A verifier of one provider's tokens.
struct Door {
    verifier: Arc<Verifier>,
    keys: Arc<KeyStore>,
    clock: Clock,
    tasks: Tasks,
}

fn auth(flags: &[&str]) -> AuthConfig {
    Config::from_flags(flags.iter().copied()).unwrap().auth
}

impl Door {
    /// One that fetches keys at most once in an hour, and has fetched none yet.
    fn new(stub: &Stub) -> Self {
        Self::with(stub, Duration::from_hours(1), None)
    }

    fn with(stub: &Stub, cooldown: Duration, secret: Option<&str>) -> Self {
        let jwks = format!("--jwt-jwks-url={}/keys", stub.url);
        let flags: Vec<_> = PARTIES.iter().copied().chain([jwks.as_str()]).collect();
        Self::of(&auth(&flags), cooldown, secret)
    }

    fn of(config: &AuthConfig, cooldown: Duration, secret: Option<&str>) -> Self {
        let clock = Clock::fixed(DateTime::from_timestamp(NOW, 0).unwrap());
        let (tasks, provider) = (Tasks::new(), config.identity_provider().unwrap());
        let times = Times {
            refresh: Duration::from_hours(1),
            cooldown,
            stale: TimeDelta::hours(24),
        };
        let at: KeysAt = provider.keys.clone();
        let keys = KeyStore::new(at, times, clock.clone(), tasks.clone()).unwrap();
        let secret = secret.map(SecretString::from);
        let verifier = Verifier::over(config, secret.as_ref(), clock.clone());
        Self {
            verifier: Arc::new(verifier.and_provider(provider, keys.clone())),
            keys,
            clock,
            tasks,
        }
    }

    /// The same with the keys fetched as a server does when it starts.
    async fn open(stub: &Stub) -> Self {
        let door = Self::new(stub);
        door.fetch().await;
        door
    }

    async fn fetch(&self) {
        self.keys.keep_fresh();
        let began = Instant::now();
        while !self.keys.is_usable() {
            assert!(began.elapsed() < Duration::from_secs(10), "no keys came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn verify(&self, token: &str) -> Result<Principal, Refusal> {
        self.verifier.verify(token)
    }

    async fn ask(&self, token: &str) -> Result<Principal, Refusal> {
        self.verifier.verify_or_ask(token).await
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
    }
}

#[tokio::test]
async fn tokens_of_every_accepted_kind_of_key_say_who_asks() {
    let keys = ALGORITHMS.map(|algorithm| SigningKey::new(algorithm, algorithm));
    let stub = Stub::with(&keys.each_ref()).await;
    let door = Door::open(&stub).await;
    for key in &keys {
        // Twice: once verified, once recognised.
        for _ in 0..2 {
            let principal = door.verify(&key.token(&good())).unwrap();
            assert_eq!(principal.org_id.as_str(), ORG, "{}", key.algorithm);
            assert_eq!(principal.user_id.as_str(), USER);
            assert_eq!(principal.role, Role::Planner);
        }
    }
    assert_eq!(stub.asked(), 1);
}

#[tokio::test]
async fn what_another_library_signs_is_verified_and_the_other_way_round() {
    let key = SigningKey::new("k", "EdDSA");
    let stub = Stub::with(&[&key]).await;
    let door = Door::open(&stub).await;
    let token = key.token(&good());
    let jwk = serde_json::from_value(key.jwk()).unwrap();
    let theirs = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
    let mut rules = jsonwebtoken::Validation::new(Algorithm::EdDSA);
    rules.validate_exp = false;
    rules.set_audience(&["navi"]);
    let read = jsonwebtoken::decode::<Value>(&token, &theirs, &rules).unwrap();
    assert_eq!(read.claims, good());
    assert!(door.verify(&token).is_ok());
}

#[tokio::test]
async fn a_public_key_is_never_a_secret() {
    for algorithm in ALGORITHMS {
        let key = SigningKey::new("k", algorithm);
        let stub = Stub::with(&[&key]).await;
        for secret in [None, Some(SECRET)] {
            let door = Door::with(&stub, Duration::from_hours(1), secret);
            door.fetch().await;
            let jwk = key.jwk();
            let text = |name: &str| jwk[name].as_str().unwrap_or_default().as_bytes().to_vec();
            let base64 =
                base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key.der());
            let pem = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n");
            for secret_of_theirs in [
                key.der(),
                pem.into_bytes(),
                jwk.to_string().into_bytes(),
                text("n"),
                text("x"),
                Vec::new(),
            ] {
                let mut header = Header::new(Algorithm::HS256);
                header.kid = Some("k".to_owned());
                let signing = EncodingKey::from_secret(&secret_of_theirs);
                let token = jsonwebtoken::encode(&header, &good(), &signing).unwrap();
                let expected = match secret {
                    None => Refusal::Algorithm,
                    Some(_) => Refusal::Signature,
                };
                assert_eq!(door.ask(&token).await, Err(expected), "{algorithm}");
            }
        }
        assert_eq!(stub.asked(), 2, "once for each door");
    }
}

#[tokio::test]
async fn a_token_cannot_choose_how_a_key_is_used() {
    let key = SigningKey::new("k", "RS256");
    let stub = Stub::with(&[&key]).await;
    let door = Door::open(&stub).await;
    for algorithm in ["RS384", "RS512", "PS256", "ES256", "EdDSA"] {
        let header = json!({"alg": algorithm, "kid": "k"});
        let token = key.token_under(&header, &good());
        assert_eq!(door.verify(&token), Err(Refusal::Algorithm), "{algorithm}");
    }
    for algorithm in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        " none",
        "rs256",
        "RS256 ",
        "HS384",
        "ES384",
        "RS1",
        "PBES2-HS256+A128KW",
        "dir",
    ] {
        let header = json!({"alg": algorithm, "kid": "k"});
        let token = key.token_under(&header, &good());
        let (message, _) = token.rsplit_once('.').unwrap();
        for token in [token.clone(), format!("{message}."), message.to_owned()] {
            let refused = door.ask(&token).await.unwrap_err();
            let known = matches!(refused, Refusal::Algorithm | Refusal::Malformed);
            assert!(known, "{algorithm}: {refused:?}");
        }
    }
    for header in [
        json!({"alg": "RS256", "kid": 7}),
        json!({"alg": ["RS256"], "kid": "k"}),
        json!({"alg": null, "kid": "k"}),
        json!({"alg": "RS256", "kid": "k", "crit": ["exp"], "exp": 1}),
        json!({"alg": "RS256", "kid": "k", "crit": [], "b64": false}),
        json!({"alg": "RS256", "kid": "k", "typ": "logout+jwt"}),
        json!("RS256"),
    ] {
        let token = key.token_under(&header, &good());
        assert_eq!(door.verify(&token), Err(Refusal::Malformed), "{header}");
    }
    assert!(door.verify(&key.token(&good())).is_ok());
    assert_eq!(stub.asked(), 1, "no forgery is worth a fetch");
}

#[tokio::test]
async fn keys_that_a_forger_brings_along_are_not_used() {
    let (key, theirs) = (SigningKey::new("k", "ES256"), SigningKey::new("k", "ES256"));
    let stub = Stub::with(&[&key]).await;
    let evil = Stub::with(&[&theirs]).await;
    let door = Door::open(&stub).await;
    let brought = json!({
        "alg": "ES256", "kid": "k", "jwk": theirs.jwk(), "jku": format!("{}/keys", evil.url),
        "x5u": format!("{}/certificate", evil.url), "x5c": [encoded(theirs.der())],
    });
    let token = theirs.token_under(&brought, &good());
    assert_eq!(door.ask(&token).await, Err(Refusal::Signature));
    for kid in [
        "../../../../dev/null",
        "k' or '1'='1",
        "http://evil.example/k",
        "K",
        "k\0",
        "",
    ] {
        let header = json!({"alg": "ES256", "kid": kid});
        let token = theirs.token_under(&header, &good());
        assert_eq!(door.verify(&token), Err(Refusal::UnknownKey), "{kid:?}");
    }
    let nameless = theirs.token_under(&json!({"alg": "ES256"}), &good());
    assert_eq!(door.ask(&nameless).await, Err(Refusal::UnknownKey));
    assert_eq!((stub.asked(), evil.asked()), (1, 0));
}

#[tokio::test]
async fn a_forged_signature_harms_nobody_but_its_forger() {
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let (key, theirs) = (
            SigningKey::new("k", algorithm),
            SigningKey::new("k", algorithm),
        );
        let stub = Stub::with(&[&key]).await;
        let door = Door::open(&stub).await;
        let token = key.token(&good());
        for _ in 0..100 {
            let forged = door.ask(&theirs.token(&good())).await;
            assert_eq!(forged, Err(Refusal::Signature), "{algorithm}");
        }
        assert!(door.verify(&token).is_ok(), "{algorithm}");
        // A token that is known does not lend its signature to another.
        let parts: Vec<_> = token.split('.').collect();
        let admin = encoded(claims(&json!({"role": "admin"})).to_string());
        for forged in [
            format!("{}.{admin}.{}", parts[0], parts[2]),
            format!("{}.{}.{}", parts[0], parts[1], encoded([0; 64])),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{token}="),
            format!("{token}.{}", parts[2]),
        ] {
            let refused = door.verify(&forged).unwrap_err();
            let known = matches!(refused, Refusal::Signature | Refusal::Malformed);
            assert!(known, "{algorithm}: {refused:?}");
        }
        assert_eq!(stub.asked(), 1);
    }
}

#[tokio::test]
async fn the_claims_of_a_providers_token_are_held_to() {
    let key = SigningKey::new("k", "EdDSA");
    let stub = Stub::with(&[&key]).await;
    let door = Door::open(&stub).await;
    for (changes, expected) in [
        (json!({"exp": null}), Refusal::NoExpiry),
        (json!({"exp": NOW - 31}), Refusal::Expired),
        (json!({"exp": "soon"}), Refusal::Malformed),
        (json!({"iat": null}), Refusal::NoIssueTime),
        (json!({"iat": NOW + 31}), Refusal::NotYetValid),
        (json!({"nbf": NOW + 31}), Refusal::NotYetValid),
        (json!({"nbf": [NOW]}), Refusal::Malformed),
        (json!({"sub": null}), Refusal::NoUser),
        (json!({"sub": 7}), Refusal::NoUser),
        (json!({"org_id": null}), Refusal::NoOrganisation),
        (json!({"org_id": null, "org": ORG}), Refusal::NoOrganisation),
        (json!({"org_id": [ORG]}), Refusal::NoOrganisation),
        (json!({"aud": null}), Refusal::Audience),
        (json!({"aud": "Navi"}), Refusal::Audience),
        (json!({"aud": []}), Refusal::Audience),
        (json!({"iss": null}), Refusal::Issuer),
        (json!({"iss": "https://tenant.example"}), Refusal::Issuer),
        (json!({"iss": [ISSUER]}), Refusal::Issuer),
        (json!({"azp": null}), Refusal::Client),
        (json!({"azp": "another"}), Refusal::Client),
        (
            json!({"azp": "another", "client_id": "app"}),
            Refusal::Client,
        ),
        (json!({"azp": ["app"]}), Refusal::Client),
        (json!({"role": "root"}), Refusal::Role),
    ] {
        let verdict = door.verify(&key.token(&claims(&changes)));
        assert_eq!(verdict, Err(expected), "{changes}");
    }
    for changes in [
        json!({"aud": "navi"}),
        json!({"azp": null, "client_id": "cli"}),
        json!({"nbf": NOW, "role": null}),
        json!({"exp": NOW - 29}),
    ] {
        assert!(
            door.verify(&key.token(&claims(&changes))).is_ok(),
            "{changes}"
        );
    }
    let huge = claims(&json!({"padding": "x".repeat(9000)}));
    assert_eq!(door.verify(&key.token(&huge)), Err(Refusal::Malformed));
}

#[tokio::test]
async fn a_known_token_expires_all_the_same() {
    let key = SigningKey::new("k", "RS256");
    let stub = Stub::with(&[&key]).await;
    let door = Door::open(&stub).await;
    let token = key.token(&good());
    assert!(door.verify(&token).is_ok());
    door.clock.advance(TimeDelta::seconds(629));
    assert!(door.verify(&token).is_ok());
    door.clock.advance(TimeDelta::seconds(1));
    assert_eq!(door.verify(&token), Err(Refusal::Expired));
}

#[tokio::test]
async fn a_storm_of_unknown_keys_costs_one_fetch() {
    let key = SigningKey::new("k", "EdDSA");
    let stub = Stub::with(&[&key]).await;
    let door = Door::open(&stub).await;
    let tokens: Vec<_> = (0..300)
        .map(|n| key.token_under(&json!({"alg": "EdDSA", "kid": format!("x{n}")}), &good()))
        .collect();
    for verdict in join_all(tokens.iter().map(|token| door.ask(token))).await {
        assert_eq!(verdict, Err(Refusal::UnknownKey));
    }
    assert_eq!(stub.asked(), 2, "one at the start, one for the storm");
    assert!(door.ask(&key.token(&good())).await.is_ok());
}

#[tokio::test]
async fn keys_that_the_provider_changes_are_found_and_those_it_withdraws_are_dropped() {
    let (old, new) = (
        SigningKey::new("old", "ES256"),
        SigningKey::new("new", "ES256"),
    );
    let stub = Stub::with(&[&old]).await;
    let door = Door::with(&stub, Duration::ZERO, None);
    door.fetch().await;
    let (by_old, by_new) = (old.token(&good()), new.token(&good()));
    assert!(door.verify(&by_old).is_ok());
    stub.has(&[&old, &new]);
    // Many at once find it with one fetch.
    let asking = (0..50).map(|_| door.ask(&by_new));
    assert!(join_all(asking).await.iter().all(Result::is_ok));
    assert_eq!(stub.asked(), 2);
    assert!(door.verify(&by_old).is_ok());
    stub.has(&[&new]);
    let unknown = new.token_under(&json!({"alg": "ES256", "kid": "other"}), &good());
    assert_eq!(door.ask(&unknown).await, Err(Refusal::UnknownKey));
    assert_eq!(
        door.verify(&by_old),
        Err(Refusal::UnknownKey),
        "although it was known"
    );
    // The same id with another key is another key.
    let again = SigningKey::new("new", "ES256");
    stub.has(&[&again]);
    assert_eq!(door.ask(&unknown).await, Err(Refusal::UnknownKey));
    assert_eq!(door.verify(&by_new), Err(Refusal::Signature));
    assert!(door.verify(&again.token(&good())).is_ok());
}

#[tokio::test]
async fn keys_stay_while_the_provider_is_away_and_not_for_ever() {
    let key = SigningKey::new("k", "EdDSA");
    let stub = Stub::with(&[&key]).await;
    let evil = Stub::with(&[&SigningKey::new("k", "EdDSA")]).await;
    let door = Door::with(&stub, Duration::ZERO, None);
    door.fetch().await;
    let unknown = key.token_under(&json!({"alg": "EdDSA", "kid": "x"}), &good());
    let wrong = json!({"keys": [{"kty": "oct", "kid": "k", "k": "AAAA"}]});
    for (n, answer) in [
        Answer::Text(500, "no".to_owned()),
        Answer::Text(200, "<html>".to_owned()),
        Answer::Text(200, format!("{{\"keys\": [\"{}\"]}}", "x".repeat(300_000))),
        Answer::Document(wrong),
        Answer::Document(json!({"keys": []})),
        Answer::Elsewhere(format!("{}/keys", evil.url)),
    ]
    .into_iter()
    .enumerate()
    {
        stub.answers(answer);
        assert_eq!(door.ask(&unknown).await, Err(Refusal::UnknownKey));
        assert!(door.verify(&key.token(&good())).is_ok(), "answer {n}");
        assert_eq!(stub.asked(), n + 2);
    }
    assert_eq!(evil.asked(), 0, "no redirection is followed");
    door.clock.advance(TimeDelta::hours(24));
    let later = claims(&json!({"exp": NOW + 200_000}));
    assert_eq!(door.ask(&key.token(&later)).await, Err(Refusal::NoKeys));
    stub.has(&[&key]);
    assert!(door.ask(&key.token(&later)).await.is_ok());
}

#[tokio::test]
async fn who_hangs_up_takes_no_fetch_from_the_others() {
    let key = SigningKey::new("k", "EdDSA");
    let stub = Stub::with(&[]).await;
    let document = json!({"keys": [key.jwk()]});
    let late = Duration::from_secs(1);
    stub.answers(Answer::Late(late, Box::new(Answer::Document(document))));
    let door = Door::new(&stub);
    let token = key.token(&good());
    let hasty = tokio::time::timeout(Duration::from_millis(50), door.ask(&token)).await;
    assert!(hasty.is_err(), "it waits for the fetch");
    assert!(door.ask(&token).await.is_ok());
    assert_eq!(stub.asked(), 1);
}

#[tokio::test]
async fn keys_are_found_through_the_discovery_document_of_the_issuer() {
    let key = SigningKey::new("k", "RS256");
    let keys = Stub::with(&[&key]).await;
    let stub = Stub::with(&[]).await;
    let issuer = format!("--oidc-issuer={}", stub.url);
    let config = auth(&[&issuer, "--jwt-audience=navi", "--oidc-client-ids=app"]);
    let token = key.token(&claims(&json!({"iss": stub.url})));
    // Keys on another machine than the settings name are fetched by https alone.
    let elsewhere = json!({"issuer": stub.url, "jwks_uri": format!("{}/keys", keys.url)});
    let of_another = json!({"issuer": ISSUER, "jwks_uri": format!("{}/keys", stub.url)});
    for document in [elsewhere, of_another] {
        stub.answers(Answer::Document(document));
        let door = Door::of(&config, Duration::ZERO, None);
        assert_eq!(door.ask(&token).await, Err(Refusal::NoKeys));
    }
    assert_eq!(keys.asked(), 0);
    let both = json!({
        "issuer": stub.url, "jwks_uri": format!("{}/keys", stub.url), "keys": [key.jwk()],
    });
    stub.answers(Answer::Document(both));
    let door = Door::of(&config, Duration::ZERO, None);
    assert!(door.ask(&token).await.is_ok());
}

/// Asks who the bearer of a token is.
async fn me(client: &Client, token: &str) -> (StatusCode, Value, Option<String>) {
    let request = axum::http::Request::builder()
        .uri("/api/auth/me")
        .header("authorization", format!("Bearer {token}"))
        .body(axum::body::Body::empty())
        .unwrap();
    let answer = client.answer(request).await;
    let wait = answer.headers.get("retry-after");
    let wait = wait.map(|value| value.to_str().unwrap().to_owned());
    (answer.status, answer.body, wait)
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_takes_the_providers_tokens_beside_its_own(db: PgPool) {
    let key = SigningKey::new("k", "RS256");
    let stub = Stub::answering(Answer::Text(503, String::new())).await;
    let jwks = format!("--jwt-jwks-url={}/keys", stub.url);
    let flags: Vec<_> = PARTIES.iter().copied().chain([jwks.as_str()]).collect();
    let clock = Clock::fixed(DateTime::from_timestamp(NOW, 0).unwrap());
    let app = TestApp::with(db, clock, &flags).await;
    let stranger = app.stranger();
    let theirs = key.token(&good());
    let (status, problem, wait) = me(&stranger, &theirs).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(problem["error_code"], "IDENTITY_PROVIDER_UNAVAILABLE");
    assert_eq!(wait.as_deref(), Some("30"));
    assert!(!app.app.health.ready().ok);
    let ours = app.token(ORG, USER, Role::Planner);
    assert_eq!(me(&stranger, &ours).await.0, StatusCode::OK);
    stub.has(&[&key]);
    app.app.start_background();
    let began = Instant::now();
    while me(&stranger, &theirs).await.0 != StatusCode::OK {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    app.app.health.refresh().await;
    assert!(app.app.health.ready().ok);
    let (_, body, _) = me(&stranger, &theirs).await;
    assert_eq!(
        body,
        json!({"org_id": ORG, "user_id": USER, "role": "planner"})
    );
    let forged = SigningKey::new("k", "RS256").token(&good());
    let (status, problem, _) = me(&stranger, &forged).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        problem["detail"],
        "you are not signed in, because the access token was refused: its signature is wrong; sign in again, or give your client a new token"
    );
}
