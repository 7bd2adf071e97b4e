//! What ratings add up to, as the analyzer reads it.

use chrono::NaiveDate;

/// Voices about a value, from one person in one team.
#[derive(Clone, Debug, PartialEq)]
pub struct Count {
    /// What it is about; `*` for all answers.
    pub subject: String,
    /// Which value.
    pub value: String,
    /// The category, for `*` alone.
    pub category: String,
    /// The team, empty when there is none.
    pub team: String,
    /// The person.
    pub user: String,
    /// Voices as they weigh today.
    pub weighed: Voices,
    /// Voices as they were given.
    pub plain: Voices,
    /// The newest week they are of.
    pub last_week: NaiveDate,
}

/// How many accepted and how many rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Voices {
    /// Voices for.
    pub accepted: f64,
    /// Voices against.
    pub rejected: f64,
}

impl Voices {
    /// All of them.
    pub fn total(self) -> f64 {
        self.accepted + self.rejected
    }

    /// These and others.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            rejected: self.rejected + other.rejected,
        }
    }

    /// As many times as much.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            accepted: self.accepted * factor,
            rejected: self.rejected * factor,
        }
    }
}

/// An answer that was rated, as far as insights name it as evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Rated {
    /// The answer.
    pub gen_id: i64,
    /// Whose.
    pub user: String,
    /// In which team, empty for none.
    pub team: String,
    /// What kind of work.
    pub category: String,
    /// What it was like: those tags that the catalogue knows.
    pub tags: Vec<String>,
    /// Whether anything is still said of it.
    pub judged: bool,
}

/// Weights are whole numbers of this part of a voice, so that sums are the same in every order.
pub const WEIGHT_ONE: i64 = 1 << 20;

/// A week that counts, and how much of [`WEIGHT_ONE`].
#[derive(Clone, Debug, Default)]
pub struct Weeks {
    /// Mondays.
    pub weeks: Vec<NaiveDate>,
    /// Their weights.
    pub weights: Vec<i64>,
}
