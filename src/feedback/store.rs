//! Feedback's SQL.

use serde_json::Value;
use sqlx::PgConnection;

use crate::feedback::model::{Generation, Sha256Hex};
use crate::platform::logging::TraceId;

/// Width that dashboards were built for, in characters.
const MAX_MODEL_CHARS: usize = 128;
/// Room for a run's id and more.
const MAX_RESULT_REF_CHARS: usize = 128;

/// Logs a generation and answers its `gen_id`, by which clients rate it.
pub async fn insert_generation(
    conn: &mut PgConnection,
    generation: &Generation,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"
        insert into ai_generation_log (
            org_key, user_sub, task_type, input_fingerprint, model, temperature, params,
            prompt_hash, result_ref, created_at, trace_id
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        returning id
        "#,
        generation.org_id.as_str(),
        generation.user_id.as_str(),
        generation.task_type.label(),
        generation.input_fingerprint.as_ref().map(Sha256Hex::as_str),
        text(&generation.model, MAX_MODEL_CHARS),
        generation.temperature.and_then(widened),
        without_zero_bytes(&generation.params),
        generation.prompt_hash.as_str(),
        generation
            .result_ref
            .as_deref()
            .map(|result| text(result, MAX_RESULT_REF_CHARS)),
        generation.created_at,
        generation.trace_id.as_ref() as Option<&TraceId>,
    )
    .fetch_one(conn)
    .await
}

/// The same number as a person wrote it: 0.2 stays 0.2, where a plain cast makes it 0.200000003.
fn widened(temperature: f32) -> Option<f64> {
    temperature.to_string().parse().ok()
}

fn text(text: &str, max_chars: usize) -> String {
    text.chars()
        .filter(|c| *c != '\0')
        .take(max_chars)
        .collect()
}

/// The same JSON as Postgres takes it: `jsonb` refuses zero bytes, in keys too.
fn without_zero_bytes(value: &Value) -> Value {
    let strip = |text: &str| text.replace('\0', "");
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => Value::String(strip(text)),
        Value::Array(items) => items.iter().map(without_zero_bytes).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, member)| (strip(key), without_zero_bytes(member)))
            .collect(),
    }
}
