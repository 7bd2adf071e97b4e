//! Where a page of groups ends, in a form that clients hand back.
//!
//! Groups move while pages are read, but in one direction: what happens again is seen later and more
//! often, so it moves towards the beginning. A page that begins after a place therefore shows nothing
//! twice, and leaves out only what has moved to the beginning, which the next reading of the first
//! page shows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use crate::telemetry::errors::model::{GroupId, Sort};

/// The place after which a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// In a list by the last occurrence.
    LastSeen(DateTime<Utc>, GroupId),
    /// In a list by the number of occurrences.
    Occurrences(i64, GroupId),
}

/// The last time that a cursor can name: the end of the year 9999, which both chrono and Postgres
/// can hold.
const LAST_MICROS: i64 = 253_402_300_799_000_000;

impl Cursor {
    /// Before the first group of a list.
    pub fn beginning(sort: Sort) -> Self {
        let id = GroupId(i64::MAX);
        match sort {
            Sort::LastSeen => {
                let end = DateTime::from_timestamp_micros(LAST_MICROS);
                Self::LastSeen(end.unwrap_or(DateTime::<Utc>::MAX_UTC), id)
            }
            Sort::Occurrences => Self::Occurrences(i64::MAX, id),
        }
    }

    /// The list that this is a place of.
    pub fn sort(self) -> Sort {
        match self {
            Self::LastSeen(..) => Sort::LastSeen,
            Self::Occurrences(..) => Sort::Occurrences,
        }
    }

    /// The text that clients are given.
    pub fn encode(self) -> String {
        let (kind, value, id) = match self {
            Self::LastSeen(at, id) => (b't', at.timestamp_micros(), id),
            Self::Occurrences(count, id) => (b'n', count, id),
        };
        let mut bytes = vec![kind];
        bytes.extend(value.to_be_bytes());
        bytes.extend(id.0.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads it back; nothing when it is none of ours.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (kind, rest) = bytes.split_first()?;
        let (value, id) = rest.split_first_chunk::<8>()?;
        let value = i64::from_be_bytes(*value);
        let id = GroupId(i64::from_be_bytes(id.try_into().ok()?));
        match kind {
            b't' if (0..=LAST_MICROS).contains(&value) => {
                Some(Self::LastSeen(DateTime::from_timestamp_micros(value)?, id))
            }
            b'n' => Some(Self::Occurrences(value, id)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_given_out_is_read_back(micros in 0..=LAST_MICROS, count: i64, id: i64) {
            let at = DateTime::from_timestamp_micros(micros).unwrap();
            for cursor in [Cursor::LastSeen(at, GroupId(id)), Cursor::Occurrences(count, GroupId(id))] {
                prop_assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
            }
        }

        #[test]
        fn anything_else_is_no_cursor_or_a_place(text in "\\PC{0,60}", bytes: [u8; 17]) {
            // What matters is that it answers.
            let _place = Cursor::decode(&text);
            let _place = Cursor::decode(&URL_SAFE_NO_PAD.encode(bytes));
        }
    }

    #[test]
    fn both_beginnings_are_places() {
        for sort in [Sort::LastSeen, Sort::Occurrences] {
            let beginning = Cursor::beginning(sort);
            assert_eq!(Cursor::decode(&beginning.encode()), Some(beginning));
            assert_eq!(beginning.sort(), sort);
        }
    }
}
