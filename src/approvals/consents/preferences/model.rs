//! Preferences: actions that their owner does not want to be asked about again, and their scope.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::approvals::consents::model::{Choice, Consent};
use crate::platform::hex::hex;
use crate::platform::ids::RunId;
use crate::platform::redact::command::redact_command;
use crate::platform::text::{first_bytes, marked, visible};
use crate::policy::model::{Danger, Finding, Verdict};
use crate::policy::scope::ActionScope;

/// The longest command that a preference shows, in bytes. The hash beside it says which it is.
pub const MAX_PATTERN_BYTES: usize = 1024;
/// The most preferences that one answer holds, the newest ones.
pub const MAX_PREFERENCES: i64 = 500;
/// The most objects that "always allow this type" names. A person can only agree to objects that they
/// were shown.
const MAX_TOLD: usize = 8;
/// The scope of a type preference that was made before types had objects. It says "any" of a program, and
/// there is no record of the objects its owner had seen.
const OUTDATED: &str =
    "Nothing: it was created before types were bound to the shown action. Allow it again.";

/// A preference, by its number within the organisation.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type,
)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct PreferenceId(pub i64);

impl FromStr for PreferenceId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for PreferenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The scope of a preference.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum PreferenceType {
    /// One action.
    ExactCommand,
    /// All actions of a kind that have the same object.
    CommandType,
}

/// Something that its owner does not want to be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPreference {
    /// The scope of the preference.
    pub kind: PreferenceType,
    /// The rule whose question it answers with the hash of the object, or the hash of the action, in
    /// hexadecimal digits.
    pub subject: String,
    /// The object in a few words, or the command.
    pub pattern: String,
    /// The most harm that it covers; none when it covers one action, however harmful.
    pub danger: Option<Danger>,
    /// The covered actions, in a sentence.
    pub covers: String,
}

impl NewPreference {
    /// The preferences that an answer to a consent creates for its owner.
    pub fn led_to(consent: &Consent, choice: Choice) -> Vec<Self> {
        match choice {
            Choice::AllowOnce | Choice::Deny | Choice::Alternative => Vec::new(),
            Choice::AllowAlwaysExact => vec![Self::exactly(consent)],
            Choice::AllowAlwaysType => {
                let bounds = TypeBounds::of(&consent.findings);
                let typed = bounds.objects.iter();
                let typed = typed.map(|(finding, scope)| Self::of_type(finding, scope));
                let exact = bounds.is_exact.then(|| Self::exactly(consent));
                typed.chain(exact).collect()
            }
        }
    }

    fn exactly(consent: &Consent) -> Self {
        Self {
            kind: PreferenceType::ExactCommand,
            subject: hex(&consent.action_hash),
            pattern: shortened(&consent.command),
            danger: None,
            covers: exact_sentence(consent.shell()).to_owned(),
        }
    }

    fn of_type(finding: &Finding, scope: &ActionScope) -> Self {
        let object = scope.object();
        let pattern = object.unwrap_or_else(|| format!("exactly: {}", finding.segment));
        Self {
            kind: PreferenceType::CommandType,
            subject: subject(&finding.rule, &scope.digest()),
            pattern: shortened(&pattern),
            danger: Some(finding.danger),
            covers: visible(&redact_command(&scope.sentence())).into_owned(),
        }
    }
}

/// The scope of "always allow this type" for an action.
struct TypeBounds<'a> {
    /// The findings that are covered, each with its object.
    objects: Vec<(&'a Finding, &'a ActionScope)>,
    /// True when the action is covered exactly as it is, because objects do not describe all of it.
    is_exact: bool,
}

impl<'a> TypeBounds<'a> {
    /// A critical finding is only ever allowed for the very action that was shown. A user who allows the
    /// type of an action with such a finding is asked again about every other action of that type.
    fn of(findings: &'a [Finding]) -> Self {
        let mut objects = Vec::new();
        let mut is_exact = false;
        for finding in asking(findings) {
            match &finding.scope {
                Some(scope) if finding.danger < Danger::Critical => objects.push((finding, scope)),
                Some(_) | None => is_exact = true,
            }
        }
        let mut bounds = Self { objects, is_exact };
        if bounds.sentences().len() > MAX_TOLD {
            bounds.objects.clear();
        }
        bounds.is_exact |= bounds.objects.is_empty();
        bounds
    }

    /// The covered objects and actions, each once.
    fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        for (_, scope) in &self.objects {
            let sentence = scope.sentence();
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
        sentences
    }
}

/// The scope of "always allow this type" for an action with these findings, in one sentence.
pub fn type_covers(findings: &[Finding], shell: &str) -> String {
    let bounds = TypeBounds::of(findings);
    let mut sentences = bounds.sentences();
    let exact = exact_sentence(shell);
    if bounds.is_exact && !sentences.iter().any(|one| one == exact) {
        sentences.push(exact.to_owned());
    }
    let parts = sentences.iter().enumerate().map(|(at, sentence)| {
        let part = sentence.trim_end_matches('.');
        match (at, part.chars().next()) {
            (0, _) | (_, None) => part.to_owned(),
            (_, Some(first)) => {
                let rest = &part[first.len_utf8()..];
                format!("{}{rest}", first.to_lowercase())
            }
        }
    });
    format!("{}.", parts.collect::<Vec<_>>().join("; "))
}

fn exact_sentence(shell: &str) -> &'static str {
    if shell.is_empty() {
        "This exact action."
    } else {
        "This exact command."
    }
}

/// A rule's question about an object.
fn subject(rule: &str, digest: &str) -> String {
    format!("{rule} {digest}")
}

/// A text without secrets, within the bounds of what an index takes.
fn shortened(text: &str) -> String {
    let text = redact_command(text);
    let text = visible(&text);
    marked(&text, first_bytes(&text, MAX_PATTERN_BYTES), " …")
}

/// A preference as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// Its number.
    pub id: PreferenceId,
    /// The scope of the preference.
    pub kind: PreferenceType,
    /// The rule whose question it answers with the hash of the object, or the hash of the action, in
    /// hexadecimal digits.
    pub subject: String,
    /// The object in a few words, or the command.
    pub pattern: String,
    /// The most harm that it covers; none when it covers one action, however harmful, or nothing.
    pub danger: Option<Danger>,
    /// The scope as its owner was told it; none for preferences made before the scope was shown.
    pub covers: Option<String>,
    /// Where it holds.
    pub workspace: String,
    /// The moment from which it holds.
    pub created_at: DateTime<Utc>,
    /// The run whose question led to it.
    pub created_by_run: Option<RunId>,
}

impl Preference {
    /// The covered actions, in a sentence.
    pub fn sentence(&self) -> String {
        let untold = match self.kind {
            PreferenceType::ExactCommand => "This exact action.",
            PreferenceType::CommandType => OUTDATED,
        };
        self.covers.clone().unwrap_or_else(|| untold.to_owned())
    }

    /// True if it is for a type, and answers this finding's question about its object. What was
    /// allowed for some harm is not allowed for more.
    fn is_for(&self, finding: &Finding) -> bool {
        self.kind == PreferenceType::CommandType
            && self.danger.is_some_and(|most| most >= finding.danger)
            && covering_subjects(finding).any(|one| one == self.subject)
    }
}

/// The subjects of the preferences that would cover a finding.
fn covering_subjects(finding: &Finding) -> impl Iterator<Item = String> {
    let scope = finding.scope.iter();
    let digests = scope.flat_map(ActionScope::covering);
    digests.map(|digest| subject(&finding.rule, &digest))
}

/// The subjects of the preferences for types that would cover these findings.
pub fn subjects(findings: &[Finding]) -> Vec<String> {
    asking(findings).flat_map(covering_subjects).collect()
}

/// The preferences that allow an action with these findings; none when it has to be asked about all the
/// same. The given preferences are those of the workspace that name the action's hash, or one of the
/// [`subjects`] of its findings.
pub fn covering(preferences: &[Preference], findings: &[Finding]) -> Option<Vec<PreferenceId>> {
    let forbidden = |finding: &Finding| finding.verdict == Verdict::Forbid;
    if findings.iter().any(forbidden) {
        return None;
    }
    let exact = |preference: &&Preference| preference.kind == PreferenceType::ExactCommand;
    if let Some(exact) = preferences.iter().find(exact) {
        return Some(vec![exact.id]);
    }
    let critical = |finding: &Finding| finding.danger == Danger::Critical;
    if findings.iter().any(critical) {
        return None;
    }
    let allowing = |finding: &Finding| {
        let allows = |one: &&Preference| one.is_for(finding);
        preferences.iter().find(allows).map(|one| one.id)
    };
    let mut ids = asking(findings).map(allowing).collect::<Option<Vec<_>>>()?;
    ids.sort_unstable();
    ids.dedup();
    (!ids.is_empty()).then_some(ids)
}

fn asking(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    let asks = |finding: &&Finding| finding.verdict == Verdict::Ask;
    findings.iter().filter(asks)
}
