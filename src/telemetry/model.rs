//! A batch of client events, what becomes rows of it, and what its client is told.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::platform::ids::{OrgId, UserId};

/// The largest body, as it comes and unpacked, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The most events of a batch.
pub const MAX_EVENTS: usize = 1_000;
/// The longest id of a batch, in bytes.
pub const MAX_BATCH_ID_BYTES: usize = 128;
/// The longest type of an event, in characters.
pub const MAX_TYPE_CHARS: usize = 128;
/// The longest string that is kept whole, in characters.
pub const MAX_STRING_CHARS: usize = 10_000;
/// The most that is kept of an event, in bytes of names and values.
pub const MAX_EVENT_BYTES: usize = 50_000;
/// How deep an event may be nested, its own object being the first level.
pub const MAX_DEPTH: usize = 32;
/// The longest of the short texts beside an event: session, version, component and their like.
pub const MAX_NAME_CHARS: usize = 128;
/// The most measurements that are taken from one event.
pub const MAX_MEASUREMENTS: usize = 20;

/// How old an event may say to be: clients that were offline deliver late.
pub const MAX_AGE: TimeDelta = TimeDelta::days(30);
/// How far in the future a client's clock may be.
pub const MAX_AHEAD: TimeDelta = TimeDelta::minutes(5);

/// Who sends a batch, by the token and the headers.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The organisation.
    pub org_id: OrgId,
    /// The person.
    pub user_id: UserId,
    /// What the client calls itself in its headers.
    pub user_agent: Option<String>,
}

/// An event that can be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place in its batch.
    pub index: usize,
    /// Its type, such as `navi.error`.
    pub kind: String,
    /// What it carries, without secrets and within limits.
    pub data: Map<String, Value>,
    /// What else it said; empty for most.
    pub extra: Map<String, Value>,
    /// The client's session.
    pub session_id: Option<String>,
    /// Which client, such as `vscode`.
    pub source: String,
    /// The client's version.
    pub version: Option<String>,
    /// How long what it reports took.
    pub duration_ms: Option<i64>,
    /// The error that it reports.
    pub error_message: Option<String>,
    /// Where that happened.
    pub error_stack: Option<String>,
    /// The error's code.
    pub error_code: Option<String>,
    /// The trace that it belongs to, 32 hexadecimal digits.
    pub trace_id: Option<String>,
    /// The run that it belongs to.
    pub run_id: Option<Uuid>,
    /// When it happened, by the client's clock as far as that can be believed.
    pub occurred_at: DateTime<Utc>,
    /// An error to be grouped with its like.
    pub error: Option<Occurrence>,
    /// What was measured.
    pub measurements: Vec<Measurement>,
    /// What was changed before it could be kept.
    pub changes: Vec<Change>,
}

impl Event {
    /// The part of the type before the first dot, if there is one.
    pub fn category(&self) -> Option<&str> {
        self.kind.split_once('.').map(|(category, _)| category)
    }

    /// The part of the type after the first dot; all of it without one.
    pub fn name(&self) -> &str {
        self.kind
            .split_once('.')
            .map_or(&self.kind, |(_, name)| name)
    }
}

/// Who noticed an error.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[schema(as = ErrorSource)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Source {
    /// A client.
    Client,
    /// This server, answering a request or working in the background.
    Server,
    /// A run of the agent.
    Run,
}

impl Source {
    /// The value of the column `source`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Run => "run",
        }
    }
}

/// One error: a row of `error_events`, and one more of its group.
#[derive(Clone, Debug, PartialEq)]
pub struct Occurrence {
    /// Whose; empty for what this server did for nobody.
    pub org_id: String,
    /// Whom it happened to; empty when to nobody.
    pub user_id: String,
    /// Who noticed.
    pub source: Source,
    /// The kind of error.
    pub error_type: String,
    /// A code, when it has one.
    pub error_code: Option<String>,
    /// How bad it is.
    pub severity: String,
    /// What it says.
    pub message: String,
    /// Where it happened.
    pub stack: Option<String>,
    /// The part of the program.
    pub component: Option<String>,
    /// What it was doing.
    pub operation: Option<String>,
    /// The client's session.
    pub session_id: Option<String>,
    /// The version of the program that failed.
    pub version: Option<String>,
    /// Whether a person saw it.
    pub user_visible: bool,
    /// Whether the program tried to go on.
    pub recovery_attempted: bool,
    /// What else is known.
    pub extra: Option<Value>,
    /// The trace.
    pub trace_id: Option<String>,
    /// The run.
    pub run_id: Option<Uuid>,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// When this server heard of it.
    pub created_at: DateTime<Utc>,
}

impl Occurrence {
    /// An error of this server at a moment, of which nothing else is known yet.
    pub fn of_this_server(now: DateTime<Utc>) -> Self {
        Self {
            org_id: String::new(),
            user_id: String::new(),
            source: Source::Server,
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
    /// What was measured, such as `streaming.time_to_first_token_ms`.
    pub name: String,
    /// What kind of number it is: `latency`, `throughput`, `size`, `ratio`, `count` or `gauge`.
    pub kind: String,
    /// The value.
    pub value: f64,
    /// Its unit, such as `ms`.
    pub unit: String,
    /// What was being done.
    pub operation: Option<String>,
    /// The part of the program.
    pub component: Option<String>,
}

/// What was done to an event so that it could be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Secrets were taken out.
    Redacted,
    /// Strings were cut.
    Truncated,
    /// What went beyond the size was left out.
    SizeLimitExceeded,
    /// NUL characters were taken out.
    NulRemoved,
    /// Its time could not be believed; the nearest possible one stands in its place.
    ClockClamped,
}

/// Why an event was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is no object, has no type, or a field of it has the wrong kind of value.
    Invalid,
    /// Its type is too long.
    TypeTooLong,
    /// It is nested too deeply.
    TooDeep,
    /// It has a number that no program can hold, or one that is none: `NaN`, `Infinity`.
    NumberOutOfRange,
    /// The database refused it.
    Unstorable,
}

/// An event that was not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Rejected {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// Why, for a program.
    pub reason: Reason,
    /// Why, for a person.
    pub detail: String,
}

/// A batch as it was read: what can be stored of it, and what not.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The client's name for it, as the client wrote it.
    pub name: String,
    /// The name under which it is remembered.
    pub id: String,
    /// How many events it has.
    pub received: usize,
    /// Those that can be stored, in order.
    pub events: Vec<Event>,
    /// The others.
    pub rejected: Vec<Rejected>,
    /// Whether bytes that are no text were replaced.
    pub has_replaced_text: bool,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// How many of its events are stored now, by this request or an earlier one.
    pub persisted: usize,
    /// How many of them were stored before.
    pub before: usize,
    /// Events that turned out to be unstorable.
    pub refused: Vec<Rejected>,
}
