//! Errors of operations on the audit log.

use crate::audit::config::KeyError;
use crate::audit::model::Log;
use crate::platform::database::storage::STORES_NOTHING;
use crate::vault::envelope::NoRandomness;

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An entry could not be written in time, so its action must not happen.
    #[error("the server could not write this to its audit log in time; nothing was changed")]
    Unavailable,
    /// The database stores nothing, so an entry could not be written.
    #[error("{STORES_NOTHING}; nothing was changed")]
    Full,
    /// The log takes no records until a person has looked, and the server's log says why.
    #[error(
        "the audit log of this organisation takes no records until its operator has looked (`navi \
         doctor` and the server's log say why); nothing was changed"
    )]
    Closed,
    /// The end of a log is not sealed with the key that it names, so this is another key or it was changed
    /// without the key.
    #[error(
        "the seal at the end of {0} does not fit its key, so nothing is appended to it. Compare \
         AUDIT_ENCRYPTION_KEY with the key that is kept: if it is the same, the end was changed without its key, \
         and `navi audit verify` shows the damage; restore it or, if the rest is intact, run `navi audit adopt \
         {flag} --broken-seal`",
        flag = .0.flag()
    )]
    Tampered(Log),
    /// The end of a log is sealed with a key that is not in the ring, so this server cannot tell if it was
    /// moved.
    #[error(
        "{log} is sealed with the key `{key}`, which this server does not have, so nothing is \
         appended to it: add the key to AUDIT_ENCRYPTION_KEYS_PREVIOUS or, if it is lost, run \
         `navi audit adopt {flag}`",
        flag = .log.flag()
    )]
    UnknownSeal {
        /// Log.
        log: Log,
        /// Name of the key.
        key: String,
    },
    /// A log has records or proofs, or the data folder or another log names it, and nothing says where it
    /// ends.
    #[error(
        "the end of {0} is missing although it had records, so nothing is appended to it: \
         restore it or, if the remaining records are intact, run `navi audit adopt {flag}`, with \
         `--rolled-back` if none remain. If this is a new database, give it its own data folder \
         (NAVI_DATA_DIR)",
        flag = .0.flag()
    )]
    EndMissing(Log),
    /// Two rows say where a log ends, which no table that navi made can hold.
    #[error(
        "{0} has two ends, so nothing is appended to it: `navi audit verify` shows the damage; \
         restore its tables"
    )]
    TwoEnds(Log),
    /// The tables of the log are not as navi made them.
    #[error(
        "nothing is appended to audit logs, because their tables were altered: {0}; see `navi \
         audit verify`"
    )]
    Reshaped(String),
    /// The database says that it wrote, and did not write all.
    #[error(
        "the database discarded a record of the audit log: a rule or a trigger was added to one \
         of its tables; see `navi audit verify`"
    )]
    Dropped,
    /// A checkpoint was kept outside the database, and the database has it no more.
    #[error(
        "the checkpoint of {seen} records of {log} is kept outside the database but missing in \
         it, so the log is not signed: `navi audit adopt {flag}` restores it",
        flag = .log.flag()
    )]
    CheckpointGone {
        /// Log.
        log: Log,
        /// Number of records signed.
        seen: i64,
    },
    /// A log cannot be adopted, because it does not fit by itself.
    #[error("{log} is not adopted, because its records are damaged: {problem}")]
    Unfit {
        /// Log.
        log: Log,
        /// First finding.
        problem: String,
    },
    /// This log has no records, so there is nothing to adopt.
    #[error("{0} has no records")]
    NoLog(Log),
    /// The logs are sealed with the key of a development server that is not this one's.
    #[error(
        "the audit logs of this database are sealed with the development key `{0}`, and this \
         server has a different one, because JWT_SECRET or the file `audit_encryption_key` in \
         the data folder changed: restore it, or add the key to AUDIT_ENCRYPTION_KEYS_PREVIOUS; \
         if it is lost, `navi audit adopt --all` continues without it"
    )]
    DevelopmentKeyLost(String),
    /// The server has another key under the name of the one that sealed the logs.
    #[error(
        "the audit logs of this database are sealed with another key than the one that this server \
         has under the name `{0}`, so nothing could be written: restore the key \
         (AUDIT_ENCRYPTION_KEY), or give the new one a name of its own (AUDIT_ENCRYPTION_KEY_ID) and \
         keep the old one in AUDIT_ENCRYPTION_KEYS_PREVIOUS"
    )]
    OtherKey(String),
    /// The caller's log has no such entry.
    #[error("audit entry `{0}` not found")]
    NotFound(String),
    /// A decryption needs its reason.
    #[error("`reason` must be 1 to {0} bytes")]
    Reason(usize),
    /// The sealed content cannot be opened, because its key was erased.
    #[error("the sealed content of this entry was erased")]
    Erased,
    /// The content was sealed with a key that this server does not have.
    #[error("this needs the audit key `{0}`; add it to AUDIT_ENCRYPTION_KEYS_PREVIOUS")]
    UnknownKey(String),
    /// The sealed content does not open.
    #[error("the sealed content of this entry was changed or moved and cannot be opened")]
    Unsealable,
    /// A proof was asked for a size that the log does not have.
    #[error("the log has {size} records, not {asked}")]
    NoSuchSize {
        /// Requested size.
        asked: i64,
        /// Number of records.
        size: i64,
    },
    /// The hashes that a proof needs are missing or wrong.
    #[error("the stored hashes of {0} are incomplete or wrong; see `navi audit verify`")]
    BrokenTree(String),
    /// The log does not continue the checkpoint that was signed before.
    #[error(
        "{log} has fewer than the {seen} records it had before, so it was rolled back, and \
         nothing is appended to it: restore it or, if the later records are lost, run `navi \
         audit adopt {flag} --rolled-back`",
        flag = .log.flag()
    )]
    RolledBack {
        /// Log.
        log: Log,
        /// Number of records signed.
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

impl Error {
    /// Seconds after which what was refused may be tried again: a full disk stays full for longer than a
    /// commit takes.
    pub fn seconds_to_wait(&self) -> u64 {
        if matches!(self, Self::Full) {
            30
        } else if matches!(self, Self::Closed) {
            60
        } else {
            1
        }
    }
}
