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

/// A rating of an answer by its owner, and the lesson to learn from it.
#[derive(Clone, Debug)]
pub struct NewRating {
    /// Organisation.
    pub org_id: OrgId,
    /// Answer.
    pub gen_id: i64,
    /// Owner of the answer, as the rater claims.
    pub owner: UserId,
    /// Rating.
    pub rating: StoredRating,
    /// Vote that follows from it; without one there is nothing to learn.
    pub vote: Option<Vote>,
}

/// Places ratings of answers by their owners, no two of one answer, with all that follows from them: the row of
/// the analyzer with this vote, its counts, and what it changes about the arms that were chosen for the
/// answer. Returns the result of each. One statement, because ratings wait for each.
///
/// A statement sees what was committed before it began, but it gets the answers' locks later. So it does
/// nothing about an answer whose lock is taken, and nothing if the row of the analyzer is not the one it
/// saw: every writer changes that under the lock. A first rating that withdraws teaches nothing and leaves no
/// such row; another rating that comes in the same moment replaces it as if it came second.
///
/// The owner is compared in a way that no index knows: before the tables are analyzed for the first time, the
/// planner takes the index of owners for as good as the key, and reads all answers of one for each rating.
#[expect(
    clippy::too_many_lines,
    reason = "a rating waits for every statement, so this is one"
)]
pub async fn place(conn: &mut PgConnection, ratings: &[NewRating]) -> sqlx::Result<Vec<Placed>> {
    macro_rules! column {
        ($one:ident => $value:expr) => {
            ratings.iter().map(|$one| $value).collect::<Vec<_>>()
        };
    }
    let weights = column!(r => r.vote.map(Vote::weight).unwrap_or_default());
    let rows = learn!(
        r#"with sent as materialized (
               select * from unnest(
                   $1::text[], $2::bigint[], $3::text[], $4::smallint[], $5::text[], $6::text[],
                   $7::timestamptz[], $8::text[], $9::smallint[], $10::integer[], $11::integer[]
               ) with ordinality as sent (
                   org_key, gen_id, user_sub, rating, reason, comment, rated_at, verdict,
                   learned_rating, accepted, rejected, place
               )
           ), answer as materialized (
               select s.place, g.*
               from sent s
               join ai_generation_log g
                 on g.org_key = s.org_key and g.id = s.gen_id and (g.user_sub = s.user_sub) is true
               for no key update of g skip locked
           ), before as materialized (
               select s.place, f.rating, f.reason, f.comment, f.updated_at,
                      (f.rating, f.reason, f.comment)
                          is not distinct from (s.rating, s.reason, s.comment) as is_same
               from sent s
               join ai_feedback f
                 on f.org_key = s.org_key and f.gen_id = s.gen_id and f.user_sub = s.user_sub
           ), wanted as materialized (
               select s.place, s.verdict, s.learned_rating as rating,
                      case when s.learned_rating <> 0 then s.reason end as reason,
                      case when s.learned_rating <> 0 then s.comment end as comment
               from sent s
           ), learned_before as materialized (
               select w.place, l.changed_xid,
                      (l.feedback_type, l.rating, l.reason, l.comment)
                          is not distinct from (w.verdict, w.rating, w.reason, w.comment) as is_same,
                      case when l.feedback_type in ('accepted', 'modified') then halves else 0 end
                          as accepted,
                      case l.feedback_type when 'rejected' then halves else 0 end as rejected
               from sent s
               join wanted w using (place)
               join learning_suggestions l on l.org_id = s.org_key and l.gen_id = s.gen_id
               cross join lateral (
                   select case when l.rating is null then 1 when l.rating = 0 then 0 else 2 end
               ) h (halves)
           ), moved as materialized (
               select a.*, w.verdict, w.rating as learned_rating, w.reason as learned_reason,
                      w.comment as learned_comment, s.rated_at as learned_at,
                      s.accepted - coalesce(l.accepted, 0) as accepted,
                      s.rejected - coalesce(l.rejected, 0) as rejected,
                      l.changed_xid as known_xid,
                      w.verdict is not null and not coalesce(l.is_same, false) as teaches
               from answer a
               join sent s using (place)
               join wanted w using (place)
               left join learned_before l using (place)
               left join before b using (place)
               where not coalesce(b.is_same, false)
           )"#,
        r#", said as (
               insert into ai_feedback as f
                   (org_key, gen_id, user_sub, rating, reason, comment, created_at, updated_at)
               select s.org_key, s.gen_id, s.user_sub, s.rating, s.reason, s.comment, s.rated_at,
                      s.rated_at
               from moved m
               join sent s using (place)
               where not m.teaches
                  or exists (select from learned l where l.org_id = m.org_key and l.gen_id = m.id)
               on conflict (org_key, gen_id, user_sub) do update set
                   rating = excluded.rating, reason = excluded.reason, comment = excluded.comment,
                   updated_at = excluded.updated_at
               returning f.org_key, f.gen_id
           ), weights as materialized (
               select s.place, (s.rating = 1)::integer as new_up, (s.rating = -1)::integer as new_down,
                      coalesce((b.rating = 1)::integer, 0) as old_up,
                      coalesce((b.rating = -1)::integer, 0) as old_down,
                      coalesce(b.updated_at, s.rated_at) as old_at
               from sent s
               left join before b using (place)
           ), held as materialized (
               select org_key, pg_advisory_xact_lock_shared(
                          hashtextextended('bandit of ' || org_key, 0)
                      )
               from (select distinct org_key from said order by org_key) orgs
           ), arms as (
               insert into learning_arm_changes
                   (org_id, gen_id, context, arm, rated_at, up, down, old_at, old_up, old_down)
               select m.org_key, m.id, chosen.context, chosen.arm, m.learned_at, w.new_up, w.new_down,
                      w.old_at, w.old_up, w.old_down
               from held
               join said using (org_key)
               join moved m on m.org_key = said.org_key and m.id = said.gen_id
               join weights w using (place)
               cross join lateral (
                   select m.params ->> 'bandit_context', m.params ->> 'bandit_arm'
                   union
                   select m.params ->> 'bandit_model_context', m.params ->> 'bandit_model_arm'
               ) chosen (context, arm)
               where chosen.context is not null and chosen.arm is not null
                 and w.new_up + w.new_down + w.old_up + w.old_down > 0
               returning org_id, gen_id, id
           )
           select exists (select from answer a where a.place = s.place) as "is_found!",
                  exists (
                      select from said f where f.org_key = s.org_key and f.gen_id = s.gen_id
                  ) as "is_stored!",
                  b.is_same as "is_same?", b.rating as "rating?", b.reason, b.comment,
                  b.updated_at as "updated_at?",
                  (
                      select max(a.id) from arms a
                      where a.org_id = s.org_key and a.gen_id = s.gen_id
                  ) as last_change
           from sent s
           left join before b using (place)
           order by s.place"#,
        &column!(r => r.org_id.as_str()) as &[&str],
        &column!(r => r.gen_id),
        &column!(r => r.owner.as_str()) as &[&str],
        &column!(r => r.rating.rating.number()),
        &column!(r => r.rating.reason.as_deref()) as &[Option<&str>],
        &column!(r => r.rating.comment.as_deref()) as &[Option<&str>],
        &column!(r => r.rating.updated_at),
        &column!(r => r.vote.map(|vote| vote.feedback_type.label())) as &[Option<&str>],
        &column!(r => r.vote.and_then(|vote| vote.rating).map(Rating::number)) as &[Option<i16>],
        &weights.iter().map(|weight| weight.accepted).collect::<Vec<_>>(),
        &weights.iter().map(|weight| weight.rejected).collect::<Vec<_>>(),
    )
    .fetch_all(conn)
    .await?;
    let placed = rows.into_iter().map(|row| {
        let before = row.rating.and_then(|rating| Rating::of(rating.into()));
        let before = before
            .zip(row.updated_at)
            .map(|(rating, updated_at)| StoredRating {
                rating,
                reason: row.reason,
                comment: row.comment,
                updated_at,
            });
        match before {
            before if row.is_stored => Placed::Stored {
                before,
                last_change: row.last_change,
            },
            Some(before) if row.is_found && row.is_same == Some(true) => Placed::Same(before),
            Some(_) | None => Placed::Missed,
        }
    });
    Ok(placed.collect())
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
