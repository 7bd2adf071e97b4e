//! A rule, as it is written in a file.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::policy::error::PolicyError;
use crate::policy::expression::Expression;
use crate::policy::judge::facts::FACTS;
use crate::policy::model::{Danger, Verdict};
use crate::policy::wall::setting::PolicySetting;

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
