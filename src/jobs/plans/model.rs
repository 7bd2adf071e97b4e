//! The progress of the work on a plan.

use crate::runs::model::RunStatus;

/// A progress report about a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The job's status.
    pub status: RunStatus,
    /// A text for a person.
    pub text: String,
}
