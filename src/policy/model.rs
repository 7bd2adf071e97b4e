//! Actions that are judged, and judgements.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::policy::scope::ActionScope;

/// The rule of a question about a call whose outcome was lost; no file of rules has it.
pub const OUTCOME_UNKNOWN: &str = "outcome-unknown";

/// The verdict about a call; the greatest of all findings holds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It runs.
    #[default]
    Allow,
    /// It runs after a person has agreed.
    Ask,
    /// It does not run, even if a person agrees.
    Forbid,
}

/// The harm that a call can do.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    sqlx::Type,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Danger {
    /// An annoyance.
    Low,
    /// Work may be lost or seen by others, within the project.
    Medium,
    /// Work is lost, or others are affected.
    High,
    /// The machine, shared data or secrets.
    Critical,
}

/// One reason why a call does not simply run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// The kind of action: program and subcommand, or tool and class of file.
    pub kind: String,
    /// The scope of "always allow this type"; none when that is nothing but the exact action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ActionScope>,
    /// The rule's verdict.
    #[schema(value_type = String)]
    pub verdict: Verdict,
    /// The harm it can do.
    pub danger: Danger,
    /// The part of the action this is about.
    pub segment: String,
    /// Why it does not simply run.
    pub why: String,
    /// Possible consequences.
    pub consequences: Vec<String>,
    /// Other actions that could be done instead.
    pub alternatives: Vec<String>,
    /// True when it can be undone.
    pub reversible: bool,
}

/// The rule about code of the workspace that is no known build or test.
pub const WORKSPACE_CODE: &str = "workspace-code";

/// The most objects that findings of one rule name in one part of an action.
const MAX_OBJECTS: usize = 8;

/// The tool that a [`Rewrite`] is a call of.
pub const REWRITES_TO: &str = "search_files";

/// A bounded `search_files` call that finds what an unbounded scan would have looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// The `pattern` of the call.
    pub pattern: String,
    /// The `search_type` of the call.
    pub search_type: String,
    /// The `path` of the call.
    pub path: String,
}

impl Rewrite {
    /// The arguments of the `search_files` call.
    pub fn arguments(&self) -> Map<String, Value> {
        [
            ("pattern", &self.pattern),
            ("search_type", &self.search_type),
            ("path", &self.path),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::String(value.clone())))
        .collect()
    }
}

/// The policy's judgement of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The strictest verdict of the findings.
    pub verdict: Verdict,
    /// Why, the strictest first; empty when the call simply runs.
    pub findings: Vec<Finding>,
    /// True when the whole action surely changes nothing, so that it may be repeated after a crash.
    pub reads_only: bool,
    /// The call that runs instead, when this one is a scan that can be bounded. The verdict is about the
    /// call as it was sent, so a caller that ignores this runs nothing.
    pub rewrite: Option<Rewrite>,
}

impl Judgement {
    /// A person was asked about the call, or all that it reads was judged with it.
    pub fn is_asked_or_reads(&self) -> bool {
        self.verdict != Verdict::Allow || self.reads_only
    }

    /// The judgement that these findings add up to.
    pub(super) fn of(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|found| std::cmp::Reverse((found.verdict, found.danger)));
        let mut objects: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        let place = |found: &Finding| (found.rule.clone(), found.segment.clone());
        for found in &findings {
            let scopes = objects.entry(place(found)).or_default();
            scopes.insert(found.scope.clone());
        }
        // More objects than anybody would read are none.
        for found in &mut findings {
            if objects[&place(found)].len() > MAX_OBJECTS {
                found.scope = None;
            }
        }
        let mut seen = BTreeSet::new();
        findings.retain(|found| seen.insert((place(found), found.scope.clone())));
        Self {
            verdict: findings
                .first()
                .map_or(Verdict::Allow, |found| found.verdict),
            findings,
            reads_only: false,
            rewrite: None,
        }
    }
}

/// The exact action a person's approval is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The tool's name.
    pub tool: String,
    /// The shell that reads it; empty when none does.
    pub shell: &'static str,
    /// The text that a person is shown.
    pub display: String,
    /// Where it happens, relative to the workspace; `.` is the workspace.
    pub directory: String,
    /// SHA-256 over the tool, its effective arguments, the directory and the workspace.
    pub hash: [u8; 32],
}

impl Action {
    /// Binds an action to a workspace. Every part is hashed with its length before it, so that no
    /// two actions share their bytes.
    pub(super) fn new(
        tool: &str,
        shell: &'static str,
        display: String,
        directory: String,
        arguments: &Map<String, Value>,
        root: &Path,
    ) -> Self {
        let sorted: BTreeMap<_, _> = arguments.iter().collect();
        let mut hasher = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        part(tool.as_bytes());
        part(std::os::unix::ffi::OsStrExt::as_bytes(root.as_os_str()));
        part(directory.as_bytes());
        for (name, value) in sorted {
            part(name.as_bytes());
            part(value.to_string().as_bytes());
        }
        Self {
            tool: tool.to_owned(),
            shell,
            display,
            directory,
            hash: hasher.finalize().into(),
        }
    }
}
