//! The settings of the vault.

use std::path::Path;

use clap::Args;

use crate::platform::secret::SecretString;
use crate::platform::secret_file::SecretFileError;
use crate::vault::key::NotAKey;

/// The file in the data folder that holds the development key.
pub const DEVELOPMENT_KEY_FILE: &str = "dev_encryption_key";

/// The keys that seal what may not lie in the database in the clear, such as connectors' tokens.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Vault")]
pub struct VaultConfig {
    /// KMS key that wraps data keys: its ARN, id or alias.
    ///
    /// Region and credentials come from where the AWS tools look for them; an ARN names its region.
    #[arg(long, env = "TOKEN_ENCRYPTION_KEY_ID", value_name = "KEY")]
    pub token_encryption_key_id: Option<String>,

    /// KMS keys that were in use before, separated by commas: what they seal can be opened until
    /// `navi vault rewrap` has renewed it.
    #[arg(
        long,
        env = "TOKEN_ENCRYPTION_KEYS_PREVIOUS",
        value_name = "KEYS",
        value_delimiter = ','
    )]
    pub token_encryption_keys_previous: Vec<String>,

    /// Key for development without KMS: 32 random bytes in base64, as Fernet keys are. Refused in
    /// production.
    ///
    /// In development a missing key is made once and kept in the data folder.
    #[arg(long, env = "DEV_ENCRYPTION_KEY", value_name = "KEY")]
    pub dev_encryption_key: Option<SecretString>,
}

/// Where a development key may come from.
#[derive(Clone, Copy, Debug)]
pub enum DevelopmentKey<'a> {
    /// From nowhere, whatever is set.
    Never,
    /// From the setting alone.
    Set,
    /// From the setting, or made once in this folder.
    Made(&'a Path),
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The development key is none. The text is not repeated.
    #[error("DEV_ENCRYPTION_KEY {0}; without it one is created in the data folder")]
    Development(NotAKey),
    /// The made key could not be kept.
    #[error(transparent)]
    File(#[from] SecretFileError),
}

impl VaultConfig {
    /// The KMS keys that were in use before.
    pub(crate) fn previous(&self) -> Vec<String> {
        let ids = self.token_encryption_keys_previous.iter();
        let ids = ids.map(|id| id.trim()).filter(|id| !id.is_empty());
        ids.map(str::to_owned).collect()
    }
}
