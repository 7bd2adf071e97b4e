//! The SQL of the list of ratings.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::cursor::RatingCursor;
use crate::platform::ids::OrgId;

/// A rating and the answer it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct RecentRating {
    /// Row number.
    pub id: i64,
    /// Answer.
    pub gen_id: i64,
    /// -1, 0 or 1.
    pub rating: i16,
    /// Reason, in a word.
    pub reason: Option<String>,
    /// Comment.
    pub comment: Option<String>,
    /// Time of the first rating.
    pub created_at: DateTime<Utc>,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
    /// Task type.
    pub task_type: String,
    /// Category of the work.
    pub category: String,
    /// Model that answered.
    pub model: String,
    /// Temperature, if one was set.
    pub temperature: Option<f64>,
    /// Run or conversation of the answer.
    pub task_id: Option<String>,
    /// Signals on the answer.
    pub signals: Vec<String>,
}

/// Returns the ratings of an organisation after a cursor, the newest first.
pub async fn recent(
    conn: &mut PgConnection,
    org_id: &OrgId,
    after: RatingCursor,
    limit: i64,
) -> sqlx::Result<Vec<RecentRating>> {
    sqlx::query_as!(
        RecentRating,
        r#"select f.id, f.gen_id, f.rating, f.reason, f.comment, f.created_at, f.updated_at,
                  g.task_type, g.category, g.model, g.temperature, g.result_ref as task_id,
                  array(select s.signal from ai_feedback_signals s
                        where s.org_key = $1 and s.gen_id = f.gen_id
                        order by s.created_at, s.signal) as "signals!"
           from ai_feedback f
           join ai_generation_log g on g.org_key = $1 and g.id = f.gen_id
           where f.org_key = $1 and (f.created_at, f.id) < ($2, $3)
           order by f.created_at desc, f.id desc limit $4"#,
        org_id as &OrgId,
        after.at,
        after.id,
        limit,
    )
    .fetch_all(conn)
    .await
}
