//! The lines of a text that may be YAML.

use crate::platform::redact::rules::bytes::{blanks, run};

/// The furthest that a line may begin before a word, in bytes.
const MAX_FRONT: usize = 128;
/// The longest front of a line, in bytes.
const MAX_NUMBER: usize = 16;
/// The furthest that the first line end is looked for, in bytes.
const MAX_FIRST: usize = 512;

/// Lines that belong together.
#[derive(Debug)]
pub(super) struct Page<'t> {
    text: &'t str,
    /// No line begins before this.
    begin: usize,
    ends: LineEnds,
    front: Front<'t>,
}

/// The form of line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnds {
    /// With a line feed.
    Real,
    /// With so many backslashes and an `n`, within a string.
    Written(usize),
}

/// The front of each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Front<'t> {
    /// Nothing, or the sign of a diff.
    Nothing,
    /// Its number.
    Number,
    /// This.
    Mark(&'t str),
}

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageLine {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The beginning of the next; nothing when the string or the text ends.
    pub(super) next: Option<usize>,
}

/// The content of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing that counts.
    Blank,
    /// It is no line of these any more.
    End,
    /// Something.
    Content {
        /// Its indentation.
        column: usize,
        /// Its beginning.
        at: usize,
        /// It begins a member of a list.
        is_item: bool,
    },
}

impl<'t> Page<'t> {
    /// The lines around a word, if one begins near before it.
    pub(super) fn around(text: &'t str, at: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let from = at.saturating_sub(MAX_FRONT);
        let mut place = at;
        let ends = loop {
            match bytes[from..place].last() {
                None => break None,
                Some(b'\n') => break Some(LineEnds::Real),
                Some(b'n') if bytes[..place - 1].ends_with(b"\\") => {
                    let behind = bytes[..place - 1].iter().rev();
                    let count = behind.take_while(|byte| **byte == b'\\').count();
                    break Some(LineEnds::Written(count));
                }
                Some(_) => place -= 1,
            }
        };
        let front = &bytes[place..at];
        let quoted = front
            .iter()
            .rposition(|byte| matches!(byte, b'"' | b'\'' | b'`'));
        if ends.is_none() && quoted.is_none() && place > 0 {
            return None;
        }
        let begin = quoted.map_or(place, |quote| place + quote + 1);
        let front = text.get(begin..at).unwrap_or_default();
        let is_first = ends.is_none() || quoted.is_some();
        Some(Self {
            text,
            begin: if is_first { begin } else { 0 },
            ends: ends
                .filter(|_| quoted.is_none())
                .unwrap_or_else(|| next_ends(bytes, at)),
            front: Front::of(front),
        })
    }

    /// Its lines end with line feeds, so that a word in the middle of one begins none.
    pub(super) fn is_real(&self) -> bool {
        self.ends == LineEnds::Real
    }

    /// A line is the last of the text, so that more of it may follow.
    pub(super) fn is_last(&self, line: &PageLine) -> bool {
        line.next.unwrap_or(line.end) >= self.text.len()
    }

    /// The line in which a place is.
    pub(super) fn line_at(&self, at: usize) -> PageLine {
        let start = self.start_before(at);
        self.line_from(start)
    }

    /// The line after one.
    pub(super) fn line_after(&self, line: &PageLine) -> Option<PageLine> {
        let next = line.next.filter(|next| *next < self.text.len());
        next.map(|next| self.line_from(next))
    }

    /// The line before one.
    pub(super) fn line_before(&self, line: &PageLine) -> Option<PageLine> {
        if line.start <= self.begin {
            return None;
        }
        let length = match self.ends {
            LineEnds::Real => 1,
            LineEnds::Written(count) => count + 1,
        };
        let start = self.start_before(line.start.checked_sub(length)?);
        let before = self.line_from(start);
        // Something else stands between the two when a string begins.
        (before.next == Some(line.start)).then_some(before)
    }

    fn line_from(&self, start: usize) -> PageLine {
        let bytes = self.text.as_bytes();
        let (end, next) = match self.ends {
            LineEnds::Real => match memchr::memchr(b'\n', &bytes[start..]) {
                Some(length) => (start + length, Some(start + length + 1)),
                None => (bytes.len(), None),
            },
            LineEnds::Written(count) => written_end(bytes, start, count),
        };
        let end = start + self.text[start..end].trim_end_matches('\r').len();
        PageLine { start, end, next }
    }

    fn start_before(&self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let from = self.begin.min(at);
        let found = match self.ends {
            LineEnds::Real => {
                memchr::memrchr(b'\n', &bytes[from..at]).map(|place| from + place + 1)
            }
            LineEnds::Written(count) => (from..at)
                .rev()
                .find(|place| {
                    let is_end = bytes[*place] == b'n' && behind(bytes, *place) == count;
                    is_end
                        || bytes[*place] == b'\n'
                        || bytes[*place] == b'"' && behind(bytes, *place) < count
                })
                .map(|place| place + 1),
        };
        found.unwrap_or(from)
    }

    /// The content of a line.
    pub(super) fn shape(&self, line: &PageLine) -> Shape {
        let whole = &self.text[line.start..line.end];
        let front = match self.front {
            Front::Nothing => Some(0),
            Front::Number => number(whole),
            Front::Mark(mark) if whole.starts_with(mark) => Some(mark.len()),
            Front::Mark(mark) if whole.trim_end() == mark.trim_end() => return Shape::Blank,
            Front::Mark(_) => None,
        };
        let Some(front) = front else {
            // The front of the first line may be cut off, and that of the last may not be there yet.
            return if line.start == self.begin {
                self.inner(line, 0)
            } else if self.is_last(line) && whole.len() < MAX_NUMBER {
                Shape::Blank
            } else {
                Shape::End
            };
        };
        self.inner(line, front)
    }

    fn inner(&self, line: &PageLine, front: usize) -> Shape {
        let begin = line.start + front;
        let bytes = &self.text.as_bytes()[..line.end];
        let mut at = begin;
        let mut is_item = false;
        if matches!(bytes.get(at), Some(b'+')) {
            at += 1;
        }
        loop {
            at += blanks(bytes, at);
            match bytes[at..] {
                [b'-', b' ' | b'\t', ..] | [b'-'] => {
                    let is_first = at == begin;
                    at += 1;
                    let after = at + blanks(bytes, at);
                    // Text that is indented further after the first sign of a line is a line of a diff.
                    is_item |= !(is_first && after - begin > 2);
                }
                [b'-', next, ..] if at == begin && next != b'-' => at += 1,
                _ => break,
            }
        }
        let content = &self.text[at..line.end];
        if content.trim().is_empty() || is_control(content) {
            return Shape::Blank;
        }
        let column = at - begin;
        if column <= 1 && (content.starts_with("---") || content.starts_with("@@ ")) {
            return Shape::End;
        }
        Shape::Content {
            column,
            at,
            is_item,
        }
    }

    /// A line belongs to no object that is set in so far.
    pub(super) fn ends_object(&self, line: &PageLine, column: usize) -> bool {
        match self.shape(line) {
            Shape::End => true,
            Shape::Blank => false,
            Shape::Content {
                column: found, at, ..
            } => found < column && !self.text[at..].starts_with('#'),
        }
    }
}

impl<'t> Front<'t> {
    fn of(front: &'t str) -> Self {
        let mark = front.trim_end_matches([' ', '\t']);
        let mark = mark
            .strip_suffix('-')
            .map_or(mark, |rest| rest.trim_end_matches([' ', '\t']));
        if mark.is_empty() || matches!(mark, "+" | "-") {
            Self::Nothing
        } else if number(front).is_some() {
            Self::Number
        } else {
            Self::Mark(mark)
        }
    }
}

/// Length of the number of a line and of what parts it from the line.
fn number(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let at = blanks(bytes, 0);
    let digits = run(&bytes[at..], |byte| byte.is_ascii_digit());
    let at = at + digits;
    let length = match bytes.get(at..)? {
        [b'\t' | b':' | b'|' | b'-', ..] => 1,
        [b' ', b'|' | b':', ..] => 2,
        rest if rest.starts_with("→".as_bytes()) => "→".len(),
        _ => return None,
    };
    (digits > 0).then_some(at + length)
}

/// A line of a template that writes nothing itself.
fn is_control(content: &str) -> bool {
    let content = content.trim_end();
    content.starts_with("{{") && content.ends_with("}}") && !content.contains("}}:")
}

fn behind(bytes: &[u8], at: usize) -> usize {
    bytes[..at]
        .iter()
        .rev()
        .take_while(|byte| **byte == b'\\')
        .count()
}

/// The form of line ends after a place.
fn next_ends(bytes: &[u8], at: usize) -> LineEnds {
    for place in at..bytes.len().min(at + MAX_FIRST) {
        match bytes[place] {
            b'n' if place > at && bytes[place - 1] == b'\\' => {
                return LineEnds::Written(behind(&bytes[at..], place - at));
            }
            b'\n' => break,
            _ => {}
        }
    }
    LineEnds::Real
}

/// The end of a line in a string, and the beginning of the next one.
fn written_end(bytes: &[u8], start: usize, count: usize) -> (usize, Option<usize>) {
    let mut at = start;
    while at < bytes.len() {
        let escapes = run(&bytes[at..], |byte| byte == b'\\');
        match bytes.get(at + escapes) {
            Some(b'n') if escapes == count => return (at, Some(at + escapes + 1)),
            Some(b'\n') => return (at + escapes, None),
            Some(b'"') if escapes < count => return (at, None),
            _ => at += escapes + 1,
        }
    }
    (bytes.len(), None)
}
