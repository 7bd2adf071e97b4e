//! Why an operation on the audit log failed.

use crate::audit::config::KeyError;
use crate::audit::model::EntryId;
use crate::vault::envelope::NoRandomness;

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An entry could not be written in time, so what it is about must not happen.
    #[error("the audit log cannot be written, so nothing is changed")]
    Unavailable,
    /// The end of a log is not sealed with the key that it names: somebody else moved it.
    #[error("the end of {0} was changed by somebody without the key; see `navi audit verify`")]
    Tampered(String),
    /// There is no such entry in the caller's log.
    #[error("there is no audit entry `{0}`")]
    NotFound(EntryId),
    /// A decryption needs its reason.
    #[error("say why in `reason`, in 1 to {0} bytes")]
    Reason(usize),
    /// What is sealed cannot be opened, because its key is gone.
    #[error("what this entry sealed was erased")]
    Erased,
    /// What is sealed was sealed with a key that this server does not have.
    #[error("this needs the audit key `{0}`; name it in AUDIT_ENCRYPTION_KEYS_PREVIOUS")]
    UnknownKey(String),
    /// What is sealed does not open.
    #[error("what this entry sealed was changed or moved and does not open")]
    Unsealable,
    /// A proof was asked for a size that the log does not have.
    #[error("the log has {size} records and no {asked}")]
    NoSuchSize {
        /// What was asked for.
        asked: i64,
        /// How many there are.
        size: i64,
    },
    /// The hashes that a proof needs are not what they should be.
    #[error("the stored hashes of {0} are incomplete or wrong; see `navi audit verify`")]
    BrokenTree(String),
    /// The log does not continue what was signed before.
    #[error(
        "{log} does not continue the checkpoint of {seen} records that was signed before; the database was rolled back"
    )]
    RolledBack {
        /// Which log.
        log: String,
        /// How many records it had.
        seen: i64,
    },
    /// The keys cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The system gives no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// A checkpoint could not be signed.
    #[error("a checkpoint could not be signed")]
    Signing,
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
