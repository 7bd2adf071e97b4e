//! The SQL of the bandit's counts.
//!
//! A rating leaves what it changes in `learning_arm_changes`, from where it is added to the counts. These can be
//! recomputed from the ratings of an organisation. A rebuild takes the organisation's advisory lock exclusively,
//! a rating shares it, so that no rating is counted twice or missed.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::bandit::model::{
    ArmChoice, ArmCounts, EPSILON, MAX_HALF_LIVES, half_life_seconds,
};
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

/// Changes of arms by the ratings of one answer, which were not added yet.
#[derive(Clone, Debug)]
pub struct WaitingChanges {
    /// Organisation.
    pub org_id: OrgId,
    /// Answer.
    pub gen_id: i64,
    /// Number of the last of them.
    pub last: i64,
}

/// Adds changes of answers to the counts of their arms: those of one answer together, because a later one takes
/// out what an earlier one put in. Those that another process added meanwhile are skipped. Rows are locked in
/// the order of their names.
///
/// Outside of a transaction this waits for no disk: a crash loses the sum and that it was added, or
/// neither. Counts are decayed to the latest of all times, so the order in which ratings of machines with
/// different clocks arrive does not matter.
pub async fn add_changes(conn: &mut PgConnection, waiting: &[WaitingChanges]) -> sqlx::Result<()> {
    let orgs: Vec<&str> = waiting.iter().map(|one| one.org_id.as_str()).collect();
    let answers: Vec<i64> = waiting.iter().map(|one| one.gen_id).collect();
    let last: Vec<i64> = waiting.iter().map(|one| one.last).collect();
    sqlx::query!(
        "with waiting as materialized (
             select * from unnest($1::text[], $2::bigint[], $3::bigint[]) as w (org_id, gen_id, last)
         ), eased as materialized (
             select set_config('synchronous_commit', 'off', true)
         ), held as materialized (
             select org_id, pg_advisory_xact_lock_shared(
                        hashtextextended('bandit of ' || org_id, 0)
                    )
             from eased cross join (select distinct org_id from waiting order by org_id) orgs
         ), taken as (
             delete from learning_arm_changes c
             using held join waiting w using (org_id)
             where c.org_id = w.org_id and c.gen_id = w.gen_id and c.id <= w.last
             returning c.*
         ), net as materialized (
             select org_id, context, arm, at, sum(up * new - old_up * old) as up,
                    sum(down * new - old_down * old) as down
             from (
                 select t.*,
                        power(0.5, least(extract(epoch from at - rated_at)::float8 / $4, $5)) as new,
                        power(0.5, least(extract(epoch from at - old_at)::float8 / $4, $5)) as old
                 from (
                     select t.*, max(greatest(rated_at, old_at))
                                     over (partition by org_id, context, arm) as at
                     from taken t
                 ) t
             ) t
             group by org_id, context, arm, at
         )
         insert into learning_bandit_arms as known
             (org_id, context, arm, successes, failures, updated_at)
         select org_id, context, arm, case when up < $6 then 0 else up end,
                case when down < $6 then 0 else down end, at
         from net order by org_id, context, arm
         on conflict (org_id, context, arm) do update set (successes, failures, updated_at) = (
             select case when up < $6 then 0 else up end, case when down < $6 then 0 else down end,
                    latest
             from (
                 select known.successes * kept + n.up * new as up,
                        known.failures * kept + n.down * new as down, latest
                 from net n
                 cross join lateral (select greatest(known.updated_at, n.at) as latest) l
                 cross join lateral (
                     select power(0.5, least(
                                extract(epoch from latest - known.updated_at)::float8 / $4, $5
                            )) as kept,
                            power(0.5, least(extract(epoch from latest - n.at)::float8 / $4, $5))
                                as new
                 ) weights
                 where n.org_id = known.org_id and n.context = known.context and n.arm = known.arm
             ) moved
         )",
        &orgs as &[&str],
        &answers,
        &last,
        half_life_seconds(),
        MAX_HALF_LIVES,
        EPSILON,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Returns changes that wait to be added.
pub async fn waiting_changes(
    conn: &mut PgConnection,
    limit: i64,
) -> sqlx::Result<Vec<WaitingChanges>> {
    sqlx::query_as!(
        WaitingChanges,
        r#"select org_id as "org_id!: OrgId", gen_id as "gen_id!", max(id) as "last!"
           from learning_arm_changes group by 1, 2 limit $1"#,
        limit,
    )
    .fetch_all(conn)
    .await
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
        "with waiting as (delete from learning_arm_changes where org_id = $1)
         delete from learning_bandit_arms where org_id = $1",
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
