//! The depth and length that are asked of an answer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The amount of reasoning before an answer; each provider is told in its own terms.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    ToSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// No reasoning, where the model can do without.
    None,
    /// The least that the model knows.
    Minimal,
    /// Little.
    Low,
    /// Some; the default of most providers.
    Medium,
    /// Much.
    High,
    /// The most that the model knows.
    Xhigh,
}

impl Effort {
    /// The word for it, as most servers know it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
        }
    }

    /// The level of a model that comes next to it: the least that is as much, else the most there is. None
    /// of a model that has no levels.
    pub fn among(self, levels: &[Self]) -> Option<Self> {
        let as_much = levels.iter().filter(|level| **level >= self).min();
        as_much.or_else(|| levels.iter().max()).copied()
    }
}

/// The length of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Verbosity {
    /// Short.
    Low,
    /// Usual.
    Medium,
    /// Long.
    High,
}

impl Verbosity {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_a_model_does_not_know_becomes_the_next_one_that_it_does() {
        let levels = [Effort::Low, Effort::High];
        for (asked, expected) in [
            (Effort::None, Effort::Low),
            (Effort::Low, Effort::Low),
            (Effort::Medium, Effort::High),
            (Effort::Xhigh, Effort::High),
        ] {
            assert_eq!(asked.among(&levels), Some(expected), "{asked:?}");
        }
        assert_eq!(Effort::High.among(&[]), None);
    }
}
