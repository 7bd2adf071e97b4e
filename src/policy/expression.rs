//! A regular expression of a rule, compiled when it is first looked for.

use std::sync::{Arc, OnceLock};

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

/// The most memory that a compiled expression may take, in bytes.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// A regular expression. Copies share what is compiled.
///
/// The built-in rules have 41, which take 35 ms of processor time and several MiB of memory once all are compiled,
/// and a server meets few of the programs that they are about.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
pub struct Expression {
    text: Arc<str>,
    compiled: Arc<OnceLock<Option<Regex>>>,
}

impl From<String> for Expression {
    fn from(text: String) -> Self {
        Self {
            text: text.into(),
            compiled: Arc::default(),
        }
    }
}

impl Expression {
    /// Compiles it, or says why that cannot be.
    pub(super) fn check(&self) -> Result<(), regex::Error> {
        let compiled = self.compile()?;
        // Whoever compiled it first has the same.
        let _same = self.compiled.set(Some(compiled));
        Ok(())
    }

    /// True if it is found in a text. One that cannot be compiled is found everywhere, so that its rule counts.
    pub(super) fn is_match(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| {
            let compiled = self.compile();
            compiled
                .inspect_err(|error| tracing::error!(%error, "a rule of the policy is unreadable"))
                .ok()
        });
        compiled
            .as_ref()
            .is_none_or(|compiled| compiled.is_match(text))
    }

    fn compile(&self) -> Result<Regex, regex::Error> {
        RegexBuilder::new(&self.text)
            .size_limit(MAX_COMPILED_BYTES)
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_cannot_be_compiled_is_found_everywhere() {
        let broken = Expression::from("(".to_owned());
        assert!(broken.check().is_err());
        assert!(broken.is_match("anything"));
        let good = Expression::from("a+".to_owned());
        assert!(good.is_match("caat") && !good.is_match("b"));
        assert!(good.check().is_ok());
    }
}
