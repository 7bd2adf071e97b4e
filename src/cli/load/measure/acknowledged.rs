//! The things that a server said it did: the rows that must be there afterwards.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Kinds of thing that a request leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptThing {
    /// Events of clients.
    Events,
    /// Ratings.
    Ratings,
    /// Answers that can be rated.
    Answers,
    /// Runs and jobs.
    Runs,
    /// The ends of runs and jobs.
    Ends,
    /// Entries of the audit log.
    Entries,
    /// Calls of a model.
    Calls,
    /// Tokens of these.
    Tokens,
}

impl KeptThing {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 8] = [
        Self::Events,
        Self::Ratings,
        Self::Answers,
        Self::Runs,
        Self::Ends,
        Self::Entries,
        Self::Calls,
        Self::Tokens,
    ];

    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Ratings => "ratings",
            Self::Answers => "answers of a model",
            Self::Runs => "runs",
            Self::Ends => "ends of runs",
            Self::Entries => "audit entries",
            Self::Calls => "calls of a model",
            Self::Tokens => "tokens of these",
        }
    }
}

/// Everything that was acknowledged by the end of a load.
#[derive(Clone, Debug, Default)]
pub struct Acknowledged {
    /// The events of each batch that were stored.
    pub batches: BTreeMap<String, u64>,
    /// The answers that were rated.
    pub ratings: BTreeSet<i64>,
    /// The answers of which a stream told the number.
    pub answers: BTreeSet<i64>,
    /// The runs whose number was told.
    pub runs: BTreeSet<Uuid>,
    /// Those of them whose end was told.
    pub ends: BTreeSet<Uuid>,
    /// Requests with an entry in the audit log that were answered as done.
    pub entries: u64,
    /// Calls that the model's provider answered, as far as it tells.
    pub calls: u64,
    /// Tokens that it reported.
    pub tokens: u64,
    unknown: BTreeMap<KeptThing, u64>,
}

impl Acknowledged {
    /// Notes that so many things are asked for. Until [`Self::answered`] it is unknown whether they are
    /// done.
    pub fn asked(&mut self, thing: KeptThing, count: u64) {
        *self.unknown.entry(thing).or_default() += count;
    }

    /// Notes that the answer to a request for so many things is there, whatever it says.
    pub fn answered(&mut self, thing: KeptThing, count: u64) {
        let unknown = self.unknown.entry(thing).or_default();
        *unknown = unknown.saturating_sub(count);
    }

    /// The number of things that may be done or not.
    pub fn unknown(&self, thing: KeptThing) -> u64 {
        self.unknown.get(&thing).copied().unwrap_or_default()
    }

    /// The number of things that were acknowledged.
    pub fn count(&self, thing: KeptThing) -> u64 {
        let len = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        match thing {
            KeptThing::Events => self.batches.values().sum(),
            KeptThing::Ratings => len(self.ratings.len()),
            KeptThing::Answers => len(self.answers.len()),
            KeptThing::Runs => len(self.runs.len()),
            KeptThing::Ends => len(self.ends.len()),
            KeptThing::Entries => self.entries,
            KeptThing::Calls => self.calls,
            KeptThing::Tokens => self.tokens,
        }
    }
}
