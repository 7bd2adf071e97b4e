//! A group of errors in the shape that clients read.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::auth::principal::Role;
use crate::platform::page::{self, Position};
use crate::telemetry::errors::model::{Occurrence, Sort, Status, Trend};
use crate::telemetry::errors::service::Listed;
use crate::telemetry::fingerprint::RULES_VERSION;
use crate::telemetry::model::Source;

/// Why errors are one group: the parts of which the fingerprint is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ErrorFingerprint)]
pub struct ExplainedView {
    /// The version of the rules.
    pub version: u32,
    /// The type of the errors.
    #[serde(rename = "type")]
    pub error_type: String,
    /// What their messages have in common.
    pub message: String,
    /// The frames at the top of their stacks.
    pub frames: Vec<String>,
}

/// A group of errors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ErrorGroup)]
pub struct GroupView {
    /// Its number.
    pub id: i64,
    /// What tells it from other groups: SHA-256 of the parts in `explained`.
    pub fingerprint: String,
    /// Those parts.
    pub explained: ExplainedView,
    /// The type of its errors.
    pub error_type: String,
    /// The message of its last occurrence.
    pub message: String,
    /// How bad that one was.
    pub severity: String,
    /// Where it was.
    pub component: Option<String>,
    /// Who reports it: `client`, `server` or `run`.
    pub source: Source,
    /// When it first happened.
    pub first_seen: DateTime<Utc>,
    /// When it last happened.
    pub last_seen: DateTime<Utc>,
    /// The version in which it was first seen.
    pub first_version: Option<String>,
    /// The version in which it was last seen.
    pub last_version: Option<String>,
    /// How often it happened.
    pub occurrences: i64,
    /// To how many people.
    pub affected_users: i64,
    /// `open`, `resolved`, or `regressed` when it came back.
    pub status: Status,
    /// When somebody dealt with it.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Who did.
    pub resolved_by: Option<String>,
    /// What they noted.
    pub resolution_notes: Option<String>,
    /// When it last came back.
    pub regressed_at: Option<DateTime<Utc>>,
    /// How often it did.
    pub regressions: i32,
    /// How often it happened lately.
    pub trend: Trend,
}

impl From<Listed> for GroupView {
    fn from(Listed { group, trend }: Listed) -> Self {
        Self {
            id: group.id.0,
            fingerprint: group.fingerprint,
            explained: ExplainedView {
                version: RULES_VERSION,
                error_type: group.error_type.clone(),
                message: group.message,
                frames: group.frames,
            },
            error_type: group.error_type,
            message: group.last_message,
            severity: group.severity,
            component: group.component,
            source: group.source,
            first_seen: group.first_seen,
            last_seen: group.last_seen,
            first_version: group.first_version,
            last_version: group.last_version,
            occurrences: group.occurrences,
            affected_users: group.affected_users,
            status: group.status,
            resolved_at: group.resolved_at,
            resolved_by: group.resolved_by,
            resolution_notes: group.resolution_notes,
            regressed_at: group.regressed_at,
            regressions: group.regressions,
            trend,
        }
    }
}

/// A page of groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ErrorPage)]
pub struct PageView {
    /// The groups, in the order that was asked for.
    pub errors: Vec<GroupView>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

impl PageView {
    /// A page from one group more than it may hold, which says whether another follows.
    pub fn new(mut listed: Vec<Listed>, limit: usize, sort: Sort) -> Self {
        let last = page::cut(&mut listed, limit);
        let next_cursor = last.map(|last| last.group.place(sort).encode());
        Self {
            errors: listed.into_iter().map(GroupView::from).collect(),
            next_cursor,
        }
    }
}

/// One occurrence of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ErrorOccurrence)]
pub struct OccurrenceView {
    /// Its number: the `error_id` of `error_threads`.
    pub id: i64,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// When the client says it happened.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Its message.
    pub message: String,
    /// Its stack.
    pub stack: Option<String>,
    /// To whom it happened; shown to administrators alone.
    pub user_id: Option<String>,
    /// In which session of the client.
    pub session_id: Option<String>,
    /// In which version.
    pub version: Option<String>,
    /// In which trace.
    pub trace_id: Option<String>,
    /// In which run.
    pub run_id: Option<Uuid>,
}

impl OccurrenceView {
    fn new(occurrence: Occurrence, role: Role) -> Self {
        let is_shown = role == Role::Admin;
        Self {
            id: occurrence.id,
            received_at: occurrence.created_at,
            occurred_at: occurrence.occurred_at,
            message: occurrence.message,
            stack: occurrence.stack,
            user_id: is_shown.then(|| occurrence.user_id.into()),
            session_id: occurrence.session_id,
            version: occurrence.version,
            trace_id: occurrence.trace_id,
            run_id: occurrence.run_id,
        }
    }
}

/// A group of errors with its last occurrences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ErrorDetail)]
pub struct DetailView {
    /// The group.
    #[serde(flatten)]
    pub group: GroupView,
    /// Its last occurrences, newest first, at most 20; none when their months are gone.
    pub latest: Vec<OccurrenceView>,
}

impl DetailView {
    /// What somebody with this role is shown.
    pub fn new(listed: Listed, latest: Vec<Occurrence>, role: Role) -> Self {
        let latest = latest.into_iter();
        Self {
            group: listed.into(),
            latest: latest.map(|one| OccurrenceView::new(one, role)).collect(),
        }
    }
}
