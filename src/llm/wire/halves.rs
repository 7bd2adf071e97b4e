//! Characters that come in two halves: a gateway that cuts a text at a fixed length may cut through a
//! pair of surrogates, so that each of two chunks holds half a character as an escape.
//!
//! No JSON parser takes such an escape. So each is written as a character of the last private plane,
//! which holds as many as there are halves, until the other half is there.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

/// The first half, and the character that stands for it.
const FIRST_HALF: u32 = 0xd800;
const FIRST_MARK: u32 = 0x0010_f800;
/// The first second half.
const FIRST_LOW: u32 = 0xdc00;
/// Stands for half a character whose other half does not come.
const REPLACEMENT: char = '\u{fffd}';

/// Reads a document. Halves in it become marks, for [`Joiner`] and [`joined`].
pub(super) fn read<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(json).or_else(|error| match marked(json) {
        Some(marked) => serde_json::from_slice(&marked),
        None => Err(error),
    })
}

/// Joins the halves of a text that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    /// The first half at the end of the last piece.
    held: Option<char>,
}

impl Joiner {
    /// The next piece; a first half at its end waits for the piece after it.
    pub(super) fn push(&mut self, piece: &str) -> String {
        let mut text: String = self.held.take().into_iter().collect();
        text.push_str(piece);
        if text.chars().next_back().is_some_and(is_high) {
            self.held = text.pop();
        }
        joined(&text).into_owned()
    }

    /// The rest, when no piece follows.
    pub(super) fn rest(&mut self) -> Option<String> {
        self.held.take().map(|_| REPLACEMENT.to_string())
    }
}

/// A text that is complete, its halves joined where both are there.
pub(super) fn joined(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| half(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut whole = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let Some(first) = half(c) else {
            whole.push(c);
            continue;
        };
        let second = chars.peek().and_then(|next| half(*next));
        match second.and_then(|second| pair(first, second)) {
            Some(character) => {
                whole.push(character);
                chars.next();
            }
            None => whole.push(REPLACEMENT),
        }
    }
    Cow::Owned(whole)
}

/// The half that a mark stands for.
fn half(c: char) -> Option<u32> {
    u32::from(c)
        .checked_sub(FIRST_MARK)
        .map(|at| at + FIRST_HALF)
}

fn is_high(c: char) -> bool {
    half(c).is_some_and(|half| half < FIRST_LOW)
}

fn pair(first: u32, second: u32) -> Option<char> {
    if first >= FIRST_LOW || second < FIRST_LOW {
        return None;
    }
    char::from_u32(0x10000 + ((first - FIRST_HALF) << 10) + (second - FIRST_LOW))
}

/// A document whose halves are marks; none when it holds no half.
fn marked(json: &[u8]) -> Option<Vec<u8>> {
    let mut marked = Vec::with_capacity(json.len());
    let mut found = false;
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        if byte != b'\\' {
            marked.push(byte);
            at += 1;
            continue;
        }
        let length = match (escaped(json, at), escaped(json, at + 6)) {
            (Some(first), Some(second)) if pair(first, second).is_some() => 12,
            (Some(half), _) => {
                found = true;
                let mark = char::from_u32(FIRST_MARK + half - FIRST_HALF)?;
                marked.extend_from_slice(mark.encode_utf8(&mut [0; 4]).as_bytes());
                at += 6;
                continue;
            }
            // The character after the backslash belongs to it, another backslash above all.
            (None, _) => 2,
        };
        marked.extend_from_slice(json.get(at..at + length).unwrap_or(&json[at..]));
        at += length;
    }
    found.then_some(marked)
}

/// The half whose escape begins here.
fn escaped(json: &[u8], at: usize) -> Option<u32> {
    let escape = json.get(at..at + 6)?.strip_prefix(br"\u")?;
    let half = u32::from_str_radix(std::str::from_utf8(escape).ok()?, 16).ok()?;
    (FIRST_HALF..0xe000).contains(&half).then_some(half)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn text(json: &str) -> String {
        let value: Value = read(json.as_bytes()).unwrap();
        value.as_str().unwrap().to_owned()
    }

    #[test]
    fn halves_in_two_pieces_are_one_character_again() {
        let mut joiner = Joiner::default();
        let pieces = [r#""Editing \ud83d""#, r#""\ude00 now""#].map(text);
        let told: String = pieces.iter().map(|piece| joiner.push(piece)).collect();
        assert_eq!(told, "Editing 😀 now");
        assert_eq!(joiner.rest(), None);
    }

    #[test]
    fn a_half_whose_other_half_does_not_come_is_replaced() {
        let mut joiner = Joiner::default();
        assert_eq!(joiner.push(&text(r#""a\ud83d""#)), "a");
        assert_eq!(joiner.push("b"), "\u{fffd}b");
        assert_eq!(joiner.push(&text(r#""\ude00c\uD83D""#)), "\u{fffd}c");
        assert_eq!(joiner.rest().unwrap(), "\u{fffd}");
        assert_eq!(joined(&text(r#""\ude00\ud83d""#)), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn what_only_looks_like_an_escape_is_left_alone() {
        for json in [r#""\\ud83d""#, r#""\ud83d\ude00""#, r#""\u00e4""#] {
            assert_eq!(marked(json.as_bytes()), None, "{json}");
        }
        assert!(read::<Value>(br#"{"a": "\ud83"#).is_err());
    }

    proptest! {
        #[test]
        fn a_text_that_is_cut_anywhere_comes_out_whole(whole in "[a-z😀🧭\\\\\"]{0,8}", cut in 0usize..16) {
            let units: Vec<u16> = whole.encode_utf16().collect();
            let (head, tail) = units.split_at(cut.min(units.len()));
            let mut joiner = Joiner::default();
            let mut told = String::new();
            for part in [head, tail] {
                let escapes: Vec<String> = part.iter().map(|unit| format!("\\u{unit:04x}")).collect();
                let escaped = escapes.concat();
                told.push_str(&joiner.push(&text(&format!("\"{escaped}\""))));
            }
            prop_assert_eq!(told, whole);
        }
    }
}
