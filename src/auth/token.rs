//! Bearer tokens: JWTs signed with HS256, verified strictly, minted for development and scripts.

use std::fmt;
use std::time::Duration;

use clap::Args;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value};

use crate::auth::principal::{Principal, Role};
use crate::platform::clock::Clock;
use crate::platform::secret::{ExposeSecret, SecretString};

/// Tokens longer than this are refused unread; real ones have a few hundred bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// How far the clocks of issuer and server may differ, in seconds.
const LEEWAY_SECONDS: f64 = 30.0;
/// The shortest secret in bytes: the width of the hash, below which HS256 is weaker than it looks.
pub const MIN_SECRET_BYTES: usize = 32;
/// The fewest distinct bytes of a secret that was made by chance: 32 random hexadecimal digits
/// have fewer about once in ten thousand keys, a pattern or a word nearly always.
const MIN_DISTINCT_BYTES: usize = 10;

/// How callers are authenticated.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Authentication")]
pub struct AuthConfig {
    /// Secret that signs and verifies bearer tokens with HS256; at least 32 random bytes.
    ///
    /// In development a missing secret is made once and kept in the data folder.
    #[arg(long, env = "JWT_SECRET", value_name = "SECRET")]
    pub jwt_secret: Option<SecretString>,

    /// Secrets that were in use before, separated by commas: their tokens stay valid until they
    /// expire.
    #[arg(long, env = "JWT_SECRET_PREVIOUS", value_name = "SECRETS")]
    pub jwt_secret_previous: Option<SecretString>,

    /// Signature algorithm of bearer tokens; a token that names another one is refused.
    #[arg(
        long,
        env = "JWT_ALGORITHM",
        value_name = "NAME",
        default_value = "HS256",
        value_parser = ["HS256"]
    )]
    pub jwt_algorithm: String,

    /// Audience that a token must name in `aud`; not checked when absent.
    #[arg(long, env = "JWT_AUDIENCE", value_name = "TEXT")]
    pub jwt_audience: Option<String>,

    /// Issuer that a token must name in `iss`; not checked when absent.
    #[arg(long, env = "JWT_ISSUER", value_name = "TEXT")]
    pub jwt_issuer: Option<String>,
}

impl AuthConfig {
    /// Every previous secret, in the order given.
    pub fn previous_secrets(&self) -> Vec<&str> {
        self.jwt_secret_previous
            .iter()
            .flat_map(|list| list.expose_secret().split(','))
            .map(str::trim)
            .filter(|secret| !secret.is_empty())
            .collect()
    }
}

/// What makes a secret too weak to sign with, if anything does.
pub fn weakness(secret: &str) -> Option<&'static str> {
    if secret.len() < MIN_SECRET_BYTES {
        return Some("is shorter than 32 bytes");
    }
    let mut seen = [false; 256];
    for byte in secret.bytes() {
        seen[usize::from(byte)] = true;
    }
    if seen.iter().filter(|seen| **seen).count() < MIN_DISTINCT_BYTES {
        return Some("repeats too few different characters to be random");
    }
    let lower = secret.to_ascii_lowercase();
    let placeholder = [
        "changeme",
        "change-me",
        "change_me",
        "your-secret",
        "dev-secret",
    ];
    if placeholder.iter().any(|word| lower.contains(word)) {
        return Some("is a placeholder");
    }
    None
}

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.reason())]
pub enum Refusal {
    /// It is no JWT that we could have signed.
    Malformed,
    /// It names another algorithm than HS256.
    Algorithm,
    /// None of the secrets made its signature.
    Signature,
    /// It has no `exp`.
    NoExpiry,
    /// Its `exp` has passed.
    Expired,
    /// Its `nbf` or `iat` lies in the future.
    NotYetValid,
    /// It is meant for somebody else.
    Audience,
    /// It was made by somebody else.
    Issuer,
    /// It lacks a usable `sub`.
    NoUser,
    /// It lacks a usable `org_id`.
    NoOrganisation,
    /// Its role is none of ours.
    Role,
}

impl Refusal {
    /// The reason as a constant text that holds nothing of the token.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "it is malformed",
            Self::Algorithm => "its algorithm is not accepted",
            Self::Signature => "its signature is wrong",
            Self::NoExpiry => "it has no expiry",
            Self::Expired => "it has expired",
            Self::NotYetValid => "it is not valid yet",
            Self::Audience => "its audience is another",
            Self::Issuer => "its issuer is another",
            Self::NoUser => "it names no user",
            Self::NoOrganisation => "it names no organisation",
            Self::Role => "its role is unknown",
        }
    }
}

/// Verifies and mints tokens.
pub struct Verifier {
    clock: Clock,
    /// The current secret first.
    keys: Vec<DecodingKey>,
    signing: EncodingKey,
    audience: Option<String>,
    issuer: Option<String>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("keys", &self.keys.len())
            .field("audience", &self.audience)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier with `secret` as the current one and the configuration's previous ones.
    pub fn new(config: &AuthConfig, secret: &SecretString, clock: Clock) -> Self {
        let current = secret.expose_secret();
        let keys = std::iter::once(current)
            .chain(config.previous_secrets())
            .map(|secret| DecodingKey::from_secret(secret.as_bytes()))
            .collect();
        Self {
            clock,
            keys,
            signing: EncodingKey::from_secret(current.as_bytes()),
            audience: config.jwt_audience.clone(),
            issuer: config.jwt_issuer.clone(),
        }
    }

    /// Who the token speaks for. The signature is checked before any claim is looked at.
    pub fn verify(&self, token: &str) -> Result<Principal, Refusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refusal::Malformed);
        }
        let claims = self.signed_claims(token)?;
        self.check_times(&claims)?;
        self.check_parties(&claims)?;
        let org = claims.get("org_id").or_else(|| claims.get("org"));
        Ok(Principal {
            org_id: text_id(org).ok_or(Refusal::NoOrganisation)?,
            user_id: text_id(claims.get("sub")).ok_or(Refusal::NoUser)?,
            role: role(&claims)?,
        })
    }

    fn signed_claims(&self, token: &str) -> Result<Map<String, Value>, Refusal> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refusal::Malformed)?;
        if header.alg != Algorithm::HS256 {
            return Err(Refusal::Algorithm);
        }
        // RFC 7515 §4.1.11: an extension that is not understood must be refused; we know none.
        if header.crit.is_some() {
            return Err(Refusal::Malformed);
        }
        // The library reads the machine's clock, so times are checked here; audience and issuer
        // too, because it lets a token without them pass.
        let mut rules = Validation::new(Algorithm::HS256);
        rules.required_spec_claims.clear();
        rules.validate_exp = false;
        rules.validate_nbf = false;
        rules.validate_aud = false;
        let mut refusal = Refusal::Signature;
        for key in &self.keys {
            match jsonwebtoken::decode::<Map<String, Value>>(token, key, &rules) {
                Ok(data) => return Ok(data.claims),
                Err(error) => {
                    if !matches!(
                        error.kind(),
                        jsonwebtoken::errors::ErrorKind::InvalidSignature
                    ) {
                        refusal = Refusal::Malformed;
                    }
                }
            }
        }
        Err(refusal)
    }

    fn check_times(&self, claims: &Map<String, Value>) -> Result<(), Refusal> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds since the epoch are exact in an f64 for millions of years"
        )]
        let now = self.clock.now().timestamp() as f64;
        let time = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or(Refusal::Malformed),
        };
        let expires = time("exp")?.ok_or(Refusal::NoExpiry)?;
        if expires + LEEWAY_SECONDS <= now {
            return Err(Refusal::Expired);
        }
        for name in ["nbf", "iat"] {
            if time(name)?.is_some_and(|from| from > now + LEEWAY_SECONDS) {
                return Err(Refusal::NotYetValid);
            }
        }
        Ok(())
    }

    fn check_parties(&self, claims: &Map<String, Value>) -> Result<(), Refusal> {
        if let Some(expected) = &self.audience {
            let named = match claims.get("aud") {
                Some(Value::String(one)) => one == expected,
                Some(Value::Array(many)) => many.iter().any(|one| one == expected.as_str()),
                _ => false,
            };
            if !named {
                return Err(Refusal::Audience);
            }
        }
        if let Some(expected) = &self.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(expected)
        {
            return Err(Refusal::Issuer);
        }
        Ok(())
    }

    /// A token for `principal` that is valid for `ttl` from now, with the configured audience and
    /// issuer, signed with the current secret.
    pub fn mint(&self, principal: &Principal, ttl: Duration) -> Result<String, MintError> {
        let now = self.clock.now().timestamp();
        let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let mut claims = serde_json::json!({
            "sub": principal.user_id,
            "org_id": principal.org_id,
            "role": principal.role,
            "iat": now,
            "exp": now.saturating_add(seconds),
        });
        if let Some(audience) = &self.audience {
            claims["aud"] = Value::from(audience.as_str());
        }
        if let Some(issuer) = &self.issuer {
            claims["iss"] = Value::from(issuer.as_str());
        }
        Ok(jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &claims,
            &self.signing,
        )?)
    }
}

/// Why a token could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("the token could not be signed")]
pub struct MintError(#[from] jsonwebtoken::errors::Error);

fn text_id<T: TryFrom<String>>(claim: Option<&Value>) -> Option<T> {
    T::try_from(claim?.as_str()?.to_owned()).ok()
}

/// `role`, or the highest of `roles`. A token without either may read; one whose roles are all
/// unknown is refused, because whoever issued it meant something that we do not understand.
fn role(claims: &Map<String, Value>) -> Result<Role, Refusal> {
    let named = match (claims.get("role"), claims.get("roles")) {
        (None | Some(Value::Null), None | Some(Value::Null)) => return Ok(Role::Viewer),
        (None | Some(Value::Null), Some(roles)) => roles,
        (Some(role), _) => role,
    };
    match named {
        Value::String(one) => one.parse().ok(),
        Value::Array(many) => many
            .iter()
            .filter_map(|one| one.as_str()?.parse().ok())
            .max(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
    .ok_or(Refusal::Role)
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
