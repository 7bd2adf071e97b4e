//! The raw data of a session of tasks: one row for each task, and what they have in common.

use serde::{Deserialize, Serialize};

use crate::cli::e2e::tasks::model::TaskKind;

/// Everything that was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct E2eData {
    /// The facts about all of them.
    pub session: SessionFacts,
    /// The tasks, in the order in which they ran.
    pub tasks: Vec<TaskData>,
}

/// The facts about a session that hold for all of its tasks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionFacts {
    /// The name of the files that hold it.
    pub name: String,
    /// The kind of provider; a simulated one is never called anything else.
    pub provider: ProviderKind,
    /// The model, as requests named it; of the script a word for all of them.
    pub model: String,
    /// The section of the budgets that it is held against.
    pub budget: String,
    /// True if all tasks of the folder were asked for.
    pub whole: bool,
    /// The origin of the server.
    pub server: ServerKind,
    /// The moment of its beginning.
    pub began_at: String,
    /// The machine, and what else it did.
    pub machine: String,
    /// Version and build of the program.
    pub program: String,
    /// Tasks that were done before, which count nowhere.
    #[serde(default)]
    pub warm_up: usize,
    /// Tasks that were not run.
    pub left_out: Vec<LeftOutTask>,
}

/// The kind of provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// A script: no model at all.
    Scripted,
    /// A model that infers.
    Real,
}

/// The origin of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerKind {
    /// Started for this, with a port, a data folder and a database of its own or a named one.
    Own,
    /// It ran already.
    Named,
}

/// A task that was not run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeftOutTask {
    /// Its name.
    pub id: String,
    /// The reason.
    pub why: String,
}

/// Tokens by kind. Input includes what came from the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedTokens {
    /// Of prompts.
    pub input: u64,
    /// Of those, from the cache.
    pub cache_read: u64,
    /// Of answers.
    pub output: u64,
}

impl CountedTokens {
    /// Both together.
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        Self {
            input: self.input + more.input,
            cache_read: self.cache_read + more.cache_read,
            output: self.output + more.output,
        }
    }

    /// The part that came after an earlier count.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            input: self.input.saturating_sub(before.input),
            cache_read: self.cache_read.saturating_sub(before.cache_read),
            output: self.output.saturating_sub(before.output),
        }
    }
}

/// A task as it was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskData {
    /// Its name.
    pub id: String,
    /// Its kind.
    pub kind: TaskKind,
    /// The language of its files.
    pub language: String,
    /// True if its stream was watched; otherwise it was a job.
    pub interactive: bool,
    /// The run, where one began.
    pub run_id: Option<String>,
    /// True if the stream kept the protocol to its end.
    pub protocol: bool,
    /// The reason of its end, as the run said it.
    pub stopped: Option<String>,
    /// Everything that was not as it should be; empty when all was.
    pub failures: Vec<String>,
    /// From the request to the first piece of an answer, text or call.
    pub first_token_ms: Option<f64>,
    /// From the request to the end of the stream; of one that did not end the time that it had.
    pub total_ms: f64,
    /// The parts of its time; only where the database could be read.
    pub shares: Option<TimeShares>,
    /// Calls to the model.
    pub calls: Option<u32>,
    /// Calls that came to their end.
    pub whole_calls: Option<u32>,
    /// Of those, the ones whose tokens the provider counted.
    pub counted_calls: Option<u32>,
    /// Tokens, as the run's summary says.
    pub tokens: CountedTokens,
    /// Tokens, as the ledger says; only where the database could be read.
    pub ledger: Option<CountedTokens>,
    /// Tokens, as the provider's own counters say, where it has any.
    pub provider: Option<CountedTokens>,
    /// Cost in US dollars; none when a price is unknown.
    pub cost_usd: Option<f64>,
}

impl TaskData {
    /// True if all was as it should be.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }

    /// The tokens by the provider's own counters and by the ledger, of a run whose calls were all counted:
    /// of one that broke off the provider never said what it took.
    pub fn both_counts(&self) -> Option<(CountedTokens, CountedTokens)> {
        let has_calls = self.calls.is_some_and(|calls| calls > 0);
        let is_whole = has_calls && self.calls == self.counted_calls;
        is_whole.then_some((self.provider?, self.ledger?))
    }
}

/// The parts of the time of a run, in milliseconds. Parts that overlap count in each of their rows, and once
/// in what is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeShares {
    /// The provider, pauses before it was asked again included.
    pub provider_ms: f64,
    /// Tools.
    pub tools_ms: f64,
    /// The search of the workspace for code that matters, before the first turn.
    #[serde(default)]
    pub search_ms: f64,
    /// The project's checks.
    pub checks_ms: f64,
    /// Questions and consents.
    pub people_ms: f64,
    /// The quarter of a second in which clients copy a file before it changes.
    pub copies_ms: f64,
    /// The rest: our own.
    pub own_ms: f64,
}

impl TimeShares {
    /// The same to the microsecond, which is more than the clocks agree in.
    #[must_use]
    pub fn rounded(self) -> Self {
        let round = |ms: f64| (ms * 1e3).round() / 1e3;
        Self {
            provider_ms: round(self.provider_ms),
            tools_ms: round(self.tools_ms),
            search_ms: round(self.search_ms),
            checks_ms: round(self.checks_ms),
            people_ms: round(self.people_ms),
            copies_ms: round(self.copies_ms),
            own_ms: round(self.own_ms),
        }
    }
}
