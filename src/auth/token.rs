//! Bearer tokens: JWTs signed with a secret or by an identity provider, verified strictly; minted
//! for development and scripts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::Value;

use crate::auth::claims::{Claims, Rules};
use crate::auth::config::{AuthConfig, IdentityProvider};
use crate::auth::erased::service::ErasedNames;
use crate::auth::jws::{Algorithm, Parts, SecretKey};
use crate::auth::key_store::{Found, KeyStore};
use crate::auth::principal::Principal;
use crate::auth::refusal::Refusal;
use crate::auth::seen::Seen;
use crate::platform::clock::Clock;
use crate::platform::secret::{ExposeSecret, SecretString};

/// Tokens longer than this are refused unread; real ones have a few hundred bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Tokens that are signed with a secret.
struct Secrets {
    /// The current secret first, if there is one.
    keys: Vec<SecretKey>,
    signing: Option<EncodingKey>,
    rules: Rules,
}

/// Tokens of an identity provider.
struct Provided {
    keys: Arc<KeyStore>,
    seen: Seen,
    rules: Rules,
}

/// Verifies and mints tokens.
///
/// With a secret and an identity provider, a token's algorithm says whose it is: the secret is
/// never tried on a token of the provider's, nor a public key on one that names HS256.
pub struct Verifier {
    clock: Clock,
    secrets: Secrets,
    provided: Option<Provided>,
    erased: ErasedNames,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("secrets", &self.secrets.keys.len())
            .field("secret_rules", &self.secrets.rules)
            .field(
                "provider_rules",
                &self.provided.as_ref().map(|of| &of.rules),
            )
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier with `secret` as the current one and the configuration's previous ones.
    pub fn new(config: &AuthConfig, secret: &SecretString, clock: Clock) -> Self {
        Self::over(config, Some(secret), clock)
    }

    /// The same with or without a current secret.
    pub fn over(config: &AuthConfig, secret: Option<&SecretString>, clock: Clock) -> Self {
        let current = secret.map(ExposeSecret::expose_secret);
        let secrets = current.into_iter().chain(config.previous_secrets());
        Self {
            clock,
            secrets: Secrets {
                keys: secrets.map(SecretKey::new).collect(),
                signing: current.map(|secret| EncodingKey::from_secret(secret.as_bytes())),
                rules: Rules {
                    audience: config.jwt_audience.clone(),
                    issuer: config.jwt_issuer.clone(),
                    ..Rules::default()
                },
            },
            provided: None,
            erased: ErasedNames::default(),
        }
    }

    /// The same, which also takes the tokens that this provider signs with these keys.
    #[must_use]
    pub fn and_provider(mut self, provider: IdentityProvider, keys: Arc<KeyStore>) -> Self {
        self.provided = Some(Provided {
            keys,
            seen: Seen::default(),
            rules: Rules {
                audience: provider.audience,
                issuer: provider.issuer,
                client_ids: provider.client_ids,
                strict: true,
            },
        });
        self
    }

    /// The same, which refuses tokens of those who were erased after they were issued.
    #[must_use]
    pub fn and_erased(mut self, erased: ErasedNames) -> Self {
        self.erased = erased;
        self
    }

    /// The names that were erased.
    pub fn erased(&self) -> &ErasedNames {
        &self.erased
    }

    /// The principal of the token. The signature is checked before any claim is looked at.
    ///
    /// Never waits: a key that is not known yet is [`Refusal::UnknownKey`], see
    /// [`Self::verify_or_ask`].
    pub fn verify(&self, token: &str) -> Result<Principal, Refusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refusal::Malformed);
        }
        let parts = Parts::of(token)?;
        let now = self.clock.now();
        if parts.algorithm == Algorithm::Hs256 {
            let claims = self.secrets.claims(&parts)?;
            return self.unerased(&claims, &self.secrets.rules, now);
        }
        let provided = self.provided.as_ref().ok_or(Refusal::Algorithm)?;
        let claims = provided.claims(token, &parts)?;
        self.unerased(&claims, &provided.rules, now)
    }

    /// The principal of these claims, unless they are from before an erasure.
    fn unerased(
        &self,
        claims: &Claims,
        rules: &Rules,
        now: DateTime<Utc>,
    ) -> Result<Principal, Refusal> {
        let who = claims.principal(rules, now)?;
        let issued = claims.issued_at();
        if self.erased.refuses(&who.org_id, &who.user_id, issued) {
            return Err(Refusal::Erased);
        }
        Ok(who)
    }

    /// The same, which may ask the identity provider once more when the key is not known.
    pub async fn verify_or_ask(&self, token: &str) -> Result<Principal, Refusal> {
        let refusal = match self.verify(token) {
            Err(refusal @ (Refusal::UnknownKey | Refusal::NoKeys)) => refusal,
            verdict => return verdict,
        };
        let kid = Parts::of(token).ok().and_then(|parts| parts.kid);
        let (Some(kid), Some(provided)) = (kid, &self.provided) else {
            return Err(refusal);
        };
        provided.keys.look_for(kid).await;
        self.verify(token)
    }

    /// There is a secret to sign tokens with.
    pub fn has_secret(&self) -> bool {
        self.secrets.signing.is_some()
    }

    /// A token for `principal` that is valid for `ttl` from now, with the configured audience and
    /// issuer, signed with the current secret.
    pub fn mint(&self, principal: &Principal, ttl: Duration) -> Result<String, MintError> {
        let signing = self.secrets.signing.as_ref().ok_or(MintError::NoSecret)?;
        let now = self.clock.now().timestamp();
        let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let mut claims = serde_json::json!({
            "sub": principal.user_id,
            "org_id": principal.org_id,
            "role": principal.role,
            "iat": now,
            "exp": now.saturating_add(seconds),
        });
        if let Some(team) = &principal.team_id {
            claims["team_id"] = Value::from(team.as_str());
        }
        if let Some(audience) = &self.secrets.rules.audience {
            claims["aud"] = Value::from(audience.as_str());
        }
        if let Some(issuer) = &self.secrets.rules.issuer {
            claims["iss"] = Value::from(issuer.as_str());
        }
        let header = Header::new(jsonwebtoken::Algorithm::HS256);
        Ok(jsonwebtoken::encode(&header, &claims, signing)?)
    }
}

impl Secrets {
    fn claims(&self, parts: &Parts<'_>) -> Result<Claims, Refusal> {
        if self.keys.is_empty() {
            return Err(Refusal::Algorithm);
        }
        if !self.keys.iter().any(|key| key.signed(parts)) {
            return Err(Refusal::Signature);
        }
        Claims::read(&parts.payload().ok_or(Refusal::Malformed)?)
    }
}

impl Provided {
    fn claims(&self, token: &str, parts: &Parts<'_>) -> Result<Arc<Claims>, Refusal> {
        let kid = parts.kid.as_deref().ok_or(Refusal::UnknownKey)?;
        let key = match self.keys.find(kid) {
            Found::Key(key) => key,
            Found::Unknown => return Err(Refusal::UnknownKey),
            Found::NoKeys => return Err(Refusal::NoKeys),
        };
        if !key.is_for(parts) {
            return Err(Refusal::Algorithm);
        }
        self.seen.or_verify(token, &key, || {
            if !key.signed(parts) {
                return Err(Refusal::Signature);
            }
            Claims::read(&parts.payload().ok_or(Refusal::Malformed)?)
        })
    }
}

/// Reasons for which a token could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// There is no secret: an identity provider signs the tokens.
    #[error("JWT_SECRET is not set; the identity provider issues the tokens")]
    NoSecret,
    /// The library failed.
    #[error("the token could not be signed")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
