//! All secrets in a text, by whichever rule.

use std::cmp::Reverse;

use crate::platform::redact::hidden::{bare_texts, is_written, without_written};
use crate::platform::redact::rules::commands::arguments;
use crate::platform::redact::rules::commands::files;
use crate::platform::redact::rules::commands::pipes;
use crate::platform::redact::rules::forms::{dotted, marked, token};
use crate::platform::redact::rules::manifests::marker::Marker;
use crate::platform::redact::rules::manifests::object;
use crate::platform::redact::rules::scan::{Anchors, Rule};
use crate::platform::redact::rules::span::Span;
use crate::platform::redact::rules::vendors::value::value_of_vendor;
use crate::platform::redact::rules::{pairs, values};

/// No text shorter than this holds a secret, in bytes.
const SHORTEST: usize = 5;

/// Every secret in a text, in order and without overlaps: those in the text as it is, and those that
/// appear once its invisible parts are taken out.
pub(in crate::platform::redact) fn find(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    if text.len() < SHORTEST {
        return spans;
    }
    let beside = find_in(text, &mut spans);
    let mut is_in_order = beside.more.is_empty();
    spans.extend(beside.more);
    let mut bare = bare_texts(text);
    if beside.has_written {
        bare.push(without_written(text));
    }
    for bare in bare {
        let mut found = Vec::new();
        let beside = find_in(&bare.text, &mut found);
        let found = found.into_iter().chain(beside.more).map(|span| Span {
            start: bare.start(span.start),
            end: bare.end(span.end),
            kind: span.kind,
        });
        spans.extend(found);
        is_in_order = false;
    }
    if is_in_order { spans } else { merged(spans) }
}

/// True if a text holds an object that is a secret, whatever its values look like.
pub(in crate::platform::redact) fn holds_object(text: &str) -> bool {
    let anchors = Anchors::get();
    let mut markers = Vec::new();
    let mut at = 0;
    while let Some((place, rules)) = anchors.next(text.as_bytes(), at) {
        at = place + 1;
        if rules.iter().any(|rule| matches!(rule, Rule::Manifest)) {
            markers.extend(Marker::at(text, place));
        }
    }
    let mut found = Vec::new();
    object::secrets(text, &markers, &mut found);
    !found.is_empty()
}

/// The findings beside the secret at an anchor.
#[derive(Debug, Default)]
struct Beside {
    /// Secrets in no order.
    more: Vec<Span>,
    /// The words that tell of secrets of Kubernetes.
    markers: Vec<Marker>,
    /// Something that is not seen is written as an escape.
    has_written: bool,
    /// The end of the last secret that a command takes. What stands in one is no command.
    taken: usize,
}

impl Beside {
    /// Marks the secrets that were added after the first `known` as taken by a command.
    fn take(&mut self, known: usize) {
        let ends = self.more[known..].iter().map(|span| span.end);
        self.taken = ends.max().unwrap_or(self.taken);
    }
}

/// Finds the secrets of a text as it is, those at anchors in order and without overlaps.
fn find_in(text: &str, spans: &mut Vec<Span>) -> Beside {
    let mut beside = Beside::default();
    dotted::find(text, &mut beside.more);
    let anchors = Anchors::get();
    let mut done = 0;
    let mut at = 0;
    while let Some((place, rules)) = anchors.next(text.as_bytes(), at) {
        at = place + 1;
        // Text that was redacted already is never part of another secret.
        let found = rules
            .iter()
            .filter_map(|rule| span_at(text, place, done, *rule, &mut beside));
        if let Some(span) = found.max_by_key(|span| span.end) {
            done = span.end;
            at = done.max(at);
            spans.push(span);
        }
    }
    if !beside.markers.is_empty() {
        object::secrets(text, &beside.markers, &mut beside.more);
    }
    beside
}

/// The secret that a rule finds at an anchor, after `done`. A rule that may find several puts those
/// beside it.
fn span_at(text: &str, at: usize, done: usize, rule: Rule, beside: &mut Beside) -> Option<Span> {
    let more = &mut beside.more;
    let known = more.len();
    let span = match rule {
        Rule::Prefix(form) => token::token(text, at, form),
        Rule::Name => pairs::value_of_name(text, at, more),
        Rule::Scheme => values::credentials_of_scheme(text, at),
        Rule::Jwt => values::jwt(text, at),
        Rule::PemBegin => values::pem(text, at),
        Rule::PemEnd => values::end_of_pem(text, at, done),
        Rule::Userinfo => values::userinfo(text, at),
        Rule::Webhook(host) => values::webhook(text, at, host),
        Rule::Telegram => values::telegram(text, at),
        Rule::CurlUser => values::user_of_curl(text, at),
        Rule::Vendor(vendor) => value_of_vendor(text, at, vendor),
        Rule::Program(_) | Rule::Printed | Rule::Redirected if at < beside.taken => None,
        Rule::Program(program) => {
            arguments::secrets(text, at, program, more);
            beside.take(known);
            None
        }
        Rule::Printed => {
            pipes::printed(text, at, more);
            beside.take(known);
            None
        }
        Rule::Redirected => {
            pipes::redirected(text, at, more);
            beside.take(known);
            None
        }
        Rule::Manifest => {
            beside.markers.extend(Marker::at(text, at));
            None
        }
        Rule::Written => {
            beside.has_written |= is_written(text, at);
            None
        }
        Rule::Pgpass => files::password_of_pgpass(text, at),
        Rule::Azure => marked::azure(text, at),
        Rule::Mailchimp => marked::mailchimp(text, at),
        Rule::Maxmind => marked::maxmind(text, at),
        Rule::Facebook => marked::facebook(text, at),
    }?;
    (span.start >= done && span.end > span.start).then_some(span)
}

/// The same places in order, with those that overlap made one.
fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.start, Reverse(span.end)));
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => {
                last.end = last.end.max(span.end);
                if last.kind.is_empty() {
                    last.kind = span.kind;
                }
            }
            _ => merged.push(span),
        }
    }
    merged
}
