//! The SQL of the bandit's counts.
//!
//! A rating moves the counts in the statement that stores it. The counts of an organisation can be recomputed
//! from its ratings. A rebuild takes the organisation's advisory lock exclusively, a rating shares it, so that
//! no rating is counted twice or missed.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::bandit::model::{ArmChoice, ArmCounts, MAX_HALF_LIVES, half_life_seconds};
use crate::platform::ids::OrgId;

/// The stored counts of an arm.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredArm {
    /// Context and arm.
    pub choice: ArmChoice,
    /// Counts.
    pub counts: ArmCounts,
}

/// Returns the counts of a context, by arm.
pub async fn of_context(
    conn: &mut PgConnection,
    org_id: &OrgId,
    context: &str,
) -> sqlx::Result<Vec<(String, ArmCounts)>> {
    let rows = sqlx::query!(
        "select arm, successes, failures, updated_at from learning_bandit_arms
         where org_id = $1 and context = $2",
        org_id as &OrgId,
        context,
    )
    .fetch_all(conn)
    .await?;
    let counts = rows.into_iter().map(|row| {
        let counts = ArmCounts {
            successes: row.successes,
            failures: row.failures,
            at: row.updated_at,
        };
        (row.arm, counts)
    });
    Ok(counts.collect())
}

/// Returns the counts of all arms of an organisation.
pub async fn of_organisation(
    conn: &mut PgConnection,
    org_id: &OrgId,
) -> sqlx::Result<Vec<StoredArm>> {
    let rows = sqlx::query!(
        "select context, arm, successes, failures, updated_at from learning_bandit_arms
         where org_id = $1 order by context, arm",
        org_id as &OrgId,
    )
    .fetch_all(conn)
    .await?;
    let arms = rows.into_iter().map(|row| StoredArm {
        choice: ArmChoice {
            context: row.context,
            arm: row.arm,
        },
        counts: ArmCounts {
            successes: row.successes,
            failures: row.failures,
            at: row.updated_at,
        },
    });
    Ok(arms.collect())
}

/// Locks the counts of an organisation exclusively until the transaction ends.
pub async fn lock(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('bandit of ' || $1, 0))",
        org_id.as_str(),
    )
    .fetch_one(conn)
    .await
    .map(drop)
}

/// Recomputes the counts of an organisation from its ratings. An earlier statement must have taken the lock:
/// only a later one sees all that was committed before.
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
        MAX_HALF_LIVES,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Returns the time of the last change.
pub fn last_updated(arms: &[StoredArm]) -> Option<DateTime<Utc>> {
    arms.iter().map(|one| one.counts.at).max()
}
