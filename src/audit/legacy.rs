//! Payloads that the original service encrypted: Fernet (<https://github.com/fernet/spec>) under the
//! audit key itself, in a JSON wrapper.
//!
//! The wrapper's `key_id` was written and never read, and is often missing, so every key of the ring
//! is tried, the named one first. What was stored in the clear is passed through, as it was there.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use fernet::Fernet;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::audit::keyring::Keyring;

/// Why a payload of the original cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LegacyError {
    /// The wrapper says that it is encrypted and holds nothing.
    #[error("it is marked as encrypted but has no ciphertext")]
    NoCiphertext,
    /// None of the keys opens it.
    #[error("none of the audit keys opens it; add the old key to AUDIT_ENCRYPTION_KEYS_PREVIOUS")]
    NoKey,
    /// Its content is not JSON.
    #[error("its content is not JSON")]
    NotJson,
}

/// Opens a wrapper of the original's.
pub fn open(keys: &Keyring, wrapper: &Value) -> Result<Value, LegacyError> {
    if wrapper.get("encrypted").and_then(Value::as_bool) != Some(true) {
        return Ok(wrapper.clone());
    }
    let ciphertext = wrapper.get("ciphertext").and_then(Value::as_str);
    let ciphertext = ciphertext.ok_or(LegacyError::NoCiphertext)?;
    let named = wrapper.get("key_id").and_then(Value::as_str);
    let named = named.and_then(|id| keys.get(id).ok());
    let text = named
        .into_iter()
        .chain(keys.all())
        .find_map(|key| {
            let text = Zeroizing::new(URL_SAFE.encode(key.original.expose()));
            Fernet::new(&text)?.decrypt(ciphertext).ok()
        })
        .map(Zeroizing::new);
    let text = text.ok_or(LegacyError::NoKey)?;
    serde_json::from_slice(&text).map_err(|_| LegacyError::NotJson)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::audit::config::AuditConfig;
    use crate::platform::secret::SecretString;

    /// Made by the original's own code.
    const ORIGINAL_KEY: &str = "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM=";
    const OTHER_KEY: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";

    fn ring(current: &str, previous: Option<&str>) -> Keyring {
        let config = AuditConfig {
            audit_encryption_key: None,
            audit_encryption_key_id: "now".to_owned(),
            audit_encryption_keys_previous: previous
                .map(|key| SecretString::from(format!("old:{key}"))),
            audit_retention_days: 365,
            audit_checkpoint_seconds: 60,
            audit_witness_file: None,
        };
        Keyring::new(&config, current, false).unwrap()
    }

    #[test]
    fn what_the_original_encrypted_is_read_with_the_present_key_or_a_previous_one() {
        let cases = [
            (
                json!({"encrypted": true, "ciphertext": "gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD71iS6sj5-LYaGcmxX5A_E2ZsVqQ8ehZjrKk6_YHoO-nwzWJYkbep6vs-E3FcVXWW0Wp2uunjJAMLHMrvpJ27EE="}),
                json!({"query_params": {}}),
            ),
            (
                json!({"encrypted": true, "ciphertext": "gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD71iS6sj5-LYaGcmxX5A_E1Dgpqw7vSjI1nIbtss7yDyp8s0WXyEFTz9GVP-9Ghz7ZW24hM__HqYwTQ3AO7nU1_OVemwOQHUetT2V7jqlaRc", "key_id": "k1"}),
                json!({"query_params": {"q": "a b", "x": "é"}}),
            ),
            (
                json!({"encrypted": true, "key_id": "default", "ciphertext": "gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD71iS6sj5-LYaGcmxX5A_E0vO0vVTovQxTgBa8W9U9STaLuotMrrvyNqf2xmgDVTRpWZXSHUatYOZwV43UPQmuvVMSf5rc4P8m3HsGDHVq49"}),
                json!({"query_params": {"q": "a b", "x": "é"}}),
            ),
        ];
        for (wrapper, expected) in cases {
            for ring in [
                ring(ORIGINAL_KEY, None),
                ring(OTHER_KEY, Some(ORIGINAL_KEY)),
            ] {
                assert_eq!(open(&ring, &wrapper), Ok(expected.clone()));
            }
            assert_eq!(
                open(&ring(OTHER_KEY, None), &wrapper),
                Err(LegacyError::NoKey)
            );
        }
    }

    #[test]
    fn what_was_stored_in_the_clear_is_passed_through_and_emptiness_is_told() {
        let ring = ring(ORIGINAL_KEY, None);
        for plain in [
            json!({"query_params": {}}),
            json!({"encrypted": false, "error": "audit_encryption_failed"}),
            json!(null),
        ] {
            assert_eq!(open(&ring, &plain), Ok(plain.clone()));
        }
        let empty = json!({"encrypted": true});
        assert_eq!(open(&ring, &empty), Err(LegacyError::NoCiphertext));
    }
}
