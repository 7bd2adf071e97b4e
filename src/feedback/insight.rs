//! What every part of learning says of an insight: its type, and where it stands.

use serde::{Deserialize, Serialize};

use crate::feedback::traits::Kind;

/// Where an insight stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[schema(as = InsightStatus)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// It waits for an administrator.
    Proposed,
    /// It is put into prompts.
    Active,
    /// It is not any more.
    Retired,
}

impl Status {
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

/// What kind of thing an insight says.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum InsightType {
    /// Something is not wanted.
    PatternRejected,
    /// Something is wanted, in the way the work is done or answered.
    PatternPreferred,
    /// Something is wanted, in the way code looks.
    StylePreference,
    /// Answers of a category are often rejected.
    LowAcceptance,
    /// Answers of a category are mostly accepted.
    HighAcceptance,
}

impl InsightType {
    /// All of them.
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

    /// What says that a value of this kind is better than the others.
    pub fn preferring(kind: Kind) -> Self {
        match kind {
            Kind::Style => Self::StylePreference,
            Kind::Preference | Kind::Workflow => Self::PatternPreferred,
        }
    }
}
