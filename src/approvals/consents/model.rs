//! A consent, the ways to answer it, and the record of the answer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;

use crate::platform::ids::{ConsentId, RunId, ToolCallId, UserId};
use crate::platform::logging::TraceId;
use crate::policy::model::{Danger, Finding};

/// The longest alternative, in bytes.
pub const MAX_ALTERNATIVE_BYTES: usize = 8 * 1024;

/// The member of a shown action that marks it as unseen by any person.
pub const NOBODY_ASKED: &str = "nobody_asked";

/// The possible answers of a person.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = ConsentChoice)]
pub enum Choice {
    /// Yes, this once.
    AllowOnce,
    /// Yes, and do not ask about this very action again.
    AllowAlwaysExact,
    /// Yes, and do not ask about the same rules and object again.
    AllowAlwaysType,
    /// No.
    Deny,
    /// No, but this may be done instead.
    Alternative,
}

impl Choice {
    /// Reads a choice as clients of all ages write it. An unknown word is no choice: a typo must not
    /// become an approval.
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.trim().to_ascii_lowercase().replace(['-', ' '], "_");
        match word.as_str() {
            "allow_once" | "allow" | "approve" | "approved" | "accept" | "accepted"
            | "continue" => Some(Self::AllowOnce),
            "allow_always_exact" | "always_exact" | "allow_exact" | "exact" => {
                Some(Self::AllowAlwaysExact)
            }
            "allow_always_type" | "always_type" | "allow_type" | "type" => {
                Some(Self::AllowAlwaysType)
            }
            "deny" | "denied" | "reject" | "rejected" | "stop" | "cancel" => Some(Self::Deny),
            "alternative" | "alternate" => Some(Self::Alternative),
            _ => None,
        }
    }

    /// The status that the answer gives to a consent.
    pub fn status(self) -> ConsentStatus {
        match self {
            Self::AllowOnce | Self::AllowAlwaysExact | Self::AllowAlwaysType => {
                ConsentStatus::Allowed
            }
            Self::Deny => ConsentStatus::Denied,
            Self::Alternative => ConsentStatus::Replaced,
        }
    }
}

/// An answer to a consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenAnswer {
    /// A person chose.
    Chosen {
        /// What.
        choice: Choice,
        /// The actions that are possible instead.
        alternative: Option<String>,
    },
    /// The client has no person to ask, which is a no.
    NobodyAsked,
}

impl GivenAnswer {
    /// The choice; without a person it is a no.
    pub fn choice(&self) -> Choice {
        match self {
            Self::Chosen { choice, .. } => *choice,
            Self::NobodyAsked => Choice::Deny,
        }
    }

    /// The actions that are possible instead.
    pub fn alternative(&self) -> Option<&str> {
        match self {
            Self::Chosen { alternative, .. } => alternative.as_deref(),
            Self::NobodyAsked => None,
        }
    }
}

/// Where a consent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum ConsentStatus {
    /// It waits for a person.
    Pending,
    /// Yes; the action may be done once.
    Allowed,
    /// No.
    Denied,
    /// No, but something else may be done.
    Replaced,
    /// No answer came in time, which counts as a no.
    Expired,
    /// Its run ended first.
    Canceled,
}

/// A question that is about to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct NewConsent {
    /// The consent.
    pub id: ConsentId,
    /// The run that asks.
    pub run_id: RunId,
    /// The call that waits.
    pub tool_call_id: ToolCallId,
    /// The tool it calls.
    pub tool: String,
    /// The action, in words for people.
    pub command: String,
    /// The folder, relative to the workspace.
    pub cwd: String,
    /// The workspace.
    pub workspace: String,
    /// SHA-256 of the normalised action, the only one that the answer is good for.
    pub action_hash: [u8; 32],
    /// The most harm that any finding names.
    pub danger: Danger,
    /// Why it is asked.
    pub findings: Vec<Finding>,
    /// The description that the client received.
    pub shown: Value,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
    /// From when on it can no longer be answered.
    pub expires_at: DateTime<Utc>,
}

/// A question that was asked, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Consent {
    /// The consent.
    pub id: ConsentId,
    /// The user who is asked.
    pub user_id: UserId,
    /// The run that asks.
    pub run_id: RunId,
    /// The run's trace.
    pub trace_id: Option<TraceId>,
    /// The call that waits.
    pub tool_call_id: ToolCallId,
    /// The tool it calls.
    pub tool: String,
    /// The action, in words for people.
    pub command: String,
    /// The folder, relative to the workspace.
    pub cwd: String,
    /// The workspace.
    pub workspace: String,
    /// SHA-256 of the normalised action.
    pub action_hash: Vec<u8>,
    /// The most harm that any finding names.
    pub danger: Danger,
    /// Why it is asked.
    pub findings: Json<Vec<Finding>>,
    /// The description that the client received.
    pub shown: Value,
    /// Where it stands.
    pub status: ConsentStatus,
    /// The answer.
    pub choice: Option<Choice>,
    /// The action to do instead.
    pub alternative: Option<String>,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
    /// From when on it can no longer be answered.
    pub expires_at: DateTime<Utc>,
    /// When it was answered.
    pub answered_at: Option<DateTime<Utc>>,
    /// When the allowed action was begun.
    pub used_at: Option<DateTime<Utc>>,
}

/// The outcome of a consent, for the run that asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The action may be done, once.
    Allowed,
    /// It may not.
    Denied,
    /// This may be done instead; it is an action of its own and judged as one.
    Replaced(String),
    /// No answer came in time, which counts as a no.
    Expired,
    /// No person could be asked, which is a no.
    Unasked,
    /// The run was ended.
    Canceled,
}

impl Consent {
    /// The shell that reads the command, as the client was shown it; empty when none does.
    pub fn shell(&self) -> &str {
        self.shown
            .get("shell")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The outcome; none while it is pending.
    pub fn decision(&self) -> Option<Decision> {
        match self.status {
            ConsentStatus::Pending => None,
            ConsentStatus::Allowed => Some(Decision::Allowed),
            ConsentStatus::Denied => Some(Decision::Denied),
            ConsentStatus::Replaced => Some(Decision::Replaced(
                self.alternative.clone().unwrap_or_default(),
            )),
            ConsentStatus::Expired if self.shown[NOBODY_ASKED] == true => Some(Decision::Unasked),
            ConsentStatus::Expired => Some(Decision::Expired),
            ConsentStatus::Canceled => Some(Decision::Canceled),
        }
    }
}

/// The decision about an action, and who or what made it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = ConsentDecision)]
pub enum Decided {
    /// A person: yes, this once.
    AllowOnce,
    /// A person: yes, and always for this action.
    AllowAlwaysExact,
    /// A person: yes, and always for the same rules and object.
    AllowAlwaysType,
    /// A person: no.
    Deny,
    /// A person: something else instead.
    Alternative,
    /// A preference: yes.
    AutoAllowed,
    /// The clock, or a client without a person to ask: no.
    Timeout,
    /// The end of the run: no.
    Canceled,
}

impl From<Choice> for Decided {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::AllowOnce => Self::AllowOnce,
            Choice::AllowAlwaysExact => Self::AllowAlwaysExact,
            Choice::AllowAlwaysType => Self::AllowAlwaysType,
            Choice::Deny => Self::Deny,
            Choice::Alternative => Self::Alternative,
        }
    }
}

/// An action that a preference allowed without asking anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutoAllowed<'a> {
    /// The run that does it.
    pub run_id: RunId,
    /// The run's trace.
    pub trace_id: Option<&'a TraceId>,
    /// The tool.
    pub tool: &'a str,
    /// The shell that reads the command; empty when none does.
    pub shell: &'a str,
    /// The action, in words for people.
    pub command: &'a str,
    /// The folder, relative to the workspace.
    pub cwd: &'a str,
    /// The most harm that any finding names.
    pub danger: Danger,
}

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number.
    pub id: i64,
    /// The consent that was decided; none when no person was asked.
    pub consent_id: Option<ConsentId>,
    /// The run.
    pub run_id: RunId,
    /// The action that was decided.
    pub command: String,
    /// The shell that runs the command; empty when the action is not a command.
    pub shell: String,
    /// The folder, relative to the workspace.
    pub cwd: String,
    /// The harm it could do.
    pub danger: Danger,
    /// The decision.
    pub decision: Decided,
    /// The action to do instead.
    pub alternative: Option<String>,
    /// When it was asked.
    pub requested_at: DateTime<Utc>,
    /// When it was decided.
    pub responded_at: DateTime<Utc>,
    /// The conversation of the run.
    pub session_id: Option<String>,
}

/// The result of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnsweredConsent {
    /// The consent.
    pub consent_id: ConsentId,
    /// The choice.
    pub choice: Choice,
    /// True if it was given before, so that this time nothing changed.
    pub is_repeated: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_old_clients_mean_what_they_meant() {
        for (words, choice) in [
            (
                "allow_once allow-once Allow approve APPROVED accept accepted continue",
                Choice::AllowOnce,
            ),
            (
                "allow_always_exact allow-always-exact always_exact",
                Choice::AllowAlwaysExact,
            ),
            (
                "allow_always_type allow-always-type always_type",
                Choice::AllowAlwaysType,
            ),
            ("deny denied reject rejected stop cancel", Choice::Deny),
            ("alternative alternate", Choice::Alternative),
        ] {
            for word in words.split(' ') {
                assert_eq!(Choice::parse(word), Some(choice), "{word}");
            }
        }
        assert_eq!(Choice::parse(" allow once\n"), Some(Choice::AllowOnce));
    }

    #[test]
    fn what_is_no_choice_is_none() {
        for word in [
            "",
            " ",
            "yes",
            "ok",
            "true",
            "allow_",
            "not allow_once",
            "deny_exact",
            "allow_all",
        ] {
            assert_eq!(Choice::parse(word), None, "{word:?}");
        }
    }
}
