//! The SQL of patterns.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::platform::ids::OrgId;

/// The votes on a value, whether or not there is an insight about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// User; none for the whole organisation.
    pub user: Option<String>,
    /// `subject=value`.
    pub key: String,
    /// `style`, `preference` or `workflow`.
    pub pattern_type: &'static str,
    /// The catalogue's sentence.
    pub description: String,
    /// Confidence that the value is better or worse than the others.
    pub confidence: f64,
    /// Votes for.
    pub positive: i32,
    /// Votes against.
    pub negative: i32,
    /// Subject, value and number of raters.
    pub context: Value,
    /// Newest week with a vote.
    pub last_seen: NaiveDate,
}

/// Inserts patterns, and updates those that changed.
pub async fn upsert(
    conn: &mut PgConnection,
    patterns: &[(OrgId, Pattern)],
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let rows: Vec<Value> = patterns
        .iter()
        .map(|(org_id, pattern)| {
            json!({
                "org_id": org_id,
                "user_id": pattern.user,
                "pattern_key": pattern.key,
                "pattern_type": pattern.pattern_type,
                "description": pattern.description,
                "confidence": pattern.confidence,
                "positive": pattern.positive,
                "negative": pattern.negative,
                "context": pattern.context,
                "last_seen": pattern.last_seen,
            })
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into learning_patterns as p (
             org_id, user_id, pattern_key, pattern_type, description, confidence, occurrences,
             positive_feedback, negative_feedback, context_data, first_seen, last_seen
         )
         select org_id, user_id, pattern_key, pattern_type, description, confidence,
                positive + negative, positive, negative, context, $2,
                last_seen::timestamp at time zone 'UTC'
         from jsonb_to_recordset($1) as seen (
             org_id text, user_id text, pattern_key text, pattern_type text, description text,
             confidence double precision, positive bigint, negative bigint, context jsonb,
             last_seen date
         )
         on conflict on constraint learning_patterns_one_per_key do update
         set description = excluded.description, confidence = excluded.confidence,
             occurrences = excluded.occurrences, positive_feedback = excluded.positive_feedback,
             negative_feedback = excluded.negative_feedback, context_data = excluded.context_data,
             last_seen = excluded.last_seen
         where (p.description, p.confidence, p.occurrences, p.positive_feedback,
                p.negative_feedback, p.context_data, p.last_seen)
             is distinct from
               (excluded.description, excluded.confidence, excluded.occurrences,
                excluded.positive_feedback, excluded.negative_feedback, excluded.context_data,
                excluded.last_seen)",
        Value::Array(rows),
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the patterns of these organisations that are not among the given ones, except comment groups.
pub async fn delete_others(
    conn: &mut PgConnection,
    orgs: &[OrgId],
    patterns: &[(OrgId, Pattern)],
) -> sqlx::Result<()> {
    let rows: Vec<Value> = patterns
        .iter()
        .map(|(org_id, pattern)| {
            json!({"org_id": org_id, "user_id": pattern.user, "key": pattern.key})
        })
        .collect();
    sqlx::query!(
        "delete from learning_patterns p
         where p.org_id = any($1) and p.pattern_type <> 'anti_pattern' and not exists (
             select from jsonb_to_recordset($2) as seen (org_id text, user_id text, key text)
             where seen.org_id = p.org_id and seen.key = p.pattern_key
               and seen.user_id is not distinct from p.user_id
         )",
        orgs as &[OrgId],
        Value::Array(rows),
    )
    .execute(conn)
    .await?;
    Ok(())
}
