//! An insight in the shape that clients read.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::feedback::insight::Status;
use crate::feedback::insights::model::{Insight, ScopeKind};
use crate::platform::page::{self, Position};

/// For whom an insight is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = InsightScope)]
pub struct ScopeView {
    /// `org`, `team` or `user`.
    pub kind: ScopeKind,
    /// Which team or person; null for the organisation.
    pub id: Option<String>,
}

/// How likely it is that an answer like this is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InsightPosterior)]
pub struct PosteriorView {
    /// What is expected.
    pub mean: f64,
    /// In 19 of 20 cases it is more than this.
    pub low: f64,
    /// And less than this.
    pub high: f64,
}

/// Voices for and against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InsightVoices)]
pub struct VoicesView {
    /// For.
    #[schema(value_type = f64)]
    pub accepted: Number,
    /// Against.
    #[schema(value_type = f64)]
    pub rejected: Number,
}

/// What was counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InsightPattern)]
pub struct PatternView {
    /// What it is about, for example `quotes@python`.
    #[serde(default)]
    pub subject: Option<String>,
    /// Which value of it.
    #[serde(default)]
    pub value: Option<String>,
    /// Voices for answers like this, aged and bounded by person.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    pub accepted: Option<Number>,
    /// Voices against them.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    pub rejected: Option<Number>,
    /// Of how many people.
    #[serde(default)]
    pub raters: Option<u64>,
    /// What follows for the next answer like this.
    #[serde(default)]
    pub posterior: Option<PosteriorView>,
    /// What it is compared with: answers that are not like this.
    #[serde(default)]
    pub baseline: Option<VoicesView>,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InsightArm)]
pub struct ArmView {
    /// How many answers.
    #[schema(value_type = f64)]
    pub n: Number,
    /// The share of them that was well; null when there are none.
    pub rate: Option<f64>,
}

/// Answers with the insight in their prompt against those it was held out of by chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InsightComparison)]
pub struct ComparisonView {
    /// Those with it.
    pub applied: ArmView,
    /// Those without it.
    pub held_out: ArmView,
    /// What it adds to the share; null while that is unknown.
    pub difference: Option<f64>,
    /// In 19 of 20 cases it adds more than this.
    pub low: Option<f64>,
    /// And less than this.
    pub high: Option<f64>,
}

/// What an insight does, as measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InsightEffect)]
pub struct EffectView {
    /// How many answers are compared.
    pub exposures: u64,
    /// By what people said of them.
    pub acceptance: Option<ComparisonView>,
    /// By what the project's checks said.
    pub verification: Option<ComparisonView>,
}

/// An insight.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = Insight)]
pub struct InsightView {
    /// Its number.
    pub id: i64,
    /// `pattern_rejected`, `pattern_preferred`, `style_preference`, `low_acceptance` or
    /// `high_acceptance`.
    pub insight_type: String,
    /// What it is about.
    pub title: String,
    /// What it puts into prompts.
    pub description: String,
    /// `proposed`, `active` or `retired`.
    pub status: Status,
    /// Why.
    pub status_reason: Option<String>,
    /// Since when.
    pub status_since: DateTime<Utc>,
    /// Who says so; null when it is the analyzer.
    pub decided_by: Option<String>,
    /// Who changed its words; null when nobody did.
    pub edited_by: Option<String>,
    /// For whom it is.
    pub scope: ScopeView,
    /// The kind of work it is about; null for any.
    pub category: Option<String>,
    /// The language it is about; null for any.
    pub language: Option<String>,
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// How many voices it was learned from.
    pub sample_size: i32,
    /// The generations it was learned from, the newest of them.
    pub evidence: Vec<i64>,
    /// What was counted; null when another version counted otherwise.
    pub pattern: Option<PatternView>,
    /// In how many prompts it stood.
    pub times_applied: i64,
    /// When it last did.
    pub last_applied: Option<DateTime<Utc>>,
    /// When it was first found.
    pub first_seen: DateTime<Utc>,
    /// When it last changed.
    pub last_updated: DateTime<Utc>,
    /// What it does, as measured; null until something is.
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
pub struct PageView {
    /// The insights, the newest first.
    pub insights: Vec<InsightView>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

impl PageView {
    /// A page from one insight more than it may hold, which says whether another follows.
    pub fn new(mut insights: Vec<Insight>, limit: usize) -> Self {
        let next_cursor = page::cut(&mut insights, limit).map(|last| last.id.encode());
        Self {
            next_cursor,
            insights: insights.into_iter().map(InsightView::from).collect(),
        }
    }
}
