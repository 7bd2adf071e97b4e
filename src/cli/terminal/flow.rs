//! Text that arrives in pieces, broken between words as it is written.

use std::io::{self, Write};

use crate::cli::terminal::words::width;

/// Begins and ends a block of code, whose lines are never broken.
const FENCE: &str = "```";

/// The place where a text stands that is written piece by piece. A word is written when it is complete.
#[derive(Debug, Default)]
pub struct Flow {
    /// The columns of the terminal; without any, the text is passed on as it is.
    columns: Option<usize>,
    /// The line that the cursor stands in, as far as it is written.
    line: String,
    /// Blanks that are written with the word after them.
    blanks: String,
    /// The word that is not complete.
    word: String,
    /// The indent of a line that goes on.
    hang: usize,
    is_code: bool,
}

impl Flow {
    /// A text on a terminal with this many columns, or elsewhere.
    pub fn new(columns: Option<usize>) -> Self {
        Self {
            columns,
            ..Self::default()
        }
    }

    /// True if the cursor stands within a line, or a word waits.
    pub fn is_within(&self) -> bool {
        !(self.line.is_empty() && self.word.is_empty())
    }

    /// The line that the cursor stands in.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Writes a piece, but for a word at its end that may go on.
    pub fn push(&mut self, piece: &str, out: &mut impl Write) -> io::Result<()> {
        if self.columns.is_none() {
            let last = piece.rsplit('\n').next().unwrap_or_default();
            if last.len() < piece.len() {
                self.line.clear();
            }
            self.line.push_str(last);
            return out.write_all(piece.as_bytes());
        }
        for c in piece.chars() {
            match c {
                '\n' => self.end_line(out)?,
                ' ' | '\t' => {
                    self.end_word(out)?;
                    self.blanks.push(c);
                }
                _ => self.word.push(c),
            }
        }
        Ok(())
    }

    /// Writes what waits, and ends the line if there is one.
    pub fn end(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.is_within() {
            if self.columns.is_none() {
                self.line.clear();
                return writeln!(out);
            }
            self.end_line(out)?;
        }
        self.blanks.clear();
        Ok(())
    }

    fn end_line(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.end_word(out)?;
        self.line.clear();
        self.blanks.clear();
        self.hang = 0;
        writeln!(out)
    }

    fn end_word(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.word.is_empty() {
            return Ok(());
        }
        let word = std::mem::take(&mut self.word);
        let mut blanks = std::mem::take(&mut self.blanks);
        let is_first = self.line.trim().is_empty();
        if is_first {
            if word.starts_with(FENCE) {
                self.is_code = !self.is_code;
            }
            let indent = width(&blanks);
            self.hang = indent
                + if is_bullet(&word) {
                    width(&word) + 1
                } else {
                    0
                };
        }
        let needed = width(&self.line) + width(&blanks) + width(&word);
        let is_full = self.columns.is_some_and(|columns| needed > columns);
        if is_full && !is_first && !self.is_code {
            blanks = " ".repeat(self.hang);
            self.line.clear();
            writeln!(out)?;
        }
        write!(out, "{blanks}{word}")?;
        self.line.push_str(&blanks);
        self.line.push_str(&word);
        Ok(())
    }
}

/// True if a word begins an item of a list.
fn is_bullet(word: &str) -> bool {
    let number = word.strip_suffix(['.', ')']);
    matches!(word, "-" | "*" | "•")
        || number
            .is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(columns: Option<usize>, pieces: &[&str]) -> String {
        let mut bytes = Vec::new();
        let mut flow = Flow::new(columns);
        for piece in pieces {
            flow.push(piece, &mut bytes).unwrap();
        }
        flow.end(&mut bytes).unwrap();
        assert!(!flow.is_within());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_word_that_comes_in_two_pieces_is_not_broken() {
        let pieces = ["The last, short", "er page is mis", "sing.\nMend it."];
        assert_eq!(
            written(Some(20), &pieces),
            "The last, shorter\npage is missing.\nMend it.\n"
        );
        assert_eq!(
            written(None, &pieces),
            "The last, shorter page is missing.\nMend it.\n"
        );
    }

    #[test]
    fn items_hang_and_code_stays_as_it_is() {
        let text = "- one two three four five\n```\nlet x = some_function(with, arguments);\n```\n";
        assert_eq!(
            written(Some(20), &[text]),
            "- one two three four\n  five\n```\nlet x = some_function(with, arguments);\n```\n"
        );
    }

    #[test]
    fn a_text_that_was_ended_ends_no_second_line() {
        assert_eq!(written(Some(20), &["a\n"]), "a\n");
        assert_eq!(written(Some(20), &[]), "");
        assert_eq!(written(None, &["a"]), "a\n");
    }
}
