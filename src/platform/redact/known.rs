//! The process's own secrets, which need no form to be recognised.

use std::borrow::Cow;

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
        known.sort_by_key(|form| std::cmp::Reverse(form.len()));
        known.dedup();
        Self(known.into_iter().map(SecretString::from).collect())
    }

    /// These and one more.
    #[must_use]
    pub fn and(&self, secret: &SecretString) -> Self {
        Self::new(self.0.iter().chain([secret]))
    }

    /// The text without any of them.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.0.iter().fold(Cow::Borrowed(text), |text, secret| {
            let secret = secret.expose_secret();
            if text.contains(secret) {
                Cow::Owned(text.replace(secret, REDACTED))
            } else {
                text
            }
        })
    }
}

/// A part of a URL as it was before it was escaped.
fn decoded(part: &str) -> String {
    // What would mean a space in a form is a plus sign here.
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
}
