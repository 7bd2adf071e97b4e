//! Returns the guidance for a task.

use sqlx::PgConnection;

use crate::feedback::guidance::model::{Guidance, TaskContext};
use crate::feedback::guidance::store;

/// Returns the guidance for a task from the insights that are active now.
pub async fn guidance(conn: &mut PgConnection, task: &TaskContext<'_>) -> sqlx::Result<Guidance> {
    let insights = store::applicable(conn, task).await?;
    Ok(Guidance::of(&insights, task.seed))
}
