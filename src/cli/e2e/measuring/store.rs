//! The times of a run, as the database has them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::platform::ids::{OrgId, RunId};

/// A call to a model.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CallTimes {
    /// The model that was asked, with its provider.
    pub model: String,
    /// Its beginning.
    pub created_at: DateTime<Utc>,
    /// Its duration.
    pub latency_ms: Option<i64>,
    /// Its outcome.
    pub status: String,
    /// True if the provider said how many tokens it took.
    pub is_counted: bool,
    /// Tokens of the prompt.
    pub input_tokens: i64,
    /// Of those, from the cache.
    pub cache_read_tokens: i64,
    /// Tokens of the answer.
    pub output_tokens: i64,
}

/// A call of a tool.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ToolTimes {
    /// The tool.
    pub name: String,
    /// The moment at which it was announced.
    pub created_at: DateTime<Utc>,
    /// Its beginning, if it ran.
    pub started_at: Option<DateTime<Utc>>,
    /// Its end.
    pub finished_at: Option<DateTime<Utc>>,
}

/// An event of a run that tells of its checks.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct EventTime {
    /// Its type.
    pub kind: String,
    /// Its fields.
    pub payload: Value,
    /// Its moment.
    pub created_at: DateTime<Utc>,
}

/// A wait for a person.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct WaitTimes {
    /// Its beginning.
    pub created_at: DateTime<Utc>,
    /// The moment of the answer.
    pub answered_at: DateTime<Utc>,
}

/// Everything about the time of one run.
#[derive(Clone, Debug)]
pub struct RunTimes {
    /// Calls to models, by their beginning.
    pub calls: Vec<CallTimes>,
    /// Calls of tools, by their announcement.
    pub tools: Vec<ToolTimes>,
    /// Events that tell of checks, in their order.
    pub events: Vec<EventTime>,
    /// Waits for a person.
    pub waits: Vec<WaitTimes>,
    /// The time that the search of the workspace took before the first turn, in whole milliseconds.
    pub searched: Duration,
}

/// Reads it.
pub async fn times(conn: &mut PgConnection, org: &OrgId, run: RunId) -> sqlx::Result<RunTimes> {
    let (org, run) = (org.to_string(), run.0);
    let calls = sqlx::query_as(
        "select provider || '/' || model as model, created_at, latency_ms, status,
                coalesce(extra_metadata ->> 'usage_reported', 'true') = 'true' as is_counted,
                input_tokens, cache_read_tokens, output_tokens
         from llm_metrics where org_id = $1 and run_id = $2 order by created_at, call_id",
    );
    let calls = calls.bind(&org).bind(run).fetch_all(&mut *conn).await?;
    let tools = sqlx::query_as(
        "select name, created_at, started_at, finished_at
         from tool_calls where org_id = $1 and run_id = $2 order by position",
    );
    let tools = tools.bind(&org).bind(run).fetch_all(&mut *conn).await?;
    let events = sqlx::query_as(
        "select kind, payload, created_at from run_events
         where org_id = $1 and run_id = $2
           and kind in ('status', 'thinking_progress', 'verification')
         order by sequence",
    );
    let events = events.bind(&org).bind(run).fetch_all(&mut *conn).await?;
    let waits = sqlx::query_as(
        "select created_at, answered_at from consents
         where org_id = $1 and run_id = $2 and answered_at is not null
         union all
         select created_at, answered_at from prompts
         where org_id = $1 and run_id = $2 and answered_at is not null",
    );
    let waits = waits.bind(&org).bind(run).fetch_all(&mut *conn).await?;
    let searched = sqlx::query_scalar(
        "select coalesce(sum(retrieval_latency_ms), 0)::bigint from rag_metrics
         where org_id = $1 and run_id = $2",
    );
    let searched: i64 = searched.bind(&org).bind(run).fetch_one(&mut *conn).await?;
    Ok(RunTimes {
        calls,
        tools,
        events,
        waits,
        searched: Duration::from_millis(u64::try_from(searched).unwrap_or(0)),
    })
}
