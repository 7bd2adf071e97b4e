//! Secrets that a shell hands to a program on its standard input.
//!
//! `echo … | program`, `program <<< …` and `program <<END`: the text that is handed over says nothing of
//! itself, so that only the program tells that it is a secret.

use std::ops::Range;

use crate::platform::redact::rules::bytes::{blanks, line_end};
use crate::platform::redact::rules::commands::line::{CommandLine, unquoted};
use crate::platform::redact::rules::commands::programs::PRINTERS;
use crate::platform::redact::rules::commands::readers::{Reads, is_filter, reads};
use crate::platform::redact::rules::commands::stages::{
    MAX_STAGES, after_pipe, command_before, fed_after, fed_by_group, fed_by_substitution, is_front,
    words_before, words_from,
};
use crate::platform::redact::rules::keys::Named;
use crate::platform::redact::rules::plausible::is_value;
use crate::platform::redact::rules::span::Span;

/// The longest document between the words that mark it, in bytes.
const MAX_DOCUMENT: usize = 4 * 1024;

/// Hands over what a command that prints, whose word is here, gives to one that reads a secret.
pub(in crate::platform::redact::rules) fn printed(text: &str, at: usize, more: &mut Vec<Span>) {
    let Some((start, end)) = printer(text, at) else {
        return;
    };
    let Some((operands, after)) = operands(text, start, end) else {
        return;
    };
    let reads = fed_after(text, after)
        .or_else(|| fed_by_group(text, start, after))
        .or_else(|| fed_by_substitution(text, start, after));
    if let Some(reads) = reads {
        for operand in operands {
            add(text, operand, reads, more);
            if reads == Reads::Line && text[start..end].ends_with("printf") {
                break;
            }
        }
    }
}

/// The word of a program that prints what it is given.
fn printer(text: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let before = |start: usize| start.checked_sub(1).map(|place| bytes[place]);
    let is_apart = |start: usize| {
        before(start).is_none_or(|byte| {
            !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$'))
        })
    };
    let is_escaped_end = |start: usize| {
        matches!(before(start), Some(b'n')) && start > 1 && bytes[start - 2] == b'\\'
    };
    PRINTERS.iter().find_map(|(word, _, offset)| {
        let start = at.checked_sub(*offset)?;
        let end = start + word.len();
        let is_word = bytes[start..].starts_with(word.as_bytes())
            && matches!(bytes.get(end), Some(b' ' | b'\t'));
        (is_word && (is_apart(start) || is_escaped_end(start))).then_some((start, end))
    })
}

/// The printed words, and the end of the command.
fn operands(text: &str, start: usize, end: usize) -> Option<(Vec<Range<usize>>, usize)> {
    let mut line = CommandLine::after(text, start, end);
    if line.is_list() {
        return None;
    }
    let mut operands: Vec<Range<usize>> = line.by_ref().collect();
    // A line end that is written outside of quotes ends a format and no command.
    let written = line_end_written(text, line.place());
    if written > 0
        && operands
            .first()
            .is_some_and(|word| text[word.clone()].contains('%'))
    {
        line.leave_out(written);
        operands.extend(line.by_ref());
    }
    let is_option = |word: &Range<usize>| {
        let word = &text[word.clone()];
        let letters = word.strip_prefix('-').unwrap_or_default();
        !letters.is_empty()
            && letters.len() <= 3
            && letters
                .bytes()
                .all(|byte| matches!(byte, b'n' | b'e' | b'E' | b'r'))
            || word == "--"
    };
    let options = operands.iter().take_while(|word| is_option(word)).count();
    operands.drain(..options);
    // A format is no secret while it has something to write.
    if text[start..end].ends_with("printf")
        && operands.len() > 1
        && text[operands[0].clone()].contains('%')
    {
        operands.remove(0);
    }
    Some((operands, line.place()))
}

/// Length of a line end that is written here and followed by more of the command.
fn line_end_written(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let length = rest.len() - rest.trim_start_matches('\\').len();
    let is_written = length > 0 && rest[length..].starts_with("n ");
    if is_written { length + 1 } else { 0 }
}

/// Adds the secret in what a program reads.
fn add(text: &str, word: Range<usize>, reads: Reads, more: &mut Vec<Span>) {
    let word = unquoted(text, word);
    let value = &text[word.clone()];
    let (start, end) = match reads {
        Reads::All => (word.start, word.end),
        Reads::Line => {
            let bytes = text.as_bytes();
            let end = (word.clone()).find(|at| line_end(bytes, *at) > 0);
            (word.start, end.unwrap_or(word.end))
        }
        Reads::After(sign) => {
            let found = value.bytes().position(|byte| byte == sign);
            (word.start + found.map_or(0, |found| found + 1), word.end)
        }
    };
    if start < end && is_value(&text[start..end], Named::Password) {
        more.push(Span::new(start, end, ""));
    }
}

/// Hands over the document or the word that is redirected here into a command that reads a secret.
pub(in crate::platform::redact::rules) fn redirected(text: &str, at: usize, more: &mut Vec<Span>) {
    if let Some((body, reads)) = body_of(text, at) {
        let bytes = text.as_bytes();
        if reads != Reads::All && !text[body.clone()].is_empty() {
            let mut line = body.start;
            while line < body.end {
                let length = (line..body.end)
                    .take_while(|at| line_end(bytes, *at) == 0)
                    .count();
                add(text, line..line + length, reads, more);
                line += length + line_end(bytes, line + length).max(1);
                if reads == Reads::Line {
                    break;
                }
            }
            return;
        }
        add(text, body, reads, more);
    }
}

/// The beginning of such a document whose end is not there yet.
pub(in crate::platform::redact) fn open_document(text: &str, at: usize) -> Option<usize> {
    if let Some((body, _)) = body_of(text, at) {
        return (body.end == text.len()).then_some(body.start);
    }
    // The command that reads a word may stand after it.
    let signs = text[at..].trim_start_matches(' ').strip_prefix("<<<")?;
    let word = signs.trim_start_matches(' ');
    let is_line = !word.is_empty() && !word.starts_with('<') && !word.contains('\n');
    is_line.then(|| text.len() - word.len())
}

/// The beginning of what a command prints that may be handed on beyond the end of the text.
pub(in crate::platform::redact) fn open_print(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let (start, end) = printer(text, at)?;
    // In a sentence the word is one like any other.
    let before = text[..start].trim_end_matches([' ', '\t']);
    let begins = before.is_empty()
        || before.ends_with([
            '\n', ';', '|', '&', '(', '{', '`', '"', '\'', '$', '>', '%', '#',
        ])
        || before.ends_with("\\n")
        || before.rsplit([' ', '\n']).next().is_some_and(is_front);
    if !begins {
        return None;
    }
    let (operands, after) = operands(text, start, end)?;
    let first = operands.first()?.start;
    if !text[after..].contains(['\n', '`']) {
        return Some(first);
    }
    let mut at = after;
    for _ in 0..MAX_STAGES {
        if at >= text.trim_end_matches([' ', '\t']).len() {
            return Some(first);
        }
        let Some(command) = after_pipe(text, at) else {
            let rest = text[at..].trim_start_matches([' ', '\t', ';', ')', '}', '|', '\\']);
            return rest.is_empty().then_some(first);
        };
        let (words, end) = words_from(text, command);
        if end < bytes.len() && !is_filter(&words) {
            return None;
        }
        at = end;
    }
    None
}

fn body_of(text: &str, at: usize) -> Option<(Range<usize>, Reads)> {
    let bytes = text.as_bytes();
    let at = at + usize::from(bytes[at] == b' ');
    if bytes.get(at.wrapping_sub(1)) == Some(&b'<') || !bytes[at..].starts_with(b"<<") {
        return None;
    }
    let is_word = bytes.get(at + 2) == Some(&b'<');
    if is_word && bytes.get(at + 3) == Some(&b'<') {
        return None;
    }
    let before = command_before(text, at);
    if is_word {
        let mut line = CommandLine::after(text, at, at + 3);
        let word = line.next()?;
        let reads = reads_around(text, before, line.place())?;
        return Some((word, reads));
    }
    let mut from = at + 2;
    from += usize::from(matches!(bytes.get(from), Some(b'-' | b'~')));
    from += blanks(bytes, from);
    let mark = CommandLine::after(text, from, from).next()?;
    let shown = text[unquoted(text, mark.clone())].trim_matches(['\\', '"', '\'']);
    let is_mark = shown
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if shown.is_empty() || !is_mark || shown.as_bytes()[0].is_ascii_digit() {
        return None;
    }
    let reads = reads_around(text, before, mark.end)?;
    let rest = (mark.end..bytes.len()).find(|at| line_end(bytes, *at) > 0)?;
    let body = rest + line_end(bytes, rest);
    let most = text.floor_char_boundary(body + MAX_DOCUMENT);
    let mut line = body;
    while line < most {
        let length = (line..most)
            .take_while(|at| line_end(bytes, *at) == 0)
            .count();
        if text[line..line + length].trim() == shown {
            return Some((body..line.saturating_sub(1).max(body), reads));
        }
        let end = line_end(bytes, line + length);
        if end == 0 {
            return Some((body..line + length, reads));
        }
        line += length + end;
    }
    Some((body..most.min(bytes.len()), reads))
}

/// The part that a command reads that has these words before a redirection, and others after it.
fn reads_around(text: &str, before: Range<usize>, after: usize) -> Option<Reads> {
    let (more, end) = words_from(text, after);
    let mut words = words_before(text, before);
    words.extend(more);
    let found = reads(&words);
    found.or_else(|| is_filter(&words).then(|| fed_after(text, end)).flatten())
}
