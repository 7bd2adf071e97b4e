//! Vote counts by rater, as the analyzer reads them.

use chrono::NaiveDate;

/// The subject and value of all answers, and the subject of insights about a whole category.
pub const ALL_ANSWERS: &str = "*";

/// Votes of one rater in one team on one value of a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct RaterTally {
    /// Subject; [`ALL_ANSWERS`] for the votes on every answer.
    pub subject: String,
    /// Value of the subject.
    pub value: String,
    /// Category, for [`ALL_ANSWERS`] alone.
    pub category: String,
    /// Team; empty without one.
    pub team: String,
    /// Rater.
    pub user: String,
    /// Votes, weighted by age.
    pub weighted: VoteCounts,
    /// Votes as they were given.
    pub raw: VoteCounts,
    /// Oldest week with a vote.
    pub first_week: NaiveDate,
    /// Newest week with a vote.
    pub last_week: NaiveDate,
}

/// Accepting and rejecting votes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VoteCounts {
    /// Votes for.
    pub accepted: f64,
    /// Votes against.
    pub rejected: f64,
}

impl VoteCounts {
    /// Returns the number of votes.
    pub fn total(self) -> f64 {
        self.accepted + self.rejected
    }

    /// Returns the sum of both counts.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            rejected: self.rejected + other.rejected,
        }
    }

    /// Returns the counts multiplied by a weight.
    #[must_use]
    pub fn scaled(self, weight: f64) -> Self {
        Self {
            accepted: self.accepted * weight,
            rejected: self.rejected * weight,
        }
    }
}

/// A rated answer, as far as insights name it as evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct RatedAnswer {
    /// Answer.
    pub gen_id: i64,
    /// Its owner.
    pub user: String,
    /// Team; empty without one.
    pub team: String,
    /// Category of the work.
    pub category: String,
    /// Traits of the answer that the catalogue knows.
    pub tags: Vec<String>,
    /// True while a vote stands; false once it was withdrawn.
    pub has_vote: bool,
}

/// The unit of integer weights. Integers, so that sums are the same in every order.
pub const WEIGHT_ONE: i64 = 1 << 20;

/// Weeks within the look-back, with their weights in parts of [`WEIGHT_ONE`].
#[derive(Clone, Debug, Default)]
pub struct WeekWeights {
    /// Mondays.
    pub weeks: Vec<NaiveDate>,
    /// Weight of each week.
    pub weights: Vec<i64>,
}
