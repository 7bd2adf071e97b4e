//! Files that programs read their passwords from: `.netrc` and `.pgpass`.

use crate::platform::redact::rules::bytes::{blanks, line_end, run};
use crate::platform::redact::rules::plausible::is_placeholder;
use crate::platform::redact::rules::span::Span;

/// The distance, in bytes, at which the machine may stand before a password of `.netrc`.
const MAX_ENTRY: usize = 400;
/// The most words between a machine and its password, in pairs.
const MAX_PAIRS: usize = 4;
/// The most bytes of blanks and line ends before a value.
const MAX_GAP: usize = 64;

/// The password of an entry in `.netrc`, whose word stands here.
pub(in crate::platform::redact::rules) fn password_of_netrc(
    text: &str,
    start: usize,
    end: usize,
) -> Option<Span> {
    let (from, to) = value_of_netrc(text, start, end)?;
    Span::checked(text, from, to, |value| !is_placeholder(value))
}

/// Where that password is, as far as it goes.
pub(in crate::platform::redact::rules) fn value_of_netrc(
    text: &str,
    start: usize,
    end: usize,
) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    if !matches!(&text[start..end], "password" | "passwd" | "account") {
        return None;
    }
    let mut from = end;
    while from < end + MAX_GAP {
        let gap = blanks(bytes, from) + line_end(bytes, from + blanks(bytes, from));
        if gap == 0 {
            break;
        }
        from += gap;
    }
    let is_quoted = bytes.get(from) == Some(&b'"');
    from += usize::from(is_quoted);
    let rest = bytes.get(from..)?;
    let ends = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'\\');
    let length = run(rest, |byte| {
        if is_quoted {
            byte != b'"' && byte != b'\n'
        } else {
            !ends(byte)
        }
    });
    (from > end && is_in_entry(&text[..start])).then_some((from, from + length))
}

/// True when an entry begins in the text before: a machine, and pairs of a word and its value.
fn is_in_entry(before: &str) -> bool {
    let from = before.ceil_char_boundary(before.len().saturating_sub(MAX_ENTRY));
    let lines = before[from..].rsplit(char::is_whitespace);
    let words = lines.flat_map(|word| word.rsplit("\\n"));
    // The entry may begin after a quote, a sign of a diff or the name of a file.
    let words = words.filter_map(|word| {
        let is_sign = |sign: char| matches!(sign, '"' | '\'' | '`' | '(' | '+' | ':' | '\\');
        word.trim_end_matches(is_sign).rsplit(is_sign).next()
    });
    let words = words.map(|word| word.trim_start_matches('-'));
    let mut words = words.filter(|word| !word.is_empty());
    for _ in 0..MAX_PAIRS {
        let value = words.next();
        if value == Some("default") {
            return true;
        }
        match words.next() {
            Some("machine") => return true,
            Some("login" | "account" | "user" | "password" | "passwd" | "port") => {}
            Some(_) | None => return false,
        }
    }
    false
}

/// The password of a line of `.pgpass`, by the colon before its port.
pub(in crate::platform::redact::rules) fn password_of_pgpass(
    text: &str,
    at: usize,
) -> Option<Span> {
    let (start, end) = value_of_pgpass(text, at)?;
    Span::checked(text, start, end, |value| !is_placeholder(value))
}

/// The beginning of such a password that may go on beyond the end of the text.
pub(in crate::platform::redact) fn open_pgpass(text: &str, at: usize) -> Option<usize> {
    let (start, end) = value_of_pgpass(text, at)?;
    (end == text.len()).then_some(start)
}

fn value_of_pgpass(text: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let digits = run(&bytes[at + 1..], |byte| byte.is_ascii_digit());
    let port = match digits {
        3..=5 => digits,
        0 if bytes.get(at + 1) == Some(&b'*') => 1,
        _ => return None,
    };
    let mut from = at + 1 + port;
    // Groups of an address look like fields, and are short.
    let mut is_address = true;
    for _ in 0..2 {
        if bytes.get(from) != Some(&b':') {
            return None;
        }
        let field = run(&bytes[from + 1..], is_field);
        let inner = &bytes[from + 1..from + 1 + field];
        if inner.is_empty() {
            return None;
        }
        is_address &= field <= 4 && inner.iter().all(u8::is_ascii_hexdigit);
        from += 1 + field;
    }
    if bytes.get(from) != Some(&b':') || is_address || !has_host(bytes, at) {
        return None;
    }
    let start = from + 1;
    let mut end = start;
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'\\' if matches!(bytes.get(end + 1), Some(b':' | b'\\')) => end += 2,
            b'\\' | b'"' | b'\'' | b'`' | b'<' | b'>' => break,
            byte if byte.is_ascii_whitespace() => break,
            _ => end += 1,
        }
    }
    Some((start, end))
}

fn is_field(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'*' | b'@' | b'$')
}

/// A host, a folder of sockets or `*` ends here, and begins a word.
fn has_host(bytes: &[u8], at: usize) -> bool {
    let of = |byte: &&u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'*' | b'/' | b'+')
    };
    let in_brackets = |byte: &&u8| of(byte) || **byte == b':';
    let host = match bytes[..at].strip_suffix(b"]") {
        Some(inner) => {
            let length = inner.iter().rev().take(64).take_while(in_brackets).count();
            if inner[..inner.len() - length].ends_with(b"[") {
                length + 2
            } else {
                0
            }
        }
        None => bytes[..at].iter().rev().take(255).take_while(of).count(),
    };
    let before = (at - host).checked_sub(1).map(|before| bytes[before]);
    let is_apart = before.is_none_or(|byte| {
        byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b'>')
    });
    host > 0 && is_apart
}
