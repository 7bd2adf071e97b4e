//! The row of a run that is taken, and the claimed run that it becomes.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::auth::principal::Role;
use crate::platform::ids::{OrgId, RunId, UserId};
use crate::platform::logging::TraceId;
use crate::runs::lease::model::ClaimedRun;
use crate::runs::model::{ChosenModel, Run, RunClaim, RunKind, RunStatus};
use crate::runs::task::Task;

/// A run as [`crate::runs::lease::store::take`] finds it.
pub(super) struct TakenRow {
    pub(super) org_id: OrgId,
    pub(super) user_id: UserId,
    pub(super) run_id: RunId,
    pub(super) team_id: Option<String>,
    pub(super) role: String,
    pub(super) kind: RunKind,
    pub(super) request: Option<Value>,
    pub(super) task: String,
    pub(super) requested_model: Option<String>,
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) router_info: Option<Value>,
    pub(super) trace_id: Option<TraceId>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) last_sequence: i64,
    pub(super) fence: i64,
    pub(super) status: RunStatus,
    pub(super) state: Option<Value>,
    pub(super) baseline: Option<Value>,
    pub(super) takeovers: i32,
    pub(super) settled_sequence: i64,
    pub(super) cancelled: bool,
    pub(super) was_orphan: bool,
}

impl TakenRow {
    /// The run's task; nothing when it cannot be read.
    fn task(&mut self) -> Option<Task> {
        serde_json::from_value(self.request.take()?)
            .inspect_err(
                |error| tracing::error!(run.id = %self.run_id, %error, "a request cannot be read"),
            )
            .ok()
    }
}

impl From<TakenRow> for ClaimedRun {
    fn from(mut row: TakenRow) -> Self {
        let task = row.task();
        let is_readable = task.is_some();
        let run = Run {
            id: row.run_id,
            org_id: row.org_id,
            user_id: row.user_id,
            team_id: row.team_id.and_then(|team| team.parse().ok()),
            role: row.role.parse().unwrap_or(Role::Viewer),
            kind: row.kind,
            task: task.unwrap_or_else(|| Task::unreadable(row.task)),
            model: ChosenModel {
                requested: row.requested_model,
                provider: row.provider,
                model: row.model,
                router_info: row.router_info.and_then(members).unwrap_or_default(),
            },
            trace_id: row.trace_id,
            created_at: row.created_at,
        };
        Self {
            run,
            claim: RunClaim {
                last: row.last_sequence,
                fence: row.fence,
                status: row.status,
            },
            state: row.state,
            baseline: row.baseline,
            takeovers: row.takeovers,
            was_orphan: row.was_orphan,
            settled: row.settled_sequence,
            cancelled: row.cancelled,
            is_readable,
        }
    }
}

/// The members of an object; none of anything else.
fn members(value: Value) -> Option<Map<String, Value>> {
    serde_json::from_value(value).ok()
}
