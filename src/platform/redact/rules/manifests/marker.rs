//! The words that tell of a secret of Kubernetes: `kind: Secret`, `stringData`.

use crate::platform::redact::rules::bytes::{blanks, is_word};
use crate::platform::redact::rules::plausible::is_placeholder;

/// The most bytes between `kind` and what it is.
const MAX_GAP: usize = 16;

/// The kinds of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::platform::redact::rules) enum Tells {
    /// `kind: Secret`, or a list of such.
    Kind,
    /// `stringData`, which nothing else has.
    StringData,
    /// `apiVersion`: what follows is some object, and may yet turn out to be a secret.
    Version,
}

/// Such a word in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::platform::redact::rules) struct Marker {
    /// The kind of word.
    pub(super) tells: Tells,
    /// The beginning of the name of the member, in front of its quote.
    pub(super) at: usize,
    /// The number of backslashes before each quote around.
    pub(super) escapes: usize,
    /// The name is in quotes, or a brace or a comma stands before it.
    pub(super) is_flow: bool,
}

impl Marker {
    /// The one whose anchor is here: the middle of `Secret`, of `stringData` or of `apiVersion`.
    pub(in crate::platform::redact::rules) fn at(text: &str, at: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        match bytes.get(at..at + 3)? {
            b"ecr" => Self::kind(bytes, at.checked_sub(1)?),
            b"ngD" => Self::member(bytes, at.checked_sub(4)?, b"stringData", Tells::StringData),
            b"piV" => Self::member(bytes, at.checked_sub(1)?, b"apiVersion", Tells::Version),
            _ => None,
        }
    }

    fn kind(bytes: &[u8], value: usize) -> Option<Self> {
        let rest = bytes[value..].strip_prefix(b"Secret")?;
        let rest = rest.strip_prefix(b"List").unwrap_or(rest);
        if rest.first().is_some_and(|byte| is_word(*byte)) {
            return None;
        }
        let from = value.saturating_sub(MAX_GAP);
        let before = &bytes[from..value];
        let is_gap = |byte: &&u8| matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b'\t' | b':');
        let gap = before.iter().rev().take_while(is_gap).count();
        if !before[before.len() - gap..].contains(&b':') {
            return None;
        }
        Self::member(bytes, value.checked_sub(gap + 4)?, b"kind", Tells::Kind)
    }

    /// The member of this name that begins here.
    fn member(bytes: &[u8], start: usize, name: &[u8], tells: Tells) -> Option<Self> {
        let rest = bytes[start..].strip_prefix(name)?;
        let quote = start.checked_sub(1).map(|before| bytes[before]);
        let closing = rest.iter().take_while(|byte| **byte == b'\\').count();
        // A quote before the name alone begins a string that holds lines.
        let is_quoted = matches!(quote, Some(b'"' | b'\'')) && rest.get(closing).copied() == quote;
        let at = start - usize::from(is_quoted);
        let escapes = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\');
        let escapes = if is_quoted { escapes.count() } else { 0 };
        let rest = &rest[if is_quoted { closing + 1 } else { 0 }..];
        if rest.get(blanks(rest, 0)) != Some(&b':') {
            return None;
        }
        let before = bytes[..at - escapes].iter().rev();
        let mut before = before.skip_while(|byte| matches!(byte, b' ' | b'\t'));
        let previous = before.next();
        if !is_quoted && previous.is_some_and(|byte| is_word(*byte) && *byte != b'-') {
            // An escaped line end is no part of the name.
            let is_end = bytes[..at].ends_with(b"\\n");
            let is_apart = matches!(bytes[..at].last(), Some(b' ' | b'\t'));
            if !is_end && !is_apart {
                return None;
            }
        }
        Some(Self {
            tells,
            at,
            escapes,
            is_flow: is_quoted || matches!(previous, Some(b'{' | b',')),
        })
    }
}

/// The value can be a secret: it is not what a template puts there.
pub(super) fn is_secret(value: &str) -> bool {
    let stands_for =
        is_placeholder(value) && value.starts_with(|sign: char| !sign.is_alphanumeric());
    !value.trim().is_empty() && !stands_for
}
