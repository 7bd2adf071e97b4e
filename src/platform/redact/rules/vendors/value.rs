//! Keys that are called by the service they open and by nothing else: `algolia: …`.
//!
//! A name of a service says little, so that only a value that a machine made counts.

use crate::platform::redact::rules::below::next_line;
use crate::platform::redact::rules::bytes::{is_word, plain, run};
use crate::platform::redact::rules::keys::MAX_NAME;
use crate::platform::redact::rules::span::Span;
use crate::platform::redact::rules::tie::{Tie, tie};
use crate::platform::redact::rules::vendors::table::{VENDORS, Vendor};

/// The endings that may follow the name of a service in the name of its key.
const ENDS: &[&str] = &[
    "",
    "api",
    "key",
    "apikey",
    "access",
    "accesskey",
    "accountkey",
    "ci",
    "io",
    "appkey",
    "personal",
];
/// The services whose keys are UUIDs.
const WITH_UUID: &[&str] = &[
    "heroku",
    "hubspot",
    "kucoin",
    "messagebird",
    "sendbird",
    "snyk",
    "squarespace",
];

/// The longest key, in bytes.
const MAX_KEY: usize = 120;
/// The most dashes in a key.
const MAX_DASHES: usize = 6;

/// The key that is called by the service whose anchor is here.
pub(in crate::platform::redact::rules) fn value_of_vendor(
    text: &str,
    at: usize,
    vendor: &Vendor,
) -> Option<Span> {
    let (from, to) = value(text, at, vendor)?;
    Span::checked(text, from, to, |value| is_key(value, vendor))
}

/// The beginning of such a key that may go on beyond the end of the text.
pub(in crate::platform::redact) fn open_vendor(
    text: &str,
    at: usize,
    vendor: &Vendor,
) -> Option<usize> {
    let (from, to) = value(text, at, vendor)?;
    (to == text.len() && to - from <= MAX_KEY).then_some(from)
}

fn value(text: &str, at: usize, vendor: &Vendor) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let start = at.checked_sub(vendor.offset)?;
    let found = bytes.get(start..start + vendor.name.len())?;
    if !found.eq_ignore_ascii_case(vendor.name.as_bytes()) {
        return None;
    }
    let is_name = |byte: u8| is_word(byte) || byte == b'.';
    let before = bytes[..start].iter().rev().take(MAX_NAME);
    let begin = start - before.take_while(|byte| is_name(**byte)).count();
    let after = start + vendor.name.len();
    let end = after + run(&bytes[after..bytes.len().min(after + MAX_NAME)], is_name);
    let end = after + text[after..end].trim_end_matches('.').len();
    if !is_end(&text[after..end]) {
        return None;
    }
    let tied = tie(text, begin, end)?;
    if matches!(tied.by, Tie::Nothing | Tie::Tag) {
        return None;
    }
    let value = match tied.by {
        Tie::Colon | Tie::Equals | Tie::Spaced => {
            next_line(bytes, tied.value).unwrap_or(tied.value)
        }
        Tie::Flag | Tie::Set | Tie::Line | Tie::Argument | Tie::Tag | Tie::Nothing => tied.value,
    };
    let quotes = run(&bytes[value..], |byte| {
        matches!(byte, b'"' | b'\'' | b'`' | b'\\')
    });
    let from = value + quotes.min(4);
    Some((from, from + plain(&bytes[from..])))
}

/// A member of an object with this name and value is such a key.
pub(in crate::platform::redact) fn is_key_of_vendor(name: &str, value: &str) -> bool {
    if !is_random(value, true) {
        return false;
    }
    let lower = name.to_ascii_lowercase();
    let is_named = |vendor: &&Vendor| {
        let found = lower.rfind(vendor.name);
        found.is_some_and(|at| is_end(&lower[at + vendor.name.len()..]))
    };
    VENDORS
        .iter()
        .find(is_named)
        .is_some_and(|vendor| is_key(value, vendor))
}

fn is_end(rest: &str) -> bool {
    let letters: String = rest.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters = letters.to_ascii_lowercase();
    ENDS.contains(&letters.as_str())
}

fn is_key(value: &str, vendor: &Vendor) -> bool {
    is_random(value, WITH_UUID.contains(&vendor.name))
}

/// A value looks as if a machine drew it: letters and digits change often, and it is not the name of
/// something.
fn is_random(value: &str, may_be_uuid: bool) -> bool {
    let bytes = value.as_bytes();
    let of = |byte: &u8| is_word(*byte) || matches!(byte, b'=' | b'+' | b'/');
    // Nearly all other values are ruled out by their length or their first blank.
    if !(16..=MAX_KEY).contains(&bytes.len()) || !bytes.iter().all(of) {
        return false;
    }
    let is_digit = |at: usize| bytes[at].is_ascii_digit();
    let changes = (1..bytes.len()).filter(|at| is_digit(at - 1) != is_digit(*at));
    let dashes = value.matches('-').count();
    let is_uuid = bytes.len() == 36 && dashes == 4;
    let changes = changes.count();
    (changes >= 4 || changes >= 2 && has_no_syllables(bytes))
        && bytes.iter().any(u8::is_ascii_alphabetic)
        && (may_be_uuid || !is_uuid)
        && dashes <= MAX_DASHES
}

/// So many consonants follow each other as in no word.
fn has_no_syllables(bytes: &[u8]) -> bool {
    let is_consonant = |byte: &u8| byte.is_ascii_alphabetic() && !b"aeiouyAEIOUY".contains(byte);
    bytes.windows(6).any(|some| some.iter().all(is_consonant))
}
