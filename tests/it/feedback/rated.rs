//! Rated answers for the analyzer, as ratings leave them in the tables.

use chrono::{DateTime, TimeDelta, Utc};
use navi::feedback::learning::service::{Analyzer, PassOptions, PassReport};
use navi::platform::clock::Clock;
use serde_json::Value;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// A Wednesday.
pub(super) fn today() -> DateTime<Utc> {
    "2026-06-03T12:00:00Z".parse().unwrap()
}

/// An answer, and what was said of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'a> {
    pub(super) org: &'a str,
    pub(super) user: &'a str,
    pub(super) team: Option<&'a str>,
    pub(super) category: &'a str,
    pub(super) tags: &'a [&'a str],
    pub(super) accepted: bool,
    pub(super) comment: Option<&'a str>,
    pub(super) days_ago: i64,
    pub(super) verification: Option<&'a str>,
}

impl Default for Answer<'_> {
    fn default() -> Self {
        Self {
            org: "acme",
            user: "ada",
            team: None,
            category: "fix",
            tags: &[],
            accepted: true,
            comment: None,
            days_ago: 0,
            verification: None,
        }
    }
}

const LOG: &str = "
    insert into ai_generation_log (
        org_key, user_sub, task_type, model, params, prompt_hash, created_at, team_id, category, tags,
        verification
    )
    values ($1, $2, 'codegen', 'm', '{}', 'h', $3, $4, $5, $6, $7) returning id";

const RATE: &str = "
    insert into ai_feedback (gen_id, org_key, user_sub, rating, comment, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $6)";

const SUGGEST: &str = "
    insert into learning_suggestions (
        org_id, user_id, category, suggestion_text, feedback_type, rating, comment, pattern_tags,
        gen_id, created_at, updated_at, team_id
    )
    values ($1, $2, $3, 'text', $4, $5, $6, to_jsonb($7::text[]), $8, $9, $9, $10)";

const COUNT: &str = "
    insert into learning_counts as c (
        org_id, subject, value, category, team_id, user_id, week, accepted, rejected
    )
    select $1, split_part(tag, '=', 1), split_part(tag, '=', 2),
           case tag when '*=*' then $2 else '' end, coalesce($3, ''), $4,
           date_trunc('week', $5 at time zone 'UTC')::date, $6, 2 - $6
    from unnest('*=*'::text || $7::text[]) tag where strpos(tag, '=') > 1
    on conflict (org_id, subject, value, category, team_id, user_id, week) do update
    set accepted = c.accepted + excluded.accepted, rejected = c.rejected + excluded.rejected";

/// Writes the same rows as the answer and its rating would. Returns the answer's number.
pub(super) async fn rate(db: &PgPool, answer: Answer<'_>) -> i64 {
    let mut tx = db.begin().await.unwrap();
    let gen_id = rate_in(&mut tx, answer).await;
    tx.commit().await.unwrap();
    gen_id
}

/// The same within a transaction.
pub(super) async fn rate_in(conn: &mut sqlx::PgConnection, answer: Answer<'_>) -> i64 {
    let at = today() - TimeDelta::days(answer.days_ago);
    let gen_id: i64 = sqlx::query_scalar(LOG)
        .bind(answer.org)
        .bind(answer.user)
        .bind(at)
        .bind(answer.team)
        .bind(answer.category)
        .bind(answer.tags)
        .bind(answer.verification)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    let rating: i16 = if answer.accepted { 1 } else { -1 };
    sqlx::query(RATE)
        .bind(gen_id)
        .bind(answer.org)
        .bind(answer.user)
        .bind(rating)
        .bind(answer.comment)
        .bind(at)
        .execute(&mut *conn)
        .await
        .unwrap();
    let verdict = if answer.accepted {
        "accepted"
    } else {
        "rejected"
    };
    sqlx::query(SUGGEST)
        .bind(answer.org)
        .bind(answer.user)
        .bind(answer.category)
        .bind(verdict)
        .bind(rating)
        .bind(answer.comment)
        .bind(answer.tags)
        .bind(gen_id)
        .bind(at)
        .bind(answer.team)
        .execute(&mut *conn)
        .await
        .unwrap();
    sqlx::query(COUNT)
        .bind(answer.org)
        .bind(answer.category)
        .bind(answer.team)
        .bind(answer.user)
        .bind(at)
        .bind(if answer.accepted { 2 } else { 0 })
        .bind(answer.tags)
        .execute(&mut *conn)
        .await
        .unwrap();
    gen_id
}

/// So many of the same.
pub(super) async fn rate_often(db: &PgPool, many: usize, answer: Answer<'_>) {
    for _ in 0..many {
        rate(db, answer).await;
    }
}

/// A pass of this test alone.
pub(super) async fn pass_with(db: &PgPool, clock: &Clock, options: &PassOptions) -> PassReport {
    let analyzer = Analyzer::new(db.clone(), clock.clone());
    let stopping = CancellationToken::new();
    let report = analyzer.pass(options, &stopping, &|_| {}).await.unwrap();
    report.unwrap()
}

/// A pass today.
pub(super) async fn pass(db: &PgPool) -> PassReport {
    pass_with(db, &Clock::fixed(today()), &PassOptions::default()).await
}

/// A pass so many days later.
pub(super) async fn pass_later(db: &PgPool, days: i64) -> PassReport {
    let clock = Clock::fixed(today() + TimeDelta::days(days));
    pass_with(db, &clock, &PassOptions::default()).await
}

/// The insights of an organisation in short: for whom, what kind, about what, and how it stands.
pub(super) async fn insights(db: &PgPool, org: &str) -> Vec<String> {
    sqlx::query_scalar(
        "select concat_ws(' ', coalesce('@' || user_id, '#' || team_id, 'all') || ':', insight_type,
                          category, subject, status, status_reason, confidence)
         from learning_insights where org_id = $1
         order by team_id nulls first, user_id nulls first, insight_type, category, subject",
    )
    .bind(org)
    .fetch_all(db)
    .await
    .unwrap()
}

/// True if an organisation has an insight that begins with this.
pub(super) async fn has(db: &PgPool, org: &str, beginning: &str) -> bool {
    let all = insights(db, org).await;
    all.iter().any(|one| one.starts_with(beginning))
}

const TABLES: &str = "
    select jsonb_build_object(
        'insights', (select jsonb_agg(to_jsonb(i) order by org_id, insight_type, category, subject,
                                      team_id, user_id) from learning_insights i),
        'patterns', (select jsonb_agg(to_jsonb(p) order by org_id, pattern_type, pattern_key, user_id)
                     from learning_patterns p),
        'counts', (select jsonb_agg(to_jsonb(c) order by c) from learning_counts c),
        'suggestions', (select jsonb_agg(to_jsonb(s) order by org_id, id) from learning_suggestions s),
        'orgs', (select jsonb_agg(to_jsonb(o) order by org_id) from learning_orgs o)
    )";

/// All that a pass may write, apart from what it notes about itself.
pub(super) async fn tables(db: &PgPool) -> Value {
    sqlx::query_scalar(TABLES).fetch_one(db).await.unwrap()
}
