//! Secrets in a text: a sentence, a log line, output of a command, a file.

use std::borrow::Cow;

use crate::platform::redact::rules::find::find;
use crate::platform::redact::rules::span::Span;

/// The replacement of a secret whose name gave it away.
pub const REDACTED: &str = "[redacted]";

/// The text with `[redacted]`, or `[redacted:jwt]` and its like, in place of every secret in it;
/// borrowed when there is none.
pub fn redact_text(text: &str) -> Cow<'_, str> {
    replaced(text, find(text), |clean, span| {
        push_placeholder(clean, span.kind);
    })
}

/// The same with as many lines as before: of those that a secret spans, all but the first are empty.
pub fn redact_lines(text: &str) -> Cow<'_, str> {
    replaced(text, find(text), |clean, span| {
        push_placeholder(clean, span.kind);
        let ends = text[span.start..span.end].matches('\n');
        clean.extend(ends);
    })
}

/// The text with every one of these secrets as `push` writes it.
pub(super) fn replaced(
    text: &str,
    spans: Vec<Span>,
    push: impl Fn(&mut String, Span),
) -> Cow<'_, str> {
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
