//! Arrivals: which user begins what, and when. They are planned before the first request, so nothing that
//! the server does can move them.

use std::time::Duration;

use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::cli::load::measure::kind::{Scenario, UserAction};

/// The spreading of arrivals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Spacing {
    /// As strangers come who know nothing of each other.
    #[default]
    Poisson,
    /// One like the other.
    Even,
}

/// The beginning of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The time since the stage began.
    pub at: Duration,
    /// The action that begins.
    pub action: UserAction,
    /// The number of the user.
    pub user: u32,
}

/// The crowd of a stage.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Their mixture of actions.
    pub scenario: Scenario,
    /// Their number.
    pub users: u32,
    /// The factor by which they are quicker than usual.
    pub pace: f64,
    /// The spreading of their arrivals.
    pub spacing: Spacing,
}

impl Crowd {
    /// All arrivals within a time, earliest first. The same seed makes the same ones.
    pub fn arrivals(&self, lasts: Duration, seed: u64) -> Vec<Arrival> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut all = Vec::new();
        for (action, each) in self.scenario.mixture() {
            let rate = each * f64::from(self.users) * self.pace;
            let mut at = self.gap(rate, &mut rng);
            while at < lasts.as_secs_f64() {
                all.push(Arrival {
                    at: Duration::from_secs_f64(at),
                    action: *action,
                    user: rng.random_range(0..self.users.max(1)),
                });
                at += self.gap(rate, &mut rng);
            }
        }
        all.sort_by_key(|arrival| arrival.at);
        all
    }

    /// Seconds between two arrivals.
    fn gap(&self, rate: f64, rng: &mut StdRng) -> f64 {
        match self.spacing {
            Spacing::Even => 1.0 / rate,
            Spacing::Poisson => -(1.0 - rng.random::<f64>()).ln() / rate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(spacing: Spacing) -> Crowd {
        Crowd {
            scenario: Scenario::Mixed,
            users: 100,
            pace: 1.0,
            spacing,
        }
    }

    #[test]
    fn arrivals_come_at_the_rate_of_their_users() {
        for spacing in [Spacing::Even, Spacing::Poisson] {
            let arrivals = crowd(spacing).arrivals(Duration::from_secs(100), 7);
            // 10,000 are expected; six standard deviations are 600.
            assert!(
                (9_400..10_600).contains(&arrivals.len()),
                "{}",
                arrivals.len()
            );
            assert!(arrivals.is_sorted_by_key(|arrival| arrival.at));
            assert!(arrivals.iter().all(|arrival| arrival.user < 100));
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_arrivals() {
        let make = |seed| crowd(Spacing::Poisson).arrivals(Duration::from_secs(5), seed);
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }

    #[test]
    fn no_users_make_no_arrivals() {
        let empty = Crowd {
            users: 0,
            ..crowd(Spacing::Even)
        };
        assert_eq!(empty.arrivals(Duration::from_secs(5), 1), []);
    }
}
