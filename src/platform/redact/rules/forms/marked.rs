//! Tokens that are known by a sign in their middle or at their end.

use crate::platform::redact::rules::bytes::{is_word, run};
use crate::platform::redact::rules::forms::begins::{begins_token, follows_sign};
use crate::platform::redact::rules::span::Span;

/// Hexadecimal digits before the data centre in a key of Mailchimp.
const MAILCHIMP: usize = 32;
/// The least and the most digits of the number of an application at Facebook.
const FACEBOOK: (usize, usize) = (15, 16);
/// Letters and digits of the two pieces of a licence of `MaxMind`.
const MAXMIND: (usize, usize) = (6, 29);

/// A client secret of Microsoft Entra: three characters, a digit, `Q~`, and more.
pub(in crate::platform::redact::rules) fn azure(text: &str, at: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let start = at.checked_sub(3)?;
    let is_piece = |byte: u8| is_word(byte) || matches!(byte, b'~' | b'.');
    let after = bytes[at..].get(1..)?.strip_prefix(b"Q~")?;
    let found = run(after, is_piece);
    let fits = bytes[start..at].iter().all(|byte| is_piece(*byte))
        && bytes[at].is_ascii_digit()
        && (30..=36).contains(&found);
    fits.then(|| Span::new(start, at + 3 + found, "azure-secret"))
}

/// A key of Mailchimp: 32 hexadecimal digits, and the data centre.
pub(in crate::platform::redact::rules) fn mailchimp(text: &str, at: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let start = at.checked_sub(MAILCHIMP)?;
    let digits = run(bytes[at..].strip_prefix(b"-us")?, |byte| {
        byte.is_ascii_digit()
    });
    let end = at + 3 + digits;
    let is_hex = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    let fits = bytes[start..at].iter().all(is_hex)
        && (1..=2).contains(&digits)
        && may_begin(bytes, start)
        && !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
    fits.then(|| Span::new(start, end, "mailchimp-key"))
}

/// A licence of `MaxMind`, which ends with `_mmk`.
pub(in crate::platform::redact::rules) fn maxmind(text: &str, at: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let (first, second) = MAXMIND;
    let start = at.checked_sub(first + 1 + second)?;
    let is_piece = |piece: &[u8]| piece.iter().all(u8::is_ascii_alphanumeric);
    let fits = bytes[at..].starts_with(b"_mmk")
        && is_piece(&bytes[start..start + first])
        && bytes[start + first] == b'_'
        && is_piece(&bytes[start + first + 1..at])
        && may_begin(bytes, start);
    fits.then(|| Span::new(start, at + 4, "maxmind-key"))
}

/// The token of an application at Facebook: its number, a bar, and 27 letters or more. The last two
/// digits and the bar are here.
pub(in crate::platform::redact::rules) fn facebook(text: &str, at: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let bar = at + 2;
    let digits = bytes[..bar].iter().rev().take(FACEBOOK.1 + 1);
    let digits = digits.take_while(|byte| byte.is_ascii_digit()).count();
    let body = &bytes[bar..].get(1..)?;
    let found = run(body, is_word);
    let looks = body[..found].iter().any(u8::is_ascii_digit)
        && body[..found].iter().any(u8::is_ascii_alphabetic);
    let fits = bytes[bar] == b'|'
        && (FACEBOOK.0..=FACEBOOK.1).contains(&digits)
        && (27..=40).contains(&found)
        && looks;
    fits.then(|| Span::new(bar - digits, bar + 1 + found, "facebook-token"))
}

fn may_begin(bytes: &[u8], at: usize) -> bool {
    begins_token(bytes, at) || follows_sign(bytes, at)
}

/// True when text that begins here and goes to the end may become one of these. Their mark stands at
/// their end, so their first characters may have been shown by then: no text could be passed on
/// otherwise.
pub(in crate::platform::redact) fn may_be_marked(rest: &str) -> bool {
    let bytes = rest.as_bytes();
    let goes_on = |from: usize, sign: &[u8]| {
        let after = bytes.get(from..).unwrap_or_default();
        sign.starts_with(after) || after.starts_with(sign)
    };
    let is_azure = bytes.get(3).is_some_and(u8::is_ascii_digit) && goes_on(4, b"Q~");
    let hex = run(bytes, |byte| byte.is_ascii_hexdigit());
    let looks_hex = || hex >= 4 || bytes.iter().any(u8::is_ascii_digit);
    let is_mailchimp = if hex == bytes.len() {
        hex <= MAILCHIMP && looks_hex()
    } else {
        hex == MAILCHIMP && goes_on(hex, b"-us")
    };
    let (first, second) = MAXMIND;
    let head = run(bytes, |byte| byte.is_ascii_alphanumeric());
    let is_maxmind = head == first && bytes.get(first) == Some(&b'_') && {
        let after = &bytes[first + 1..];
        let found = run(after, |byte| byte.is_ascii_alphanumeric());
        found <= second
    };
    let digits = run(bytes, |byte| byte.is_ascii_digit());
    let is_facebook = if digits == bytes.len() {
        (12..=FACEBOOK.1).contains(&digits)
    } else {
        (FACEBOOK.0..=FACEBOOK.1).contains(&digits) && bytes[digits] == b'|'
    };
    is_azure || is_mailchimp || is_maxmind || is_facebook
}
