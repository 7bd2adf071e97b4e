//! The SQL of guidance.

use sqlx::PgConnection;

use crate::feedback::guidance::model::{Applicable, MIN_CONFIDENCE, Occasion};
use crate::feedback::insight::InsightType;
use crate::feedback::model::InsightId;
use crate::platform::ids::TeamId;

/// How many insights are looked at. More than enter a prompt, because several may be about the same.
const CANDIDATES: i64 = 50;

/// The active insights that apply, the narrowest first: what somebody wants themselves goes before what
/// their team wants, and that before what the organisation does.
pub async fn applicable(
    conn: &mut PgConnection,
    occasion: &Occasion<'_>,
) -> sqlx::Result<Vec<Applicable>> {
    let rows = sqlx::query!(
        r#"
        select id as "id: InsightId", insight_type, subject, description, times_applied
        from learning_insights
        where org_id = $1 and is_active and confidence >= $2
          and (team_id is null or team_id = $3)
          and (user_id is null or user_id = $4)
          and (category is null or category = $5)
          and (language is null or $6::text is null or language = $6)
        order by user_id is null, team_id is null, confidence desc, sample_size desc, id
        limit $7
        "#,
        occasion.org_id.as_str(),
        MIN_CONFIDENCE,
        occasion.team_id.map(TeamId::as_str),
        occasion.user_id.as_str(),
        occasion.category.label(),
        occasion.language,
        CANDIDATES,
    )
    .fetch_all(conn)
    .await?;
    // A type that a later version made says nothing here.
    let known = rows.into_iter().filter_map(|row| {
        Some(Applicable {
            id: row.id,
            insight_type: InsightType::of(&row.insight_type)?,
            subject: row.subject,
            description: row.description,
            times_applied: row.times_applied,
        })
    });
    Ok(known.collect())
}
