//! Error groups, as clients read them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::auth::principal::Role;
use crate::platform::page;
use crate::platform::page::CursorValue;
use crate::telemetry::errors::model::{ErrorStatus, Sort, StoredOccurrence, Trend};
use crate::telemetry::errors::service::{ErrorDetail, GroupWithTrend};
use crate::telemetry::fingerprint::RULES_VERSION;
use crate::telemetry::model::ErrorSource;

/// The parts of a fingerprint, which explain a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ErrorFingerprint)]
pub struct FingerprintView {
    /// Version of the rules.
    pub version: u32,
    /// Error type.
    #[serde(rename = "type")]
    pub error_type: String,
    /// Message with placeholders.
    pub message: String,
    /// Top frames.
    pub frames: Vec<String>,
}

/// An error group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ErrorGroup)]
pub struct ErrorGroupView {
    /// Identifier.
    pub id: i64,
    /// Hash of the parts in `explained`.
    pub fingerprint: String,
    /// Parts of the fingerprint.
    pub explained: FingerprintView,
    /// Error type.
    pub error_type: String,
    /// Message of the last occurrence.
    pub message: String,
    /// Severity of the last occurrence.
    pub severity: String,
    /// Component of the last occurrence.
    pub component: Option<String>,
    /// Reporter: `client`, `server` or `run`.
    pub source: ErrorSource,
    /// Time of the first occurrence.
    pub first_seen: DateTime<Utc>,
    /// Time of the last occurrence.
    pub last_seen: DateTime<Utc>,
    /// Version of the first occurrence.
    pub first_version: Option<String>,
    /// Version of the last occurrence.
    pub last_version: Option<String>,
    /// Number of occurrences.
    pub occurrences: i64,
    /// Number of affected users.
    pub affected_users: i64,
    /// `open`, `resolved` or `regressed`.
    pub status: ErrorStatus,
    /// Time of the resolution.
    pub resolved_at: Option<DateTime<Utc>>,
    /// User who resolved it.
    pub resolved_by: Option<String>,
    /// Notes about the resolution.
    pub resolution_notes: Option<String>,
    /// Time of the last regression.
    pub regressed_at: Option<DateTime<Utc>>,
    /// Number of regressions.
    pub regressions: i32,
    /// Occurrences over the last hours and days.
    pub trend: Trend,
}

impl From<GroupWithTrend> for ErrorGroupView {
    fn from(GroupWithTrend { group, trend }: GroupWithTrend) -> Self {
        Self {
            id: group.id.0,
            fingerprint: group.fingerprint,
            explained: FingerprintView {
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

/// A page of error groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ErrorPage)]
pub struct ErrorsPageView {
    /// Groups, in the requested order.
    pub errors: Vec<ErrorGroupView>,
    /// Cursor of the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl ErrorsPageView {
    /// A page from one group more than it may hold, which says whether another follows.
    pub fn new(mut listed: Vec<GroupWithTrend>, limit: usize, sort: Sort) -> Self {
        let last = page::cut(&mut listed, limit);
        let next_cursor = last.map(|last| last.group.cursor(sort).encode());
        Self {
            errors: listed.into_iter().map(ErrorGroupView::from).collect(),
            next_cursor,
        }
    }
}

/// An occurrence of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ErrorOccurrence)]
pub struct OccurrenceView {
    /// Row number: the `error_id` of `error_threads`.
    pub id: i64,
    /// Time of receipt.
    pub received_at: DateTime<Utc>,
    /// Time of the error by the client's clock.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Message.
    pub message: String,
    /// Stack.
    pub stack: Option<String>,
    /// Affected user; shown to administrators only.
    pub user_id: Option<String>,
    /// Session of the client.
    pub session_id: Option<String>,
    /// Version.
    pub version: Option<String>,
    /// Trace.
    pub trace_id: Option<String>,
    /// Run.
    pub run_id: Option<Uuid>,
}

impl OccurrenceView {
    fn new(occurrence: StoredOccurrence, role: Role) -> Self {
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

/// An error group with its last occurrences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ErrorDetail)]
pub struct ErrorDetailView {
    /// Group.
    #[serde(flatten)]
    pub group: ErrorGroupView,
    /// Last occurrences, newest first, at most 20; none once their retention has passed.
    pub latest: Vec<OccurrenceView>,
}

impl ErrorDetailView {
    /// The view for a user with this role.
    pub fn new(detail: ErrorDetail, role: Role) -> Self {
        let latest = detail.latest.into_iter();
        Self {
            group: detail.group.into(),
            latest: latest.map(|one| OccurrenceView::new(one, role)).collect(),
        }
    }
}
