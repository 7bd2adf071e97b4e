//! The depth and length that are asked of an answer.

use serde::{Deserialize, Serialize};

/// The amount of reasoning before an answer; each provider is told in its own terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

/// The length of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verbosity {
    /// Short.
    Low,
    /// Usual.
    Medium,
    /// Long.
    High,
}
