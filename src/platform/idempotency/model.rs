//! A key, the request it names, and the answer that is kept for it.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::platform::ids::{OrgId, UserId};

/// The longest key, in characters.
pub const MAX_KEY_CHARS: usize = 255;
/// The status of an answer that created something.
pub const OK: u16 = 200;

/// A client's name for a request, and the identity of that request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The name: 1 to [`MAX_KEY_CHARS`] visible ASCII characters.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub fingerprint: [u8; 32],
}

impl IdempotencyKey {
    /// The key of a request, unless it is none.
    pub fn new(key: &[u8], method: &str, path: &str, body: &[u8]) -> Option<Self> {
        let fits = (1..=MAX_KEY_CHARS).contains(&key.len());
        if !fits || !key.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        Some(Self {
            key: String::from_utf8_lossy(key).into_owned(),
            fingerprint: hash(&[method.as_bytes(), path.as_bytes(), body]),
        })
    }

    /// The number of the advisory lock that is held while a request with this key is worked on.
    pub fn lock(&self, org_id: &OrgId, user_id: &UserId) -> i64 {
        let owned = [org_id.as_str(), user_id.as_str(), &self.key];
        let hash = hash(&owned.map(str::as_bytes));
        let first = hash.iter().take(size_of::<i64>());
        first.fold(0, |number, byte| number << 8 | i64::from(*byte))
    }
}

/// The hash of several parts, none of which but the last may hold a zero byte.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update([0]);
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// An answer that was given before.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredAnswer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub answer: Value,
}

/// The state of a request when it begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// Nothing: it is to be worked on.
    Fresh,
    /// It was answered.
    Stored(StoredAnswer),
}

/// The result of a request that creates something.
#[derive(Clone, Debug, PartialEq)]
pub enum Created<T> {
    /// It was created now.
    Now(T),
    /// It was created by an earlier request with the same key.
    Before(StoredAnswer),
}

impl<T: Serialize> Created<T> {
    /// The id of the created thing, from its place in the answer, a JSON pointer.
    pub fn id(&self, pointer: &str) -> Option<String> {
        let id = match self {
            Self::Now(thing) => serde_json::to_value(thing).ok()?.pointer(pointer)?.clone(),
            Self::Before(stored) => stored.answer.pointer(pointer)?.clone(),
        };
        id.as_str().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: &str) -> Option<IdempotencyKey> {
        IdempotencyKey::new(key.as_bytes(), "POST", "/a", b"{}")
    }

    #[test]
    fn a_key_is_1_to_255_visible_characters() {
        for good in ["k", "\"8e03978e-40d5\"", &"x".repeat(255)] {
            assert_eq!(key(good).unwrap().key, good);
        }
        for bad in ["", "a b", "a\tb", "ä", "a\u{7f}", &"x".repeat(256)] {
            assert_eq!(key(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn another_method_path_or_body_is_another_request() {
        let of = |method, path, body: &str| {
            let key = IdempotencyKey::new(b"k", method, path, body.as_bytes()).unwrap();
            key.fingerprint
        };
        let one = of("POST", "/a", "{}");
        assert_eq!(one, of("POST", "/a", "{}"));
        let others = [
            of("PUT", "/a", "{}"),
            of("POST", "/a{", "}"),
            of("POST", "/a", "{ }"),
        ];
        assert!(others.iter().all(|other| *other != one));
    }

    #[test]
    fn everybodys_key_has_a_lock_of_its_own() {
        let lock = |org: &str, user: &str, name: &str| {
            key(name)
                .unwrap()
                .lock(&org.parse().unwrap(), &user.parse().unwrap())
        };
        let one = lock("o", "u", "k");
        assert_eq!(one, lock("o", "u", "k"));
        for other in [
            lock("ou", "k", "k"),
            lock("o", "v", "k"),
            lock("o", "u", "l"),
        ] {
            assert_ne!(one, other);
        }
    }
}
