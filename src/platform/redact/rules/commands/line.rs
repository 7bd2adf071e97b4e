//! A command line, taken apart into words as far as that is needed: as a shell reads it, in a text that
//! may be JSON or prose; or a list of strings.

use std::ops::Range;

use crate::platform::redact::rules::bytes::{blanks, line_end, run};

/// The most of a command that is read, in bytes.
pub(in crate::platform::redact) const MAX_COMMAND: usize = 1024;

/// The words that follow a place in a text, up to the end of their command.
pub(super) struct CommandLine<'t> {
    text: &'t str,
    at: usize,
    limit: usize,
    /// The quote that ends the command, or around each word of a list.
    quote: Option<u8>,
    list: List,
    /// So many quotes and parentheses were not closed.
    unclosed: u8,
}

/// The longest command in a word of another, in bytes.
const MAX_SUBSTITUTION: usize = 512;
/// The most quotes and parentheses that are not closed, of those that are looked for in one command.
const MAX_UNCLOSED: u8 = 1;

/// The kinds of lists that words may be members of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    /// None: the words are those of a shell.
    No,
    /// Strings, with so many backslashes before each quote.
    Quoted(usize),
    /// Lines of YAML that begin with a dash.
    Lines,
}

/// The names of what holds the arguments of the program that is named before.
const ARGUMENTS: &[&str] = &["arg", "args", "arguments", "argv", "cmd"];

impl<'t> CommandLine<'t> {
    /// The words after a word that stands here.
    pub(super) fn after(text: &'t str, start: usize, end: usize) -> Self {
        let bytes = text.as_bytes();
        let path = bytes[..start].iter().rev().take(128);
        let path = path.take_while(|byte| is_path(**byte)).count();
        let before = (start - path).checked_sub(1).map(|before| bytes[before]);
        let quote = before.filter(|byte| is_quote(*byte));
        let escapes = escapes(bytes, end);
        let is_quoted = quote.is_some() && bytes.get(end + escapes).copied() == quote;
        let end = end + if is_quoted { escapes + 1 } else { 0 };
        let front = start - path - usize::from(is_quoted);
        let list = if ends_item(bytes, end) && is_item(&bytes[..front]) {
            List::Lines
        } else if is_quoted {
            List::Quoted(escapes)
        } else {
            List::No
        };
        Self {
            text,
            at: end,
            limit: text.floor_char_boundary(end + MAX_COMMAND),
            quote,
            list,
            unclosed: 0,
        }
    }

    /// The words are members of a list and no command of a shell.
    pub(super) fn is_list(&self) -> bool {
        self.list != List::No
    }

    /// Leaves out what follows.
    pub(super) fn leave_out(&mut self, length: usize) {
        self.at += length;
    }

    /// The place up to which words were read.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// A member of a list: what stands between the next two quotes.
    fn member(&mut self, escapes: usize) -> Option<Range<usize>> {
        let (bytes, quote) = (self.text.as_bytes(), self.quote?);
        loop {
            self.at += run(bytes.get(self.at..self.limit)?, |byte| {
                // The list of a program alone may end before that of its arguments begins.
                byte.is_ascii_whitespace()
                    || matches!(
                        byte,
                        b',' | b'\\' | b'[' | b']' | b'(' | b')' | b'.' | b':' | b'='
                    )
            });
            if self.at >= self.limit {
                return None;
            }
            if bytes[self.at] == b'-' {
                self.list = List::Lines;
                return self.item();
            }
            if bytes[self.at] != quote {
                let label = run(&bytes[self.at..self.limit], |byte| {
                    byte.is_ascii_alphanumeric()
                });
                if !is_label(&self.text[self.at..self.at + label]) {
                    return None;
                }
                self.at += label;
                continue;
            }
            let start = self.at + 1;
            let closes = |at: &usize| {
                let behind = bytes[start..*at]
                    .iter()
                    .rev()
                    .take_while(|byte| **byte == b'\\')
                    .count();
                bytes[*at] == quote
                    && if escapes == 0 {
                        behind % 2 == 0
                    } else {
                        behind <= escapes
                    }
            };
            let end = (start..self.limit).find(closes).unwrap_or(self.limit);
            // The backslash of an escaped quote belongs to the quote.
            let inner = self.text[start..end].trim_end_matches('\\').len();
            let inner = if escapes == 0 { end } else { start + inner };
            self.at = (end + 1).min(self.limit);
            let after = self.at + blanks(bytes, self.at);
            if bytes.get(after) != Some(&b':') {
                return Some(start..inner);
            }
            // The name of another member is no argument.
            if !is_label(&self.text[start..inner]) {
                return None;
            }
        }
    }

    /// A member of a list of YAML: what follows the dash on the next line.
    fn item(&mut self) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        loop {
            self.at += blanks(bytes, self.at);
            self.at += line_end(bytes, self.at);
            let line = self.at + blanks(bytes, self.at);
            if line >= self.limit {
                return None;
            }
            let length = (line..self.limit)
                .take_while(|at| line_end(bytes, *at) == 0)
                .count();
            let content = self.text.get(line..line + length)?;
            self.at = line + length;
            let content = content.trim_end();
            if let Some(value) = content.strip_prefix("- ") {
                let end = line + content.len();
                return Some(unquoted(self.text, end - value.trim_start().len()..end));
            }
            if !content.strip_suffix(':').is_some_and(is_label) {
                return None;
            }
        }
    }

    /// A word of a shell.
    fn word(&mut self) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        loop {
            self.at += blanks(bytes, self.at);
            let goes_on = continuation(bytes, self.at);
            if goes_on == 0 {
                break;
            }
            self.at += goes_on;
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
                b'\\' if self.opens_escaped() => self.at = self.after_escaped_quotes(),
                b'\\' if ends_escaped(bytes, self.at) => break,
                b'$' if bytes.get(self.at + 1) == Some(&b'(') && self.unclosed < MAX_UNCLOSED => {
                    self.at = self.after_substitution();
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at = self.text.floor_char_boundary(self.at.min(self.limit));
        (self.at > start).then_some(start..self.at)
    }

    /// A quote begins here, with the backslashes of the string that holds the command before it, and does
    /// not end that string.
    fn opens_escaped(&self) -> bool {
        let bytes = &self.text.as_bytes()[..self.limit];
        let count = escapes(bytes, self.at);
        let start = self.at + count + 1;
        let before = self.at.checked_sub(1).map_or(b' ', |before| bytes[before]);
        let is_apart = ends_word(before) || matches!(before, b'=' | b':');
        let ends = matches!(
            bytes.get(start),
            None | Some(b',' | b'}' | b']' | b':' | b')' | b'\n')
        );
        bytes
            .get(self.at + count)
            .is_some_and(|byte| is_quote(*byte))
            && (is_apart || !ends)
            && self.unclosed < MAX_UNCLOSED
    }

    /// The place after the content of such quotes; after the quote when the string ends before.
    fn after_escaped_quotes(&mut self) -> usize {
        let bytes = &self.text.as_bytes()[..self.limit];
        let count = escapes(bytes, self.at);
        let start = self.at + count + 1;
        let quote = bytes[start - 1];
        let mut at = start;
        while at < bytes.len() && bytes[at] != b'\n' {
            let behind = escapes(bytes, at);
            if bytes.get(at + behind) == Some(&quote) && behind <= count {
                if behind == count {
                    return at + behind + 1;
                }
                break;
            }
            at += behind + 1;
        }
        // A word that the end of the text cuts off is in quotes all the same.
        if at >= self.text.len() {
            return bytes.len();
        }
        self.unclosed += 1;
        self.limit = self.at;
        self.at
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

    /// The place after a command that stands in a word; after its parenthesis when that is not closed.
    fn after_substitution(&mut self) -> usize {
        let start = self.at + 1;
        let mut depth = 0_usize;
        let inner = &self.text.as_bytes()[start..self.limit];
        for (length, byte) in inner.iter().take(MAX_SUBSTITUTION).enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\n' => break,
                _ => {}
            }
            if depth == 0 {
                return start + length + 1;
            }
        }
        self.unclosed += 1;
        start + 1
    }

    /// The place after the content of quotes; the end of the line when they are not closed.
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
        match self.list {
            List::No => self.word(),
            List::Quoted(escapes) => self.member(escapes),
            List::Lines => self.item(),
        }
    }
}

/// The word may stand between the words of a list: the name of arguments, their number, or a number
/// among them.
fn is_label(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let digits = lower.strip_prefix('a').unwrap_or(&lower);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    word.len() <= 10 && (is_number || ARGUMENTS.contains(&lower.as_str()))
}

/// A line ends here, and with it a member of a list.
fn ends_item(bytes: &[u8], at: usize) -> bool {
    line_end(bytes, at + blanks(bytes, at)) > 0
}

/// These bytes end with the dash that begins a member of a list of YAML.
fn is_item(bytes: &[u8]) -> bool {
    let front = bytes.trim_ascii_end();
    let Some(before) = front
        .strip_suffix(b"-")
        .filter(|_| front.len() < bytes.len())
    else {
        return false;
    };
    let indent = before
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    let line = &before[..before.len() - indent];
    matches!(line.last(), None | Some(b'\n' | b'+')) || line.ends_with(b"\\n")
}

/// Without the quotes around it.
pub(super) fn unquoted(text: &str, range: Range<usize>) -> Range<usize> {
    let bytes = &text.as_bytes()[range.clone()];
    let count = escapes(bytes, 0);
    if count > 0 && bytes.get(count).is_some_and(|byte| is_quote(*byte)) {
        let start = range.start + count + 1;
        let closes = bytes.len() > 2 * count + 1 && bytes.last() == bytes.get(count);
        return start..range.end - if closes { count + 1 } else { 0 };
    }
    match bytes {
        [first, .., last] if is_quote(*first) && first == last => range.start + 1..range.end - 1,
        // It was cut off.
        [first, ..] if is_quote(*first) => range.start + 1..range.end,
        _ => range,
    }
}

/// Length of what makes a line go on with the next: a backslash before its end.
pub(super) fn continuation(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..).unwrap_or_default() {
        [b'\\', b'\\', b'\\', b'n', ..] => 4,
        [b'\\', b'\r' | b'\n', ..] if line_end(bytes, at + 1) > 0 => 1 + line_end(bytes, at + 1),
        _ => 0,
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
