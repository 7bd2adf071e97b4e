//! The settings of a provider as they are given, and keys among them that were copied from an example and stand
//! for none.

use url::Url;

use crate::platform::secret::{ExposeSecret, SecretString};

/// The settings of the way to a provider.
pub struct GivenAccess {
    /// The key, if it is not empty.
    pub key: Option<SecretString>,
    /// The base that a setting names.
    pub named: Option<Url>,
    /// The base of the provider's own, where it has one.
    pub default: Option<&'static str>,
}

impl GivenAccess {
    /// The base; none where the provider is not configured.
    pub fn base(&self) -> Option<Url> {
        match (&self.named, self.default, &self.key) {
            (Some(base), _, _) => Some(base.clone()),
            (None, Some(default), Some(_)) if !self.has_placeholder() => Url::parse(default).ok(),
            (None, _, _) => None,
        }
    }

    /// True if the words of an example stand where a key should. A server of another base may want any word.
    pub fn has_placeholder(&self) -> bool {
        let key = self.key.as_ref().map(ExposeSecret::expose_secret);
        self.named.is_none() && self.default.is_some() && key.is_some_and(is_placeholder)
    }
}

/// Words of which such keys consist. A key that a provider gave holds others.
const WORDS: &[&str] = &[
    "a",
    "add",
    "an",
    "ant",
    "anthropic",
    "api",
    "apikey",
    "change",
    "changeme",
    "dummy",
    "enter",
    "example",
    "fill",
    "goes",
    "google",
    "groq",
    "here",
    "in",
    "insert",
    "it",
    "key",
    "keyhere",
    "me",
    "my",
    "none",
    "of",
    "openai",
    "openrouter",
    "or",
    "paste",
    "placeholder",
    "proj",
    "put",
    "replace",
    "sample",
    "sk",
    "the",
    "this",
    "to",
    "todo",
    "token",
    "v1",
    "value",
    "with",
    "your",
    "yourkey",
    "yourkeyhere",
    "yours",
];

/// True of `sk-...`, `changeme`, `<your key>`, `xxxx` and their like.
fn is_placeholder(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let mut words = words.filter(|word| !word.is_empty());
    words.all(|word| WORDS.contains(&word) || is_mask(word))
}

/// One character again and again.
fn is_mask(word: &str) -> bool {
    let first = word.bytes().next();
    word.len() >= 3 && word.bytes().all(|byte| Some(byte) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_examples_write_in_the_place_of_a_key_is_none() {
        for text in [
            "sk-...",
            "sk-ant-…",
            "changeme",
            "change-me",
            "your-key-here",
            "YOUR_OPENAI_API_KEY",
            "<your key>",
            "put-yours-here",
            "sk-xxxxxxxxxxxxxxxx",
            "xxx",
            "***",
            "$API_KEY",
            "placeholder",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn what_could_be_a_key_is_one() {
        for text in [
            "k",
            "not-a-key",
            "test",
            "sk-test",
            "sk-ant-api03-yourKey7hQ2",
            "gsk_4Zb7",
            "your-key-here-4f1c9d",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
