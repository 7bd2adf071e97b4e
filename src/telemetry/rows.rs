//! Serialises batches to lines for `COPY`. Done by the request handlers, so that the writer only sends
//! them. Pure.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use memchr::{memchr, memchr_iter};
use serde_json::Value;
use uuid::Uuid;

use crate::platform::db::to_text;
use crate::platform::redact::text::redact_text;
use crate::telemetry::fingerprint::{ErrorFingerprint, Fingerprinter};
use crate::telemetry::model::{
    ClientEvent, ErrorOccurrence, Measurement, ParsedBatch, RejectedEvent, Sender,
};

/// The columns of a line, in order.
pub const COLUMNS: &str = "org_id, user_id, batch_id, batch_index, event_type, event_category, \
    event_name, event_data, session_id, user_agent, source, source_version, duration_ms, \
    error_message, error_stack, error_code, extra_metadata, trace_id, run_id, occurred_at, created_at";
/// The longest user agent, in characters.
const MAX_AGENT_CHARS: usize = 256;

/// An error and its fingerprint.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupedError {
    /// Error.
    pub occurrence: ErrorOccurrence,
    /// Fingerprint of its group.
    pub fingerprint: ErrorFingerprint,
}

impl GroupedError {
    /// Computes the fingerprint of an error.
    pub fn of(occurrence: ErrorOccurrence, fingerprinter: &Fingerprinter) -> Self {
        let fingerprint = fingerprinter.of(
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

/// The data of an event beside its line.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// Index in the batch.
    pub index: i32,
    /// End of its line within [`BatchRows::lines`]; it starts at the end of the previous one.
    pub end: usize,
    /// Type.
    pub kind: String,
    /// Version of the client; empty if unknown.
    pub version: String,
    /// Error, for events that report one.
    pub error: Option<GroupedError>,
    /// Measurements.
    pub measurements: Vec<Measurement>,
    /// Session, trace and run, for the rows of measurements.
    pub correlation: CorrelationIds,
}

/// Ids that correlate a row with others.
#[derive(Clone, Debug, Default)]
pub struct CorrelationIds {
    /// Session of the client.
    pub session_id: Option<String>,
    /// Trace.
    pub trace_id: Option<String>,
    /// Run.
    pub run_id: Option<Uuid>,
}

/// A serialised batch.
#[derive(Clone, Debug)]
pub struct BatchRows {
    /// Organisation.
    pub org_id: String,
    /// User who sent it.
    pub user_id: String,
    /// Batch id, as it is stored.
    pub batch_id: String,
    /// Number of events received.
    pub received: i32,
    /// Indices of rejected events.
    pub rejected: Vec<i32>,
    /// Lines for `COPY`.
    pub lines: Vec<u8>,
    /// Events of the lines.
    pub events: Vec<EventRow>,
    /// Time of receipt.
    pub created_at: DateTime<Utc>,
}

impl BatchRows {
    /// Serialises a batch. Returns the rejected events beside it.
    pub fn of(
        batch: ParsedBatch,
        sender: &Sender,
        fingerprinter: &Fingerprinter,
        now: DateTime<Utc>,
    ) -> (Self, Vec<RejectedEvent>) {
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
            rows.push(event, sender, fingerprinter);
        }
        (rows, batch.rejected)
    }

    /// Returns the line of an event, by its position in [`Self::events`].
    pub fn line(&self, at: usize) -> &[u8] {
        let from = at
            .checked_sub(1)
            .map_or(0, |before| self.events[before].end);
        &self.lines[from..self.events[at].end]
    }

    /// Returns the approximate size in memory, in bytes.
    pub fn size(&self) -> usize {
        self.lines.len() + self.events.len() * size_of::<EventRow>()
    }

    fn push(&mut self, event: ClientEvent, sender: &Sender, fingerprinter: &Fingerprinter) {
        let mut line = CopyLine(&mut self.lines);
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
            error: event
                .error
                .map(|error| GroupedError::of(error, fingerprinter)),
            measurements: event.measurements,
            correlation: CorrelationIds {
                session_id: event.session_id,
                trace_id: event.trace_id,
                run_id: event.run_id,
            },
        });
    }
}

/// Returns the values of a line, in the order of [`COLUMNS`].
pub fn fields(line: &[u8]) -> impl Iterator<Item = Option<Cow<'_, str>>> {
    let mut from = 0;
    // A tab or the end of the line in a value is escaped.
    let ends = memchr_iter(b'\t', line).chain(line.len().checked_sub(1));
    ends.map(move |end| {
        let field = line.get(from..end).unwrap_or_default();
        from = end + 1;
        match field {
            b"\\N" => None,
            field => Some(unescaped(field)),
        }
    })
}

fn unescaped(field: &[u8]) -> Cow<'_, str> {
    if memchr(b'\\', field).is_none() {
        return String::from_utf8_lossy(field);
    }
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some(at) = memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..at]);
        match rest.get(at + 1) {
            Some(b'n') => plain.push(b'\n'),
            Some(b'r') => plain.push(b'\r'),
            Some(b't') => plain.push(b'\t'),
            Some(other) => plain.push(*other),
            None => {}
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
    Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
}

/// Sanitizes a user agent.
pub fn user_agent(text: &str) -> String {
    to_text(&redact_text(text), MAX_AGENT_CHARS)
}

fn number(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

/// A line of Postgres' text format for `COPY`: columns separated by tabs, `\N` for null, and backslash
/// escapes
/// (<https://www.postgresql.org/docs/current/sql-copy.html>).
struct CopyLine<'a>(&'a mut Vec<u8>);

impl CopyLine<'_> {
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
        // JSON on one line has nothing else to escape, and mostly not even that.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_line_is_read_as_it_was_written(
            values in prop::collection::vec(prop::option::of("(\\\\|\t|\n|\r|N|[a-zü☃]){0,8}"), 1..8),
        ) {
            let mut line = Vec::new();
            let mut writer = CopyLine(&mut line);
            for value in &values {
                writer.optional(value.as_deref());
            }
            writer.end();
            let read: Vec<Option<String>> = fields(&line).map(|one| one.map(Cow::into_owned)).collect();
            prop_assert_eq!(read, values);
        }
    }
}
