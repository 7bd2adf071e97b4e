//! What a worker takes, and how much it may take.

use std::time::Duration;

use serde_json::Value;

use crate::runs::model::{Run, RunClaim};

/// A run that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedRun {
    /// The run.
    pub run: Run,
    /// What its worker writes with.
    pub claim: RunClaim,
    /// How far it had come, as [`crate::agent::runner::state::RunState`]; absent for one that begins.
    pub state: Option<Value>,
    /// What its checks said before its first change.
    pub baseline: Option<Value>,
    /// How often it was taken from a worker that was lost.
    pub takeovers: i32,
    /// Whether that is how it was taken now.
    pub was_orphan: bool,
    /// How far its log agrees with its conversation.
    pub settled: i64,
    /// Whether its user wants it to end.
    pub cancelled: bool,
    /// Whether its request can be read. One that cannot is ended, and keeps nobody waiting.
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

/// How many runs may be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Of one organisation, in all processes together.
    pub per_org: i64,
    /// Of all organisations, in all processes together.
    pub total: i64,
}

/// How leases are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTimes {
    /// How long a lease lasts after it was renewed.
    pub lasts: Duration,
}

impl LeaseTimes {
    /// Leases that last so many seconds.
    pub fn of_seconds(seconds: u64) -> Self {
        Self {
            lasts: Duration::from_secs(seconds),
        }
    }

    /// How often it is renewed: twice may fail before it ends.
    pub fn renew_every(self) -> Duration {
        self.lasts / 3
    }
}
