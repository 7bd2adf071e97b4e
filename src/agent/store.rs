//! The SQL of runs, their messages, their tool calls and their prompts.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::agent::model::{PromptId, Run, RunId, RunStatus, ToolCallId};
use crate::llm::model::{Message, ToolCall};
use crate::platform::db::{strip_nul, to_jsonb};
use crate::platform::ids::{OrgId, UserId};

/// Writes a run that begins now; its log is empty.
pub async fn insert_run(conn: &mut PgConnection, run: &Run, options: &Value) -> sqlx::Result<()> {
    let task = strip_nul(&run.task.message);
    let requested_model = run.model.requested.as_deref().map(strip_nul);
    sqlx::query!(
        "insert into runs (run_id, org_id, user_id, conversation_id, kind, status, task,
                           workspace_path, requested_model, provider, model, options,
                           created_at, updated_at, started_at)
         values ($1, $2, $3, $4, 'autonomous', 'running', $5, $6, $7, $8, $9, $10, $11, $11, $11)",
        run.id.0,
        run.org_id.as_str(),
        run.user_id.as_str(),
        run.task.conversation_id.map(|id| id.0),
        task.as_ref(),
        run.task.workspace_path.as_deref(),
        requested_model.as_deref(),
        run.model.provider,
        run.model.model,
        to_jsonb(options),
        run.created_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a run. Answers whether it was still open.
pub async fn finish_run(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    status: RunStatus,
    summary: &Value,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update runs set status = $3, summary = $4, finished_at = $5, updated_at = $5
         where org_id = $1 and run_id = $2 and finished_at is null",
        org_id.as_str(),
        run_id.0,
        status as RunStatus,
        to_jsonb(summary),
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts a run back into the queue: its process ends before it does.
pub async fn release_run(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update runs set status = 'queued', updated_at = $3
         where org_id = $1 and run_id = $2 and status = 'running'",
        org_id.as_str(),
        run_id.0,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes a message of the conversation with the model; writing it again changes nothing.
pub async fn insert_message(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    position: i32,
    message: &Message,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into run_messages (org_id, run_id, position, content, created_at)
         values ($1, $2, $3, $4, $5) on conflict do nothing",
        org_id.as_str(),
        run_id.0,
        position,
        to_jsonb(message),
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes a tool call that is intended; writing it again changes nothing.
pub async fn insert_tool_call(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    id: ToolCallId,
    position: i32,
    call: &ToolCall,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let (call_id, name) = (strip_nul(&call.id), strip_nul(&call.name));
    sqlx::query!(
        "insert into tool_calls (org_id, run_id, tool_call_id, position, provider_call_id, name,
                                 arguments, status, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, 'planned', $8) on conflict do nothing",
        org_id.as_str(),
        run_id.0,
        id.0,
        position,
        call_id.as_ref(),
        name.as_ref(),
        to_jsonb(&call.arguments),
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A tool call begins to have effects.
pub async fn start_tool_call(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: ToolCallId,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update tool_calls set status = 'started', started_at = $3
         where org_id = $1 and tool_call_id = $2 and status = 'planned'",
        org_id.as_str(),
        id.0,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
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

/// A question that waits for its answer.
#[derive(Clone, Debug)]
pub struct NewPrompt {
    /// The prompt.
    pub id: PromptId,
    /// The run that asks.
    pub run_id: RunId,
    /// What is asked, as the client shows it.
    pub question: Value,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
    /// Until when it may be answered.
    pub expires_at: DateTime<Utc>,
}

/// Writes a question.
pub async fn insert_prompt(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    prompt: &NewPrompt,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into prompts (prompt_id, run_id, org_id, user_id, question, status, created_at,
                              expires_at)
         values ($1, $2, $3, $4, $5, 'pending', $6, $7)",
        prompt.id.0,
        prompt.run_id.0,
        org_id.as_str(),
        user_id.as_str(),
        to_jsonb(&prompt.question),
        prompt.created_at,
        prompt.expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Where a prompt stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptState {
    /// `pending`, `answered`, `canceled` or `expired`.
    pub status: String,
    /// The answer, when there is one.
    pub response: Option<String>,
    /// Until when it may be answered.
    pub expires_at: DateTime<Utc>,
}

/// Where a prompt of this user stands.
pub async fn find_prompt(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: PromptId,
) -> sqlx::Result<Option<PromptState>> {
    sqlx::query_as!(
        PromptState,
        "select status, response, expires_at from prompts
         where org_id = $1 and user_id = $2 and prompt_id = $3",
        org_id.as_str(),
        user_id.as_str(),
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// Settles a prompt that is still pending; of two answers the first wins. Answers whether this one
/// did.
pub async fn settle_prompt(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: PromptId,
    status: &str,
    response: Option<&str>,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let response = response.map(strip_nul);
    let done = sqlx::query!(
        "update prompts set status = $4, response = $5,
                            answered_at = case when $4 = 'answered' then $6::timestamptz end
         where org_id = $1 and user_id = $2 and prompt_id = $3 and status = 'pending'",
        org_id.as_str(),
        user_id.as_str(),
        id.0,
        status,
        response.as_deref(),
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Closes the questions of a run that is over: nobody would read their answers.
pub async fn close_prompts(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update prompts set status = 'expired'
         where org_id = $1 and run_id = $2 and status = 'pending'",
        org_id.as_str(),
        run_id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The calls of a run that have no result yet, in order: each with the provider's name for it.
pub async fn open_tool_calls(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<Vec<(ToolCallId, String)>> {
    let rows = sqlx::query!(
        "select tool_call_id, provider_call_id from tool_calls
         where org_id = $1 and run_id = $2 and status <> 'finished'
         order by position",
        org_id.as_str(),
        run_id.0,
    )
    .fetch_all(conn)
    .await?;
    let calls = rows.into_iter();
    Ok(calls
        .map(|row| (ToolCallId(row.tool_call_id), row.provider_call_id))
        .collect())
}
