//! The ties between names and values: signs, spaces, tags.

use crate::platform::redact::rules::bytes::{line_end, run};

/// How far before a name its row of a table may begin, in bytes.
const MAX_ROW: usize = 256;

/// The kinds of ties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// `name=value`.
    Equals,
    /// `name: value`.
    Colon,
    /// `name = value`.
    Spaced,
    /// `--name value`.
    Flag,
    /// `set name value`, `| name | value |`, `the name is: value`.
    Set,
    /// `("name", "value")`.
    Argument,
    /// `<name>value</name>`.
    Tag,
    /// `name 'value'`.
    Nothing,
}

/// The tie of a name to its value.
pub(super) struct Tied {
    /// Its kind.
    pub(super) by: Tie,
    /// The beginning of the value.
    pub(super) value: usize,
}

/// Finds what ties a name to what follows it.
pub(super) fn tie(text: &str, start: usize, end: usize) -> Option<Tied> {
    let bytes = text.as_bytes();
    let mut at = end;
    at += run(&bytes[at..], |byte| byte == b'\\');
    let is_closed = matches!(bytes.get(at), Some(b'"' | b'\'' | b'`'));
    at += usize::from(is_closed);
    at += usize::from(is_closed && bytes.get(at) == Some(&b']'));
    if !is_closed {
        at = end;
    }
    let opened = start.checked_sub(1).map(|before| bytes[before]);
    if opened == Some(b'<') && bytes.get(at) == Some(&b'>') {
        let value = at + 1;
        return Some(Tied {
            by: Tie::Tag,
            value,
        });
    }
    // Text that is set in bold.
    at += run(&bytes[at..], |byte| byte == b'*').min(3);
    let is_opened = matches!(opened, Some(b'"' | b'\'' | b'`'));
    let gap = gap(&bytes[at..]);
    at += gap;
    let rest = &bytes[at..];
    let (by, length) = match rest {
        [b'=', b'=' | b'~', ..] | [b':', b':' | b')', ..] => return None,
        [b'=', b'>', ..] | [b':', b'=', ..] => (Tie::Colon, 2),
        [b'=', ..] if gap == 0 => (Tie::Equals, 1),
        [b'=', ..] => (Tie::Spaced, 1),
        [b':', ..] => (Tie::Colon, 1),
        [b'%', b'3', b'D' | b'd', ..] => (Tie::Equals, 3),
        [b',', ..] if is_closed && text[start..].starts_with('-') && is_opened => (Tie::Flag, 1),
        // The second argument of a call that sets something.
        [b',', ..] if is_closed && is_argument(bytes, start) => (Tie::Argument, 1),
        _ if gap > 0 && is_flag(bytes, start) => (Tie::Flag, 0),
        _ if gap > 0 && !is_closed && follows_set(bytes, start) => (Tie::Set, 0),
        [b'i', b's', b':', ..] if gap > 0 => (Tie::Set, 3),
        [b'|', ..] if is_in_row(bytes, start) => (Tie::Set, 1),
        [b'"' | b'\'', ..] if gap > 0 && !is_closed => (Tie::Nothing, 0),
        _ => return None,
    };
    at += length;
    at += run(&bytes[at..], |byte| byte == b'*').min(3);
    let after = self::gap(&bytes[at..]);
    // Colours stand between a name and its value without being a space.
    let by = if by == Tie::Equals && bytes.get(at) == Some(&b' ') {
        Tie::Spaced
    } else {
        by
    };
    Some(Tied {
        by,
        value: at + after,
    })
}

/// The name here is an option: with two dashes, or with one that begins a word.
fn is_flag(bytes: &[u8], start: usize) -> bool {
    let before = start.checked_sub(1).map_or(b' ', |before| bytes[before]);
    let begins = before.is_ascii_whitespace() || matches!(before, b'"' | b'\'' | b'`');
    bytes[start..].starts_with(b"--") || (bytes[start] == b'-' && begins)
}

/// The name here is in quotes, and these are the first argument of a call.
fn is_argument(bytes: &[u8], start: usize) -> bool {
    let back = |count: usize| start.checked_sub(count).map_or(0, |place| bytes[place]);
    matches!(back(1), b'"' | b'\'') && back(2) == b'('
}

/// The word before the name here sets something.
fn follows_set(bytes: &[u8], start: usize) -> bool {
    let before = bytes[..start].trim_ascii_end();
    before.len() < start && (before.ends_with(b" set") || before.ends_with(b" config"))
}

/// The name here is in a row of a table.
fn is_in_row(bytes: &[u8], start: usize) -> bool {
    let line = bytes[..start].iter().rev().take(MAX_ROW);
    let line = line.take_while(|byte| **byte != b'\n').count();
    bytes[start - line..start]
        .trim_ascii_start()
        .starts_with(b"|")
}

/// Length of the spaces and terminal colours from the beginning, and of a backslash that ends a line.
fn gap(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += run(&bytes[at..], |byte| matches!(byte, b' ' | b'\t'));
        if at > 0
            && bytes.get(at) == Some(&b'\\')
            && matches!(bytes.get(at + 1), Some(b'\n' | b'\r'))
        {
            at += 1 + line_end(bytes, at + 1);
            continue;
        }
        if !bytes[at..].starts_with(b"\x1b[") {
            return at;
        }
        let length = run(&bytes[at + 2..], |byte| {
            byte.is_ascii_digit() || byte == b';'
        });
        at += 2 + length + usize::from(bytes.get(at + 2 + length) == Some(&b'm'));
    }
}
