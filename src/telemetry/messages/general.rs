//! Placeholders for the variable parts of a message. Pure.

use std::net::Ipv6Addr;
use std::ops::Range;

use regex::{Captures, Regex};

use crate::telemetry::messages::ids::{general_word, pod_name};

/// Parts with a form of their own, and words; the first matching alternative wins.
const PARTS: &str = r#"(?x)
    (?P<url>    \b[a-zA-Z][a-zA-Z0-9+.-]*://(?:\[[0-9a-fA-F:.]+\][^\s"'`<>()\[\]]* | [^\s"'`<>()\[\]]+) )
  | (?P<email>  \b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b )
  | (?P<uuid>   \b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b )
  | (?P<time>   \b\d{4}-\d\d-\d\d(?:[T\ ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)? )
  | (?P<mac>    \b[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}\b )
  | (?P<ip6>    \[?(?:\b[0-9a-fA-F]{1,4})?(?::[0-9a-fA-F]{0,4}){2,7}(?:(?:\.\d{1,3}){3})?(?:%[\w.-]+)?(?:\](?::\d+)?)? )
  | (?P<ip>     \b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b )
  | (?P<quoted> "[^"]+" | '[^']+' | `[^`]+` )
  | (?P<path>   (?:\b[A-Za-z]:)?(?:[/\\][\w.@~+-]+){2,}[/\\]? )
  | (?P<commit> \b(?i:commit|revision|rev|changeset|sha|sha1|sha256)[\ :=@]{1,2}[0-9a-fA-F]{7,64}\b )
  | (?P<pod>    \b(?i:pod|pods)[\ /:=]{1,2}[a-z][a-z0-9.-]*-[a-z0-9]{5}\b )
  | (?P<word>   [A-Za-z0-9_-]+(?:[.,]\d+)* )
"#;

/// The names of the alternatives above.
const KINDS: [&str; 12] = [
    "url", "email", "uuid", "time", "mac", "ip6", "ip", "quoted", "path", "commit", "pod", "word",
];

/// Numbers, and hexadecimal digits that are no word and no number. Seven digits are the shortest name of
/// a commit.
const DIGITS: &str = r"(?x)
    (?P<uuid>  \b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b )
  | (?P<n>     \d+(?:[.,]\d+)+ )
  | (?P<hex>   \b(?:0x[0-9a-fA-F]+|[0-9a-fA-F]{7,})\b )
  | (?P<digit> \d+ )
";

/// Endings of names of files. Others may be a part of a name in code.
const FILES: &[&str] = &[
    "avi", "bak", "bat", "bin", "bmp", "c", "cc", "cfg", "conf", "cpp", "crt", "cs", "css", "csv",
    "dat", "db", "dll", "doc", "docx", "exe", "gif", "go", "gz", "h", "hpp", "html", "ini",
    "ipynb", "jar", "java", "jpeg", "jpg", "js", "json", "jsonl", "jsx", "kt", "lock", "log",
    "lua", "md", "mjs", "mp3", "mp4", "parquet", "pdf", "pem", "php", "pid", "png", "proto", "ps1",
    "py", "rb", "rs", "rst", "scss", "sh", "so", "sock", "sql", "sqlite", "svg", "swift", "tar",
    "tf", "tgz", "tmp", "toml", "ts", "tsv", "tsx", "txt", "vue", "wasm", "wav", "webp", "whl",
    "xls", "xlsx", "xml", "yaml", "yml", "zip", "zst",
];

/// The compiled rules.
#[derive(Clone, Debug)]
pub struct VariableParts {
    parts: Regex,
    digits: Regex,
}

impl VariableParts {
    /// Compiles the rules, which takes longer than applying them.
    pub fn new() -> Result<Self, regex::Error> {
        Ok(Self {
            parts: Regex::new(PARTS)?,
            digits: Regex::new(DIGITS)?,
        })
    }

    /// A line with placeholders in place of what varies.
    pub fn general(&self, line: &str) -> String {
        let mut text = String::with_capacity(line.len());
        let mut at = 0;
        while let Some(found) = self.parts.captures_at(line, at) {
            let named = KINDS
                .into_iter()
                .find_map(|kind| Some((kind, found.name(kind)?.range())));
            let Some((kind, mut range)) = named else {
                break;
            };
            text.push_str(&line[at..range.start]);
            if kind == "quoted" && !opens(line, range.start) {
                // An apostrophe opens nothing.
                range.end = range.start + 1;
                text.push_str(&line[range.clone()]);
            } else {
                text.push_str(&self.part(kind, line, range.clone()));
            }
            at = range.end;
        }
        text.push_str(&line[at..]);
        text
    }

    fn part(&self, kind: &str, line: &str, range: Range<usize>) -> String {
        let text = &line[range.clone()];
        match kind {
            "ip6" if text.starts_with(':') && !text.starts_with("::") => {
                format!(":{}", self.part(kind, line, range.start + 1..range.end))
            }
            "ip6" if is_ip6(text) && stands_alone(line, &range) => ip6(text).to_owned(),
            "ip6" => self.digits(text),
            "quoted" => self.quoted(text),
            "commit" => commit(text).unwrap_or_else(|| self.general_words(text)),
            "pod" => pod(text).unwrap_or_else(|| self.general_words(text)),
            "word" => self.word(text),
            kind => format!("<{kind}>"),
        }
    }

    fn general_words(&self, text: &str) -> String {
        let words = text.split_inclusive([' ', ':', '=', '@', '/']);
        words.map(|word| self.word(word)).collect()
    }

    fn word(&self, word: &str) -> String {
        general_word(word).unwrap_or_else(|| self.digits(word))
    }

    fn digits(&self, text: &str) -> String {
        let replaced = self.digits.replace_all(text, |found: &Captures<'_>| {
            if found.name("uuid").is_some() {
                return "<uuid>".to_owned();
            }
            let Some(hex) = found.name("hex") else {
                return "<n>".to_owned();
            };
            let has = |is: fn(&u8) -> bool| hex.as_str().bytes().any(|byte| is(&byte));
            match (has(u8::is_ascii_digit), has(u8::is_ascii_alphabetic)) {
                (true, true) => "<hex>".to_owned(),
                (true, false) => "<n>".to_owned(),
                // A word may consist of the letters a to f alone.
                (false, _) => hex.as_str().to_owned(),
            }
        });
        replaced.into_owned()
    }

    /// A text in quotes: a file, or words like others.
    fn quoted(&self, text: &str) -> String {
        let (quote, inner) = (&text[..1], &text[1..text.len() - 1]);
        if is_file(inner) {
            format!("{quote}<path>{quote}")
        } else {
            format!("{quote}{}{quote}", self.general(inner))
        }
    }
}

/// The placeholder of an address; brackets that do not belong to it stay.
fn ip6(text: &str) -> &'static str {
    match (text.starts_with('['), text.contains(']')) {
        (true, false) => "[<ip>",
        (false, true) => "<ip>]",
        (true, true) | (false, false) => "<ip>",
    }
}

fn is_ip6(text: &str) -> bool {
    let text = text.trim_start_matches('[');
    let text = text.split([']', '%']).next().unwrap_or_default();
    // Without a digit it may be a name in code, as `abc::def` is.
    text.bytes().any(|byte| byte.is_ascii_digit()) && text.parse::<Ipv6Addr>().is_ok()
}

/// True if the match is no part of a longer word, as `d::f` is of `std::fs`.
fn stands_alone(line: &str, range: &Range<usize>) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let before = line[..range.start].chars().next_back();
    let after = line[range.end..].chars().next();
    !before.is_some_and(is_part) && !after.is_some_and(is_part)
}

/// True if a quote here begins something.
fn opens(line: &str, at: usize) -> bool {
    let before = line[..at].chars().next_back();
    !before.is_some_and(char::is_alphanumeric)
}

/// The name of a pod after the word that says that it is one.
fn pod(text: &str) -> Option<String> {
    let at = text.find([' ', '/', ':', '='])?;
    let name = text[at..].trim_start_matches([' ', '/', ':', '=']);
    let label = &text[..text.len() - name.len()];
    Some(format!("{label}{}", pod_name(name, true)?))
}

/// A commit after the word that says that it is one; its digits may all be decimal.
fn commit(text: &str) -> Option<String> {
    let at = text.rfind([' ', ':', '=', '@'])? + 1;
    let has_digit = text[at..].bytes().any(|byte| byte.is_ascii_digit());
    has_digit.then(|| format!("{}<hex>", &text[..at]))
}

/// True if a text in quotes names a file: it has folders, or an ending of files.
fn is_file(text: &str) -> bool {
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let ending = ending.to_ascii_lowercase();
    let has_ending = !stem.is_empty() && FILES.contains(&ending.as_str());
    let is_rooted = text.starts_with(['/', '~']) || text.get(1..3) == Some(":\\");
    // An address has slashes as well, and a part of a route is no file.
    let has_folders = is_rooted && text.matches(['/', '\\']).count() > 1;
    !text.contains("://") && (has_ending || has_folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn general(text: &str) -> String {
        VariableParts::new().unwrap().general(text)
    }

    #[test]
    fn errors_that_differ_by_an_id_are_one_group() {
        for (one, other) in [
            // ULIDs
            (
                "order 01ARZ3NDEKTSV4RRFFQ69G5FAV lost",
                "order 01BX5ZZKBKACTAV9WEVGEMMVRZ lost",
            ),
            (
                "job job_01h455vb4pex5vsknk084sn02q failed",
                "job job_01j2k3m4n5p6q7r8s9t0v1w2x3 failed",
            ),
            // Addresses
            ("peer fe80::1 gone", "peer 2001:db8::42 gone"),
            ("peer ::1 gone", "peer fe80::1ff:fe23:4567:890a%eth0 gone"),
            (
                "connect [::1]:5432 refused",
                "connect [2001:db8::7]:6000 refused",
            ),
            ("connect ::ffff:10.0.0.1 refused", "connect ::1 refused"),
            ("peer:2001:db8::1 gone", "peer:fe80::2 gone"),
            (
                "card 00:1a:2b:3c:4d:5e is down",
                "card a0:b1:c2:d3:e4:f5 is down",
            ),
            (
                "GET http://[::1]:8080/a answered 502",
                "GET https://x.example/b answered 502",
            ),
            // Names of commits
            ("commit 3f2a9bc missing", "commit 9d8e7fa missing"),
            ("commit 1234567 missing", "commit 9d8e7fa missing"),
            ("bad object 3f2a9bc1", "bad object 9d8e7fa0"),
            // nanoids and their like
            (
                "session V1StGXR8_Z5jdHi6B-myT ended",
                "session Uakgb_J5m9g-0JDMbcJqL ended",
            ),
            (
                "no such customer: 'cus_NffrFeUfNV2Hib'",
                "no such customer: 'cus_O2xQk8LmZr7TpA'",
            ),
            (
                "row cjld2cjxh0000qzrmn831i7rn is locked",
                "row ck9x2j3k40000qz6n8f2m3x1y is locked",
            ),
            (
                "message 1srOrx2ZWZBpBUvZwXKQmoEYga2 was dropped",
                "message 0ujtsYcgvSTl8PAuAdqWYSMnLOv was dropped",
            ),
            // Pods
            (
                "pod api-7d4b9c6f5d-x2k9q was evicted",
                "pod api-5f7c9d8b6-kx8pz was evicted",
            ),
            (
                "api-7d4b9c6f5d-x2k9q is not ready",
                "api-6b8f9d5c7-zbcdf is not ready",
            ),
            ("pod fluentd-x2k9q restarts", "pod fluentd-bcdfg restarts"),
            ("web-0 is not ready", "web-12 is not ready"),
            // Files
            (
                "ENOENT: no such file or directory, open 'data 1.json'",
                "ENOENT: no such file or directory, open 'notes.yaml'",
            ),
            (
                "open '/home/ada/My Documents/a b' failed",
                "open '/srv/acme/c' failed",
            ),
            ("cannot read \"a/b.py\"", "cannot read \"c.py\""),
            ("cannot read `x.toml`", "cannot read `My File.toml`"),
            // Numbers of every length
            ("user 1234567 is gone", "user 12345678 is gone"),
            ("after 1.5 ms", "after 1000000 ms"),
        ] {
            assert_eq!(general(one), general(other), "{one}");
        }
    }

    #[test]
    fn errors_that_differ_otherwise_are_two_groups() {
        for (one, other) in [
            ("peer fe80::1 gone", "server fe80::1 gone"),
            ("no field 'first.name'", "no field 'last.name'"),
            (
                "Cannot find module 'lodash'",
                "Cannot find module 'express'",
            ),
            (
                "Cannot find module 'react/jsx'",
                "Cannot find module 'react/dom'",
            ),
            ("std::fs failed", "std::io failed"),
            ("in crate::db::pool", "in crate::db::tasks"),
            ("abc::def is private", "abc::bed is private"),
            (
                "getUserById2FromCache failed",
                "getUserById2FromStore failed",
            ),
            (
                "utf8mb4_0900_ai_ci is unknown",
                "utf8mb4_0900_as_cs is unknown",
            ),
            ("x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl"),
            ("KeyError: 'created_at'", "KeyError: 'updated_at'"),
            ("the defaced facade", "the effaced facade"),
            ("pod api-worker crashed", "pod api-server crashed"),
            ("pod api-proxy crashed", "pod api-cache crashed"),
            ("stream-https closed", "stream-http2 closed"),
            (
                "no such customer: cus_NffrFeUfNV2Hib",
                "no such invoice: in_NffrFeUfNV2Hib",
            ),
            ("key cus_NffrFeUfNV2Hib", "key inv_NffrFeUfNV2Hib"),
            ("INTERNAL_SERVER_ERROR_RETRY", "INTERNAL_SERVER_ERROR_FATAL"),
            ("Base64Decoder2Input is bad", "Base64Encoder2Input is bad"),
            ("test_Base64Decoder2 failed", "test_Base64Encoder2 failed"),
            (
                "deploy-frontend-v2-eu-west-1",
                "deploy-frontend-v2-us-east-1",
            ),
            (
                "route '/api/users' is taken by GET",
                "route '/api/users' is taken by PUT",
            ),
            ("x.example refused", "y.example refused"),
        ] {
            assert_ne!(general(one), general(other), "{one}");
        }
    }

    #[test]
    fn what_stands_beside_an_id_stays() {
        for (said, means) in [
            ("pod api-7d4b9c6f5d-x2k9q died", "pod api-<id> died"),
            ("peer [::1]:80, gone", "peer <ip>, gone"),
            ("at 10:20:30 it broke", "at <n>:<n>:<n> it broke"),
            ("std::fs::read failed", "std::fs::read failed"),
            ("open 'a.txt': denied", "open '<path>': denied"),
            ("cus_NffrFeUfNV2Hib", "cus_<id>"),
            ("commit 3f2a9bc", "commit <hex>"),
            ("v1.5 of utf8", "v<n> of utf<n>"),
            ("it's 3 o'clock", "it's <n> o'clock"),
            ("can't open 'a.txt'", "can't open '<path>'"),
            ("at a.js:10:5", "at a.js:<n>:<n>"),
            (
                "run-018f3b9a-7c1d-7e2f-8a4b-5c6d7e8f9a0b ended",
                "run-<uuid> ended",
            ),
            ("", ""),
        ] {
            assert_eq!(general(said), means, "{said}");
        }
    }
}
