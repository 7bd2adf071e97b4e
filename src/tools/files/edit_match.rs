//! Finding the one place an edit means.
//!
//! Three rules are tried, each looser than the one before: exact; without regard to white space at
//! the ends of lines; without regard to how far the whole block is indented. The first rule under
//! which anything matches decides, and it must match exactly once: an edit is never applied to a
//! place that is only similar, nor to one of several.

use std::ops::Range;

/// How the old text was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Byte for byte, up to the file's line endings.
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
    /// What replaces each of them.
    pub replacement: String,
    /// How they were found.
    pub rule: Rule,
}

impl Edit {
    /// The text after the edit.
    pub fn apply(&self, text: &str) -> String {
        let mut edited = String::with_capacity(text.len() + self.replacement.len());
        let mut from = 0;
        for place in &self.places {
            edited.push_str(&text[from..place.start]);
            edited.push_str(&self.replacement);
            from = place.end;
        }
        edited.push_str(&text[from..]);
        edited
    }
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
        /// How many there are.
        count: usize,
        /// Under which rule.
        rule: Rule,
    },
    /// No place matches.
    Absent,
}

/// Finds the one place where `old` stands in `text`; with `all`, every place where it stands
/// exactly.
pub fn find(text: &str, old: &str, new: &str, all: bool) -> Result<Edit, Mismatch> {
    if old.is_empty() {
        return Err(Mismatch::Empty);
    }
    if old == new {
        return Err(Mismatch::Identical);
    }
    let ending = Ending::of(text);
    exact(text, old, new, ending, all)
        .or_else(|| {
            // The model sees and writes line feeds; the file has carriage returns too.
            let (old, new) = (ending.applied_to(old), ending.applied_to(new));
            exact(text, &old, &new, ending, all)
        })
        .or_else(|| loosely(text, old, new, ending, Rule::TrailingSpace))
        .or_else(|| loosely(text, old, new, ending, Rule::Indentation))
        .unwrap_or(Err(Mismatch::Absent))
}

/// How the lines of a file end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    LineFeed,
    CarriageReturnLineFeed,
}

impl Ending {
    /// What most lines end with.
    fn of(text: &str) -> Self {
        let crlf = text.matches("\r\n").count();
        if crlf * 2 > text.matches('\n').count() {
            Self::CarriageReturnLineFeed
        } else {
            Self::LineFeed
        }
    }

    fn applied_to(self, text: &str) -> String {
        let plain = text.replace("\r\n", "\n");
        match self {
            Self::LineFeed => plain,
            Self::CarriageReturnLineFeed => plain.replace('\n', "\r\n"),
        }
    }
}

fn exact(
    text: &str,
    old: &str,
    new: &str,
    ending: Ending,
    all: bool,
) -> Option<Result<Edit, Mismatch>> {
    let edit = |places| Edit {
        places,
        replacement: match ending {
            Ending::LineFeed => new.to_owned(),
            Ending::CarriageReturnLineFeed => ending.applied_to(new),
        },
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
                text: line.strip_suffix('\r').unwrap_or(line),
                start,
                next: start + whole.len(),
            };
            start = line.next;
            line
        })
        .collect()
}

/// Whole lines that match by a looser rule.
fn loosely(
    text: &str,
    old: &str,
    new: &str,
    ending: Ending,
    rule: Rule,
) -> Option<Result<Edit, Mismatch>> {
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
    let last = &there[first + wanted.len() - 1];
    // Old text that ends with a line feed takes the last line's ending with it.
    let end = if old.ends_with('\n') {
        last.next
    } else {
        last.start + last.text.len()
    };
    let replacement = ending.applied_to(&shift.applied_to(new)?);
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

/// How much further a block is indented in the file than in the old text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shift<'a> {
    None,
    In(&'a str),
    Out(&'a str),
}

impl Shift<'_> {
    /// The new text at the file's indentation; none when a line has less to take away.
    fn applied_to(self, new: &str) -> Option<String> {
        let shifted = |line: &str| match self {
            Self::In(by) if !line.trim().is_empty() => Some(format!("{by}{line}")),
            Self::Out(by) if !line.trim().is_empty() => line.strip_prefix(by).map(str::to_owned),
            Self::None | Self::In(_) | Self::Out(_) => Some(line.to_owned()),
        };
        new.split_inclusive('\n').map(shifted).collect()
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

    fn edited(text: &str, old: &str, new: &str) -> Result<(String, Rule), Mismatch> {
        find(text, old, new, false).map(|edit| (edit.apply(text), edit.rule))
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
    fn a_file_with_carriage_returns_keeps_them() {
        let text = "one\r\ntwo\r\nthree\r\n";
        let wanted = "one\r\n2\r\n2b\r\nthree\r\n".to_owned();
        assert_eq!(
            edited(text, "two\n", "2\n2b\n"),
            Ok((wanted.clone(), Rule::Exact))
        );
        assert_eq!(
            edited(text, "two", "2\n2b"),
            Ok((wanted.clone(), Rule::Exact))
        );
        assert_eq!(
            edited(text, "one\ntwo", "one\n2\n2b"),
            Ok((wanted, Rule::Exact))
        );
        let got = edited("a \r\nb\r\n", "a\nb", "x\ny");
        assert_eq!(got, Ok(("x\r\ny\r\n".to_owned(), Rule::TrailingSpace)));
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
        assert_eq!(edit.apply("x y x"), "z y z");
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
            "[ab]\r",
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
                let after = edit.apply(&text);
                prop_assert!(after.starts_with(&text[..place.start]));
                prop_assert!(after.ends_with(&text[place.end..]));
                let inside = &after[place.start..after.len() - (text.len() - place.end)];
                prop_assert_eq!(inside, &edit.replacement);
                // What is replaced is what was asked for, but for white space.
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

        #[test]
        fn a_file_of_one_line_ending_keeps_it(lines in prop::collection::vec("[a-c]{1,3}", 2..8), new in "[x\n]{1,6}") {
            let text = lines.join("\r\n");
            if let Ok(edit) = find(&text, &lines[1], &new, false) {
                let after = edit.apply(&text);
                prop_assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
            }
        }
    }
}
