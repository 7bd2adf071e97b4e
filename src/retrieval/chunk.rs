//! A file → pieces of a screenful, cut where its author left a blank line. Pure.

use crate::platform::text::first_bytes;

/// From this length on, a chunk ends at the next blank line.
const SOFT_LINES: usize = 40;
/// A chunk ends here whatever comes.
const HARD_LINES: usize = 60;
/// A chunk of long lines ends at this size, so that one piece never fills the whole budget.
const HARD_BYTES: usize = 6 * 1024;

/// More of a line is not looked at: a minified script on one line would otherwise hold every word and
/// be the answer to every question.
const MAX_LINE_BYTES: usize = 500;

/// A line as far as it is looked at, and whether that is all of it.
pub fn seen_of(line: &str) -> (&str, bool) {
    let seen = first_bytes(line, MAX_LINE_BYTES);
    (seen, seen.len() == line.len())
}

/// A piece of a file: its lines, counted from 1, both inclusive, and its bytes in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The first line.
    pub start_line: u32,
    /// The last line.
    pub end_line: u32,
    /// Where its text stands.
    pub bytes: std::ops::Range<usize>,
}

/// Cuts a text into pieces that cover it without gap or overlap; pieces of blank lines alone are
/// left out.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut first_line = 1;
    let mut at = 0;
    let mut line_number: u32 = 0;
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        at += line.len();
        line_number = line_number.saturating_add(1);
        let held = (line_number - first_line) as usize + 1;
        let ends_well = held >= SOFT_LINES && line.trim().is_empty();
        let next = lines.peek().map_or(0, |next| next.len());
        let full = held >= HARD_LINES || at - start + next > HARD_BYTES;
        if ends_well || full || lines.peek().is_none() {
            if !text[start..at].trim().is_empty() {
                pieces.push(Piece {
                    start_line: first_line,
                    end_line: line_number,
                    bytes: start..at,
                });
            }
            start = at;
            first_line = line_number.saturating_add(1);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::{HARD_LINES, pieces};

    fn spans(text: &str) -> Vec<(u32, u32)> {
        pieces(text)
            .iter()
            .map(|piece| (piece.start_line, piece.end_line))
            .collect()
    }

    #[test]
    fn a_short_file_is_one_piece() {
        assert_eq!(spans("a\nb\nc"), [(1, 3)]);
        assert_eq!(spans(""), []);
        assert_eq!(spans("\n\n  \n"), []);
    }

    #[test]
    fn a_long_file_is_cut_at_the_blank_line_after_forty_lines() {
        let text = format!("{}\n{}", "x\n".repeat(44), "y\n".repeat(10));
        assert_eq!(spans(&text), [(1, 45), (46, 55)]);
    }

    #[test]
    fn a_file_without_blank_lines_is_cut_at_sixty() {
        assert_eq!(spans(&"x\n".repeat(130)), [(1, 60), (61, 120), (121, 130)]);
    }

    #[test]
    fn long_lines_end_a_piece_early() {
        let text = format!("{}\n", "x".repeat(4000)).repeat(3);
        assert_eq!(spans(&text), [(1, 1), (2, 2), (3, 3)]);
    }

    proptest::proptest! {
        #[test]
        fn pieces_are_in_order_and_lose_only_blanks(text in "([ab]{0,3}\n){0,300}.{0,5}") {
            let mut end = 0;
            let mut line = 0;
            for piece in pieces(&text) {
                assert!(text[end..piece.bytes.start].trim().is_empty());
                assert!(piece.start_line > line && piece.end_line >= piece.start_line);
                assert!(((piece.end_line - piece.start_line) as usize) < HARD_LINES);
                let lines = text[..piece.bytes.start].matches('\n').count();
                assert_eq!(lines + 1, piece.start_line as usize);
                end = piece.bytes.end;
                line = piece.end_line;
            }
            assert!(text[end..].trim().is_empty());
        }
    }
}
