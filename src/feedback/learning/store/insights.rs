//! The SQL of insights.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::feedback::insight::{InsightType, Status};
use crate::feedback::learning::lifecycle::{Changed, Made};
use crate::feedback::learning::model::{Content, Insight, Key, Scope};
use crate::platform::ids::OrgId;

/// The insights of these organisations. Rows of a type or status that is unknown here are left alone.
pub async fn all(conn: &mut PgConnection, orgs: &[OrgId]) -> sqlx::Result<Vec<(OrgId, Insight)>> {
    let rows = sqlx::query!(
        r#"
        select org_id as "org_id: OrgId", id, insight_type, subject, category, language, team_id,
               user_id, title, description, pattern_data, confidence, sample_size, quoted_user,
               evidence, status, status_reason, decided_by, edited_by, effect
        from learning_insights where org_id = any($1) order by org_id, id
        "#,
        orgs as &[OrgId],
    )
    .fetch_all(conn)
    .await?;
    let known = rows.into_iter().filter_map(|row| {
        let insight = Insight {
            id: row.id,
            key: Key {
                scope: Scope::of(row.team_id, row.user_id),
                insight_type: InsightType::of(&row.insight_type)?,
                category: row.category,
                subject: row.subject,
                language: row.language,
            },
            content: Content {
                title: row.title,
                description: row.description,
                pattern_data: row.pattern_data,
                confidence: row.confidence,
                sample_size: row.sample_size,
                quoted_user: row.quoted_user,
                evidence: row.evidence,
            },
            status: Status::of(&row.status)?,
            status_reason: row.status_reason,
            decided_by: row.decided_by,
            edited_by: row.edited_by,
            effect: row.effect,
        };
        Some((row.org_id, insight))
    });
    Ok(known.collect())
}

/// Makes insights. One that somebody made meanwhile stays.
pub async fn make(
    conn: &mut PgConnection,
    made: &[(OrgId, Made)],
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let rows: Vec<Value> = made
        .iter()
        .map(|(org_id, made)| made_row(org_id, made))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into learning_insights (
             org_id, insight_type, subject, title, description, pattern_data, confidence,
             sample_size, is_active, category, team_id, user_id, language, status, quoted_user,
             evidence, first_seen, last_updated, status_since
         )
         select org_id, insight_type, subject, title, description, pattern_data, confidence,
                sample_size, status = 'active', category, team_id, user_id, language, status,
                quoted_user, evidence, $2, $2, $2
         from jsonb_to_recordset($1) as made (
             org_id text, insight_type text, subject text, title text, description text,
             pattern_data jsonb, confidence double precision, sample_size integer, category text,
             team_id text, user_id text, language text, status text, quoted_user text,
             evidence bigint[]
         )
         on conflict on constraint learning_insights_one_per_subject do nothing",
        Value::Array(rows),
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn made_row(org_id: &OrgId, made: &Made) -> Value {
    let Made {
        key,
        content,
        status,
    } = made;
    json!({
        "org_id": org_id,
        "insight_type": key.insight_type.label(),
        "subject": key.subject,
        "title": content.title,
        "description": content.description,
        "pattern_data": content.pattern_data,
        "confidence": content.confidence,
        "sample_size": content.sample_size,
        "category": key.category,
        "team_id": key.scope.team(),
        "user_id": key.scope.user(),
        "language": key.language,
        "status": status.label(),
        "quoted_user": content.quoted_user,
        "evidence": content.evidence,
    })
}

/// Changes insights, each only if nobody has decided about it since it was read. In the order in which
/// runs lock them when they end.
pub async fn change(
    conn: &mut PgConnection,
    changed: &[(OrgId, Changed)],
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let rows: Vec<Value> = changed
        .iter()
        .map(|(org_id, changed)| changed_row(org_id, changed))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let rows = Value::Array(rows);
    sqlx::query!(
        "select from learning_insights i
         join jsonb_to_recordset($1) as changed (org_id text, id bigint)
           on changed.org_id = i.org_id and changed.id = i.id
         order by i.org_id, i.id
         for no key update of i",
        rows,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update learning_insights i
         set title = c.title, description = c.description, pattern_data = c.pattern_data,
             confidence = c.confidence, sample_size = c.sample_size, quoted_user = c.quoted_user,
             evidence = c.evidence, effect = c.effect, status = c.status,
             is_active = c.status = 'active', status_reason = c.status_reason,
             decided_by = c.decided_by, last_updated = $2,
             status_since = case when i.status = c.status then i.status_since else $2 end
         from jsonb_to_recordset($1) as c (
             org_id text, id bigint, title text, description text, pattern_data jsonb,
             confidence double precision, sample_size integer, quoted_user text, evidence bigint[],
             effect jsonb, status text, status_reason text, decided_by text, old_status text,
             old_decided_by text, old_edited_by text
         )
         where i.org_id = c.org_id and i.id = c.id and i.status = c.old_status
           and i.decided_by is not distinct from c.old_decided_by
           and i.edited_by is not distinct from c.old_edited_by",
        rows,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn changed_row(org_id: &OrgId, changed: &Changed) -> Value {
    let Changed { before, after } = changed;
    let content = &after.content;
    json!({
        "org_id": org_id,
        "id": before.id,
        "title": content.title,
        "description": content.description,
        "pattern_data": content.pattern_data,
        "confidence": content.confidence,
        "sample_size": content.sample_size,
        "quoted_user": content.quoted_user,
        "evidence": content.evidence,
        "effect": after.effect,
        "status": after.status.label(),
        "status_reason": after.status_reason,
        "decided_by": after.decided_by,
        "old_status": before.status.label(),
        "old_decided_by": before.decided_by,
        "old_edited_by": before.edited_by,
    })
}
