//! Secrets that are known by their form: credentials after their scheme, JWTs, PEM blocks, URLs.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::de::IgnoredAny;

use crate::platform::redact::rules::bytes::{has_digit, is_word, plain, run};
use crate::platform::redact::rules::forms::begins::{begins_token, follows_sign};
use crate::platform::redact::rules::plausible::is_placeholder;
use crate::platform::redact::rules::span::Span;

/// Base64 of either alphabet is read with or without padding, for it comes from anywhere.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);

/// The longest head of a JWT that is decoded, in bytes.
const MAX_JWT_HEAD: usize = 4096;
/// The same for one that begins after a sign, of which there may be many.
const MAX_JOINED_HEAD: usize = 256;
/// The longest part of a URL before its host.
const MAX_USERINFO: usize = 512;
/// Words that follow `Bearer` in a challenge.
const CHALLENGE: &[&str] = &[
    "realm=",
    "error=",
    "error_description=",
    "scope=",
    "charset=",
];

/// `Bearer …` and `Basic …`: what follows, when it looks like a credential and not like a sentence.
pub(super) fn credentials_of_scheme(text: &str, at: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    if !begins_token(bytes, at) {
        return None;
    }
    let is = |name: &str| {
        let found = bytes.get(at..at + name.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    };
    let (length, is_basic) = match (is("bearer"), is("basic")) {
        (true, _) => (6, false),
        (_, true) => (5, true),
        (false, false) => return None,
    };
    let after = &bytes[at + length..];
    let gap = if after.starts_with(b"%20") {
        3
    } else {
        let is_gap = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'+');
        after.iter().take(8).take_while(is_gap).count()
    };
    let start = at + length + gap;
    let end = start + run(&bytes[start..], is_credential);
    let value = &text[start..end];
    if gap == 0 || value.len() < 8 || is_placeholder(value) {
        return None;
    }
    let looks = if is_basic {
        let decoded = STANDARD.decode(value).unwrap_or_default();
        decoded.contains(&b':')
    } else {
        let signs = value.bytes().any(|byte| !byte.is_ascii_alphabetic());
        let challenge = CHALLENGE.iter().any(|word| value.starts_with(word));
        !challenge && (value.len() >= 24 || (signs && has_digit(value)))
    };
    let kind = if is_basic { "basic" } else { "bearer" };
    looks.then(|| Span::new(start, end, kind))
}

/// A JSON web token: at least a head that is a JSON object, and a body. A signature that was cut off
/// makes it no less a token, for it may follow elsewhere.
pub(super) fn jwt(text: &str, at: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    if !bytes[at..].starts_with(b"eyJ") {
        return None;
    }
    let most = match (begins_token(bytes, at), follows_sign(bytes, at)) {
        (true, _) => MAX_JWT_HEAD,
        (false, true) => MAX_JOINED_HEAD,
        (false, false) => return None,
    };
    let head = &bytes[at..bytes.len().min(at + most + 1)];
    let head = run(head, is_word);
    if head > most || bytes.get(at + head) != Some(&b'.') {
        return None;
    }
    let decoded = URL_SAFE.decode(&bytes[at..at + head]).ok()?;
    serde_json::from_slice::<IgnoredAny>(&decoded).ok()?;
    let body = run(&bytes[at + head + 1..], |byte| {
        is_word(byte) || byte == b'.'
    });
    // The end of a sentence is no part of the token.
    let token = text[at..at + head + 1 + body].trim_end_matches('.');
    (body > 0).then(|| Span::new(at, at + token.len(), "jwt"))
}

/// A private key in PEM from its head to its foot or, if it was cut off, as far as it goes.
pub(super) fn pem(text: &str, at: usize) -> Option<Span> {
    let start = at.checked_sub(4)?;
    let rest = text.get(start..)?;
    let label = rest.strip_prefix("-----BEGIN ")?;
    // Bounded, so that a text full of heads costs no more than one.
    let label = label.get(..label.len().min(64)).unwrap_or(label);
    let line = label.split("-----").next()?;
    let is_label = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ';
    if !line.contains("PRIVATE KEY") || !line.bytes().all(is_label) {
        return None;
    }
    let body = start + "-----BEGIN ".len() + line.len();
    let bytes = text.as_bytes();
    let mut end = body + run(&bytes[body..], |byte| byte == b'-').min(5);
    loop {
        end += run(&bytes[end..], is_pem_body);
        // Each line may have the sign of a diff or of a quotation before it.
        let is_sign = bytes[end - 1] == b'\n'
            && matches!(bytes.get(end), Some(b'-' | b'>' | b'|' | b'*' | b'#'));
        let is_foot = text[end..].starts_with("-----END ");
        if !is_sign || is_foot {
            break;
        }
        end += 1;
    }
    if text[end..].starts_with("-----END ") {
        end += "-----END ".len();
        end += run(&bytes[end..], |byte| {
            byte.is_ascii_uppercase() || byte == b' '
        });
        end += run(&bytes[end..], |byte| byte == b'-').min(5);
    }
    Some(Span::new(start, end, "private-key"))
}

/// The rest of a private key whose head is not here.
pub(super) fn end_of_pem(text: &str, at: usize, done: usize) -> Option<Span> {
    let foot = at.checked_sub(4)?;
    let rest = text.get(foot..)?.strip_prefix("-----END ")?;
    let bytes = text.as_bytes();
    let label = run(rest.as_bytes(), |byte| {
        byte.is_ascii_uppercase() || byte == b' '
    });
    if !rest[..label].contains("PRIVATE KEY") {
        return None;
    }
    let is_line = |byte: &&u8| is_base64(**byte) || matches!(byte, b'\n' | b'\r' | b'\\');
    let body = bytes[done..foot].iter().rev().take_while(is_line).count();
    let end = foot + "-----END ".len() + label;
    let end = end + run(&bytes[end..], |byte| byte == b'-').min(5);
    (body > 0).then(|| Span::new(foot - body, end, "private-key"))
}

/// The name and password in a URL, between `://` and the host.
pub(super) fn userinfo(text: &str, at: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    if !bytes[at..].starts_with(b"://")
        || !at
            .checked_sub(1)
            .is_some_and(|before| bytes[before].is_ascii_alphanumeric())
    {
        return None;
    }
    let start = at + 3;
    let rest = &bytes[start..];
    let rest = &rest[..rest.len().min(MAX_USERINFO)];
    let ends = |byte: u8| {
        byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\')
    };
    // Most addresses have no such part, and this is the quick way to see it.
    memchr::memchr(b'@', rest)?;
    let word = &rest[..run(rest, |byte| !ends(byte))];
    let authority = run(word, |byte| !matches!(byte, b'/' | b'?' | b'#'));
    let last_at = |part: &[u8]| part.iter().rposition(|byte| *byte == b'@');
    let end = last_at(&word[..authority]).or_else(|| {
        // A password that was not escaped may hold what ends an authority; a port is a number.
        let colon = word[..authority].iter().position(|byte| *byte == b':')?;
        let port = &word[colon + 1..authority];
        let is_port = port.iter().all(u8::is_ascii_digit);
        if is_port { None } else { last_at(word) }
    })?;
    let found = text.get(start..start + end)?;
    let is_secret = match found.split_once(':') {
        Some((_, password)) => !password.is_empty() && !is_placeholder(password),
        // A token may stand where the name does; `git` and the like are none.
        None => found.len() >= 16 && has_digit(found),
    };
    is_secret.then(|| Span::new(start, start + end, ""))
}

/// The rest of a webhook's address, after its host.
pub(super) fn webhook(text: &str, at: usize, host: &str) -> Option<Span> {
    let rest = text.get(at..)?.strip_prefix(host)?;
    let length = run(rest.as_bytes(), |byte| {
        is_word(byte) || matches!(byte, b'/' | b'@' | b'.')
    });
    let start = at + host.len();
    (length >= 8).then(|| Span::new(start, start + length, "webhook"))
}

/// A Telegram bot's token: its number, a colon, and 35 characters that begin with `AA`.
pub(super) fn telegram(text: &str, at: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let digits = bytes[..at]
        .iter()
        .rev()
        .take(12)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let length = run(&bytes[at + 1..], is_word);
    let fits = bytes[at..].starts_with(b":AA")
        && (8..=11).contains(&digits)
        && (33..=40).contains(&length);
    fits.then(|| Span::new(at - digits, at + 1 + length, "telegram-token"))
}

/// `-u name:password`, as `curl` takes it.
pub(super) fn user_of_curl(text: &str, at: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let begins = at
        .checked_sub(1)
        .is_none_or(|before| bytes[before].is_ascii_whitespace());
    if !begins || !bytes[at..].starts_with(b"-u ") {
        return None;
    }
    let from = at + 3;
    let from = from + run(&bytes[from..], |byte| matches!(byte, b'"' | b'\''));
    let end = from + plain(&bytes[from..]);
    let (name, password) = text.get(from..end)?.split_once(':')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_url = password.starts_with("//");
    let fits = !is_url && !password.is_empty() && !is_number(password) && !is_placeholder(password);
    (fits && !name.contains('/')).then(|| Span::new(from + name.len() + 1, end, ""))
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Base64, line ends also in their escaped form, and the headers of an encrypted key.
fn is_pem_body(byte: u8) -> bool {
    is_base64(byte) || byte.is_ascii_whitespace() || matches!(byte, b'\\' | b':' | b',')
}

fn is_credential(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=')
}
