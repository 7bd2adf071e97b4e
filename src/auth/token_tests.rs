use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta};
use clap::{Args, Command, FromArgMatches};
use jsonwebtoken::Algorithm;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::auth::principal::Role;

const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba9876543210";
const NOW: i64 = 1_800_000_000;

fn config() -> AuthConfig {
    let command =
        AuthConfig::augment_args(Command::new("navi")).mut_args(|arg| arg.env(None::<&str>));
    let matches = command.try_get_matches_from(["navi"]).unwrap();
    AuthConfig::from_arg_matches(&matches).unwrap()
}

fn verifier(config: &AuthConfig) -> Verifier {
    let clock = Clock::fixed(DateTime::from_timestamp(NOW, 0).unwrap());
    Verifier::new(config, &SecretString::from(SECRET), clock)
}

/// A token of these claims, signed with `secret` under `header`.
fn signed(header: &Header, claims: &Value, secret: &str) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn token(claims: &Value) -> String {
    signed(&Header::new(Algorithm::HS256), claims, SECRET)
}

/// Claims that are accepted, with `changes` laid over them; a null removes a claim.
fn claims(changes: Value) -> Value {
    let mut claims = json!({"sub": "u1", "org_id": "o1", "role": "planner", "exp": NOW + 60});
    let (Value::Object(claims_now), Value::Object(changes)) = (&mut claims, changes) else {
        unreachable!("claims are objects")
    };
    for (name, value) in changes {
        if value.is_null() {
            claims_now.remove(&name);
        } else {
            claims_now.insert(name, value);
        }
    }
    claims
}

fn verdict(changes: Value) -> Result<Principal, Refusal> {
    verifier(&config()).verify(&token(&claims(changes)))
}

#[test]
fn a_token_says_who_asks() {
    let principal = verdict(json!({})).unwrap();
    assert_eq!(principal.org_id.as_str(), "o1");
    assert_eq!(principal.user_id.as_str(), "u1");
    assert_eq!(principal.role, Role::Planner);
}

#[test]
fn what_is_minted_is_accepted_until_it_expires() {
    let mut config = config();
    config.jwt_audience = Some("navi".to_owned());
    config.jwt_issuer = Some("navi-tests".to_owned());
    let verifier = verifier(&config);
    let principal = verdict(json!({})).unwrap();
    let minted = verifier.mint(&principal, Duration::from_mins(1)).unwrap();
    assert_eq!(verifier.verify(&minted), Ok(principal.clone()));
    verifier.clock.advance(TimeDelta::seconds(89));
    assert_eq!(verifier.verify(&minted), Ok(principal));
    verifier.clock.advance(TimeDelta::seconds(1));
    assert_eq!(verifier.verify(&minted), Err(Refusal::Expired));
}

#[test]
fn a_token_without_expiry_is_refused() {
    assert_eq!(verdict(json!({"exp": null})), Err(Refusal::NoExpiry));
}

#[test]
fn times_are_numbers_and_are_kept() {
    assert_eq!(verdict(json!({"exp": NOW - 31})), Err(Refusal::Expired));
    assert_eq!(verdict(json!({"exp": -1.0e300})), Err(Refusal::Expired));
    assert_eq!(verdict(json!({"nbf": NOW + 31})), Err(Refusal::NotYetValid));
    assert_eq!(verdict(json!({"iat": NOW + 31})), Err(Refusal::NotYetValid));
    assert!(verdict(json!({"nbf": NOW + 30, "iat": NOW + 30})).is_ok());
    assert!(verdict(json!({"exp": 1.800_000_060_5e9})).is_ok());
    for name in ["exp", "nbf", "iat"] {
        let text = json!({name: (NOW + 60).to_string()});
        assert_eq!(verdict(text), Err(Refusal::Malformed), "{name} as text");
    }
}

#[test]
fn only_hs256_is_accepted() {
    let good = claims(json!({}));
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let token = signed(&Header::new(algorithm), &good, SECRET);
        assert_eq!(
            verifier(&config()).verify(&token),
            Err(Refusal::Algorithm),
            "{algorithm:?}"
        );
    }
    let body = URL_SAFE_NO_PAD.encode(good.to_string());
    for header in [
        json!({"alg": "none", "typ": "JWT"}),
        json!({"alg": "None"}),
        json!({"alg": "RS256", "typ": "JWT"}),
        json!({"alg": "ES256"}),
        json!({"typ": "JWT"}),
    ] {
        let head = URL_SAFE_NO_PAD.encode(header.to_string());
        for signature in ["", "AAAA"] {
            let token = format!("{head}.{body}.{signature}");
            let refused = verifier(&config()).verify(&token).unwrap_err();
            assert!(
                matches!(refused, Refusal::Algorithm | Refusal::Malformed),
                "{header} gave {refused:?}"
            );
        }
    }
}

#[test]
fn an_extension_marked_critical_is_refused() {
    let mut header = Header::new(Algorithm::HS256);
    header.crit = Some(vec!["b64".to_owned()]);
    let token = signed(&header, &claims(json!({})), SECRET);
    assert_eq!(verifier(&config()).verify(&token), Err(Refusal::Malformed));
}

#[test]
fn previous_secrets_verify_and_others_do_not() {
    let token = signed(&Header::new(Algorithm::HS256), &claims(json!({})), OTHER);
    assert_eq!(verifier(&config()).verify(&token), Err(Refusal::Signature));
    let mut rotated = config();
    rotated.jwt_secret_previous = Some(SecretString::from(format!(" , unrelated, {OTHER} ,")));
    assert!(verifier(&rotated).verify(&token).is_ok());
}

#[test]
fn audience_and_issuer_are_required_once_configured() {
    let mut config = config();
    config.jwt_audience = Some("navi".to_owned());
    config.jwt_issuer = Some("https://issuer.example/".to_owned());
    let verifier = verifier(&config);
    let verdict = |changes| verifier.verify(&token(&claims(changes)));
    let iss = "https://issuer.example/";
    assert!(verdict(json!({"aud": "navi", "iss": iss})).is_ok());
    assert!(verdict(json!({"aud": ["other", "navi"], "iss": iss})).is_ok());
    assert_eq!(verdict(json!({"iss": iss})), Err(Refusal::Audience));
    assert_eq!(
        verdict(json!({"aud": "navi2", "iss": iss})),
        Err(Refusal::Audience)
    );
    assert_eq!(
        verdict(json!({"aud": {"navi": 1}, "iss": iss})),
        Err(Refusal::Audience)
    );
    assert_eq!(verdict(json!({"aud": "navi"})), Err(Refusal::Issuer));
    assert_eq!(
        verdict(json!({"aud": "navi", "iss": [iss]})),
        Err(Refusal::Issuer)
    );
}

#[test]
fn user_and_organisation_are_required_texts() {
    for bad in [
        json!(null),
        json!(""),
        json!(7),
        json!(["u1"]),
        json!("a\nb"),
        json!("x".repeat(129)),
    ] {
        let refused = verdict(json!({"sub": bad})).unwrap_err();
        // The library itself refuses a `sub` that is no text.
        assert!(
            matches!(refused, Refusal::NoUser | Refusal::Malformed),
            "{bad}"
        );
        assert_eq!(
            verdict(json!({"org_id": bad})),
            Err(Refusal::NoOrganisation),
            "{bad}"
        );
    }
    let older = verdict(json!({"org_id": null, "org": "example.org"})).unwrap();
    assert_eq!(older.org_id.as_str(), "example.org");
}

#[test]
fn a_role_is_known_or_the_token_is_refused() {
    let role = |changes| verdict(changes).map(|principal| principal.role);
    assert_eq!(role(json!({"role": null})), Ok(Role::Viewer));
    assert_eq!(
        role(json!({"role": null, "roles": ["billing", "viewer", "admin"]})),
        Ok(Role::Admin)
    );
    assert_eq!(role(json!({"role": ["planner"]})), Ok(Role::Planner));
    for bad in [
        json!("root"),
        json!("Admin"),
        json!(""),
        json!(3),
        json!([]),
        json!(["root"]),
    ] {
        assert_eq!(role(json!({"role": bad})), Err(Refusal::Role), "{bad}");
    }
    assert_eq!(
        role(json!({"role": "root", "roles": ["admin"]})),
        Err(Refusal::Role)
    );
}

#[test]
fn a_huge_token_is_refused_unread() {
    let claims = claims(json!({"padding": "x".repeat(MAX_TOKEN_BYTES)}));
    assert_eq!(
        verifier(&config()).verify(&token(&claims)),
        Err(Refusal::Malformed)
    );
}

#[test]
fn a_verifier_does_not_print_its_secrets() {
    let mut config = config();
    config.jwt_secret = Some(SecretString::from(SECRET));
    config.jwt_secret_previous = Some(SecretString::from(OTHER));
    let printed = format!("{:?} {config:?}", verifier(&config));
    assert!(
        !printed.contains(SECRET) && !printed.contains(OTHER),
        "{printed}"
    );
}

#[test]
fn a_type_says_that_it_is_a_bearer_token_or_nothing() {
    let typed = |typ: Option<&str>| {
        let mut header = Header::new(Algorithm::HS256);
        header.typ = typ.map(str::to_owned);
        verifier(&config()).verify(&signed(&header, &claims(json!({})), SECRET))
    };
    for good in [
        None,
        Some("JWT"),
        Some("jwt"),
        Some("at+jwt"),
        Some("application/AT+JWT"),
    ] {
        assert!(typed(good).is_ok(), "{good:?}");
    }
    for bad in [
        "dpop+jwt",
        "logout+jwt",
        "",
        "JWTs",
        "application/",
        "application/json",
    ] {
        assert_eq!(typed(Some(bad)), Err(Refusal::Malformed), "{bad}");
    }
}

/// A token of this header and payload as they are written, rightly signed.
fn written(header: &str, payload: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", encode(header), encode(payload));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
    format!("{message}.{}", signature.unwrap())
}

#[test]
fn what_is_said_twice_makes_a_token_malformed() {
    let payload = claims(json!({})).to_string();
    let header = r#"{"alg":"HS256"}"#;
    assert!(
        verifier(&config())
            .verify(&written(header, &payload))
            .is_ok()
    );
    for name in ["exp", "sub", "org_id", "role"] {
        let twice = payload.replacen('{', &format!("{{\"{name}\":1,"), 1);
        let refused = verifier(&config()).verify(&written(header, &twice));
        assert_eq!(refused, Err(Refusal::Malformed), "{name}");
    }
    for header in [
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"HS256","typ":"JWT","typ":"JWT"}"#,
    ] {
        let refused = verifier(&config()).verify(&written(header, &payload));
        assert_eq!(refused, Err(Refusal::Malformed), "{header}");
    }
}

#[test]
fn keys_that_a_token_brings_along_are_not_looked_at() {
    let payload = claims(json!({})).to_string();
    let header = r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"},"jku":"https://evil.example/k","x5u":"https://evil.example/c","x5c":["AAAA"],"kid":"../../dev/null"}"#;
    let good = written(header, &payload);
    assert!(verifier(&config()).verify(&good).is_ok(), "ignored");
    let (message, _) = good.rsplit_once('.').unwrap();
    let theirs = EncodingKey::from_secret(&[0, 0, 0]);
    let forged = jsonwebtoken::crypto::sign(message.as_bytes(), &theirs, Algorithm::HS256);
    let forged = format!("{message}.{}", forged.unwrap());
    assert_eq!(verifier(&config()).verify(&forged), Err(Refusal::Signature));
}

#[test]
fn without_a_secret_nothing_is_minted_and_no_secret_is_guessed() {
    let clock = Clock::fixed(DateTime::from_timestamp(NOW, 0).unwrap());
    let verifier = Verifier::over(&config(), None, clock);
    let principal = verdict(json!({})).unwrap();
    let minted = verifier.mint(&principal, Duration::from_mins(1));
    assert!(matches!(minted, Err(MintError::NoSecret)));
    for secret in [SECRET, ""] {
        let token = signed(&Header::new(Algorithm::HS256), &claims(json!({})), secret);
        assert_eq!(verifier.verify(&token), Err(Refusal::Algorithm));
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_verifier_panic_or_agree(text in ".{0,200}") {
        prop_assert!(verifier(&config()).verify(&text).is_err());
    }

    #[test]
    fn a_changed_byte_is_noticed(at in 0_usize..400, with in proptest::char::range('A', 'z')) {
        let good = token(&claims(json!({})));
        let mut bytes = good.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = with as u8;
        let changed = String::from_utf8(bytes).unwrap();
        // The last character of base64 may hold bits that do not count; jsonwebtoken refuses those too.
        if changed != good {
            prop_assert!(verifier(&config()).verify(&changed).is_err());
        }
    }
}
