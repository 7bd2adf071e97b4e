//! The ends of logs: locked, checked, moved.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::audit::error::Error;
use crate::audit::keyring::{AuditKey, Keyring};
use crate::audit::model::{ActorKind, EntryId, Log};
use crate::audit::record::{NOTHING, Record};
use crate::audit::seals::handover::{Cause, Handover};
use crate::audit::seals::seal::{check, is_of_first_kind, name_of, sealed};
use crate::audit::store::appending::{End, LockedEnd};
use crate::audit::store::{appending, reading};
use crate::audit::witnessing::floors::Floors;
use crate::platform::clock::Clock;

/// The ends of some logs, locked until the end of the transaction.
///
/// It holds only ends whose seal fits a key of the ring; the others are refused. Behind an end that has
/// another seal than today's, the hand-over stands already.
#[derive(Debug, Default)]
pub struct Ends {
    open: BTreeMap<String, End>,
    /// Logs that begin now.
    begun: Vec<String>,
    handovers: Vec<Record>,
    refused: Vec<Error>,
}

impl Ends {
    /// Locks the ends of these logs. A log that does not exist yet is begun.
    pub async fn lock(
        conn: &mut PgConnection,
        keys: &Keyring,
        clock: &Clock,
        floors: &Floors,
        orgs: &[String],
    ) -> Result<Self, Error> {
        let mut ends = Self::default();
        let mut found = appending::lock_ends(conn, orgs).await?;
        if found.len() < orgs.len() {
            let is_there = |org: &String| found.iter().any(|locked| locked.end.org_id == *org);
            let missing: Vec<String> = orgs.iter().filter(|org| !is_there(org)).cloned().collect();
            let headless = appending::headless(conn, &missing).await?;
            let is_gone = |org: &String| headless.contains(org) || floors.knows(org);
            let (gone, new): (Vec<_>, Vec<_>) = missing.into_iter().partition(is_gone);
            let key = keys.current()?;
            let firsts: Vec<End> = new
                .iter()
                .map(|org| sealed(first(org, clock.now()), key))
                .collect();
            appending::begin_logs(conn, &firsts).await?;
            found = appending::lock_ends(conn, orgs).await?;
            // Not what another server began meanwhile.
            let is_there = |org: &&String| found.iter().any(|locked| locked.end.org_id == **org);
            let gone = gone.iter().filter(|org| !is_there(org));
            let gone = gone.map(|org| Log::from_name(org));
            ends.refused.extend(gone.map(Error::EndMissing));
        }
        for locked in &found {
            let org = &locked.end.org_id;
            let heads = found.iter().filter(|other| other.end.org_id == *org);
            if heads.count() > 1 {
                ends.refused.push(Error::TwoEnds(Log::from_name(org)));
                continue;
            }
            match check(keys, &locked.end).and_then(|()| floors.check(locked)) {
                Ok(()) => ends.open(conn, locked, keys, clock).await?,
                Err(error) => ends.refused.push(error),
            }
        }
        Ok(ends)
    }

    /// Takes an end that was checked.
    async fn open(
        &mut self,
        conn: &mut PgConnection,
        locked: &LockedEnd,
        keys: &Keyring,
        clock: &Clock,
    ) -> Result<(), Error> {
        if locked.end.size == 0 {
            self.begun.push(locked.end.org_id.clone());
        }
        let end = timed(conn, locked.end.clone(), clock.now()).await?;
        self.take(end, Cause::Rotated, keys, clock, ActorKind::Server)
    }

    /// Ends as this process wrote and sealed them. An append behind them must find them unchanged.
    pub fn written<'a>(ends: impl Iterator<Item = &'a End>) -> Self {
        let open = ends.map(|end| (end.org_id.clone(), end.clone()));
        Self {
            open: open.collect(),
            ..Self::default()
        }
    }

    /// All ends that may be appended to.
    pub fn all(&self) -> Vec<End> {
        self.open.values().cloned().collect()
    }

    /// The same, as they are written now.
    pub fn sealed(&self, key: &AuditKey) -> Vec<End> {
        self.all().into_iter().map(|end| sealed(end, key)).collect()
    }

    /// The end of one log, whatever its seal is worth, with a record that says what that was. For callers
    /// that have verified the log and decided so.
    pub fn adopt(end: End, cause: Cause, keys: &Keyring, clock: &Clock) -> Result<Self, Error> {
        let mut ends = Self::default();
        ends.take(end, cause, keys, clock, ActorKind::Operator)?;
        Ok(ends)
    }

    /// Takes an end, and hands it over when it has another seal than it is to get.
    fn take(
        &mut self,
        end: End,
        cause: Cause,
        keys: &Keyring,
        clock: &Clock,
        kind: ActorKind,
    ) -> Result<(), Error> {
        let key = keys.current()?;
        let passes = end.seal_key_id != name_of(key) || cause != Cause::Rotated;
        let org = end.org_id.clone();
        let handover = passes.then(|| Handover::of(&end, cause, keys, key));
        self.open.insert(org, end);
        if let Some(handover) = handover {
            let mut record = handover.record(key, EntryId::new(clock), kind);
            self.link(&mut record, clock.now());
            self.handovers.push(record);
        }
        Ok(())
    }

    /// True if this log may be appended to.
    pub fn has(&self, org: &str) -> bool {
        self.open.contains_key(org)
    }

    /// The reasons why logs are not appended to: an end of unknown origin is not continued until a person has
    /// looked.
    pub fn take_refused(&mut self) -> Vec<Error> {
        std::mem::take(&mut self.refused)
    }

    /// The logs that begin with what is appended.
    pub fn take_begun(&mut self) -> Vec<String> {
        std::mem::take(&mut self.begun)
    }

    /// Puts a record at the end of its log.
    pub fn link(&mut self, record: &mut Record, now: DateTime<Utc>) {
        let Some(end) = self.open.get_mut(&record.org_id) else {
            return;
        };
        record.sequence = end.size + 1;
        record.created_at = now.max(end.last_at);
        record.previous.clone_from(&end.head);
        record.hash = record.computed_hash().to_vec();
        end.size = record.sequence;
        end.last_at = record.created_at;
        end.head.clone_from(&record.hash);
    }

    /// Writes the records that were linked, behind the hand-overs, and where the logs end now. Answers
    /// how many records that were, and the ends.
    ///
    /// Counts the rows that the database says it wrote: an unwanted rule or trigger on a table can drop rows
    /// without an error.
    pub async fn append(
        self,
        conn: &mut PgConnection,
        keys: &Keyring,
        records: &[&Record],
    ) -> Result<(usize, Vec<End>), Error> {
        let ends = self.sealed(keys.current()?);
        let all: Vec<&Record> = self
            .handovers
            .iter()
            .chain(records.iter().copied())
            .collect();
        let written = appending::insert(conn, &all).await?;
        let moved = appending::move_ends(conn, &ends).await?;
        if (written, moved) != (all.len() as u64, ends.len() as u64) {
            return Err(Error::Dropped);
        }
        Ok((all.len(), ends))
    }
}

fn first(org: &str, now: DateTime<Utc>) -> End {
    End {
        org_id: org.to_owned(),
        size: 0,
        head: NOTHING.to_vec(),
        last_at: now,
        seal: Vec::new(),
        seal_key_id: String::new(),
    }
}

/// The end with a time that its seal covers. Seals of the first kind cover none, so it is taken from
/// the last record, of which they cover the hash; when its month was dropped, it lies in the past.
async fn timed(conn: &mut PgConnection, mut end: End, now: DateTime<Utc>) -> sqlx::Result<End> {
    if !is_of_first_kind(&end.seal_key_id) {
        return Ok(end);
    }
    let records = reading::records_after(conn, &end.org_id, end.size - 1, None, 1).await?;
    let last = records
        .iter()
        .find(|record| record.hash == end.head && end.head == record.computed_hash());
    end.last_at = last.map_or(end.last_at.min(now), |record| record.created_at);
    Ok(end)
}
