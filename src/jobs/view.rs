//! Jobs in the shapes that clients read.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::jobs::cursor::JobCursor;
use crate::jobs::model::{Job, Pending};
use crate::platform::ids::RunId;
use crate::platform::page;
use crate::platform::page::CursorValue;
use crate::runs::model::{RunKind, RunStatus};
use crate::runs::outcome::Summary;
use crate::runs::stream::shapes::RouterInfo;

/// A job. Times are seconds since the epoch, with a fraction, as old clients read them.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct JobView {
    /// The job.
    pub job_id: Uuid,
    /// The same, under the name that events use.
    pub task_id: Uuid,
    /// The way it was asked for.
    pub kind: RunKind,
    /// Where it stands.
    pub status: RunStatus,
    /// Its phase, as its last `status` event said; else its status.
    pub phase: String,
    /// The message.
    pub task: String,
    /// The folder it works in.
    pub workspace_path: Option<String>,
    /// The conversation it belongs to.
    pub conversation_id: Option<Uuid>,
    /// The provider of its model.
    pub provider: String,
    /// Its model.
    pub model: String,
    /// The choice of the model, as the first frame of a run's stream has it, another one asked for included. Null
    /// for jobs of versions that did not keep it.
    #[schema(value_type = Option<RouterInfo>)]
    pub router_info: Option<Value>,
    /// Creation time.
    pub created_at: f64,
    /// Time of its last change.
    pub updated_at: f64,
    /// Start time.
    pub started_at: Option<f64>,
    /// End time.
    pub finished_at: Option<f64>,
    /// The pending consent or question: `data` of the event that asked, with `kind` `consent` or
    /// `prompt`.
    #[schema(value_type = Option<Object>)]
    pub pending_approval: Option<Value>,
    /// The error that it shows.
    pub error: Option<String>,
    /// The number of its last event.
    pub last_sequence: i64,
    /// The client's notes.
    #[schema(value_type = Object)]
    pub metadata: Value,
    /// True once its user wants it to end.
    pub cancel_requested: bool,
    /// Number of times it was taken over from a process that was lost.
    pub takeovers: i32,
    /// Its result: the `summary` of its last `complete` event.
    #[schema(value_type = Option<Summary>)]
    pub summary: Option<Value>,
}

impl JobView {
    /// A job with its pending consent or question.
    pub fn new(job: Job, pending: Option<Pending>) -> Self {
        Self {
            job_id: job.id.0,
            task_id: job.id.0,
            kind: job.kind,
            status: job.status,
            phase: job.phase.unwrap_or_else(|| job.status.as_str().to_owned()),
            task: job.task,
            workspace_path: job.workspace_path,
            conversation_id: job.conversation_id.map(|id| id.0),
            provider: job.provider,
            model: job.model,
            router_info: job.router_info,
            created_at: seconds(job.created_at),
            updated_at: seconds(job.updated_at),
            started_at: job.started_at.map(seconds),
            finished_at: job.finished_at.map(seconds),
            pending_approval: pending.map(pending_approval),
            error: job.error,
            last_sequence: job.last_sequence,
            metadata: job.metadata.unwrap_or_else(|| Value::Object(Map::new())),
            cancel_requested: job.cancel_requested,
            takeovers: job.takeovers,
            summary: job.summary,
        }
    }
}

fn pending_approval(pending: Pending) -> Value {
    let (kind, mut data) = match pending {
        Pending::Consent(data) => ("consent", data),
        Pending::Prompt(data) => ("prompt", data),
    };
    if let Value::Object(fields) = &mut data {
        fields.insert("kind".to_owned(), json!(kind));
    }
    data
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds since the epoch stay below 2^53 until the year 2255"
)]
fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_micros() as f64 / 1e6
}

/// A job that was accepted.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct JobCreatedView {
    /// Always true.
    pub success: bool,
    /// The job.
    pub job: JobView,
    /// The address of its events.
    pub events_url: String,
    /// False when the job was created without starting it.
    pub started: bool,
    /// The reason: `queued` or `auto_start_disabled`.
    pub start_reason: String,
}

/// One job.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct JobAnswer {
    /// Always true.
    pub success: bool,
    /// The job.
    pub job: JobView,
}

/// A page of jobs.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct JobPage {
    /// Always true.
    pub success: bool,
    /// The jobs, newest first.
    pub jobs: Vec<JobView>,
    /// Number of jobs on this page.
    pub count: usize,
    /// The `cursor` of the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl JobPage {
    /// A page from one row more than it may hold, which says whether another follows.
    pub fn new(mut jobs: Vec<Job>, mut pending: HashMap<RunId, Pending>, limit: usize) -> Self {
        let next_cursor = page::cut(&mut jobs, limit).map(|last| {
            let (at, id) = (last.created_at, last.id);
            JobCursor { at, id }.encode()
        });
        let jobs: Vec<_> = jobs
            .into_iter()
            .map(|job| {
                let pending = pending.remove(&job.id);
                JobView::new(job, pending)
            })
            .collect();
        Self {
            success: true,
            count: jobs.len(),
            jobs,
            next_cursor,
        }
    }
}

/// The outcome of starting, resuming, cancelling or approving a job.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct JobMoved {
    /// Always true.
    pub success: bool,
    /// True when this request made it go on.
    pub started: bool,
    /// The job.
    pub job: JobView,
    /// The recorded answer, for an approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub approval: Option<Value>,
    /// A sentence for a person.
    pub message: String,
}
