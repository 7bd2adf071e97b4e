//! What clients send about jobs.
//!
//! A body of two parts is read once for each. Serde would do it at once, but its errors would not say
//! which field is wrong.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::agent::consents::model::ConsentId;
use crate::agent::consents::routes::ConsentAnswer;
use crate::agent::request::TaskRequest;
use crate::platform::extract::FromJson;
use crate::platform::problem::Problem;

/// A job that is asked for: a task, and what is asked beside it.
#[derive(Debug, utoipa::ToSchema)]
pub struct NewJobRequest {
    /// The task.
    #[serde(flatten)]
    pub task: TaskRequest,
    /// What is asked beside it.
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

/// What is asked of a job beside its task.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct JobOptions {
    /// Whether it begins as soon as a worker is free; it does unless this is false.
    pub auto_start: Option<bool>,
    /// What the client notes about it, at most 16 KiB.
    pub metadata: Option<Map<String, Value>>,
}

/// The answer to what a job waits for.
#[derive(Debug, utoipa::ToSchema)]
pub struct Approve {
    /// What is answered.
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

/// What is answered.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct WhichConsent {
    /// The consent; the one the job waits for when absent.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub consent_id: Option<ConsentId>,
}
