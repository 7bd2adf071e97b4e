//! The key of a developer's machine: wraps data keys as KMS would, without KMS.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use fernet::Fernet;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::platform::hex::hex;
use crate::platform::secret::{ExposeSecret, SecretString};
use crate::vault::envelope::{DataKey, KEY_BYTES, Unsealable};
use crate::vault::error::Error;
use crate::vault::key;
use crate::vault::key::NotAKey;
use crate::vault::model::{Context, Wrapped};

/// Separates the key's name from everything else that is derived from it.
const NAME_DOMAIN: &[u8] = b"navi development key name";
/// Bytes of a key's name, in hexadecimal twice as many characters.
const NAME_BYTES: usize = 8;

/// Wraps data keys with Fernet under `DEV_ENCRYPTION_KEY`.
#[derive(Clone)]
pub struct Development {
    fernet: Fernet,
    name: String,
}

impl std::fmt::Debug for Development {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Development({})", self.name)
    }
}

impl Development {
    /// Over a key as people write it.
    pub fn new(text: &SecretString) -> Result<Self, NotAKey> {
        let key = key::parse(text.expose_secret())?;
        let encoded = Zeroizing::new(URL_SAFE.encode(key.expose()));
        let named = key.derive(NAME_DOMAIN);
        let name = &named.expose()[..NAME_BYTES];
        Ok(Self {
            fernet: Fernet::new(&encoded).ok_or(NotAKey)?,
            name: hex(name),
        })
    }

    /// The key's name, from which the key cannot be computed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A new data key for this context.
    pub fn generate(&self, context: Context<'_>) -> Result<Wrapped, Error> {
        let key = DataKey::random()?;
        let mut bound = Zeroizing::new([0; KEY_BYTES * 2]);
        bound[..KEY_BYTES].copy_from_slice(key.expose());
        bound[KEY_BYTES..].copy_from_slice(&Sha256::digest(context.bytes()));
        Ok(Wrapped {
            bytes: self.fernet.encrypt(bound.as_slice()).into_bytes(),
            key_id: self.name.clone(),
            key,
        })
    }

    /// The data key, if this key wrapped it for this context.
    pub fn open(&self, wrapped: &[u8], context: Context<'_>) -> Result<DataKey, Error> {
        let token = std::str::from_utf8(wrapped).map_err(|_| Error::InvalidDataKey)?;
        let bound = self.fernet.decrypt(token);
        let bound = Zeroizing::new(bound.map_err(|_| Error::InvalidDataKey)?);
        let (key, digest) = bound
            .split_first_chunk::<KEY_BYTES>()
            .ok_or(Error::InvalidDataKey)?;
        let expected = Sha256::digest(context.bytes());
        verify_slices_are_equal(digest, &expected).map_err(|_| Error::InvalidDataKey)?;
        Ok(DataKey::from_bytes(*key))
    }

    /// The text of a token that the original sealed with this key.
    pub fn open_original(&self, token: &str) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let text = self.fernet.decrypt(token).map_err(|_| Unsealable)?;
        Ok(Zeroizing::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn a_data_key_opens_for_its_context_alone() {
        let development = Development::new(&SecretString::from(KEY)).unwrap();
        let context = Context {
            org: "acme",
            purpose: "connector",
        };
        let made = development.generate(context).unwrap();
        let opened = development.open(&made.bytes, context).unwrap();
        assert_eq!(opened.expose(), made.key.expose());
        for other in [
            Context {
                org: "acm",
                purpose: "econnector",
            },
            Context {
                purpose: "audit",
                ..context
            },
        ] {
            let refused = development.open(&made.bytes, other).unwrap_err();
            assert_eq!(refused, Error::InvalidDataKey);
        }
        assert!(!format!("{development:?}").contains(KEY));
    }
}
