//! The SQL of consents and questions together.

use sqlx::PgConnection;

use crate::platform::ids::{OrgId, RunId};

/// The requests of a run to its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunRequests {
    /// True if one waits for its answer.
    pub is_waiting: bool,
    /// True if one for an action was denied.
    pub was_denied: bool,
}

/// The requests of a run.
pub async fn of_run(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<RunRequests> {
    sqlx::query_as!(
        RunRequests,
        r#"select exists (select from consents
                          where org_id = $1 and run_id = $2 and status = 'pending')
               or exists (select from prompts
                          where org_id = $1 and run_id = $2 and status = 'pending') as "is_waiting!",
                  exists (select from consents
                          where org_id = $1 and run_id = $2 and choice = 'deny') as "was_denied!""#,
        org_id.as_str(),
        run_id.0,
    )
    .fetch_one(conn)
    .await
}
