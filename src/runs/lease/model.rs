//! Claims of a worker, and the limits on them.

use std::time::Duration;

use serde_json::Value;

use crate::runs::model::{Run, RunClaim};

/// A run that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedRun {
    /// The run.
    pub run: Run,
    /// The claim that its worker writes with.
    pub claim: RunClaim,
    /// Its progress, as [`crate::agent::runner::state::RunState`]; absent for one that begins.
    pub state: Option<Value>,
    /// The results of its checks before its first change.
    pub baseline: Option<Value>,
    /// The number of times it was taken from a worker that was lost.
    pub takeovers: i32,
    /// True if it was taken from a lost worker this time.
    pub was_orphan: bool,
    /// The sequence number up to which its log agrees with its conversation.
    pub settled: i64,
    /// True if its user wants it to end.
    pub cancelled: bool,
    /// True if its request can be read. A run without a readable request is ended, and holds up no other.
    pub is_readable: bool,
}

impl ClaimedRun {
    /// A run that begins here, in the moment in which it was written.
    pub fn now(run: Run, claim: RunClaim) -> Self {
        Self {
            run,
            claim,
            state: None,
            baseline: None,
            takeovers: 0,
            was_orphan: false,
            settled: 0,
            cancelled: false,
            is_readable: true,
        }
    }
}

/// The most runs that may be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Of one organisation, in all processes together.
    pub per_org: i64,
    /// Of all organisations, in all processes together.
    pub total: i64,
}

/// The times of leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTimes {
    /// Lease duration after a renewal.
    pub lasts: Duration,
}

impl LeaseTimes {
    /// Leases that last so many seconds.
    pub fn of_seconds(seconds: u64) -> Self {
        Self {
            lasts: Duration::from_secs(seconds),
        }
    }

    /// The interval of renewals: twice may fail before the lease ends.
    pub fn renew_every(self) -> Duration {
        self.lasts / 3
    }
}
