//! Tells a file that holds a secret from one that only speaks of secrets.
//!
//! What is taken out of a log may be taken out once too often. A file that is kept back for its
//! content is missing, so more is asked here: a form that machines make, or a value under the name of
//! a secret, and in both cases characters that look drawn at random.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::platform::redact::rules::find::find;

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
/// How values begin that stand for others.
const REFERENCES: &[char] = &['<', '{', '$', '%', '@'];

/// Files whose form says that they hold secrets, whatever these look like: a word that each has, and
/// an expression about the whole file and the beginnings of its lines.
const FORMS: &[(&str, &str)] = &[
    // A Kubernetes secret that is no template.
    (
        "Secret",
        r"(?ms)^kind:\s*[\x22']?Secret[\x22']?\s*$.*^(?:data|stringData):\s*\n\s+[\w.-]+:\s*[^\s{]",
    ),
    (
        "Secret",
        r"(?ms)^(?:data|stringData):\s*\n\s+[\w.-]+:\s*[^\s{].*^kind:\s*[\x22']?Secret[\x22']?\s*$",
    ),
    ("Secret", r"(?s)\A\s*\{.*\x22kind\x22\s*:\s*\x22Secret\x22"),
    // A kubeconfig.
    (
        "client-key-data",
        r"(?m)^\s*client-key-data:\s*[A-Za-z0-9+/]{40}",
    ),
    (
        "users:",
        r"(?ms)^kind:\s*Config\s*$.*^users:\s*$|^users:\s*$.*^kind:\s*Config\s*$",
    ),
    // A state of Terraform.
    ("terraform_version", r"(?s)\A\s*\{.*\x22lineage\x22"),
    // A service account of Google, a file of Docker, a key of JOSE.
    (
        "\"service_account\"",
        r"(?s)\A\s*\{.*\x22type\x22\s*:\s*\x22service_account\x22",
    ),
    (
        "\"authorized_user\"",
        r"(?s)\A\s*\{.*\x22type\x22\s*:\s*\x22authorized_user\x22",
    ),
    (
        "\"auth",
        r"(?s)\A\s*\{.*\x22auths?\x22.*\x22auth\x22\s*:\s*\x22[A-Za-z0-9+/=]{8}",
    ),
    (
        "\"kty\"",
        r"(?s)\A\s*[\[{].*\x22[dk]\x22\s*:\s*\x22[A-Za-z0-9_-]{20}",
    ),
    // A variable file of Postman.
    ("\"_postman_variable_scope\"", r"\A\s*\{"),
    // A private key in one line, as a string of a program or of JSON.
    (
        "PRIVATE KEY-----",
        r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:\\[nr]|\s)+(?:[A-Za-z0-9+/=]|\\[nr]|\s){80}",
    ),
    // WireGuard, age, PGP, Ansible.
    ("edKey", r"(?m)^\s*PresharedKey\s*=\s*[A-Za-z0-9+/]{43}="),
    ("PrivateKey", r"(?m)^\s*PrivateKey\s*=\s*[A-Za-z0-9+/]{43}="),
    ("AGE-SECRET-KEY-1", r"(?m)^AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    (
        "PGP PRIVATE KEY BLOCK",
        r"(?ms)^-----BEGIN PGP PRIVATE KEY BLOCK-----\s*$.{80}",
    ),
    (
        "$ANSIBLE_VAULT;",
        r"(?m)^\s*(?:\S+:\s*!vault\s*\|\s*)?\$ANSIBLE_VAULT;\d",
    ),
    // Cookies, passwords of machines and users.
    ("HTTP Cookie File", r"\A# (?:Netscape )?HTTP Cookie File"),
    (
        "machine",
        r"(?m)^machine\s+\S+\s+login\s+\S+\s+password\s+\S",
    ),
    (
        ":$",
        r"(?m)^[A-Za-z_][\w.-]*:\$(?:y|gy|7|6|5|1|apr1|2[aby])\$[^\s:]{8}",
    ),
];

/// The expressions of [`FORMS`], in their order.
static COMPILED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let compiled = FORMS.iter().map(|(_, form)| {
        #[expect(clippy::unwrap_used, reason = "constants, which a test compiles")]
        Regex::new(form).unwrap()
    });
    compiled.collect()
});

/// True if the form of a text is that of a file which holds secrets.
fn has_form(text: &str) -> bool {
    let mut forms = FORMS.iter().zip(COMPILED.iter());
    forms.any(|((word, _), form)| text.contains(word) && form.is_match(text))
}

/// True if a text holds at least one value that only who may know it should see.
pub fn holds_secret(text: &str) -> bool {
    // In UTF-16 every other byte of what we look for is none.
    let text = if text.contains('\0') {
        Cow::Owned(text.replace('\0', ""))
    } else {
        Cow::Borrowed(text)
    };
    let text = text.trim_start_matches(['\u{feff}', '\u{fffd}']);
    has_form(text)
        || find(text)
            .into_iter()
            .any(|span| is_secret(&text[span.start..span.end], span.kind))
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
            assert!(holds_secret(&text), "{text}");
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
            assert!(!holds_secret(text), "{text}");
        }
    }
}
