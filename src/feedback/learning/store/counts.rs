//! The SQL of vote counts and rated answers.

use chrono::NaiveDate;
use sqlx::PgConnection;

use crate::feedback::learning::tallies::WeekWeights;
use crate::platform::ids::OrgId;

/// Votes of one rater on a value, in halves of a vote.
#[derive(Clone, Debug)]
pub struct CountRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Subject.
    pub subject: String,
    /// Value.
    pub value: String,
    /// Category for `*`, empty otherwise.
    pub category: String,
    /// Team; empty without one.
    pub team: String,
    /// Rater.
    pub user: String,
    /// Half votes for.
    pub accepted: i64,
    /// Half votes against.
    pub rejected: i64,
    /// Half votes for, times their weights.
    pub weighed_accepted: i64,
    /// Half votes against, times their weights.
    pub weighed_rejected: i64,
    /// Oldest week.
    pub first_week: NaiveDate,
    /// Newest week.
    pub last_week: NaiveDate,
    /// Rows added up.
    pub rows: i64,
}

/// The query of counts `c`, in the weeks `w` that have a weight; where both come from differs.
macro_rules! counts {
    ($source:literal, $($arguments:tt)*) => {
        sqlx::query_as!(
            CountRow,
            r#"select c.org_id as "org_id!: OrgId", c.subject as "subject!", c.value as "value!",
                      c.category as "category!", c.team_id as "team!", c.user_id as "user!",
                      sum(c.accepted)::bigint as "accepted!",
                      sum(c.rejected)::bigint as "rejected!",
                      sum(c.accepted * w.weight)::bigint as "weighed_accepted!",
                      sum(c.rejected * w.weight)::bigint as "weighed_rejected!",
                      min(c.week) as "first_week!", max(c.week) as "last_week!",
                      count(*) as "rows!"
               "#
                + $source
                + " group by 1, 2, 3, 4, 5, 6 having sum(c.accepted + c.rejected) > 0",
            $($arguments)*
        )
    };
}

/// All counts of these organisations, in no order: to sort so many texts would take longer than to count.
pub async fn all(
    conn: &mut PgConnection,
    orgs: &[OrgId],
    weeks: &WeekWeights,
) -> sqlx::Result<Vec<CountRow>> {
    counts!(
        "from learning_counts c
         join unnest($2::date[], $3::bigint[]) w (week, weight) on w.week = c.week
         where c.org_id = any($1)",
        orgs as &[OrgId],
        &weeks.weeks,
        &weeks.weights,
    )
    .fetch_all(conn)
    .await
}

/// Returns the counts of pairs of an organisation and a subject. No pair may occur twice.
pub async fn of_subjects(
    conn: &mut PgConnection,
    orgs: &[OrgId],
    subjects: &[String],
    weeks: &WeekWeights,
) -> sqlx::Result<Vec<CountRow>> {
    counts!(
        "from unnest($1::text[], $2::text[]) wanted (org_id, subject)
         join learning_counts c on c.org_id = wanted.org_id and c.subject = wanted.subject
         join unnest($3::date[], $4::bigint[]) w (week, weight) on w.week = c.week",
        orgs as &[OrgId],
        subjects,
        &weeks.weeks,
        &weeks.weights,
    )
    .fetch_all(conn)
    .await
}

/// A rated answer.
#[derive(Clone, Debug)]
pub struct RatedRow {
    /// Organisation.
    pub org_id: OrgId,
    /// Answer.
    pub gen_id: i64,
    /// Rater.
    pub user: String,
    /// Team; empty without one.
    pub team: String,
    /// Category of the work.
    pub category: String,
    /// Traits of the answer.
    pub tags: Vec<String>,
    /// True if `pattern_tags` is well-formed.
    pub sound: bool,
    /// True while a vote stands; false once it was withdrawn.
    pub judged: bool,
}

/// Returns the answers rated since the last pass.
pub async fn changed(
    conn: &mut PgConnection,
    orgs: &[OrgId],
    from: &str,
) -> sqlx::Result<Vec<RatedRow>> {
    sqlx::query_as!(
        RatedRow,
        r#"
        select s.org_id as "org_id!: OrgId", g.id as "gen_id!", s.user_id as "user!",
               coalesce(g.team_id, '') as "team!", s.category as "category!", g.tags as "tags!",
               coalesce(jsonb_typeof(s.pattern_tags), 'array') = 'array' as "sound!",
               s.feedback_type in ('accepted', 'modified', 'rejected') as "judged!"
        from learning_suggestions s
        join ai_generation_log g on g.org_key = s.org_id and g.id = s.gen_id
        where s.org_id = any($1) and s.changed_xid >= $2::text::xid8
        order by 1, 2 desc
        "#,
        orgs as &[OrgId],
        from,
    )
    .fetch_all(conn)
    .await
}

/// Returns at most `limit` rated answers of each of these organisations, the newest.
pub async fn newest(
    conn: &mut PgConnection,
    orgs: &[OrgId],
    limit: i64,
) -> sqlx::Result<Vec<RatedRow>> {
    sqlx::query_as!(
        RatedRow,
        r#"
        select o.org_id as "org_id!: OrgId", g.id as "gen_id!", s.user_id as "user!",
               coalesce(g.team_id, '') as "team!", s.category as "category!", g.tags as "tags!",
               coalesce(jsonb_typeof(s.pattern_tags), 'array') = 'array' as "sound!",
               s.feedback_type in ('accepted', 'modified', 'rejected') as "judged!"
        from unnest($1::text[]) o (org_id)
        cross join lateral (
            select * from learning_suggestions s
            where s.org_id = o.org_id and s.gen_id is not null
            order by s.gen_id desc limit $2
        ) s
        join ai_generation_log g on g.org_key = o.org_id and g.id = s.gen_id
        order by 1, 2 desc
        "#,
        orgs as &[OrgId],
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Blocks changes of counts until the transaction ends.
pub async fn lock(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("lock table learning_counts in share row exclusive mode")
        .execute(conn)
        .await?;
    Ok(())
}

/// Recomputes an organisation's counts from its ratings; correct rows stay untouched.
///
/// Requires [`lock`]: a rating that is not committed yet then updates the new counts.
pub async fn recount(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<()> {
    sqlx::query!(
        "with voices as (
             select g.category, coalesce(g.team_id, '') as team_id, s.user_id, g.tags,
                    date_trunc('week', g.created_at at time zone 'UTC')::date as week,
                    case when s.rating in (-1, 1) then 2 else 1 end as halves,
                    s.feedback_type <> 'rejected' as good
             from learning_suggestions s
             join ai_generation_log g on g.org_key = s.org_id and g.id = s.gen_id
             where s.org_id = $1 and s.feedback_type in ('accepted', 'modified', 'rejected')
         ), tagged as (
             select '*' as subject, '*' as value, category, team_id, user_id, week, halves, good
             from voices
             union all
             -- A tag that is none says nothing.
             select split_part(tag, '=', 1), substr(tag, strpos(tag, '=') + 1), '', team_id,
                    user_id, week, halves, good
             from voices, unnest(tags) tag
             where strpos(tag, '=') > 1
         ), fresh as (
             select subject, value, category, team_id, user_id, week,
                    coalesce(sum(halves) filter (where good), 0)::integer as accepted,
                    coalesce(sum(halves) filter (where not good), 0)::integer as rejected
             from tagged group by 1, 2, 3, 4, 5, 6
         ), gone as (
             delete from learning_counts c
             where c.org_id = $1 and not exists (
                 select from fresh f
                 where (f.subject, f.value, f.category, f.team_id, f.user_id, f.week)
                     = (c.subject, c.value, c.category, c.team_id, c.user_id, c.week)
             )
         )
         insert into learning_counts (
             org_id, subject, value, category, team_id, user_id, week, accepted, rejected
         )
         select $1, subject, value, category, team_id, user_id, week, accepted, rejected from fresh
         on conflict (org_id, subject, value, category, team_id, user_id, week) do update
         set accepted = excluded.accepted, rejected = excluded.rejected
         where (learning_counts.accepted, learning_counts.rejected)
             is distinct from (excluded.accepted, excluded.rejected)",
        org_id.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
