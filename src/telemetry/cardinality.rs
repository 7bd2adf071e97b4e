//! How many different names an organisation may bring up in an hour, so that a client which invents a
//! million of them fills no table that is meant to stay small. Their events are stored all the same.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// What is counted under one name together.
pub const OTHER: &str = "<other>";
/// The most different types and versions of events, and the most metrics.
const MAX_NAMES: usize = 500;
/// The most new groups of errors.
const MAX_GROUPS: usize = 500;
/// The longest name that is counted by itself, in bytes.
const MAX_BYTES: usize = 128;

/// The names of the present hour, by organisation. Each process counts for itself.
#[derive(Debug, Default)]
pub struct Cardinality {
    hour: DateTime<Utc>,
    seen: HashMap<String, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    kinds: HashSet<(String, String)>,
    metrics: HashSet<(String, String)>,
    groups: usize,
}

impl Cardinality {
    /// Begins anew when the hour has changed.
    pub fn at(&mut self, now: DateTime<Utc>) {
        let hour = hour_of(now);
        if hour != self.hour {
            self.hour = hour;
            self.seen.clear();
        }
    }

    /// The type and version under which an event is counted.
    pub fn kind(&mut self, org_id: &str, kind: &str, version: &str) -> (String, String) {
        let seen = self.seen.entry(org_id.to_owned()).or_default();
        admitted(&mut seen.kinds, kind, version)
    }

    /// The name and unit under which a measurement is counted.
    pub fn metric(&mut self, org_id: &str, name: &str, unit: &str) -> (String, String) {
        let seen = self.seen.entry(org_id.to_owned()).or_default();
        admitted(&mut seen.metrics, name, unit)
    }

    /// How many new groups of errors an organisation may still have.
    pub fn groups_left(&self, org_id: &str) -> usize {
        MAX_GROUPS
            - self
                .seen
                .get(org_id)
                .map_or(0, |seen| seen.groups.min(MAX_GROUPS))
    }

    /// Counts a new group of errors.
    pub fn new_group(&mut self, org_id: &str) {
        self.seen.entry(org_id.to_owned()).or_default().groups += 1;
    }
}

fn admitted(known: &mut HashSet<(String, String)>, name: &str, detail: &str) -> (String, String) {
    let pair = (name.to_owned(), detail.to_owned());
    if known.contains(&pair) {
        return pair;
    }
    if known.len() >= MAX_NAMES || name.len() > MAX_BYTES || detail.len() > MAX_BYTES {
        return (OTHER.to_owned(), String::new());
    }
    known.insert(pair.clone());
    pair
}

/// The beginning of the hour of a moment.
pub fn hour_of(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::hours(1)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_first_hundreds_of_an_hour_are_counted_together() {
        let mut names = Cardinality::default();
        let now = DateTime::from_timestamp(1_764_000_000, 0).unwrap();
        names.at(now);
        for n in 0..MAX_NAMES {
            assert_eq!(names.kind("acme", &format!("k{n}"), "1").0, format!("k{n}"));
        }
        assert_eq!(
            names.kind("acme", "new", "1"),
            (OTHER.to_owned(), String::new())
        );
        assert_eq!(
            names.kind("acme", "k3", "1").0,
            "k3",
            "who is known stays known"
        );
        assert_eq!(
            names.kind("other", "new", "1").0,
            "new",
            "organisations do not share"
        );
        names.at(now + TimeDelta::hours(1));
        assert_eq!(
            names.kind("acme", "new", "1").0,
            "new",
            "the next hour begins anew"
        );
    }

    #[test]
    fn new_groups_run_out_and_come_back_with_the_hour() {
        let mut names = Cardinality::default();
        let now = DateTime::from_timestamp(1_764_000_000, 0).unwrap();
        names.at(now);
        for left in (1..=MAX_GROUPS).rev() {
            assert_eq!(names.groups_left("acme"), left);
            names.new_group("acme");
        }
        assert_eq!(names.groups_left("acme"), 0);
        names.at(now + TimeDelta::hours(1));
        assert_eq!(names.groups_left("acme"), MAX_GROUPS);
    }
}
