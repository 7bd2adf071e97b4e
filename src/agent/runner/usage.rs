//! What a run did and used: files, commands, calls, tokens, cost.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agent::model_call::SpendTotal;
use crate::retrieval::model::Retrieved;
use crate::tools::outcome::Effect;

/// The counts of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct RunUsage {
    /// Calls to the model.
    pub llm_calls: u32,
    /// Time spent waiting for the model.
    pub llm_time: Duration,
    /// Tokens and cost of all calls. Not part of what is stored: a run that goes on elsewhere takes
    /// them from the rows of its calls.
    #[serde(skip)]
    pub spent: SpendTotal,
    /// Tool calls.
    pub tool_calls: u32,
    /// Retrievals, as they will be recorded.
    pub retrievals: Vec<Retrieval>,
    /// Files that were read.
    pub read: BTreeSet<String>,
    /// Files that existed and were changed.
    pub modified: BTreeSet<String>,
    /// Files that were made.
    pub created: BTreeSet<String>,
    /// Effects of file tools.
    pub changes: u32,
    /// Commands that were run.
    pub commands: u32,
}

/// One retrieval.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Retrieval {
    /// What was looked for.
    pub query: String,
    /// Chunks that were put into the prompt.
    pub chunks: usize,
    /// How long it took.
    pub took: Duration,
    /// Their mean score.
    pub relevance: Option<f64>,
}

impl Default for RunUsage {
    fn default() -> Self {
        Self {
            llm_calls: 0,
            llm_time: Duration::ZERO,
            spent: SpendTotal::default(),
            tool_calls: 0,
            retrievals: Vec::new(),
            read: BTreeSet::new(),
            modified: BTreeSet::new(),
            created: BTreeSet::new(),
            changes: 0,
            commands: 0,
        }
    }
}

impl RunUsage {
    /// Adds what a tool did.
    pub fn add_effects(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Read(path) => {
                    self.read.insert(path.clone());
                }
                Effect::Created(path) => {
                    self.created.insert(path.clone());
                    self.changes += 1;
                }
                Effect::Modified(path) => {
                    // A file the run made itself stays a created one.
                    if !self.created.contains(path) {
                        self.modified.insert(path.clone());
                    }
                    self.changes += 1;
                }
                Effect::Ran { .. } => self.commands += 1,
            }
        }
    }

    /// How often something was done that may have changed the workspace. A command may change any
    /// file, so it counts as much as a file tool does.
    pub fn deeds(&self) -> u32 {
        self.changes.saturating_add(self.commands)
    }

    /// Notes a retrieval.
    pub fn retrieved(&mut self, query: &str, found: &Retrieved) {
        self.retrievals.push(Retrieval {
            query: query.to_owned(),
            chunks: found.chunks.len(),
            took: found.took,
            relevance: found.mean_score(),
        });
    }
}
