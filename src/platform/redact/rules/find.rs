//! All secrets in a text, by whichever rule.

use crate::platform::redact::rules::scan::{Anchors, Rule};
use crate::platform::redact::rules::span::Span;
use crate::platform::redact::rules::{forms, pairs, values};

/// No text shorter than this holds a secret, in bytes.
const SHORTEST: usize = 5;

/// Hands over every secret in a text, in order and without overlaps.
pub(in crate::platform::redact) fn find(text: &str, mut found: impl FnMut(Span)) {
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
