//! The SQL of groups of comments: rows of `learning_patterns` with the type `anti_pattern`.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::feedback::learning::comment_groups::{Group, Member, Sketch};
use crate::platform::ids::OrgId;

/// So much of a comment is looked at, in characters.
const MOST_TEXT: i32 = 2_000;
/// So many rejections of an organisation that never had a group are looked at.
const MOST_NEW: i64 = 500;
/// So many members of a group are looked at, the newest.
const MOST_MEMBERS: i64 = 200;

/// A rejection that may have to be put into a group, or taken out of one.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Whose.
    pub org_id: OrgId,
    /// The row.
    pub id: i64,
    /// What was said, if it is a rejection with words.
    pub text: Option<String>,
    /// The key of the group that it is in.
    pub group_key: Option<String>,
    /// Whether it is in one that may be gone.
    pub has_group: bool,
}

/// What was said since the last pass, and in some organisations also what is in no group yet.
///
/// What was in a group that had to make room is left alone: a pass may read again what the one before
/// has read, because a transaction was open meanwhile, and must not conclude anything else from it.
pub async fn candidates(
    conn: &mut PgConnection,
    whole: &[OrgId],
    others: &[OrgId],
    from: &str,
) -> sqlx::Result<Vec<Candidate>> {
    sqlx::query_as!(
        Candidate,
        r#"
        with due as (
            select s.org_id, s.id from learning_suggestions s
            where (s.org_id = any($1) or s.org_id = any($2)) and s.changed_xid >= $3::text::xid8
            union
            select o.org_id, s.id from unnest($1::text[]) o (org_id)
            cross join lateral (
                select s.id from learning_suggestions s
                where s.org_id = o.org_id and s.feedback_type = 'rejected'
                  and s.pattern_id is null and coalesce(s.comment, s.reason) is not null
                order by s.id desc limit $5
            ) s
        )
        select s.org_id as "org_id!: OrgId", s.id as "id!",
               case when s.feedback_type = 'rejected'
                   then left(coalesce(nullif(btrim(s.comment), ''), s.reason), $4)
               end as text,
               p.pattern_key as "group_key?", s.pattern_id is not null as "has_group!"
        from due d
        join learning_suggestions s on s.org_id = d.org_id and s.id = d.id
        left join learning_patterns p on p.org_id = s.org_id and p.id = s.pattern_id
        where p.id is not null or (s.pattern_id is null and s.feedback_type = 'rejected')
        order by 1, 2
        "#,
        whole as &[OrgId],
        others as &[OrgId],
        from,
        MOST_TEXT,
        MOST_NEW,
    )
    .fetch_all(conn)
    .await
}

/// The groups of these organisations, those that were used last at the end.
pub async fn all(conn: &mut PgConnection, orgs: &[OrgId]) -> sqlx::Result<Vec<(OrgId, Group)>> {
    let rows = sqlx::query!(
        r#"
        select org_id as "org_id: OrgId", pattern_key, context_data -> 'sketch' as sketch
        from learning_patterns
        where org_id = any($1) and pattern_type = 'anti_pattern' and user_id is null
        order by org_id, last_seen, id
        "#,
        orgs as &[OrgId],
    )
    .fetch_all(conn)
    .await?;
    let groups = rows.into_iter().map(|row| {
        let numbers = row.sketch.as_ref().and_then(Value::as_array);
        let numbers = numbers.into_iter().flatten().filter_map(Value::as_u64);
        let group = Group {
            key: row.pattern_key,
            sketch: Sketch::from_numbers(numbers.filter_map(|number| number.try_into().ok())),
        };
        (row.org_id, group)
    });
    Ok(groups.collect())
}

/// Makes groups, which have no members yet.
pub async fn make(
    conn: &mut PgConnection,
    groups: &[(OrgId, Group)],
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let rows = groups.iter().map(|(org_id, group)| {
        json!({
            "org_id": org_id,
            "key": group.key,
            "context": {"sketch": group.sketch.numbers()},
        })
    });
    sqlx::query!(
        "insert into learning_patterns (
             org_id, pattern_key, pattern_type, description, occurrences, context_data, first_seen,
             last_seen
         )
         select org_id, key, 'anti_pattern', 'Rejected with similar words', 0, context, $2, $2
         from jsonb_to_recordset($1) as made (org_id text, key text, context jsonb)
         on conflict on constraint learning_patterns_one_per_key do nothing",
        Value::Array(rows.collect()),
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets groups. Their members keep the number of a group that is gone, and are not looked at again.
pub async fn forget(conn: &mut PgConnection, groups: &[(OrgId, String)]) -> sqlx::Result<()> {
    let (orgs, keys) = columns(groups);
    sqlx::query!(
        "delete from learning_patterns p
         using unnest($1::text[], $2::text[]) gone (org_id, key)
         where p.org_id = gone.org_id and p.pattern_key = gone.key
           and p.pattern_type = 'anti_pattern' and p.user_id is null",
        &orgs as &[OrgId],
        &keys,
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn columns(pairs: &[(OrgId, String)]) -> (Vec<OrgId>, Vec<String>) {
    pairs.iter().cloned().unzip()
}

/// Puts rejections into groups, or into none.
pub async fn assign(
    conn: &mut PgConnection,
    assigned: &[(OrgId, i64, Option<String>)],
) -> sqlx::Result<()> {
    let rows = assigned
        .iter()
        .map(|(org_id, id, key)| json!({"org_id": org_id, "id": id, "key": key}));
    sqlx::query!(
        "update learning_suggestions s
         set pattern_id = p.id,
             similar_count = case when p.id is null then 0 else s.similar_count end
         from jsonb_to_recordset($1) as a (org_id text, id bigint, key text)
         left join learning_patterns p
           on p.org_id = a.org_id and p.pattern_key = a.key and p.pattern_type = 'anti_pattern'
              and p.user_id is null
         where s.org_id = a.org_id and s.id = a.id and s.pattern_id is distinct from p.id",
        Value::Array(rows.collect()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a group's row and its members' say of its size, where that is not so yet. A group without
/// members is forgotten.
///
/// `similar_count` is how many other rejections there are in the group.
pub async fn settle(conn: &mut PgConnection, groups: &[(OrgId, String)]) -> sqlx::Result<()> {
    let (orgs, keys) = columns(groups);
    sqlx::query!(
        "with wanted as (
             select p.org_id, p.id
             from unnest($1::text[], $2::text[]) w (org_id, key)
             join learning_patterns p
               on p.org_id = w.org_id and p.pattern_key = w.key
                  and p.pattern_type = 'anti_pattern' and p.user_id is null
         ), sizes as (
             select w.org_id, w.id, count(s.id) as many, max(s.updated_at) as last_seen
             from wanted w
             left join learning_suggestions s
               on s.org_id = w.org_id and s.pattern_id = w.id and s.feedback_type = 'rejected'
             group by w.org_id, w.id
         ), empty as (
             delete from learning_patterns p using sizes z
             where p.org_id = z.org_id and p.id = z.id and z.many = 0
         ), counted as (
             update learning_patterns p
             set occurrences = z.many, negative_feedback = z.many,
                 confidence = round(z.many / (z.many + 2.0), 3), last_seen = z.last_seen
             from sizes z
             where p.org_id = z.org_id and p.id = z.id and z.many > 0
               and (p.occurrences, p.last_seen) is distinct from (z.many, z.last_seen)
         )
         update learning_suggestions s
         set similar_count = z.many - 1
         from sizes z
         where s.org_id = z.org_id and s.pattern_id = z.id and s.feedback_type = 'rejected'
           and s.similar_count is distinct from z.many - 1",
        &orgs as &[OrgId],
        &keys,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The rejections of groups since a day, the newest first.
pub async fn members(
    conn: &mut PgConnection,
    groups: &[(OrgId, String)],
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<(OrgId, String, Member)>> {
    let (orgs, keys) = columns(groups);
    let rows = sqlx::query!(
        r#"
        select p.org_id as "org_id: OrgId", p.pattern_key, s.id, s.user_id,
               coalesce(s.team_id, '') as "team!", s.gen_id,
               left(coalesce(nullif(btrim(s.comment), ''), s.reason, ''), $4) as "text!"
        from unnest($1::text[], $2::text[]) w (org_id, key)
        join learning_patterns p
          on p.org_id = w.org_id and p.pattern_key = w.key and p.pattern_type = 'anti_pattern'
             and p.user_id is null
        cross join lateral (
            select * from learning_suggestions s
            where s.org_id = p.org_id and s.pattern_id = p.id and s.feedback_type = 'rejected'
              and s.created_at >= $3
            order by s.id desc limit $5
        ) s
        order by p.org_id, p.id, s.id desc
        "#,
        &orgs as &[OrgId],
        &keys,
        since,
        MOST_TEXT,
        MOST_MEMBERS,
    )
    .fetch_all(conn)
    .await?;
    let members = rows.into_iter().map(|row| {
        let member = Member {
            id: row.id,
            user: row.user_id,
            team: row.team,
            gen_id: row.gen_id,
            text: row.text,
        };
        (row.org_id, row.pattern_key, member)
    });
    Ok(members.collect())
}
