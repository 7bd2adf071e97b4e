//! The SQL of records of the analyzer's passes.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// The record of a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassRecord {
    /// Row number; it increases, because passes run one at a time.
    pub id: i64,
    /// Start of the pass.
    pub started_at: DateTime<Utc>,
    /// End of the pass.
    pub ended_at: DateTime<Utc>,
    /// `done`, `partly`, `failed` or `interrupted`.
    pub outcome: String,
    /// Rows read.
    pub rows_read: i64,
    /// Insights created.
    pub insights_made: i32,
    /// Insights changed.
    pub insights_changed: i32,
    /// Insights retired.
    pub insights_retired: i32,
}

/// Returns the number of the newest pass; 0 without one. Passes cover all organisations.
pub async fn newest(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select coalesce(max(id), 0) as "newest!" from learning_passes"#)
        .fetch_one(conn)
        .await
}

/// Returns the passes after one, the oldest first.
pub async fn after(conn: &mut PgConnection, id: i64, limit: i64) -> sqlx::Result<Vec<PassRecord>> {
    sqlx::query_as!(
        PassRecord,
        "select id, started_at, ended_at, outcome, rows_read, insights_made, insights_changed,
                insights_retired
         from learning_passes where id > $1 order by id limit $2",
        id,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Returns the time of the last successful pass.
pub async fn last_success(conn: &mut PgConnection) -> sqlx::Result<Option<DateTime<Utc>>> {
    let row = sqlx::query_scalar!("select last_success from learning_progress")
        .fetch_optional(conn)
        .await?;
    Ok(row.flatten())
}
