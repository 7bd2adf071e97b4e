//! The settings of encryption at rest.

use clap::Args;

use crate::platform::secret::SecretString;

/// Which key seals what is stored.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Encryption at rest")]
pub struct VaultConfig {
    /// Key of AWS KMS that seals the tokens of connected accounts: its id, ARN or alias. Required in
    /// production.
    #[arg(long, env = "TOKEN_ENCRYPTION_KEY_ID", value_name = "KEY")]
    pub token_encryption_key_id: Option<String>,

    /// Key that seals them instead on a developer's machine, as `navi keys generate token` prints it.
    #[arg(long, env = "DEV_ENCRYPTION_KEY", value_name = "KEY")]
    pub dev_encryption_key: Option<SecretString>,
}
