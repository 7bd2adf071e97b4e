//! The secrets among what a program is given.

use std::ops::Range;

use crate::platform::redact::rules::commands::line::{CommandLine, unquoted};
use crate::platform::redact::rules::commands::programs::{
    CommandOption, SecretProgram, Takes, ValuePlace,
};
use crate::platform::redact::rules::keys::Named;
use crate::platform::redact::rules::plausible::is_value;
use crate::platform::redact::rules::span::Span;

/// The number of bytes that are searched for a word of [`SecretProgram::after`].
const MAX_BEFORE: usize = 128;

/// Hands over every secret that the program is given whose anchor is here.
pub(in crate::platform::redact::rules) fn secrets(
    text: &str,
    at: usize,
    program: &SecretProgram,
    more: &mut Vec<Span>,
) {
    each_value(text, at, program, |value| {
        let shown = &text[value.clone()];
        // In text about a command, ordinary words follow it.
        let word = shown.trim_end_matches(['.', ',', ':', ';', '!', '?']);
        let is_word = matches!(
            program.takes,
            Takes::Operand(..) | Takes::AfterWord(_) | Takes::Next
        ) && word.bytes().all(|byte| byte.is_ascii_lowercase());
        // A value that is put into an object looks like a template.
        let holds_object = program.after == "patch" || program.name == "secretsmanager";
        let is_object = holds_object && shown.starts_with('{');
        if (is_value(shown, Named::Password) || is_object) && !is_word {
            more.push(Span::new(value.start, value.end, ""));
        }
    });
}

/// The beginning of a value that may go on beyond the end of the text.
pub(in crate::platform::redact) fn open_argument(
    text: &str,
    at: usize,
    program: &SecretProgram,
) -> Option<usize> {
    let mut open = None;
    each_value(text, at, program, |value| {
        if value.end == text.len() {
            open = Some(value.start);
        }
    });
    open
}

/// Hands over where the values stand, whatever they are.
fn each_value(text: &str, at: usize, program: &SecretProgram, mut each: impl FnMut(Range<usize>)) {
    let Some((start, end)) = word_at(text, at, program) else {
        return;
    };
    match program.takes {
        Takes::Options(options) => {
            let words = CommandLine::after(text, start, end);
            each_option(text, words, program.name, options, each);
        }
        Takes::Next => {
            if let Some(value) = CommandLine::after(text, start, end).next() {
                each(unquoted(text, value));
            }
        }
        Takes::Rest(sign) => {
            // The words are read from before the value, so that its quotes are seen.
            let rest = CommandLine::after(text, end, end).next();
            if let Some(value) = rest.filter(|value| value.start == end) {
                each_of_pair(text, unquoted(text, value), sign, each);
            }
        }
        Takes::Htpasswd => {
            if let Some(value) = last_operand(text, CommandLine::after(text, start, end)) {
                each(value);
            }
        }
        Takes::AfterWord(words) => {
            let mut line = CommandLine::after(text, start, end);
            while let Some(word) = line.next() {
                if words.split(' ').any(|one| one == &text[word.clone()])
                    && let Some(value) = line.next()
                {
                    each(unquoted(text, value));
                }
            }
        }
        Takes::Quoted(words) => {
            let line = CommandLine::after(text, start, end);
            let mut line =
                line.skip_while(|word| !words.split(' ').any(|one| one == &text[word.clone()]));
            if let Some(value) = line.nth(1) {
                let inner = unquoted(text, value.clone());
                if inner.start > value.start {
                    each(inner);
                }
            }
        }
        Takes::Operand(words, count) => {
            let mut line = operands_after(text, CommandLine::after(text, start, end), words);
            if let Some(value) = line.nth(count - 1) {
                each(value);
            }
        }
        Takes::Fields(words, sign) => {
            let words = operands_after(text, CommandLine::after(text, start, end), words);
            // The words that follow are looked at where that word is.
            for word in words.take_while(|word| text[word.clone()] != *program.name) {
                each_of_pair(text, word, sign, &mut each);
            }
        }
        Takes::AfterName(words) => {
            let mut line = CommandLine::after(text, start, end);
            let command = line.find(|word| words.split(' ').any(|one| one == &text[word.clone()]));
            if let Some(value) = command.and_then(|_| line.nth(1)) {
                each(unquoted(text, value));
            }
        }
    }
}

/// The word whose anchor is here, if it is this one and stands where it counts.
fn word_at(text: &str, at: usize, program: &SecretProgram) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let start = at.checked_sub(program.offset)?;
    if !bytes[start..].starts_with(program.name.as_bytes()) {
        return None;
    }
    let before = start.checked_sub(1).map(|before| bytes[before]);
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let name_is_word = program
        .name
        .as_bytes()
        .first()
        .is_some_and(u8::is_ascii_alphanumeric);
    let is_option = matches!(program.takes, Takes::Rest(_));
    // The sign of a line of a diff is no part of a word.
    let is_line = before == Some(b'-') && (start == 1 || bytes[start - 2] == b'\n');
    let is_inside = before.is_some_and(|byte| is_word(byte) || byte == b'.');
    if name_is_word && !is_option && is_inside && !is_line {
        return None;
    }
    let mut end = start + program.name.len();
    if program.is_family {
        let rest = &bytes[end..];
        end += rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
            .count();
    }
    let next = bytes.get(end).copied();
    let is_whole = is_option
        || matches!(
            next,
            None | Some(b' ' | b'\t' | b'\n' | b'\r' | b'\\' | b'"' | b'\'' | b'.')
        );
    (is_whole && is_after(text, start, program.after)).then_some((start, end))
}

/// One of the words stands before a place, in the same command.
fn is_after(text: &str, at: usize, words: &str) -> bool {
    if words.is_empty() {
        return true;
    }
    let from = text.ceil_char_boundary(at.saturating_sub(MAX_BEFORE));
    let before = &text[from..at];
    let ends = |(at, sign): &(usize, char)| match sign {
        ';' | '|' | '&' | '`' => true,
        '(' => !text[from + at + 1..].starts_with(['"', '\'', '[']),
        // The members of a list may have lines of their own.
        '\n' => {
            let next = text[from + at + 1..].trim_start();
            let is_item = next.starts_with("- ") || next.starts_with("args:");
            !is_item && !before[..*at].trim_end().ends_with([',', '[', ']'])
        }
        _ => false,
    };
    let end = before.char_indices().rev().find(ends);
    let command = end.map_or(before, |(at, _)| &before[at + 1..]);
    let mut found = command.split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '-'));
    found.any(|word| !word.is_empty() && words.split(' ').any(|one| one == word))
}

fn each_option(
    text: &str,
    mut words: CommandLine<'_>,
    name: &str,
    options: &[CommandOption],
    mut each: impl FnMut(Range<usize>),
) {
    while let Some(word) = words.next() {
        let shown = &text[unquoted(text, word.clone())];
        // The words that follow are looked at where that word is.
        if shown == name {
            return;
        }
        for option in options {
            if let Some(value) = attached(text, &word, option) {
                each_of_pair(text, value, option.sign, &mut each);
                break;
            }
            if option.place != ValuePlace::Attached && is_option(shown, option) {
                if let Some(value) = words.next() {
                    each_of_pair(text, unquoted(text, value), option.sign, &mut each);
                }
                break;
            }
        }
        if ends_with_program(shown, name) {
            return;
        }
    }
}

/// The program is run again, in the middle of a word.
fn ends_with_program(word: &str, name: &str) -> bool {
    let front = word.strip_suffix(name);
    front.is_some_and(|front| front.ends_with('('))
}

/// The word is this option, alone or as the last of several that are written together.
fn is_option(word: &str, option: &CommandOption) -> bool {
    let together = || {
        let (letters, last) = (word.strip_prefix('-'), option.name.strip_prefix('-'));
        let is_short = word.len() <= 6 && option.name.len() == 2 && option.sign == b':';
        let all = |letters: &str| letters.bytes().all(|byte| byte.is_ascii_alphabetic());
        is_short
            && letters
                .zip(last)
                .is_some_and(|(letters, last)| letters.ends_with(last) && all(letters))
    };
    word == option.name || together()
}

/// The value that is written together with its option.
fn attached(text: &str, word: &Range<usize>, option: &CommandOption) -> Option<Range<usize>> {
    let word = unquoted(text, word.clone());
    let is_long = option.name.starts_with("--");
    if option.place == ValuePlace::Apart {
        return None;
    }
    let rest = text[word.clone()].strip_prefix(option.name)?;
    let rest = if is_long {
        rest.strip_prefix('=')?
    } else {
        rest
    };
    let start = word.end - rest.len();
    (!rest.is_empty()).then(|| unquoted(text, start..word.end))
}

/// The password of a pair of a name and a password, or all of a value that is none.
fn each_of_pair(text: &str, value: Range<usize>, sign: u8, mut each: impl FnMut(Range<usize>)) {
    if sign == 0 {
        each(value);
        return;
    }
    let bytes = &text.as_bytes()[value.clone()];
    let Some(found) = bytes.iter().position(|byte| *byte == sign) else {
        return;
    };
    let password = value.start + found + 1..value.end;
    if !text[password.clone()].starts_with("//") && !password.is_empty() {
        each(password);
    }
}

/// The words after these that are no options; none when one of these is missing.
fn operands_after<'t>(
    text: &'t str,
    line: CommandLine<'t>,
    words: &'static str,
) -> impl Iterator<Item = Range<usize>> + 't {
    let line = line.map(|word| unquoted(text, word));
    let mut operands = line.filter(|word| !text[word.clone()].starts_with('-'));
    let mut wanted = words.split(' ').filter(|word| !word.is_empty());
    let has_all = wanted.all(|wanted| operands.next().is_some_and(|word| text[word] == *wanted));
    operands.take_while(move |_| has_all)
}

/// The last operand of `htpasswd -b`, which has two of them with `-n` and three without.
fn last_operand(text: &str, words: CommandLine<'_>) -> Option<Range<usize>> {
    let (mut takes_password, mut prints) = (false, false);
    let mut operands = 0;
    for word in words {
        let word = unquoted(text, word);
        if let Some(letters) = text[word.clone()].strip_prefix('-') {
            takes_password |= letters.contains('b');
            prints |= letters.contains('n');
            continue;
        }
        operands += 1;
        if operands == if prints { 2 } else { 3 } {
            return takes_password.then_some(word);
        }
    }
    None
}
