//! Paging: bounded limits and cursors, the same in every listing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The rows of a page when the client names no limit.
pub const DEFAULT_LIMIT: u32 = 50;
/// The most rows one page may hold.
pub const MAX_LIMIT: u32 = 100;
/// The end of the year 9999 in microseconds: both chrono and Postgres can hold it.
const LAST_MICROS: i64 = 253_402_300_799_000_000;
/// The last time that a cursor can name.
pub const LAST_TIME: DateTime<Utc> = match DateTime::from_timestamp_micros(LAST_MICROS) {
    Some(time) => time,
    None => DateTime::<Utc>::MAX_UTC,
};

/// `limit` and `offset` of a listing, as the old clients send them.
#[derive(Clone, Copy, Debug)]
pub struct PageQuery {
    /// At most this many rows; brought into its bounds, 1 to 100.
    pub limit: u32,
    /// Skip this many rows.
    pub offset: u32,
}

impl PageQuery {
    /// The limit, brought into its bounds, as SQL takes it.
    pub fn sql_limit(&self) -> i64 {
        i64::from(self.limit.clamp(1, MAX_LIMIT))
    }

    /// The offset, as SQL takes it.
    pub fn sql_offset(&self) -> i64 {
        i64::from(self.offset)
    }
}

/// Cuts rows that were asked for with one more than a page holds. Returns the last row of the page
/// when another page follows.
pub fn cut<T>(rows: &mut Vec<T>, limit: usize) -> Option<&T> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().filter(|_| more)
}

/// A `cursor` that no listing gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`cursor` is not valid; use the `next_cursor` of an earlier page")]
pub struct BadCursor;

/// A cursor or a part of one: it says where a page begins, and clients hand it back as text.
///
/// The text is base64 of big-endian bytes. Clients keep such texts, so the bytes of a value must
/// never change.
pub trait CursorValue: Sized {
    /// Appends the bytes.
    fn write(&self, bytes: &mut Vec<u8>);

    /// Takes the bytes from the front; `None` when they are not those of a value.
    fn read(bytes: &mut &[u8]) -> Option<Self>;

    /// The text that clients receive.
    fn encode(&self) -> String {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the text of a client.
    fn decode(text: &str) -> Result<Self, BadCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        let mut rest = bytes.as_slice();
        let value = Self::read(&mut rest).filter(|_| rest.is_empty());
        value.ok_or(BadCursor)
    }
}

/// The position after the last row of a page: the value that the listing is ordered by, and the id
/// that orders rows of equal values. No two rows share a position, so rows that come or go between
/// two pages make none appear twice and none go missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageCursor<K, I> {
    /// The value that the listing is ordered by.
    pub at: K,
    /// The id of the row.
    pub id: I,
}

impl<K: CursorValue, I: CursorValue> CursorValue for PageCursor<K, I> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.at.write(bytes);
        self.id.write(bytes);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let at = K::read(bytes)?;
        let id = I::read(bytes)?;
        Some(Self { at, id })
    }
}

impl CursorValue for i64 {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_be_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(Self::from_be_bytes(*number))
    }
}

impl CursorValue for Uuid {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.as_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(Self::from_bytes(*id))
    }
}

/// In microseconds since 1970, as Postgres keeps times. None of our rows is older, and Postgres has
/// no times beyond the last one.
impl CursorValue for DateTime<Utc> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.timestamp_micros().write(bytes);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let micros = i64::read(bytes).filter(|micros| (0..=LAST_MICROS).contains(micros))?;
        Self::from_timestamp_micros(micros)
    }
}

/// Declares that a newtype stands in cursors as the value that it wraps does.
#[macro_export]
macro_rules! cursor_value {
    ($name:ident($inner:ty)) => {
        impl $crate::platform::page::CursorValue for $name {
            fn write(&self, bytes: &mut Vec<u8>) {
                $crate::platform::page::CursorValue::write(&self.0, bytes);
            }

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                <$inner as $crate::platform::page::CursorValue>::read(bytes).map(Self)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type ByNumber = PageCursor<DateTime<Utc>, i64>;
    type ByUuid = PageCursor<DateTime<Utc>, Uuid>;

    proptest! {
        #[test]
        fn what_is_given_out_is_read_back(micros in 0..=LAST_MICROS, id: i64, uuid: u128) {
            let at = DateTime::from_timestamp_micros(micros).unwrap();
            let cursor = PageCursor { at, id };
            prop_assert_eq!(ByNumber::decode(&cursor.encode()), Ok(cursor));
            let cursor = PageCursor { at, id: Uuid::from_u128(uuid) };
            prop_assert_eq!(ByUuid::decode(&cursor.encode()), Ok(cursor));
        }

        #[test]
        fn what_decodes_encodes_to_the_same_text(
            text in "[A-Za-z0-9_-]{20,24}|\\PC{0,60}", micros in 0..=LAST_MICROS, id: i64,
        ) {
            // Random bytes are seldom a time within bounds.
            let known = [micros.to_be_bytes(), id.to_be_bytes()].concat();
            for text in [text, URL_SAFE_NO_PAD.encode(known)] {
                if let Ok(cursor) = ByNumber::decode(&text) {
                    prop_assert_eq!(cursor.encode(), text);
                }
            }
        }

        #[test]
        fn a_cursor_names_a_time_of_ours_and_nothing_besides(bytes: [u8; 16], more in 0_usize..3) {
            let micros = i64::from_be_bytes(*bytes.first_chunk().unwrap());
            let is_time = (0..=LAST_MICROS).contains(&micros);
            let text = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert_eq!(ByNumber::decode(&text).is_ok(), is_time);
            let longer = [bytes.as_slice(), &vec![0; more]].concat();
            let is_whole = is_time && more == 0;
            prop_assert_eq!(ByNumber::decode(&URL_SAFE_NO_PAD.encode(longer)).is_ok(), is_whole);
            prop_assert_eq!(ByUuid::decode(&text), Err(BadCursor));
        }
    }

    #[test]
    fn cursors_that_clients_hold_are_still_read() {
        let at = "2026-03-04T05:06:07.000008Z".parse().unwrap();
        let text = "AAZMK8cLrcgAAAAAAAAAKg";
        assert_eq!(ByNumber::decode(text), Ok(PageCursor { at, id: 42 }));
        let text = "AAZMK8cLrcgAAQIDBAUGBwgJCgsMDQ4P";
        let id = Uuid::from_bytes(std::array::from_fn(|at| u8::try_from(at).unwrap()));
        assert_eq!(ByUuid::decode(text), Ok(PageCursor { at, id }));
    }

    #[test]
    fn a_page_is_cut_to_its_limit_and_followed_only_if_there_is_more() {
        for (count, expected) in [(0, None), (2, None), (3, None), (4, Some(&2))] {
            let mut rows: Vec<i32> = (0..count).collect();
            assert_eq!(cut(&mut rows, 3), expected);
            assert!(rows.len() <= 3);
        }
    }
}
