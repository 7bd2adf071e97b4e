//! The entry of the server's own log that names the beginning of another: found by the other's name.

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// The entry for a log of this name.
pub fn mark(log: &str) -> Uuid {
    let mut hasher = Sha256::new_with_prefix("navi audit beginning 1\0");
    hasher.update(log);
    let hash: [u8; 32] = hasher.finalize().into();
    let (halves, _) = hash.as_chunks::<16>();
    Builder::from_custom_bytes(halves.first().copied().unwrap_or_default()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_log_has_an_entry_of_its_own() {
        assert_eq!(mark("acme"), mark("acme"));
        assert_ne!(mark("acme"), mark("acme "));
        assert_eq!(mark("acme").get_version_num(), 8);
    }
}
