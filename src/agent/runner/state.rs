//! How far a run has come, beside its conversation: what another process needs to go on.
//!
//! It is written with every step, in the transaction that writes the step, so that the two never
//! disagree. What can be computed is not in it: what the run spent is the sum of its calls' rows,
//! where its goal stands follows from its history, and its last words are in the conversation.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agent::prompt::plan::Progress;
use crate::agent::runner::usage::Tally;
use crate::agent::steps::verification::Rounds;
use crate::feedback::model::Exposure;
use crate::llm::model::StopReason;
use crate::runs::event_data::Verification;

/// The state of a run between two steps. Fields that are missing, because an earlier version wrote
/// it, are those of a run that begins.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunState {
    /// The round; 0 before the first.
    pub iteration: u32,
    /// How often an answer that was cut off was continued.
    pub continuations: u32,
    /// How the last answer ended.
    pub stop: Option<StopReason>,
    /// Where the run stands in its plan.
    pub progress: Option<Progress>,
    /// What it did and used.
    pub tally: Tally,
    /// What the last verification said.
    pub verification: Verification,
    /// What is remembered from one verification to the next.
    pub rounds: Rounds,
    /// How long it was worked on, by all processes that did.
    pub worked: Duration,
    /// Ports of the servers that it started and that run.
    pub ports: Vec<u16>,
    /// Which insights had a part in it.
    pub exposure: Exposure,
    /// The last thing that went wrong.
    pub last_error: Option<String>,
}
