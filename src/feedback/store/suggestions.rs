//! Keeps an answer's row in `learning_suggestions`, and the counts it adds to, in line with its rating and
//! signals.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::model::Rating;
use crate::feedback::vote::{FeedbackType, HalfVotes, Vote, signal_named};
use crate::platform::ids::{OrgId, UserId};

/// Placeholder for an answer whose text was not stored.
const NO_WORDS: &str = "(no words of this answer were kept)";

/// Locks a generation until the transaction ends, so that concurrent ratings and signals are applied one
/// after the other. Returns its owner; none if it does not exist.
pub async fn lock_generation(
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

/// The vote on an answer, and the row that was last written.
struct AnswerVote {
    vote: Option<Vote>,
    reason: Option<String>,
    comment: Option<String>,
    row: Option<SuggestionRow>,
}

/// The columns of `learning_suggestions` that change.
struct SuggestionRow {
    vote: Option<Vote>,
    reason: Option<String>,
    comment: Option<String>,
}

/// Updates the row and the counts of a generation, which an earlier statement of the same transaction must
/// have locked. Otherwise a concurrent rating could be missed.
///
/// The counts change by the difference between the old row and the new one, so they always equal the sum of
/// the rows. A row whose rating was withdrawn stays as `ignored`, so that the analyzer sees the change.
pub async fn refresh(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let Some(answer) = read_vote(conn, org_id, gen_id).await? else {
        return Ok(());
    };
    let (vote, before) = match (answer.vote, &answer.row) {
        (None, None) => return Ok(()),
        (Some(vote), before) => (vote, before),
        (None, before @ Some(_)) => (Vote::WITHDRAWN, before),
    };
    let weight = vote.weight();
    // The texts beside a rating count as long as the rating does.
    let is_rating = weight.accepted + weight.rejected == 2;
    let now = SuggestionRow {
        vote: Some(vote),
        reason: answer.reason.filter(|_| is_rating),
        comment: answer.comment.filter(|_| is_rating),
    };
    let is_same = |before: &SuggestionRow| {
        (before.vote, &before.reason, &before.comment) == (now.vote, &now.reason, &now.comment)
    };
    if before.as_ref().is_some_and(is_same) {
        return Ok(());
    }
    let counted = before.as_ref().and_then(|before| before.vote);
    let counted = counted.map(Vote::weight).unwrap_or_default();
    let difference = HalfVotes {
        accepted: weight.accepted - counted.accepted,
        rejected: weight.rejected - counted.rejected,
    };
    write(conn, org_id, gen_id, &now, vote, difference, at).await
}

async fn read_vote(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
) -> sqlx::Result<Option<AnswerVote>> {
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
        AnswerVote {
            vote: Vote::of(row.rating.and_then(rating), &signals),
            reason: row.reason,
            comment: row.comment,
            row: row.settled.map(|name| SuggestionRow {
                vote: FeedbackType::named(&name).map(|feedback_type| Vote {
                    feedback_type,
                    rating: row.settled_rating.and_then(rating),
                }),
                reason: row.settled_reason,
                comment: row.settled_comment,
            }),
        }
    }))
}

/// Writes the row and changes the counts, in the order of their keys.
///
/// `confidence` is the acceptance that was expected of the answer: the posterior mean of its category among
/// the organisation's latest hundred answers with a vote, with a uniform prior. Not among all of them, which
/// every rating would have to add up.
async fn write(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
    now: &SuggestionRow,
    vote: Vote,
    difference: HalfVotes,
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
        vote.feedback_type.label(),
        vote.rating.map(Rating::number),
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
