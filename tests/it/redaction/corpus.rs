//! The corpora: what has to go, and what has to stay.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use navi::platform::redact::json::redact_json;
use navi::platform::redact::text::redact_text;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use proptest::prelude::*;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

const SECRETS: &str = include_str!("secrets.txt");
const HARMLESS: &str = include_str!("harmless.txt");

/// The longest that a pass over a megabyte may take on a machine that has other things to do.
const MOST: Duration = Duration::from_secs(15);

/// No piece of a secret that is this long may be left.
const PIECE: usize = 5;

/// Letters and digits that look random and are the same in every run.
pub(crate) fn body(seed: &str, length: usize, alphabet: &str) -> String {
    let alphabet = alphabet.as_bytes();
    let mut found = String::new();
    for block in 0u32.. {
        for byte in Sha256::digest(format!("{seed} {block}")) {
            if found.len() == length {
                return found;
            }
            found.push(char::from(alphabet[usize::from(byte) % alphabet.len()]));
        }
    }
    found
}

/// A line of the corpus as it would be met, and the secrets in it.
pub(crate) fn planted(number: usize, line: &str) -> (String, Vec<String>) {
    const ALNUM: &str = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789";
    let mut text = String::new();
    let mut secrets = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find(['¦', '§', '«', '⏎', '␛']) {
        text.push_str(&rest[..at]);
        let sign = rest[at..].chars().next().unwrap();
        rest = &rest[at + sign.len_utf8()..];
        let seed = format!("{number} {}", secrets.len());
        match sign {
            '⏎' => text.push('\n'),
            '␛' => text.push('\u{1b}'),
            '«' => {
                let (literal, after) = rest.split_once('»').unwrap();
                text.push_str(literal);
                secrets.push(literal.to_owned());
                rest = after;
            }
            '§' => {
                let word = rest
                    .find(|c: char| !c.is_ascii_lowercase())
                    .unwrap_or(rest.len());
                let secret = match &rest[..word] {
                    "jwt" => {
                        let part = |text: String| URL_SAFE_NO_PAD.encode(text);
                        let head = part(r#"{"alg":"HS256","typ":"JWT"}"#.to_owned());
                        let claims = part(format!("{{\"sub\":\"{}\"}}", body(&seed, 20, ALNUM)));
                        text.push_str(&head);
                        text.push('.');
                        format!("{claims}.{}", body(&seed, 43, ALNUM))
                    }
                    "basic" => STANDARD.encode(format!("ada:{}", body(&seed, 14, ALNUM))),
                    "pem" => (0..6)
                        .map(|line| body(&format!("{seed} {line}"), 64, ALNUM))
                        .collect::<Vec<_>>()
                        .join("\n"),
                    "pemx" => (0..6)
                        .map(|line| body(&format!("{seed} {line}"), 64, ALNUM))
                        .collect::<Vec<_>>()
                        .join("\\n"),
                    _ => {
                        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                        let length = rest[..digits].parse().unwrap();
                        let kind = rest[digits..].chars().next();
                        let alphabet = match kind {
                            Some('h') => "0123456789abcdef",
                            Some('c') => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
                            Some('w') => "abcdefghijkmnopqrstuvwxyzABCDEF0123456789_-",
                            _ => ALNUM,
                        };
                        let kinds = usize::from(matches!(kind, Some('h' | 'c' | 'w')));
                        rest = &rest[digits + kinds..];
                        body(&seed, length, alphabet)
                    }
                };
                rest = &rest[if word > 0 { word } else { 0 }..];
                text.push_str(&secret);
                secrets.push(secret);
            }
            _ => {}
        }
    }
    text.push_str(rest);
    (text, secrets)
}

/// The lines that hold secrets, each with what must not come out of it.
pub(crate) fn secrets() -> Vec<(String, Vec<String>)> {
    let lines = SECRETS.lines().filter(|line| !line.starts_with("# "));
    let numbered = lines.enumerate();
    numbered
        .map(|(number, line)| planted(number, line))
        .collect()
}

/// The lines that hold none.
pub(crate) fn harmless() -> Vec<&'static str> {
    HARMLESS.lines().collect()
}

/// The pieces of a secret that a text still holds.
pub(crate) fn left_over(text: &str, secret: &str) -> Option<String> {
    let signs: Vec<char> = secret.chars().collect();
    let size = PIECE.min(signs.len());
    let mut pieces = signs.windows(size).map(|piece| piece.iter().collect());
    pieces.find(|piece: &String| text.contains(piece.as_str()))
}

#[test]
fn no_secret_of_the_corpus_survives_in_text_or_json() {
    let lines: Vec<&str> = SECRETS
        .lines()
        .filter(|line| !line.starts_with("# "))
        .collect();
    let mut seen = 0;
    let mut wrong = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let (text, secrets) = planted(number, line);
        assert!(!secrets.is_empty(), "{line} plants nothing");
        seen += 1;
        let clean = redact_text(&text).into_owned();
        assert_eq!(redact_text(&clean), clean, "twice is not once: {line}");
        let mut outputs = vec![clean];
        if let Ok(mut value) = serde_json::from_str::<Value>(&text) {
            redact_json(&mut value);
            outputs.push(value.to_string());
            assert!(!redact_json(&mut value), "twice is not once: {value}");
        } else {
            let mut value = serde_json::json!({ "data": { "message": text } });
            redact_json(&mut value);
            outputs.push(value.to_string());
        }
        for (output, secret) in outputs
            .iter()
            .flat_map(|o| secrets.iter().map(move |s| (o, s)))
        {
            if let Some(piece) = left_over(output, secret) {
                wrong.push(format!("{line}\n    still has {piece}: {output}"));
            }
        }
    }
    assert!(seen >= 300, "{seen} lines");
    assert!(
        wrong.is_empty(),
        "{} of {seen}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_is_harmless_is_left_alone() {
    let lines: Vec<&str> = HARMLESS.lines().collect();
    assert!(lines.len() >= 600, "{} lines", lines.len());
    let mut touched = Vec::new();
    for line in &lines {
        let mut changed = redact_text(line) != *line;
        if let Ok(mut value @ Value::Object(_)) = serde_json::from_str(line) {
            changed |= redact_json(&mut value);
        }
        if changed {
            touched.push(*line);
        }
    }
    let allowed = lines.len() / 100;
    assert!(
        touched.len() <= allowed,
        "{}:\n{}",
        touched.len(),
        touched.join("\n")
    );
}

/// The processor time of this thread, which does not grow because the machine is busy.
fn processor_time() -> Duration {
    let used = getrusage(UsageWho::RUSAGE_THREAD).unwrap().user_time();
    Duration::from_micros(u64::try_from(used.num_microseconds()).unwrap())
}

#[test]
fn a_megabyte_of_anything_takes_no_more_than_a_pass() {
    // Pieces of what rules look for, over and over: each could make a rule look at all that follows.
    let pieces = [
        "password=",
        "password=\"",
        "'password:\"",
        "eyJ",
        "eyJhIjoxfQ.",
        "://",
        "a@://x:y",
        "token",
        "key: ",
        "Bearer ",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY",
        "-----END PRIVATE KEY",
        "sk-",
        "cookie: a=",
        "https://",
        "<token>",
        "--token ",
        "\\\"token\\\":",
        "a",
        " ",
        "-",
        "=",
        "-ghp_",
        "sk-a1",
        "_sk_live_",
        "9AKIA",
        "-eyJ",
        "-eyJhIjoxfQ.",
        "pat.",
        "MTIz.",
        ".acc_",
        "mysql ",
        "mysql -p ",
        "mysql \"",
        "curl -u a:",
        "login -p ",
        "htpasswd -b ",
        "machine a password ",
        "password ",
        "password:\n  ",
        "password:\n- ",
        "password: |\n  ",
        "token = \"\"\"",
        "tokens: [\"",
        "name: password, ",
        ":5432:a:b",
        "kind: Secret\n",
        "- kind: Secret\n  data:\n    a: b\n",
        "\"kind: Secret",
        "kind: Secret\\n",
        "{\"kind\":\"Secret\",",
        "\"kind\":\"Secret\" ",
        "{\"kind\":\"Secret\"}",
        "{\"data\":{\"kind\":\"Secret\"",
        "stringData:\n",
        "\"stringData\":{",
        "stringData: {",
        "echo a | ",
        "echo a\n",
        "(echo a; ",
        "echo a | base64 | ",
        "docker login --password-stdin <<< ",
        "passwd <<a\n",
        "passwd <(echo a) ",
        " <<",
        "algolia: ",
        "a\\u{200b}",
        "\\x1b[",
        "[\"mysql\",",
        "- mysql\n",
        "- --token\n",
        "mysql -p$(",
        "mysql -p\\\"",
        "vault kv put ",
        "| token | ",
        "s.",
        "\u{200b}",
        "\u{1b}[",
        "\u{1b}]",
        "a\u{8}",
        "\r",
        "ghp_\u{200b}",
    ];
    for piece in pieces {
        let text = piece.repeat(1_000_000 / piece.len());
        let began = processor_time();
        let length = redact_text(&text).len();
        assert!(length <= 2 * text.len());
        // A rule that looked at all that follows would compare some 10¹¹ bytes, which takes minutes of
        // any processor; a pass takes a second or two of a slow one.
        let took = processor_time().saturating_sub(began);
        assert!(took < MOST, "{piece:?} took {took:?}");
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "token",
        "total_tokens",
        "apiKey",
        "password",
        "secret",
        "credentials",
        "count",
        "data",
        "key",
        "authorization",
        "cookie",
        "note",
    ]);
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        "[ -~]{0,24}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((names.clone(), inner), 0..6).prop_map(|fields| {
                let fields = fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value));
                Value::Object(fields.collect::<Map<_, _>>())
            }),
        ]
    })
}

/// The value with every text taken out.
fn without_texts(value: &Value) -> Value {
    match value {
        Value::String(_) => Value::String(String::new()),
        Value::Array(items) => items.iter().map(without_texts).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), without_texts(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

proptest! {
    #[test]
    fn numbers_and_booleans_are_never_redacted(value in json_value()) {
        let mut clean = value.clone();
        redact_json(&mut clean);
        prop_assert_eq!(without_texts(&clean), without_texts(&value));
    }

    #[test]
    fn whatever_the_text_only_placeholders_are_added_to_it(
        parts in prop::collection::vec(
            prop_oneof![
                "\\PC{0,12}",
                prop::sample::select(vec![
                    "password", "token", "=", ": ", "\"", "'", "\\", "://", "@", "Bearer ", "-----BEGIN ",
                    "PRIVATE KEY-----", "-----END ", "eyJhIjoxfQ", ".", "\n", "\u{1b}[3m", "ä", "<", ">",
                    "--", "Authorization", "Cookie", "%3D", "?code=", "-u a:b",
                ]).prop_map(str::to_owned),
            ],
            0..24,
        ),
    ) {
        let text = parts.concat();
        let clean = redact_text(&text);
        let mut pieces = clean.split("[redacted");
        let first = pieces.next().unwrap();
        prop_assert!(text.starts_with(first), "{} became {}", text, clean);
        let mut rest = &text[first.len()..];
        for piece in pieces {
            let (_, kept) = piece.split_once(']').unwrap();
            let at = rest.find(kept);
            prop_assert!(at.is_some(), "{} became {}", text, clean);
            rest = &rest[at.unwrap() + kept.len()..];
        }
    }
}
