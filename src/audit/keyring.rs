//! The audit keys by their names, and what is derived from each.

use std::collections::HashMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use crate::audit::config::{AuditConfig, KeyError};
use crate::audit::error::Error;
use crate::audit::record::{Hash, NOTHING};
use crate::platform::hex::hex;
use crate::platform::secret::SecretString;
use crate::vault::envelope::DataKey;
use crate::vault::key;

/// The keys derived from one audit key: each purpose has a key of its own, derived by HKDF.
pub struct AuditKey {
    /// Its name.
    pub id: String,
    /// Wraps the keys of entries.
    pub wrapping: DataKey,
    /// Seals the ends of logs, in the first way.
    sealing: DataKey,
    /// Seals the ends of logs, in the present way.
    ending: DataKey,
    /// Vouches for the end that is handed to another key.
    handing: DataKey,
    /// Signs checkpoints.
    pub signing: Ed25519KeyPair,
    /// The original's key, which is this one as it is.
    pub original: DataKey,
}

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl AuditKey {
    fn new(id: String, key: DataKey) -> Result<Self, Error> {
        let seed = key.derive(b"navi audit checkpoints 1");
        let signing =
            Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| Error::Signing)?;
        Ok(Self {
            id,
            wrapping: key.derive(b"navi audit entry keys 1"),
            sealing: key.derive(b"navi audit ends 1"),
            ending: key.derive(b"navi audit ends 2"),
            handing: key.derive(b"navi audit hand-overs 1"),
            signing,
            original: key,
        })
    }

    /// The seal of a log's end as the first versions made it: over log, number and hash.
    pub fn first_seal(&self, log: &str, size: i64, head: &Hash) -> Hash {
        mac(&self.sealing, &[&size.to_be_bytes(), head, log.as_bytes()])
    }

    /// The seal of a log's end, of which this is the hash over all that it says.
    pub fn end_seal(&self, said: &Hash) -> Hash {
        mac(&self.ending, &[said])
    }

    /// The proof that a hand-over with this hash was made by a holder of this key.
    pub fn voucher(&self, said: &Hash) -> Hash {
        mac(&self.handing, &[said])
    }

    /// A stand-in for a secret, to tell it from another one without knowing it.
    pub fn fingerprint(&self, secret: &str) -> String {
        hex(&self.first_seal(secret, 0, &NOTHING)[..8])
    }

    /// The key that verifies its checkpoints.
    pub fn public(&self) -> &[u8] {
        self.signing.public_key().as_ref()
    }
}

/// HMAC-SHA-256 over these parts, one after the other.
fn mac(key: &DataKey, parts: &[&[u8]]) -> Hash {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose()) else {
        return NOTHING;
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// True if two seals are the same, in a time that does not depend on where they differ.
pub fn same(expected: &Hash, found: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(expected, found).is_ok()
}

/// The beginning of the names of keys that a development server made for itself.
pub const DEVELOPMENT: &str = "dev-";

/// The key of a development server that has a secret to sign tokens with, and no audit key: the same for
/// all servers that share the secret. By HKDF-SHA256 (RFC 5869).
pub fn development_key(signing_secret: &str) -> SecretString {
    let mut key = [0; 32];
    let derived = Hkdf::<Sha256>::new(None, signing_secret.as_bytes())
        .expand(b"navi development audit key 1", &mut key);
    // HKDF refuses only outputs beyond 255 hashes.
    debug_assert!(derived.is_ok());
    SecretString::from(STANDARD.encode(key))
}

fn development_name(key: &DataKey) -> String {
    let name = Sha256::digest(key.derive(b"navi audit name 1").expose());
    format!("{DEVELOPMENT}{}", hex(&name[..4]))
}

/// The present key and the ones before it.
#[derive(Debug)]
pub struct Keyring {
    keys: HashMap<String, AuditKey>,
    current: String,
}

impl Keyring {
    /// The ring with `current`, and what the settings name beside it.
    ///
    /// A key without a name in the settings gets one from itself, so that a new development key is not taken
    /// for the old one.
    pub fn new(config: &AuditConfig, current: &str, made_up: bool) -> Result<Self, Error> {
        let key = key::parse(current).map_err(KeyError::Current)?;
        let id = if made_up {
            development_name(&key)
        } else {
            config.audit_encryption_key_id.clone()
        };
        let mut keys = HashMap::new();
        for (id, key) in config.previous_keys()? {
            keys.insert(id.clone(), AuditKey::new(id, key)?);
        }
        keys.insert(id.clone(), AuditKey::new(id.clone(), key)?);
        Ok(Self { keys, current: id })
    }

    /// Adds a key that a development server had before.
    pub fn remember_development(&mut self, key: &SecretString) -> Result<(), Error> {
        let key = key::parse(key.expose_secret()).map_err(KeyError::Current)?;
        let id = development_name(&key);
        let kept = AuditKey::new(id.clone(), key)?;
        self.keys.entry(id).or_insert(kept);
        Ok(())
    }

    /// The key that seals what is new.
    pub fn current(&self) -> Result<&AuditKey, Error> {
        self.get(&self.current)
    }

    /// A key by its name.
    pub fn get(&self, id: &str) -> Result<&AuditKey, Error> {
        let found = self.keys.get(id);
        found.ok_or_else(|| Error::UnknownKey(id.to_owned()))
    }

    /// A key for another purpose, from which no key of the ring can be computed. Retired keys stay in the
    /// ring to open old entries and must give no new powers, so it comes from the current key.
    pub fn derived(&self, purpose: &[u8]) -> Result<DataKey, Error> {
        Ok(self.current()?.original.derive(purpose))
    }

    /// Every key.
    pub fn all(&self) -> impl Iterator<Item = &AuditKey> {
        self.keys.values()
    }
}
