//! The documents of an identity provider: its keys, and where they are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::auth::jws::{Algorithm, PublicKey};

/// The most keys of a provider that are kept; real ones have two or three.
const MAX_KEYS: usize = 64;

/// The keys of a provider that verify tokens, by their ids.
pub type Keys = HashMap<String, Arc<PublicKey>>;

/// A key as RFC 7517 writes it, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// Reads a set of keys. Keys that verify no tokens here are left out: those for encryption, those
/// without an id, secret ones, and those of kinds and algorithms that are not accepted. Of two
/// with one id the first counts.
///
/// `None` when it is no set, or one without a usable key.
pub fn keys(document: &[u8]) -> Option<Keys> {
    let set: Set = serde_json::from_slice(document).ok()?;
    let mut found = Keys::new();
    for value in set.keys {
        if found.len() == MAX_KEYS {
            break;
        }
        let Ok(jwk) = serde_json::from_value::<Jwk>(value) else {
            continue;
        };
        if let Some(key) = key(&jwk)
            && let Entry::Vacant(place) = found.entry(jwk.kid)
        {
            place.insert(Arc::new(key));
        }
    }
    (!found.is_empty()).then_some(found)
}

fn key(jwk: &Jwk) -> Option<PublicKey> {
    let verifies = jwk.r#use.as_ref().is_none_or(|purpose| purpose == "sig")
        && jwk
            .key_ops
            .as_ref()
            .is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !verifies {
        return None;
    }
    let part = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
    let algorithm = match &jwk.alg {
        Some(name) => Some(Algorithm::from_name(name)?),
        None => None,
    };
    match (jwk.kty.as_str(), jwk.crv.as_deref(), algorithm) {
        // A key that names no algorithm is used with the one that OpenID Connect requires of all.
        ("RSA", _, algorithm) => PublicKey::rsa(
            algorithm.unwrap_or(Algorithm::Rs256),
            &part(&jwk.n)?,
            &part(&jwk.e)?,
        ),
        ("EC", Some("P-256"), None | Some(Algorithm::Es256)) => {
            PublicKey::p256(&part(&jwk.x)?, &part(&jwk.y)?)
        }
        ("OKP", Some("Ed25519"), None | Some(Algorithm::EdDsa)) => {
            PublicKey::ed25519(&part(&jwk.x)?)
        }
        _ => None,
    }
}

#[derive(Debug, Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Where a discovery document says that the keys are, if it is the document of `issuer`.
pub fn keys_address(document: &[u8], issuer: &str) -> Option<Url> {
    let found: Discovery = serde_json::from_slice(document).ok()?;
    if found.issuer == issuer {
        Url::parse(&found.jwks_uri).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn read(keys_of: &Value) -> Option<Vec<String>> {
        let found = keys(json!({ "keys": keys_of }).to_string().as_bytes())?;
        let mut ids: Vec<_> = found.into_keys().collect();
        ids.sort();
        Some(ids)
    }

    fn okp(changes: &Value) -> Value {
        let mut key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": X});
        let more = changes.as_object().unwrap().clone();
        key.as_object_mut().unwrap().extend(more);
        key
    }

    #[test]
    fn one_unusable_key_does_not_lose_the_others() {
        let set = json!([
            7,
            {"kty": "RSA"},
            {"kty": "AKP", "kid": "pq", "alg": "ML-DSA-44"},
            {"kty": "oct", "kid": "secret", "k": "AAAA", "alg": "HS256"},
            okp(&json!({"kid": "encrypts", "use": "enc"})),
            okp(&json!({"kid": "signs", "key_ops": ["sign"]})),
            okp(&json!({"kid": "other", "alg": "ES256"})),
            okp(&json!({"kid": "hmac", "alg": "HS256"})),
            okp(&json!({"kid": "short", "x": "AAAA"})),
            okp(&json!({})),
            okp(&json!({"kid": "b", "use": "sig", "alg": "EdDSA", "key_ops": ["verify"]})),
        ]);
        assert_eq!(read(&set).unwrap(), ["a", "b"]);
    }

    #[test]
    fn what_holds_no_usable_key_is_no_set() {
        assert_eq!(read(&json!([])), None);
        assert_eq!(read(&json!([okp(&json!({"use": "enc"}))])), None);
        for text in ["", "[]", "{}", r#"{"keys": {}}"#, "<html>"] {
            assert!(keys(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn an_rsa_key_is_never_used_with_a_secrets_algorithm() {
        let n = URL_SAFE_NO_PAD.encode([0xc5; 256]);
        let rsa = |alg: Value| json!([{"kty": "RSA", "kid": "r", "n": n, "e": "AQAB", "alg": alg}]);
        assert!(read(&rsa(json!("PS256"))).is_some());
        assert!(read(&rsa(json!(null))).is_some());
        for alg in ["HS256", "none", "ES256", "EdDSA", "RSA-OAEP", "rs256"] {
            assert_eq!(read(&rsa(json!(alg))), None, "{alg}");
        }
    }

    #[test]
    fn a_set_is_bounded() {
        let many: Vec<_> = (0..200)
            .map(|n| okp(&json!({"kid": n.to_string()})))
            .collect();
        assert_eq!(read(&json!(many)).unwrap().len(), MAX_KEYS);
    }

    #[test]
    fn a_discovery_document_is_that_of_its_issuer() {
        let text = br#"{"issuer": "https://a.example", "jwks_uri": "https://a.example/keys"}"#;
        let found = keys_address(text, "https://a.example").unwrap();
        assert_eq!(found.as_str(), "https://a.example/keys");
        assert_eq!(keys_address(text, "https://a.example/"), None);
        assert_eq!(keys_address(b"{}", "https://a.example"), None);
    }
}
