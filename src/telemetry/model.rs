//! Batches of client events, errors, measurements, and the results of storing them.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::platform::ids::{OrgId, UserId};

/// The largest body, compressed and decompressed, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The most events of a batch.
pub const MAX_EVENTS: usize = 1_000;
/// The longest id of a batch, in bytes.
pub const MAX_BATCH_ID_BYTES: usize = 128;
/// The longest type of an event, in characters.
pub const MAX_TYPE_CHARS: usize = 128;
/// The longest string that is not truncated, in characters.
pub const MAX_STRING_CHARS: usize = 10_000;
/// The most names and values of an event that are stored, in bytes.
pub const MAX_EVENT_BYTES: usize = 50_000;
/// The deepest nesting of an event; its own object is the first level.
pub const MAX_DEPTH: usize = 32;
/// The longest session, version, component and similar text, in characters.
pub const MAX_NAME_CHARS: usize = 128;
/// The most measurements of an event.
pub const MAX_MEASUREMENTS: usize = 20;

/// The oldest accepted time of an event; clients that were offline deliver late.
pub const MAX_AGE: TimeDelta = TimeDelta::days(30);
/// The most that a client's clock may be ahead.
pub const MAX_AHEAD: TimeDelta = TimeDelta::minutes(5);

/// The sender of a batch, from its token and headers.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Organisation.
    pub org_id: OrgId,
    /// User.
    pub user_id: UserId,
    /// `User-Agent` of the client.
    pub user_agent: Option<String>,
}

/// A parsed event.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientEvent {
    /// Index in the batch.
    pub index: usize,
    /// Type, such as `navi.error`.
    pub kind: String,
    /// Data, sanitized.
    pub data: Map<String, Value>,
    /// Other fields, sanitized; mostly empty.
    pub extra: Map<String, Value>,
    /// Session of the client.
    pub session_id: Option<String>,
    /// Client, such as `vscode`.
    pub source: String,
    /// Version of the client.
    pub version: Option<String>,
    /// Duration in milliseconds.
    pub duration_ms: Option<i64>,
    /// Error message.
    pub error_message: Option<String>,
    /// Error stack.
    pub error_stack: Option<String>,
    /// Error code.
    pub error_code: Option<String>,
    /// Trace, 32 hexadecimal digits.
    pub trace_id: Option<String>,
    /// Run.
    pub run_id: Option<Uuid>,
    /// Time by the client's clock, clamped to the accepted range.
    pub occurred_at: DateTime<Utc>,
    /// Error, for events that report one.
    pub error: Option<ErrorOccurrence>,
    /// Measurements.
    pub measurements: Vec<Measurement>,
    /// Changes made for storage.
    pub changes: Vec<EventChange>,
}

impl ClientEvent {
    /// Returns the part of the type before the first dot, if there is one.
    pub fn category(&self) -> Option<&str> {
        self.kind.split_once('.').map(|(category, _)| category)
    }

    /// Returns the part of the type after the first dot; all of it without one.
    pub fn name(&self) -> &str {
        self.kind
            .split_once('.')
            .map_or(&self.kind, |(_, name)| name)
    }
}

/// Reporter of an error.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum ErrorSource {
    /// A client.
    Client,
    /// This server, in a request or in the background.
    Server,
    /// A run of the agent.
    Run,
}

impl ErrorSource {
    /// The value of the column `source`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Run => "run",
        }
    }
}

/// An occurrence of an error: a row of `error_events`, counted in its group.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorOccurrence {
    /// Organisation; empty for an error of this server outside any.
    pub org_id: String,
    /// Affected user; empty without one.
    pub user_id: String,
    /// Reporter.
    pub source: ErrorSource,
    /// Error type.
    pub error_type: String,
    /// Error code.
    pub error_code: Option<String>,
    /// Severity.
    pub severity: String,
    /// Message.
    pub message: String,
    /// Stack.
    pub stack: Option<String>,
    /// Component.
    pub component: Option<String>,
    /// Operation.
    pub operation: Option<String>,
    /// Session of the client.
    pub session_id: Option<String>,
    /// Version of the failing program.
    pub version: Option<String>,
    /// True if a user saw it.
    pub user_visible: bool,
    /// True if the program tried to recover.
    pub recovery_attempted: bool,
    /// Other data.
    pub extra: Option<Value>,
    /// Trace.
    pub trace_id: Option<String>,
    /// Run.
    pub run_id: Option<Uuid>,
    /// Time of the error.
    pub occurred_at: DateTime<Utc>,
    /// Time of the report.
    pub created_at: DateTime<Utc>,
}

impl ErrorOccurrence {
    /// An error of this server with default values.
    pub fn of_this_server(now: DateTime<Utc>) -> Self {
        Self {
            org_id: String::new(),
            user_id: String::new(),
            source: ErrorSource::Server,
            error_type: "unknown".to_owned(),
            error_code: None,
            severity: "error".to_owned(),
            message: String::new(),
            stack: None,
            component: None,
            operation: None,
            session_id: None,
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            user_visible: true,
            recovery_attempted: false,
            extra: None,
            trace_id: None,
            run_id: None,
            occurred_at: now,
            created_at: now,
        }
    }
}

/// A measured value: a row of `performance_metrics`.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Metric, such as `streaming.time_to_first_token_ms`.
    pub name: String,
    /// `latency`, `throughput`, `size`, `ratio`, `count` or `gauge`.
    pub kind: String,
    /// Value.
    pub value: f64,
    /// Unit, such as `ms`.
    pub unit: String,
    /// Operation.
    pub operation: Option<String>,
    /// Component.
    pub component: Option<String>,
}

/// A change made to an event for storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[schema(as = Change)]
#[serde(rename_all = "snake_case")]
pub enum EventChange {
    /// Secrets were redacted.
    Redacted,
    /// Strings were truncated.
    Truncated,
    /// Data beyond the size limit was dropped.
    SizeLimitExceeded,
    /// NUL characters were removed.
    NulRemoved,
    /// The time was clamped to the accepted range.
    ClockClamped,
    /// The trace id was dropped, because it is none.
    TraceIdDropped,
    /// The run id was dropped, because it is none.
    RunIdDropped,
}

/// The reason why an event was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Reason)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// The event is not an object, has no type, or has a field of the wrong type.
    Invalid,
    /// The type is too long.
    TypeTooLong,
    /// The event is nested too deeply.
    TooDeep,
    /// A number is out of range, `NaN` or `Infinity`.
    NumberOutOfRange,
    /// The database refused the event.
    Unstorable,
    /// Another event was stored before in this place of the batch.
    BatchIdReused,
}

/// An event that was not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Rejected)]
pub struct RejectedEvent {
    /// Index in the batch, from 0.
    pub index: usize,
    /// Reason, for programs.
    pub reason: RejectReason,
    /// Reason, in words.
    pub detail: String,
}

/// An event that was changed for storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ChangedEvent {
    /// Index in the batch, from 0.
    pub index: usize,
    /// Changes.
    pub changes: Vec<EventChange>,
}

/// A parsed batch.
#[derive(Clone, Debug)]
pub struct ParsedBatch {
    /// Batch id, as the client sent it.
    pub name: String,
    /// Batch id, as it is stored.
    pub id: String,
    /// Number of events received.
    pub received: usize,
    /// Events that can be stored, in order.
    pub events: Vec<ClientEvent>,
    /// Rejected events.
    pub rejected: Vec<RejectedEvent>,
    /// True if invalid UTF-8 was replaced.
    pub has_replaced_text: bool,
}

/// The result of committing a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitResult {
    /// Events stored by this request or an earlier one.
    pub persisted: usize,
    /// Events stored by an earlier request.
    pub repeated: usize,
    /// Events that the database refused, or whose place has another one.
    pub refused: Vec<RejectedEvent>,
}

impl CommitResult {
    /// The result of a batch that was not known before.
    pub fn of_new(events: usize) -> Self {
        Self {
            persisted: events,
            repeated: 0,
            refused: Vec::new(),
        }
    }
}
