//! The ties between names and values: signs, spaces, tags.

use crate::platform::redact::rules::bytes::run;

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
        _ if gap > 0 && text[start..].starts_with("--") => (Tie::Flag, 0),
        [b'"' | b'\'', ..] if gap > 0 && !is_closed => (Tie::Nothing, 0),
        _ => return None,
    };
    at += length;
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

/// Length of the spaces and terminal colours from the beginning.
fn gap(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += run(&bytes[at..], |byte| matches!(byte, b' ' | b'\t'));
        if !bytes[at..].starts_with(b"\x1b[") {
            return at;
        }
        let length = run(&bytes[at + 2..], |byte| {
            byte.is_ascii_digit() || byte == b';'
        });
        at += 2 + length + usize::from(bytes.get(at + 2 + length) == Some(&b'm'));
    }
}
