//! A command line, taken apart into words as far as that is needed: as a shell reads it, in a text that
//! may be JSON or prose; or a list of strings.

use std::ops::Range;

use crate::platform::redact::rules::bytes::{blanks, line_end};

/// The most of a command that is read, in bytes.
pub(in crate::platform::redact) const MAX_COMMAND: usize = 1024;

/// The words that follow a place in a text, up to the end of their command.
pub(super) struct CommandLine<'t> {
    text: &'t str,
    at: usize,
    limit: usize,
    /// The quote that ends the command, or around each word of a list.
    quote: Option<u8>,
    is_list: bool,
}

impl<'t> CommandLine<'t> {
    /// The words after a word that stands here.
    pub(super) fn after(text: &'t str, start: usize, end: usize) -> Self {
        let bytes = text.as_bytes();
        let path = bytes[..start].iter().rev().take(128);
        let path = path.take_while(|byte| is_path(**byte)).count();
        let before = (start - path).checked_sub(1).map(|before| bytes[before]);
        let quote = before.filter(|byte| is_quote(*byte));
        let escapes = escapes(bytes, end);
        let is_list = quote.is_some() && bytes.get(end + escapes).copied() == quote;
        Self {
            text,
            at: end + if is_list { escapes + 1 } else { 0 },
            limit: text.floor_char_boundary(end + MAX_COMMAND),
            quote,
            is_list,
        }
    }

    /// A member of a list: what stands between the next two quotes.
    fn member(&mut self) -> Option<Range<usize>> {
        let (bytes, quote) = (self.text.as_bytes(), self.quote?);
        while self.at < self.limit {
            match bytes[self.at] {
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b'\\' => self.at += 1,
                byte if byte == quote => break,
                _ => return None,
            }
        }
        if self.at >= self.limit {
            return None;
        }
        let start = self.at + 1;
        let inner = &bytes[start..self.limit];
        let end = start
            + inner
                .iter()
                .position(|byte| *byte == quote)
                .unwrap_or(inner.len());
        self.at = end + 1;
        // The backslash of an escaped quote belongs to the quote.
        let escaped = usize::from(end > start && end < self.limit && bytes[end - 1] == b'\\');
        Some(start..end - escaped)
    }

    /// A word of a shell.
    fn word(&mut self) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        loop {
            self.at += blanks(bytes, self.at);
            // A line goes on after a backslash.
            let goes_on = bytes.get(self.at) == Some(&b'\\');
            let end = line_end(bytes, self.at + 1);
            if !goes_on || end == 0 || bytes.get(self.at + 1) == Some(&b'\\') {
                break;
            }
            self.at += 1 + end;
        }
        let start = self.at;
        while self.at < self.limit && !ends_word(bytes[self.at]) {
            match bytes[self.at] {
                byte if is_quote(byte) => {
                    if Some(byte) == self.quote || self.ends_string() {
                        self.limit = self.at;
                        break;
                    }
                    self.at = self.after_quotes(byte);
                }
                b'\\' if ends_escaped(bytes, self.at) => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at = self.text.floor_char_boundary(self.at.min(self.limit));
        (self.at > start).then_some(start..self.at)
    }

    /// The quote here ends the string that the command is written in.
    fn ends_string(&self) -> bool {
        let bytes = self.text.as_bytes();
        let before = self.at.checked_sub(1).map_or(b' ', |before| bytes[before]);
        let is_inside = !ends_word(before);
        let next = bytes.get(self.at + 1).copied();
        is_inside && matches!(next, None | Some(b',' | b'}' | b']' | b':' | b')' | b'\n'))
            // A value in quotes of its own follows its option or its sign.
            && !matches!(before, b'=' | b':')
    }

    /// The place after what is in quotes; the end of the line when they are not closed.
    fn after_quotes(&self, quote: u8) -> usize {
        let bytes = &self.text.as_bytes()[..self.limit];
        let start = self.at + 1;
        let inner = bytes[start..].iter().take_while(|byte| **byte != b'\n');
        let mut behind = false;
        for (length, byte) in inner.enumerate() {
            if *byte == quote && !behind {
                return start + length + 1;
            }
            behind = *byte == b'\\' && !behind && quote == b'"';
        }
        let rest = bytes[start..].iter().position(|byte| *byte == b'\n');
        rest.map_or(self.limit, |length| start + length)
    }
}

impl Iterator for CommandLine<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        if self.is_list {
            self.member()
        } else {
            self.word()
        }
    }
}

/// Without the quotes around it.
pub(super) fn unquoted(text: &str, range: Range<usize>) -> Range<usize> {
    let bytes = &text.as_bytes()[range.clone()];
    match bytes {
        [first, .., last] if is_quote(*first) && first == last => range.start + 1..range.end - 1,
        // It was cut off.
        [first, ..] if is_quote(*first) => range.start + 1..range.end,
        _ => range,
    }
}

fn escapes(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| **byte == b'\\').count()
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'')
}

fn is_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/')
}

fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b';' | b'|' | b'&' | b')' | b'`' | b'<' | b'>')
}

/// The backslash here begins a line end, as it is or written, or a quote of a text in JSON.
fn ends_escaped(bytes: &[u8], at: usize) -> bool {
    line_end(bytes, at) > 0
        || line_end(bytes, at + 1) > 0
        || matches!(bytes.get(at + 1), None | Some(b't' | b'"' | b'\\'))
}
