//! The SQL of questions to users.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::platform::db::{strip_nul, to_jsonb};
use crate::platform::ids::{OrgId, UserId};
use crate::platform::redact::json::redact_json;
use crate::runs::model::{PromptId, RunId, ToolCallId};

/// A question that waits for its answer.
#[derive(Clone, Debug)]
pub struct NewPrompt {
    /// The prompt.
    pub id: PromptId,
    /// The run that asks.
    pub run_id: RunId,
    /// The call that asks.
    pub tool_call_id: ToolCallId,
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
    let mut question = to_jsonb(&prompt.question);
    redact_json(&mut question);
    sqlx::query!(
        "insert into prompts (prompt_id, run_id, tool_call_id, org_id, user_id, question, status,
                              created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, 'pending', $7, $8)",
        prompt.id.0,
        prompt.run_id.0,
        prompt.tool_call_id.0,
        org_id.as_str(),
        user_id.as_str(),
        question,
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

/// The question of a call, if it was asked before.
pub async fn prompt_of_call(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    call: ToolCallId,
) -> sqlx::Result<Option<PromptId>> {
    sqlx::query_scalar!(
        r#"select prompt_id as "id: PromptId" from prompts
           where org_id = $1 and run_id = $2 and tool_call_id = $3"#,
        org_id.as_str(),
        run_id.0,
        call.0,
    )
    .fetch_optional(conn)
    .await
}

/// The question that a run waits for.
pub async fn pending_prompt(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<Option<(PromptId, Value)>> {
    let row = sqlx::query!(
        r#"select prompt_id as "id: PromptId", question from prompts
           where org_id = $1 and run_id = $2 and status = 'pending'
           order by created_at desc limit 1"#,
        org_id.as_str(),
        run_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.id, row.question)))
}
