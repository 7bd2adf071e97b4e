//! Outcomes of the actions of a stage, while it goes on.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::cli::load::actions::perform::Performed;
use crate::cli::load::measure::histogram::LatencyHistogram;
use crate::cli::load::measure::kind::{Moment, UserAction};
use crate::cli::load::report::measured::{ActionReport, MomentTimes};
use crate::platform::sync::lock;

/// Outcomes of the actions of a stage so far.
#[derive(Debug, Default)]
pub struct StageTally {
    actions: Mutex<BTreeMap<UserAction, ActionTally>>,
    lag: Mutex<LatencyHistogram>,
}

#[derive(Debug, Default)]
struct ActionTally {
    offered: u64,
    good: u64,
    failed: BTreeMap<String, u64>,
    times: BTreeMap<Moment, LatencyHistogram>,
}

impl StageTally {
    /// Counts an action. What failed before one of its moments counts there as `patience`.
    pub fn count(&self, action: UserAction, performed: &Performed, patience: Duration) {
        let mut actions = lock(&self.actions);
        let tally = actions.entry(action).or_default();
        tally.offered += 1;
        let taken = performed.marks.taken();
        // An end that was not good was no end for its user.
        let is_end = |moment| moment == Moment::End && performed.outcome.is_err();
        for (moment, took) in taken.iter().filter(|(moment, _)| !is_end(*moment)) {
            tally.times.entry(*moment).or_default().record(*took);
        }
        let Err(error) = &performed.outcome else {
            tally.good += 1;
            return;
        };
        *tally.failed.entry(error.to_string()).or_default() += 1;
        for moment in action.moments() {
            let came = taken.iter().any(|(taken, _)| taken == moment);
            if !came || is_end(*moment) {
                tally.times.entry(*moment).or_default().record(patience);
            }
        }
    }

    /// The number of actions that were counted.
    pub fn counted(&self) -> u64 {
        lock(&self.actions)
            .values()
            .map(|tally| tally.offered)
            .sum()
    }

    /// Counts how late an action was begun.
    pub fn count_lag(&self, lag: Duration) {
        lock(&self.lag).record(lag);
    }

    /// Delays with which actions were begun.
    pub fn lag(&self) -> MomentTimes {
        lock(&self.lag).clone().into()
    }

    /// All actions, by kind.
    pub fn report(&self) -> Vec<ActionReport> {
        let actions = lock(&self.actions);
        let one = |(action, tally): (&UserAction, &ActionTally)| ActionReport {
            action: *action,
            offered: tally.offered,
            good: tally.good,
            failed: tally.failed.clone(),
            times: tally
                .times
                .iter()
                .map(|(moment, histogram)| (*moment, histogram.clone().into()))
                .collect(),
        };
        actions.iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::cli::load::actions::error::ActionError;
    use crate::cli::load::actions::marks::Marks;

    #[test]
    fn what_fails_counts_as_long_as_its_user_would_have_waited() {
        let tally = StageTally::default();
        let patience = Duration::from_secs(30);
        for failed in [false, true] {
            let mut marks = Marks::since(Instant::now());
            if !failed {
                marks.reach(Moment::Answer);
            }
            let outcome = if failed {
                Err(ActionError::Connection)
            } else {
                Ok(())
            };
            tally.count(
                UserAction::Telemetry,
                &Performed { marks, outcome },
                patience,
            );
        }
        let report = &tally.report()[0];
        assert_eq!((report.offered, report.good), (2, 1));
        assert_eq!(report.failed["no connection"], 1);
        assert!(report.millis_to(Moment::Answer, 990).unwrap() >= 30_000.0);
        assert!(report.millis_to(Moment::Answer, 500).unwrap() < 30_000.0);
    }
}
