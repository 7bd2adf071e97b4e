//! Requests about jobs.
//!
//! A body of two parts is read once for each. Serde would do it at once, but its errors would not say
//! which field is wrong.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::agent::intake::request::TaskRequest;
use crate::approvals::consents::routes::ConsentAnswer;
use crate::platform::extract::FromJson;
use crate::platform::ids::ConsentId;
use crate::platform::problem::Problem;

/// A request for a job: a task and its options.
#[derive(Debug, utoipa::ToSchema)]
pub struct NewJobRequest {
    /// The task.
    #[serde(flatten)]
    pub task: TaskRequest,
    /// The options.
    #[serde(flatten)]
    pub options: JobOptions,
}

impl FromJson for NewJobRequest {
    fn from_json(json: &[u8]) -> Result<Self, Problem> {
        Ok(Self {
            options: FromJson::from_json(json)?,
            task: FromJson::from_json(json)?,
        })
    }
}

/// Options of a job.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct JobOptions {
    /// False to create the job without starting it; otherwise it starts as soon as a worker is free.
    pub auto_start: Option<bool>,
    /// The client's notes, at most 16 KiB.
    pub metadata: Option<Map<String, Value>>,
}

/// The answer to a job's pending consent.
#[derive(Debug, utoipa::ToSchema)]
pub struct Approve {
    /// The consent.
    #[serde(flatten)]
    pub which: WhichConsent,
    /// The answer.
    #[serde(flatten)]
    pub answer: ConsentAnswer,
}

impl FromJson for Approve {
    fn from_json(json: &[u8]) -> Result<Self, Problem> {
        Ok(Self {
            which: FromJson::from_json(json)?,
            answer: FromJson::from_json(json)?,
        })
    }
}

/// The consent that is answered.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct WhichConsent {
    /// The consent; the one the job waits for when absent.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub consent_id: Option<ConsentId>,
}
