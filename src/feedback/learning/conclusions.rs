//! Conclusions about possible insights, and the thresholds and numbers they have in common.
//!
//! Thresholds have hysteresis: an insight needs stronger support to be created than to be kept, so that
//! one vote does not make it come and go.

use serde_json::{Value, json};

use crate::feedback::learning::model::{InsightContent, RetireReason};
use crate::feedback::learning::posterior::{Posterior, rounded};
use crate::feedback::learning::votes::VoteSum;

/// Acceptance below which answers count as rejected.
pub const LOW_ACCEPTANCE: f64 = 0.5;
/// Distance by which acceptance may pass a threshold before an insight that exists is retired.
pub const HYSTERESIS: f64 = 0.1;

/// The conclusion about a possible insight.
#[derive(Clone, Debug, PartialEq)]
pub enum Conclusion {
    /// The evidence is strong enough to create it.
    Strong(InsightContent),
    /// The evidence is strong enough to keep it, not to create it.
    Sustaining(InsightContent),
    /// The evidence is too weak to keep it.
    Lacking(RetireReason),
}

/// A conclusion without its content.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Support {
    /// Strong enough to create an insight.
    Strong,
    /// Strong enough to keep an insight.
    Sustaining,
    /// Too weak to keep an insight.
    Lacking(RetireReason),
}

impl Support {
    /// Adds the content, which is only built where the evidence supports it.
    pub fn with(self, content: impl FnOnce() -> InsightContent) -> Conclusion {
        match self {
            Self::Strong => Conclusion::Strong(content()),
            Self::Sustaining => Conclusion::Sustaining(content()),
            Self::Lacking(reason) => Conclusion::Lacking(reason),
        }
    }

    /// The lack of support of a statement that raw votes would sustain, or would not.
    pub fn aged_or_turned(is_sustained_by_raw_votes: bool) -> Self {
        Self::Lacking(if is_sustained_by_raw_votes {
            RetireReason::EvidenceAged
        } else {
            RetireReason::EvidenceTurned
        })
    }
}

/// Returns a confidence, from 0 for an even chance to 1 for certainty.
pub fn confidence(probability: f64) -> f64 {
    rounded((2.0 * probability - 1.0).clamp(0.0, 1.0))
}

/// Returns a number of votes as a sample size; half a vote is rounded up.
pub fn sample_size(votes: f64) -> i32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float that is too large becomes the greatest number"
    )]
    let size = votes.round() as i32;
    size
}

/// Returns the `pattern_data` of an insight about a value.
pub fn pattern_data(subject: &str, value: &str, votes: &VoteSum) -> Value {
    let posterior = Posterior::of(votes.weighted);
    let interval = posterior.interval();
    json!({
        "subject": subject,
        "value": value,
        "accepted": votes.raw.accepted,
        "rejected": votes.raw.rejected,
        "raters": votes.raters,
        "posterior": {
            "mean": rounded(posterior.mean()),
            "low": rounded(interval.low),
            "high": rounded(interval.high),
        },
    })
}
