//! The SQL of what the bandit knows.
//!
//! The counts of an organisation can be made anew from its ratings. Whoever does that holds the
//! organisation's advisory lock alone, and whoever moves them by a rating shares it, so that no rating is
//! counted twice or not at all.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::bandit::model::{
    Choice, Counts, HALF_LIFE_DAYS, MOST_HALF_LIVES, NOTHING, Said,
};
use crate::platform::ids::OrgId;

/// The half-life as SQL counts it.
fn half_life_seconds() -> f64 {
    chrono::TimeDelta::days(HALF_LIFE_DAYS).as_seconds_f64()
}

/// The counts of an arm, as they were when they were last moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Which arm.
    pub choice: Choice,
    /// Its counts.
    pub counts: Counts,
}

/// What is known of the arms of a context.
pub async fn of_context(
    conn: &mut PgConnection,
    org_id: &OrgId,
    context: &str,
) -> sqlx::Result<Vec<(String, Counts)>> {
    let rows = sqlx::query!(
        "select arm, successes, failures, updated_at from learning_bandit_arms
         where org_id = $1 and context = $2",
        org_id as &OrgId,
        context,
    )
    .fetch_all(conn)
    .await?;
    let counts = rows.into_iter().map(|row| {
        let counts = Counts {
            successes: row.successes,
            failures: row.failures,
            at: row.updated_at,
        };
        (row.arm, counts)
    });
    Ok(counts.collect())
}

/// What is known of all arms of an organisation.
pub async fn of_organisation(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<Vec<Known>> {
    let rows = sqlx::query!(
        "select context, arm, successes, failures, updated_at from learning_bandit_arms
         where org_id = $1 order by context, arm",
        org_id as &OrgId,
    )
    .fetch_all(conn)
    .await?;
    let known = rows.into_iter().map(|row| Known {
        choice: Choice {
            context: row.context,
            arm: row.arm,
        },
        counts: Counts {
            successes: row.successes,
            failures: row.failures,
            at: row.updated_at,
        },
    });
    Ok(known.collect())
}

/// Takes out of the counts of the arms that were chosen for a generation, as its `params` say, what was
/// said of it before, as little as it weighs by now, and puts in what is said instead. In the order of
/// their names: two ratings at once take the rows in the same order.
///
/// The counts are brought to the later of their own time and that of the rating, so it does not matter in
/// which order ratings arrive that were given on machines whose clocks differ.
pub async fn move_by(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
    before: Option<Said>,
    now: Said,
) -> sqlx::Result<()> {
    let (ups, downs) = now.weight();
    let (old_ups, old_downs) = before.map_or((0.0, 0.0), Said::weight);
    sqlx::query!(
        "with held as materialized (
             select pg_advisory_xact_lock_shared(hashtextextended('bandit of ' || $1, 0))
         )
         insert into learning_bandit_arms as known
             (org_id, context, arm, successes, failures, updated_at)
         select $1, chosen.context, chosen.arm, $3, $4, $5
         from held, ai_generation_log g
         cross join lateral (
             select params ->> 'bandit_context', params ->> 'bandit_arm'
             union
             select params ->> 'bandit_model_context', params ->> 'bandit_model_arm'
         ) chosen (context, arm)
         where g.org_key = $1 and g.id = $2
           and chosen.context is not null and chosen.arm is not null
         order by chosen.context, chosen.arm
         on conflict (org_id, context, arm) do update set (successes, failures, updated_at) = (
             select case when up < $11 then 0 else up end, case when down < $11 then 0 else down end, at
             from (
                 select known.successes * kept + $3 * new - $6 * old as up,
                        known.failures * kept + $4 * new - $7 * old as down,
                        greatest(known.updated_at, $5) as at
                 from (
                     select power(0.5, least(seconds_known / $9, $10)) as kept,
                            power(0.5, least(seconds_new / $9, $10)) as new,
                            power(0.5, least(greatest(seconds_old, 0) / $9, $10)) as old
                     from (
                         select extract(epoch from at - known.updated_at)::float8 as seconds_known,
                                extract(epoch from at - $5)::float8 as seconds_new,
                                extract(epoch from at - $8)::float8 as seconds_old
                         from (select greatest(known.updated_at, $5) as at) moment
                     ) ages
                 ) weights
             ) moved
         )",
        org_id.as_str(),
        gen_id,
        ups,
        downs,
        now.at,
        old_ups,
        old_downs,
        before.map_or(now.at, |before| before.at),
        half_life_seconds(),
        MOST_HALF_LIVES,
        NOTHING,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Waits until nobody moves the counts of an organisation, and keeps everybody from it until the
/// transaction ends.
pub async fn lock(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('bandit of ' || $1, 0))",
        org_id.as_str(),
    )
    .fetch_one(conn)
    .await
    .map(drop)
}

/// Makes the counts of an organisation anew from its ratings. The lock must be held, by a statement of
/// its own: only what begins afterwards sees all that was committed before.
pub async fn rebuild(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from learning_bandit_arms where org_id = $1",
        org_id as &OrgId,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into learning_bandit_arms (org_id, context, arm, successes, failures, updated_at)
         select $1, context, arm,
                coalesce(sum(weight) filter (where rating = 1), 0),
                coalesce(sum(weight) filter (where rating = -1), 0), latest
         from (
             select context, arm, rating, latest,
                    power(0.5, least(extract(epoch from latest - at)::float8 / $2, $3)) as weight
             from (
                 select chosen.context, chosen.arm, f.rating, f.updated_at as at,
                        max(f.updated_at) over (partition by chosen.context, chosen.arm) as latest
                 from ai_feedback f
                 join ai_generation_log g
                   on g.org_key = f.org_key and g.id = f.gen_id and g.user_sub = f.user_sub
                 cross join lateral (
                     select params ->> 'bandit_context', params ->> 'bandit_arm'
                     union
                     select params ->> 'bandit_model_context', params ->> 'bandit_model_arm'
                 ) chosen (context, arm)
                 where f.org_key = $1 and chosen.context is not null and chosen.arm is not null
             ) said
         ) weighed
         group by context, arm, latest",
        org_id.as_str(),
        half_life_seconds(),
        MOST_HALF_LIVES,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// When the counts of an organisation were last moved.
pub fn last_moved(known: &[Known]) -> Option<DateTime<Utc>> {
    known.iter().map(|one| one.counts.at).max()
}
