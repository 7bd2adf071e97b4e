//! The progress of a run, beside its conversation, that another process needs to go on.
//!
//! It is written with every step, in the transaction that writes the step, so that the two never
//! disagree. Values that can be computed are not in it: the run's spending is the sum of its calls' rows, the
//! state of its goal follows from its history, and its last words are in the conversation.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agent::prompt::plan::Progress;
use crate::agent::runner::usage::RunUsage;
use crate::feedback::model::Exposure;
use crate::llm::model::StopReason;
use crate::verify::detect::Check;
use crate::verify::left_out::LeftOut;
use crate::verify::model::Verification;
use crate::verify::run::CheckResult;

/// The state of a run between two steps. Fields that are missing, because an earlier version wrote
/// it, are those of a run that begins.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunState {
    /// The round; 0 before the first.
    pub iteration: u32,
    /// The number of times that an answer that was cut off was continued.
    pub continuations: u32,
    /// True once the model has called a tool in the way in which tools are called.
    pub calls_natively: bool,
    /// The times in a row that the model was told that a call as text is none.
    pub told_how_to_call: u32,
    /// The reason why the last answer ended.
    pub stop: Option<StopReason>,
    /// Where the run stands in its plan.
    pub progress: Option<Progress>,
    /// Its actions and its usage.
    #[serde(rename = "tally")]
    pub usage: RunUsage,
    /// The result of the last verification.
    pub verification: Verification,
    /// The memory from one verification to the next.
    pub rounds: Rounds,
    /// The time it was worked on, by all processes that did. Of a run under way: by those before this one.
    pub worked: Duration,
    /// The part of that in which it waited for providers that were away.
    pub waited: Duration,
    /// The times in a row that the model was asked to go on after an answer of nothing.
    pub nudges: u32,
    /// True if it paused, and goes on because its user wants it to.
    pub is_paused: bool,
    /// Ports of the servers that it started and that run. Of a run under way: of those that ended with
    /// another process, until the model was told.
    pub ports: Vec<u16>,
    /// The instructions of folders that its model was told.
    pub told: ToldInstructions,
    /// Which insights had a part in it.
    pub exposure: Exposure,
    /// The last thing that went wrong.
    pub last_error: Option<String>,
}

/// The instructions of folders that a model was told after a call: each once, unless the conversation was
/// shortened since.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToldInstructions {
    /// Their files.
    pub(crate) files: BTreeSet<String>,
    /// Their size together.
    pub(crate) bytes: usize,
}

/// The results of the checks before the first change.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Baseline {
    /// The checks, once they were looked for.
    pub(crate) checks: Option<Vec<Check>>,
    /// Their results before the first change.
    pub(crate) before: Option<Vec<CheckResult>>,
    /// Checks that are not run; each was told of once.
    #[serde(default)]
    pub(crate) left_out: Vec<LeftOut>,
    /// Folders of projects below the root whose checks were looked for.
    #[serde(default)]
    pub(crate) projects: BTreeSet<String>,
}

/// The memory from one verification to the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rounds {
    /// The failures of the last verification, and how often they came back.
    pub(crate) repeated: (BTreeSet<String>, u32),
    /// True if the model was already told that what fails failed before.
    pub(crate) told_of_old_failures: bool,
    /// The number of deeds at the last verification.
    pub(crate) deeds_seen: u32,
}
