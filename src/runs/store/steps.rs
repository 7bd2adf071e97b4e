//! The SQL of a run's steps: what was said to the model, and what it asked for. What a running run writes of
//! them goes through its log.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryScalar;
use sqlx::types::Json;
use sqlx::{PgConnection, Postgres};

use crate::llm::model::Message;
use crate::platform::ids::{OrgId, RunId, ToolCallId};
use crate::platform::json::to_jsonb;

/// The conversation of a run with the model, in order.
pub async fn run_messages(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<Vec<Message>> {
    let rows = sqlx::query_scalar!(
        r#"select content as "content: Json<Message>" from run_messages
           where org_id = $1 and run_id = $2 order by position"#,
        org_id.as_str(),
        run_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// A tool call begins to have effects, or begins again because it is known that it had none. Answers true if
/// it had been started before.
pub async fn start_tool_call(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: ToolCallId,
    probe: &Value,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let before = start(org_id, id, probe, at).fetch_optional(conn).await?;
    Ok(before.unwrap_or(true))
}

/// The same with the statement that follows, for callers to whom it is all one if it had been started.
pub async fn start_tool_call_along(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: ToolCallId,
    probe: &Value,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    conn.queue(start(org_id, id, probe, at)).await
}

fn start(
    org_id: &OrgId,
    id: ToolCallId,
    probe: &Value,
    at: DateTime<Utc>,
) -> QueryScalar<'static, Postgres, bool, PgArguments> {
    sqlx::query_scalar!(
        r#"with before as (
             select org_id, tool_call_id, status from tool_calls
             where org_id = $1 and tool_call_id = $2 and status <> 'finished' for update
           )
           update tool_calls call set status = 'started', started_at = $3, probe = $4
           from before
           where call.org_id = before.org_id and call.tool_call_id = before.tool_call_id
           returning before.status = 'started' as "again!""#,
        org_id.as_str(),
        id.0,
        at,
        to_jsonb(probe),
    )
}

/// A tool call is over.
pub async fn finish_tool_call(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: ToolCallId,
    result: &Value,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update tool_calls set status = 'finished', result = $3, finished_at = $4
         where org_id = $1 and tool_call_id = $2 and status <> 'finished'",
        org_id.as_str(),
        id.0,
        to_jsonb(result),
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A call that has no result yet.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenCall {
    /// Its row.
    pub id: ToolCallId,
    /// The provider's name for it.
    pub call_id: String,
    /// Its progress.
    pub progress: CallProgress,
    /// The probe that recognises its effect, once it began.
    pub probe: Option<Value>,
}

/// The progress of a call without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum CallProgress {
    /// It was shown; nothing happened.
    Planned,
    /// It was allowed; nothing happened.
    Approved,
    /// It began, and may or may not have had its effect.
    Started,
}

/// The calls of a run that have no result yet, in order.
pub async fn open_tool_calls(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<Vec<OpenCall>> {
    sqlx::query_as!(
        OpenCall,
        r#"select tool_call_id as "id: ToolCallId", provider_call_id as call_id,
                  status as "progress: CallProgress", probe
           from tool_calls
           where org_id = $1 and run_id = $2 and status <> 'finished'
           order by position"#,
        org_id.as_str(),
        run_id.0,
    )
    .fetch_all(conn)
    .await
}

/// Counts the calls that a run has made.
pub async fn count_tool_calls(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        r#"select coalesce(max(position), 0) as "count!" from tool_calls
           where org_id = $1 and run_id = $2"#,
        org_id.as_str(),
        run_id.0,
    )
    .fetch_one(conn)
    .await
}
