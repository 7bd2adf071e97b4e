//! Keeps an answer's row in `learning_suggestions`, and the counts it adds to, in line with its rating and
//! signals.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::model::{FeedbackSignal, Rating};
use crate::feedback::vote::{FeedbackType, HalfVotes, Vote, signal_named};
use crate::platform::ids::{OrgId, UserId};

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

/// The parts of a statement that write the rows of answers and move their counts. Before them stand the
/// answers as `moved`, each once, with the columns of `ai_generation_log` and these: `verdict`,
/// `learned_rating`, `learned_reason`, `learned_comment` and `learned_at` go into the row, if `teaches` says
/// so; `accepted` and `rejected` are the difference from what was counted before; `known_xid` is the last
/// change of the row that the difference is from. If there was a later one, nothing is written: the answer
/// is not in `learned` then, and whatever follows must depend on it.
///
/// `confidence` is the acceptance that was expected of the answer: the posterior mean of its category on the
/// organisation's newest day with a sum, with a uniform prior. Counts are changed in the order of their keys.
macro_rules! learn {
    ($before:literal, $after:literal, $($arguments:tt)*) => {
        sqlx::query!(
            $before
                + r#", learned as (
                    insert into learning_suggestions as s (
                        org_id, user_id, category, suggestion_text, context, feedback_type,
                        confidence, rating, reason, comment, pattern_tags, session_id, task_id,
                        model_used, gen_id, team_id, language, created_at, updated_at
                    )
                    select m.org_key, m.user_sub, m.category,
                           coalesce(nullif(m.answer, ''), '(no words of this answer were kept)'),
                           jsonb_build_object(
                               'task_type', m.task_type, 'run', m.result_ref, 'params', m.params
                           ),
                           m.verdict,
                           coalesce((
                               select (1 + greatest(e.accepted, 0))::float8
                                      / (2 + greatest(e.accepted, 0) + greatest(e.rejected, 0))
                               from feedback_sums e
                               where e.org_key = m.org_key and e.minutes = 1440
                                 and e.kind = 'category' and e.name = m.category
                               order by e.starts_at desc limit 1
                           ), 0.5),
                           m.learned_rating, m.learned_reason, m.learned_comment, to_jsonb(m.tags),
                           m.session_id, m.result_ref, m.model, m.id, m.team_id, m.language,
                           m.learned_at, m.learned_at
                    from moved m where m.teaches
                    on conflict (org_id, gen_id) do update set
                        feedback_type = excluded.feedback_type, confidence = excluded.confidence,
                        rating = excluded.rating, reason = excluded.reason,
                        comment = excluded.comment, updated_at = excluded.updated_at,
                        changed_xid = pg_current_xact_id()
                    where s.changed_xid = (
                        select m.known_xid from moved m
                        where m.org_key = s.org_id and m.id = s.gen_id
                    )
                    returning s.org_id, s.gen_id
                ), tallied as materialized (
                    select m.org_key as org_id, t.subject, t.value,
                           case t.subject when '*' then m.category else '' end as category,
                           coalesce(m.team_id, '') as team_id, m.user_sub as user_id,
                           date_trunc('week', m.created_at at time zone 'UTC')::date as week,
                           sum(m.accepted)::integer as accepted,
                           sum(m.rejected)::integer as rejected
                    from learned l
                    join moved m on m.org_key = l.org_id and m.id = l.gen_id
                    cross join lateral (
                        select '*' as subject, '*' as value
                        union
                        select split_part(tag, '=', 1), substr(tag, strpos(tag, '=') + 1)
                        from unnest(m.tags) tag where tag like '%=%'
                    ) t
                    where m.accepted <> 0 or m.rejected <> 0
                    group by 1, 2, 3, 4, 5, 6, 7
                ), taken_back as materialized (
                    select * from tallied where accepted < 0 or rejected < 0
                ), counted as (
                    insert into learning_counts as c (
                        org_id, subject, value, category, team_id, user_id, week, accepted, rejected
                    )
                    select org_id, subject, value, category, team_id, user_id, week,
                           greatest(accepted, 0), greatest(rejected, 0)
                    from tallied
                    order by org_id, subject, value, category, team_id, user_id, week
                    on conflict (org_id, subject, value, category, team_id, user_id, week)
                    do update set (accepted, rejected) = (
                        select c.accepted + coalesce(t.accepted, excluded.accepted),
                               c.rejected + coalesce(t.rejected, excluded.rejected)
                        from (select) one
                        left join taken_back t
                          on (t.org_id, t.subject, t.value, t.category, t.team_id, t.user_id, t.week)
                             = (c.org_id, c.subject, c.value, c.category, c.team_id, c.user_id,
                                c.week)
                    )
                    returning c.week
                )"#
                + $after,
            $($arguments)*
        )
    };
}
pub(in crate::feedback) use learn;

/// An answer as it is known, and the row that was last written.
struct KnownAnswer {
    rating: Option<Rating>,
    signals: Vec<FeedbackSignal>,
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

/// Returns the vote on an answer once its rating is withdrawn: that of its signals. Without signals it is
/// [`Vote::WITHDRAWN`] if a row has to say so, and none otherwise.
pub async fn vote_without_rating(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
) -> sqlx::Result<Option<Vote>> {
    let answer = read(conn, org_id, gen_id).await?;
    Ok(answer.and_then(|answer| {
        let observed = Vote::of(Some(Rating::Withdrawn), &answer.signals);
        observed.or_else(|| answer.row.map(|_| Vote::WITHDRAWN))
    }))
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
    let Some(answer) = read(conn, org_id, gen_id).await? else {
        return Ok(());
    };
    let (vote, before) = match (Vote::of(answer.rating, &answer.signals), &answer.row) {
        (None, None) => return Ok(()),
        (Some(vote), before) => (vote, before),
        (None, before @ Some(_)) => (Vote::WITHDRAWN, before),
    };
    // The texts beside a rating count as long as the rating does.
    let is_rating = vote.is_rating();
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
    let weight = vote.weight();
    let difference = HalfVotes {
        accepted: weight.accepted - counted.accepted,
        rejected: weight.rejected - counted.rejected,
    };
    write(conn, org_id, gen_id, &now, vote, difference, at).await
}

async fn read(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
) -> sqlx::Result<Option<KnownAnswer>> {
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
    let rating = |number: i16| Rating::of(number.into());
    Ok(row.map(|row| KnownAnswer {
        rating: row.rating.and_then(rating),
        signals: row
            .signals
            .iter()
            .filter_map(|one| signal_named(one))
            .collect(),
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
    }))
}

/// Writes the row and changes the counts.
async fn write(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
    now: &SuggestionRow,
    vote: Vote,
    difference: HalfVotes,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    learn!(
        "with moved as materialized (
             select g.*, $3::text as verdict, $4::smallint as learned_rating,
                    $5::text as learned_reason, $6::text as learned_comment,
                    $7::timestamptz as learned_at, $8::integer as accepted, $9::integer as rejected,
                    s.changed_xid as known_xid, true as teaches
             from ai_generation_log g
             left join learning_suggestions s on s.org_id = $1 and s.gen_id = $2
             where g.org_key = $1 and g.id = $2
         )",
        "select count(*) from counted",
        org_id.as_str(),
        gen_id,
        vote.feedback_type.label(),
        vote.rating.map(Rating::number),
        now.reason,
        now.comment,
        at,
        difference.accepted,
        difference.rejected,
    )
    .fetch_one(conn)
    .await
    .map(drop)
}
