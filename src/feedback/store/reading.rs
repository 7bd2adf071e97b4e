//! What an organisation's people said, in numbers and one by one.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::cursor::Cursor;
use crate::platform::ids::OrgId;

/// How many reasons are told apart in statistics, the most frequent ones.
const MAX_REASONS: i64 = 100;

/// The answers of a category since a moment, and what was said of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategoryCounts {
    /// Which category.
    pub category: String,
    /// How many answers.
    pub generations: i64,
    /// How many of them are rated up,
    pub up: i64,
    /// down,
    pub down: i64,
    /// and how many were, until the rating was taken back.
    pub withdrawn: i64,
    /// How many were accepted, by a rating or by what happened to them,
    pub accepted: i64,
    /// and how many rejected.
    pub rejected: i64,
}

/// The answers of an organisation since a moment, by category. A rating counts with its answer, whenever
/// it was given, so there are never more ratings than answers.
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

/// How often a reason was given, or something happened to an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Whether it is a reason, and not a signal.
    pub is_reason: bool,
    /// The reason or the signal.
    pub name: String,
    /// How often.
    pub count: i64,
}

/// The reasons that were given for ratings of answers since a moment, and what happened to such answers.
pub async fn reasons_and_signals(
    conn: &mut PgConnection,
    org_id: &OrgId,
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<Named>> {
    sqlx::query_as!(
        Named,
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

/// A rating with what it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Recent {
    /// Its number.
    pub id: i64,
    /// Of which answer.
    pub gen_id: i64,
    /// -1, 0 or 1.
    pub rating: i16,
    /// Why, in a word.
    pub reason: Option<String>,
    /// Why, in more words.
    pub comment: Option<String>,
    /// When it was first given.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// What kind of answer was asked for.
    pub task_type: String,
    /// What kind of work it was.
    pub category: String,
    /// The model that answered.
    pub model: String,
    /// Its temperature, when one was set.
    pub temperature: Option<f64>,
    /// The run or conversation that the answer belongs to.
    pub task_id: Option<String>,
    /// What happened to the answer.
    pub signals: Vec<String>,
}

/// The ratings of an organisation from a place on, those given last first.
pub async fn recent(
    conn: &mut PgConnection,
    org_id: &OrgId,
    after: Cursor,
    limit: i64,
) -> sqlx::Result<Vec<Recent>> {
    sqlx::query_as!(
        Recent,
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

/// How many ratings an organisation has.
pub async fn total(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from ai_feedback where org_key = $1"#,
        org_id as &OrgId,
    )
    .fetch_one(conn)
    .await
}
