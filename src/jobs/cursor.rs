//! Cursors of lists: the place of a page's last row, in a form that clients hand back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use crate::platform::ids::RunId;

/// The place after which a page begins. A list that is ordered by it has no two rows in one place, so
/// rows that come or go meanwhile make none appear twice and none go missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Creation time of the last row of the page before.
    pub created_at: DateTime<Utc>,
    /// Id of that row.
    pub run_id: RunId,
}

impl Cursor {
    /// Beyond every row, so that the first page is asked for like all others. The end of the year
    /// 9999 is within what both chrono and Postgres can hold.
    pub const END: Self = Self {
        created_at: match DateTime::from_timestamp_secs(253_402_300_799) {
            Some(end) => end,
            None => DateTime::<Utc>::MAX_UTC,
        },
        run_id: RunId(uuid::Uuid::max()),
    };

    /// The text that clients receive.
    pub fn encode(self) -> String {
        let mut bytes = self.created_at.timestamp_micros().to_be_bytes().to_vec();
        bytes.extend(self.run_id.0.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads it back; none when the text is not a cursor.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (time, id) = bytes.split_first_chunk::<8>()?;
        let created_at = DateTime::from_timestamp_micros(i64::from_be_bytes(*time))?;
        // Beyond these Postgres has no times, and no job was created.
        if created_at < DateTime::UNIX_EPOCH || created_at > Self::END.created_at {
            return None;
        }
        let run_id = RunId(uuid::Uuid::from_slice(id).ok()?);
        Some(Self { created_at, run_id })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_given_out_is_read_back(micros in 0_i64..4_102_444_800_000_000, id in any::<u128>()) {
            let cursor = Cursor {
                created_at: DateTime::from_timestamp_micros(micros).unwrap(),
                run_id: RunId(uuid::Uuid::from_u128(id)),
            };
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }

        #[test]
        fn anything_else_is_no_cursor_or_a_place(text in "\\PC{0,60}") {
            // What matters is that it answers.
            let _place = Cursor::decode(&text);
        }
    }
}
