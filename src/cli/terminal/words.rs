//! Lines that fit: broken between words, and as wide as they are on a terminal.

use unicode_width::UnicodeWidthStr;

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
