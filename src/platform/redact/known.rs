//! The process's own secrets, which need no form to be recognised.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;

use crate::platform::redact::hidden::{bare_texts, without_written};
use crate::platform::redact::text::REDACTED;
use crate::platform::secret::{ExposeSecret, SecretString};

/// A secret shorter than this is not looked for: it would be found in ordinary words.
const SHORTEST: usize = 8;

/// Texts that never appear in what passes through here.
#[derive(Clone, Debug, Default)]
pub struct KnownSecrets(Vec<SecretString>);

impl KnownSecrets {
    /// These secrets, each also as JSON and URLs write it, and of a URL also its password.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let mut known = Vec::new();
        let secrets = secrets
            .into_iter()
            .map(|secret| secret.expose_secret().to_owned());
        let with_passwords = secrets.flat_map(|secret| {
            let password = url::Url::parse(&secret)
                .ok()
                .and_then(|url| url.password().map(decoded));
            std::iter::once(secret).chain(password)
        });
        for plain in with_passwords {
            let plain = plain.as_str();
            let escaped = serde_json::to_string(plain).unwrap_or_default();
            // Without the quotes around it, and no others.
            let escaped = escaped
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'))
                .unwrap_or_default();
            let encoded: String = url::form_urlencoded::byte_serialize(plain.as_bytes()).collect();
            for form in [plain, escaped, &encoded] {
                if form.len() >= SHORTEST {
                    known.push(form.to_owned());
                }
            }
        }
        // The longest first: one secret may be a part of another.
        known.sort_by_key(|form| Reverse(form.len()));
        known.dedup();
        Self(known.into_iter().map(SecretString::from).collect())
    }

    /// The text without any of them, also where something that is not seen stands in one.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut places = self.places(text);
        let mut bare = bare_texts(text);
        if text.contains('\\') {
            bare.push(without_written(text));
        }
        for bare in bare {
            let found = self.places(&bare.text).into_iter();
            places.extend(found.map(|place| bare.start(place.start)..bare.end(place.end)));
        }
        if places.is_empty() {
            return Cow::Borrowed(text);
        }
        places.sort_by_key(|place| (place.start, Reverse(place.end)));
        let mut clean = String::with_capacity(text.len());
        let mut from = 0;
        for place in places {
            if place.start >= from {
                clean.push_str(&text[from..place.start]);
                clean.push_str(REDACTED);
            }
            // A secret that overlaps another one goes with it.
            from = from.max(place.end);
        }
        clean.push_str(&text[from..]);
        Cow::Owned(clean)
    }

    /// Where they stand in a text.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let secrets = self.0.iter().map(ExposeSecret::expose_secret);
        let places = secrets.flat_map(|secret| {
            let found = text.match_indices(secret);
            found.map(|(at, secret)| at..at + secret.len())
        });
        places.collect()
    }
}

/// A part of a URL as it was before it was escaped.
fn decoded(part: &str) -> String {
    // A plus sign means a space in a form; here it is a plus sign.
    let part = part.replace('+', "%2B");
    let pairs = url::form_urlencoded::parse(part.as_bytes());
    pairs.map(|(name, _)| name.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_go_in_every_spelling_and_short_ones_are_ignored() {
        let secrets =
            ["plain \"quoted\" and/slash", "plain \"quoted\"", "abc"].map(SecretString::from);
        let known = KnownSecrets::new(&secrets);
        for text in [
            "a plain \"quoted\" and/slash b",
            r#"{"m":"a plain \"quoted\" and/slash b"}"#,
            "?q=plain+%22quoted%22+and%2Fslash",
        ] {
            let clean = known.redact(text);
            assert!(
                clean.contains(REDACTED) && !clean.contains("quoted") && !clean.contains("slash"),
                "{clean}"
            );
        }
        assert!(matches!(known.redact("abc"), Cow::Borrowed("abc")));
    }

    #[test]
    fn known_secrets_go_whatever_is_hidden_in_them() {
        let known = KnownSecrets::new(&[SecretString::from("correct horse battery")]);
        for hidden in [
            "\u{1b}[31m",
            "\u{200b}",
            "\r",
            "\u{8}",
            "\u{ad}",
            "\\u{200b}",
            "\\u200b",
            "\\x1b[1m",
            "\\u001b[0m",
            "\\u{1b}[31m",
            "\\r",
            "\\b",
            "\\\\u001b[1m",
        ] {
            let text = format!("a cor{hidden}rect hor{hidden}se bat{hidden}tery b");
            assert_eq!(known.redact(&text), "a [redacted] b", "{hidden:?}");
        }
        let bold: String = "correct horse battery"
            .chars()
            .flat_map(|sign| [sign, '\u{8}', sign])
            .collect();
        assert_eq!(known.redact(&bold), "c\u{8}[redacted]");
    }

    #[test]
    fn what_is_not_seen_stays_where_no_secret_is() {
        let known = KnownSecrets::new(&[SecretString::from("correct horse battery")]);
        let text = "\u{1b}[31mcorrect\u{1b}[0m h\u{200b}orse";
        assert!(matches!(known.redact(text), Cow::Borrowed(_)));
    }
}
