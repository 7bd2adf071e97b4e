//! What its owner does not want to be asked again, and what that covers.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::approvals::consents::model::{Choice, Consent};
use crate::platform::hex::hex;
use crate::platform::ids::RunId;
use crate::platform::redact::text::redact_text;
use crate::platform::text::{first_bytes, marked, visible};
use crate::policy::model::{Danger, Finding, Verdict};

/// The longest command that a preference shows, in bytes. The hash beside it says which it is.
pub const MAX_PATTERN_BYTES: usize = 1024;
/// The most preferences that one answer holds, the newest ones.
pub const MAX_PREFERENCES: i64 = 500;

/// A preference, by its number within the organisation.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type,
)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct PreferenceId(pub i64);

impl fmt::Display for PreferenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How much a preference covers.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum PreferenceType {
    /// One action.
    ExactCommand,
    /// All actions of a kind.
    CommandType,
}

/// Something that its owner does not want to be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPreference {
    /// How much it covers.
    pub kind: PreferenceType,
    /// The rule whose question it answers, or the hash of the action in hexadecimal digits.
    pub subject: String,
    /// The kind of action, or the command.
    pub pattern: String,
}

impl NewPreference {
    /// What the owner of a consent prefers from now on who answers it so.
    ///
    /// A critical finding is only ever allowed for the very action that was shown. Whoever allows
    /// the type of an action that has one is asked again about every other action of that type.
    pub fn led_to(consent: &Consent, choice: Choice) -> Vec<Self> {
        match choice {
            Choice::AllowOnce | Choice::Deny | Choice::Alternative => Vec::new(),
            Choice::AllowAlwaysExact => vec![Self::exactly(consent)],
            Choice::AllowAlwaysType => {
                let (critical, others): (Vec<_>, Vec<_>) = asking(&consent.findings)
                    .partition(|finding| finding.danger == Danger::Critical);
                let mut preferences: Vec<_> = others.into_iter().map(Self::of_type).collect();
                if !critical.is_empty() || preferences.is_empty() {
                    preferences.push(Self::exactly(consent));
                }
                preferences
            }
        }
    }

    fn exactly(consent: &Consent) -> Self {
        let command = redact_text(&consent.command);
        let command = visible(&command);
        Self {
            kind: PreferenceType::ExactCommand,
            subject: hex(&consent.action_hash),
            // Within the bounds of what an index takes.
            pattern: marked(&command, first_bytes(&command, MAX_PATTERN_BYTES), " …"),
        }
    }

    fn of_type(finding: &Finding) -> Self {
        Self {
            kind: PreferenceType::CommandType,
            subject: finding.rule.clone(),
            pattern: finding.kind.clone(),
        }
    }
}

/// A preference as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// Its number.
    pub id: PreferenceId,
    /// How much it covers.
    pub kind: PreferenceType,
    /// The rule whose question it answers, or the hash of the action in hexadecimal digits.
    pub subject: String,
    /// The kind of action, or the command.
    pub pattern: String,
    /// Where it holds.
    pub workspace: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// The run whose question led to it.
    pub created_by_run: Option<RunId>,
}

/// Which of these preferences allow an action with these findings; none when it has to be asked
/// about all the same. The preferences are those of the workspace that name the action's hash, or
/// the rule and kind of one of its findings.
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
        let of_type = NewPreference::of_type(finding);
        let same = |one: &&Preference| {
            one.kind == of_type.kind
                && one.subject == of_type.subject
                && one.pattern == of_type.pattern
        };
        preferences.iter().find(same).map(|one| one.id)
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
