//! Type and status of an insight, shared by all parts of learning.

use serde::{Deserialize, Serialize};

use crate::feedback::traits::TraitKind;

/// Status of an insight.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum InsightStatus {
    /// Waits for an administrator.
    Proposed,
    /// Used in prompts.
    Active,
    /// No longer used.
    Retired,
}

impl InsightStatus {
    /// The value of `learning_insights.status`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }

    /// The status with this label.
    pub fn of(label: &str) -> Option<Self> {
        [Self::Proposed, Self::Active, Self::Retired]
            .into_iter()
            .find(|one| one.label() == label)
    }
}

/// Type of an insight.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum InsightType {
    /// A trait or comment group is rejected.
    PatternRejected,
    /// A preference or workflow is wanted.
    PatternPreferred,
    /// A code style is wanted.
    StylePreference,
    /// Answers of a category are often rejected.
    LowAcceptance,
    /// Answers of a category are mostly accepted.
    HighAcceptance,
}

impl InsightType {
    /// All types.
    pub const ALL: [Self; 5] = [
        Self::PatternRejected,
        Self::PatternPreferred,
        Self::StylePreference,
        Self::LowAcceptance,
        Self::HighAcceptance,
    ];

    /// The value of `learning_insights.insight_type`.
    pub fn label(self) -> &'static str {
        match self {
            Self::PatternRejected => "pattern_rejected",
            Self::PatternPreferred => "pattern_preferred",
            Self::StylePreference => "style_preference",
            Self::LowAcceptance => "low_acceptance",
            Self::HighAcceptance => "high_acceptance",
        }
    }

    /// The type with this label.
    pub fn of(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.label() == label)
    }

    /// The type of an insight that prefers a value of a trait of this kind.
    pub fn preferring(kind: TraitKind) -> Self {
        match kind {
            TraitKind::Style => Self::StylePreference,
            TraitKind::Preference | TraitKind::Workflow => Self::PatternPreferred,
        }
    }
}
