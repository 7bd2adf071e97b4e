//! Following a log from key to key: each record names the key of the server that wrote it, and where
//! that changes, a record must hand the log over.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::audit::event::Event;
use crate::audit::note::VerifyingKey;
use crate::audit::record::Record;
use crate::audit::seals::handover::{Cause, Handover};
use crate::audit::seals::seal::{is_of_first_kind, key_of};
use crate::audit::verifying::report::Finding;

/// The keys under which a log was written so far.
#[derive(Debug, Default)]
pub struct KeyTrail {
    /// That of the last record.
    key: Option<String>,
    /// Keys that were handed away, each with the number of the last record before.
    retired: BTreeMap<String, i64>,
    /// The number of the last record for which no seal vouches.
    unvouched: i64,
    /// The numbers of the last records before some that were lost, and when the log went on.
    lost: Vec<(i64, DateTime<Utc>)>,
    /// Changes that no record hands over.
    sudden: Vec<Finding>,
    handovers: u64,
}

impl KeyTrail {
    /// Takes the next record. Answers what is wrong with it as a hand-over.
    pub fn record(&mut self, record: &Record, keys: &[VerifyingKey]) -> Option<String> {
        let key = record.key_id.clone();
        if record.event == Event::AuditHandedOver {
            let problem = self.hand_over(record, keys).err();
            self.key = key;
            return problem;
        }
        if let (Some(before), Some(now)) = (&self.key, &key)
            && before != now
        {
            self.sudden.push(Finding {
                sequence: record.sequence,
                entry_id: Some(record.entry_id),
                problem: format!(
                    "it is the first under the key `{now}`, and no record hands the log over from \
                     `{before}`"
                ),
            });
        }
        self.key = key;
        None
    }

    fn hand_over(&mut self, record: &Record, keys: &[VerifyingKey]) -> Result<(), String> {
        let statement = record.statement.as_deref().unwrap_or_default();
        let handover = Handover::open(statement, keys)
            .map_err(|error| format!("its hand-over cannot be trusted: {error}"))?;
        let fits = handover.log == record.org_id
            && handover.size + 1 == record.sequence
            && handover.head == *record.previous
            && record.key_id.as_deref() == Some(key_of(&handover.to));
        if !fits {
            return Err("its hand-over is that of another record".to_owned());
        }
        let from = key_of(&handover.from);
        match handover.cause {
            Cause::Rotated if self.key.as_deref().is_some_and(|key| key != from) => {
                return Err(format!(
                    "it hands over from `{from}`, under which the record before was not written"
                ));
            }
            Cause::Rotated => {}
            Cause::RolledBack => self.lose(handover.size, record.created_at),
            Cause::Lost | Cause::Broken | Cause::Missing => self.adopt(handover.size),
        }
        if is_of_first_kind(&handover.from) {
            // The versions that sealed so wrote no hand-overs.
            self.sudden.clear();
        }
        self.retired.insert(from.to_owned(), handover.size);
        self.handovers += 1;
        Ok(())
    }

    /// Takes a log as it is up to a record, for which no seal vouches.
    pub fn adopt(&mut self, size: i64) {
        self.unvouched = self.unvouched.max(size);
        self.sudden.clear();
    }

    /// True if a checkpoint of so many records, signed with this key that is not given, is one of which
    /// the log itself says that its key is gone.
    pub fn excuses(&self, key: &str, size: i64) -> bool {
        size <= self.unvouched || self.retired.get(key).is_some_and(|last| size <= *last)
    }

    /// Takes the records behind this one for lost before this time.
    pub fn lose(&mut self, size: i64, at: DateTime<Utc>) {
        self.lost.push((size, at));
    }

    /// True if what a checkpoint of so many records says, made at this time, is of records of which the
    /// log itself says that they were lost.
    pub fn is_lost(&self, size: i64, at: DateTime<Utc>) -> bool {
        self.lost
            .iter()
            .any(|(last, when)| size > *last && at <= *when)
    }

    /// The first record after the last ones that were lost.
    pub fn lost_before(&self) -> Option<i64> {
        self.lost.last().map(|(last, _)| last + 1)
    }

    /// Takes changes of key without a hand-over for those of versions that wrote none.
    pub fn excuse_all(&mut self) {
        self.sudden.clear();
    }

    /// The changes that no record hands over.
    pub fn sudden(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.sudden)
    }

    /// The number of hand-overs of the log.
    pub fn handovers(&self) -> u64 {
        self.handovers
    }

    /// The first record for which a seal vouches, if one was adopted without.
    pub fn whole_since(&self) -> Option<i64> {
        (self.unvouched > 0).then(|| self.unvouched + 1)
    }
}
