//! Notices as they are written: ids, figures and words of ours, nothing that a person or a model wrote.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Builder;

use crate::notices::model::{NoticeId, NoticeKind, WebhookId};
use crate::platform::ids::{ConsentId, ConversationId, OrgId, PromptId, RunId, UserId};

/// The event.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Its kind.
    pub kind: NoticeKind,
    /// Whose run it is about.
    pub user_id: Option<UserId>,
    /// Its content.
    pub data: Value,
}

/// The end of a run.
#[derive(Clone, Debug)]
pub struct RunEnded<'a> {
    /// The kind of its end.
    pub kind: NoticeKind,
    /// The run.
    pub run_id: RunId,
    /// Whose it was.
    pub user_id: &'a UserId,
    /// The conversation it belongs to.
    pub conversation_id: Option<ConversationId>,
    /// Why it ended, a word of a closed set.
    pub stopped_reason: &'a str,
    /// The result of its checks.
    pub verification: Value,
    /// The cost of its calls, in US dollars, if known.
    pub cost_usd: Option<f64>,
    /// The time it was worked on, in milliseconds.
    pub elapsed_ms: u64,
}

/// The request to a person.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// A consent to a call of this tool.
    Consent(ConsentId, &'a str),
    /// An answer to a question.
    Answer(PromptId),
}

impl Notice {
    /// A run ended.
    pub fn run_ended(end: &RunEnded<'_>) -> Self {
        Self {
            kind: end.kind,
            user_id: Some(end.user_id.clone()),
            data: json!({
                "run_id": end.run_id,
                "user_id": end.user_id,
                "conversation_id": end.conversation_id,
                "stopped_reason": end.stopped_reason,
                "verification": end.verification,
                "cost_usd": end.cost_usd,
                "elapsed_ms": end.elapsed_ms,
            }),
        }
    }

    /// A run waits until its user resumes it.
    pub fn run_paused(run_id: RunId, user_id: &UserId, reason: &str) -> Self {
        Self {
            kind: NoticeKind::RunPaused,
            user_id: Some(user_id.clone()),
            data: json!({"run_id": run_id, "user_id": user_id, "reason": reason}),
        }
    }

    /// A run waits for an answer of its user.
    pub fn approval_requested(
        run_id: RunId,
        user_id: &UserId,
        wanted: Wanted<'_>,
        expires_at: DateTime<Utc>,
    ) -> Self {
        let (consent_id, prompt_id, tool) = match wanted {
            Wanted::Consent(id, tool) => (Some(id), None, Some(tool)),
            Wanted::Answer(id) => (None, Some(id), None),
        };
        Self {
            kind: NoticeKind::ApprovalRequested,
            user_id: Some(user_id.clone()),
            data: json!({
                "run_id": run_id,
                "user_id": user_id,
                "approval": if consent_id.is_some() { "consent" } else { "prompt" },
                "consent_id": consent_id,
                "prompt_id": prompt_id,
                "tool": tool,
                "expires_at": expires_at,
            }),
        }
    }

    /// A webhook was disabled.
    pub fn webhook_disabled(id: WebhookId) -> Self {
        Self {
            kind: NoticeKind::WebhookDisabled,
            user_id: None,
            data: json!({"webhook_id": id, "reason": "gone"}),
        }
    }
}

/// The id of a notice that is told once, whichever server finds it first: the same parts make the same id
/// (RFC 9562 §5.8).
pub fn fixed_id(org_id: &OrgId, kind: NoticeKind, period: &str) -> NoticeId {
    let mut hasher = Sha256::new();
    for part in [org_id.as_str(), kind.as_str(), period] {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    let hash = hasher.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    NoticeId(Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_that_of_its_parts_and_of_no_others() {
        let org: OrgId = "acme".parse().unwrap();
        let id = fixed_id(&org, NoticeKind::CostThresholdCrossed, "hour 1");
        assert_eq!(
            id,
            fixed_id(&org, NoticeKind::CostThresholdCrossed, "hour 1")
        );
        assert_ne!(
            id,
            fixed_id(&org, NoticeKind::CostThresholdCrossed, "hour 2")
        );
        assert_ne!(id, fixed_id(&org, NoticeKind::PriceUnknown, "hour 1"));
        let other: OrgId = "acm".parse().unwrap();
        assert_ne!(
            id,
            fixed_id(&other, NoticeKind::CostThresholdCrossed, "hour 1")
        );
    }
}
