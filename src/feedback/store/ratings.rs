//! The SQL of ratings.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::model::Rating;
use crate::feedback::store::suggestions::learn;
use crate::feedback::vote::Vote;
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

/// The result of placing a rating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It is stored.
    Stored {
        /// Rating that it replaces.
        before: Option<StoredRating>,
        /// Number of the last change of an arm, to be added to it after the commit.
        last_change: Option<i64>,
    },
    /// The same was stored before, and nothing changed.
    Same(StoredRating),
    /// Nothing was done: this owner has no such answer, another transaction holds it, or one changed it
    /// since this statement began. Once [`suggestions::lock_generation`] was called before it in the
    /// same transaction, only the first is possible.
    ///
    /// [`suggestions::lock_generation`]: crate::feedback::store::suggestions::lock_generation
    Missed,
}

impl Placed {
    /// Returns the number of the last change of an arm, if any changes.
    pub fn last_change(&self) -> Option<i64> {
        match self {
            Self::Stored { last_change, .. } => *last_change,
            Self::Same(_) | Self::Missed => None,
        }
    }
}

/// Places the rating of an answer by its owner, with all that follows from it: the row of the analyzer with
/// this vote, its counts, and what it changes about the arms that were chosen for the answer. Without a vote there is
/// nothing to learn from it. One statement, because a rating waits for each.
///
/// A statement sees what was committed before it began, but it gets the answer's lock later. So it does
/// nothing if the lock is taken, and nothing if the row of the analyzer is not the one it saw: every
/// writer changes that under the lock. A first rating that withdraws teaches nothing and leaves no
/// such row; another rating that comes in the same moment replaces it as if it came second.
#[expect(
    clippy::too_many_lines,
    reason = "a rating waits for every statement, so this is one"
)]
pub async fn place(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
    owner: &UserId,
    rating: &StoredRating,
    vote: Option<Vote>,
) -> sqlx::Result<Placed> {
    let weight = vote.map(Vote::weight).unwrap_or_default();
    let row = learn!(
        r#"with answer as materialized (
               select g.* from ai_generation_log g
               where g.org_key = $1 and g.id = $2 and g.user_sub = $3
               for no key update skip locked
           ), before as materialized (
               select f.rating, f.reason, f.comment, f.updated_at,
                      (f.rating, f.reason, f.comment)
                          is not distinct from ($4::smallint, $5::text, $6::text) as is_same
               from ai_feedback f
               where f.org_key = $1 and f.gen_id = $2 and f.user_sub = $3
           ), wanted as materialized (
               select $8::text as verdict, $9::smallint as rating,
                      case when $9 <> 0 then $5 end as reason,
                      case when $9 <> 0 then $6 end as comment
           ), learned_before as materialized (
               select s.changed_xid,
                      (s.feedback_type, s.rating, s.reason, s.comment)
                          is not distinct from (w.verdict, w.rating, w.reason, w.comment) as is_same,
                      case when s.feedback_type in ('accepted', 'modified') then halves else 0 end
                          as accepted,
                      case s.feedback_type when 'rejected' then halves else 0 end as rejected
               from learning_suggestions s
               cross join lateral (
                   select case when s.rating is null then 1 when s.rating = 0 then 0 else 2 end
               ) h (halves)
               cross join wanted w
               where s.org_id = $1 and s.gen_id = $2
           ), moved as materialized (
               select a.*, w.verdict, w.rating as learned_rating, w.reason as learned_reason,
                      w.comment as learned_comment, $7::timestamptz as learned_at,
                      $10::integer - coalesce(l.accepted, 0) as accepted,
                      $11::integer - coalesce(l.rejected, 0) as rejected,
                      l.changed_xid as known_xid,
                      w.verdict is not null and not coalesce(l.is_same, false) as teaches
               from answer a
               cross join wanted w
               left join learned_before l on true
               left join before b on true
               where not coalesce(b.is_same, false)
           )"#,
        r#", said as (
               insert into ai_feedback as f
                   (org_key, gen_id, user_sub, rating, reason, comment, created_at, updated_at)
               select $1, $2, $3, $4, $5, $6, $7, $7
               from moved m where not m.teaches or exists (select from learned)
               on conflict (org_key, gen_id, user_sub) do update set
                   rating = excluded.rating, reason = excluded.reason, comment = excluded.comment,
                   updated_at = excluded.updated_at
               returning f.id
           ), weights as materialized (
               select ($4 = 1)::integer as new_up, ($4 = -1)::integer as new_down,
                      coalesce((b.rating = 1)::integer, 0) as old_up,
                      coalesce((b.rating = -1)::integer, 0) as old_down,
                      coalesce(b.updated_at, $7) as old_at
               from (select) one left join before b on true
           ), held as materialized (
               select pg_advisory_xact_lock_shared(hashtextextended('bandit of ' || $1, 0)) from said
           ), arms as (
               insert into learning_arm_changes
                   (org_id, gen_id, context, arm, rated_at, up, down, old_at, old_up, old_down)
               select $1, $2, chosen.context, chosen.arm, $7, w.new_up, w.new_down, w.old_at, w.old_up,
                      w.old_down
               from held cross join moved m cross join weights w
               cross join lateral (
                   select m.params ->> 'bandit_context', m.params ->> 'bandit_arm'
                   union
                   select m.params ->> 'bandit_model_context', m.params ->> 'bandit_model_arm'
               ) chosen (context, arm)
               where chosen.context is not null and chosen.arm is not null
                 and w.new_up + w.new_down + w.old_up + w.old_down > 0
               returning id
           )
           select exists (select from answer) as "is_found!", exists (select from said) as "is_stored!",
                  b.is_same as "is_same?", b.rating as "rating?", b.reason, b.comment,
                  b.updated_at as "updated_at?", (select max(id) from arms) as last_change
           from (select) one left join before b on true"#,
        org_id as &OrgId,
        gen_id,
        owner as &UserId,
        rating.rating.number(),
        rating.reason,
        rating.comment,
        rating.updated_at,
        vote.map(|vote| vote.feedback_type.label()),
        vote.and_then(|vote| vote.rating).map(Rating::number),
        weight.accepted,
        weight.rejected,
    )
    .fetch_one(conn)
    .await?;
    let before = row.rating.and_then(|rating| Rating::of(rating.into()));
    let before = before
        .zip(row.updated_at)
        .map(|(rating, updated_at)| StoredRating {
            rating,
            reason: row.reason,
            comment: row.comment,
            updated_at,
        });
    Ok(match before {
        before if row.is_stored => Placed::Stored {
            before,
            last_change: row.last_change,
        },
        Some(before) if row.is_found && row.is_same == Some(true) => Placed::Same(before),
        Some(_) | None => Placed::Missed,
    })
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
