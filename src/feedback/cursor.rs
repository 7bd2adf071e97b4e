//! Where a page of ratings ends, in a form that clients hand back.
//!
//! Ratings are listed by when they were first given, which never changes, so a page shows nothing twice
//! and leaves nothing out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

/// The place after which a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When the last one before was given.
    pub at: DateTime<Utc>,
    /// Its number.
    pub id: i64,
}

/// The last time that a cursor can name: the end of the year 9999, which both chrono and Postgres
/// can hold.
const LAST_MICROS: i64 = 253_402_300_799_000_000;

impl Cursor {
    /// Before the first rating.
    pub fn beginning() -> Self {
        let end = DateTime::from_timestamp_micros(LAST_MICROS);
        Self {
            at: end.unwrap_or(DateTime::<Utc>::MAX_UTC),
            id: i64::MAX,
        }
    }

    /// The text that clients are given.
    pub fn encode(self) -> String {
        let mut bytes = self.at.timestamp_micros().to_be_bytes().to_vec();
        bytes.extend(self.id.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads it back; nothing when it is none of ours.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (micros, id) = bytes.split_first_chunk::<8>()?;
        let micros = i64::from_be_bytes(*micros);
        if !(0..=LAST_MICROS).contains(&micros) {
            return None;
        }
        Some(Self {
            at: DateTime::from_timestamp_micros(micros)?,
            id: i64::from_be_bytes(id.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_given_out_is_read_back_and_anything_else_answers(
            micros in 0..=LAST_MICROS, id: i64, text in "\\PC{0,40}", bytes: [u8; 16],
        ) {
            let at = DateTime::from_timestamp_micros(micros).unwrap();
            let cursor = Cursor { at, id };
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
            let _place = Cursor::decode(&text);
            let _place = Cursor::decode(&URL_SAFE_NO_PAD.encode(bytes));
        }
    }

    #[test]
    fn the_beginning_is_a_place() {
        let beginning = Cursor::beginning();
        assert_eq!(Cursor::decode(&beginning.encode()), Some(beginning));
    }
}
