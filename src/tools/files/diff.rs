//! Differences as people and models read them, bounded in size and time.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use crate::platform::text::cut_bytes;

const TIME: Duration = Duration::from_millis(200);
const LINE_BYTES: usize = 200;

/// The most lines of the nearest region.
const REGION_LINES: usize = 40;

/// A unified diff of at most `most` lines.
pub fn unified(before: &str, after: &str, most: usize) -> String {
    let diff = TextDiff::configure()
        .timeout(TIME)
        .diff_lines(before, after);
    let shown = diff.unified_diff().context_radius(2).to_string();
    let mut lines = shown.lines();
    let mut short: Vec<_> = lines
        .by_ref()
        .take(most)
        .map(|line| cut_bytes(line, LINE_BYTES))
        .collect();
    let more = lines.count();
    if more > 0 {
        short.push(format!("… {more} more lines"));
    }
    short.join("\n")
}

/// The region of a text that resembles a block of lines most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// Where it begins, from 1.
    pub line: usize,
    /// `-` lines are the block's, `+` lines the text's, with their numbers.
    pub diff: String,
}

/// Looks for the region of `there` that has most lines of `wanted`, or else the line most like its
/// first one. None when nothing resembles it.
pub fn nearest(there: &str, wanted: &str) -> Option<Nearest> {
    let lines: Vec<&str> = there.lines().collect();
    let block: Vec<&str> = wanted.lines().take(REGION_LINES).collect();
    let start = most_equal(&lines, &block).or_else(|| most_similar(&lines, &block))?;
    let end = lines.len().min(start + block.len());
    let region = &lines[start..end];
    let diff = TextDiff::configure()
        .timeout(TIME)
        .diff_slices(&block, region);
    let mut shown = Vec::new();
    for change in diff.iter_all_changes() {
        let line = cut_bytes(change.value(), LINE_BYTES);
        let number = change.new_index().map(|index| start + index + 1);
        shown.push(match (change.tag(), number) {
            (ChangeTag::Delete, _) | (_, None) => format!("-      | {line}"),
            (ChangeTag::Insert, Some(number)) => format!("+{number:>5} | {line}"),
            (ChangeTag::Equal, Some(number)) => format!(" {number:>5} | {line}"),
        });
    }
    Some(Nearest {
        line: start + 1,
        diff: shown.join("\n"),
    })
}

/// Where most lines agree with the block's, not counting white space around them and blank lines.
fn most_equal(lines: &[&str], block: &[&str]) -> Option<usize> {
    let block: Vec<_> = block.iter().map(|line| line.trim()).collect();
    let lines: Vec<_> = lines.iter().map(|line| line.trim()).collect();
    let mut best = (0, 0);
    for start in 0..lines.len() {
        let pairs = lines[start..].iter().zip(&block);
        let equal = pairs
            .filter(|(is, want)| is == want && is.len() > 2)
            .count();
        if equal > best.0 {
            best = (equal, start);
        }
    }
    (best.0 > 0).then_some(best.1)
}

/// Where a line resembles the block's first telling line by more than half of its characters.
fn most_similar(lines: &[&str], block: &[&str]) -> Option<usize> {
    let (offset, wanted) = block
        .iter()
        .enumerate()
        .find(|(_, line)| line.trim().len() > 2)?;
    let wanted = wanted.trim();
    let mut best = (0.5, None);
    for (index, line) in lines.iter().enumerate().take(2_000) {
        let line = line.trim();
        // A ratio above one half is impossible when one is three times as long as the other.
        if line.len() > 3 * wanted.len() || wanted.len() > 3 * line.len() || line.len() > 400 {
            continue;
        }
        let ratio = TextDiff::from_chars(wanted, line).ratio();
        if ratio > best.0 {
            best = (ratio, Some(index));
        }
    }
    best.1.map(|index| index.saturating_sub(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_region_is_shown_with_its_line_numbers() {
        let there = "fn a() {\n    one();\n    two(1);\n}\n";
        let found = nearest(there, "    one();\n    two(2);\n").unwrap();
        insta::assert_snapshot!(found.diff, @r"
             2 |     one();
        -      |     two(2);
        +    3 |     two(1);
        ");
    }

    #[test]
    fn nothing_resembling_is_said_to_be_so() {
        assert_eq!(nearest("alpha\nbeta\n", "0123456789"), None);
        assert_eq!(nearest("", "x = 1"), None);
    }
}
