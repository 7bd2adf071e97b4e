//! Removes names of people that are no secrets: those in paths to home folders. Pure.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::platform::hex::hex;

/// Prefixes of paths before the name of a user.
const HOME_PREFIXES: &[&str] = &["/home/", "/Users/", "\\Users\\", "\\\\Users\\\\"];
/// Replacement of the name.
const REPLACEMENT: &str = "~";
/// Bytes of a pseudonym; enough to distinguish the workspaces of an organisation.
const PSEUDONYM_BYTES: usize = 12;

/// Replaces the name in every path to a home folder with `~`.
pub fn without_home_folders(text: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut rest = text;
    while let Some((at, home)) = first_home(rest) {
        let name = &rest[at + home.len()..];
        let length = name.find(|c: char| "/\\\"'`<>:;,()".contains(c) || c.is_whitespace());
        let length = length.unwrap_or(name.len());
        clean.push_str(&rest[..at + home.len()]);
        if length > 0 {
            clean.push_str(REPLACEMENT);
        }
        rest = &name[length..];
    }
    if clean.is_empty() {
        return Cow::Borrowed(text);
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

fn first_home(text: &str) -> Option<(usize, &'static str)> {
    let found = HOME_PREFIXES
        .iter()
        .filter_map(|home| Some((text.find(home)?, *home)));
    found.min_by_key(|(at, _)| *at)
}

/// Returns a stable hash of the parts, which does not reveal them.
pub fn pseudonym(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize()[..PSEUDONYM_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_folders_lose_their_names() {
        for (sent, kept) in [
            (
                "at f (/home/ada/src/a.ts:1:2)",
                "at f (/home/~/src/a.ts:1:2)",
            ),
            (
                "/Users/ada lovelace/x and /home/bob",
                "/Users/~ lovelace/x and /home/~",
            ),
            (r"C:\Users\ada\x.ts", r"C:\Users\~\x.ts"),
            (r"C:\\Users\\ada\\x.ts", r"C:\\Users\\~\\x.ts"),
            ("/home/", "/home/"),
            ("nothing of the kind", "nothing of the kind"),
        ] {
            assert_eq!(without_home_folders(sent), kept, "{sent}");
        }
    }

    #[test]
    fn a_pseudonym_is_stable_and_apart_from_others() {
        assert_eq!(pseudonym(&["acme", "/w"]), pseudonym(&["acme", "/w"]));
        assert_ne!(pseudonym(&["acme", "/w"]), pseudonym(&["acm", "e/w"]));
    }
}
