//! Reads what the service that this one replaces has sealed; nothing is written like this.
//!
//! Its values are base64 text of parts joined by `|`: `v1|data key wrapped by KMS|nonce|ciphertext`
//! with AES-256-GCM, and `dev|Fernet token`. Neither is bound to anything, so a value that was moved
//! opens all the same; `navi vault rewrap` ends that. Its reader forgave foreign characters within
//! base64 and looked at no version; its writer never wrote such values, so they are refused here.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize, Zeroizing};

use crate::vault::envelope::{DataKey, Unsealable};
use crate::vault::error::Error;

const NONCE_BYTES: usize = 12;

/// A value of the original, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Original {
    /// Sealed with a data key from KMS.
    V1 {
        /// The data key as KMS wrapped it.
        wrapped: Vec<u8>,
        /// The nonce.
        nonce: [u8; NONCE_BYTES],
        /// Ciphertext and tag.
        text: Vec<u8>,
    },
    /// A Fernet token under the development key.
    Dev(String),
}

/// Takes a value of the original apart.
pub fn parse(bytes: &[u8]) -> Result<Original, Error> {
    let joined = STANDARD.decode(bytes).map_err(|_| Error::Malformed)?;
    let joined = String::from_utf8(joined).map_err(|_| Error::Malformed)?;
    let parts: Vec<_> = joined.split('|').collect();
    match parts.as_slice() {
        ["dev", token] => Ok(Original::Dev((*token).to_owned())),
        ["v1", wrapped, nonce, text] => {
            let decode = |part| STANDARD.decode(part).map_err(|_| Error::Malformed);
            Ok(Original::V1 {
                wrapped: decode(wrapped)?,
                nonce: decode(nonce)?.try_into().map_err(|_| Error::Malformed)?,
                text: decode(text)?,
            })
        }
        _ => Err(Error::Malformed),
    }
}

/// Opens a `v1` value whose data key is known.
pub fn open_v1(
    key: &DataKey,
    nonce: [u8; NONCE_BYTES],
    text: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
    let mut bytes = Key::<Aes256Gcm>::default();
    bytes.copy_from_slice(key.expose());
    let cipher = Aes256Gcm::new(&bytes);
    bytes.zeroize();
    cipher
        .decrypt(&Nonce::from(nonce), text)
        .map(Zeroizing::new)
        .map_err(|_| Unsealable)
}
