//! The SQL of questions to users.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::approvals::questions::model::{NewQuestion, QuestionState, QuestionStatus};
use crate::platform::ids::{OrgId, PromptId, RunId, ToolCallId, UserId};
use crate::platform::json::{show_json, strip_nul, to_jsonb};
use crate::platform::redact::json::redact_json;
use crate::platform::text::visible_prose;

/// Writes a question.
pub async fn insert(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    question: &NewQuestion,
) -> sqlx::Result<()> {
    let mut shown = to_jsonb(&question.question);
    redact_json(&mut shown);
    show_json(&mut shown, visible_prose);
    sqlx::query!(
        "insert into prompts (prompt_id, run_id, tool_call_id, org_id, user_id, question, status,
                              created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, 'pending', $7, $8)",
        question.id.0,
        question.run_id.0,
        question.tool_call_id.0,
        org_id.as_str(),
        user_id.as_str(),
        shown,
        question.created_at,
        question.expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The state of a question of this user.
pub async fn find(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: PromptId,
) -> sqlx::Result<Option<QuestionState>> {
    sqlx::query_as!(
        QuestionState,
        r#"select status as "status: QuestionStatus", response, expires_at,
                  question ? 'nobody_asked' as "nobody_asked!"
           from prompts
           where org_id = $1 and user_id = $2 and prompt_id = $3"#,
        org_id.as_str(),
        user_id.as_str(),
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// Settles a question that is still pending; of two answers the first wins. Returns whether this one
/// did.
pub async fn settle(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: PromptId,
    status: QuestionStatus,
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
        status as QuestionStatus,
        response.as_deref(),
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Closes a question that is still pending, because no person could be asked. Returns whether this did.
pub async fn leave_unasked(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: PromptId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"update prompts set status = 'expired', question = question || '{"nobody_asked": true}'
           where org_id = $1 and user_id = $2 and prompt_id = $3 and status = 'pending'"#,
        org_id.as_str(),
        user_id.as_str(),
        id.0,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Closes the questions of a run that is over: no run would read their answers.
pub async fn close_of_run(
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
pub async fn of_call(
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

/// The question that each of these runs waits with, if it has one.
pub async fn pending_of_runs(
    conn: &mut PgConnection,
    org_id: &OrgId,
    runs: &[RunId],
) -> sqlx::Result<Vec<(RunId, PromptId, Value)>> {
    let rows = sqlx::query!(
        r#"select distinct on (run_id)
                  run_id as "run_id: RunId", prompt_id as "id: PromptId", question
           from prompts
           where org_id = $1 and run_id = any($2) and status = 'pending'
           order by run_id, created_at desc"#,
        org_id.as_str(),
        runs as &[RunId],
    )
    .fetch_all(conn)
    .await?;
    let questions = rows.into_iter();
    Ok(questions
        .map(|row| (row.run_id, row.id, row.question))
        .collect())
}
