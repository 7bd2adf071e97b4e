//! The settings of the audit log, and the keys that they name.

use std::path::PathBuf;

use clap::Args;

use crate::platform::secret::{ExposeSecret, SecretString};
use crate::vault::envelope::DataKey;
use crate::vault::key;
use crate::vault::key::NotAKey;

/// Sealing and retention of the audit log. It cannot be switched off.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Audit")]
pub struct AuditConfig {
    /// Key that seals the audit log: 32 random bytes in base64, as `navi keys generate audit` prints
    /// them.
    ///
    /// In development a missing key is derived from `JWT_SECRET`, so that servers that share a database
    /// and that secret share it; without one it is made once and kept in the data folder.
    #[arg(long, env = "AUDIT_ENCRYPTION_KEY", value_name = "KEY")]
    pub audit_encryption_key: Option<SecretString>,

    /// Name of that key, stored with every entry, so that the key can be replaced.
    #[arg(
        long,
        env = "AUDIT_ENCRYPTION_KEY_ID",
        value_name = "NAME",
        default_value = "default",
        value_parser = key_id
    )]
    pub audit_encryption_key_id: String,

    /// Keys that were in use before, `NAME:KEY` separated by commas: their entries stay readable.
    #[arg(long, env = "AUDIT_ENCRYPTION_KEYS_PREVIOUS", value_name = "KEYS")]
    pub audit_encryption_keys_previous: Option<SecretString>,

    /// Days for which audit entries are kept, in whole months; 0 keeps them for ever.
    ///
    /// Months leave only behind a signed checkpoint, so what stays can still be proved.
    #[arg(
        long,
        env = "AUDIT_RETENTION_DAYS",
        value_name = "DAYS",
        default_value_t = 365,
        value_parser = clap::value_parser!(i32).range(0..=36500)
    )]
    pub audit_retention_days: i32,

    /// Seconds between signed checkpoints of a log that grows.
    #[arg(
        long,
        env = "NAVI_AUDIT_CHECKPOINT_SECONDS",
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=86400)
    )]
    pub audit_checkpoint_seconds: u64,

    /// File to which every signed checkpoint is appended, one a line.
    ///
    /// This file is the witness of the logs outside the database: keep it out of reach of anyone who can
    /// write to the database, on another machine's disk or one that only takes appends.
    #[arg(long, env = "NAVI_AUDIT_WITNESS_FILE", value_name = "FILE")]
    pub audit_witness_file: Option<PathBuf>,
}

/// Why the keys cannot be used. Names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The present key is none.
    #[error("AUDIT_ENCRYPTION_KEY {0}; `navi keys generate audit` makes one")]
    Current(NotAKey),
    /// A previous key is not written as `NAME:KEY`.
    #[error("entry {0} of AUDIT_ENCRYPTION_KEYS_PREVIOUS is not NAME:KEY with 32 bytes in base64")]
    Previous(usize),
    /// Two keys have one name, so it would be a guess which of them sealed an entry.
    #[error("AUDIT_ENCRYPTION_KEYS_PREVIOUS names a key `{0}` that there is already")]
    Twice(String),
}

impl AuditConfig {
    /// The previous keys by their names, in the order given.
    pub fn previous_keys(&self) -> Result<Vec<(String, DataKey)>, KeyError> {
        let list = self.audit_encryption_keys_previous.iter();
        let entries = list
            .flat_map(|list| list.expose_secret().split(','))
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        let mut found: Vec<(String, DataKey)> = Vec::new();
        for (index, entry) in entries.enumerate() {
            let wrong = || KeyError::Previous(index + 1);
            let (name, text) = entry.split_once(':').ok_or_else(wrong)?;
            let name = key_id(name).map_err(|_| wrong())?;
            let key = key::parse(text).map_err(|_| wrong())?;
            if name == self.audit_encryption_key_id || found.iter().any(|(id, _)| *id == name) {
                return Err(KeyError::Twice(name));
            }
            found.push((name, key));
        }
        Ok(found)
    }
}

/// A key's name: 1 to 64 letters, digits, `-`, `_` and `.`.
fn key_id(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=64).contains(&text.len()) && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("1 to 64 letters, digits, `-`, `_` and `.`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn config(previous: &str) -> AuditConfig {
        AuditConfig {
            audit_encryption_key: None,
            audit_encryption_key_id: "now".to_owned(),
            audit_encryption_keys_previous: Some(SecretString::from(previous.to_owned())),
            audit_retention_days: 365,
            audit_checkpoint_seconds: 60,
            audit_witness_file: None,
        }
    }

    #[test]
    fn previous_keys_have_names_and_every_mistake_is_told_without_the_key() {
        let good = config(&format!("old:{KEY}, older:{KEY},"));
        let names: Vec<_> = good
            .previous_keys()
            .unwrap()
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        assert_eq!(names, ["old", "older"]);
        for (text, expected) in [
            (KEY.to_owned(), KeyError::Previous(1)),
            (format!("old:{KEY},older:short"), KeyError::Previous(2)),
            (format!("a b:{KEY}"), KeyError::Previous(1)),
            (format!("now:{KEY}"), KeyError::Twice("now".to_owned())),
            (format!("a:{KEY},a:{KEY}"), KeyError::Twice("a".to_owned())),
        ] {
            let found = config(&text).previous_keys().unwrap_err();
            assert!(!found.to_string().contains(KEY));
            assert_eq!(found, expected);
        }
    }
}
