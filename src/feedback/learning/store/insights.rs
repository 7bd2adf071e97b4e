//! The SQL of insights.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::feedback::insight::{InsightStatus, InsightType};
use crate::feedback::learning::lifecycle::{InsightUpdate, NewInsight};
use crate::feedback::learning::model::{InsightContent, InsightKey, InsightScope, InsightState};
use crate::platform::ids::OrgId;

/// Returns the insights of these organisations, without those of unknown type or status.
pub async fn all(
    conn: &mut PgConnection,
    orgs: &[OrgId],
) -> sqlx::Result<Vec<(OrgId, InsightState)>> {
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
        let insight = InsightState {
            id: row.id,
            key: InsightKey {
                scope: InsightScope::of(row.team_id, row.user_id),
                insight_type: InsightType::of(&row.insight_type)?,
                category: row.category,
                subject: row.subject,
                language: row.language,
            },
            content: InsightContent {
                title: row.title,
                description: row.description,
                pattern_data: row.pattern_data,
                confidence: row.confidence,
                sample_size: row.sample_size,
                quoted_user: row.quoted_user,
                evidence: row.evidence,
            },
            status: InsightStatus::of(&row.status)?,
            status_reason: row.status_reason,
            decided_by: row.decided_by,
            edited_by: row.edited_by,
            effect: row.effect,
        };
        Some((row.org_id, insight))
    });
    Ok(known.collect())
}

/// Creates insights. One that exists by now stays as it is.
pub async fn create(
    conn: &mut PgConnection,
    created: &[(OrgId, NewInsight)],
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let rows: Vec<Value> = created
        .iter()
        .map(|(org_id, insight)| new_row(org_id, insight))
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

fn new_row(org_id: &OrgId, insight: &NewInsight) -> Value {
    let NewInsight {
        key,
        content,
        status,
    } = insight;
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

/// Updates insights, except those an administrator has decided about or edited since they were read. Locks
/// them in the order in which ending runs do.
pub async fn update(
    conn: &mut PgConnection,
    updates: &[(OrgId, InsightUpdate)],
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let rows: Vec<Value> = updates
        .iter()
        .map(|(org_id, update)| updated_row(org_id, update))
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

fn updated_row(org_id: &OrgId, update: &InsightUpdate) -> Value {
    let InsightUpdate { before, after } = update;
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
