//! The way to the most users that are served well.

use serde::Deserialize;

use crate::cli::load::report::measured::{Knee, StageReport};

/// Times that the gap between the last good number of users and the first bad one is halved.
const HALVINGS: u32 = 2;

/// When users are served well no longer.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KneeRule {
    /// The part of actions that may fail.
    pub failed_at_most: f64,
    /// The factor by which the slowest hundredth may take longer than with the fewest users.
    pub slower_at_most: f64,
    /// The shortest time in milliseconds that this is a multiple of: below it, noise is most of a time.
    pub floor_ms: f64,
}

impl KneeRule {
    /// The faults of a stage, compared with the first one.
    pub fn faults(&self, stage: &StageReport, first: &StageReport) -> Vec<String> {
        let mut faults = Vec::new();
        for action in &stage.actions {
            let name = action.action.name();
            let failed = action.failed_part();
            if failed > self.failed_at_most {
                faults.push(format!("{name}: {:.1} % failed", failed * 100.0));
            }
            let before = first.actions.iter().find(|one| one.action == action.action);
            for moment in action.times.keys() {
                let then = before.and_then(|before| before.millis_to(*moment, 990));
                let now = action.millis_to(*moment, 990);
                if let (Some(then), Some(now)) = (then, now)
                    && now > then.max(self.floor_ms) * self.slower_at_most
                {
                    let moment = moment.name();
                    faults.push(format!(
                        "{name}: p99 to {moment} {now:.0} ms after {then:.0} ms"
                    ));
                }
            }
        }
        faults
    }
}

/// A search for the knee: doubling until something is not well, then halving the gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KneeSearch {
    good: u32,
    broken: Option<u32>,
    because: Vec<String>,
    halvings: u32,
}

impl KneeSearch {
    /// Notes what was not well with so many users.
    pub fn note(&mut self, users: u32, faults: Vec<String>) {
        let is_lower = self.broken.is_none_or(|broken| users < broken);
        if faults.is_empty() {
            self.good = self.good.max(users).min(self.broken.unwrap_or(u32::MAX));
        } else if is_lower {
            self.broken = Some(users);
            self.because = faults;
            self.good = self.good.min(users);
        }
    }

    /// The number of users to try next; none at the end of the search.
    pub fn next(&mut self, most: u32) -> Option<u32> {
        let Some(broken) = self.broken else {
            let next = self.good.saturating_mul(2).min(most);
            return (next > self.good).then_some(next);
        };
        if self.good == 0 || self.halvings == HALVINGS || broken - self.good < 2 {
            return None;
        }
        self.halvings += 1;
        Some(self.good.midpoint(broken))
    }

    /// The knee that was found, with the things that were used up there.
    pub fn found(self, used_up: Vec<String>) -> Knee {
        Knee {
            users: self.good,
            broken_at: self.broken,
            because: self.because,
            used_up,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The users that are tried when more than `limit` are too many.
    fn tried(limit: u32, most: u32) -> (Vec<u32>, Knee) {
        let mut search = KneeSearch::default();
        let judge = |users: u32| {
            if users > limit {
                vec!["too many".to_owned()]
            } else {
                Vec::new()
            }
        };
        search.note(100, judge(100));
        let mut all = Vec::new();
        while let Some(users) = search.next(most) {
            all.push(users);
            search.note(users, judge(users));
        }
        (all, search.found(Vec::new()))
    }

    #[test]
    fn users_are_doubled_until_they_are_too_many_and_then_the_gap_is_halved() {
        let (all, knee) = tried(700, 10_000);
        assert_eq!(all, [200, 400, 800, 600, 700]);
        assert_eq!((knee.users, knee.broken_at), (700, Some(800)));
    }

    #[test]
    fn the_search_ends_at_the_most_users() {
        let (all, knee) = tried(u32::MAX, 300);
        assert_eq!(all, [200, 300]);
        assert_eq!((knee.users, knee.broken_at), (300, None));
    }

    #[test]
    fn where_the_first_step_is_too_much_there_is_no_knee() {
        let (all, knee) = tried(50, 10_000);
        assert_eq!(all, [0_u32; 0]);
        assert_eq!((knee.users, knee.broken_at), (0, Some(100)));
    }
}
