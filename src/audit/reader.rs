//! Listing, decrypting and exporting.

use serde_json::Value;

use crate::audit::checkpoints::{around, number};
use crate::audit::entry::Entry;
use crate::audit::error::Error;
use crate::audit::event::Event;
use crate::audit::export::{Base, Header, Line, VERSION};
use crate::audit::model::{Actor, Ending, EntryId, Filter, Log, NewEntry, Outcome, Phase};
use crate::audit::note::VerifyingKey;
use crate::audit::record::Record;
use crate::audit::sealing;
use crate::audit::service::Audit;
use crate::audit::store::{reading, tree};
use crate::auth::principal::Principal;
use crate::platform::logging::{RequestId, TraceId};

/// The longest reason for a decryption, in bytes.
pub const MAX_REASON_BYTES: usize = 500;

/// The opened payloads of an entry.
#[derive(Clone, Debug)]
pub struct Opened {
    /// With its beginning: what was asked.
    pub begun: Option<Value>,
    /// With its end: what it changed.
    pub completed: Option<Value>,
    /// The audit key that sealed it.
    pub key_id: Option<String>,
}

/// Facts about an entry's payload that are known without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// True if something is sealed that can still be opened.
    pub has_payload: bool,
    /// The audit key that sealed it.
    pub key_id: Option<String>,
    /// The sealed bytes.
    pub bytes: usize,
    /// True if it was erased.
    pub is_erased: bool,
}

/// Who asks for something of the log, and in which request.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Who.
    pub actor: Actor,
    /// The request.
    pub request_id: Option<String>,
    /// Its trace.
    pub trace_id: Option<String>,
}

impl Asker {
    /// A person, in a request of theirs.
    pub fn new(principal: &Principal, request: &RequestId, trace: &TraceId) -> Self {
        Self {
            actor: Actor::user(principal),
            request_id: Some(request.to_string()),
            trace_id: Some(trace.0.clone()),
        }
    }

    /// An entry about what is done for them.
    pub(super) fn entry(&self, log: &Log, event: Event) -> NewEntry {
        NewEntry {
            request_id: self.request_id.clone(),
            trace_id: self.trace_id.clone(),
            ..NewEntry::new(log.clone(), event, self.actor.clone())
        }
    }
}

impl Audit {
    /// One entry.
    pub async fn entry(&self, log: &Log, id: EntryId) -> Result<Entry, Error> {
        self.settled().await;
        let mut conn = self.db.acquire().await?;
        let found = reading::entry(&mut conn, log.as_str(), id).await?;
        found.ok_or_else(|| Error::NotFound(id.to_string()))
    }

    /// Describes an entry's payload without opening it.
    pub async fn sealed(&self, log: &Log, id: EntryId) -> Result<Sealed, Error> {
        self.settled().await;
        let mut conn = self.db.acquire().await?;
        let records = reading::records_of(&mut conn, log.as_str(), id).await?;
        if records.is_empty() {
            return Err(Error::NotFound(id.to_string()));
        }
        let has_key = records.iter().any(|record| record.entry_key.is_some());
        let payloads = records.iter().filter_map(|record| record.payload.as_ref());
        let bytes = payloads.map(Vec::len).sum();
        Ok(Sealed {
            has_payload: has_key && bytes > 0,
            key_id: records.iter().find_map(|record| record.key_id.clone()),
            bytes,
            is_erased: records.iter().any(|record| record.erased_by.is_some()),
        })
    }

    /// Opens what an entry sealed, for a reason, which is noted before anything is opened.
    pub async fn decrypt(
        &self,
        log: &Log,
        id: EntryId,
        asker: &Asker,
        reason: &str,
    ) -> Result<Opened, Error> {
        let reason = reason.trim();
        if reason.is_empty() || reason.len() > MAX_REASON_BYTES {
            return Err(Error::Reason(MAX_REASON_BYTES));
        }
        self.settled().await;
        let mut conn = self.db.acquire().await?;
        let records = reading::records_of(&mut conn, log.as_str(), id).await?;
        drop(conn);
        if records.is_empty() {
            return Err(Error::NotFound(id.to_string()));
        }
        let entry = NewEntry {
            resource: Some(id.to_string()),
            payload: Some(serde_json::json!({"reason": reason})),
            ..asker.entry(log, Event::AuditDecrypted)
        };
        let open = self.begin(entry).await?;
        let opened = self.opened(&records);
        let outcome = match &opened {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure,
        };
        open.hand_over(Ending::from(outcome)).await;
        opened
    }

    fn opened(&self, records: &[Record]) -> Result<Opened, Error> {
        let carrier = records
            .iter()
            .find(|record| record.key_id.is_some() && record.phase != Phase::Completed);
        let key_id = carrier.and_then(|record| record.key_id.clone());
        let has_payload = records.iter().any(|record| record.payload.is_some());
        let Some(carrier) = carrier.filter(|_| has_payload) else {
            return Ok(Opened {
                begun: None,
                completed: None,
                key_id,
            });
        };
        let key = sealing::unwrap(&self.keys, carrier)?;
        let mut opened = Opened {
            begun: None,
            completed: None,
            key_id,
        };
        for record in records {
            let payload = sealing::open_payload(&key, record)?;
            match record.phase {
                Phase::Begun | Phase::Noted => opened.begun = payload,
                Phase::Completed => opened.completed = payload,
            }
        }
        Ok(opened)
    }

    /// The payload sealed with the last entry of an event, for the server itself.
    pub(super) async fn last_payload(
        &self,
        log: &Log,
        event: Event,
    ) -> Result<Option<Value>, Error> {
        let mut conn = self.db.acquire().await?;
        let Some(id) = reading::last_of(&mut conn, log.as_str(), event).await? else {
            return Ok(None);
        };
        let records = reading::records_of(&mut conn, log.as_str(), id).await?;
        drop(conn);
        Ok(self.opened(&records)?.begun)
    }

    /// Notes an export before its first line is handed out.
    pub async fn begin_export(
        &self,
        log: &Log,
        asker: &Asker,
        filter: &Filter,
        format: &str,
    ) -> Result<(), Error> {
        let payload = serde_json::json!({
            "format": format,
            "since": filter.since,
            "until": filter.until,
            "actor": filter.actor,
            "event": filter.event,
            "route": filter.route,
            "outcome": filter.outcome,
        });
        let entry = NewEntry {
            payload: Some(payload),
            ..asker.entry(log, Event::AuditExported)
        };
        self.note(entry, Outcome::Success).await.map(drop)
    }

    /// The first line of an export, and the number it goes on after: what a reader needs to verify the
    /// records that follow without this server.
    pub async fn export_header(&self, log: &Log, filter: &Filter) -> Result<(Line, i64), Error> {
        // Signed now, so that all but what comes meanwhile stands before a checkpoint.
        let signed = self.checkpoint(log).await?;
        self.name_soon().await;
        let mut conn = self.db.acquire().await?;
        let after = reading::number_before(&mut conn, log.as_str(), filter.since).await?;
        let tiles = around(&mut conn, log, &[after - 1], after).await?;
        let frontier = tiles.frontier(number(after));
        let frontier = frontier.ok_or_else(|| Error::BrokenTree(log.to_string()))?;
        let size = match (filter.until, &signed) {
            (Some(_), _) => reading::number_before(&mut conn, log.as_str(), filter.until).await?,
            (None, Some(signed)) => signed.checkpoint.size,
            (None, None) => 0,
        };
        let bases = tree::checkpoints(&mut conn, log.as_str(), after, after).await?;
        let between = tree::checkpoints(&mut conn, log.as_str(), after + 1, size).await?;
        let checkpoints = between.iter().filter(|row| !row.is_base).count();
        let header = Header {
            navi_audit_export: VERSION,
            org_id: log.as_str().to_owned(),
            exported_at: self.clock.now(),
            size: Some(size),
            checkpoints: Some(checkpoints as u64),
            checkpoint: signed
                .filter(|_| filter.until.is_none())
                .map(|signed| signed.note),
            base: Base::new(after, frontier.peaks()),
            base_note: bases
                .into_iter()
                .find(|base| base.is_base)
                .map(|base| base.note),
            keys: self
                .verifying_keys()
                .iter()
                .map(VerifyingKey::text)
                .collect(),
            signature: None,
        };
        Ok((Line::Header(header.sign(self.keys.current()?)), after))
    }

    /// The next lines of an export: records, and the checkpoints that stand between them. Empty at the
    /// end.
    pub async fn export_page(
        &self,
        log: &Log,
        filter: &Filter,
        after: i64,
        limit: i64,
    ) -> Result<(Vec<Line>, i64), Error> {
        let mut conn = self.db.acquire().await?;
        let records =
            reading::records_after(&mut conn, log.as_str(), after, filter.until, limit).await?;
        let Some(last) = records.last().map(|record| record.sequence) else {
            return Ok((Vec::new(), after));
        };
        let notes = tree::checkpoints(&mut conn, log.as_str(), after + 1, last).await?;
        let mut notes = notes.into_iter().filter(|note| !note.is_base).peekable();
        let mut lines = Vec::new();
        for record in records {
            let sequence = record.sequence;
            lines.push(Line::Record(Box::new(record.into())));
            while let Some(note) = notes.next_if(|note| note.size <= sequence) {
                lines.push(Line::Checkpoint(note.note));
            }
        }
        Ok((lines, last))
    }
}
