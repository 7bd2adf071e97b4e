//! Source text → search terms. Pure.
//!
//! The same function reads files and questions, so a name is found however it is spelled:
//! `parseConfig`, `parse_config` and "parse config" share the terms `parse` and `config`, and the
//! first two also share `parseconfig`, which is rarer and therefore counts more.

/// Longer words are data (hashes, base64), not names.
const MAX_WORD_BYTES: usize = 80;
/// A single letter names nothing.
const SHORTEST_TERM_CHARS: usize = 2;

/// Words so common in questions and comments that they only cost time.
const STOP_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "for", "from", "has", "have",
    "how", "if", "in", "into", "is", "it", "its", "me", "my", "not", "of", "on", "or", "our",
    "please", "should", "so", "that", "the", "their", "then", "there", "this", "to", "was", "we",
    "what", "when", "where", "which", "who", "why", "will", "with", "you", "your",
];

/// The longest of them, in bytes.
const LONGEST_STOP_WORD: usize = 6;

/// Words after which the next word is being defined, in the languages people mostly write.
const DEFINING_WORDS: &[&str] = &[
    "class",
    "const",
    "def",
    "defmodule",
    "defp",
    "enum",
    "fn",
    "fun",
    "func",
    "function",
    "interface",
    "mod",
    "module",
    "namespace",
    "object",
    "package",
    "protocol",
    "record",
    "static",
    "struct",
    "sub",
    "table",
    "trait",
    "type",
    "union",
];

/// A term, and whether its word stands where a definition gives it its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term<'a> {
    /// The term in lower case.
    pub text: &'a str,
    /// True if the whole word is meant, not one of several parts.
    pub whole: bool,
    /// True if the word follows `fn`, `class`, `def` and the like.
    pub defined: bool,
}

/// Calls `emit` for every term of `text`, in order.
pub fn each_term(text: &str, mut emit: impl FnMut(Term<'_>)) {
    let mut buffer = String::new();
    let mut defining = false;
    let mut rest = text;
    while let Some(start) = rest.find(is_word_char) {
        // Only blanks may stand between a defining word and the name it defines.
        defining &= rest[..start].bytes().all(|byte| byte == b' ');
        rest = &rest[start..];
        let end = rest.find(|c: char| !is_word_char(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.len() <= MAX_WORD_BYTES {
            each_term_of_word(word, defining, &mut buffer, &mut emit);
        }
        defining = DEFINING_WORDS.contains(&word);
        rest = after;
    }
}

fn is_word_char(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn each_term_of_word(
    word: &str,
    defined: bool,
    buffer: &mut String,
    emit: &mut impl FnMut(Term<'_>),
) {
    let parts = parts(word);
    let several = parts.clone().nth(1).is_some();
    for part in parts {
        buffer.clear();
        push_lower(buffer, part);
        singular(buffer);
        send(buffer, !several, defined, emit);
    }
    if several {
        buffer.clear();
        for piece in word.split('_') {
            push_lower(buffer, piece);
        }
        send(buffer, true, defined, emit);
    }
}

fn push_lower(buffer: &mut String, text: &str) {
    // Nearly all code is ASCII, and this is where indexing spends its time.
    if text.is_ascii() {
        let start = buffer.len();
        buffer.push_str(text);
        if let Some(added) = buffer.get_mut(start..) {
            added.make_ascii_lowercase();
        }
    } else {
        buffer.extend(text.chars().flat_map(char::to_lowercase));
    }
}

fn send(text: &str, whole: bool, defined: bool, emit: &mut impl FnMut(Term<'_>)) {
    let long_enough = text.chars().nth(SHORTEST_TERM_CHARS - 1).is_some();
    let common = text.len() <= LONGEST_STOP_WORD && STOP_WORDS.contains(&text);
    if long_enough && !common {
        emit(Term {
            text,
            whole,
            defined,
        });
    }
}

/// The parts of a word: cut at underscores, before a capital that follows a small letter or a
/// digit, and before the last capital of a run that ends in small letters (`HTTPServer`).
fn parts(word: &str) -> impl Iterator<Item = &str> + Clone {
    word.split('_').flat_map(|piece| {
        let mut rest = piece;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (part, after) = rest.split_at(hump_end(rest));
            rest = after;
            Some(part)
        })
    })
}

fn hump_end(piece: &str) -> usize {
    let mut chars = piece.char_indices().peekable();
    let mut previous: Option<char> = None;
    while let Some((at, c)) = chars.next() {
        if let Some(before) = previous {
            let rises = c.is_uppercase() && !before.is_uppercase();
            let run_ends = c.is_uppercase()
                && before.is_uppercase()
                && chars.peek().is_some_and(|(_, next)| next.is_lowercase());
            if rises || run_ends {
                return at;
            }
        }
        previous = Some(c);
    }
    piece.len()
}

/// Takes a plural's `s` off, so that "failing tests" finds `test`. Crude, and the same on both sides.
fn singular(term: &mut String) {
    let plural = term.len() > 3
        && term.ends_with('s')
        && !["ss", "us", "is"]
            .iter()
            .any(|ending| term.ends_with(ending));
    if plural {
        term.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_STOP_WORD, STOP_WORDS, Term, each_term};

    fn terms(text: &str) -> String {
        let mut all = Vec::new();
        each_term(text, |Term { text, .. }| all.push(text.to_owned()));
        all.join(" ")
    }

    #[test]
    fn a_name_is_cut_at_humps_and_underscores_and_kept_whole() {
        insta::assert_snapshot!(terms("parseConfig"), @"parse config parseconfig");
        insta::assert_snapshot!(terms("parse_config"), @"parse config parseconfig");
        insta::assert_snapshot!(terms("HTTPServer2Go"), @"http server2 go httpserver2go");
        insta::assert_snapshot!(terms("MAX_RETRIES"), @"max retrie maxretries");
        insta::assert_snapshot!(terms("__init__"), @"init");
    }

    #[test]
    fn a_path_is_cut_into_its_words() {
        insta::assert_snapshot!(terms("src/agent/event-log.rs"), @"src agent event log rs");
    }

    #[test]
    fn common_words_and_single_letters_are_left_out() {
        insta::assert_snapshot!(terms("Please fix the failing tests in a b c"), @"fix failing test");
    }

    #[test]
    fn the_word_after_a_defining_word_is_marked() {
        let mut defined = Vec::new();
        each_term("pub fn run_loop(x: Foo)\nclass Bar:\n  fn\n  odd", |term| {
            if term.defined {
                defined.push((term.text.to_owned(), term.whole));
            }
        });
        let expected = [
            ("run", false),
            ("loop", false),
            ("runloop", true),
            ("bar", true),
        ]
        .map(|(text, whole)| (text.to_owned(), whole));
        assert_eq!(defined, expected);
    }

    #[test]
    fn no_stop_word_is_longer_than_what_is_looked_up() {
        let longest = STOP_WORDS.iter().map(|word| word.len()).max();
        assert_eq!(longest, Some(LONGEST_STOP_WORD));
    }

    #[test]
    fn blobs_are_no_words() {
        assert_eq!(terms(&"aB3".repeat(100)), "");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_terms_are_lower_case(text in ".*") {
            each_term(&text, |term| {
                assert!(term.text.chars().count() >= 2);
                let lowered: String = term.text.chars().flat_map(char::to_lowercase).collect();
                assert_eq!(term.text, lowered);
            });
        }

        #[test]
        fn humps_and_underscores_mean_the_same(words in proptest::collection::vec("[a-z]{3,8}", 1..4)) {
            let snake = words.join("_");
            let camel: String = words.iter().enumerate().map(|(i, word)| if i == 0 {
                word.clone()
            } else {
                word[..1].to_uppercase() + &word[1..]
            }).collect();
            assert_eq!(terms(&snake), terms(&camel));
        }
    }
}
