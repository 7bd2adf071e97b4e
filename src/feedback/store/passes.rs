//! The SQL of what passes of the analyzer did, whoever made them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A pass, as it was noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Its number; later passes have larger ones, because one is made at a time.
    pub id: i64,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How: `done`, `partly`, `failed` or `interrupted`.
    pub outcome: String,
    /// Rows that were read.
    pub rows_read: i64,
    /// Insights that were new.
    pub insights_made: i32,
    /// Insights that changed.
    pub insights_changed: i32,
    /// Insights that were retired.
    pub insights_retired: i32,
}

/// The number of the newest pass; 0 when there is none. Of all organisations, as passes are.
pub async fn newest(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select coalesce(max(id), 0) as "newest!" from learning_passes"#)
        .fetch_one(conn)
        .await
}

/// The passes after one, the oldest first.
pub async fn after(conn: &mut PgConnection, id: i64, limit: i64) -> sqlx::Result<Vec<Noted>> {
    sqlx::query_as!(
        Noted,
        "select id, started_at, ended_at, outcome, rows_read, insights_made, insights_changed,
                insights_retired
         from learning_passes where id > $1 order by id limit $2",
        id,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// When a pass last looked at every organisation that was due.
pub async fn last_success(conn: &mut PgConnection) -> sqlx::Result<Option<DateTime<Utc>>> {
    let row = sqlx::query_scalar!("select last_success from learning_progress")
        .fetch_optional(conn)
        .await?;
    Ok(row.flatten())
}
