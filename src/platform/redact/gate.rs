//! A text that arrives in pieces, shown in pieces without showing a secret that lies across two.
//!
//! The possible beginning of a secret is held back until it is decided: the token that has a prefix of
//! one, the value after a name of one, a private key. All else is passed on at once.

use crate::platform::redact::hidden::{bare_texts, without_written};
use crate::platform::redact::rules::bytes::{is_word, run};
use crate::platform::redact::rules::commands::arguments::open_argument;
use crate::platform::redact::rules::commands::files::open_pgpass;
use crate::platform::redact::rules::commands::line::MAX_COMMAND;
use crate::platform::redact::rules::commands::pipes::{open_document, open_print};
use crate::platform::redact::rules::find::find;
use crate::platform::redact::rules::forms::begins::{begins_token, follows_sign};
use crate::platform::redact::rules::forms::dotted::{MAX_DOTTED, may_be_dotted};
use crate::platform::redact::rules::forms::marked::may_be_marked;
use crate::platform::redact::rules::forms::table::{FORMS, WEBHOOKS};
use crate::platform::redact::rules::forms::token::may_begin;
use crate::platform::redact::rules::manifests::object::{context_of_manifest, open_manifest};
use crate::platform::redact::rules::pairs::open_value;
use crate::platform::redact::rules::scan::{Anchors, Rule};
use crate::platform::redact::rules::span::Span;
use crate::platform::redact::rules::vendors::value::open_vendor;
use crate::platform::redact::text::push_placeholder;

/// The most that is held back, in bytes; a private key of 8192 bits has fewer. Text that is still not
/// decided then is judged as if the text ended there.
const MAX_HELD: usize = 8 * 1024;
/// The most of the shown text that is remembered, in bytes, so that the next text is read together with
/// the text that it belongs to.
const MAX_SHOWN: usize = 4 * 1024;
/// The distance, in bytes, at which the context that makes a secret one may stand before it: its program,
/// its machine, its name. As much of the shown text is remembered in any case.
const CONTEXT: usize = MAX_COMMAND + 64;
/// The longest prefix of a token.
const MAX_PREFIX: usize = 40;
/// The head of a private key.
const PEM: &str = "-----BEGIN ";

/// Holds back what may become a secret.
#[derive(Debug, Default)]
pub struct Gate {
    /// The end of the shown text, from the beginning of a line, and all the text that was not shown.
    text: String,
    shown: usize,
    /// The text that was shown last ends in the middle of a secret, which has its mark already.
    is_inside: bool,
}

impl Gate {
    /// More of the text.
    pub fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
    }

    /// The text that was pushed and is not shown yet.
    pub fn waiting(&self) -> &str {
        &self.text[self.shown..]
    }

    /// Takes the text that can be shown now, redacted; empty when all of it has to wait.
    pub fn take(&mut self) -> String {
        let held = held_from(&self.text).max(self.shown);
        let end = if self.text.len() - held > MAX_HELD {
            self.text.len()
        } else {
            held
        };
        self.show(end)
    }

    /// All that is left, redacted: nothing will follow.
    pub fn finish(&mut self) -> String {
        self.show(self.text.len())
    }

    fn show(&mut self, end: usize) -> String {
        let mut clean = String::new();
        let mut from = self.shown;
        let mut open = None;
        for span in find(&self.text) {
            let Span {
                start,
                end: stop,
                kind,
            } = span;
            if stop > self.shown && start < end {
                if start >= self.shown {
                    clean.push_str(&self.text[from..start]);
                    push_placeholder(&mut clean, kind);
                } else if !self.is_inside {
                    // Its end gave it away, when its beginning was shown.
                    push_placeholder(&mut clean, kind);
                }
                from = stop.min(end);
                if stop >= end {
                    open = Some(start);
                }
            }
        }
        clean.push_str(&self.text[from.min(end)..end]);
        self.shown = end;
        self.is_inside = open.is_some();
        let manifest = each_manifest(&self.text, context_of_manifest);
        self.forget(open.into_iter().chain(manifest).min());
        clean
    }

    /// Forgets text that cannot matter any more: lines that are well before the text that was shown last,
    /// and before a secret that may go on.
    fn forget(&mut self, open: Option<usize>) {
        let needed = open.map_or(self.shown, |open| open.min(self.shown));
        let mut keep = line_before(&self.text, needed);
        if self.shown - keep > MAX_SHOWN {
            let Some(open) = open.filter(|open| *open < self.shown) else {
                self.cut(0, self.shown - MAX_SHOWN / 2);
                return;
            };
            // A secret that does not end keeps its name and its beginning, which say what it is.
            self.cut(
                open + MAX_SHOWN / 4,
                self.shown.saturating_sub(MAX_SHOWN / 4),
            );
            keep = self
                .text
                .floor_char_boundary(open.saturating_sub(MAX_SHOWN / 4))
                .max(keep);
        }
        self.cut(0, keep);
    }

    /// Takes out the shown text between two places.
    fn cut(&mut self, from: usize, to: usize) {
        let from = self.text.floor_char_boundary(from);
        let to = self.text.floor_char_boundary(to.min(self.shown));
        if from < to {
            self.text.drain(from..to);
            self.shown -= to - from;
        }
    }
}

/// The beginning of the line that stands well before a place.
fn line_before(text: &str, at: usize) -> usize {
    let from = text.floor_char_boundary(at.saturating_sub(CONTEXT));
    text[..from].rfind('\n').map_or(0, |at| at + 1)
}

/// The beginning of a possible secret, in the text as it is or in its visible part; the end of the text
/// when there is none.
fn held_from(text: &str) -> usize {
    let mut bare = bare_texts(text);
    if text.contains('\\') {
        bare.push(without_written(text));
    }
    let bare = bare.iter().map(|bare| bare.start(held_in(&bare.text)));
    bare.fold(held_in(text), usize::min)
}

fn held_in(text: &str) -> usize {
    let mut held = open_pem(text).unwrap_or(text.len());
    let mut blanks = text.rmatch_indices(char::is_whitespace);
    let word = blanks.next().map_or(0, |(at, blank)| at + blank.len());
    held = held.min(open_token(text, word));
    let bytes = text.as_bytes();
    let anchors = Anchors::get();
    let mut at = line_before(text, text.len());
    while let Some((place, rules)) = anchors.next(bytes, at) {
        at = place + 1;
        for rule in rules {
            let open = match rule {
                Rule::Name => open_value(text, place),
                Rule::Scheme => open_credentials(text, place),
                Rule::Program(program) => open_argument(text, place, program),
                Rule::Pgpass => open_pgpass(text, place),
                Rule::Prefix(form) => (place >= word
                    && bytes[place..].starts_with(form.prefix.as_bytes())
                    && may_begin(bytes, place, form)
                    && reaches_end(bytes, place))
                .then_some(place),
                Rule::Jwt => (place >= word
                    && bytes[place..].starts_with(b"eyJ")
                    && begins(bytes, place)
                    && reaches_end(bytes, place))
                .then_some(place),
                Rule::Vendor(vendor) => open_vendor(text, place, vendor),
                Rule::Printed => open_print(text, place),
                Rule::Redirected => open_document(text, place),
                Rule::Manifest
                | Rule::Written
                | Rule::PemBegin
                | Rule::PemEnd
                | Rule::Userinfo
                | Rule::Webhook(_)
                | Rule::Telegram
                | Rule::CurlUser
                | Rule::Azure
                | Rule::Mailchimp
                | Rule::Maxmind
                | Rule::Facebook => None,
            };
            held = held.min(open.unwrap_or(held));
        }
    }
    held.min(each_manifest(text, open_manifest).unwrap_or(held))
}

/// The first place that the words in a text which tell of secrets of Kubernetes lead to.
fn each_manifest(text: &str, place: fn(&str, usize) -> Option<usize>) -> Option<usize> {
    let anchors = Anchors::get();
    let mut first: Option<usize> = None;
    let mut at = 0;
    while let Some((found, rules)) = anchors.next(text.as_bytes(), at) {
        at = found + 1;
        if rules.iter().any(|rule| matches!(rule, Rule::Manifest)) {
            first = first.into_iter().chain(place(text, found)).min();
        }
    }
    first
}

/// The head of a private key whose foot is not there yet, or what may become one.
fn open_pem(text: &str) -> Option<usize> {
    if let Some(at) = text.rfind(PEM) {
        let rest = &text[at + PEM.len()..];
        let label = rest.split("-----").next().unwrap_or_default();
        let may_be_private =
            label.len() < 40 && (!rest.contains("-----") || label.contains("PRIVATE KEY"));
        let foot = rest.find("-----END ").map(|foot| foot + "-----END ".len());
        let is_closed = foot.is_some_and(|foot| rest[foot..].contains("-----"));
        if may_be_private && !is_closed {
            return Some(at);
        }
    }
    (1..PEM.len())
        .rev()
        .find(|length| text.ends_with(&PEM[..*length]))
        .map(|length| text.len() - length)
}

/// The part of the last word that may become a secret that is known by another part of it than its
/// prefix, or the beginning of a prefix.
fn open_token(text: &str, word: usize) -> usize {
    let bytes = text.as_bytes();
    let last = &text[word..];
    if let Some(at) = last.find("://") {
        return word + at + 3;
    }
    for host in WEBHOOKS {
        if let Some(at) = last.find(host) {
            return word + at;
        }
    }
    let may_be_prefix = |rest: &str| {
        let fits = |prefix: &str| prefix.starts_with(rest);
        rest.len() < MAX_PREFIX && (fits("eyJ") || FORMS.iter().any(|form| fits(form.prefix)))
    };
    let from = word.max(bytes.len().saturating_sub(MAX_DOTTED));
    let mut starts = (from..bytes.len())
        .filter(|at| text.is_char_boundary(*at) && begins(bytes, *at) && reaches_end(bytes, *at));
    starts
        .find(|at| {
            let rest = &text[*at..];
            may_be_prefix(rest)
                || may_be_telegram(rest)
                || may_be_dotted(rest)
                || may_be_marked(rest)
        })
        .unwrap_or(bytes.len())
}

fn begins(bytes: &[u8], at: usize) -> bool {
    begins_token(bytes, at) || follows_sign(bytes, at)
}

/// Nothing from here to the end of a text can end a token.
fn reaches_end(bytes: &[u8], at: usize) -> bool {
    let of = |byte: u8| {
        is_word(byte) || matches!(byte, b'.' | b'+' | b'/' | b'=' | b'%' | b':' | b'~' | b'|')
    };
    at + run(&bytes[at..], of) == bytes.len()
}

fn may_be_telegram(rest: &str) -> bool {
    let digits = run(rest.as_bytes(), |byte| byte.is_ascii_digit());
    let after = &rest[digits..];
    let goes_on = (8..=11).contains(&digits) && (after.starts_with(":A") || after == ":");
    goes_on || (after.is_empty() && (1..=11).contains(&digits))
}

/// The credential after `Bearer` or `Basic` that may go on.
fn open_credentials(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let scheme = ["bearer", "basic"].into_iter().find(|scheme| {
        let found = rest.get(..scheme.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(scheme))
    })?;
    let after = &rest[scheme.len()..];
    let value = after.trim_start_matches([' ', '\t']);
    let is_open = value.len() < after.len() && !value.contains(char::is_whitespace);
    is_open.then_some(text.len() - value.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::platform::redact::text::redact_text;

    fn secrets() -> Vec<String> {
        let body = "0123456789abcdefABCDEF0123456789abcdXYZ";
        let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n".repeat(12);
        vec![
            format!("use {}{body} for it", ["gh", "p_"].concat()),
            format!("key {}{body}\nnext", ["sk-", "ant-"].concat()),
            "the database is postgres://ada:hunter2x@db.example/app today".to_owned(),
            "export PASSWORD=hunter2x\nand go on".to_owned(),
            "set \"apiKey\": \"hunter2x hunter2x\", then".to_owned(),
            format!("Authorization: Bearer {body}\nAccept: text/plain"),
            format!(
                "{}PRIVATE KEY-----\n{key}-----END PRIVATE KEY-----\nthat is all",
                PEM
            ),
        ]
    }

    proptest! {
        #[test]
        fn wherever_a_text_is_cut_what_is_shown_is_the_same(
            secret in prop::sample::select(secrets()),
            cuts in prop::collection::vec(1usize..40, 1..40),
        ) {
            let text = format!("Here is what I found. {secret} Done.");
            let mut gate = Gate::default();
            let mut shown = String::new();
            let mut rest = text.as_str();
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                gate.push(piece);
                shown.push_str(&gate.take());
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            shown.push_str(&gate.finish());
            prop_assert_eq!(shown, redact_text(&text).into_owned());
        }
    }

    #[test]
    fn ordinary_text_is_never_held_back() {
        let mut gate = Gate::default();
        for word in "I read the file, and the token was parsed: it is fine.\n\nNext, `src/app.rs`"
            .split_inclusive(' ')
        {
            gate.push(word);
            assert_eq!(gate.take(), word);
        }
    }

    #[test]
    fn a_blank_may_have_more_than_one_byte() {
        for blank in ["\u{a0}", "\u{2028}", "\u{3000}"] {
            let mut gate = Gate::default();
            let mut shown = String::new();
            for piece in ["a", blank, "ghp_", blank, "b"] {
                gate.push(piece);
                shown.push_str(&gate.take());
            }
            shown.push_str(&gate.finish());
            assert_eq!(shown, format!("a{blank}ghp_{blank}b"));
        }
    }

    #[test]
    fn what_never_ends_is_shown_redacted_and_memory_stays_bounded() {
        let mut gate = Gate::default();
        gate.push("token=");
        let mut shown = gate.take();
        for _ in 0..1_000 {
            gate.push(&"a1".repeat(50));
            shown.push_str(&gate.take());
            assert!(gate.text.len() <= 2 * (MAX_HELD + MAX_SHOWN));
        }
        shown.push_str(&gate.finish());
        assert!(!shown.contains("a1a1"), "{} bytes", shown.len());
    }
}
