//! Weights votes so that no single rater dominates a scope.

use std::collections::BTreeMap;

use crate::feedback::learning::model::InsightScope;
use crate::feedback::learning::posterior::Posterior;
use crate::feedback::learning::tallies::{RaterTally, VoteCounts};

/// The smallest cap of a rater's weight, however few votes the others gave.
const MIN_CAP: f64 = 2.0;
/// A rater's weight is capped at this multiple of the median rater's. The median, not a share of the
/// total: a few very active raters raise the total but not the median.
const CAP_PER_MEDIAN: f64 = 2.0;
/// The fewest raters in favour for whom a shared scope says something.
const MIN_RATERS: usize = 2;
/// Differences of means below this are rounding.
const EPSILON: f64 = 1e-9;

/// Votes on one value.
#[derive(Clone, Copy, Debug, Default)]
struct ValueVotes {
    weighted: VoteCounts,
    raw: VoteCounts,
}

/// Votes of one rater on a subject, by value.
type RaterVotes<'a> = BTreeMap<&'a str, ValueVotes>;

/// Votes of a scope on a subject, by rater.
#[derive(Clone, Debug)]
pub struct ScopeVotes<'a> {
    raters: BTreeMap<&'a str, RaterVotes<'a>>,
}

/// A sum of votes over the raters of a scope.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VoteSum {
    /// Votes weighted by age, capped by rater.
    pub weighted: VoteCounts,
    /// Votes as they were given.
    pub raw: VoteCounts,
    /// Number of raters who voted.
    pub raters: i32,
}

/// Raters for and against; those without a preference are in neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RaterSplit {
    /// Raters in favour.
    pub in_favour: usize,
    /// Raters against.
    pub against: usize,
}

impl RaterSplit {
    /// Returns the split on the opposite question.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            in_favour: self.against,
            against: self.in_favour,
        }
    }

    /// True if more raters are in favour than against.
    pub fn is_majority(self) -> bool {
        self.in_favour > self.against
    }

    /// True if the raters in favour may speak for a scope: at least two, and two thirds of those with a
    /// preference. A user's own scope needs only that user.
    pub fn is_agreement(self, scope: &InsightScope) -> bool {
        match scope {
            InsightScope::Org | InsightScope::Team(_) => {
                self.in_favour >= MIN_RATERS
                    && self.in_favour * 3 >= (self.in_favour + self.against) * 2
            }
            InsightScope::User(_) => self.in_favour >= 1,
        }
    }
}

impl<'a> ScopeVotes<'a> {
    /// Collects the tallies of one subject that belong to a scope, and caps the raters of shared scopes.
    pub fn of(tallies: &[&'a RaterTally], scope: &InsightScope) -> Self {
        let mut raters: BTreeMap<&str, RaterVotes<'_>> = BTreeMap::new();
        for tally in tallies {
            if scope.includes(&tally.team, &tally.user) {
                let rater = raters.entry(&tally.user).or_default();
                let votes = rater.entry(&tally.value).or_default();
                votes.weighted = votes.weighted.plus(tally.weighted);
                votes.raw = votes.raw.plus(tally.raw);
            }
        }
        if matches!(scope, InsightScope::Org | InsightScope::Team(_)) {
            cap_raters(&mut raters);
        }
        Self { raters }
    }

    /// Returns the values with votes.
    pub fn values(&self) -> Vec<&'a str> {
        let mut values: Vec<&str> = self
            .raters
            .values()
            .flat_map(|rater| rater.keys().copied())
            .collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Sums the votes on the values that satisfy a predicate.
    pub fn sum_where(&self, predicate: impl Fn(&str) -> bool) -> VoteSum {
        let mut sum = VoteSum::default();
        for rater in self.raters.values() {
            let mut has_voted = false;
            for votes in rater.iter().filter(|(v, _)| predicate(v)).map(|(_, v)| v) {
                sum.weighted = sum.weighted.plus(votes.weighted);
                sum.raw = sum.raw.plus(votes.raw);
                has_voted = true;
            }
            sum.raters += i32::from(has_voted);
        }
        sum
    }

    /// Counts the raters who prefer a value to the others, and those who prefer the others. A rater
    /// without votes on the others is compared with the prior.
    pub fn preference(&self, value: &str) -> RaterSplit {
        let mut split = RaterSplit::default();
        for rater in self.raters.values() {
            let (mut own, mut rest) = (VoteCounts::default(), VoteCounts::default());
            for (one, votes) in rater {
                let side = if *one == value { &mut own } else { &mut rest };
                *side = side.plus(votes.weighted);
            }
            let difference = Posterior::of(own).mean() - Posterior::of(rest).mean();
            if difference > EPSILON {
                split.in_favour += 1;
            } else if difference < -EPSILON {
                split.against += 1;
            }
        }
        split
    }

    /// Counts the raters who accept a value more than they reject it, and those who reject it more.
    pub fn acceptance(&self, value: &str) -> RaterSplit {
        let mut split = RaterSplit::default();
        for votes in self.raters.values().filter_map(|rater| rater.get(value)) {
            let VoteCounts { accepted, rejected } = votes.weighted;
            split.in_favour += usize::from(accepted > rejected);
            split.against += usize::from(rejected > accepted);
        }
        split
    }
}

/// Scales down the votes of raters above the cap.
fn cap_raters(raters: &mut BTreeMap<&str, RaterVotes<'_>>) {
    let total = |rater: &RaterVotes<'_>| -> f64 {
        rater.values().map(|votes| votes.weighted.total()).sum()
    };
    let mut totals: Vec<f64> = raters.values().map(total).collect();
    totals.sort_unstable_by(f64::total_cmp);
    // The lower median: of two raters the more active one is capped.
    let Some(median) = totals.get(totals.len().saturating_sub(1) / 2) else {
        return;
    };
    let cap = (median * CAP_PER_MEDIAN).max(MIN_CAP);
    for rater in raters.values_mut() {
        let own = total(rater);
        if own > cap {
            for votes in rater.values_mut() {
                votes.weighted = votes.weighted.scaled(cap / own);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RaterSplit, ScopeVotes};
    use crate::feedback::learning::model::InsightScope;
    use crate::feedback::learning::tallies::{RaterTally, VoteCounts};

    fn tally(user: &str, value: &str, accepted: f64, rejected: f64) -> RaterTally {
        let votes = VoteCounts { accepted, rejected };
        RaterTally {
            subject: "length".to_owned(),
            value: value.to_owned(),
            category: String::new(),
            team: if user < "n" { "core" } else { "" }.to_owned(),
            user: user.to_owned(),
            weighted: votes,
            raw: votes,
            last_week: "2026-06-01".parse().unwrap(),
        }
    }

    #[test]
    fn a_very_active_rater_counts_twice_the_median() {
        let tallies = [
            tally("ada", "brief", 5.0, 0.0),
            tally("ben", "brief", 5.0, 1.0),
            tally("zoe", "brief", 0.0, 200.0),
        ];
        let tallies: Vec<&RaterTally> = tallies.iter().collect();
        let sum = |scope| ScopeVotes::of(&tallies, &scope).sum_where(|_| true);
        let org = sum(InsightScope::Org);
        assert_eq!((org.weighted.accepted, org.weighted.rejected), (10.0, 13.0));
        assert_eq!((org.raw.rejected, org.raters), (201.0, 3));
        let team = sum(InsightScope::Team("core".to_owned()));
        assert_eq!((team.weighted.rejected, team.raters), (1.0, 2));
        let own = sum(InsightScope::User("zoe".to_owned()));
        assert_eq!((own.weighted.rejected, own.raters), (200.0, 1));
    }

    #[test]
    fn raters_are_split_by_their_own_votes() {
        let tallies = [
            tally("ada", "brief", 3.0, 0.0),
            tally("ada", "detailed", 0.0, 3.0),
            tally("ben", "detailed", 0.0, 2.0),
            tally("zoe", "brief", 0.0, 2.0),
            tally("nil", "brief", 1.0, 1.0),
        ];
        let tallies: Vec<&RaterTally> = tallies.iter().collect();
        let votes = ScopeVotes::of(&tallies, &InsightScope::Org);
        let split = |in_favour, against| RaterSplit { in_favour, against };
        assert_eq!(votes.preference("brief"), split(2, 1));
        assert_eq!(votes.acceptance("brief"), split(1, 1));
        assert_eq!(votes.values(), ["brief", "detailed"]);
    }
}
