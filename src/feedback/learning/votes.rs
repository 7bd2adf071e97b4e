//! Weights votes so that no single rater dominates a scope.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

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
/// The smallest share of a scope's raters that speaks for it: three of fourteen do, three of sixteen
/// do not.
const MIN_SHARE: f64 = 0.2;
/// The weight of a new rater in that share; beside it they are a share of those who are not new.
const NEW_RATER_WEIGHT: f64 = 0.5;
/// The number of days for which a rater is new, from the week of the first vote.
const NEW_RATER_DAYS: i64 = 21;
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RaterSplit<'a> {
    /// Raters in favour.
    pub in_favour: Vec<&'a str>,
    /// Raters against.
    pub against: Vec<&'a str>,
}

impl RaterSplit<'_> {
    /// Returns the split on the opposite question.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            in_favour: self.against,
            against: self.in_favour,
        }
    }

    /// True if more raters are in favour than against.
    pub fn is_majority(&self) -> bool {
        self.in_favour.len() > self.against.len()
    }

    /// True if the raters in favour may speak for a scope: at least two, two thirds of those with a
    /// preference, and a share of all raters of the scope. A user's own scope needs only that user.
    pub fn is_agreement(&self, group: &VoterGroup<'_>) -> bool {
        let (in_favour, against) = (self.in_favour.len(), self.against.len());
        match group.scope {
            InsightScope::Org | InsightScope::Team(_) => {
                in_favour >= MIN_RATERS
                    && in_favour * 3 >= (in_favour + against) * 2
                    && group
                        .electorate
                        .hears(self.in_favour.iter().copied(), group.scope)
            }
            InsightScope::User(_) => in_favour >= 1,
        }
    }
}

/// The audience of a conclusion, and all who may vote.
#[derive(Clone, Copy, Debug)]
pub struct VoterGroup<'a> {
    /// The scope of the conclusion.
    pub scope: &'a InsightScope,
    /// The raters of the organisation.
    pub electorate: &'a Electorate,
}

/// All raters of an organisation. Who speaks for everybody is a share of them and no number, or a few
/// accounts that agree beforehand could speak for an organisation of any size.
#[derive(Clone, Debug, Default)]
pub struct Electorate {
    raters: BTreeMap<String, Rater>,
}

#[derive(Clone, Debug)]
struct Rater {
    /// 1 for one who has rated for a while, less for a new one.
    weight: f64,
    teams: BTreeSet<String>,
}

impl Rater {
    fn is_new(&self) -> bool {
        self.weight < 1.0
    }
}

impl Electorate {
    /// Collects the raters of an organisation from its tallies.
    pub fn of<'a>(tallies: impl IntoIterator<Item = &'a RaterTally>, today: NaiveDate) -> Self {
        let mut raters: BTreeMap<String, Rater> = BTreeMap::new();
        for tally in tallies {
            let rater = raters.entry(tally.user.clone()).or_insert_with(|| Rater {
                weight: NEW_RATER_WEIGHT,
                teams: BTreeSet::new(),
            });
            if (today - tally.first_week).num_days() >= NEW_RATER_DAYS {
                rater.weight = 1.0;
            }
            rater.teams.insert(tally.team.clone());
        }
        Self { raters }
    }

    /// True if these raters are a large enough share of a scope.
    pub fn hears<'a>(
        &self,
        raters: impl IntoIterator<Item = &'a str>,
        scope: &InsightScope,
    ) -> bool {
        let in_scope = |(user, rater): &(&String, &Rater)| match scope {
            InsightScope::Org => true,
            InsightScope::Team(team) => rater.teams.contains(team),
            InsightScope::User(own) => *user == own,
        };
        let all: Vec<&Rater> = self
            .raters
            .iter()
            .filter(in_scope)
            .map(|(_, r)| r)
            .collect();
        let known = raters.into_iter().filter_map(|user| self.raters.get(user));
        let known: Vec<&Rater> = known.collect();
        let is_share = |of: fn(&Rater) -> f64| {
            let sum = |raters: &[&Rater]| raters.iter().map(|rater| of(rater)).sum::<f64>();
            sum(&known) + EPSILON >= sum(&all) * MIN_SHARE
        };
        // However many accounts are made, they do not speak for those who were there before.
        is_share(|rater| rater.weight) && is_share(|rater| f64::from(u8::from(!rater.is_new())))
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
    pub fn preference(&self, value: &str) -> RaterSplit<'a> {
        let mut split = RaterSplit::default();
        for (user, rater) in &self.raters {
            let (mut own, mut rest) = (VoteCounts::default(), VoteCounts::default());
            for (one, votes) in rater {
                let side = if *one == value { &mut own } else { &mut rest };
                *side = side.plus(votes.weighted);
            }
            let difference = Posterior::of(own).mean() - Posterior::of(rest).mean();
            if difference > EPSILON {
                split.in_favour.push(*user);
            } else if difference < -EPSILON {
                split.against.push(*user);
            }
        }
        split
    }

    /// Counts the raters who accept a value more than they reject it, and those who reject it more.
    pub fn acceptance(&self, value: &str) -> RaterSplit<'a> {
        let mut split = RaterSplit::default();
        for (user, rater) in &self.raters {
            let Some(votes) = rater.get(value) else {
                continue;
            };
            let VoteCounts { accepted, rejected } = votes.weighted;
            if accepted > rejected {
                split.in_favour.push(*user);
            } else if rejected > accepted {
                split.against.push(*user);
            }
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
    use chrono::NaiveDate;

    use super::{Electorate, ScopeVotes};
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
            first_week: "2026-06-01".parse().unwrap(),
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
        let preferring = votes.preference("brief");
        assert_eq!(preferring.in_favour, ["ada", "ben"]);
        assert_eq!(preferring.against, ["zoe"]);
        let accepting = votes.acceptance("brief");
        assert_eq!(accepting.in_favour, ["ada"]);
        assert_eq!(accepting.against, ["zoe"]);
        assert_eq!(votes.values(), ["brief", "detailed"]);
    }

    #[test]
    fn three_who_agree_beforehand_do_not_speak_for_many() {
        let today: NaiveDate = "2026-09-01".parse().unwrap();
        let plot = ["eve", "mal", "sly"];
        let electorate = |others: usize, is_plot_new: bool| {
            let others = (0..others).map(|n| tally(&format!("user-{n}"), "brief", 1.0, 0.0));
            let mut tallies: Vec<RaterTally> = others.collect();
            for user in plot {
                let mut tally = tally(user, "brief", 9.0, 0.0);
                if is_plot_new {
                    tally.first_week = today;
                }
                tallies.push(tally);
            }
            Electorate::of(&tallies, today)
        };
        let hears = |others, is_new| electorate(others, is_new).hears(plot, &InsightScope::Org);
        assert!(hears(0, true), "alone they are everybody");
        assert!(hears(12, false));
        assert!(!hears(13, false), "three of sixteen are less than a fifth");
        assert!(!hears(7, true), "new accounts count half");
        assert!(!hears(5, true), "new accounts do not speak for others");
        let crowd: Vec<String> = (0..10).map(|n| format!("new-{n}")).collect();
        let mut tallies = vec![
            tally("ada", "brief", 1.0, 0.0),
            tally("ben", "brief", 1.0, 0.0),
        ];
        tallies.extend(crowd.iter().map(|user| {
            let mut tally = tally(user, "brief", 9.0, 0.0);
            tally.first_week = today;
            tally
        }));
        let electorate = Electorate::of(&tallies, today);
        let crowd = || crowd.iter().map(String::as_str);
        assert!(!electorate.hears(crowd(), &InsightScope::Org));
        assert!(electorate.hears(crowd().chain(["ada"]), &InsightScope::Org));
        // A team is heard by its own members.
        let mut members = vec![
            tally("ada", "brief", 1.0, 0.0),
            tally("ben", "brief", 1.0, 0.0),
        ];
        members.extend((0..40).map(|n| tally(&format!("user-{n}"), "brief", 1.0, 0.0)));
        members
            .iter_mut()
            .skip(2)
            .for_each(|tally| tally.team.clear());
        let electorate = Electorate::of(&members, today);
        assert!(electorate.hears(["ada", "ben"], &InsightScope::Team("core".to_owned())));
        assert!(!electorate.hears(["ada", "ben"], &InsightScope::Org));
    }
}
