//! Secrets in a text: a sentence, a log line, output of a command, a file.

use std::borrow::Cow;

use crate::platform::redact::scan::{Anchors, Rule};
use crate::platform::redact::span::Span;
use crate::platform::redact::{forms, pairs, values};

/// The replacement of a secret whose name gave it away.
pub const REDACTED: &str = "[redacted]";
/// No text shorter than this holds a secret, in bytes.
const SHORTEST: usize = 5;

/// The text with `[redacted]`, or `[redacted:jwt]` and its like, in place of every secret in it;
/// borrowed when there is none.
pub fn redact_text(text: &str) -> Cow<'_, str> {
    replaced(text, |clean, span| push_placeholder(clean, span.kind))
}

/// The same with as many lines as before: of those that a secret spans, all but the first are empty.
pub fn redact_lines(text: &str) -> Cow<'_, str> {
    replaced(text, |clean, span| {
        push_placeholder(clean, span.kind);
        let ends = text[span.start..span.end].matches('\n');
        clean.extend(ends);
    })
}

/// The text with every secret as `push` writes it.
fn replaced(text: &str, push: impl Fn(&mut String, Span)) -> Cow<'_, str> {
    let mut spans = Vec::new();
    find(text, |span| spans.push(span));
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    for span in spans {
        clean.push_str(&text[from..span.start]);
        push(&mut clean, span);
        from = span.end;
    }
    clean.push_str(&text[from..]);
    Cow::Owned(clean)
}

/// Writes what stands for a secret of this kind.
pub(super) fn push_placeholder(text: &mut String, kind: &str) {
    if kind.is_empty() {
        text.push_str(REDACTED);
    } else {
        text.push_str("[redacted:");
        text.push_str(kind);
        text.push(']');
    }
}

/// Hands over every secret in a text, in order and without overlaps.
pub(super) fn find(text: &str, mut found: impl FnMut(Span)) {
    if text.len() < SHORTEST {
        return;
    }
    let anchors = Anchors::get();
    let mut done = 0;
    let mut at = 0;
    while let Some((place, rules)) = anchors.next(text.as_bytes(), at) {
        at = place + 1;
        // What was redacted already is never part of another secret.
        let spans = rules
            .iter()
            .filter_map(|rule| span_at(text, place, done, *rule));
        if let Some(span) = spans.max_by_key(|span| span.end) {
            done = span.end;
            at = done.max(at);
            found(span);
        }
    }
}

/// The secret that a rule finds at an anchor, after `done`.
fn span_at(text: &str, at: usize, done: usize, rule: Rule) -> Option<Span> {
    let span = match rule {
        Rule::Prefix(form) => forms::token(text, at, form),
        Rule::Name => pairs::value_of_name(text, at),
        Rule::Scheme => values::credentials_of_scheme(text, at),
        Rule::Jwt => values::jwt(text, at),
        Rule::PemBegin => values::pem(text, at),
        Rule::PemEnd => values::end_of_pem(text, at, done),
        Rule::Userinfo => values::userinfo(text, at),
        Rule::Webhook(host) => values::webhook(text, at, host),
        Rule::Telegram => values::telegram(text, at),
        Rule::CurlUser => values::user_of_curl(text, at),
    }?;
    (span.start >= done && span.end > span.start).then_some(span)
}
