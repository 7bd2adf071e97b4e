//! The commands that follow each other in a line, and what they hand on.

use std::ops::Range;

use crate::platform::redact::rules::bytes::{blanks, line_end, run};
use crate::platform::redact::rules::commands::line::{CommandLine, continuation, unquoted};
use crate::platform::redact::rules::commands::readers::{Reads, is_filter, reads};

/// The most commands after the first that are looked at.
pub(super) const MAX_STAGES: usize = 4;
/// The most of a command before a sign of redirection, in bytes.
const MAX_BEFORE: usize = 512;

/// The secret part of the output that is handed on from here.
pub(super) fn fed_after(text: &str, mut at: usize) -> Option<Reads> {
    for _ in 0..MAX_STAGES {
        let start = after_pipe(text, at)?;
        let (words, after) = words_from(text, start);
        if let Some(reads) = reads(&words) {
            return Some(reads);
        }
        if !is_filter(&words) {
            return None;
        }
        at = after;
    }
    None
}

/// The same for a command that is one of several in a group.
pub(super) fn fed_by_group(text: &str, start: usize, after: usize) -> Option<Reads> {
    let bytes = text.as_bytes();
    let next = after + blanks(bytes, after);
    let is_one_of_several =
        matches!(bytes.get(next), Some(b';' | b'&' | b'\n')) || line_end(bytes, next) > 0;
    let from = start.saturating_sub(MAX_BEFORE);
    let opens = |byte: &u8| matches!(byte, b'(' | b'{');
    let mut depth = 0_usize;
    let is_grouped = is_one_of_several
        && bytes[from..start].iter().rev().any(|byte| match byte {
            b')' | b'}' => {
                depth += 1;
                false
            }
            byte if opens(byte) && depth > 0 => {
                depth -= 1;
                false
            }
            byte => opens(byte),
        });
    if !is_grouped {
        return None;
    }
    let mut depth = 0_usize;
    let rest = &bytes[next..bytes.len().min(next + MAX_BEFORE)];
    let close = rest.iter().position(|byte| match byte {
        byte if opens(byte) => {
            depth += 1;
            false
        }
        b')' | b'}' if depth > 0 => {
            depth -= 1;
            false
        }
        byte => matches!(byte, b')' | b'}'),
    })?;
    fed_after(text, next + close)
}

/// The same for a command that stands in the place of a file: `program < <(…)`.
pub(super) fn fed_by_substitution(text: &str, start: usize, after: usize) -> Option<Reads> {
    let bytes = text.as_bytes();
    let before = text[..start].trim_end_matches(' ').strip_suffix("<(")?;
    let end = after + blanks(bytes, after);
    if bytes.get(end) != Some(&b')') {
        return None;
    }
    let front = before.trim_end_matches(' ');
    let (front, is_input) = front
        .strip_suffix('<')
        .map_or((before, false), |front| (front, true));
    let (more, _) = words_from(text, end + 1);
    let mut words = words_before(text, command_before(text, front.len()));
    if !is_input {
        words.push("/dev/stdin");
    }
    words.extend(more);
    reads(&words)
}

/// The beginning of the command after the pipe that follows here.
pub(super) fn after_pipe(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = at + blanks(bytes, at);
    loop {
        at += continuation(bytes, at);
        match bytes.get(at) {
            // The commands of a group hand on what all of them print.
            Some(b';' | b')' | b'}') => at += 1,
            // Errors may go elsewhere; what goes into a file has to be seen.
            Some(b'>') => {
                at += run(&bytes[at..], |byte| byte == b'>');
                at += blanks(bytes, at);
                let rest = &bytes[at..];
                let nowhere = b"/dev/null";
                at += match rest.first() {
                    Some(b'&') => 1 + run(&rest[1..], |byte| byte.is_ascii_digit() || byte == b'-'),
                    _ if rest.starts_with(nowhere) => nowhere.len(),
                    _ => return None,
                };
            }
            _ => break,
        }
        at += blanks(bytes, at);
    }
    if bytes.get(at) != Some(&b'|') || bytes.get(at + 1) == Some(&b'|') {
        return None;
    }
    at += 1 + usize::from(bytes.get(at + 1) == Some(&b'&'));
    at += blanks(bytes, at);
    at += line_end(bytes, at).max(continuation(bytes, at));
    at += blanks(bytes, at);
    Some(at)
}

/// The words of the command that begins here, and where it ends.
pub(super) fn words_from(text: &str, start: usize) -> (Vec<&str>, usize) {
    let mut line = CommandLine::after(text, start, start);
    let words: Vec<&str> = line
        .by_ref()
        .map(|word| &text[unquoted(text, word)])
        .collect();
    (words, line.place())
}

/// The beginning of the command in which a sign of redirection stands.
pub(super) fn command_before(text: &str, at: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let from = text.ceil_char_boundary(at.saturating_sub(MAX_BEFORE));
    let ends = |byte: u8| matches!(byte, b'\n' | b';' | b'|' | b'&' | b'(' | b'`' | b'{');
    let length = run_back(&bytes[from..at], |byte| !ends(byte));
    let start = at - length;
    // The command may be the beginning of a string, or come after a line end that is written.
    let front = &text[start..at];
    let written = front.rfind("\\n").map_or(0, |found| found + 2);
    start + written..at
}

fn run_back(bytes: &[u8], is: impl Fn(u8) -> bool) -> usize {
    bytes.iter().rev().take_while(|byte| is(**byte)).count()
}

/// The words of a command up to a redirection.
pub(super) fn words_before(text: &str, before: Range<usize>) -> Vec<&str> {
    let is_quote = |sign: char| matches!(sign, '"' | '\'' | '\\');
    let words = text[before].split_ascii_whitespace();
    // In a string, what stands before the quote belongs to something else.
    let words = words.map(|word| word.trim_end_matches(is_quote));
    let words = words.map(|word| word.rsplit(is_quote).next().unwrap_or(word));
    words.skip_while(|word| is_front(word)).collect()
}

/// The word stands before a command and is none: the end of a prompt, a key, a word of the shell.
pub(super) fn is_front(word: &str) -> bool {
    word.ends_with(['$', '#', '%', ':', '>'])
        || matches!(
            word,
            "" | "+" | "-" | "RUN" | "if" | "then" | "else" | "do" | "!" | "while"
        )
}
