//! The SQL of comment groups: rows of `learning_patterns` with the type `anti_pattern`.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::feedback::learning::comment_groups::{CommentGroup, RejectionComment, TextSketch};
use crate::platform::ids::OrgId;

/// The longest prefix of a comment that is read, in characters.
const MAX_TEXT_CHARS: i32 = 2_000;
/// The most rejections without a group that are read per organisation.
const MAX_UNGROUPED: i64 = 500;
/// The most members of a group that are read, the newest.
const MAX_MEMBERS: i64 = 200;
/// The largest `similar_count`. A rejection that joins a larger group does not change the rows of all others.
const MAX_SIMILAR: i64 = 20;

/// A comment that may have to join a group, or leave one.
#[derive(Clone, Debug)]
pub struct CommentCandidate {
    /// Organisation.
    pub org_id: OrgId,
    /// Row number.
    pub id: i64,
    /// Text, if it is still a rejection with a comment.
    pub text: Option<String>,
    /// Key of its group, if that exists.
    pub group_key: Option<String>,
    /// True if it was assigned to a group, which may have been deleted.
    pub has_group: bool,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
}

/// The changes of a group by comments that are assigned to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommentGroupChange {
    /// Comments that joined it, less those that left.
    pub difference: i64,
    /// Time of its newest comment among those that were assigned.
    pub last_seen: Option<DateTime<Utc>>,
}

/// Returns the comments changed since the last pass, and for the organisations in `full` also those
/// without a group.
///
/// Comments of evicted groups are left alone: a pass may read rows of the previous one again, because a
/// transaction was open meanwhile, and must come to the same result.
pub async fn candidates(
    conn: &mut PgConnection,
    full: &[OrgId],
    incremental: &[OrgId],
    from: &str,
) -> sqlx::Result<Vec<CommentCandidate>> {
    sqlx::query_as!(
        CommentCandidate,
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
               p.pattern_key as "group_key?", s.pattern_id is not null as "has_group!",
               s.updated_at
        from due d
        join learning_suggestions s on s.org_id = d.org_id and s.id = d.id
        left join learning_patterns p on p.org_id = s.org_id and p.id = s.pattern_id
        where p.id is not null or (s.pattern_id is null and s.feedback_type = 'rejected')
        order by 1, 2
        "#,
        full as &[OrgId],
        incremental as &[OrgId],
        from,
        MAX_TEXT_CHARS,
        MAX_UNGROUPED,
    )
    .fetch_all(conn)
    .await
}

/// Returns the groups of these organisations, the least recently used first.
pub async fn all(
    conn: &mut PgConnection,
    orgs: &[OrgId],
) -> sqlx::Result<Vec<(OrgId, CommentGroup)>> {
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
        let group = CommentGroup {
            key: row.pattern_key,
            sketch: TextSketch::from_numbers(numbers.filter_map(|number| number.try_into().ok())),
        };
        (row.org_id, group)
    });
    Ok(groups.collect())
}

/// Creates groups without members.
pub async fn create(
    conn: &mut PgConnection,
    groups: &[(OrgId, CommentGroup)],
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

/// Deletes groups. Their members keep the dangling number and are not assigned again.
pub async fn delete(conn: &mut PgConnection, groups: &[(OrgId, String)]) -> sqlx::Result<()> {
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

/// Assigns comments to groups, or to none.
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
             similar_count = case when p.id is null then 0 else least(p.occurrences, $2) end
         from jsonb_to_recordset($1) as a (org_id text, id bigint, key text)
         left join learning_patterns p
           on p.org_id = a.org_id and p.pattern_key = a.key and p.pattern_type = 'anti_pattern'
              and p.user_id is null
         where s.org_id = a.org_id and s.id = a.id and s.pattern_id is distinct from p.id",
        Value::Array(rows.collect()),
        MAX_SIMILAR,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Changes the sizes in the rows of groups by what their comments changed, and deletes groups without
/// members. Erased members are still counted until [`recount`].
///
/// `similar_count` is the number of other rejections in the group, at most [`MAX_SIMILAR`], so the rows of
/// members change in small groups alone. Those that join a larger one have it from [`assign`].
pub async fn resize(
    conn: &mut PgConnection,
    changes: &[(OrgId, String, CommentGroupChange)],
) -> sqlx::Result<()> {
    let rows = changes.iter().map(|(org_id, key, change)| {
        json!({
            "org_id": org_id,
            "key": key,
            "difference": change.difference,
            "last_seen": change.last_seen,
        })
    });
    sqlx::query!(
        "with sizes as materialized (
             select p.org_id, p.id, p.occurrences as was,
                    greatest(p.occurrences + c.difference, 0) as many,
                    case p.occurrences when 0 then coalesce(c.last_seen, p.last_seen)
                                       else greatest(p.last_seen, c.last_seen) end as last_seen
             from jsonb_to_recordset($1) as c (
                 org_id text, key text, difference bigint, last_seen timestamptz
             )
             join learning_patterns p
               on p.org_id = c.org_id and p.pattern_key = c.key
                  and p.pattern_type = 'anti_pattern' and p.user_id is null
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
         set similar_count = least(z.many - 1, $2)
         from sizes z
         where z.was <> z.many and least(z.was, z.many) - 1 <= $2
           and s.org_id = z.org_id and s.pattern_id = z.id and s.feedback_type = 'rejected'
           and s.similar_count is distinct from least(z.many - 1, $2)",
        Value::Array(rows.collect()),
        MAX_SIMILAR,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts the members of groups, with the same effect as [`resize`].
pub async fn recount(conn: &mut PgConnection, groups: &[(OrgId, String)]) -> sqlx::Result<()> {
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
         set similar_count = least(z.many - 1, $3)
         from sizes z
         where s.org_id = z.org_id and s.pattern_id = z.id and s.feedback_type = 'rejected'
           and s.similar_count is distinct from least(z.many - 1, $3)",
        &orgs as &[OrgId],
        &keys,
        MAX_SIMILAR,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns the comments of groups since a moment, the newest first.
pub async fn members(
    conn: &mut PgConnection,
    groups: &[(OrgId, String)],
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<(OrgId, String, RejectionComment)>> {
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
        MAX_TEXT_CHARS,
        MAX_MEMBERS,
    )
    .fetch_all(conn)
    .await?;
    let members = rows.into_iter().map(|row| {
        let member = RejectionComment {
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
