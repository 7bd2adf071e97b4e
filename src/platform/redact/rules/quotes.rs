//! Values in quotes, as code, settings and JSON write them, and lists of such.

use crate::platform::redact::rules::bytes::{has_digit, run};
use crate::platform::redact::rules::keys::Named;
use crate::platform::redact::rules::plausible::{
    is_about_secrets, is_placeholder, is_strong, names_secret,
};
use crate::platform::redact::rules::span::Span;
use crate::platform::redact::rules::tie::Tie;

/// The shortest value in quotes that is taken for a credential when no sign ties it to its name.
const MIN_LONE: usize = 20;

/// The longest value in three quotes, and the longest list, in bytes.
const MAX_LINES: usize = 4096;

/// A value in quotes.
pub(super) struct Quoted {
    quote: u8,
    start: usize,
    end: usize,
    /// Its end is there.
    pub(super) is_closed: bool,
    /// It may have several lines.
    pub(super) has_lines: bool,
}

impl Quoted {
    /// The secret in it, if it holds one.
    pub(super) fn span(&self, text: &str, named: Named, by: Tie) -> Option<Span> {
        Span::checked(text, self.start, self.end, |value| {
            let is_one_word = !value.contains(char::is_whitespace);
            let is_harmless = match named {
                Named::Password => !is_one_word && is_about_secrets(value),
                Named::Credential => is_about_secrets(value) || names_secret(value),
                Named::Header => {
                    let rest = value.split_once(' ').map_or(value, |(_, rest)| rest);
                    is_placeholder(rest) || (!is_one_word && is_about_secrets(value))
                }
                Named::Address => value.contains("://"),
            };
            // Text about code puts names into backticks, and says nothing by standing beside them.
            let fits = match by {
                Tie::Nothing | Tie::Line => {
                    let is_long = value.len() >= MIN_LONE && is_strong(value);
                    is_one_word && (named == Named::Password || is_long)
                }
                Tie::Equals => true,
                Tie::Argument => is_strong(value),
                Tie::Colon | Tie::Spaced | Tie::Flag | Tie::Set | Tie::Tag => {
                    self.quote != b'`' || is_strong(value)
                }
            };
            // The quote ended the text that asks for it: `input("Password: ")`.
            let is_asked = !self.is_closed && value.starts_with(')');
            fits && !is_placeholder(value) && !is_harmless && !is_asked
        })
    }
}

/// The value in quotes that begins here; it ends with the line if it was cut off.
pub(super) fn quoted(text: &str, from: usize) -> Option<Quoted> {
    let bytes = text.as_bytes();
    // `b"…"` and its like.
    let prefix = run(&bytes[from..], |byte| {
        matches!(byte, b'b' | b'B' | b'r' | b'f' | b'u' | b'L' | b'@')
    });
    let open = from + if prefix <= 2 { prefix } else { 0 };
    let escapes = run(&bytes[open..], |byte| byte == b'\\');
    let quote = *bytes.get(open + escapes)?;
    if !matches!(quote, b'"' | b'\'' | b'`') {
        return None;
    }
    let start = open + escapes + 1;
    if escapes == 0 && bytes[start..].starts_with(&[quote, quote]) {
        return Some(in_three(bytes, start + 2, quote));
    }
    let mut at = start;
    let mut behind = 0;
    while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'\n') {
        let closes = if escapes == 0 {
            behind % 2 == 0
        } else {
            behind == escapes
        };
        if *byte == quote && closes {
            let end = at - if escapes == 0 { 0 } else { escapes };
            return Some(Quoted {
                quote,
                start,
                end,
                is_closed: true,
                has_lines: false,
            });
        }
        behind = if *byte == b'\\' { behind + 1 } else { 0 };
        at += 1;
    }
    Some(Quoted {
        quote,
        start,
        end: at,
        is_closed: false,
        has_lines: false,
    })
}

/// The value in three quotes, which may have several lines.
fn in_three(bytes: &[u8], start: usize, quote: u8) -> Quoted {
    let inner = &bytes[start..bytes.len().min(start + MAX_LINES)];
    let closes = |three: &[u8]| three.iter().all(|byte| *byte == quote);
    let length = inner.windows(3).position(closes);
    Quoted {
        quote,
        start,
        end: start + length.unwrap_or(inner.len()),
        is_closed: length.is_some() || inner.len() == MAX_LINES,
        has_lines: true,
    }
}

/// The members of a list of strings in JSON, which all are what its name says.
pub(super) fn list(text: &str, from: usize) -> Option<Span> {
    let inner = text.get(from..)?.strip_prefix('[')?;
    let length = length_of_list(inner);
    let is_list = inner[length..].starts_with(']') && inner.trim_start().starts_with(['"', '\\']);
    (is_list && has_digit(&inner[..length])).then(|| Span::new(from + 1, from + 1 + length, ""))
}

/// The beginning of the first member of such a list that is not closed yet.
pub(super) fn open_list(text: &str, from: usize) -> Option<usize> {
    let inner = text.get(from..)?.strip_prefix('[')?;
    let members = inner.trim_start();
    let is_open = length_of_list(inner) == inner.len() && inner.len() < MAX_LINES;
    (is_open && (members.is_empty() || members.starts_with(['"', '\\']))).then_some(from + 1)
}

fn length_of_list(inner: &str) -> usize {
    let inner = &inner.as_bytes()[..inner.len().min(MAX_LINES)];
    run(inner, |byte| !matches!(byte, b']' | b'(' | b'{'))
}
