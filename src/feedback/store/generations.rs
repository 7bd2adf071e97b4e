//! The SQL of generations.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::model::{Exposure, Generation, InsightId, Sha256Hex, VerificationResult};
use crate::feedback::store::insight_lock;
use crate::platform::db::to_text;
use crate::platform::ids::TeamId;
use crate::platform::json::{strip_nul, to_jsonb};
use crate::platform::logging::TraceId;
use crate::platform::redact::text::redact_text;

/// The longest model name, in characters; dashboards were built for this width.
const MAX_MODEL_CHARS: usize = 128;
/// The longest reference to a run, in characters.
const MAX_RESULT_REF_CHARS: usize = 128;

/// The longest prefix of an answer that is stored, in characters.
const MAX_ANSWER_CHARS: usize = 2_000;

/// The number of ids that are tried: two answers of an organisation may meet in one microsecond.
const MAX_TRIES: usize = 8;

/// Logs a generation. Returns its `gen_id`, by which clients rate it.
pub async fn insert_generation(
    conn: &mut PgConnection,
    generation: &Generation,
) -> sqlx::Result<i64> {
    for _ in 0..MAX_TRIES {
        if let Some(gen_id) = try_insert(conn, generation).await? {
            let Exposure { applied, held_out } = &generation.exposure;
            if !applied.is_empty() || !held_out.is_empty() {
                insert_exposures(conn, generation, gen_id).await?;
            }
            return Ok(gen_id);
        }
    }
    Err(sqlx::Error::RowNotFound)
}

/// Inserts a generation under a new id; nothing when another one has it.
async fn try_insert(conn: &mut PgConnection, generation: &Generation) -> sqlx::Result<Option<i64>> {
    let tags: Vec<String> = generation.traits.iter().map(ToString::to_string).collect();
    let answer = redact_text(&strip_nul(&generation.answer)).into_owned();
    let Exposure { applied, held_out } = &generation.exposure;
    sqlx::query_scalar!(
        r#"
        insert into ai_generation_log (
            id, org_key, user_sub, task_type, input_fingerprint, model, temperature, params,
            prompt_hash, result_ref, created_at, trace_id, team_id, session_id, category, language,
            answer, tags, verification, insights, held_out
        )
        values (generation_id(), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
                $17, $18, $19, $20)
        on conflict (org_key, id) do nothing
        returning id
        "#,
        generation.org_id.as_str(),
        generation.user_id.as_str(),
        generation.task_type.label(),
        generation.input_fingerprint.as_ref().map(Sha256Hex::as_str),
        to_text(&generation.model, MAX_MODEL_CHARS),
        generation.temperature.and_then(widened),
        to_jsonb(&generation.params),
        generation.prompt_hash.as_str(),
        generation
            .result_ref
            .as_deref()
            .map(|result| to_text(result, MAX_RESULT_REF_CHARS)),
        generation.created_at,
        generation.trace_id.as_ref() as Option<&TraceId>,
        generation.team_id.as_ref().map(TeamId::as_str),
        generation.session_id,
        generation.category.label(),
        generation.language,
        to_text(&answer, MAX_ANSWER_CHARS),
        &tags,
        generation.verification.map(VerificationResult::label),
        applied as &[InsightId],
        held_out as &[InsightId],
    )
    .fetch_optional(&mut *conn)
    .await
}

/// Returns the owner's last answer to the same request, no older than `since`; asked before this one is
/// inserted.
pub async fn asked_before(
    conn: &mut PgConnection,
    generation: &Generation,
    since: DateTime<Utc>,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "select id from ai_generation_log
         where org_key = $1 and user_sub = $2 and input_fingerprint = $3 and created_at >= $4
         order by created_at desc, id desc limit 1",
        generation.org_id.as_str(),
        generation.user_id.as_str(),
        generation.input_fingerprint.as_ref().map(Sha256Hex::as_str),
        since,
    )
    .fetch_optional(conn)
    .await
}

/// Records the insights that applied to a generation. Insights erased meanwhile are skipped.
async fn insert_exposures(
    conn: &mut PgConnection,
    generation: &Generation,
    gen_id: i64,
) -> sqlx::Result<()> {
    let Exposure { applied, held_out } = &generation.exposure;
    let org_id = generation.org_id.as_str();
    insight_lock::lock(conn, std::slice::from_ref(&generation.org_id)).await?;
    let count = sqlx::query!(
        "update learning_insights set times_applied = times_applied + 1, last_applied = $3
         where org_id = $1 and id = any($2)",
        org_id,
        applied as &[InsightId],
        generation.created_at,
    );
    conn.queue(count).await?;
    let insert = sqlx::query!(
        "insert into learning_exposures (org_id, insight_id, gen_id, applied, created_at)
         select $1, i.id, $2, i.id = any($3), $5
         from learning_insights i
         where i.org_id = $1 and (i.id = any($3) or i.id = any($4))",
        org_id,
        gen_id,
        applied as &[InsightId],
        held_out as &[InsightId],
        generation.created_at,
    );
    conn.queue(insert).await
}

/// Returns the shortest decimal of the number: 0.2 stays 0.2, where a cast makes it 0.200000003.
fn widened(temperature: f32) -> Option<f64> {
    temperature.to_string().parse().ok()
}
