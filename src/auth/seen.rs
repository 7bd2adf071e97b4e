//! Tokens whose signatures were found good a moment ago.
//!
//! A client sends the same token with every request, and a public-key signature takes longer to
//! verify than all the rest. Only that is saved: whether the key is still the provider's, the
//! times and the parties are looked at every time.

use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};

use crate::auth::claims::Claims;
use crate::auth::jws::PublicKey;
use crate::platform::sync::lock;

/// The most tokens that are remembered. A token has one place, so a newer one may push it out.
const PLACES: u16 = 4096;

/// A token that was verified.
struct Verified {
    digest: [u8; 32],
    key: Arc<PublicKey>,
    claims: Arc<Claims>,
}

/// Remembers tokens by the hash of all their bytes, the signature included.
pub struct Seen {
    places: Vec<Mutex<Option<Verified>>>,
}

impl Default for Seen {
    /// Nothing seen yet.
    fn default() -> Self {
        Self {
            places: (0..PLACES).map(|_| Mutex::new(None)).collect(),
        }
    }
}

impl Seen {
    /// The claims of the token, if this very key was found to have signed it; otherwise the result
    /// of `verify`, which is remembered when it is good.
    pub fn or_verify<E>(
        &self,
        token: &str,
        key: &Arc<PublicKey>,
        verify: impl FnOnce() -> Result<Claims, E>,
    ) -> Result<Arc<Claims>, E> {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        let place = &self.places[usize::from(u16::from_be_bytes([hash[0], hash[1]]) % PLACES)];
        {
            let known = lock(place);
            if let Some(known) = known.as_ref()
                && known.digest == hash
                && Arc::ptr_eq(&known.key, key)
            {
                return Ok(known.claims.clone());
            }
        }
        // Not under the lock: others whose tokens share the place must not wait for it.
        let claims = Arc::new(verify()?);
        *lock(place) = Some(Verified {
            digest: hash,
            key: key.clone(),
            claims: claims.clone(),
        });
        Ok(claims)
    }
}
