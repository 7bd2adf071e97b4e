//! AES-256-GCM that commits to its key and to its place.
//!
//! GCM alone commits to neither: one ciphertext can be crafted that opens under two keys to two
//! texts (Dodis, Grubbs, Ristenpart, Woodage, "Fast Message Franking", CRYPTO 2018), and a random
//! 96-bit nonce must not be drawn more than 2³² times under one key (NIST SP 800-38D §8.3). So every
//! value gets a key of its own: HKDF-SHA256 (RFC 5869) over the data key with a random 256-bit salt
//! and the place as `info` yields a key for the cipher and a commitment that is stored and compared
//! before anything is decrypted, as the AWS Encryption SDK does with its committing suites. Because
//! no key is used twice, the nonce is all zeroes.
//!
//! ```text
//! salt (32) ‖ commitment (32) ‖ ciphertext ‖ tag (16)
//! ```

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 32;
const COMMITMENT_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
/// The number of bytes by which a sealed value is longer than its plain text.
pub const OVERHEAD: usize = SALT_BYTES + COMMITMENT_BYTES + TAG_BYTES;

/// Separates the keys of this format from all others that are derived from the same secret.
const DOMAIN: &[u8] = b"navi sealed value 2\0";

/// A key that seals values. Its memory is wiped when it is dropped, and it does not print.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey([u8; KEY_BYTES]);

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(…)")
    }
}

impl DataKey {
    /// A new key from the operating system's generator.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut bytes = [0; KEY_BYTES];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(bytes))
    }

    /// A key that was made elsewhere.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// A key for `purpose` from a secret of any length, from which the secret cannot be computed.
    pub fn from_secret(secret: &[u8], purpose: &[u8]) -> Self {
        let mut derived = [0; KEY_BYTES];
        expand(secret, None, &[purpose], &mut derived);
        Self(derived)
    }

    /// A key for another purpose, from which this one cannot be computed.
    #[must_use]
    pub fn derive(&self, purpose: &[u8]) -> Self {
        Self::from_secret(&self.0, purpose)
    }

    /// The key itself, for the code that wraps it.
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

/// The operating system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandomness;

/// A sealed value does not open: it was changed, cut, moved to another place, or sealed with another
/// key. Which of these cannot be told, and must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed value does not open here: it was changed, moved, or sealed with another key")]
pub struct Unsealable;

/// Seals `plain` for the place that `place` names, unambiguously.
pub fn seal(key: &DataKey, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, NoRandomness> {
    let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD);
    sealed.resize(SALT_BYTES, 0);
    aws_lc_rs::rand::fill(&mut sealed).map_err(|_| NoRandomness)?;
    let derived = Derived::new(key, &sealed, place);
    sealed.extend_from_slice(derived.commitment());
    let text = derived
        .cipher()
        .encrypt(
            &Nonce::default(),
            Payload {
                msg: plain,
                aad: place,
            },
        )
        // The cipher fails only for texts beyond 64 GiB, which no memory of ours holds.
        .map_err(|_| NoRandomness)?;
    sealed.extend_from_slice(&text);
    Ok(sealed)
}

/// Opens what [`seal`] made with the same key for the same place. The text is wiped when dropped.
pub fn open(key: &DataKey, place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
    let (salt, rest) = sealed.split_at_checked(SALT_BYTES).ok_or(Unsealable)?;
    let (commitment, text) = rest.split_at_checked(COMMITMENT_BYTES).ok_or(Unsealable)?;
    let derived = Derived::new(key, salt, place);
    verify_slices_are_equal(commitment, derived.commitment()).map_err(|_| Unsealable)?;
    derived
        .cipher()
        .decrypt(
            &Nonce::default(),
            Payload {
                msg: text,
                aad: place,
            },
        )
        .map(Zeroizing::new)
        .map_err(|_| Unsealable)
}

/// The cipher's key and the commitment of one value.
struct Derived(Zeroizing<[u8; KEY_BYTES + COMMITMENT_BYTES]>);

impl Derived {
    fn new(key: &DataKey, salt: &[u8], place: &[u8]) -> Self {
        let mut both = Zeroizing::new([0; KEY_BYTES + COMMITMENT_BYTES]);
        expand(&key.0, Some(salt), &[DOMAIN, place], both.as_mut());
        Self(both)
    }

    fn cipher(&self) -> Aes256Gcm {
        let mut key = Key::<Aes256Gcm>::default();
        key.copy_from_slice(&self.0[..KEY_BYTES]);
        let cipher = Aes256Gcm::new(&key);
        key.zeroize();
        cipher
    }

    fn commitment(&self) -> &[u8] {
        &self.0[KEY_BYTES..]
    }
}

fn expand(key: &[u8], salt: Option<&[u8]>, info: &[&[u8]], out: &mut [u8]) {
    let hkdf = Hkdf::<Sha256>::new(salt, key);
    // HKDF refuses only outputs beyond 255 hashes; ours have two at most.
    let fits = hkdf.expand_multi_info(info, out);
    debug_assert!(fits.is_ok());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> DataKey {
        DataKey::from_bytes([byte; KEY_BYTES])
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_in_its_place_alone(plain: Vec<u8>, place: Vec<u8>, other: Vec<u8>) {
            let sealed = seal(&key(1), &place, &plain).unwrap();
            prop_assert_eq!(sealed.len(), plain.len() + OVERHEAD);
            let opened = open(&key(1), &place, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plain.as_slice());
            prop_assert_eq!(open(&key(2), &place, &sealed), Err(Unsealable));
            if other != place {
                prop_assert_eq!(open(&key(1), &other, &sealed), Err(Unsealable));
            }
        }

        #[test]
        fn no_changed_bit_and_no_cut_opens(plain: Vec<u8>, bit: prop::sample::Index, end: prop::sample::Index) {
            let sealed = seal(&key(1), b"here", &plain).unwrap();
            let mut changed = sealed.clone();
            let bit = bit.index(sealed.len() * 8);
            changed[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(open(&key(1), b"here", &changed), Err(Unsealable));
            let cut = &sealed[..end.index(sealed.len())];
            prop_assert_eq!(open(&key(1), b"here", cut), Err(Unsealable));
        }
    }

    #[test]
    fn the_same_text_is_sealed_differently_each_time() {
        let [one, two] = [(); 2].map(|()| seal(&key(1), b"here", b"text").unwrap());
        assert_ne!(one, two);
    }

    #[test]
    fn keys_are_not_printed_and_derived_keys_differ() {
        assert_eq!(format!("{:?}", key(7)), "DataKey(…)");
        let (one, two) = (key(7).derive(b"one"), key(7).derive(b"two"));
        assert_ne!(one.expose(), two.expose());
        assert_ne!(one.expose(), key(7).expose());
    }
}
