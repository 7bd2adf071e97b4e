//! Signed tokens in their compact form: the parts, the algorithms and the keys.
//!
//! A key knows its algorithm. The header of a token chooses among keys, never how one is used, so a
//! public key cannot be taken for a secret, and `none` is no algorithm at all.

use std::borrow::Cow;

use aws_lc_rs::{hmac, signature};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The shortest RSA modulus that is accepted: 2048 bits.
const MIN_RSA_BYTES: usize = 256;

/// A signature algorithm that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256, the one with a secret.
    Hs256,
    /// RSA, PKCS #1 v1.5, SHA-256.
    Rs256,
    /// The same with SHA-384.
    Rs384,
    /// The same with SHA-512.
    Rs512,
    /// RSA-PSS with SHA-256.
    Ps256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The algorithm of this name, which is written in one way only.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Self::Hs256,
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "ES256" => Self::Es256,
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }
}

/// The header of a token. Keys and addresses of keys in it (`jwk`, `jku`, `x5c`, `x5u`) are ignored: a
/// forger could name their own.
#[derive(Debug, Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    kid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    typ: Option<Cow<'a, str>>,
    crit: Option<IgnoredAny>,
}

/// Why a text is no token that could be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSigned {
    /// It is not written as one, or wants something that is not understood.
    Malformed,
    /// It names an algorithm that is not accepted.
    Algorithm,
}

/// A token taken apart, unverified.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The algorithm that the header names.
    pub algorithm: Algorithm,
    /// The key that the header names.
    pub kid: Option<String>,
    signed: &'a [u8],
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    /// Takes a token apart. Members of the header that are there twice make it malformed.
    pub fn of(token: &'a str) -> Result<Self, NotSigned> {
        let malformed = NotSigned::Malformed;
        let (signed, signature) = token.rsplit_once('.').ok_or(malformed)?;
        let (head, payload) = signed.split_once('.').ok_or(malformed)?;
        let head = decoded(head).ok_or(malformed)?;
        let header: Header<'_> = serde_json::from_slice(&head).map_err(|_| malformed)?;
        // RFC 7515 §4.1.11: an extension that is not understood must be refused; we know none.
        if header.crit.is_some() {
            return Err(malformed);
        }
        let algorithm = Algorithm::from_name(&header.alg).ok_or(NotSigned::Algorithm)?;
        if !header.typ.is_none_or(|typ| is_access_token(&typ)) {
            return Err(malformed);
        }
        Ok(Self {
            algorithm,
            kid: header.kid.map(Cow::into_owned),
            signed: signed.as_bytes(),
            payload,
            signature: decoded(signature).ok_or(malformed)?,
        })
    }

    /// The content of the token, which means nothing before its signature is verified.
    pub fn payload(&self) -> Option<Vec<u8>> {
        decoded(self.payload)
    }
}

/// True for the type of a bearer token; tokens signed for another purpose are refused.
fn is_access_token(typ: &str) -> bool {
    let bare = typ
        .split_at_checked("application/".len())
        .filter(|(start, _)| start.eq_ignore_ascii_case("application/"))
        .map_or(typ, |(_, rest)| rest);
    bare.eq_ignore_ascii_case("JWT") || bare.eq_ignore_ascii_case("at+jwt")
}

/// A number without the zeros before it, which some providers write.
fn without_zeros(number: &[u8]) -> &[u8] {
    let start = number.iter().position(|byte| *byte != 0);
    &number[start.unwrap_or(number.len())..]
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A secret that signs with HS256, prepared.
pub struct SecretKey(hmac::Key);

impl SecretKey {
    /// The secret in the form that verifies.
    pub fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    /// True when the secret made the token's signature.
    pub fn signed(&self, token: &Parts<'_>) -> bool {
        token.algorithm == Algorithm::Hs256
            && hmac::verify(&self.0, token.signed, &token.signature).is_ok()
    }
}

/// A public key with the one algorithm that it is used with.
#[derive(Debug)]
pub struct PublicKey {
    algorithm: Algorithm,
    key: signature::ParsedPublicKey,
}

impl PublicKey {
    /// An RSA key of this modulus and exponent.
    pub fn rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Option<Self> {
        let parameters = match algorithm {
            Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Algorithm::Hs256 | Algorithm::Es256 | Algorithm::EdDsa => return None,
        };
        let (n, e) = (without_zeros(n), without_zeros(e));
        if n.len() < MIN_RSA_BYTES {
            return None;
        }
        let components = signature::RsaPublicKeyComponents { n, e };
        let key = components.to_parsed_public_key(parameters).ok()?;
        Some(Self { algorithm, key })
    }

    /// A key on the curve P-256.
    pub fn p256(x: &[u8], y: &[u8]) -> Option<Self> {
        let point = [&[4], x, y].concat();
        let parameters = &signature::ECDSA_P256_SHA256_FIXED;
        let key = signature::ParsedPublicKey::new(parameters, point).ok()?;
        let algorithm = Algorithm::Es256;
        Some(Self { algorithm, key })
    }

    /// An Ed25519 key.
    pub fn ed25519(x: &[u8]) -> Option<Self> {
        let key = signature::ParsedPublicKey::new(&signature::ED25519, x).ok()?;
        let algorithm = Algorithm::EdDsa;
        Some(Self { algorithm, key })
    }

    /// True when a token that names this key also names its algorithm.
    pub fn is_for(&self, token: &Parts<'_>) -> bool {
        self.algorithm == token.algorithm
    }

    /// True when the key's owner made the token's signature.
    pub fn signed(&self, token: &Parts<'_>) -> bool {
        self.is_for(token) && self.key.verify_sig(token.signed, &token.signature).is_ok()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.key.as_ref() == other.key.as_ref()
    }
}

impl Eq for PublicKey {}
