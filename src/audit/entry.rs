//! An entry as it is listed.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::audit::event::Event;
use crate::audit::model::{ActorKind, EntryId, Outcome};

/// An entry as it is listed: its records as one.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Names it.
    pub entry_id: EntryId,
    /// The number of its first record.
    pub sequence: i64,
    /// The event.
    pub event: Event,
    /// The kind of actor that caused it.
    pub actor_kind: ActorKind,
    /// Who; absent when erased.
    pub actor: Option<String>,
    /// The role in their token.
    pub actor_role: Option<String>,
    /// The request's method.
    pub method: Option<String>,
    /// The route's template.
    pub route: Option<String>,
    /// The resource it was done to.
    pub resource: Option<String>,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// Its trace.
    pub trace_id: Option<String>,
    /// The run that it belongs to.
    pub run_id: Option<Uuid>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it ended; absent while unknown.
    pub completed_at: Option<DateTime<Utc>>,
    /// The answer's status.
    pub status: Option<i32>,
    /// Its outcome; absent while unknown.
    pub outcome: Option<Outcome>,
    /// The duration.
    pub duration_ms: Option<i64>,
    /// True if there is something sealed that can still be opened.
    pub has_payload: Option<bool>,
    /// The number of the record that says that it was erased.
    pub erased_by: Option<i64>,
}
