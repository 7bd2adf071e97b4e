//! Insights, as clients read them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::feedback::insight::InsightStatus;
use crate::feedback::insights::model::{Insight, ScopeKind};
use crate::platform::page;
use crate::platform::page::CursorValue;

/// Scope of an insight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = InsightScope)]
pub struct ScopeView {
    /// `org`, `team` or `user`.
    pub kind: ScopeKind,
    /// Team or user; null for the organisation.
    pub id: Option<String>,
}

/// Posterior acceptance of answers with the value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InsightPosterior)]
pub struct PosteriorView {
    /// Mean.
    pub mean: f64,
    /// Lower bound of the 90 % interval.
    pub low: f64,
    /// Upper bound of the 90 % interval.
    pub high: f64,
}

/// Votes for and against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InsightVoices)]
pub struct VotesView {
    /// Votes for.
    #[schema(value_type = f64)]
    pub accepted: Number,
    /// Votes against.
    #[schema(value_type = f64)]
    pub rejected: Number,
}

/// Numbers behind an insight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InsightPattern)]
pub struct PatternView {
    /// Subject, for example `quotes@python`.
    #[serde(default)]
    pub subject: Option<String>,
    /// Value of the subject.
    #[serde(default)]
    pub value: Option<String>,
    /// Votes for answers with the value.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    pub accepted: Option<Number>,
    /// Votes against them.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    pub rejected: Option<Number>,
    /// Number of raters.
    #[serde(default)]
    pub raters: Option<u64>,
    /// Posterior acceptance.
    #[serde(default)]
    pub posterior: Option<PosteriorView>,
    /// Votes on all answers of the scope when the insight became active.
    #[serde(default)]
    pub baseline: Option<VotesView>,
}

/// Arm of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InsightArm)]
pub struct InsightArmView {
    /// Number of answers.
    #[schema(value_type = f64)]
    pub n: Number,
    /// Share of successes; null without answers.
    pub rate: Option<f64>,
}

/// Answers with the insight in their prompt against those it was held out of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InsightComparison)]
pub struct ComparisonView {
    /// Answers with it.
    pub applied: InsightArmView,
    /// Answers without it.
    pub held_out: InsightArmView,
    /// Difference of the shares; null while one is unknown.
    pub difference: Option<f64>,
    /// Lower bound of the 90 % interval of the difference.
    pub low: Option<f64>,
    /// Upper bound of the 90 % interval.
    pub high: Option<f64>,
}

/// Measured effect of an insight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InsightEffect)]
pub struct EffectView {
    /// Number of answers compared.
    pub exposures: u64,
    /// Comparison of ratings.
    pub acceptance: Option<ComparisonView>,
    /// Comparison of the project's checks.
    pub verification: Option<ComparisonView>,
}

/// An insight.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = Insight)]
pub struct InsightView {
    /// Identifier.
    pub id: i64,
    /// `pattern_rejected`, `pattern_preferred`, `style_preference`, `low_acceptance` or `high_acceptance`.
    pub insight_type: String,
    /// Title.
    pub title: String,
    /// Description, as it is used in prompts.
    pub description: String,
    /// `proposed`, `active` or `retired`.
    pub status: InsightStatus,
    /// Reason of the status.
    pub status_reason: Option<String>,
    /// Time of the last change of status.
    pub status_since: DateTime<Utc>,
    /// Administrator who decided the status; null if the analyzer did.
    pub decided_by: Option<String>,
    /// Administrator who edited the text; null without an edit.
    pub edited_by: Option<String>,
    /// Scope.
    pub scope: ScopeView,
    /// Category it is restricted to; null for any.
    pub category: Option<String>,
    /// Language it is restricted to; null for any.
    pub language: Option<String>,
    /// Confidence, 0 to 1.
    pub confidence: f64,
    /// Number of votes it was learned from.
    pub sample_size: i32,
    /// Newest generations it was learned from.
    pub evidence: Vec<i64>,
    /// Numbers behind it; null if another version stored them differently.
    pub pattern: Option<PatternView>,
    /// Number of prompts it was used in.
    pub times_applied: i64,
    /// Time of its last use.
    pub last_applied: Option<DateTime<Utc>>,
    /// Time of its creation.
    pub first_seen: DateTime<Utc>,
    /// Time of its last change.
    pub last_updated: DateTime<Utc>,
    /// Measured effect; null without one.
    pub effect: Option<EffectView>,
}

impl From<Insight> for InsightView {
    fn from(insight: Insight) -> Self {
        let scope = match (insight.user_id, insight.team_id) {
            (Some(user), _) => (ScopeKind::User, Some(user)),
            (None, Some(team)) => (ScopeKind::Team, Some(team)),
            (None, None) => (ScopeKind::Org, None),
        };
        Self {
            id: insight.id.0,
            insight_type: insight.insight_type,
            title: insight.title,
            description: insight.description,
            status: insight.status,
            status_reason: insight.status_reason,
            status_since: insight.status_since,
            decided_by: insight.decided_by,
            edited_by: insight.edited_by,
            scope: ScopeView {
                kind: scope.0,
                id: scope.1,
            },
            category: insight.category,
            language: insight.language,
            confidence: insight.confidence,
            sample_size: insight.sample_size,
            evidence: insight.evidence,
            pattern: serde_json::from_value(insight.pattern_data).ok(),
            times_applied: insight.times_applied,
            last_applied: insight.last_applied,
            first_seen: insight.first_seen,
            last_updated: insight.last_updated,
            effect: insight
                .effect
                .and_then(|effect| serde_json::from_value(effect).ok()),
        }
    }
}

/// A page of insights.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = InsightPage)]
pub struct InsightsPageView {
    /// Insights, newest first.
    pub insights: Vec<InsightView>,
    /// Cursor of the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl InsightsPageView {
    /// A page from up to one insight more than it may hold, which shows that another page follows.
    pub fn new(mut insights: Vec<Insight>, limit: usize) -> Self {
        let next_cursor = page::cut(&mut insights, limit).map(|last| last.id.encode());
        Self {
            next_cursor,
            insights: insights.into_iter().map(InsightView::from).collect(),
        }
    }
}
