//! Tells secrets from other values that stand in their places.

use crate::platform::redact::rules::bytes::{has_digit, is_word};
use crate::platform::redact::rules::keys;
use crate::platform::redact::rules::keys::Named;

/// Values that stand for something else than a secret: types, states, settings, nothing.
const WORDS: &str = "string str number int integer bool boolean any object null none nil undefined true \
    false required optional invalid valid expired missing empty unset set present absent \
    ok failed failure error include omit same-origin text bytes unknown yes no on off void \
    never secretstring vec option self this value default auto enabled disabled ask hidden \
    masked redacted changeme example placeholder pw pass password passwd secret token \
    apikey key bearer basic char and or is was the not found revoked refreshed accepted \
    rejected denied new options option flag flags argument parameter to for with in if \
    when must should can will may from file has await async function let const return \
    varchar uuid";

/// Something stands where a secret will be put: `${TOKEN}`, `<your key>`, `***`, nothing.
pub(super) fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    let inner = value.trim_matches(|sign: char| sign.is_ascii_punctuation());
    let is_variable = value.starts_with('$') && value[1..].starts_with(['{', '('])
        || value
            .strip_prefix('$')
            .is_some_and(|name| !name.is_empty() && name.bytes().all(is_word) && !has_digit(name));
    let is_template = [
        "[redacted",
        "{",
        "<",
        "%s",
        "%(",
        "%{",
        "%d",
        "%v",
        "#{",
        "@{",
        "(?",
    ]
    .iter()
    .any(|open| value.starts_with(open));
    let is_mask = inner.len() >= 3 && inner.bytes().all(|byte| matches!(byte, b'x' | b'X'));
    let lower = inner.to_ascii_lowercase();
    let is_yours = ["your", "my_", "my-", "insert", "example", "dummy"]
        .iter()
        .any(|word| lower.starts_with(word));
    let is_colour = value.strip_prefix('#').is_some_and(|digits| {
        matches!(digits.len(), 3 | 6 | 8) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    inner.is_empty()
        || is_colour
        || is_variable
        || is_template
        || is_mask
        || is_yours
        || WORDS.split(' ').any(|word| word == lower)
}

/// A sentence speaks of secrets instead of being one: letters alone, and their words.
pub(super) fn is_about_secrets(value: &str) -> bool {
    let is_prose =
        |sign: char| sign.is_alphabetic() || sign == ' ' || ".,:;!?'’()-…*".contains(sign);
    let words = value.split(|sign: char| !sign.is_alphabetic());
    value.chars().all(is_prose) && words.count() > 1 && {
        let lower = value.to_lowercase();
        [
            "password",
            "token",
            "secret",
            "key",
            "credential",
            "cookie",
            "passphrase",
            "required",
            "enter",
        ]
        .iter()
        .any(|word| lower.contains(word))
    }
}

/// A value can be a secret at all: no number, unless people chose it.
pub(super) fn is_value(value: &str, named: Named) -> bool {
    let is_number = value
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    !is_placeholder(value) && (!is_number || (named == Named::Password && value.len() >= 4))
}

/// A value looks as if a machine made it, or a person with care.
pub(super) fn is_strong(value: &str) -> bool {
    let letters = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    let looks = has_digit(value)
        || value.bytes().any(|byte| {
            matches!(
                byte,
                b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'*' | b'+' | b'~' | b'='
            )
        });
    value.len() >= 6 && letters && looks
        || value.len() >= 24 && !value.contains(['.', '/', '_', ':'])
}

/// Code refers to something else by it: `self.token`, `req.headers.token`, `db_password`,
/// `std::str`, `/run/secrets/db`. `is_code` says that a type could stand there, too.
pub(super) fn is_reference(value: &str, is_code: bool) -> bool {
    let value = value
        .trim_start_matches(['&', '*', '!', '@'])
        .trim_end_matches(['.', ':', '?', '!']);
    let is_name = |part: &str| {
        part.bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let parts: Vec<&str> = value
        .split(['.', ':'])
        .filter(|part| !part.is_empty())
        .collect();
    let is_random = value.len() >= 32 && has_digit(value) && !value.contains('.');
    let is_path = value.starts_with(['/', '.', '~']) && value.contains('/') && !is_random
        || value.starts_with("http");
    let is_dotted = parts.len() > 1 && !has_digit(value) && parts.iter().all(|part| is_name(part));
    let names_secret = is_name(value) && keys::named(value).is_some();
    let is_type = is_code
        && is_name(value)
        && value.starts_with(|sign: char| sign.is_ascii_uppercase())
        && !has_digit(value)
        && value.bytes().skip(1).any(|byte| byte.is_ascii_lowercase());
    is_path
        || is_dotted
        || names_secret
        || is_type
        || is_name(value) && !has_digit(value) && value.contains('_')
}

/// A text is itself the name of a secret: of more than one word, and no secret with digits.
pub(super) fn names_secret(value: &str) -> bool {
    let is_joined = |pair: &[u8]| {
        let is_small = pair[0].is_ascii_lowercase();
        matches!(pair[0], b'_' | b'.' | b'-') || (is_small && pair[1].is_ascii_uppercase())
    };
    value.as_bytes().windows(2).any(is_joined) && !has_digit(value) && keys::named(value).is_some()
}

/// A possible reference may as well be a password that a person chose: one word.
pub(super) fn is_chosen(value: &str, named: Named) -> bool {
    named == Named::Password
        && value.bytes().all(|byte| byte.is_ascii_alphabetic())
        && keys::named(value).is_none()
}
