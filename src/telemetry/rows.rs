//! A batch as it is written: its events as lines for `COPY`, made where the request is handled, so
//! that the one who writes has nothing left to do but to send them. Pure.

use chrono::{DateTime, SecondsFormat, Utc};
use memchr::memchr;
use serde_json::Value;
use uuid::Uuid;

use crate::platform::db::to_text;
use crate::platform::redact::text::redact_text;
use crate::telemetry::fingerprint::{Fingerprint, Grouping};
use crate::telemetry::model::{Batch, Event, Measurement, Occurrence, Rejected, Sender};

/// The columns of a line, in its order.
pub const COLUMNS: &str = "org_id, user_id, batch_id, batch_index, event_type, event_category, \
    event_name, event_data, session_id, user_agent, source, source_version, duration_ms, \
    error_message, error_stack, error_code, extra_metadata, trace_id, run_id, occurred_at, created_at";
/// The most that is kept of what a client calls itself, in characters.
const MAX_AGENT_CHARS: usize = 256;

/// An error and the group that it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Grouped {
    /// The error.
    pub occurrence: Occurrence,
    /// What it has in common with its like.
    pub fingerprint: Fingerprint,
}

impl Grouped {
    /// Groups an error.
    pub fn of(occurrence: Occurrence, grouping: &Grouping) -> Self {
        let fingerprint = grouping.of(
            &occurrence.error_type,
            &occurrence.message,
            occurrence.stack.as_deref(),
        );
        Self {
            occurrence,
            fingerprint,
        }
    }
}

/// What is written of an event beside its line.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// Its place in its batch.
    pub index: i32,
    /// Where its line ends within [`Rows::lines`]; it begins where the one before it ends.
    pub end: usize,
    /// Its type.
    pub kind: String,
    /// The version of its client; empty when unknown.
    pub version: String,
    /// The error that it reports.
    pub error: Option<Grouped>,
    /// What it measured.
    pub measurements: Vec<Measurement>,
    /// The client's session, the trace and the run, for the rows of its measurements.
    pub thread: Thread,
}

/// What connects a row to others.
#[derive(Clone, Debug, Default)]
pub struct Thread {
    /// The client's session.
    pub session_id: Option<String>,
    /// The trace.
    pub trace_id: Option<String>,
    /// The run.
    pub run_id: Option<Uuid>,
}

/// A batch, ready to be written.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Whose.
    pub org_id: String,
    /// Who sent it.
    pub user_id: String,
    /// The name under which it is remembered.
    pub batch_id: String,
    /// How many events it has.
    pub received: i32,
    /// Those that are not stored, by index.
    pub rejected: Vec<i32>,
    /// All lines, one after the other.
    pub lines: Vec<u8>,
    /// The events behind them.
    pub events: Vec<EventRow>,
    /// When it came.
    pub created_at: DateTime<Utc>,
}

impl Rows {
    /// Writes out a batch. What was rejected stays with the caller.
    pub fn of(
        batch: Batch,
        sender: &Sender,
        grouping: &Grouping,
        now: DateTime<Utc>,
    ) -> (Self, Vec<Rejected>) {
        let mut rows = Self {
            org_id: sender.org_id.to_string(),
            user_id: sender.user_id.to_string(),
            batch_id: batch.id,
            received: number(batch.received),
            rejected: batch.rejected.iter().map(|one| number(one.index)).collect(),
            lines: Vec::with_capacity(batch.events.len() * 512),
            events: Vec::with_capacity(batch.events.len()),
            created_at: now,
        };
        for event in batch.events {
            rows.push(event, sender, grouping);
        }
        (rows, batch.rejected)
    }

    /// The line of an event, by its place in [`Self::events`].
    pub fn line(&self, at: usize) -> &[u8] {
        let from = at
            .checked_sub(1)
            .map_or(0, |before| self.events[before].end);
        &self.lines[from..self.events[at].end]
    }

    /// What it takes in memory, roughly, in bytes.
    pub fn size(&self) -> usize {
        self.lines.len() + self.events.len() * size_of::<EventRow>()
    }

    fn push(&mut self, event: Event, sender: &Sender, grouping: &Grouping) {
        let mut line = Line(&mut self.lines);
        line.text(&self.org_id);
        line.text(&self.user_id);
        line.text(&self.batch_id);
        line.text(&event.index.to_string());
        line.text(&event.kind);
        line.optional(event.category());
        line.text(event.name());
        line.json(&event.data);
        line.optional(event.session_id.as_deref());
        line.optional(sender.user_agent.as_deref());
        line.text(&event.source);
        line.optional(event.version.as_deref());
        line.optional(event.duration_ms.map(|ms| ms.to_string()).as_deref());
        line.optional(event.error_message.as_deref());
        line.optional(event.error_stack.as_deref());
        line.optional(event.error_code.as_deref());
        if event.extra.is_empty() {
            line.optional(None);
        } else {
            line.json(&event.extra);
        }
        line.optional(event.trace_id.as_deref());
        line.optional(event.run_id.map(|id| id.to_string()).as_deref());
        line.time(event.occurred_at);
        line.time(self.created_at);
        line.end();
        self.events.push(EventRow {
            index: number(event.index),
            end: self.lines.len(),
            kind: event.kind,
            version: event.version.unwrap_or_default(),
            error: event.error.map(|error| Grouped::of(error, grouping)),
            measurements: event.measurements,
            thread: Thread {
                session_id: event.session_id,
                trace_id: event.trace_id,
                run_id: event.run_id,
            },
        });
    }
}

/// What a client calls itself, as it is kept.
pub fn user_agent(text: &str) -> String {
    to_text(&redact_text(text), MAX_AGENT_CHARS)
}

fn number(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

/// A line of Postgres' text format for `COPY`: columns between tabs, `\N` for null, and a backslash
/// before what would otherwise mean something
/// (<https://www.postgresql.org/docs/current/sql-copy.html>).
struct Line<'a>(&'a mut Vec<u8>);

impl Line<'_> {
    fn text(&mut self, text: &str) {
        escape(text.as_bytes(), self.0);
        self.0.push(b'\t');
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.0.extend_from_slice(b"\\N\t"),
        }
    }

    fn json(&mut self, fields: &serde_json::Map<String, Value>) {
        let from = self.0.len();
        // Writing into memory does not fail.
        let _written = serde_json::to_writer(&mut *self.0, fields);
        // JSON on one line has nothing else to escape, and most of it not even that.
        if memchr(b'\\', &self.0[from..]).is_some() {
            let plain = self.0.split_off(from);
            escape(&plain, self.0);
        }
        self.0.push(b'\t');
    }

    fn time(&mut self, time: DateTime<Utc>) {
        self.text(&time.to_rfc3339_opts(SecondsFormat::Micros, true));
    }

    fn end(&mut self) {
        if let Some(last) = self.0.last_mut() {
            *last = b'\n';
        }
    }
}

fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let means = match byte {
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => continue,
        };
        out.extend_from_slice(&bytes[from..at]);
        out.extend_from_slice(&[b'\\', means]);
        from = at + 1;
    }
    out.extend_from_slice(&bytes[from..]);
}
