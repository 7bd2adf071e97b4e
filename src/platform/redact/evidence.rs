//! Tells a file that holds a secret from one that only speaks of secrets.
//!
//! A part of a log may be taken out once too often. A file that is kept back for its content is missing,
//! so more is asked here: a form that machines make, or a value under the name of a secret, and in both
//! cases characters that look drawn at random.

use std::borrow::Cow;

use crate::platform::redact::rules::find::{find, holds_object};
use crate::platform::redact::rules::span::Span;
use crate::platform::redact::shapes::has_shape;
use crate::platform::redact::text::{push_placeholder, replaced};

/// The shortest value that can look random.
const MIN_LENGTH: usize = 12;
/// The least Shannon entropy of a value under the name of a secret, in bits per character. English
/// words joined by signs have about 3, hexadecimal digits 3.5 to 4, base64 4.5 to 6.
const MIN_NAMED_ENTROPY: f64 = 3.2;
/// The same of a value whose form is a secret's already.
const MIN_FORMED_ENTROPY: f64 = 2.8;
/// The shortest body of a private key: an Ed25519 key has 64 characters.
const MIN_KEY_LENGTH: usize = 100;
/// Parts of values that documentation shows in place of secrets.
const MADE_UP: &[&str] = &[
    "example",
    "sample",
    "dummy",
    "placeholder",
    "changeme",
    "change-me",
    "change_me",
    "xxxx",
    "your",
    "1234567890",
    "abcdef",
    "redacted",
    "{{",
    "${",
    "$(",
];
/// The endings of files of settings, and the words in paths that say that a file only shows some.
const SETTINGS: &str = "yml yaml json toml ini cfg conf config cnf properties xml env plist tfvars hcl sh bash ps1 \
    bat cmd txt rc";
const SAMPLES: &str = "test tests testing spec specs fixture fixtures example examples sample samples mock mocks \
    testdata demo doc docs i18n locale locales lang translations schema schemas template templates node_modules";
/// The shortest value that a person chose.
const MIN_CHOSEN: usize = 7;
/// The choice where nothing is to be kept.
const TRIED: &str = "password1 passw0rd admin123 test123 test1234 root123 qwerty123 abc123 abcd1234 pass123 \
    postgres1 p@ssw0rd user123 guest123 secret123 password123";
/// The first characters of values that stand for others.
const REFERENCES: &[char] = &['<', '{', '$', '%', '@'];

/// The evidence that a text must show to count as one that holds a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Values that machines made: code and documents hold many others under the names of secrets.
    Strict,
    /// Values that people chose as well, as files of settings hold them.
    Settings,
}

impl Evidence {
    /// The evidence that a file of this name has to show.
    pub fn of(path: &str) -> Self {
        let lower = path.to_ascii_lowercase();
        let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
        let ending = name.rsplit_once('.').map(|(_, ending)| ending);
        let is_settings = ending.is_none_or(|ending| SETTINGS.split(' ').any(|one| one == ending));
        let words = |text: &str| -> bool {
            let mut words = text.split(|sign: char| !sign.is_ascii_alphanumeric());
            words.any(|word| SAMPLES.split(' ').any(|one| one == word))
        };
        if is_settings && !words(folders) && !words(name) {
            Self::Settings
        } else {
            Self::Strict
        }
    }
}

/// True if a text holds at least one value that only who may know it should see.
pub fn holds_secret(text: &str, evidence: Evidence) -> bool {
    // In UTF-16 every other byte of what we look for is none, and there are files whose lines end with
    // carriage returns alone.
    let mut text = Cow::Borrowed(text);
    if text.contains('\0') {
        text = Cow::Owned(text.replace('\0', ""));
    }
    if text.contains('\r') {
        text = Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"));
    }
    let text = text.trim_start_matches(['\u{feff}', '\u{fffd}']);
    has_shape(text)
        || (evidence == Evidence::Settings && holds_object(text))
        || find(text)
            .into_iter()
            .any(|span| is_evident(text, span, evidence))
}

/// The text with a mark in place of what would make a file that holds it secret. All else stays to the
/// letter, for it may be quoted in an edit.
pub fn redact_evident(text: &str) -> Cow<'_, str> {
    let mut spans = find(text);
    spans.retain(|span| is_evident(text, *span, Evidence::Strict));
    replaced(text, spans, |clean, span| {
        push_placeholder(clean, span.kind);
    })
}

/// True if a value that was found is one that only who may know it should see.
fn is_evident(text: &str, span: Span, evidence: Evidence) -> bool {
    let value = &text[span.start..span.end];
    let is_address = text[..span.start].ends_with("://");
    let password = value.split_once(':').filter(|_| is_address);
    is_secret(value, span.kind)
        || (evidence == Evidence::Settings && is_chosen(value))
        || password.is_some_and(|(_, password)| is_secret(password, span.kind))
}

/// True if a person may have chosen the value as a password: one word with letters and digits, which is
/// none that everybody chooses to try something.
fn is_chosen(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'', ' ']);
    let has = |is: fn(&u8) -> bool| value.bytes().any(|byte| is(&byte));
    let lower = value.to_ascii_lowercase();
    value.len() >= MIN_CHOSEN
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
        && value.bytes().all(|byte| byte.is_ascii_graphic())
        && !value.contains(['(', '/', '<', '{'])
        && !value.starts_with(REFERENCES)
        && !MADE_UP.iter().any(|part| lower.contains(part))
        && !TRIED.split(' ').any(|one| one == lower)
}

fn is_secret(value: &str, kind: &str) -> bool {
    let value = value.trim_matches(['"', '\'', ' ']);
    if kind == "private-key" || value.contains(" PRIVATE KEY-----") {
        return value.len() >= MIN_KEY_LENGTH && value.contains("-----BEGIN ");
    }
    // `Bearer` and the token behind it.
    if let Some((_, value)) = value
        .trim_end()
        .rsplit_once(' ')
        .filter(|_| kind.is_empty())
    {
        return is_secret(value, kind);
    }
    let lower = value.to_ascii_lowercase();
    if value.starts_with(REFERENCES) {
        return false;
    }
    if value.len() < MIN_LENGTH || MADE_UP.iter().any(|part| lower.contains(part)) {
        return false;
    }
    if kind.is_empty() {
        looks_random(value) && entropy(value) >= MIN_NAMED_ENTROPY
    } else {
        entropy(value) >= MIN_FORMED_ENTROPY
    }
}

/// True if a value has the characters of an encoding, digits among its letters, and is no path, no
/// address and no sentence; or characters of all kinds, and is no code.
fn looks_random(value: &str) -> bool {
    let encoded = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=_-.~".contains(&byte);
    let count = |is: fn(&u8) -> bool| value.bytes().filter(is).count();
    let digits = count(u8::is_ascii_digit);
    let letters = count(u8::is_ascii_alphabetic);
    if digits < 2 || letters < 4 || value.matches('/').count() >= 4 {
        return false;
    }
    let is_mixed = count(u8::is_ascii_uppercase) >= 2 && count(u8::is_ascii_lowercase) >= 2;
    let calls =
        |pair: &[u8]| pair[1] == b'(' && (pair[0].is_ascii_alphanumeric() || pair[0] == b'_');
    let is_code =
        value.contains(['"', '\'', '`', ';', ' ', '[']) || value.as_bytes().windows(2).any(calls);
    value.bytes().all(encoded)
        || ((is_mixed || value.len() >= 32)
            && !is_code
            && value.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// The Shannon entropy of the bytes, in bits per byte.
#[expect(
    clippy::cast_precision_loss,
    reason = "lengths of values are far below the numbers that lose digits"
)]
fn entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length = value.len() as f64;
    let share = |count: &u32| f64::from(*count) / length;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| -share(count) * share(count).log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Characters that look random, and the same every time.
    fn noise(length: usize, alphabet: &str) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let mut state = 0x9e37_79b9_u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            letters[state as usize % letters.len()]
        };
        std::iter::repeat_with(&mut next).take(length).collect()
    }

    const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    #[test]
    fn a_file_with_a_key_a_token_or_a_random_value_under_a_secret_name_holds_a_secret() {
        let body = noise(120, BASE64);
        for text in [
            format!(
                "-----BEGIN {} KEY-----\n{body}\n-----END {} KEY-----\n",
                "PRIVATE", "PRIVATE"
            ),
            format!("token = \"{}{}\"\n", "ghp_", noise(36, BASE64)),
            format!("{{\"client_secret\": \"{}\"}}", noise(40, BASE64)),
            format!("DB_PASSWORD={}\n", noise(24, BASE64)),
            format!("api_key: {}\n", noise(32, "0123456789abcdef")),
        ] {
            assert!(holds_secret(&text, Evidence::Strict), "{text}");
        }
    }

    #[test]
    fn a_file_that_speaks_of_secrets_holds_none() {
        for text in [
            "password = input('Your password: ')",
            "const token = await getAccessToken(request);",
            "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
            "api_key: ${API_KEY}",
            "secret_name: projects/1234/secrets/database/versions/2",
            "DATABASE_URL=postgres://user:password@localhost/app",
            "jwt_secret = settings.JWT_SECRET_FOR_TESTS_V2",
            "-----BEGIN PRIVATE KEY-----",
            "fn password_of_the_user(name: &str) -> Option<String> {",
        ] {
            assert!(!holds_secret(text, Evidence::Strict), "{text}");
        }
    }

    #[test]
    fn settings_hold_passwords_that_people_chose() {
        for text in [
            "production:\n  password: hunter2Correct!\n",
            "environment:\n  - POSTGRES_PASSWORD=Sup3rS3cret99\n",
            "DB_PASSWORD=hunter2\n",
        ] {
            assert!(holds_secret(text, Evidence::Settings), "{text}");
            assert!(!holds_secret(text, Evidence::Strict), "{text}");
        }
        for text in [
            "POSTGRES_PASSWORD: postgres\n",
            "password: changeme123\n",
            "password: ${DB_PASSWORD_2}\n",
            "secretName: db-password-v2\n",
        ] {
            assert!(!holds_secret(text, Evidence::Settings), "{text}");
        }
    }

    #[test]
    fn only_what_would_make_a_file_secret_is_taken_out_of_what_code_prints() {
        let token = format!("{}{}", "ghp_", noise(36, BASE64));
        let printed = format!("found {token}\npassword=\"hunter2x\"\n");
        let shown = redact_evident(&printed);
        assert_eq!(
            shown,
            "found [redacted:github-token]\npassword=\"hunter2x\"\n"
        );
    }

    #[test]
    fn a_path_says_whether_a_file_is_one_of_settings() {
        for path in ["config/database.yml", "deploy/app.properties", "a.JSON"] {
            assert_eq!(Evidence::of(path), Evidence::Settings, "{path}");
        }
        for path in [
            "src/main.rs",
            "tests/config.yml",
            "config/database.example.yml",
            "docs/a.json",
            "README.md",
        ] {
            assert_eq!(Evidence::of(path), Evidence::Strict, "{path}");
        }
    }

    #[test]
    fn the_password_of_an_address_counts_without_its_name() {
        let text = format!("mongodb+srv://app:{}@db.example/app\n", noise(20, BASE64));
        assert!(holds_secret(&text, Evidence::Strict));
        let ends = format!("a=1\rdb_password=\"{}\"\rb=2\r", noise(20, BASE64));
        assert!(holds_secret(&ends, Evidence::Strict));
    }
}
