//! The SQL of ratings.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::model::Rating;
use crate::platform::ids::{OrgId, UserId};

/// A stored rating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRating {
    /// Rating.
    pub rating: Rating,
    /// Reason, in a word.
    pub reason: Option<String>,
    /// Comment.
    pub comment: Option<String>,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
}

impl StoredRating {
    /// Equal to another but for its time.
    pub fn is_same_as(&self, other: &Self) -> bool {
        (self.rating, &self.reason, &self.comment) == (other.rating, &other.reason, &other.comment)
    }
}

/// Stores the rating of a generation, which must be locked. Returns the rating that it replaces; the
/// same rating again changes nothing, not even the time.
pub async fn put(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
    owner: &UserId,
    rating: &StoredRating,
) -> sqlx::Result<Option<StoredRating>> {
    let row = sqlx::query!(
        r#"with before as (
               select rating, reason, comment, updated_at from ai_feedback
               where org_key = $1 and gen_id = $2 and user_sub = $3
           ), said as (
               insert into ai_feedback as f
                   (org_key, gen_id, user_sub, rating, reason, comment, created_at, updated_at)
               values ($1, $2, $3, $4, $5, $6, $7, $7)
               on conflict (org_key, gen_id, user_sub) do update set
                   rating = excluded.rating, reason = excluded.reason, comment = excluded.comment,
                   updated_at = excluded.updated_at
               where (f.rating, f.reason, f.comment)
                     is distinct from (excluded.rating, excluded.reason, excluded.comment)
           )
           select rating, reason, comment, updated_at from before"#,
        org_id as &OrgId,
        gen_id,
        owner as &UserId,
        rating.rating.number(),
        rating.reason,
        rating.comment,
        rating.updated_at,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.and_then(|row| {
        Some(StoredRating {
            rating: Rating::of(row.rating.into())?,
            reason: row.reason,
            comment: row.comment,
            updated_at: row.updated_at,
        })
    }))
}

/// A generation and its owner's rating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnGeneration {
    /// Rating, if there is one.
    pub rating: Option<StoredRating>,
}

/// Finds a generation of this owner, with the rating.
pub async fn find(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
    owner: &UserId,
) -> sqlx::Result<Option<OwnGeneration>> {
    let row = sqlx::query!(
        r#"select f.rating as "rating?", f.reason, f.comment, f.updated_at as "updated_at?"
           from ai_generation_log g
           left join ai_feedback f
             on f.org_key = g.org_key and f.gen_id = g.id and f.user_sub = g.user_sub
           where g.org_key = $1 and g.id = $2 and g.user_sub = $3"#,
        org_id as &OrgId,
        gen_id,
        owner as &UserId,
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let rating = row.rating.and_then(|rating| Rating::of(rating.into()));
    let rating = rating
        .zip(row.updated_at)
        .map(|(rating, updated_at)| StoredRating {
            rating,
            reason: row.reason,
            comment: row.comment,
            updated_at,
        });
    Ok(Some(OwnGeneration { rating }))
}
