//! The outcome of checks.

use serde::{Deserialize, Serialize};

/// The result of all the project's checks together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// At least one check of what was changed ran, and all that ran passed.
    Passed,
    /// A check failed.
    Failed,
    /// No check of what was changed ran: there is none, or the run was told not to.
    #[default]
    NotRun,
}

/// One check as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CheckData {
    /// `typecheck`, `lint`, `tests` or `build`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The command that ran.
    pub command: String,
    /// True if it passed.
    pub success: bool,
    /// The most telling lines, at most five.
    pub errors: Vec<String>,
    /// At most five.
    pub warnings: Vec<String>,
    /// The failures that were there before the run changed anything.
    pub failed_before: Vec<String>,
}
