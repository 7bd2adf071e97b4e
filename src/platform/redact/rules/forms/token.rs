//! A token that begins with its prefix.

use crate::platform::redact::rules::forms::begins::{
    begins_token, follows_sign, follows_sign_of_line, is_in_base64, length,
};
use crate::platform::redact::rules::forms::table::{Form, Of};
use crate::platform::redact::rules::span::Span;

/// The most bytes that decide whether something is a token; where it ends is asked when it is one. So a
/// text full of prefixes costs no more than this for each.
const LOOK: usize = 128;
/// So many of the same bytes in a row are an empty place in base64 or a mask.
const FILLER: usize = 6;

/// The token with this prefix that begins here.
pub(in crate::platform::redact::rules) fn token(
    text: &str,
    at: usize,
    form: &Form,
) -> Option<Span> {
    let bytes = text.as_bytes();
    let rest = bytes.get(at..)?.strip_prefix(form.prefix.as_bytes())?;
    let begins = begins_form(bytes, at, form)?;
    let look = LOOK.max(form.least + 1);
    let found = length(rest, look, |byte| form.of.takes(byte));
    let body = &rest[..found];
    let fits = if form.is_exact {
        found == form.least && !rest.get(found).is_some_and(u8::is_ascii_alphanumeric)
    } else {
        found >= form.least
    };
    let has = |is: fn(&u8) -> bool| body.iter().any(is);
    let looks = match form.of {
        Of::Random => has_random_piece(body),
        Of::Mixed => has(|byte| !byte.is_ascii_hexdigit()),
        Of::CapitalsDashed | Of::HexDashed => has(u8::is_ascii_digit) && has(|byte| *byte == b'-'),
        Of::Alnum | Of::Word | Of::Dotted | Of::Capitals | Of::Hex | Of::AnyHex | Of::Base64 => {
            true
        }
    };
    // A token with an uncertain beginning needs a more convincing body.
    let is_mixed = || has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    let is_sure = begins == Begins::Apart || has(u8::is_ascii_digit) || is_mixed();
    if !(fits && looks && is_sure) || (form.is_strict && has_filler(body)) {
        return None;
    }
    let end = found + length(&rest[found..], usize::MAX, |byte| form.of.takes(byte));
    let end = if form.is_exact { found } else { end };
    Some(Span::new(at, at + form.prefix.len() + end, form.kind))
}

/// The kind of a token's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    /// Where a word begins.
    Apart,
    /// After a digit or a sign.
    Joined,
}

fn begins_form(bytes: &[u8], at: usize, form: &Form) -> Option<Begins> {
    if form.is_strict {
        let begins =
            begins_token(bytes, at) && !is_in_base64(bytes, at) || follows_sign_of_line(bytes, at);
        return begins.then_some(Begins::Apart);
    }
    if begins_token(bytes, at) {
        return Some(Begins::Apart);
    }
    follows_sign(bytes, at).then_some(Begins::Joined)
}

/// A token of this form may begin here.
pub(in crate::platform::redact) fn may_begin(bytes: &[u8], at: usize, form: &Form) -> bool {
    begins_form(bytes, at, form).is_some()
}

/// One of the pieces between dashes is long and has letters and digits: a name such as
/// `sk-learn-pipeline-with-scaling` has none.
fn has_random_piece(body: &[u8]) -> bool {
    body.split(|byte| *byte == b'-' || *byte == b'_')
        .any(|piece| {
            let has = |is: fn(&u8) -> bool| piece.iter().any(is);
            piece.len() >= 16 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
        })
}

fn has_filler(body: &[u8]) -> bool {
    body.windows(FILLER)
        .any(|some| some.iter().all(|byte| *byte == some[0]))
}
