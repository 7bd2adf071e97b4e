//! Why a value could not be sealed or opened.

use crate::vault::envelope::{NoRandomness, Unsealable};

/// A failed operation of the vault. Cheap to clone, because those who wait for one call share its
/// outcome; says nothing of any value or key but its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is nothing to seal with.
    #[error(
        "no key is configured for sealing: set TOKEN_ENCRYPTION_KEY_ID to the ARN of a KMS key"
    )]
    NotConfigured,
    /// The value names a key that is not among the configured ones. It may be a forger's own.
    #[error(
        "the value is sealed with `{0}`, which is not configured here: add it to \
         TOKEN_ENCRYPTION_KEYS_PREVIOUS if it is yours"
    )]
    UnknownKey(String),
    /// KMS could not be reached or did not answer in time.
    #[error("KMS cannot be reached or does not answer in time")]
    Unreachable,
    /// KMS limits the rate of requests.
    #[error("KMS limits the rate of requests")]
    Throttled,
    /// KMS failed on its side.
    #[error("KMS failed on its side")]
    Failing,
    /// The key is disabled, or is waiting to be deleted.
    #[error("the key `{0}` is disabled or about to be deleted: enable it in KMS")]
    KeyDisabled(String),
    /// There is no such key.
    #[error("KMS key `{0}` not found")]
    KeyNotFound(String),
    /// The data key was wrapped by another key than the value says.
    #[error("the data key was not wrapped by the key `{0}`")]
    WrongKey(String),
    /// KMS does not let this server use the key.
    #[error(
        "KMS denies this server the key `{0}`: it needs kms:GenerateDataKey, kms:Decrypt and \
         kms:DescribeKey, and valid credentials"
    )]
    Denied(String),
    /// KMS could not be asked, for instance because no region or no credentials are configured.
    #[error("KMS cannot be used: set AWS_REGION and credentials, or give the key as an ARN")]
    Unasked,
    /// KMS refused for another reason.
    #[error("KMS refused with {0}")]
    Refused(String),
    /// KMS answered with another key than was asked for, or with none.
    #[error("KMS answered with a different key, or with none")]
    Garbled,
    /// The wrapped data key does not open here: it was changed or belongs to another organisation or
    /// purpose.
    #[error("the wrapped data key does not open here: it was changed or moved")]
    InvalidDataKey,
    /// The value does not open here.
    #[error(transparent)]
    Unsealable(#[from] Unsealable),
    /// The bytes are of no format that is known.
    #[error("the bytes are not a sealed value")]
    Malformed,
    /// The system gave no random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl Error {
    /// True when the same request may succeed in a moment, without any repair.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable | Self::Throttled | Self::Failing)
    }

    /// True when this one value does not open, however often it is tried.
    pub fn is_of_the_value(&self) -> bool {
        matches!(
            self,
            Self::InvalidDataKey | Self::Unsealable(_) | Self::Malformed | Self::WrongKey(_)
        )
    }
}
