//! Entries as a table for people and their spreadsheets.

use bytes::Bytes;
use chrono::SecondsFormat;

use crate::audit::entry::Entry;
use crate::audit::model::Outcome;

const COLUMNS: [&str; 18] = [
    "id",
    "sequence",
    "event_type",
    "created_at",
    "completed_at",
    "actor_kind",
    "actor_sub",
    "actor_role",
    "method",
    "route",
    "resource_id",
    "status_code",
    "outcome",
    "duration_ms",
    "request_id",
    "trace_id",
    "run_id",
    "erased",
];

/// The names of the columns.
pub fn heading() -> Bytes {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing into memory does not fail.
    let _written = writer.write_record(COLUMNS);
    Bytes::from(writer.into_inner().unwrap_or_default())
}

/// Rows.
pub fn rows(entries: Vec<Entry>) -> Bytes {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for entry in entries {
        let _written = writer.write_record(row(entry));
    }
    Bytes::from(writer.into_inner().unwrap_or_default())
}

fn row(entry: Entry) -> [String; 18] {
    let time = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let number = |number: Option<i64>| number.map(|n| n.to_string()).unwrap_or_default();
    [
        entry.entry_id.to_string(),
        entry.sequence.to_string(),
        entry.event.as_str().to_owned(),
        time(entry.created_at),
        entry.completed_at.map(time).unwrap_or_default(),
        entry.actor_kind.as_str().to_owned(),
        harmless(entry.actor),
        harmless(entry.actor_role),
        harmless(entry.method),
        harmless(entry.route),
        harmless(entry.resource),
        number(entry.status.map(i64::from)),
        entry
            .outcome
            .map(Outcome::as_str)
            .unwrap_or_default()
            .to_owned(),
        number(entry.duration_ms),
        harmless(entry.request_id),
        harmless(entry.trace_id),
        entry.run_id.map(|id| id.to_string()).unwrap_or_default(),
        entry.erased_by.is_some().to_string(),
    ]
}

/// A text that no spreadsheet takes for a formula: one that begins like one gets an apostrophe, as
/// OWASP says of CSV injection.
fn harmless(text: Option<String>) -> String {
    let text = text.unwrap_or_default();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, expected) in [
            ("=cmd()", "'=cmd()"),
            ("+1", "'+1"),
            ("@a", "'@a"),
            ("-x", "'-x"),
            ("plain", "plain"),
        ] {
            assert_eq!(harmless(Some(text.to_owned())), expected);
        }
    }
}
