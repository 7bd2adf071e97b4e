//! Secrets of Kubernetes between braces: in JSON, as it is or in a string, and in YAML written so.

use std::ops::Range;

use crate::platform::redact::rules::bytes::run;
use crate::platform::redact::rules::manifests::marker::{Marker, Tells, is_secret};
use crate::platform::redact::rules::span::Span;

/// The objects that were read already.
#[derive(Debug, Default)]
pub(super) struct Flows {
    read: Vec<Range<usize>>,
    /// No object encloses what stands before this and goes on after it.
    floor: usize,
}

impl Flows {
    /// Hands over the values of the object that this marker is a member of. Answers whether it is one.
    pub(super) fn secrets(&mut self, text: &str, marker: &Marker, more: &mut Vec<Span>) -> bool {
        if self.read.last().is_some_and(|read| read.end > marker.at) {
            return true;
        }
        let Some(start) = self.object_around(text.as_bytes(), marker) else {
            self.floor = marker.at;
            return false;
        };
        let end = Walk::over(text, start, marker.escapes).spans(more);
        while self.read.last().is_some_and(|read| read.start >= start) {
            self.read.pop();
        }
        self.read.push(start..end.max(marker.at + 1));
        true
    }

    /// The brace that opens the object around a marker.
    fn object_around(&self, bytes: &[u8], marker: &Marker) -> Option<usize> {
        let mut read = self.read.iter().rev().peekable();
        let mut depth = 0_usize;
        let mut is_inside = false;
        let mut at = marker.at - marker.escapes;
        while at > self.floor {
            if let Some(range) = read.next_if(|range| range.end >= at) {
                at = range.start;
                continue;
            }
            at -= 1;
            match bytes[at] {
                b'"' => {
                    let behind = behind(bytes, at);
                    if closes(behind, marker.escapes) {
                        is_inside = !is_inside;
                    } else if behind < marker.escapes {
                        return None;
                    }
                }
                // No string goes over several lines.
                b'\n' => is_inside = false,
                b'}' | b']' if !is_inside => depth += 1,
                b'{' if !is_inside && depth == 0 => return Some(at),
                b'[' if !is_inside && depth == 0 => return None,
                b'{' | b'[' if !is_inside => depth -= 1,
                _ => {}
            }
        }
        None
    }
}

fn behind(bytes: &[u8], at: usize) -> usize {
    bytes[..at]
        .iter()
        .rev()
        .take_while(|byte| **byte == b'\\')
        .count()
}

/// A quote after so many backslashes begins or ends a string among those that have `escapes` before each.
fn closes(behind: usize, escapes: usize) -> bool {
    if escapes == 0 {
        behind.is_multiple_of(2)
    } else {
        behind == escapes
    }
}

/// The kind of an object's members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Member {
    #[default]
    Other,
    Kind,
    Data,
}

/// An object or a list that is not closed yet.
#[derive(Debug, Default)]
struct OpenObject {
    is_list: bool,
    /// It is, or is within, the `data` of an object.
    is_data: bool,
    member: Member,
    /// The next token is a value.
    has_name: bool,
    kind: Option<Kind>,
    /// The values of its `data`.
    values: Vec<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Secret,
    Secrets,
    Other,
}

/// A reading of an object from its brace on.
struct Walk<'t> {
    text: &'t str,
    start: usize,
    escapes: usize,
    frames: Vec<OpenObject>,
    found: Vec<Span>,
    is_closed: bool,
}

impl<'t> Walk<'t> {
    fn over(text: &'t str, start: usize, escapes: usize) -> Self {
        Self {
            text,
            start,
            escapes,
            frames: Vec::new(),
            found: Vec::new(),
            is_closed: false,
        }
    }

    /// Hands over the values that are secrets. Answers with where the object ends.
    fn spans(mut self, more: &mut Vec<Span>) -> usize {
        let end = self.read();
        while !self.frames.is_empty() {
            self.close();
        }
        more.append(&mut self.found);
        end
    }

    /// Reads up to the end of the object, or of what there is of it.
    fn read(&mut self) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = self.start;
        while at < bytes.len() {
            match bytes[at] {
                // Text that was redacted already is a word.
                b'[' if bytes[at..].starts_with(b"[redacted") => {
                    at += run(&bytes[at..], |byte| byte != b']') + 1;
                }
                b'{' | b'[' => {
                    self.open(bytes[at] == b'[');
                    at += 1;
                }
                b'}' | b']' => {
                    if self.frames.len() == 1 {
                        self.is_closed = true;
                        return at + 1;
                    }
                    self.close();
                    at += 1;
                }
                b'\\' => {
                    let escapes = run(&bytes[at..], |byte| byte == b'\\');
                    let next = bytes.get(at + escapes).copied();
                    if next == Some(b'"') && escapes == self.escapes {
                        at = self.string(at + escapes + 1);
                    } else if next == Some(b'"') && escapes < self.escapes {
                        return at;
                    } else {
                        at += escapes + 1;
                    }
                }
                b'"' if self.escapes == 0 => at = self.string(at + 1),
                b'"' => return at,
                b',' => {
                    if let Some(frame) = self.frames.last_mut() {
                        frame.has_name = frame.is_list;
                    }
                    at += 1;
                }
                b':' => {
                    if let Some(frame) = self.frames.last_mut() {
                        frame.has_name = true;
                    }
                    at += 1;
                }
                byte if byte.is_ascii_whitespace() => at += 1,
                _ => at = self.plain(at),
            }
        }
        bytes.len()
    }

    fn open(&mut self, is_list: bool) {
        let is_data = self
            .frames
            .last()
            .is_some_and(|frame| frame.is_data || (frame.has_name && frame.member == Member::Data));
        self.frames.push(OpenObject {
            is_list,
            is_data,
            has_name: is_list,
            ..OpenObject::default()
        });
    }

    fn close(&mut self) {
        let Some(mut frame) = self.frames.pop() else {
            return;
        };
        if frame.is_data || frame.is_list {
            if let Some(outer) = self.frames.last_mut() {
                outer.values.append(&mut frame.values);
            } else if frame.is_data {
                self.found.append(&mut frame.values);
            }
            return;
        }
        match frame.kind {
            Some(Kind::Secret | Kind::Secrets) => self.found.append(&mut frame.values),
            Some(Kind::Other) => {}
            // A list may say it for all of its members.
            None => {
                if let Some(outer) = self.frames.last_mut() {
                    outer.values.append(&mut frame.values);
                }
            }
        }
    }

    /// Reads a string from after its quote. Answers with the place after it.
    fn string(&mut self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = start;
        let end = loop {
            match bytes.get(at) {
                None | Some(b'\n') => break at,
                Some(b'"') => {
                    let behind = behind(&bytes[start..], at - start);
                    if closes(behind, self.escapes) {
                        break at - self.escapes;
                    }
                    if behind < self.escapes {
                        break at - behind;
                    }
                }
                Some(_) => {}
            }
            at += 1;
        };
        self.token(start, end, true);
        if bytes.get(at) == Some(&b'"') && end + self.escapes == at {
            at + 1
        } else {
            at.max(end)
        }
    }

    /// Reads a word that is in no quotes.
    fn plain(&mut self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let rest = &bytes[start..];
        let mut length = run(rest, |byte| {
            !matches!(
                byte,
                b',' | b'}' | b']' | b'{' | b'"' | b'\n' | b'\\' | b':'
            )
        });
        // A colon parts a name from its value when a blank follows.
        while rest.get(length) == Some(&b':')
            && rest.get(length + 1).is_some_and(u8::is_ascii_alphanumeric)
        {
            length += 1;
            length += run(&rest[length..], |byte| {
                !matches!(byte, b',' | b'}' | b']' | b'\n' | b'\\' | b':')
            });
        }
        let length = length.max(1);
        let end = self.text.ceil_char_boundary(start + length);
        let word = self.text[start..end].trim_end();
        let quotes = usize::from(word.len() > 1 && word.starts_with('\'') && word.ends_with('\''));
        self.token(start + quotes, start + word.len() - quotes, quotes > 0);
        end
    }

    fn token(&mut self, start: usize, end: usize, is_quoted: bool) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let word = &self.text[start..end];
        if !frame.has_name {
            frame.member = match word {
                "kind" => Member::Kind,
                "data" | "stringData" => Member::Data,
                _ => Member::Other,
            };
            if word == "stringData" && frame.kind.is_none() {
                frame.kind = Some(Kind::Secret);
            }
            return;
        }
        let is_number = !is_quoted
            && (word.parse::<f64>().is_ok() || matches!(word, "true" | "false" | "null"));
        if frame.is_data {
            if is_secret(word) && !is_number {
                frame.values.push(Span::new(start, end, ""));
            }
        } else if frame.member == Member::Kind && !frame.is_list && end < self.text.len() {
            frame.kind = Some(match word {
                "Secret" => Kind::Secret,
                "SecretList" => Kind::Secrets,
                _ => Kind::Other,
            });
        }
    }
}

/// Hands over the values of the braces that open here.
pub(super) fn values(text: &str, at: usize, more: &mut Vec<Span>) {
    let mut walk = Walk::over(text, at, 0);
    walk.frames.push(OpenObject {
        member: Member::Data,
        has_name: true,
        kind: Some(Kind::Secret),
        ..OpenObject::default()
    });
    let line = memchr::memchr(b'\n', &text.as_bytes()[at..]).map_or(text.len(), |end| at + end);
    walk.text = &text[..line];
    walk.spans(more);
}

/// The beginning of the first value that is, or may become, a secret in an object that the end of the
/// text cuts off.
pub(super) fn open(text: &str, marker: &Marker) -> Option<usize> {
    let (mut walk, end) = cut_off(text, marker)?;
    if end < text.len() || walk.frames.is_empty() {
        return None;
    }
    let of_kind = |frame: &OpenObject| match (marker.tells, frame.kind) {
        (Tells::Version, kind) => kind.is_none(),
        (Tells::Kind | Tells::StringData, kind) => {
            kind == Some(Kind::Secret) || kind == Some(Kind::Secrets)
        }
    };
    let owner = walk
        .frames
        .iter()
        .find(|frame| !frame.is_data && !frame.is_list)?;
    if !of_kind(owner) {
        return None;
    }
    // A value that was read already is found as it is; only the last one may go on.
    let last = |walk: &Walk<'_>| {
        walk.frames
            .iter()
            .flat_map(|frame| &frame.values)
            .map(|span| span.end)
            .max()
    };
    let first = walk
        .frames
        .iter()
        .flat_map(|frame| &frame.values)
        .map(|span| span.start)
        .min();
    if marker.tells == Tells::Version {
        return first;
    }
    let ends = last(&walk)?;
    let is_open = ends == text.len();
    let start = walk
        .frames
        .iter_mut()
        .flat_map(|frame| frame.values.drain(..))
        .map(|span| span.start)
        .max();
    start.filter(|_| is_open)
}

/// The beginning of an object that the end of the text cuts off.
pub(super) fn context(text: &str, marker: &Marker) -> Option<usize> {
    let (walk, end) = cut_off(text, marker)?;
    (end >= text.len() && !walk.frames.is_empty()).then_some(walk.start)
}

fn cut_off<'t>(text: &'t str, marker: &Marker) -> Option<(Walk<'t>, usize)> {
    let start = Flows::default().object_around(text.as_bytes(), marker)?;
    let mut walk = Walk::over(text, start, marker.escapes);
    let end = walk.read();
    (!walk.is_closed).then_some((walk, end))
}
