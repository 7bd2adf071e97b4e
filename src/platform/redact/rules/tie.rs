//! The ties between names and values: signs, spaces, tags.

use crate::platform::redact::rules::bytes::{line_end, run};

/// The distance, in bytes, at which the row of a table may begin before a name in it.
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
    /// `name value`, alone on their line.
    Line,
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
    let opened = start.checked_sub(1).map(|before| bytes[before]);
    let is_symbol = matches!(opened, Some(b':' | b'[')) && !is_closed;
    let is_member = (is_closed || is_symbol && at == end) && bytes.get(at) == Some(&b']');
    if !is_closed {
        at = end;
    }
    at += usize::from(is_member);
    if opened == Some(b'<') && bytes.get(at) == Some(&b'>') {
        let value = at + 1;
        return Some(Tied {
            by: Tie::Tag,
            value,
        });
    }
    if let Some(value) = element(bytes, start, at, is_closed) {
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
        [b'"' | b'\'', ..] if gap > 0 && (!is_closed || is_member) => (Tie::Nothing, 0),
        _ if gap > 0 && !is_closed && is_line(bytes, start, at) => (Tie::Line, 0),
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

/// The value of an element that follows its name: in a list of properties of Apple's, and in an element
/// that has the name as its own.
fn element(bytes: &[u8], start: usize, end: usize, is_closed: bool) -> Option<usize> {
    let rest = &bytes[end..];
    if is_closed {
        let name = bytes[..start.checked_sub(1)?].strip_suffix(b"name=")?;
        let is_element = name.ends_with(b" ") && rest.starts_with(b">");
        return is_element.then_some(end + 1);
    }
    let after = rest.strip_prefix(b"</key>")?;
    let gap = run(after, |byte| byte.is_ascii_whitespace());
    let value = after[gap..].strip_prefix(b"<string>")?;
    bytes[..start]
        .ends_with(b"<key>")
        .then(|| bytes.len() - value.len())
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
    let last = before.len()
        - before
            .iter()
            .rev()
            .take(16)
            .take_while(|byte| !byte.is_ascii_whitespace())
            .count();
    let (front, last) = before.split_at(last);
    let is = |word: &[u8], words: &[&str]| {
        words
            .iter()
            .any(|one| one.as_bytes().eq_ignore_ascii_case(word))
    };
    let is_apart = before.len() < start;
    let sets = is(last, &["setx", "setenv"])
        || !front.is_empty() && is(last, &["set", "config"])
        || is(last, &["-x", "-gx", "-Ux", "-xg"]) && front.trim_ascii_end().ends_with(b"set");
    // A variable as PowerShell names it.
    sets && is_apart || bytes[..start].ends_with(b" Env:") || bytes[..start].ends_with(b" env:")
}

/// The name here begins its line, and one word after it ends that.
fn is_line(bytes: &[u8], start: usize, at: usize) -> bool {
    let mut before = bytes[..start].iter().rev();
    let mut before = before
        .by_ref()
        .skip_while(|byte| matches!(byte, b' ' | b'\t' | b'+'));
    let word = run(&bytes[at..], |byte| {
        !byte.is_ascii_whitespace() && byte != b'\\'
    });
    let after = at + word + gap(&bytes[at + word..]);
    word > 0
        && matches!(before.next(), None | Some(b'\n'))
        && (after == bytes.len() || line_end(bytes, after) > 0)
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
