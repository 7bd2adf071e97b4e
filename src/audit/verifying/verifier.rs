//! Verifying a log, record by record, with nothing but what it is given.
//!
//! It finds a record that was changed, moved, taken out or put in; a payload, a name or a key exchanged; an
//! unannounced erasure; a beginning that was dropped without a signed base; a log that does not have what a
//! checkpoint says, and so one that was cut or rolled back behind it. It does not find a log that was rolled
//! back to a state of which no later checkpoint is given. That is why checkpoints are kept elsewhere.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::audit::model::Phase;
use crate::audit::note::{Checkpoint, NoteError, VerifyingKey};
use crate::audit::record::{Hash, NOTHING, Record};
use crate::audit::tree::merkle::{Frontier, leaf};
use crate::audit::verifying::awaited::{Awaited, Contradiction, Source};
use crate::audit::verifying::key_trail::KeyTrail;
use crate::audit::verifying::record_check::{Erasures, misstated};
use crate::audit::verifying::report::{Finding, Report};
use crate::audit::witnessing::statement::NamedCheckpoint;

/// The most findings that are listed; one is enough to know.
const MAX_FINDINGS: usize = 20;

/// Takes a log record by record.
#[derive(Debug)]
pub struct Verifier {
    org_id: String,
    keys: Vec<VerifyingKey>,
    frontier: Frontier,
    size: i64,
    head: Option<Vec<u8>>,
    last_at: Option<DateTime<Utc>>,
    records: u64,
    checkpoints: u64,
    named: u64,
    /// The keys and sizes of checkpoints that hold and whose keys are not given.
    unsigned: Vec<(String, i64)>,
    signed_size: i64,
    trail: KeyTrail,
    open: HashSet<Uuid>,
    ended: HashSet<Uuid>,
    base: i64,
    erasures: Erasures,
    /// The checkpoints that must hold, by the size of the log at which they do.
    awaited: BTreeMap<i64, Vec<Awaited>>,
    contradictions: Vec<Contradiction>,
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
            last_at: None,
            records: 0,
            checkpoints: 0,
            named: 0,
            unsigned: Vec::new(),
            signed_size: 0,
            trail: KeyTrail::default(),
            open: HashSet::new(),
            ended: HashSet::new(),
            base: size,
            erasures: Erasures::default(),
            awaited: BTreeMap::new(),
            contradictions: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// The checkpoint behind which older months were dropped: without one nothing may be missing.
    pub fn base(&mut self, note: Option<&str>) {
        if self.base == 0 {
            return;
        }
        let opened = note.map(|note| self.opened(note));
        match opened {
            Some(Ok((base, key)))
                if base.is_base && base.size == self.size && base.log == self.org_id =>
            {
                if base.root != self.frontier.root() {
                    self.whole("the tree before the first record is not the signed one".to_owned());
                }
                self.head = Some(base.head.to_vec());
                self.unsigned.extend(key.map(|key| (key, base.size)));
            }
            Some(Ok(_) | Err(_)) | None => self.whole(format!(
                "the first {} records are missing, and no signed base says that they were dropped",
                self.size
            )),
        }
    }

    /// A checkpoint, and the name of the key that signed it if that key is not given.
    fn opened(&self, note: &str) -> Result<(Checkpoint, Option<String>), NoteError> {
        match Checkpoint::open(note, &self.keys) {
            Ok(checkpoint) => Ok((checkpoint, None)),
            Err(NoteError::Malformed) => Err(NoteError::Malformed),
            Err(NoteError::Unsigned) => {
                let read = Checkpoint::read(note)?;
                // One that names a given key and is not signed by it was forged.
                if self.keys.iter().any(|key| key.id == read.key) {
                    return Err(NoteError::Unsigned);
                }
                Ok((read.checkpoint, Some(read.key)))
            }
        }
    }

    /// A checkpoint that was kept elsewhere: the log must come to it.
    ///
    /// One of a key that is not given must hold too, and proves nothing; it is excused only when the
    /// log says that its key is gone.
    pub fn await_checkpoint(&mut self, note: &str) {
        let (checkpoint, key) = match self.opened(note) {
            Ok((checkpoint, _)) if checkpoint.log != self.org_id => {
                return self.whole("a checkpoint is of another log".to_owned());
            }
            Ok(opened) => opened,
            Err(error) => return self.whole(format!("a checkpoint cannot be trusted: {error}")),
        };
        let at = checkpoint.at;
        self.expect(Awaited {
            size: checkpoint.size,
            root: checkpoint.root,
            head: Some(checkpoint.head),
            source: match key {
                None => Source::Signed(at),
                Some(key) => Source::Unsigned { at, key },
            },
        });
    }

    /// A checkpoint with which nothing is compared: it must be signed all the same.
    pub fn check_signature(&mut self, note: &str) {
        match self.opened(note) {
            Ok((checkpoint, key)) => self.unsigned.extend(key.map(|key| (key, checkpoint.size))),
            Err(error) => self.whole(format!("a checkpoint cannot be trusted: {error}")),
        }
    }

    /// A checkpoint that the server's own log names: the log must come to it.
    pub fn await_named(&mut self, named: &NamedCheckpoint) {
        self.expect(Awaited {
            size: named.size,
            root: named.root,
            head: None,
            source: Source::Named {
                by: named.by,
                at: named.at,
            },
        });
    }

    /// The server's own log as a checkpoint of another log describes it: the log must come to it.
    pub fn await_beside(&mut self, log: &str, at: DateTime<Utc>, (size, root): (i64, Hash)) {
        self.expect(Awaited {
            size,
            root,
            head: None,
            source: Source::Beside {
                log: log.to_owned(),
                at,
            },
        });
    }

    /// Something that was known of so many records at some time, and is not so.
    pub fn contradicted(&mut self, size: i64, at: DateTime<Utc>, problem: String) {
        self.contradictions
            .push(Contradiction { size, at, problem });
    }

    fn expect(&mut self, awaited: Awaited) {
        match awaited.size.cmp(&self.size) {
            Ordering::Equal => self.hold(awaited),
            Ordering::Greater => self.awaited.entry(awaited.size).or_default().push(awaited),
            // Of what came before the first record that is given nothing can be said.
            Ordering::Less if awaited.size <= self.base => {
                if let Source::Unsigned { key, .. } = awaited.source {
                    self.unsigned.push((key, awaited.size));
                }
            }
            Ordering::Less => self.whole(format!(
                "a checkpoint of {} records came after record {}",
                awaited.size, self.size
            )),
        }
    }

    fn hold(&mut self, awaited: Awaited) {
        let head = self.head.as_deref();
        let same_head = awaited
            .head
            .is_none_or(|expected| head.is_none_or(|head| head == expected));
        let holds = awaited.root == self.frontier.root() && same_head;
        let size = awaited.size;
        match awaited.source {
            Source::Signed(_) if holds => {
                self.checkpoints += 1;
                self.signed_size = self.signed_size.max(size);
            }
            Source::Unsigned { key, .. } if holds => self.unsigned.push((key, size)),
            Source::Named { .. } if holds => self.named += 1,
            Source::Beside { .. } if holds => {}
            source @ (Source::Signed(_)
            | Source::Unsigned { .. }
            | Source::Named { .. }
            | Source::Beside { .. }) => {
                let problem = format!("the first {size} records are not those {}", source.said());
                self.contradicted(size, source.at(), problem);
            }
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
        if let Some(problem) = self.trail.record(record, &self.keys) {
            self.found(record, problem);
        }
        self.erasures.record(record);
        // The hash as it should be, so that one change is one finding and not one for every record
        // after it.
        self.head = Some(record.hash.clone());
        self.size = record.sequence;
        self.last_at = Some(record.created_at);
        self.frontier.push(leaf(&record.hash));
        for awaited in self.awaited.remove(&self.size).unwrap_or_default() {
            self.hold(awaited);
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
        self.add(Finding {
            sequence: record.sequence,
            entry_id: Some(record.entry_id),
            problem,
        });
    }

    /// Something that concerns the whole log.
    pub fn whole(&mut self, problem: String) {
        self.add(Finding::whole(problem));
    }

    fn add(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// Takes the log as it is up to a record, for which no seal vouches.
    pub fn adopt(&mut self, size: i64) {
        self.trail.adopt(size);
    }

    /// Takes the records behind this one for lost, as the log is to say from now on.
    pub fn lose(&mut self, size: i64, at: DateTime<Utc>) {
        self.trail.lose(size, at);
    }

    /// Asks for no hand-overs: the log, or this part of it, was written by a version that made none.
    pub fn excuse_sudden_keys(&mut self) {
        self.trail.excuse_all();
    }

    /// Whose log it is.
    pub fn log(&self) -> &str {
        &self.org_id
    }

    /// When the last record was written, if there was one.
    pub fn last_at(&self) -> Option<DateTime<Utc>> {
        self.last_at
    }

    /// The number of records that were taken, and how many checkpoints held that a given key signed.
    pub fn counts(&self) -> (u64, u64) {
        (self.records, self.checkpoints)
    }

    /// True if nothing is wrong so far.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.contradictions.is_empty() && self.awaited.is_empty()
    }

    /// The size and the hash of the last record.
    pub fn end(&self) -> (i64, &[u8]) {
        (self.size, self.head.as_deref().unwrap_or(&NOTHING))
    }

    /// All that can be said.
    pub fn finish(mut self) -> Report {
        self.miss_awaited();
        for one in std::mem::take(&mut self.contradictions) {
            if !self.trail.is_lost(one.size, one.at) {
                self.whole(one.problem);
            }
        }
        let is_whole = self.base == 0;
        for problem in self.erasures.problems(self.size, is_whole) {
            self.whole(problem);
        }
        self.doubt_unsigned();
        for finding in self.trail.sudden() {
            self.add(finding);
        }
        Report {
            ok: self.findings.is_empty(),
            org_id: self.org_id,
            records: self.records,
            size: self.size,
            checkpoints: self.checkpoints,
            unsigned_checkpoints: self.unsigned.len() as u64,
            named_checkpoints: self.named,
            signed_size: self.signed_size,
            open: u64::try_from(self.open.len()).unwrap_or(u64::MAX),
            erased: self.erasures.count(),
            handovers: self.trail.handovers(),
            whole_since: self.trail.whole_since(),
            lost_before: self.trail.lost_before(),
            findings: self.findings,
        }
    }

    /// Finds what the log never came to.
    fn miss_awaited(&mut self) {
        let end = self.size;
        for (size, awaited) in std::mem::take(&mut self.awaited) {
            for one in awaited {
                let who = one.source.says(size);
                let problem = format!("the log ends at record {end}, and {who}");
                self.contradicted(size, one.source.at(), problem);
            }
        }
    }

    /// Finds checkpoints of keys that are not given and of which the log does not say that they are gone.
    fn doubt_unsigned(&mut self) {
        let (excused, doubted): (Vec<_>, Vec<_>) = std::mem::take(&mut self.unsigned)
            .into_iter()
            .partition(|(key, size)| self.trail.excuses(key, *size));
        self.unsigned = excused;
        for (key, size) in doubted {
            self.whole(format!(
                "a checkpoint of {size} records cannot be trusted: none of the given keys signed it, \
                 and the log says nothing of the key `{key}`"
            ));
        }
    }
}
