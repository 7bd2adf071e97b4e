//! The SQL of statistics and of the list of ratings.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::cursor::RatingCursor;
use crate::platform::ids::OrgId;

/// The most reasons in statistics, the most frequent.
const MAX_REASONS: i64 = 100;

/// Counts of a category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategoryCounts {
    /// Category.
    pub category: String,
    /// Answers.
    pub generations: i64,
    /// Answers rated up.
    pub up: i64,
    /// Answers rated down.
    pub down: i64,
    /// Answers whose rating was withdrawn.
    pub withdrawn: i64,
    /// Answers accepted, by a rating or a signal.
    pub accepted: i64,
    /// Answers rejected.
    pub rejected: i64,
}

/// Counts the answers of an organisation since a moment, by category. A rating belongs to the time of its
/// answer, so there are never more ratings than answers.
pub async fn by_category(
    conn: &mut PgConnection,
    org_id: &OrgId,
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<CategoryCounts>> {
    sqlx::query_as!(
        CategoryCounts,
        r#"select g.category, count(*) as "generations!",
                  count(*) filter (where f.rating = 1) as "up!",
                  count(*) filter (where f.rating = -1) as "down!",
                  count(*) filter (where f.rating = 0) as "withdrawn!",
                  count(*) filter (where s.feedback_type in ('accepted', 'modified')) as "accepted!",
                  count(*) filter (where s.feedback_type = 'rejected') as "rejected!"
           from ai_generation_log g
           left join ai_feedback f
             on f.org_key = $1 and f.gen_id = g.id and f.user_sub = g.user_sub
           left join learning_suggestions s on s.org_id = $1 and s.gen_id = g.id
           where g.org_key = $1 and g.created_at >= $2
           group by g.category order by g.category"#,
        org_id as &OrgId,
        since,
    )
    .fetch_all(conn)
    .await
}

/// The frequency of a reason or a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCount {
    /// True for a reason, false for a signal.
    pub is_reason: bool,
    /// Reason or signal.
    pub name: String,
    /// Frequency.
    pub count: i64,
}

/// Counts the reasons and the signals of answers since a moment.
pub async fn reasons_and_signals(
    conn: &mut PgConnection,
    org_id: &OrgId,
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<NamedCount>> {
    sqlx::query_as!(
        NamedCount,
        r#"with recent as (
               select id, user_sub from ai_generation_log
               where org_key = $1 and created_at >= $2
           ), reasons as (
               select f.reason as name, count(*) as count
               from recent g
               join ai_feedback f on f.org_key = $1 and f.gen_id = g.id and f.user_sub = g.user_sub
               where f.reason is not null and f.rating <> 0
               group by f.reason order by count(*) desc, f.reason limit $3
           ), signals as (
               select s.signal as name, count(*) as count
               from recent g join ai_feedback_signals s on s.org_key = $1 and s.gen_id = g.id
               group by s.signal
           )
           select true as "is_reason!", name as "name!", count as "count!" from reasons
           union all
           select false, name, count from signals"#,
        org_id as &OrgId,
        since,
        MAX_REASONS,
    )
    .fetch_all(conn)
    .await
}

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

/// Counts the ratings of an organisation.
pub async fn total(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from ai_feedback where org_key = $1"#,
        org_id as &OrgId,
    )
    .fetch_one(conn)
    .await
}
