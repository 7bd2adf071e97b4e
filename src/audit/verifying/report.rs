//! The findings of a verification.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

/// The limits of a verification that is given nothing but a database or an export.
pub const NOT_FOUND: &str = "not detectable without a checkpoint kept elsewhere: that everything, the \
    server's own log included, was rolled back to an earlier state or removed; that a log was rolled back \
    to an end that it had since its last checkpoint, or the server's own log to its state when others were \
    last signed; and changes by a holder of the audit key";

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The record where it shows; 0 when it concerns the whole log.
    pub sequence: i64,
    /// Its entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_id: Option<Uuid>,
    /// The problem.
    pub problem: String,
}

impl Finding {
    /// One that concerns the whole log.
    pub fn whole(problem: String) -> Self {
        Self {
            sequence: 0,
            entry_id: None,
            problem,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry_id {
            Some(entry) => write!(
                f,
                "record {}, entry {entry}: {}",
                self.sequence, self.problem
            ),
            None => f.write_str(&self.problem),
        }
    }
}

/// The result of a verification.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whose log; empty for the server's own.
    pub org_id: String,
    /// True if everything is as it should be.
    pub ok: bool,
    /// The number of records that were looked at.
    pub records: u64,
    /// The number of the last one.
    pub size: i64,
    /// The number of checkpoints that held.
    pub checkpoints: u64,
    /// The number of held checkpoints without a trusted signature, because the key that signed them is
    /// retired and not among those given.
    pub unsigned_checkpoints: u64,
    /// The number of its checkpoints that the server's own log names, and that hold.
    pub named_checkpoints: u64,
    /// The size of the largest one that held: records beyond it are chained and not signed yet.
    pub signed_size: i64,
    /// Entries that began and whose end is not known.
    pub open: u64,
    /// Records that were erased as announced.
    pub erased: u64,
    /// The number of times that the log passed from one seal to another.
    pub handovers: u64,
    /// The record from which on a seal vouches for the log, when it was adopted without the seal before:
    /// older records are vouched for only by the checkpoints that held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole_since: Option<i64>,
    /// The record from which on the log goes on after records that were lost, as it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_before: Option<i64>,
    /// The faults, the first first.
    pub findings: Vec<Finding>,
}
