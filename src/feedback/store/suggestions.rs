//! Bringing what the analyzer reads in line with what is known of an answer: its row in
//! `learning_suggestions`, and the counts that the row adds to.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::model::Rating;
use crate::feedback::vote::{Judgement, Verdict, Voices, signal_named};
use crate::platform::ids::{OrgId, UserId};

/// What stands in for the words of an answer of which none were kept.
const NO_WORDS: &str = "(no words of this answer were kept)";

/// Locks a generation until the transaction ends, so that what is said of it at the same time is settled
/// one after the other. Answers whose it is; nothing when there is none.
pub async fn lock(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
) -> sqlx::Result<Option<UserId>> {
    sqlx::query_scalar!(
        r#"select user_sub as "user: UserId" from ai_generation_log
           where org_key = $1 and id = $2 for no key update"#,
        org_id as &OrgId,
        gen_id,
    )
    .fetch_optional(conn)
    .await
}

/// What is known of an answer, and what was known when it was last settled.
struct Standing {
    judged: Option<Judgement>,
    reason: Option<String>,
    comment: Option<String>,
    settled: Option<Settled>,
}

/// The row of `learning_suggestions`, as far as it changes.
struct Settled {
    judged: Option<Judgement>,
    reason: Option<String>,
    comment: Option<String>,
}

/// Settles a generation, which must be locked by an earlier statement of the same transaction: only then
/// is what is read here all that was said before.
///
/// The counts move by the difference between the row as it was and as it is, so they are always what the
/// rows add up to. A row that says nothing any more stays as `ignored`, because that it changed is what
/// the analyzer must notice.
pub async fn settle(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let Some(standing) = standing(conn, org_id, gen_id).await? else {
        return Ok(());
    };
    let (judged, before) = match (standing.judged, &standing.settled) {
        (None, None) => return Ok(()),
        (Some(judged), before) => (judged, before),
        (None, before @ Some(_)) => (Judgement::NONE_ANY_MORE, before),
    };
    // What somebody wrote beside a rating says something as long as the rating does.
    let words = judged.voices().accepted + judged.voices().rejected == 2;
    let now = Settled {
        judged: Some(judged),
        reason: standing.reason.filter(|_| words),
        comment: standing.comment.filter(|_| words),
    };
    let is_same = |before: &Settled| {
        (before.judged, &before.reason, &before.comment) == (now.judged, &now.reason, &now.comment)
    };
    if before.as_ref().is_some_and(is_same) {
        return Ok(());
    }
    let counted = before.as_ref().and_then(|before| before.judged);
    let counted = counted.map(Judgement::voices).unwrap_or_default();
    let voices = judged.voices();
    let difference = Voices {
        accepted: voices.accepted - counted.accepted,
        rejected: voices.rejected - counted.rejected,
    };
    write(conn, org_id, gen_id, &now, judged, difference, at).await
}

async fn standing(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
) -> sqlx::Result<Option<Standing>> {
    let row = sqlx::query!(
        r#"select f.rating as "rating?", f.reason, f.comment,
                  array(select signal from ai_feedback_signals
                        where org_key = $1 and gen_id = $2) as "signals!",
                  s.feedback_type as "settled?", s.rating as settled_rating,
                  s.reason as settled_reason, s.comment as settled_comment
           from ai_generation_log g
           left join ai_feedback f
             on f.org_key = $1 and f.gen_id = $2 and f.user_sub = g.user_sub
           left join learning_suggestions s on s.org_id = $1 and s.gen_id = $2
           where g.org_key = $1 and g.id = $2"#,
        org_id as &OrgId,
        gen_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let signals: Vec<_> = row
            .signals
            .iter()
            .filter_map(|one| signal_named(one))
            .collect();
        let rating = |number: i16| Rating::of(number.into());
        Standing {
            judged: Judgement::of(row.rating.and_then(rating), &signals),
            reason: row.reason,
            comment: row.comment,
            settled: row.settled.map(|verdict| Settled {
                judged: Verdict::named(&verdict).map(|verdict| Judgement {
                    verdict,
                    rating: row.settled_rating.and_then(rating),
                }),
                reason: row.settled_reason,
                comment: row.settled_comment,
            }),
        }
    }))
}

/// Writes the row and moves the counts, the counts in the order of their keys.
///
/// `confidence` is what was to be expected of the answer before anything was said of it: the mean of the
/// acceptance of its category among the organisation's latest hundred judged answers, with a uniform
/// prior. Not among all of them, because every rating would have to add them up.
async fn write(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
    now: &Settled,
    judged: Judgement,
    difference: Voices,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "with learned as (
             insert into learning_suggestions (
                 org_id, user_id, category, suggestion_text, context, feedback_type, confidence,
                 rating, reason, comment, pattern_tags, session_id, task_id, model_used, gen_id,
                 team_id, language, created_at, updated_at
             )
             select g.org_key, g.user_sub, g.category, coalesce(nullif(g.answer, ''), $3),
                    jsonb_build_object(
                        'task_type', g.task_type, 'run', g.result_ref, 'params', g.params
                    ),
                    $4,
                    (select (1 + count(*) filter (where latest.feedback_type <> 'rejected'))::float8
                            / (2 + count(*))
                     from (
                         select category, feedback_type from learning_suggestions
                         where org_id = $1 and gen_id is distinct from $2
                           and feedback_type in ('accepted', 'modified', 'rejected')
                         order by updated_at desc limit 100
                     ) latest
                     where latest.category = g.category),
                    $5, $6, $7, to_jsonb(g.tags), g.session_id, g.result_ref, g.model, g.id,
                    g.team_id, g.language, $8, $8
             from ai_generation_log g
             where g.org_key = $1 and g.id = $2
             on conflict (org_id, gen_id) do update set
                 feedback_type = excluded.feedback_type, confidence = excluded.confidence,
                 rating = excluded.rating, reason = excluded.reason, comment = excluded.comment,
                 updated_at = excluded.updated_at, changed_xid = pg_current_xact_id()
         ), traits as (
             select '*' as subject, '*' as value
             union
             select split_part(tag, '=', 1), substr(tag, strpos(tag, '=') + 1)
             from ai_generation_log g, unnest(g.tags) tag
             where g.org_key = $1 and g.id = $2 and tag like '%=%'
         )
         insert into learning_counts
             (org_id, subject, value, category, team_id, user_id, week, accepted, rejected)
         select g.org_key, t.subject, t.value,
                case t.subject when '*' then g.category else '' end,
                coalesce(g.team_id, ''), g.user_sub,
                date_trunc('week', g.created_at at time zone 'UTC')::date,
                greatest($9, 0), greatest($10, 0)
         from ai_generation_log g cross join traits t
         where g.org_key = $1 and g.id = $2 and ($9 <> 0 or $10 <> 0)
         order by t.subject, t.value
         on conflict (org_id, subject, value, category, team_id, user_id, week) do update set
             accepted = learning_counts.accepted + $9, rejected = learning_counts.rejected + $10",
        org_id.as_str(),
        gen_id,
        NO_WORDS,
        judged.verdict.label(),
        judged.rating.map(Rating::number),
        now.reason,
        now.comment,
        at,
        difference.accepted,
        difference.rejected,
    )
    .execute(conn)
    .await
    .map(drop)
}
