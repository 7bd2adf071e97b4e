//! A rule, as it is written in a file.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::policy::error::PolicyError;
use crate::policy::judge::facts::FACTS;
use crate::policy::model::{Danger, Verdict};
use crate::policy::wall::setting::PolicySetting;

/// The most memory that a compiled expression may take, in bytes.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// A file of rules as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RulesFile {
    #[serde(default, rename = "rule")]
    pub(super) rules: Vec<Rule>,
    #[serde(default, rename = "raise")]
    pub(super) raises: Vec<Raise>,
    #[serde(default)]
    pub(super) lists: Option<Lists>,
}

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The verdict where a sandbox holds what runs; the same when this is left out.
    pub(super) sandboxed: Option<Verdict>,
    /// The harm that can be done.
    pub danger: Danger,
    /// Why.
    pub why: String,
    /// Possible consequences.
    #[serde(default)]
    pub consequences: Vec<String>,
    /// Other actions that could be done instead.
    #[serde(default)]
    pub alternatives: Vec<String>,
    /// True if it can be taken back.
    #[serde(default)]
    pub reversible: bool,
    /// The fact it is about.
    pub(super) fact: Option<String>,
    /// The programs it is about; `*` at the end stands for any rest.
    #[serde(default)]
    pub(super) program: Vec<String>,
    /// Their first operands, such as `push` or `stash drop`.
    #[serde(default)]
    pub(super) subcommand: Vec<String>,
    /// Options, any of which must be given.
    #[serde(default)]
    pub(super) flags: Vec<String>,
    /// Options, none of which may be given.
    #[serde(default)]
    pub(super) without: Vec<String>,
    /// An expression that the arguments, joined by blanks, must match.
    pub(super) text: Option<Expression>,
    /// Options whose value is code; the expression in `text` is then about the code.
    #[serde(default)]
    pub(super) inline: Vec<String>,
    /// The required standard input, or that the expression in `text` is about it too.
    pub(super) input: Option<Input>,
    /// True if it is not about requests to this machine alone.
    #[serde(default)]
    pub(super) unless_local: bool,
    /// The files it is about, as patterns of lower-case paths.
    #[serde(default)]
    pub(super) files: Vec<String>,
    /// Files it is not about.
    #[serde(default)]
    pub(super) except: Vec<String>,
    /// True if it is about reading the files, or about writing them.
    #[serde(default)]
    pub(super) access: FileAccess,
    /// Actions it must match.
    #[serde(default, rename = "match")]
    pub(super) matches: Vec<String>,
    /// Actions it must not match.
    #[serde(default)]
    pub(super) not_match: Vec<String>,
}

/// The rule's condition on the standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Input {
    /// It is what another program prints.
    Unknown,
    /// It is that, or a file.
    File,
    /// There is any.
    Any,
    /// The expression in `text` is about it too.
    Text,
}

/// The access to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileAccess {
    Read,
    #[default]
    Write,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raise {
    pub(super) id: String,
    pub(super) verdict: Verdict,
}

/// The lists of the built-in file, beside its rules.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lists {
    /// Programs that may run when no rule speaks against it.
    pub(super) known: Vec<String>,
    /// Programs, or programs and subcommands, that change nothing.
    pub(super) reads_only: Vec<String>,
    /// Programs whose output is neither an option nor a way out of the workspace.
    pub(super) tame: Vec<String>,
    /// Names of what builds and tools make, which may be deleted.
    pub(super) disposable: Vec<String>,
    /// Files of a workspace that are its build or a tool that it has installed.
    pub(super) project_tools: Vec<String>,
    /// Variables that make other programs run something.
    pub(super) dangerous_variables: Vec<String>,
    /// Options with a value that may stand before the subcommand, by program.
    pub(super) options: BTreeMap<String, Vec<String>>,
}

impl Rule {
    /// The verdict under a setting.
    pub fn verdict_under(&self, setting: PolicySetting) -> Verdict {
        match setting {
            PolicySetting::Strict => self.verdict,
            PolicySetting::Sandboxed => self.sandboxed.unwrap_or(self.verdict),
        }
    }

    pub(super) fn check(&self) -> Result<(), PolicyError> {
        let about = usize::from(self.fact.is_some())
            + usize::from(!self.program.is_empty())
            + usize::from(!self.files.is_empty());
        let known = self
            .fact
            .as_deref()
            .is_none_or(|fact| FACTS.contains(&fact));
        if about != 1 || !known {
            return Err(PolicyError::Empty(self.id.clone()));
        }
        if self.matches.is_empty() {
            return Err(PolicyError::NoExample(self.id.clone()));
        }
        Ok(())
    }
}

/// A regular expression, compiled when it is first looked for. Copies share what is compiled.
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
        // Another thread that was faster has compiled the same.
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
