//! The trees that a log is to have, and who says so.

use chrono::{DateTime, Utc};

use crate::audit::record::Hash;

/// A tree that a log is to have at some size.
#[derive(Debug)]
pub struct Awaited {
    /// The number of records.
    pub size: i64,
    /// The root of the tree over them.
    pub root: Hash,
    /// The hash of the last one, if that is said.
    pub head: Option<Hash>,
    /// Who says so.
    pub source: Source,
}

/// Who says what a log was.
#[derive(Debug)]
pub enum Source {
    /// A checkpoint that a given key signed.
    Signed(DateTime<Utc>),
    /// A checkpoint of a key that is not given.
    Unsigned {
        /// When it was signed.
        at: DateTime<Utc>,
        /// The name of the key.
        key: String,
    },
    /// A record of the server's own log.
    Named {
        /// The number of the record.
        by: i64,
        /// When it was written.
        at: DateTime<Utc>,
    },
    /// A checkpoint of another log, about the server's own.
    Beside {
        /// The other log.
        log: String,
        /// When it was signed.
        at: DateTime<Utc>,
    },
}

impl Source {
    /// When it said so.
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Signed(at)
            | Self::Unsigned { at, .. }
            | Self::Named { at, .. }
            | Self::Beside { at, .. } => *at,
        }
    }

    /// Whose records they are to be.
    pub fn said(&self) -> String {
        match self {
            Self::Signed(at) | Self::Unsigned { at, .. } => {
                format!("of the checkpoint signed at {at}")
            }
            Self::Named { by, .. } => format!("that record {by} of the server's own log names"),
            Self::Beside { log, .. } => format!("that a checkpoint of the log of `{log}` names"),
        }
    }

    /// The words about a size that the log does not come to.
    pub fn says(&self, size: i64) -> String {
        match self {
            Self::Signed(_) | Self::Unsigned { .. } => {
                format!("a checkpoint was signed over {size}")
            }
            Self::Named { by, .. } => {
                format!("record {by} of the server's own log names {size}")
            }
            Self::Beside { log, .. } => {
                format!("a checkpoint of the log of `{log}` names {size}")
            }
        }
    }
}

/// A contradiction to what was known of the log at some time, which is none if the log says that this
/// was lost.
#[derive(Debug)]
pub struct Contradiction {
    /// The number of records that were known of.
    pub size: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// The problem.
    pub problem: String,
}
