//! How far the work on a plan has come.

use crate::agent::model::RunStatus;

/// What can be said of a job to somebody who follows it by asking.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Where it stands.
    pub status: RunStatus,
    /// What is said, for a person.
    pub told: String,
}
