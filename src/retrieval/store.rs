//! Retrieval's SQL.

use sqlx::PgConnection;

use crate::platform::clock::sql_millis;
use crate::platform::db::to_text;
use crate::platform::logging::TraceId;
use crate::platform::redact::text::redact_text;
use crate::retrieval::model::{MAX_QUERY_CHARS, RagMetric};

/// Writes what a retrieval found and how much of it was used. Belongs into the transaction that ends
/// its run: on its own, a second try after a lost answer would write it twice.
pub async fn insert_rag_metric(conn: &mut PgConnection, metric: &RagMetric) -> sqlx::Result<()> {
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let query = to_text(&redact_text(&metric.query), MAX_QUERY_CHARS);
    let insert = sqlx::query!(
        r#"
        insert into rag_metrics (
            org_id, user_id, run_id, phase, query, chunks_retrieved, chunks_used,
            retrieval_latency_ms, relevance_score, task_id, created_at, trace_id
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        "#,
        metric.org_id.as_str(),
        metric.user_id.as_str(),
        metric.run_id.map(|id| id.0),
        metric.phase.label(),
        query,
        count(metric.chunks_retrieved),
        count(metric.chunks_used),
        sql_millis(metric.latency),
        metric.relevance_score,
        metric.run_id.map(|id| id.to_string()),
        metric.created_at,
        metric.trace_id.as_ref() as Option<&TraceId>,
    );
    conn.queue(insert).await
}
