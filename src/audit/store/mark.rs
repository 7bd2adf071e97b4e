//! The mark by which the server's own log names the beginning of another log.

use sha2::{Digest, Sha256};

use crate::platform::hex::hex;

/// The trace of that record, which has an index: nothing else of it may be the same twice.
pub fn mark(log: &str) -> String {
    let mut hasher = Sha256::new_with_prefix("navi audit beginning 1\0");
    hasher.update(log);
    let hash: [u8; 32] = hasher.finalize().into();
    hex(&hash[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_log_has_a_mark_of_its_own() {
        assert_eq!(mark("acme"), mark("acme"));
        assert_ne!(mark("acme"), mark("acme "));
        assert_eq!(mark("acme").len(), 32);
    }
}
