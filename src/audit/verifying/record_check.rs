//! Checks of a record by itself, and of erasures.

use std::collections::BTreeMap;

use crate::audit::erasing::erasure_statement;
use crate::audit::event::Event;
use crate::audit::record::{Record, digest};

/// The fault of a record whose content does not match its hashes or its mark of an erasure, if any.
pub fn misstated(record: &Record) -> Option<String> {
    if record.hash != record.computed_hash() {
        return Some("its content was changed".to_owned());
    }
    if record
        .payload
        .as_deref()
        .map(|payload| digest(payload).to_vec())
        != record.payload_digest
    {
        return Some("its payload was changed".to_owned());
    }
    let personal = &record.personal;
    let told = record.erased_by.is_none();
    if told && record.commitment != personal.commitment(record.entry_key.as_deref()) {
        return Some("who did it, to what, or its key was changed".to_owned());
    }
    let bare = personal.actor.is_none()
        && personal.actor_role.is_none()
        && personal.resource.is_none()
        && personal.blind.is_none()
        && record.entry_key.is_none();
    (!told && !bare).then(|| "it is marked as erased and is not".to_owned())
}

/// The erased records, and those that say so.
#[derive(Debug, Default)]
pub struct Erasures {
    /// The numbers of erased records, by that of the record that is to say so.
    erased: BTreeMap<i64, Vec<i64>>,
    /// The statements of records that announce an erasure.
    announced: BTreeMap<i64, String>,
}

impl Erasures {
    /// Takes the next record.
    pub fn record(&mut self, record: &Record) {
        match record.erased_by {
            Some(by) => self.erased.entry(by).or_default().push(record.sequence),
            None if record.event == Event::AuditErased => {
                let statement = record.statement.clone().unwrap_or_default();
                self.announced.insert(record.sequence, statement);
            }
            None => {}
        }
    }

    /// Unannounced erasures, and announcements of none, in a log of so many records that is here from its
    /// first record on or is not.
    pub fn problems(&self, size: i64, is_whole: bool) -> Vec<String> {
        let silent = self.erased.iter().filter_map(|(by, sequences)| {
            let said = self.announced.get(by) == Some(&erasure_statement(sequences));
            let is_due = *by <= size || is_whole;
            let first = sequences.first().copied().unwrap_or_default();
            (!said && is_due).then(|| {
                format!("record {first} and others were erased, which record {by} does not say")
            })
        });
        let empty = self.announced.iter().filter_map(|(by, statement)| {
            let is_empty = is_whole && !self.erased.contains_key(by);
            is_empty.then(|| format!("record {by} says \"{statement}\", which did not happen"))
        });
        silent.chain(empty).collect()
    }

    /// The number of records that were erased.
    pub fn count(&self) -> u64 {
        self.erased.values().map(|list| list.len() as u64).sum()
    }
}
