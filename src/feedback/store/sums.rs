//! The SQL of sums of answers and ratings, for statistics.
//!
//! Triggers append what changes a sum to `feedback_sum_changes`, [`fold`] adds it to `feedback_sums`, and
//! readers add up both: see the migration that makes the tables.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use sqlx::{Connection, PgConnection};

use crate::platform::database::pool::Pool;
use crate::platform::ids::OrgId;

/// The most reasons in statistics, the most frequent.
const MAX_REASONS: i64 = 100;
/// The most changes added in one transaction.
const FOLDED_AT_ONCE: i64 = 10_000;
/// The advisory lock of those who add changes; the number is arbitrary and must never change.
const FOLD_LOCK: i64 = 0x6e61_7669_0017;

/// The subject of a sum; the values of `feedback_sums.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum SumKind {
    /// A category of work.
    Category,
    /// A reason; its answers are those that were rated for it.
    Reason,
    /// A signal; its answers are those that have it.
    Signal,
}

/// A sum of a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodSum {
    /// Subject.
    pub kind: SumKind,
    /// Category, reason or signal.
    pub name: String,
    /// Answers.
    pub answers: i64,
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

/// The moments at which the parts of a period meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Joints {
    /// Beginning of the period. Rows are read from here to `quarter`.
    since: DateTime<Utc>,
    /// First quarter of an hour within the period. Sums of quarters are read from here to `day`.
    quarter: DateTime<Utc>,
    /// First day within the period. Sums of days are read from here on.
    day: DateTime<Utc>,
}

impl Joints {
    fn of(since: DateTime<Utc>) -> Self {
        // No moment that a clock shows is too far away to be rounded.
        let up = |length| since.duration_round_up(length).unwrap_or(since);
        Self {
            since,
            quarter: up(TimeDelta::minutes(15)),
            day: up(TimeDelta::days(1)),
        }
    }
}

/// Sums up the answers of an organisation since a moment, and their ratings. A rating belongs to the
/// time of its answer, so there are never more ratings than answers.
///
/// All parts are read as of one snapshot. The lateral joins have limits because only one row of each can be
/// there, and because Postgres would otherwise read whole tables for a period of which it knows nothing.
pub async fn since(
    conn: &mut PgConnection,
    org_id: &OrgId,
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<PeriodSum>> {
    let joints = Joints::of(since);
    sqlx::query_as!(
        PeriodSum,
        r#"with edge as materialized (
               select g.id, g.category, f.rating, f.reason, s.feedback_type
               from ai_generation_log g
               left join lateral (
                   select f.rating, f.reason from ai_feedback f
                   where f.org_key = $1 and f.gen_id = g.id and f.user_sub = g.user_sub limit 1
               ) f on true
               left join lateral (
                   select s.feedback_type from learning_suggestions s
                   where s.org_id = $1 and s.gen_id = g.id limit 1
               ) s on true
               where g.org_key = $1 and g.created_at >= $2 and g.created_at < $3
           ), parts (kind, name, answers, up, down, withdrawn, accepted, rejected) as (
               select kind, name, answers, up, down, withdrawn, accepted, rejected
               from feedback_sums
               where org_key = $1 and minutes = 1440 and kind in ('category', 'reason', 'signal')
                 and starts_at >= $4
               union all
               select kind, name, answers, up, down, withdrawn, accepted, rejected
               from feedback_sums
               where org_key = $1 and minutes = 15 and kind in ('category', 'reason', 'signal')
                 and starts_at >= $3 and starts_at < $4
               union all
               select kind, name, answers, up, down, withdrawn, accepted, rejected
               from feedback_sum_changes
               where org_key = $1 and answered_at >= $3
               union all
               select 'category', category, 1, (rating = 1)::int, (rating = -1)::int,
                      (rating = 0)::int, (feedback_type in ('accepted', 'modified'))::int,
                      (feedback_type = 'rejected')::int
               from edge
               union all
               select 'reason', reason, 1, 0, 0, 0, 0, 0
               from edge where reason is not null and rating <> 0
               union all
               select 'signal', seen.signal, 1, 0, 0, 0, 0, 0
               from edge cross join lateral (
                   select s.signal from ai_feedback_signals s
                   where s.org_key = $1 and s.gen_id = edge.id limit 100
               ) seen
           ), sums as (
               select kind, name, sum(answers)::bigint as answers,
                      coalesce(sum(up), 0)::bigint as up, coalesce(sum(down), 0)::bigint as down,
                      coalesce(sum(withdrawn), 0)::bigint as withdrawn,
                      coalesce(sum(accepted), 0)::bigint as accepted,
                      coalesce(sum(rejected), 0)::bigint as rejected,
                      row_number() over (
                          partition by kind order by sum(answers) desc, name
                      ) as place
               from parts group by kind, name having sum(answers) > 0
           )
           select kind as "kind!: SumKind", name as "name!", answers as "answers!", up as "up!",
                  down as "down!", withdrawn as "withdrawn!", accepted as "accepted!",
                  rejected as "rejected!"
           from sums
           where kind <> 'reason' or place <= $5
           order by kind, name"#,
        org_id as &OrgId,
        joints.since,
        joints.quarter,
        joints.day,
        MAX_REASONS,
    )
    .fetch_all(conn)
    .await
}

/// Counts the ratings of an organisation, withdrawn ones included.
pub async fn ratings(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select coalesce(sum(up + down + withdrawn), 0)::bigint as "count!"
           from (
               select up, down, withdrawn from feedback_sums
               where org_key = $1 and minutes = 1440 and kind = 'category'
               union all
               select up, down, withdrawn from feedback_sum_changes
               where org_key = $1 and kind = 'category'
           ) parts"#,
        org_id as &OrgId,
    )
    .fetch_one(conn)
    .await
}

/// Adds all changes to the sums, a part of them at a time.
pub async fn fold(db: &Pool) -> sqlx::Result<()> {
    let mut conn = db.acquire().await?;
    while has_changes(&mut conn).await? {
        let mut tx = conn.begin().await?;
        let folded = fold_some(&mut tx).await?;
        tx.commit().await?;
        if folded < FOLDED_AT_ONCE {
            break;
        }
    }
    Ok(())
}

async fn has_changes(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from feedback_sum_changes) as "any!""#)
        .fetch_one(conn)
        .await
}

/// Adds some changes. Returns their number.
///
/// One transaction at a time does this, so which sums become nothing can be told beforehand. They are
/// deleted, and the others changed by the difference: a sum that an erasure deletes meanwhile does not
/// come back.
async fn fold_some(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query!("select pg_advisory_xact_lock($1)", FOLD_LOCK)
        .fetch_one(&mut *conn)
        .await?;
    sqlx::query_scalar!(
        r#"with taken as (
               delete from feedback_sum_changes
               where ctid = any(array(
                   select ctid from feedback_sum_changes limit $1 for update skip locked
               ))
               returning *
           ), moved as materialized (
               select t.org_key, m.minutes::smallint as minutes, t.kind,
                      date_bin(
                          make_interval(mins => m.minutes), t.answered_at, '2000-01-01 00:00:00Z'
                      ) as starts_at,
                      t.name, sum(t.answers) as answers, sum(t.up) as up, sum(t.down) as down,
                      sum(t.withdrawn) as withdrawn, sum(t.accepted) as accepted,
                      sum(t.rejected) as rejected
               from taken t cross join (values (15), (1440)) m (minutes)
               group by 1, 2, 3, 4, 5
           ), compared as materialized (
               select m.*,
                      (m.answers, m.up, m.down, m.withdrawn, m.accepted, m.rejected)
                      = (coalesce(-s.answers, 0), coalesce(-s.up, 0), coalesce(-s.down, 0),
                         coalesce(-s.withdrawn, 0), coalesce(-s.accepted, 0),
                         coalesce(-s.rejected, 0)) as is_nothing
               from moved m
               left join lateral (
                   select * from feedback_sums s
                   where (s.org_key, s.minutes, s.kind, s.starts_at, s.name)
                       = (m.org_key, m.minutes, m.kind, m.starts_at, m.name)
                   limit 1
               ) s on true
           ), gone as (
               delete from feedback_sums s using compared c
               where c.is_nothing
                 and (s.org_key, s.minutes, s.kind, s.starts_at, s.name)
                   = (c.org_key, c.minutes, c.kind, c.starts_at, c.name)
           ), added as (
               insert into feedback_sums as s (
                   org_key, minutes, kind, starts_at, name, answers, up, down, withdrawn, accepted,
                   rejected
               )
               select org_key, minutes, kind, starts_at, name, answers, up, down, withdrawn,
                      accepted, rejected
               from compared where not is_nothing
               order by 1, 2, 3, 4, 5
               on conflict (org_key, minutes, kind, starts_at, name) do update set
                   answers = s.answers + excluded.answers, up = s.up + excluded.up,
                   down = s.down + excluded.down, withdrawn = s.withdrawn + excluded.withdrawn,
                   accepted = s.accepted + excluded.accepted,
                   rejected = s.rejected + excluded.rejected
           )
           select count(*) as "count!" from taken"#,
        FOLDED_AT_ONCE,
    )
    .fetch_one(conn)
    .await
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::Joints;

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_is_rows_to_the_quarter_quarters_to_the_day_and_days_from_there() {
        let within = Joints::of(moment("2026-10-26T17:40:00.000001Z"));
        assert_eq!(within.quarter, moment("2026-10-26T17:45:00Z"));
        assert_eq!(within.day, moment("2026-10-27T00:00:00Z"));
        let late = Joints::of(moment("2026-12-31T23:59:59.999999Z"));
        assert_eq!(
            (late.quarter, late.day),
            (moment("2027-01-01T00:00:00Z"), late.quarter)
        );
        let midnight = moment("2026-10-26T00:00:00Z");
        let exact = Joints::of(midnight);
        assert_eq!((exact.quarter, exact.day), (midnight, midnight));
    }
}
