//! Finding the one place an edit means.
//!
//! Three rules are tried, each looser than the one before: exact; without regard to white space at
//! the ends of lines; without regard to how far the whole block is indented. The first rule under
//! which anything matches decides, and it must match exactly once: an edit is never applied to a
//! place that is only similar, nor to one of several.

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// The rule by which the old text was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Character by character, whatever ends the file's lines.
    Exact,
    /// White space at the ends of lines differs.
    TrailingSpace,
    /// The whole block is indented differently, by the same amount in every line.
    Indentation,
}

impl Rule {
    /// The rule's name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::TrailingSpace => "trailing_space",
            Self::Indentation => "indentation",
        }
    }
}

/// An edit that can be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that are replaced, in order, not overlapping.
    pub places: Vec<Range<usize>>,
    /// The text that replaces each of them.
    pub replacement: String,
    /// The rule by which they were found.
    pub rule: Rule,
}

/// Why there is no edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The old text is empty or nothing but white space that matches only loosely.
    Empty,
    /// Old and new text are the same.
    Identical,
    /// Several places match.
    Ambiguous {
        /// The lines where they begin, from 1; at most ten.
        lines: Vec<usize>,
        /// The number of places.
        count: usize,
        /// Under which rule.
        rule: Rule,
    },
    /// No place matches.
    Absent,
}

/// Finds the one place where `old` stands in `text`; with `all`, every place where it stands
/// exactly. The lines of all three end with line feeds.
pub fn find(text: &str, old: &str, new: &str, all: bool) -> Result<Edit, Mismatch> {
    if old.is_empty() {
        return Err(Mismatch::Empty);
    }
    if old == new {
        return Err(Mismatch::Identical);
    }
    exact(text, old, new, all)
        .or_else(|| loosely(text, old, new, Rule::TrailingSpace))
        .or_else(|| loosely(text, old, new, Rule::Indentation))
        .unwrap_or(Err(Mismatch::Absent))
}

fn exact(text: &str, old: &str, new: &str, all: bool) -> Option<Result<Edit, Mismatch>> {
    let edit = |places| Edit {
        places,
        replacement: new.to_owned(),
        rule: Rule::Exact,
    };
    if all {
        let places: Vec<_> = text
            .match_indices(old)
            .map(|(start, _)| start..start + old.len())
            .collect();
        return (!places.is_empty()).then(|| Ok(edit(places)));
    }
    // Occurrences may overlap: `aa` stands in `aaa` twice.
    let mut starts = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find(old) {
        starts.push(from + at);
        from += at + text[from + at..].chars().next().map_or(1, char::len_utf8);
    }
    match starts.as_slice() {
        [] => None,
        [start] => Some(Ok(edit(
            std::iter::once(*start..*start + old.len()).collect(),
        ))),
        several => Some(Err(ambiguous(text, several, Rule::Exact))),
    }
}

fn ambiguous(text: &str, starts: &[usize], rule: Rule) -> Mismatch {
    Mismatch::Ambiguous {
        lines: starts
            .iter()
            .take(10)
            .map(|start| line_of(text, *start))
            .collect(),
        count: starts.len(),
        rule,
    }
}

/// The line, from 1, in which the byte at `offset` stands.
pub fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// A line without its ending, and where it and its ending stop.
struct Line<'a> {
    text: &'a str,
    start: usize,
    /// Past the ending.
    next: usize,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    text.split_inclusive('\n')
        .map(|whole| {
            let line = whole.strip_suffix('\n').unwrap_or(whole);
            let line = Line {
                text: line,
                start,
                next: start + whole.len(),
            };
            start = line.next;
            line
        })
        .collect()
}

/// Whole lines that match by a looser rule.
fn loosely(text: &str, old: &str, new: &str, rule: Rule) -> Option<Result<Edit, Mismatch>> {
    let (there, wanted) = (lines(text), lines(old));
    if wanted.is_empty() || wanted.iter().all(|line| line.text.trim().is_empty()) {
        return None;
    }
    let mut found = Vec::new();
    for (first, window) in there.windows(wanted.len()).enumerate() {
        let pairs = window
            .iter()
            .zip(&wanted)
            .map(|(is, want)| (is.text, want.text));
        if let Some(shift) = shift(pairs, rule) {
            found.push((first, shift));
        }
    }
    let (first, shift) = match found.as_slice() {
        [] => return None,
        [one] => one,
        several => {
            let starts: Vec<_> = several
                .iter()
                .map(|(first, _)| there[*first].start)
                .collect();
            return Some(Err(ambiguous(text, &starts, rule)));
        }
    };
    let window = &there[*first..first + wanted.len()];
    let last = &window[window.len() - 1];
    // Old text that ends with a line feed takes the last line's ending with it.
    let end = if old.ends_with('\n') {
        last.next
    } else {
        last.start + last.text.len()
    };
    let replacement = woven(window, &wanted, new, *shift)?;
    let place = there[*first].start..end;
    if text[place.clone()] == replacement {
        return Some(Err(Mismatch::Identical));
    }
    Some(Ok(Edit {
        places: std::iter::once(place).collect(),
        replacement,
        rule,
    }))
}

/// The new text in terms of the file: a line that stays as the old text has it is the file's own, white space
/// included, and any other is at the file's indentation. None when a line has less indentation than is to be
/// taken away.
fn woven(window: &[Line<'_>], wanted: &[Line<'_>], new: &str, shift: Shift<'_>) -> Option<String> {
    let old: Vec<&str> = wanted.iter().map(|line| line.text).collect();
    let new_lines: Vec<&str> = lines(new).iter().map(|line| line.text).collect();
    let mut texts = Vec::with_capacity(new_lines.len());
    for operation in capture_diff_slices(Algorithm::Myers, &old, &new_lines) {
        if let DiffOp::Equal { old_index, len, .. } = operation {
            let own = &window[old_index..old_index + len];
            texts.extend(own.iter().map(|line| Some(line.text.to_owned())));
        } else {
            let changed = &new_lines[operation.new_range()];
            texts.extend(changed.iter().map(|line| shift.applied_to(line)));
        }
    }
    let texts: Option<Vec<String>> = texts.into_iter().collect();
    let end = if new.ends_with('\n') { "\n" } else { "" };
    Some(texts?.join("\n") + end)
}

/// The difference between a block's indentation in the file and in the old text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shift<'a> {
    None,
    In(&'a str),
    Out(&'a str),
}

impl Shift<'_> {
    /// A new line at the file's indentation; none when it has less to take away.
    fn applied_to(self, line: &str) -> Option<String> {
        match self {
            Self::In(by) if !line.trim().is_empty() => Some(format!("{by}{line}")),
            Self::Out(by) if !line.trim().is_empty() => line.strip_prefix(by).map(str::to_owned),
            Self::None | Self::In(_) | Self::Out(_) => Some(line.to_owned()),
        }
    }
}

/// By what shift all pairs of lines are equal under the rule, if they are.
fn shift<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, rule: Rule) -> Option<Shift<'a>> {
    let mut all = None;
    for (is, want) in pairs {
        let (is, want) = (is.trim_end(), want.trim_end());
        if is.is_empty() && want.is_empty() {
            continue;
        }
        let one = if is == want {
            Shift::None
        } else if rule != Rule::Indentation || is.trim_start() != want.trim_start() {
            return None;
        } else if let Some(by) = is.strip_suffix(want) {
            Shift::In(by)
        } else {
            Shift::Out(want.strip_suffix(is)?)
        };
        if *all.get_or_insert(one) != one {
            return None;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tools::files::line_ends::FileLines;

    fn edited(text: &str, old: &str, new: &str) -> Result<(String, Rule), Mismatch> {
        find(text, old, new, false).map(|edit| (applied(&edit, text), edit.rule))
    }

    fn applied(edit: &Edit, text: &str) -> String {
        FileLines::of(text).edited(edit)
    }

    #[test]
    fn an_exact_match_replaces_only_itself() {
        let got = edited("a = 1\nb = 2\n", "b = 2", "b = 3");
        assert_eq!(got, Ok(("a = 1\nb = 3\n".to_owned(), Rule::Exact)));
    }

    #[test]
    fn overlapping_occurrences_are_ambiguous() {
        let ambiguous = Mismatch::Ambiguous {
            lines: vec![1, 1],
            count: 2,
            rule: Rule::Exact,
        };
        assert_eq!(edited("aaa", "aa", "b"), Err(ambiguous));
    }

    #[test]
    fn an_ambiguous_match_names_its_lines() {
        let ambiguous = Mismatch::Ambiguous {
            lines: vec![1, 3],
            count: 2,
            rule: Rule::Exact,
        };
        assert_eq!(edited("x\ny\nx\n", "x\n", "z\n"), Err(ambiguous));
    }

    #[test]
    fn ambiguity_at_a_looser_rule_is_not_resolved_by_a_still_looser_one() {
        let text = "x \ny\nx  \n";
        assert!(matches!(
            edited(text, "x\n", "z\n"),
            Err(Mismatch::Ambiguous {
                count: 2,
                rule: Rule::TrailingSpace,
                ..
            })
        ));
    }

    #[test]
    fn white_space_at_the_end_of_a_line_does_not_matter() {
        let got = edited("a  \nb\t\nc\n", "a\nb\n", "x\n");
        assert_eq!(got, Ok(("x\nc\n".to_owned(), Rule::TrailingSpace)));
    }

    #[test]
    fn a_block_is_put_at_the_indentation_of_the_file() {
        let text = "class A:\n    def f():\n        return 1\n";
        let got = edited(
            text,
            "def f():\n    return 1",
            "def f():\n    x = 1\n\n    return x",
        );
        let wanted = "class A:\n    def f():\n        x = 1\n\n        return x\n";
        assert_eq!(got, Ok((wanted.to_owned(), Rule::Indentation)));
    }

    #[test]
    fn a_block_that_came_too_far_in_is_put_back() {
        let got = edited(
            "if x:\n  y()\n",
            "    if x:\n      y()",
            "    if x:\n      z()",
        );
        assert_eq!(got, Ok(("if x:\n  z()\n".to_owned(), Rule::Indentation)));
    }

    #[test]
    fn an_uneven_shift_is_no_match() {
        assert_eq!(
            edited("if x:\n        y()\n", "  if x:\n    y()", "z"),
            Err(Mismatch::Absent)
        );
        assert_eq!(
            edited("\tif x:\n", "    if x:", "    if y:"),
            Err(Mismatch::Absent)
        );
    }

    #[test]
    fn a_line_that_a_loose_edit_leaves_alone_keeps_its_white_space() {
        let got = edited("a  \n\tb\t\nc \n", "a\n\tb\nc\n", "a\n\tB\nc\n");
        let wanted = "a  \n\tB\nc \n".to_owned();
        assert_eq!(got, Ok((wanted, Rule::TrailingSpace)));
        let text = "    if x:  \n        y()\n";
        let got = edited(text, "if x:\n    y()", "if x:\n    z()");
        let wanted = "    if x:  \n        z()\n".to_owned();
        assert_eq!(got, Ok((wanted, Rule::Indentation)));
    }

    #[test]
    fn a_last_line_without_an_ending_is_found_by_a_text_with_one() {
        let got = edited("a\nlast", "last\n", "new\n");
        assert_eq!(got, Ok(("a\nnew\n".to_owned(), Rule::TrailingSpace)));
    }

    #[test]
    fn nothing_and_the_same_are_refused() {
        assert_eq!(edited("a", "", "b"), Err(Mismatch::Empty));
        assert_eq!(edited("a", "a", "a"), Err(Mismatch::Identical));
        assert_eq!(edited("a\n\n\nb", "  \n ", "x"), Err(Mismatch::Absent));
        assert_eq!(edited("  a\n", "a ", "a"), Err(Mismatch::Identical));
    }

    #[test]
    fn all_exact_matches_are_replaced_when_asked() {
        let edit = find("x y x", "x", "z", true).unwrap();
        assert_eq!(applied(&edit, "x y x"), "z y z");
        assert_eq!(find("x y x", "q", "z", true), Err(Mismatch::Absent));
    }

    /// Texts of few different lines, so that repetitions and near misses are common.
    fn text() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            "[ab]{0,2}",
            "  [ab]{1,2}",
            "    [ab]{1,2}",
            "[ab]{1,2}  ",
            "\t[ab]",
            "é[ab]",
        ];
        (prop::collection::vec(line, 0..8), any::<bool>()).prop_map(|(lines, ended)| {
            let mut text = lines.join("\n");
            if ended {
                text.push('\n');
            }
            text
        })
    }

    proptest! {
        #[test]
        fn an_edit_changes_exactly_the_matched_region(text in text(), old in text(), new in text()) {
            if let Ok(edit) = find(&text, &old, &new, false) {
                let [place] = edit.places.as_slice() else { panic!("several places") };
                let after = applied(&edit, &text);
                prop_assert!(after.starts_with(&text[..place.start]));
                prop_assert!(after.ends_with(&text[place.end..]));
                let inside = &after[place.start..after.len() - (text.len() - place.end)];
                prop_assert_eq!(inside, &edit.replacement);
                // The replaced text is the requested one, but for white space.
                let bare = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                prop_assert_eq!(bare(&text[place.clone()]), bare(&old));
            }
        }

        #[test]
        fn an_edit_is_never_applied_to_one_of_several(block in text(), between in text(), new in text()) {
            prop_assume!(!block.trim().is_empty());
            let twice = format!("{block}\n{between}\n{block}\n");
            prop_assert!(find(&twice, &block, &new, false).is_err());
        }
    }
}
