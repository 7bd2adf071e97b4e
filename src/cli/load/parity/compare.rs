//! Lost things and counted things.

use std::collections::BTreeSet;

use crate::cli::load::measure::acknowledged::{Acknowledged, KeptThing};
use crate::cli::load::parity::store::StoredRows;
use crate::cli::load::report::measured::ParityLine;
use crate::cli::load::watch::exposition::Exposition;

/// The sides of a comparison.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// The acknowledged things.
    pub acknowledged: &'a Acknowledged,
    /// The stored rows, where the database is known.
    pub stored: Option<&'a StoredRows>,
    /// The metrics of all servers before and after, if none of them was started again meanwhile.
    pub metrics: Option<(&'a Exposition, &'a Exposition)>,
    /// False if others may have used the same servers or organisations.
    pub alone: bool,
}

impl Comparison<'_> {
    /// A line for every kind of thing that was asked for.
    pub fn lines(&self) -> Vec<ParityLine> {
        let lines = KeptThing::ALL.into_iter().map(|thing| self.line(thing));
        lines
            .filter(|line| line.acknowledged + line.unknown > 0)
            .collect()
    }

    fn line(&self, thing: KeptThing) -> ParityLine {
        ParityLine {
            thing,
            acknowledged: self.acknowledged.count(thing),
            unknown: self.acknowledged.unknown(thing),
            stored: self.stored.map(|stored| stored_count(stored, thing)),
            lost: self.stored.map_or(0, |stored| self.lost(stored, thing)),
            open: match self.stored {
                Some(stored) if thing == KeptThing::Runs => stored.open,
                Some(_) | None => 0,
            },
            counted: self.counted(thing),
            alone: self.alone,
        }
    }

    /// The things that were acknowledged and are not there, one by one: more of some would hide fewer of
    /// others.
    fn lost(&self, stored: &StoredRows, thing: KeptThing) -> u64 {
        let ours = self.acknowledged;
        match thing {
            KeptThing::Events => ours
                .batches
                .iter()
                .map(|(batch, events)| {
                    events.saturating_sub(stored.batches.get(batch).copied().unwrap_or_default())
                })
                .sum(),
            KeptThing::Ratings => missing(&ours.ratings, &stored.ratings),
            KeptThing::Answers => missing(&ours.answers, &stored.answers),
            KeptThing::Runs => missing(&ours.runs, &stored.runs),
            KeptThing::Ends => missing(&ours.ends, &stored.ends),
            KeptThing::Entries => ours.entries.saturating_sub(stored.entries),
            KeptThing::Calls => ours.calls.saturating_sub(stored.calls),
            KeptThing::Tokens => ours.tokens.saturating_sub(stored.tokens),
        }
    }

    fn counted(&self, thing: KeptThing) -> Option<u64> {
        let (before, after) = self.metrics?;
        let grown = |name, labels: &[(&str, &str)]| {
            after.sum_with(name, labels) - before.sum_with(name, labels)
        };
        let count = match thing {
            KeptThing::Events => grown("navi_telemetry_events_total", &[("outcome", "stored")]),
            KeptThing::Ratings => grown("navi_feedback_ratings_total", &[]),
            KeptThing::Ends => grown("aep_task_completion_time_ms_count", &[]),
            KeptThing::Calls => grown("aep_llm_calls_total", &[]),
            KeptThing::Tokens => grown("aep_llm_tokens_total", &[]),
            KeptThing::Answers | KeptThing::Runs | KeptThing::Entries => return None,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count, far below 2^52"
        )]
        Some(count.max(0.0).round() as u64)
    }
}

fn missing<T: Ord>(ours: &BTreeSet<T>, stored: &BTreeSet<T>) -> u64 {
    u64::try_from(ours.difference(stored).count()).unwrap_or(u64::MAX)
}

fn stored_count(stored: &StoredRows, thing: KeptThing) -> u64 {
    let len = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
    match thing {
        KeptThing::Events => stored.batches.values().sum(),
        KeptThing::Ratings => len(stored.ratings.len()),
        KeptThing::Answers => len(stored.answers.len()),
        KeptThing::Runs => len(stored.runs.len()),
        KeptThing::Ends => len(stored.ends.len()),
        KeptThing::Entries => stored.entries,
        KeptThing::Calls => stored.calls,
        KeptThing::Tokens => stored.tokens,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acknowledged() -> Acknowledged {
        let mut all = Acknowledged::default();
        all.asked(KeptThing::Events, 30);
        all.answered(KeptThing::Events, 20);
        all.batches.insert("a".to_owned(), 10);
        all.batches.insert("b".to_owned(), 10);
        all
    }

    fn line(stored: &[(&str, u64)], counted: Option<u64>, alone: bool) -> ParityLine {
        let stored = StoredRows {
            batches: stored
                .iter()
                .map(|(batch, events)| ((*batch).to_owned(), *events))
                .collect(),
            ..StoredRows::default()
        };
        let (mut before, mut after) = (Exposition::default(), Exposition::default());
        before.add("navi_telemetry_events_total{outcome=\"stored\"} 5");
        let now = 5 + counted.unwrap_or_default();
        after.add(&format!(
            "navi_telemetry_events_total{{outcome=\"stored\"}} {now}"
        ));
        let acknowledged = acknowledged();
        let comparison = Comparison {
            acknowledged: &acknowledged,
            stored: Some(&stored),
            metrics: counted.map(|_| (&before, &after)),
            alone,
        };
        let mut lines = comparison.lines();
        assert_eq!(lines.len(), 1, "only events were asked for");
        lines.remove(0)
    }

    #[test]
    fn what_was_acknowledged_stored_and_counted_alike_has_no_fault() {
        let line = line(&[("a", 10), ("b", 10)], Some(20), true);
        assert_eq!(
            (line.acknowledged, line.unknown, line.fault()),
            (20, 10, None)
        );
    }

    #[test]
    fn a_batch_whose_answer_was_lost_may_be_stored_or_not() {
        let line = line(&[("a", 10), ("b", 10), ("c", 10)], Some(30), true);
        assert_eq!(line.fault(), None);
    }

    #[test]
    fn a_batch_that_is_too_large_hides_no_lost_one() {
        let line = line(&[("a", 10), ("c", 10)], Some(20), true);
        assert_eq!((line.lost, line.stored), (10, Some(20)));
        assert_eq!(line.fault().unwrap(), "10 of 20 are lost");
    }

    #[test]
    fn more_than_was_asked_for_is_a_fault_unless_others_ask_too() {
        let rows = [("a", 10), ("b", 10), ("c", 10), ("d", 1)];
        let fault = line(&rows, None, true).fault().unwrap();
        assert_eq!(fault, "31 are stored, and 30 were asked for");
        assert_eq!(line(&rows, None, false).fault(), None);
    }

    #[test]
    fn what_is_stored_and_not_counted_is_a_fault() {
        let rows = [("a", 10), ("b", 10)];
        let fault = line(&rows, Some(19), true).fault().unwrap();
        assert_eq!(fault, "19 are counted, and 20 are stored");
        assert!(line(&rows, Some(19), false).fault().is_some());
        assert_eq!(line(&rows, Some(21), false).fault(), None);
    }
}
