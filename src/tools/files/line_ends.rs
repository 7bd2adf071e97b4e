//! The ends of a file's lines: models see and write line feeds, and each line of a file keeps its own end.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::tools::files::edit_match::Edit;

/// With more lines than these between what is equal at both ends, lines are paired by their numbers. The
/// result must not depend on how fast a machine compares.
const MOST_COMPARED: usize = 5_000;

/// The end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    LineFeed,
    CarriageReturnLineFeed,
    /// Of files that have no other end.
    CarriageReturn,
}

impl LineEnd {
    fn text(self) -> &'static str {
        match self {
            Self::LineFeed => "\n",
            Self::CarriageReturnLineFeed => "\r\n",
            Self::CarriageReturn => "\r",
        }
    }
}

/// A text whose lines end with line feeds, and the ends that they have in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLines {
    text: String,
    /// One for each line feed of the text.
    ends: Vec<LineEnd>,
}

impl FileLines {
    /// Takes a file's text apart.
    pub fn of(stored: &str) -> Self {
        if stored.contains('\r') && !stored.contains('\n') {
            let text = stored.replace('\r', "\n");
            let ends = vec![LineEnd::CarriageReturn; text.matches('\n').count()];
            return Self { text, ends };
        }
        let mut text = String::with_capacity(stored.len());
        let mut ends = Vec::new();
        for line in stored.split_inclusive('\n') {
            let Some(bare) = line.strip_suffix('\n') else {
                text.push_str(line);
                continue;
            };
            let (bare, end) = match bare.strip_suffix('\r') {
                Some(bare) => (bare, LineEnd::CarriageReturnLineFeed),
                None => (bare, LineEnd::LineFeed),
            };
            text.push_str(bare);
            text.push('\n');
            ends.push(end);
        }
        Self { text, ends }
    }

    /// The text with line feeds.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A text of a model, in the terms of [`Self::text`].
    pub fn plain(&self, given: &str) -> String {
        let plain = given.replace("\r\n", "\n");
        if self.ends.first() == Some(&LineEnd::CarriageReturn) {
            return plain.replace('\r', "\n");
        }
        plain
    }

    /// True if lines end otherwise than with line feeds.
    pub fn are_other(&self) -> bool {
        self.ends.iter().any(|end| *end != LineEnd::LineFeed)
    }

    /// The file's text after an edit of [`Self::text`]. Lines that the edit leaves as they are keep their
    /// ends, and new lines end as those before them.
    pub fn edited(&self, edit: &Edit) -> String {
        let mut after = Self {
            text: String::with_capacity(self.text.len() + edit.replacement.len()),
            ends: Vec::with_capacity(self.ends.len()),
        };
        let (mut from, mut line) = (0, 0);
        for place in &edit.places {
            let kept = &self.text[from..place.start];
            let first = line + kept.matches('\n').count();
            let replaced = &self.text[place.clone()];
            let next = first + replaced.matches('\n').count();
            after.text.push_str(kept);
            after.ends.extend(&self.ends[line..first]);
            let ends = Inherited {
                ends: &self.ends[first..next],
                neighbour: self.around(first, next),
            };
            after.ends.extend(ends.by(replaced, &edit.replacement));
            after.text.push_str(&edit.replacement);
            (from, line) = (place.end, next);
        }
        after.text.push_str(&self.text[from..]);
        after.ends.extend(&self.ends[line..]);
        after.joined()
    }

    /// The text of a file that gets other content.
    pub fn rewritten(&self, content: &str) -> String {
        let text = self.plain(content);
        let ends = Inherited {
            ends: &self.ends,
            neighbour: self.around(0, self.ends.len()),
        };
        let ends = ends.by(&self.text, &text);
        Self { text, ends }.joined()
    }

    /// The end of the line before these, or of the one behind them.
    fn around(&self, first: usize, next: usize) -> LineEnd {
        let before = first.checked_sub(1).and_then(|line| self.ends.get(line));
        let beside = before.or_else(|| self.ends.get(next));
        let own = beside.or_else(|| self.ends.get(first));
        own.copied().unwrap_or(LineEnd::LineFeed)
    }

    fn joined(&self) -> String {
        let mut stored = String::with_capacity(self.text.len() + self.ends.len());
        let mut ends = self.ends.iter();
        for line in self.text.split_inclusive('\n') {
            match (line.strip_suffix('\n'), ends.next()) {
                (Some(bare), Some(end)) => {
                    stored.push_str(bare);
                    stored.push_str(end.text());
                }
                _ => stored.push_str(line),
            }
        }
        stored
    }
}

/// The ends that replaced lines had, for those that replace them.
struct Inherited<'a> {
    /// One for each line feed that is replaced.
    ends: &'a [LineEnd],
    /// The end of a line beside them.
    neighbour: LineEnd,
}

impl Inherited<'_> {
    /// One end for each line feed of `new`, which replaces `old`.
    fn by(&self, old: &str, new: &str) -> Vec<LineEnd> {
        let wanted = new.matches('\n').count();
        let only = self.ends.first().unwrap_or(&self.neighbour);
        if self.ends.iter().all(|end| end == only) {
            return vec![*only; wanted];
        }
        let old: Vec<&str> = old.split('\n').collect();
        let new: Vec<&str> = new.split('\n').collect();
        let mut ends = Vec::with_capacity(new.len());
        for models in models(&old, &new) {
            let own = models.and_then(|line| self.ends.get(line).copied());
            let before = ends.last().copied().unwrap_or(self.neighbour);
            ends.push(own.unwrap_or(before));
        }
        // The text behind the last line feed has its end outside.
        ends.truncate(wanted);
        ends
    }
}

/// For each new line the old one that it is, or in whose place it stands.
fn models(old: &[&str], new: &[&str]) -> Vec<Option<usize>> {
    let same = |(one, other): &(&&str, &&str)| one == other;
    let head = old.iter().zip(new).take_while(same).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let backwards = old_rest.iter().rev().zip(new_rest.iter().rev());
    let tail = backwards.take_while(same).count();
    let old_middle = &old_rest[..old_rest.len() - tail];
    let new_middle = &new_rest[..new_rest.len() - tail];
    let mut models: Vec<_> = (0..head).map(Some).collect();
    let middle = models_of_middle(old_middle, new_middle);
    models.extend(middle.into_iter().map(|line| Some(line? + head)));
    models.extend((old.len() - tail..old.len()).map(Some));
    models
}

fn models_of_middle(old: &[&str], new: &[&str]) -> Vec<Option<usize>> {
    let by_number = |count: usize, len: usize| (0..len).map(move |at| (at < count).then_some(at));
    if old.len() + new.len() > MOST_COMPARED {
        return by_number(old.len(), new.len()).collect();
    }
    let mut models = Vec::with_capacity(new.len());
    for operation in capture_diff_slices(Algorithm::Myers, old, new) {
        match operation {
            DiffOp::Equal { old_index, len, .. } => {
                models.extend((old_index..old_index + len).map(Some));
            }
            DiffOp::Delete { .. } => {}
            DiffOp::Insert { new_len, .. } => models.extend(std::iter::repeat_n(None, new_len)),
            DiffOp::Replace {
                old_index,
                old_len,
                new_len,
                ..
            } => {
                let paired = by_number(old_len, new_len);
                models.extend(paired.map(|at| Some(at? + old_index)));
            }
        }
    }
    models
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tools::files::edit_match::{Mismatch, find};

    fn edited(text: &str, old: &str, new: &str) -> Result<String, Mismatch> {
        let lines = FileLines::of(text);
        let (old, new) = (lines.plain(old), lines.plain(new));
        find(lines.text(), &old, &new, false).map(|edit| lines.edited(&edit))
    }

    #[test]
    fn a_file_with_carriage_returns_keeps_them() {
        let text = "one\r\ntwo\r\nthree\r\n";
        let wanted = Ok("one\r\n2\r\n2b\r\nthree\r\n".to_owned());
        for (old, new) in [
            ("two\n", "2\n2b\n"),
            ("two", "2\n2b"),
            ("one\ntwo", "one\n2\n2b"),
            ("one\r\ntwo\r\n", "one\r\n2\r\n2b\r\n"),
        ] {
            assert_eq!(edited(text, old, new), wanted, "{old:?}");
        }
        let got = edited("a \r\nb\r\n", "a\nb", "x\ny");
        assert_eq!(got, Ok("x\r\ny\r\n".to_owned()));
        assert_eq!(
            edited("a\rb\rc", "b\n", "B\nb\n"),
            Ok("a\rB\rb\rc".to_owned())
        );
    }

    #[test]
    fn lines_of_a_mixed_file_keep_their_own_ends() {
        for (text, old, new, wanted) in [
            (
                "one\ntwo\r\nthree\n",
                "one\ntwo\nthree",
                "one\ntwo\n3",
                "one\ntwo\r\n3\n",
            ),
            (
                "one\ntwo\r\nthree\n",
                "one\ntwo\n",
                "1\n2\n",
                "1\n2\r\nthree\n",
            ),
            ("one\r\ntwo\nthree\n", "one\n", "", "two\nthree\n"),
            // New lines end as those before them, or behind them.
            (
                "one\ntwo\r\nthree\n",
                "two\n",
                "two\nnew\n",
                "one\ntwo\r\nnew\r\nthree\n",
            ),
            (
                "one\ntwo\r\nthree\n",
                "two\nthree",
                "two\nnew\nthree",
                "one\ntwo\r\nnew\r\nthree\n",
            ),
            ("one\r\ntwo\n", "one", "zero\none", "zero\r\none\r\ntwo\n"),
            // Found only without regard to white space.
            (
                "one \ntwo\r\nthree\n",
                "one\ntwo\nthree",
                "one\n2\nthree",
                "one \n2\r\nthree\n",
            ),
        ] {
            assert_eq!(
                edited(text, old, new),
                Ok(wanted.to_owned()),
                "{text:?} {old:?}"
            );
        }
    }

    #[test]
    fn the_ends_of_lines_alone_are_no_edit() {
        assert_eq!(edited("a\r\nb\n", "a\r\n", "a\n"), Err(Mismatch::Identical));
    }

    #[test]
    fn other_content_ends_as_the_file_did() {
        for (text, content, wanted) in [
            ("a\r\nb\r\n", "a\nc\nd\n", "a\r\nc\r\nd\r\n"),
            ("a\nb\n", "a\r\nc\r\n", "a\nc\n"),
            ("a\rb\r", "x\ny\n", "x\ry\r"),
            ("a\nb\r\nc\n", "a\nnew\nb\nc\n", "a\nnew\nb\r\nc\n"),
            ("a", "x\ny\n", "x\ny\n"),
            ("", "x\r\n", "x\n"),
        ] {
            assert_eq!(FileLines::of(text).rewritten(content), wanted, "{text:?}");
        }
    }

    /// Texts of a few different lines with any ends.
    fn text() -> impl Strategy<Value = String> {
        let line = ("[ab]{0,2}", prop_oneof!["\n", "\r\n", "\r"]);
        (prop::collection::vec(line, 0..10), "[ab]{0,2}").prop_map(|(lines, last)| {
            let lines = lines.into_iter().map(|(line, end)| line + &end);
            lines.collect::<String>() + &last
        })
    }

    proptest! {
        #[test]
        fn a_text_is_put_together_as_it_was(text in "[ab\r\n]{0,20}") {
            let lines = FileLines::of(&text);
            prop_assert_eq!(lines.joined(), text.clone());
            prop_assert_eq!(lines.rewritten(&text), text);
        }

        #[test]
        fn an_edit_leaves_every_byte_before_and_behind_it(text in text(), old in "[ab\n]{1,6}", new in "[abx\n]{0,6}") {
            let lines = FileLines::of(&text);
            if let Ok(edit) = find(lines.text(), &old, &new, false) {
                let place = &edit.places[0];
                let after = lines.edited(&edit);
                let head = lines.text()[..place.start].matches('\n').count();
                // The first of them ends the line in which the edit ends.
                let tail = lines.text()[place.end..].matches('\n').count().saturating_sub(1);
                let cut = |text: &str| -> Vec<String> {
                    text.split_inclusive('\n').map(str::to_owned).collect()
                };
                let (was, is) = (cut(&text), cut(&after));
                // A file of carriage returns alone has one such line.
                if text.contains('\n') && after.contains('\n') {
                    prop_assert_eq!(&was[..head], &is[..head]);
                    prop_assert_eq!(&was[was.len() - tail..], &is[is.len() - tail..]);
                }
            }
        }

        #[test]
        fn a_file_of_one_end_keeps_it(lines in prop::collection::vec("[a-c]{1,3}", 2..8), new in "[x\n]{1,6}") {
            let text = lines.join("\r\n");
            if let Ok(after) = edited(&text, &lines[1], &new) {
                prop_assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
            }
        }
    }
}
