//! Limits the distinct names that an organisation may introduce per hour, so that a client with a million
//! names does not fill the tables of hourly counts. Events beyond the limit are stored all the same.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// Name of the overflow bucket.
pub const OTHER: &str = "<other>";
/// The most types and versions of events per hour, and the most metrics.
const MAX_NAMES: usize = 500;
/// The most new error groups per hour.
const MAX_GROUPS: usize = 500;
/// The longest name that is not put into the overflow bucket, in bytes.
const MAX_BYTES: usize = 128;

/// The names of the current hour, by organisation. Each process has its own.
#[derive(Debug, Default)]
pub struct CardinalityLimiter {
    hour: DateTime<Utc>,
    orgs: HashMap<String, OrgNames>,
}

#[derive(Debug, Default)]
struct OrgNames {
    event_types: HashSet<(String, String)>,
    metrics: HashSet<(String, String)>,
    groups: usize,
}

impl CardinalityLimiter {
    /// Starts over if the hour has changed.
    pub fn start_hour(&mut self, now: DateTime<Utc>) {
        let hour = hour_of(now);
        if hour != self.hour {
            self.hour = hour;
            self.orgs.clear();
        }
    }

    /// Returns the type and version under which an event is counted.
    pub fn event_type(&mut self, org_id: &str, kind: &str, version: &str) -> (String, String) {
        let names = self.orgs.entry(org_id.to_owned()).or_default();
        admitted(&mut names.event_types, kind, version)
    }

    /// Returns the name and unit under which a measurement is counted.
    pub fn metric(&mut self, org_id: &str, name: &str, unit: &str) -> (String, String) {
        let names = self.orgs.entry(org_id.to_owned()).or_default();
        admitted(&mut names.metrics, name, unit)
    }

    /// Returns the number of error groups that an organisation may still create.
    pub fn groups_left(&self, org_id: &str) -> usize {
        MAX_GROUPS
            - self
                .orgs
                .get(org_id)
                .map_or(0, |names| names.groups.min(MAX_GROUPS))
    }

    /// Counts a new error group.
    pub fn add_group(&mut self, org_id: &str) {
        self.orgs.entry(org_id.to_owned()).or_default().groups += 1;
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

/// Returns the start of the hour of a moment.
pub fn hour_of(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::hours(1)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_first_hundreds_of_an_hour_are_counted_together() {
        let mut names = CardinalityLimiter::default();
        let now = DateTime::from_timestamp(1_764_000_000, 0).unwrap();
        names.start_hour(now);
        for n in 0..MAX_NAMES {
            assert_eq!(
                names.event_type("acme", &format!("k{n}"), "1").0,
                format!("k{n}")
            );
        }
        assert_eq!(
            names.event_type("acme", "new", "1"),
            (OTHER.to_owned(), String::new())
        );
        assert_eq!(
            names.event_type("acme", "k3", "1").0,
            "k3",
            "who is known stays known"
        );
        assert_eq!(
            names.event_type("other", "new", "1").0,
            "new",
            "organisations do not share"
        );
        names.start_hour(now + TimeDelta::hours(1));
        assert_eq!(
            names.event_type("acme", "new", "1").0,
            "new",
            "the next hour begins anew"
        );
    }

    #[test]
    fn new_groups_run_out_and_come_back_with_the_hour() {
        let mut names = CardinalityLimiter::default();
        let now = DateTime::from_timestamp(1_764_000_000, 0).unwrap();
        names.start_hour(now);
        for left in (1..=MAX_GROUPS).rev() {
            assert_eq!(names.groups_left("acme"), left);
            names.add_group("acme");
        }
        assert_eq!(names.groups_left("acme"), 0);
        names.start_hour(now + TimeDelta::hours(1));
        assert_eq!(names.groups_left("acme"), MAX_GROUPS);
    }
}
