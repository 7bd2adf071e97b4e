//! Verifying a log, record by record, with nothing but what it is given.
//!
//! What is found: a record that was changed, moved, taken out or put in; a payload, a name or a key
//! exchanged; an erasure that nobody announced; a beginning that was dropped without a signed base; a
//! log that does not have what a checkpoint says, and so one that was cut or rolled back behind it.
//! What is not: a log that was rolled back to a state of which no later checkpoint is given. That is
//! why checkpoints are kept elsewhere.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use crate::audit::erasing::erasure_statement;
use crate::audit::merkle::{Frontier, leaf};
use crate::audit::model::{Event, Phase};
use crate::audit::note::{Checkpoint, VerifyingKey};
use crate::audit::record::{NOTHING, Record, digest};

/// The most findings that are listed; one is enough to know.
const MAX_FINDINGS: usize = 20;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The record where it shows; 0 when it concerns the whole log.
    pub sequence: i64,
    /// Its entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_id: Option<Uuid>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry_id {
            Some(entry) => write!(
                f,
                "record {}, entry {entry}: {}",
                self.sequence, self.problem
            ),
            None => f.write_str(&self.problem),
        }
    }
}

/// What was verified.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whose log; empty for the server's own.
    pub org_id: String,
    /// Whether everything is as it should be.
    pub ok: bool,
    /// How many records were looked at.
    pub records: u64,
    /// The number of the last one.
    pub size: i64,
    /// How many checkpoints held.
    pub checkpoints: u64,
    /// The size of the largest one that held: records beyond it are chained and not signed yet.
    pub signed_size: i64,
    /// Entries that began and whose end is not known.
    pub open: u64,
    /// Records that were erased as announced.
    pub erased: u64,
    /// What is wrong, the first first.
    pub findings: Vec<Finding>,
}

/// Takes a log record by record.
#[derive(Debug)]
pub struct Verifier {
    org_id: String,
    keys: Vec<VerifyingKey>,
    frontier: Frontier,
    size: i64,
    head: Option<Vec<u8>>,
    records: u64,
    checkpoints: u64,
    signed_size: i64,
    open: HashSet<Uuid>,
    ended: HashSet<Uuid>,
    base: i64,
    erased: BTreeMap<i64, Vec<i64>>,
    announced: BTreeMap<i64, String>,
    /// Checkpoints that are to hold when the log is so long.
    awaited: BTreeMap<i64, Vec<Checkpoint>>,
    findings: Vec<Finding>,
}

impl Verifier {
    /// A verifier of a log from a record on, with the tree before it, which is empty before the first. What the tree says holds only
    /// once a checkpoint held after it.
    pub fn after(org_id: &str, keys: Vec<VerifyingKey>, frontier: Frontier) -> Self {
        let size = i64::try_from(frontier.size()).unwrap_or(i64::MAX);
        Self {
            org_id: org_id.to_owned(),
            keys,
            head: (size == 0).then(|| NOTHING.to_vec()),
            frontier,
            size,
            records: 0,
            checkpoints: 0,
            signed_size: 0,
            open: HashSet::new(),
            ended: HashSet::new(),
            base: size,
            erased: BTreeMap::new(),
            announced: BTreeMap::new(),
            awaited: BTreeMap::new(),
            findings: Vec::new(),
        }
    }

    /// The checkpoint behind which older months were dropped: without one nothing may be missing.
    pub fn base(&mut self, note: Option<&str>) {
        if self.base == 0 {
            return;
        }
        let opened = note.map(|note| Checkpoint::open(note, &self.keys));
        match opened {
            Some(Ok(base)) if base.is_base && base.size == self.size && base.log == self.org_id => {
                if base.root != self.frontier.root() {
                    self.whole("the tree before the first record is not the signed one".to_owned());
                }
                self.head = Some(base.head.to_vec());
            }
            Some(Ok(_) | Err(_)) | None => self.whole(format!(
                "the first {} records are missing, and no signed base says that they were dropped",
                self.size
            )),
        }
    }

    /// A checkpoint that was kept elsewhere: the log must come to it.
    pub fn await_checkpoint(&mut self, note: &str) {
        match Checkpoint::open(note, &self.keys) {
            Ok(checkpoint) if checkpoint.log == self.org_id => self.expect(checkpoint),
            Ok(_) => self.whole("a checkpoint is of another log".to_owned()),
            Err(error) => self.whole(format!("a checkpoint cannot be trusted: {error}")),
        }
    }

    fn expect(&mut self, checkpoint: Checkpoint) {
        match checkpoint.size.cmp(&self.size) {
            Ordering::Equal => self.hold(&checkpoint),
            Ordering::Greater => {
                let awaited = self.awaited.entry(checkpoint.size).or_default();
                awaited.push(checkpoint);
            }
            // Of what came before the first record that is given nothing can be said.
            Ordering::Less if checkpoint.size <= self.base => {}
            Ordering::Less => self.whole(format!(
                "a checkpoint of {} records came after record {}",
                checkpoint.size, self.size
            )),
        }
    }

    fn hold(&mut self, checkpoint: &Checkpoint) {
        let head = self.head.as_deref();
        if checkpoint.root == self.frontier.root()
            && head.is_none_or(|head| head == checkpoint.head)
        {
            self.checkpoints += 1;
            self.signed_size = self.signed_size.max(checkpoint.size);
        } else {
            self.whole(format!(
                "the first {} records are not those of the checkpoint signed at {}",
                checkpoint.size, checkpoint.at
            ));
        }
    }

    /// The next record.
    pub fn record(&mut self, record: &Record) {
        self.records += 1;
        if let Some(problem) = self.misplaced(record).or_else(|| misstated(record)) {
            self.found(record, problem);
        }
        if let Some(problem) = self.out_of_phase(record) {
            self.found(record, problem.to_owned());
        }
        match record.erased_by {
            Some(by) => self.erased.entry(by).or_default().push(record.sequence),
            None if record.event == Event::AuditErased => {
                let statement = record.statement.clone().unwrap_or_default();
                self.announced.insert(record.sequence, statement);
            }
            None => {}
        }
        // The hash as it should be, so that one change is one finding and not one for every record
        // after it.
        self.head = Some(record.hash.clone());
        self.size = record.sequence;
        self.frontier.push(leaf(&record.hash));
        if let Some(checkpoints) = self.awaited.remove(&self.size) {
            for checkpoint in checkpoints {
                self.hold(&checkpoint);
            }
        }
    }

    fn misplaced(&self, record: &Record) -> Option<String> {
        if record.org_id != self.org_id {
            return Some("it belongs to another log".to_owned());
        }
        if record.sequence != self.size + 1 {
            return Some(format!(
                "record {} was expected: some were taken out, put in or moved",
                self.size + 1
            ));
        }
        let follows = self
            .head
            .as_ref()
            .is_none_or(|head| *head == record.previous);
        (!follows).then(|| "it does not follow the record before it".to_owned())
    }

    fn out_of_phase(&mut self, record: &Record) -> Option<&'static str> {
        match record.phase {
            Phase::Begun => (!self.open.insert(record.entry_id)).then_some("it begins twice"),
            Phase::Completed => {
                let begun = self.open.remove(&record.entry_id) || self.base > 0;
                let first = self.ended.insert(record.entry_id);
                (!begun || !first).then_some("it ends without a beginning, or twice")
            }
            Phase::Noted => None,
        }
    }

    fn found(&mut self, record: &Record, problem: String) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding {
                sequence: record.sequence,
                entry_id: Some(record.entry_id),
                problem,
            });
        }
    }

    /// Something that concerns the whole log.
    pub fn whole(&mut self, problem: String) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding {
                sequence: 0,
                entry_id: None,
                problem,
            });
        }
    }

    /// The size and the hash of the last record.
    pub fn end(&self) -> (i64, &[u8]) {
        (self.size, self.head.as_deref().unwrap_or(&NOTHING))
    }

    /// All that can be said.
    pub fn finish(mut self) -> Report {
        let short: Vec<i64> = self.awaited.keys().copied().collect();
        for size in short {
            self.whole(format!(
                "the log ends at record {}, and a checkpoint was signed over {size}",
                self.size
            ));
        }
        let erased = std::mem::take(&mut self.erased);
        for (by, sequences) in &erased {
            let statement = erasure_statement(sequences);
            if self.announced.get(by) != Some(&statement) && (*by <= self.size || self.base == 0) {
                self.whole(format!(
                    "record {} and others were erased, which record {by} does not say",
                    sequences.first().copied().unwrap_or_default()
                ));
            }
        }
        for (by, statement) in std::mem::take(&mut self.announced) {
            if !erased.contains_key(&by) && self.base == 0 {
                self.whole(format!(
                    "record {by} says \"{statement}\", which did not happen"
                ));
            }
        }
        Report {
            ok: self.findings.is_empty(),
            org_id: self.org_id,
            records: self.records,
            size: self.size,
            checkpoints: self.checkpoints,
            signed_size: self.signed_size,
            open: u64::try_from(self.open.len()).unwrap_or(u64::MAX),
            erased: erased.values().map(|list| list.len() as u64).sum(),
            findings: self.findings,
        }
    }
}

/// What a record says that its hashes do not.
fn misstated(record: &Record) -> Option<String> {
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
