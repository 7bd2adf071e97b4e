//! Errors of operations on jobs.

use crate::agent;
use crate::approvals::consents;
use crate::jobs::model::MAX_METADATA_BYTES;
use crate::platform::idempotency;
use crate::platform::page::BadCursor;
use crate::runs::model::RunStatus;

/// A failed operation on a job.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist, or not for this user: the two cannot be told apart from outside.
    #[error("job `{0}` not found")]
    NotFound(String),
    /// It is over.
    #[error("the job has ended ({}); start a new one", .0.as_str())]
    Over(RunStatus),
    /// It waits for a person.
    #[error(
        "the job is waiting for your answer: its `pending_approval` is a consent, which `approve` \
         takes, or a question, which `/api/navi/prompt/{{prompt_id}}` takes"
    )]
    WaitsForApproval,
    /// It paused before an obstacle, and no answer would let it go on.
    #[error(
        "the job paused, and its last event says why; send `resume` when that is out of the way"
    )]
    Paused,
    /// It waits for no answer.
    #[error("the job is not waiting for a consent")]
    WaitsForNothing,
    /// It waits for another answer.
    #[error("the job is not waiting for consent `{0}`")]
    OtherConsent(String),
    /// A cursor that no list gave out.
    #[error(transparent)]
    BadCursor(#[from] BadCursor),
    /// The metadata is too large.
    #[error("`metadata` is larger than {MAX_METADATA_BYTES} bytes")]
    MetadataTooLarge,
    /// The consent could not be answered.
    #[error(transparent)]
    Consent(#[from] consents::error::Error),
    /// The run could not be set up.
    #[error(transparent)]
    Agent(#[from] agent::error::Error),
    /// The request cannot be told apart from another.
    #[error(transparent)]
    Idempotency(#[from] idempotency::error::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
