//! Secrets of Kubernetes in YAML: what stands below `data` and `stringData`.
//!
//! The lines of a text may be those of a string, with `\n` between them, of a diff, or of a listing that
//! puts numbers or a mark in front of each.

use crate::platform::redact::rules::manifests::flow;
use crate::platform::redact::rules::manifests::marker::{Marker, Tells, is_secret};
use crate::platform::redact::rules::manifests::page::{Page, PageLine, Shape};
use crate::platform::redact::rules::span::Span;

/// The objects whose lines were read already.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    read: Vec<Object>,
    /// The end of the last line that was read.
    line: usize,
}

/// The members of an object: lines that are set in as far as each other.
#[derive(Debug)]
struct Object {
    start: usize,
    end: usize,
    column: usize,
    /// The lines at which `data` begins.
    data: Vec<PageLine>,
    /// The declared kind: true for a secret.
    kind: Option<bool>,
    /// The text ends before it does.
    is_open: bool,
}

/// Values below a line.
#[derive(Debug, Default)]
struct Values {
    spans: Vec<Span>,
    /// The beginning of the last one, if the text ends with it.
    open: Option<usize>,
    /// The text ends before anything that is not below.
    reaches_end: bool,
}

impl Blocks {
    /// Hands over the values that this marker tells of.
    pub(super) fn secrets(&mut self, text: &str, marker: &Marker, more: &mut Vec<Span>) {
        self.read.retain(|object| object.end > marker.at);
        let Some(page) = Page::around(text, marker.at) else {
            return;
        };
        if page.is_real() && marker.at < self.line {
            return;
        }
        let line = page.line_at(marker.at);
        self.line = self.line.max(line.end);
        let Some(column) = column_of(&page, &line, marker) else {
            return;
        };
        if marker.tells == Tells::StringData {
            more.extend(values(text, &page, &line, column).spans);
            return;
        }
        let is_read = |object: &Object| object.column == column && object.start <= marker.at;
        if self.read.iter().any(is_read) {
            return;
        }
        let object = Object::around(text, &page, line, column);
        for line in &object.data {
            more.extend(values(text, &page, line, column).spans);
        }
        self.read.push(object);
    }
}

/// The line of a marker, if its name is the first on it, and how far it is set in.
fn line_of<'t>(text: &'t str, marker: &Marker) -> Option<(Page<'t>, PageLine, usize)> {
    let page = Page::around(text, marker.at)?;
    let line = page.line_at(marker.at);
    let column = column_of(&page, &line, marker)?;
    Some((page, line, column))
}

/// The indentation of a marker's line, if its name is the first on it.
fn column_of(page: &Page<'_>, line: &PageLine, marker: &Marker) -> Option<usize> {
    match page.shape(line) {
        Shape::Content { column, at, .. } if at == marker.at => Some(column),
        Shape::Content { .. } | Shape::Blank | Shape::End => None,
    }
}

impl Object {
    fn around(text: &str, page: &Page<'_>, line: PageLine, column: usize) -> Self {
        let mut object = Self {
            start: line.start,
            end: line.end,
            column,
            data: Vec::new(),
            kind: None,
            is_open: false,
        };
        let mut at = line;
        // Back to its first line.
        loop {
            let shape = page.shape(&at);
            if let Shape::Content {
                column: found,
                is_item,
                ..
            } = shape
            {
                if found == column {
                    object.start = at.start;
                }
                if found == column && is_item {
                    break;
                }
            }
            match page.line_before(&at) {
                Some(before) if !page.ends_object(&before, column) => at = before,
                _ => break,
            }
        }
        // And on to its last.
        let mut next = Some(page.line_at(object.start));
        while let Some(line) = next {
            let is_first = line.start == object.start;
            if let Shape::Content {
                column: found,
                at,
                is_item,
            } = page.shape(&line)
                && found == column
            {
                if is_item && !is_first {
                    break;
                }
                object.member(text, &line, at);
            }
            if !is_first && page.ends_object(&line, column) {
                break;
            }
            object.end = line.end;
            object.is_open = page.is_last(&line);
            next = page.line_after(&line);
        }
        object
    }

    fn member(&mut self, text: &str, line: &PageLine, at: usize) {
        let content = &text[at..line.end];
        if after_name(content, "data").is_some() {
            self.data.push(*line);
        } else if let Some(kind) = after_name(content, "kind")
            && line.next.is_some()
        {
            let kind = kind.trim_matches(|sign: char| sign == ' ' || sign == '"' || sign == '\'');
            self.kind = Some(kind.starts_with("Secret"));
        }
    }
}

/// The text after a name and its colon.
fn after_name<'t>(content: &'t str, name: &str) -> Option<&'t str> {
    let quote = content
        .chars()
        .next()
        .filter(|sign| matches!(sign, '"' | '\''));
    let rest = content
        .get(quote.map_or(0, char::len_utf8)..)?
        .strip_prefix(name)?;
    let rest = quote.map_or(Some(rest), |quote| rest.strip_prefix(quote))?;
    rest.trim_start_matches([' ', '\t']).strip_prefix(':')
}

/// The values of the members below a line, which is set in so far.
fn values(text: &str, page: &Page<'_>, line: &PageLine, column: usize) -> Values {
    let mut values = Values::default();
    let Shape::Content { at, .. } = page.shape(line) else {
        return values;
    };
    let rest = &text[at..line.end];
    let value = rest
        .find(':')
        .map_or("", |colon| rest[colon + 1..].trim_start());
    if value.starts_with('{') {
        flow::values(text, line.end - value.len(), &mut values.spans);
        return values;
    }
    let mut entry: Option<DataMember> = None;
    let mut next = page.line_after(line);
    values.reaches_end = page.is_last(line);
    while let Some(line) = next {
        next = page.line_after(&line);
        match page.shape(&line) {
            Shape::End => break,
            Shape::Blank => {}
            Shape::Content {
                column: found, at, ..
            } => {
                let content = &text[at..line.end];
                let is_comment = content.starts_with('#');
                match &mut entry {
                    Some(entry) if found > entry.column => entry.goes_on(at, line.end),
                    _ if is_comment => {}
                    _ if found <= column => break,
                    entry => {
                        values.add(text, entry.take());
                        *entry = DataMember::of(content, at, found);
                    }
                }
            }
        }
        values.reaches_end = page.is_last(&line);
    }
    if values.reaches_end {
        values.open = entry.as_ref().and_then(|entry| entry.start);
    }
    values.add(text, entry);
    values
}

impl Values {
    fn add(&mut self, text: &str, entry: Option<DataMember>) {
        let Some((start, end)) = entry.and_then(|entry| Some((entry.start?, entry.end))) else {
            return;
        };
        let value = text[start..end].trim_end();
        let quote = value
            .chars()
            .next()
            .filter(|sign| matches!(sign, '"' | '\''));
        let is_quoted = quote.is_some_and(|quote| value.len() > 1 && value.ends_with(quote));
        let inset = usize::from(is_quoted);
        let (start, end) = (start + inset, start + value.len() - inset);
        if is_secret(&text[start..end]) {
            self.spans.push(Span::new(start, end, ""));
        } else {
            each_literal(&text[start..end], |from, to| {
                self.spans.push(Span::new(start + from, start + to, ""));
            });
        }
    }
}

/// Hands over the texts that a template holds itself, or takes for want of another.
fn each_literal(template: &str, mut each: impl FnMut(usize, usize)) {
    for (at, _) in template.match_indices('"') {
        let before = template[..at].trim_end();
        let gives =
            before.ends_with("{{") || before.ends_with("{{-") || before.ends_with("default");
        if let Some(length) = template[at + 1..].find('"').filter(|_| gives) {
            let literal = &template[at + 1..at + 1 + length];
            if !literal.is_empty() && !literal.contains("[redacted") {
                each(at + 1, at + 1 + length);
            }
        }
    }
}

/// A member below `data`.
#[derive(Debug)]
struct DataMember {
    column: usize,
    start: Option<usize>,
    end: usize,
}

impl DataMember {
    fn of(content: &str, at: usize, column: usize) -> Option<Self> {
        let bytes = content.as_bytes();
        let is_end = |next: Option<&u8>| matches!(next, None | Some(b' ' | b'\t'));
        let from = content
            .find("}}")
            .filter(|_| content.starts_with("{{"))
            .unwrap_or(0);
        let found = (from..bytes.len())
            .find(|place| bytes[*place] == b':' && is_end(bytes.get(place + 1)))?;
        let rest = content[found + 1..].trim_start();
        let mut value = rest;
        // A tag or the name of an anchor.
        while value.starts_with(['!', '&']) {
            value = value
                .split_once(' ')
                .map_or("", |(_, rest)| rest.trim_start());
        }
        let head = value.trim_start_matches([
            '|', '>', '+', '-', '1', '2', '3', '4', '5', '6', '7', '8', '9',
        ]);
        let is_block = value.starts_with(['|', '>'])
            && (head.trim().is_empty() || head.trim_start().starts_with('#'));
        let end = at + content.len();
        let start = (!is_block && !value.is_empty()).then(|| end - value.len());
        Some(Self { column, start, end })
    }

    fn goes_on(&mut self, at: usize, end: usize) {
        self.start = self.start.or(Some(at));
        self.end = end;
    }
}

/// The beginning of a value that may go on beyond the end of a text, or of those that a kind may make
/// secrets that is not there yet.
pub(super) fn open(text: &str, marker: &Marker) -> Option<usize> {
    let (page, line, column) = line_of(text, marker)?;
    if marker.tells == Tells::StringData {
        return values(text, &page, &line, column).open;
    }
    let object = Object::around(text, &page, line, column);
    if !object.is_open {
        return None;
    }
    let data = object
        .data
        .iter()
        .map(|line| values(text, &page, line, column));
    match (marker.tells, object.kind) {
        (Tells::Version, None) => data
            .filter_map(|values| {
                let first = values.spans.first().map(|span| span.start);
                first.or(values.open)
            })
            .min(),
        (Tells::Version, Some(_)) => None,
        _ => data.filter_map(|values| values.open).min(),
    }
}

/// The beginning of what has to be remembered to read what follows the text as what it is.
pub(super) fn context(text: &str, marker: &Marker) -> Option<usize> {
    let (page, line, column) = line_of(text, marker)?;
    if marker.tells == Tells::StringData {
        let start = line.start;
        return values(text, &page, &line, column)
            .reaches_end
            .then_some(start);
    }
    let object = Object::around(text, &page, line, column);
    object.is_open.then_some(object.start)
}
