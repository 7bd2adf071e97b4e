//! The SQL of measured effects: outcomes of answers with an insight and without it.

use sqlx::PgConnection;

use crate::feedback::learning::effects::{Arms, MeasuredEffect};
use crate::feedback::learning::tallies::VoteCounts;
use crate::platform::ids::OrgId;

/// Returns the effects of active insights since their activation, by organisation and insight: all of the
/// organisations in `full`, and of those in `incremental` the insights with a new exposure or rating since
/// the last pass.
pub async fn effects(
    conn: &mut PgConnection,
    full: &[OrgId],
    incremental: &[OrgId],
    from: &str,
) -> sqlx::Result<Vec<(OrgId, i64, MeasuredEffect)>> {
    let rows = sqlx::query!(
        r#"
        with touched as (
            select org_id, insight_id from learning_exposures where org_id = any($1)
            union
            select org_id, insight_id from learning_exposures
            where org_id = any($2) and changed_xid >= $3::text::xid8
            union
            select e.org_id, e.insight_id
            from learning_suggestions s
            join learning_exposures e on e.org_id = s.org_id and e.gen_id = s.gen_id
            where s.org_id = any($2) and s.changed_xid >= $3::text::xid8
        )
        select i.org_id as "org_id!: OrgId", i.id as "id!", count(*) as "exposures!",
               count(*) filter (where e.applied and f.rating = 1) as "applied_up!",
               count(*) filter (where e.applied and f.rating = -1) as "applied_down!",
               count(*) filter (where not e.applied and f.rating = 1) as "held_up!",
               count(*) filter (where not e.applied and f.rating = -1) as "held_down!",
               count(*) filter (where e.applied and g.verification = 'passed')
                   as "applied_passed!",
               count(*) filter (where e.applied and g.verification = 'failed')
                   as "applied_failed!",
               count(*) filter (where not e.applied and g.verification = 'passed')
                   as "held_passed!",
               count(*) filter (where not e.applied and g.verification = 'failed')
                   as "held_failed!"
        from touched t
        join learning_insights i on i.org_id = t.org_id and i.id = t.insight_id
        join learning_exposures e
          on e.org_id = i.org_id and e.insight_id = i.id and e.created_at >= i.status_since
        join ai_generation_log g on g.org_key = e.org_id and g.id = e.gen_id
        left join ai_feedback f
          on f.org_key = e.org_id and f.gen_id = e.gen_id and f.user_sub = g.user_sub
        where i.is_active
        group by 1, 2
        order by 1, 2
        "#,
        full as &[OrgId],
        incremental as &[OrgId],
        from,
    )
    .fetch_all(conn)
    .await?;
    let effects = rows.into_iter().map(|row| {
        let effect = MeasuredEffect {
            exposures: row.exposures,
            ratings: Arms {
                applied: votes(row.applied_up, row.applied_down),
                held_out: votes(row.held_up, row.held_down),
            },
            checks: Arms {
                applied: votes(row.applied_passed, row.applied_failed),
                held_out: votes(row.held_passed, row.held_failed),
            },
        };
        (row.org_id, row.id, effect)
    });
    Ok(effects.collect())
}

fn votes(accepted: i64, rejected: i64) -> VoteCounts {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a number of answers is far below 2^53"
    )]
    let votes = VoteCounts {
        accepted: accepted as f64,
        rejected: rejected as f64,
    };
    votes
}
