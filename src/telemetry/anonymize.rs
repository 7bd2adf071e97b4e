//! What names a person without being a secret: the folders people keep their work in. Pure.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::platform::hex::hex;

/// What stands before the name of a person in a path.
const HOMES: &[&str] = &["/home/", "/Users/", "\\Users\\", "\\\\Users\\\\"];
/// What stands in place of the name.
const SOMEBODY: &str = "~";
/// Bytes of a pseudonym: enough to tell workspaces of an organisation apart.
const PSEUDONYM_BYTES: usize = 12;

/// The text with `~` in place of the name in every path to a home folder.
pub fn without_home_folders(text: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut rest = text;
    while let Some((at, home)) = first_home(rest) {
        let name = &rest[at + home.len()..];
        let length = name.find(|c: char| "/\\\"'`<>:;,()".contains(c) || c.is_whitespace());
        let length = length.unwrap_or(name.len());
        clean.push_str(&rest[..at + home.len()]);
        if length > 0 {
            clean.push_str(SOMEBODY);
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
    let found = HOMES
        .iter()
        .filter_map(|home| Some((text.find(home)?, *home)));
    found.min_by_key(|(at, _)| *at)
}

/// A name that is always the same for the same parts and says nothing about them.
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
    fn nobodys_home_folder_is_named() {
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
