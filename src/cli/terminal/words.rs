//! Lines that fit: broken between words, and as wide as they are on a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::platform::text::within_chars;

/// No line is broken into less than this, however narrow the terminal is.
const NARROWEST: usize = 20;

/// The columns of the terminal that the standard output goes to; none where it goes elsewhere.
pub fn columns() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(usize::from(width.0).max(NARROWEST))
}

/// The columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in lines of at most `columns`, all but the first with an indent. Only a word that is longer
/// than a line goes beyond.
pub fn wrapped(text: &str, columns: Option<usize>, indent: usize) -> Vec<String> {
    if text.is_empty() {
        return vec![String::new()];
    }
    let Some(columns) = columns else {
        return text.lines().map(str::to_owned).collect();
    };
    text.lines()
        .flat_map(|line| wrapped_line(line, columns, indent))
        .collect()
}

fn wrapped_line(line: &str, columns: usize, indent: usize) -> Vec<String> {
    if width(line) <= columns {
        return vec![line.to_owned()];
    }
    let mut lines = Vec::new();
    // The indent before the first word stays as it is.
    let begin = line.len() - line.trim_start().len();
    let mut current = line[..begin].to_owned();
    let mut is_empty = true;
    for word in line.split_whitespace() {
        let gap = usize::from(!is_empty);
        if !is_empty && width(&current) + gap + width(word) > columns {
            lines.push(std::mem::replace(&mut current, " ".repeat(indent)));
            is_empty = true;
        }
        if !is_empty {
            current.push(' ');
        }
        current.push_str(word);
        is_empty = false;
    }
    lines.push(current);
    lines
}

/// The line in pieces of at most `columns`, which together are the line, to the letter: what counts as it is,
/// such as a command, is neither changed nor cut. A piece ends behind a blank where one is near.
pub fn folded(line: &str, columns: Option<usize>) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(end) = columns.and_then(|columns| fold(rest, columns)) {
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// The place where a line is folded that takes more than `columns`.
fn fold(line: &str, columns: usize) -> Option<usize> {
    let mut taken = 0;
    let full = line.char_indices().find_map(|(at, c)| {
        taken += c.width().unwrap_or_default();
        (taken > columns && at > 0).then_some(at)
    })?;
    let blank = line[..full].rfind(' ').map(|at| at + 1);
    Some(blank.filter(|at| at * 2 > full).unwrap_or(full))
}

/// The beginning of a line that takes at most `columns`, with `…` when that is not all.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    // Most characters take one column, those that take two are tried down.
    let mut chars = columns;
    loop {
        let short = within_chars(text, chars);
        if width(&short) <= columns || chars == 0 {
            return short;
        }
        chars -= 1;
    }
}

/// A number with commas between its thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things, as people say it.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    let what = if number == 1 { one } else { many };
    format!("{} {what}", grouped(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_break_between_words_and_hang() {
        let text = "  1. Count the last, shorter page";
        assert_eq!(
            wrapped(text, Some(20), 5),
            ["  1. Count the last,", "     shorter page"]
        );
        assert_eq!(wrapped(text, None, 5), [text]);
        assert_eq!(
            wrapped("a\n\nb", Some(80), 0),
            ["a", "", "b"],
            "lines of the text stay lines"
        );
    }

    proptest! {
        #[test]
        fn no_word_is_broken_and_none_is_lost(text in "[a-z äöü汉]{0,80}", columns in 20_usize..40) {
            let lines = wrapped(&text, Some(columns), 2);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&lines.join(" ")), words(&text));
            for line in &lines {
                let is_one_word = line.split_whitespace().count() == 1;
                prop_assert!(is_one_word || width(line) <= columns, "{line:?}");
            }
        }

        #[test]
        fn what_is_folded_fits_and_is_the_same(text in "[a-z 汉]{0,80}", columns in 2_usize..40) {
            let pieces = folded(&text, Some(columns));
            prop_assert_eq!(pieces.concat(), text.as_str());
            for piece in &pieces {
                prop_assert!(width(piece) <= columns, "{piece:?}");
            }
        }

        #[test]
        fn what_is_cut_fits(text in "[a-z汉字]{0,40}", columns in 1_usize..30) {
            let short = cut(&text, columns);
            prop_assert!(width(&short) <= columns);
            prop_assert_eq!(short.ends_with('…'), short != text);
        }
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(counted(1, "call", "calls"), "1 call");
        assert_eq!(counted(0, "file", "files"), "0 files");
        assert_eq!(grouped(5_250), "5,250");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
