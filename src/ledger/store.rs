//! The ledger's SQL.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ledger::model::{CallId, CallRow, PeriodCost, PricedCall, TaskMetric, TaskRow};
use crate::ledger::money::Nanos;
use crate::ledger::prices::PriceRow;
use crate::llm::model::Usage;
use crate::platform::clock::sql_millis;
use crate::platform::db::to_text;
use crate::platform::ids::{OrgId, RunId};
use crate::platform::logging::TraceId;

/// Widths that dashboards were built for, in characters.
const MAX_MODEL_CHARS: usize = 128;
const MAX_NAME_CHARS: usize = 64;
const MAX_SESSION_CHARS: usize = 128;
/// Enough of an explanation to act on.
const MAX_ERROR_CHARS: usize = 2_000;

fn trace(id: Option<&TraceId>) -> Option<String> {
    id.map(|id| id.0.clone())
}

fn tokens(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Writes calls in one statement: all of them, or none. A call that is there already is left as it
/// is, so a batch whose outcome was lost with its connection can simply be sent again.
///
/// Calls of runs alone do not wait for the disk: their run's log is written after them and waits for it, and
/// nothing behind a commit on the disk is missing there.
pub async fn insert_calls(conn: &mut PgConnection, calls: &[Arc<PricedCall>]) -> sqlx::Result<()> {
    let is_followed = calls.iter().all(|c| c.call.run_id.is_some());
    let column = |of: fn(&PricedCall) -> String| calls.iter().map(|c| of(c)).collect::<Vec<_>>();
    let optional =
        |of: fn(&PricedCall) -> Option<String>| calls.iter().map(|c| of(c)).collect::<Vec<_>>();
    let count = |of: fn(&Usage) -> u64| {
        let usage = |c: &Arc<PricedCall>| c.call.usage.unwrap_or_default();
        calls
            .iter()
            .map(|c| tokens(of(&usage(c))))
            .collect::<Vec<_>>()
    };
    let cost = |of: fn(&crate::ledger::money::Cost) -> Nanos| {
        let dollars = |c: &Arc<PricedCall>| c.cost.as_ref().map(|cost| of(cost).to_dollars());
        calls.iter().map(dollars).collect::<Vec<Option<Decimal>>>()
    };
    let ids: Vec<Uuid> = calls.iter().map(|c| c.call.call_id.0).collect();
    let runs: Vec<Option<Uuid>> = calls.iter().map(|c| c.call.run_id.map(|id| id.0)).collect();
    let latencies: Vec<i64> = calls.iter().map(|c| sql_millis(c.call.latency)).collect();
    let ttfts: Vec<Option<i64>> = calls.iter().map(|c| c.call.ttft.map(sql_millis)).collect();
    let times: Vec<DateTime<Utc>> = calls.iter().map(|c| c.call.created_at).collect();
    let traces: Vec<Option<String>> = calls
        .iter()
        .map(|c| trace(c.call.trace_id.as_ref()))
        .collect();
    // Zero tokens and an unknown number of tokens must stay apart: the first cost nothing, the cost of
    // the second will never be known.
    let metadata: Vec<Option<Value>> = calls
        .iter()
        .map(|c| {
            c.call
                .usage
                .is_none()
                .then(|| json!({"usage_reported": false}))
        })
        .collect();
    sqlx::query!(
        r#"
        with eased as materialized (
            select set_config('synchronous_commit',
                              coalesce($26, current_setting('synchronous_commit')), true)
        )
        insert into llm_metrics (
            org_id, user_id, call_id, run_id, model, provider, phase,
            input_tokens, output_tokens, total_tokens,
            cache_read_tokens, cache_write_tokens, reasoning_tokens,
            input_cost, output_cost, total_cost, latency_ms, ttft_ms,
            task_type, session_id, extra_metadata, status, error_message, created_at,
            trace_id
        )
        select called.* from eased cross join unnest(
            $1::text[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[],
            $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
            $14::numeric[], $15::numeric[], $16::numeric[], $17::bigint[], $18::bigint[],
            $19::text[], $20::text[], $21::jsonb[], $22::text[], $23::text[], $24::timestamptz[],
            $25::text[]
        ) called
        on conflict (org_id, created_at, call_id) do nothing
        "#,
        &column(|c| c.call.org_id.to_string()),
        &column(|c| c.call.user_id.to_string()),
        &ids,
        &runs as &[Option<Uuid>],
        &column(|c| to_text(&c.call.model, MAX_MODEL_CHARS)),
        &column(|c| to_text(&c.call.provider, MAX_NAME_CHARS)),
        &column(|c| c.call.phase.label().to_owned()),
        &count(|u| u.input),
        &count(|u| u.output),
        &count(|u| u.total()),
        &count(|u| u.cache_read),
        &count(|u| u.cache_write),
        &count(|u| u.reasoning),
        &cost(|c| c.input) as &[Option<Decimal>],
        &cost(|c| c.output) as &[Option<Decimal>],
        &cost(|c| c.total) as &[Option<Decimal>],
        &latencies,
        &ttfts as &[Option<i64>],
        &optional(|c| c
            .call
            .task_type
            .as_deref()
            .map(|t| to_text(t, MAX_NAME_CHARS))) as &[Option<String>],
        &optional(|c| c
            .call
            .session_id
            .as_deref()
            .map(|t| to_text(t, MAX_SESSION_CHARS))) as &[Option<String>],
        &metadata as &[Option<Value>],
        &column(|c| c.call.status.label().to_owned()),
        &optional(|c| c
            .call
            .error_message
            .as_deref()
            .map(|t| to_text(t, MAX_ERROR_CHARS))) as &[Option<String>],
        &times,
        &traces as &[Option<String>],
        is_followed.then_some("off"),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes a finished task; the same task a second time is left as it is.
pub async fn insert_task_metric(conn: &mut PgConnection, task: &TaskMetric) -> sqlx::Result<()> {
    let count = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let insert = sqlx::query!(
        r#"
        insert into task_metrics (
            org_id, user_id, run_id, task_id, task_type, llm_iterations, rag_retrievals,
            completion_time_ms, llm_time_ms, rag_time_ms, total_tokens, total_cost,
            status, error_type, created_at, trace_id
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        on conflict (org_id, created_at, run_id) do nothing
        "#,
        task.org_id.as_str(),
        task.user_id.as_str(),
        task.run_id.0,
        task.run_id.to_string(),
        to_text(&task.task_type, MAX_NAME_CHARS),
        count(task.llm_iterations),
        count(task.rag_retrievals),
        sql_millis(task.completion_time),
        sql_millis(task.llm_time),
        sql_millis(task.rag_time),
        tokens(task.total_tokens),
        task.total_cost.map(Nanos::to_dollars),
        task.status.label(),
        task.error_type
            .as_deref()
            .map(|t| to_text(t, MAX_NAME_CHARS)),
        task.created_at,
        trace(task.trace_id.as_ref()),
    );
    conn.queue(insert).await
}

/// The calls of a run, in the order in which they began.
pub async fn calls_of_run(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<Vec<CallRow>> {
    let rows = sqlx::query!(
        r#"
        select call_id as "call_id: CallId", phase, provider, model, status, input_tokens,
               cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
               total_cost, latency_ms, created_at
        from llm_metrics
        where org_id = $1 and run_id = $2
        order by created_at, call_id
        "#,
        org_id.as_str(),
        run_id.0,
    )
    .fetch_all(conn)
    .await?;
    let natural = |count: i64| u64::try_from(count).unwrap_or_default();
    Ok(rows
        .into_iter()
        .map(|row| CallRow {
            call_id: row.call_id,
            phase: row.phase,
            provider: row.provider,
            model: row.model,
            status: row.status,
            usage: Usage {
                input: natural(row.input_tokens),
                cache_read: natural(row.cache_read_tokens),
                cache_write: natural(row.cache_write_tokens),
                output: natural(row.output_tokens),
                reasoning: natural(row.reasoning_tokens),
            },
            cost: row.total_cost.and_then(Nanos::from_dollars),
            latency: Duration::from_millis(natural(row.latency_ms.unwrap_or_default())),
            created_at: row.created_at,
        })
        .collect())
}

/// The row of a finished run.
pub async fn task_of_run(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<Option<TaskRow>> {
    let row = sqlx::query!(
        r#"
        select status, llm_iterations, rag_retrievals, completion_time_ms, llm_time_ms,
               total_tokens, total_cost
        from task_metrics
        where org_id = $1 and run_id = $2
        "#,
        org_id.as_str(),
        run_id.0,
    )
    .fetch_optional(conn)
    .await?;
    let natural = |count: i64| u64::try_from(count).unwrap_or_default();
    Ok(row.map(|row| TaskRow {
        status: row.status,
        iterations: row.llm_iterations,
        retrievals: row.rag_retrievals,
        completion_time: Duration::from_millis(natural(row.completion_time_ms)),
        llm_time: Duration::from_millis(natural(row.llm_time_ms.unwrap_or_default())),
        total_tokens: natural(row.total_tokens),
        total_cost: row.total_cost.and_then(Nanos::from_dollars),
    }))
}

/// The cost of an organisation's calls in a period.
pub async fn spent_between(
    conn: &mut PgConnection,
    org_id: &OrgId,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
) -> sqlx::Result<PeriodCost> {
    let row = sqlx::query!(
        r#"
        select coalesce(sum(total_cost), 0) as "cost!",
               count(*) filter (where total_cost is null
                 and extra_metadata -> 'usage_reported' is distinct from 'false'::jsonb)
                 as "unpriced!"
        from llm_metrics
        where org_id = $1 and created_at >= $2 and created_at < $3
        "#,
        org_id.as_str(),
        since,
        until,
    )
    .fetch_one(conn)
    .await?;
    Ok(PeriodCost {
        cost: Nanos::from_dollars(row.cost).unwrap_or_default(),
        unpriced: row.unpriced,
    })
}

/// The cost of an organisation's calls on the day that begins then, from the sums by the day.
pub async fn spent_on(
    conn: &mut PgConnection,
    org_id: &OrgId,
    day: DateTime<Utc>,
) -> sqlx::Result<PeriodCost> {
    let cost = sqlx::query_scalar!(
        r#"select coalesce(sum(total_cost), 0) as "cost!" from llm_days
           where org_id = $1 and day = $2"#,
        org_id.as_str(),
        day,
    )
    .fetch_one(conn)
    .await?;
    Ok(PeriodCost {
        cost: Nanos::from_dollars(cost).unwrap_or_default(),
        unpriced: 0,
    })
}

/// Adds the prices that are not there yet and changes none: what an operator entered stays.
pub async fn insert_missing_prices(
    conn: &mut PgConnection,
    prices: &[PriceRow],
) -> sqlx::Result<()> {
    let column = |of: fn(&PriceRow) -> String| prices.iter().map(of).collect::<Vec<_>>();
    let dollars = |of: fn(&PriceRow) -> Option<Nanos>| {
        let to_dollars = |row| of(row).map(Nanos::to_dollars);
        prices
            .iter()
            .map(to_dollars)
            .collect::<Vec<Option<Decimal>>>()
    };
    let times: Vec<DateTime<Utc>> = prices.iter().map(|row| row.valid_from).collect();
    sqlx::query!(
        r#"
        insert into model_prices (
            provider, model, valid_from, input_per_million, output_per_million,
            cache_read_per_million, cache_write_per_million, source
        )
        select * from unnest(
            $1::text[], $2::text[], $3::timestamptz[], $4::numeric[], $5::numeric[],
            $6::numeric[], $7::numeric[], $8::text[]
        )
        on conflict (provider, model, valid_from) do nothing
        "#,
        &column(|row| row.provider.clone()),
        &column(|row| row.model.clone()),
        &times,
        &dollars(|row| Some(row.price.input)) as &[Option<Decimal>],
        &dollars(|row| Some(row.price.output)) as &[Option<Decimal>],
        &dollars(|row| row.price.cache_read) as &[Option<Decimal>],
        &dollars(|row| row.price.cache_write) as &[Option<Decimal>],
        &column(|row| row.source.clone()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A row of `model_prices` as it is stored, in dollars.
#[derive(Debug)]
pub struct StoredPrice {
    /// The provider's configured name.
    pub provider: String,
    /// The model's name, or `*`.
    pub model: String,
    /// The first moment the price holds.
    pub valid_from: DateTime<Utc>,
    /// Dollars for a million tokens of input.
    pub input_per_million: Decimal,
    /// Dollars for a million tokens of output.
    pub output_per_million: Decimal,
    /// Dollars for a million tokens read from the cache.
    pub cache_read_per_million: Option<Decimal>,
    /// Dollars for a million tokens written to the cache.
    pub cache_write_per_million: Option<Decimal>,
    /// The source of the price.
    pub source: String,
}

/// Every price; the table is the same for all organisations and small.
pub async fn all_prices(conn: &mut PgConnection) -> sqlx::Result<Vec<StoredPrice>> {
    sqlx::query_as!(
        StoredPrice,
        r#"
        select provider, model, valid_from, input_per_million, output_per_million,
               cache_read_per_million, cache_write_per_million, source
        from model_prices
        order by provider, model, valid_from
        "#,
    )
    .fetch_all(conn)
    .await
}
