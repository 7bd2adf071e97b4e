//! The SQL of jobs.

use sqlx::PgConnection;

use crate::jobs::cursor::{BEGINNING, JobCursor};
use crate::jobs::model::Job;
use crate::platform::ids::{ConversationId, OrgId, RunId, UserId};
use crate::runs::model::{RunKind, RunStatus};

/// The query of jobs: how much of the task is read, and of which runs, differs.
macro_rules! jobs {
    ($task:literal, $rest:literal, $($arguments:tt)*) => {
        sqlx::query_as!(
            Job,
            r#"select run_id as "id: RunId", kind as "kind: RunKind",
                      status as "status: RunStatus", phase, "#
                + $task
                + r#" as "task!", workspace_path,
                      conversation_id as "conversation_id: ConversationId", provider, model,
                      options->'router_info' as router_info,
                      metadata, last_sequence, error, summary, takeovers,
                      cancel_requested_at is not null as "cancel_requested!",
                      (finished_at is null and available_at is null) as "is_held_back!",
                      created_at, updated_at, started_at, finished_at
               from runs "#
                + $rest,
            $($arguments)*
        )
    };
}

/// The user's own job.
pub async fn find(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: RunId,
) -> sqlx::Result<Option<Job>> {
    jobs!(
        "task",
        "where org_id = $1 and user_id = $2 and run_id = $3",
        org_id.as_str(),
        user_id.as_str(),
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// The user's jobs after a cursor, newest first, with the beginnings of their tasks, which are up to
/// half a megabyte each; those with one status when it is named. Two statements rather than one that
/// knows both, so that each has the index that is made for it.
pub async fn list(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    status: Option<RunStatus>,
    before: Option<JobCursor>,
    limit: i64,
) -> sqlx::Result<Vec<Job>> {
    let before = before.unwrap_or(BEGINNING);
    match status {
        None => {
            jobs!(
                "left(task, 2000)",
                "where org_id = $1 and user_id = $2 and (created_at, run_id) < ($3, $4)
                 order by created_at desc, run_id desc limit $5",
                org_id.as_str(),
                user_id.as_str(),
                before.at,
                before.id.0,
                limit,
            )
            .fetch_all(conn)
            .await
        }
        Some(status) => {
            jobs!(
                "left(task, 2000)",
                "where org_id = $1 and user_id = $2 and status = $6
                   and (created_at, run_id) < ($3, $4)
                 order by created_at desc, run_id desc limit $5",
                org_id.as_str(),
                user_id.as_str(),
                before.at,
                before.id.0,
                limit,
                status as RunStatus,
            )
            .fetch_all(conn)
            .await
        }
    }
}
