//! Values that stand below their names: on the next line, in a list of YAML, in a block of it, or as the
//! `value` of a pair whose `name` they have.
//!
//! A colon at the end of a line is as often that of a sentence or of a structure. So what follows has to
//! be one word that is alone on its line and looks as if a machine made it, or be in quotes; and a block
//! has to be marked as one.

use std::ops::Range;

use crate::platform::redact::rules::bytes::{blanks, has_digit, is_word, line_end, plain, run};
use crate::platform::redact::rules::keys::Named;
use crate::platform::redact::rules::plausible::{
    is_about_secrets, is_placeholder, is_reference, is_strong, is_value,
};
use crate::platform::redact::rules::quotes::quoted;
use crate::platform::redact::rules::span::Span;
use crate::platform::redact::rules::tie::Tie;

/// The most that a block of YAML may hold, in bytes.
const MAX_BLOCK: usize = 8 * 1024;
/// The longest value that is alone on its line, in bytes.
const MAX_ALONE: usize = 1024;
/// The most members of a list that are looked at.
const MAX_ITEMS: usize = 64;
/// The most bytes between a name and the word `value`.
const MAX_GAP: usize = 80;

/// A place below a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ValueBelow {
    /// Its beginning.
    pub(super) start: usize,
    /// Its end, so far.
    pub(super) end: usize,
    /// More of it may follow the end of the text.
    pub(super) is_open: bool,
}

/// The beginning of the value on the line after the one that ends here.
pub(super) fn next_line(bytes: &[u8], at: usize) -> Option<usize> {
    let at = at + blanks(bytes, at);
    let end = line_end(bytes, at);
    let line = at + end;
    // A line of a diff has a sign before it.
    let sign = usize::from(matches!(bytes.get(line), Some(b'+' | b'-')) && is_in_diff(bytes, at));
    let start = line + sign + blanks(bytes, line + sign);
    (end > 0 && line_end(bytes, start) == 0).then_some(start)
}

/// The beginning of the value below the one empty line that follows the line that ends here.
pub(super) fn line_after_next(bytes: &[u8], at: usize) -> Option<usize> {
    let at = at + blanks(bytes, at);
    let end = line_end(bytes, at);
    if end > 0 {
        next_line(bytes, at + end)
    } else {
        None
    }
}

/// The line that ends here begins with the sign of a diff, and not with that of a list.
fn is_in_diff(bytes: &[u8], at: usize) -> bool {
    let line = bytes[..at].iter().rev().take(MAX_ALONE);
    let line = line.take_while(|byte| **byte != b'\n').count();
    let first = bytes.get(at - line..at - line + 2);
    matches!(
        first,
        Some([b'+', _] | [b'-', b' ' | b'\t' | b'"' | b'a'..=b'z' | b'A'..=b'Z' | b'_'])
    )
}

/// The secret that stands alone on the next line, and in `more` those of the list that it begins.
pub(super) fn secret(text: &str, from: usize, named: Named, more: &mut Vec<Span>) -> Option<Span> {
    let bytes = text.as_bytes();
    let Some(start) = next_line(bytes, from) else {
        let start = line_after_next(bytes, from)?;
        let is_quoted = quoted(text, start).is_some();
        return alone(text, start, named).filter(|_| !is_quoted);
    };
    let item = item(bytes, start);
    if item == start {
        return alone(text, start, named);
    }
    let first = alone(text, item, named)?;
    let mut line = first.end;
    for _ in 1..MAX_ITEMS {
        line += run(&bytes[line..], |byte| matches!(byte, b'"' | b'\'' | b','));
        let Some(next) = next_line(bytes, line) else {
            break;
        };
        let at = self::item(bytes, next);
        let Some(span) = (at > next).then(|| alone(text, at, named)).flatten() else {
            break;
        };
        line = span.end;
        more.push(span);
    }
    Some(first)
}

/// The beginning of a member of a list, after its dash; the same place when there is none.
fn item(bytes: &[u8], at: usize) -> usize {
    if bytes.get(at) == Some(&b'-') && matches!(bytes.get(at + 1), Some(b' ' | b'\t')) {
        at + 1 + blanks(bytes, at + 1)
    } else {
        at
    }
}

/// The member of a list of YAML that follows the one that is the name between these places.
pub(super) fn next_item(text: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let is_quote = |byte: Option<&u8>| matches!(byte, Some(b'"' | b'\''));
    let is_quoted = is_quote(bytes.get(end));
    // A quote that only follows the name has nothing before it.
    let front = start.checked_sub(usize::from(is_quoted))?;
    let front = bytes.get(..front)?.trim_ascii_end();
    if !front.ends_with(b"-") || front.len() == start {
        return None;
    }
    let at = end + usize::from(is_quoted);
    let at = at + blanks(bytes, at);
    let line = at + line_end(bytes, at);
    let line = line + blanks(bytes, line);
    let value = item(bytes, line);
    let value = (value > line).then_some(value)?;
    let end = end_of_line(text, value)?;
    let inset = usize::from(is_quote(bytes.get(value)) && end > value + 1);
    Some(value + inset..end - inset)
}

/// The secret that goes from here to the end of its line.
fn alone(text: &str, start: usize, named: Named) -> Option<Span> {
    if let Some(quoted) = quoted(text, start) {
        return quoted.span(text, named, Tie::Colon);
    }
    let end = end_of_line(text, start)?;
    let value = text.get(start..end)?;
    let is_plain = plain(value.as_bytes()) == value.len();
    let is_assigned = |(name, _): (&str, &str)| {
        name.bytes().all(|byte| is_word(byte) || byte == b'.') && !has_digit(name)
    };
    let is_name = value.ends_with([':', '=']) && !value.ends_with("==")
        || value
            .trim_end_matches('=')
            .split_once('=')
            .is_some_and(is_assigned);
    let is_file = value.len() < 32 && has_ending(value);
    let fits = matches!(named, Named::Password | Named::Credential)
        && is_plain
        && !is_name
        && !is_file
        && is_strong(value)
        && !is_reference(value, true)
        && !is_placeholder(value);
    fits.then(|| Span::new(start, end, ""))
}

/// The end of the only word of a line, without what ends a statement.
fn end_of_line(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let word = run(&bytes[start..], |byte| {
        !byte.is_ascii_whitespace() && byte != b'\\'
    });
    let end = start + word;
    let rest = end + blanks(bytes, end);
    let is_alone = rest == bytes.len() || line_end(bytes, rest) > 0 || bytes[rest] == b'\r';
    let value = text.get(start..end)?.trim_end_matches([',', ';']);
    (is_alone && word <= MAX_ALONE).then(|| start + value.len())
}

/// The text ends as the name of a file does, or is a path.
fn has_ending(value: &str) -> bool {
    let ending = value.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_ending =
        (1..=5).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_lowercase());
    is_ending || value.contains('/')
}

/// The block of YAML whose mark stands here: all lines after it that are set in deeper than the line of
/// its name.
pub(super) fn block(text: &str, name: usize, at: usize) -> Option<ValueBelow> {
    let bytes = text.as_bytes();
    if !matches!(bytes.get(at), Some(b'|' | b'>')) {
        return None;
    }
    let marks = run(&bytes[at + 1..], |byte| {
        matches!(byte, b'+' | b'-' | b'1'..=b'9')
    });
    let mut head = at + 1 + marks;
    head += blanks(bytes, head);
    if bytes.get(head) == Some(&b'#') {
        head += run(&bytes[head..], |byte| byte != b'\n' && byte != b'\r');
    }
    let end_of_head = line_end(bytes, head);
    if marks > 2 || end_of_head == 0 {
        return None;
    }
    let line = bytes[..name].iter().rev().take(MAX_ALONE);
    let line = name - line.take_while(|byte| **byte != b'\n').count();
    let is_added = bytes[line] == b'+';
    let indent = indent(bytes, line, is_added);
    let (mut start, mut end) = (None, head + end_of_head);
    let mut at = end;
    let is_open = loop {
        if at >= bytes.len() || at - head > MAX_BLOCK {
            break at >= bytes.len();
        }
        let depth = self::indent(bytes, at, is_added);
        let content = at + depth;
        let is_blank = line_end(bytes, content) > 0 || content == bytes.len();
        if !is_blank && depth <= indent {
            break false;
        }
        let to = content + length_of_line(bytes, content);
        if !is_blank {
            start = start.or(Some(content));
            end = to;
        }
        let end_of_line = line_end(bytes, to);
        if end_of_line == 0 {
            break true;
        }
        at = to + end_of_line;
    };
    let start = start.unwrap_or(end);
    Some(ValueBelow {
        start,
        end,
        is_open,
    })
}

/// The indentation of a line.
fn indent(bytes: &[u8], line: usize, is_added: bool) -> usize {
    let sign = usize::from(is_added && bytes.get(line) == Some(&b'+'));
    sign + blanks(bytes, line + sign)
}

fn length_of_line(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    while end < bytes.len() && line_end(bytes, end) == 0 {
        end += 1;
    }
    end - at
}

/// The secret in a block of YAML. A private key is found as one.
pub(super) fn secret_of_block(text: &str, name: usize, at: usize) -> Option<Span> {
    let block = block(text, name, at)?;
    let is_secret = |value: &str| {
        let value = value.trim();
        !is_placeholder(value) && !is_about_secrets(value) && !value.contains("-----BEGIN ")
    };
    Span::checked(text, block.start, block.end, is_secret)
}

/// The value of a pair of a `name`, which is the text between these places, and a `value`.
pub(super) fn value_of_pair(text: &str, start: usize, end: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if !is_named(bytes, start) {
        return None;
    }
    let mut at = end;
    while at < end + MAX_GAP {
        match bytes.get(at)? {
            b'\\' => at += line_end(bytes, at).max(1),
            b'"' | b'\'' | b',' | b' ' | b'\t' | b'\n' | b'\r' | b'+' => at += 1,
            _ => break,
        }
    }
    // As templates of CloudFormation name it.
    at += if bytes[at..].starts_with(b"ParameterValue") {
        9
    } else {
        0
    };
    let word = bytes.get(at..at + 5)?;
    if at == end || !word.eq_ignore_ascii_case(b"value") {
        return None;
    }
    at += 5;
    at += run(&bytes[at..], |byte| matches!(byte, b'\\' | b'"' | b'\''));
    at += blanks(bytes, at);
    if !matches!(bytes.get(at), Some(b':' | b'=')) {
        return None;
    }
    Some(at + 1 + blanks(bytes, at + 1))
}

/// `name:`, `key=` and their like stand before a place.
fn is_named(bytes: &[u8], start: usize) -> bool {
    let back = |at: usize, is: fn(u8) -> bool| {
        let before = bytes[..at].iter().rev().take(8);
        at - before.take_while(|byte| is(**byte)).count()
    };
    let at = back(start, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    let at = back(at, |byte| matches!(byte, b' ' | b'\t'));
    if !matches!(
        at.checked_sub(1).map(|before| bytes[before]),
        Some(b':' | b'=')
    ) {
        return false;
    }
    let at = back(at - 1, |byte| matches!(byte, b' ' | b'\t'));
    let at = back(at, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    let word = &bytes[at.saturating_sub(4)..at];
    word.eq_ignore_ascii_case(b"name")
        || word
            .get(1..)
            .is_some_and(|word| word.eq_ignore_ascii_case(b"key"))
}

/// The secret that is the value of a pair, and begins here.
pub(super) fn secret_of_pair(text: &str, at: usize, named: Named) -> Option<Span> {
    if let Some(quoted) = quoted(text, at) {
        return quoted.span(text, named, Tie::Equals);
    }
    let end = at + plain(&text.as_bytes()[at..]);
    Span::checked(text, at, end, |value| {
        is_value(value, named) && (is_strong(value) || !is_reference(value, true))
    })
}
