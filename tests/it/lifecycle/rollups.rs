//! Sums by the day against the rows that they count.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use navi::ledger::model::{Call, CallId, CallPhase, PricedCall, Status};
use navi::ledger::money::{Cost, Nanos};
use navi::ledger::store::insert_calls;
use navi::llm::model::Usage;
use navi::platform::clock::Clock;
use navi::platform::db::MIGRATOR;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sqlx::PgPool;

/// Days that differ between the sums and the rows, for each pair of tables.
const DIFFERENCES: &[&str] = &[
    "select count(*) from (
        select org_id, day, model, provider, phase, status, calls, input_tokens, output_tokens,
               total_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, input_cost,
               output_cost, total_cost, unpriced_calls
        from llm_days
     ) kept full join (
        select org_id, date_trunc('day', created_at, 'UTC') as day, model, provider, phase, status,
               count(*) as calls, sum(input_tokens) as input_tokens,
               sum(output_tokens) as output_tokens, sum(total_tokens) as total_tokens,
               sum(cache_read_tokens) as cache_read_tokens,
               sum(cache_write_tokens) as cache_write_tokens,
               sum(reasoning_tokens) as reasoning_tokens,
               coalesce(sum(input_cost), 0) as input_cost,
               coalesce(sum(output_cost), 0) as output_cost,
               coalesce(sum(total_cost), 0) as total_cost,
               count(*) filter (where total_cost is null) as unpriced_calls
        from llm_metrics group by 1, 2, 3, 4, 5, 6
     ) counted on to_jsonb(kept) = to_jsonb(counted)
     where kept.org_id is null or counted.org_id is null",
    "select count(*) from rag_days kept full join (
        select org_id, date_trunc('day', created_at, 'UTC') as day, phase, count(*) as retrievals,
               sum(chunks_retrieved)::numeric as chunks_retrieved,
               coalesce(sum(chunks_used), 0)::numeric as chunks_used,
               count(*) filter (where chunks_used is null) as uncounted_retrievals,
               sum(retrieval_latency_ms) as retrieval_latency_ms
        from rag_metrics group by 1, 2, 3
     ) counted on to_jsonb(kept) = to_jsonb(counted)
     where kept.org_id is null or counted.org_id is null",
    "select count(*) from task_days kept full join (
        select org_id, date_trunc('day', created_at, 'UTC') as day, task_type, status,
               count(*) as tasks, sum(llm_iterations)::numeric as llm_iterations,
               sum(rag_retrievals)::numeric as rag_retrievals,
               sum(completion_time_ms) as completion_time_ms,
               coalesce(sum(llm_time_ms), 0) as llm_time_ms,
               coalesce(sum(rag_time_ms), 0) as rag_time_ms, sum(total_tokens) as total_tokens,
               coalesce(sum(total_cost), 0) as total_cost,
               count(*) filter (where total_cost is null) as unpriced_tasks
        from task_metrics group by 1, 2, 3, 4
     ) counted on to_jsonb(kept) = to_jsonb(counted)
     where kept.org_id is null or counted.org_id is null",
];

pub(crate) async fn assert_counted(db: &PgPool) {
    for sql in DIFFERENCES {
        let differ: i64 = sqlx::query_scalar(*sql).fetch_one(db).await.unwrap();
        assert_eq!(differ, 0, "{sql}");
    }
}

fn usage() -> impl Strategy<Value = Usage> {
    (0..5_000_u64, 0..500_u64, 0..500_u64, 0..900_u64, 0..300_u64).prop_map(
        |(input, cache_read, cache_write, output, reasoning)| Usage {
            input,
            cache_read,
            cache_write,
            output,
            reasoning,
        },
    )
}

fn cost() -> impl Strategy<Value = Option<Cost>> {
    let nanos = || {
        (0..9_000_000_i64)
            .prop_map(|nanos| Nanos::from_dollars(rust_decimal::Decimal::new(nanos, 9)).unwrap())
    };
    proptest::option::weighted(
        0.8,
        (nanos(), nanos()).prop_map(|(input, output)| {
            let total = input.to_dollars() + output.to_dollars();
            Cost {
                input,
                output,
                total: Nanos::from_dollars(total).unwrap(),
            }
        }),
    )
}

/// The parts of a call: organisation, model, phase, status, tokens, cost and second.
type Row = (usize, usize, usize, usize, Option<Usage>, Option<Cost>, i64);

fn calls() -> impl Strategy<Value = Vec<Arc<PricedCall>>> {
    let one = (
        0..3_usize,
        0..3_usize,
        0..3_usize,
        0..4_usize,
        proptest::option::of(usage()),
        cost(),
        // Three days, to the second before midnight.
        0..259_200_i64,
    );
    proptest::collection::vec(one, 1..60).prop_map(|made| {
        let first: DateTime<Utc> = "2026-06-01T00:00:00Z".parse().unwrap();
        let clock = Clock::fixed(first);
        let call = |(org, model, phase, status, usage, cost, second): Row| {
            Arc::new(PricedCall {
                call: Call {
                    trace_id: None,
                    call_id: CallId::new(&clock),
                    org_id: ["acme", "globex", "initech"][org].parse().unwrap(),
                    user_id: "ada".parse().unwrap(),
                    run_id: None,
                    session_id: None,
                    phase: [CallPhase::Plan, CallPhase::Autonomous, CallPhase::Chat][phase],
                    provider: "anthropic".to_owned(),
                    model: ["a", "b", "c"][model].to_owned(),
                    usage,
                    status: [
                        Status::Success,
                        Status::Error,
                        Status::Timeout,
                        Status::Cancelled,
                    ][status],
                    error_message: None,
                    latency: Duration::from_millis(5),
                    ttft: None,
                    created_at: first + TimeDelta::seconds(second),
                    task_type: None,
                },
                cost,
            })
        };
        made.into_iter().map(call).collect()
    })
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_sums_of_the_days_are_those_of_the_calls_also_when_batches_come_twice_and_at_once(
    db: PgPool,
) {
    let mut runner = TestRunner::deterministic();
    for _ in 0..12 {
        let first = calls().new_tree(&mut runner).unwrap().current();
        let second = calls().new_tree(&mut runner).unwrap().current();
        let mut third = calls().new_tree(&mut runner).unwrap().current();
        let write = async |batches: [&Vec<Arc<PricedCall>>; 3]| {
            let mut conn = db.acquire().await.unwrap();
            for batch in batches {
                insert_calls(&mut conn, batch).await.unwrap();
            }
        };
        // Two writers over the same days, in opposite order; each sends something again.
        third.sort_by_key(|call| std::cmp::Reverse(call.call.created_at));
        tokio::join!(
            write([&first, &second, &first]),
            write([&third, &third, &first])
        );
        assert_counted(&db).await;
    }
    let calls: i64 = sqlx::query_scalar("select count(*) from llm_metrics")
        .fetch_one(&db)
        .await
        .unwrap();
    assert!(calls > 300, "{calls}");
}

const RAW: &str = "
    insert into llm_metrics (org_id, user_id, call_id, model, provider, phase, input_tokens,
                             total_tokens, input_cost, output_cost, total_cost, created_at)
    select 'acme', 'ada', gen_random_uuid(), 'm' || n % 3, 'p', 'chat', n, n,
           0.5, 0.25, 0.75, timestamptz '2026-06-01 23:00:00Z' + make_interval(mins => n)
    from generate_series(1, 200) n;
    insert into llm_metrics (org_id, user_id, call_id, model, provider, phase)
    values ('acme', 'ada', gen_random_uuid(), 'm1', 'p', 'chat');
    insert into rag_metrics (org_id, user_id, phase, chunks_retrieved, chunks_used,
                             retrieval_latency_ms)
    select 'acme', 'ada', 'chat', n, nullif(n, 3), 7 from generate_series(1, 9) n;
    insert into task_metrics (org_id, user_id, run_id, task_type, completion_time_ms, llm_time_ms,
                              total_cost, status)
    select 'acme', 'ada', gen_random_uuid(), 'autonomous', n, nullif(n, 2), nullif(n, 4), 'success'
    from generate_series(1, 9) n;";

#[sqlx::test(migrator = "MIGRATOR")]
async fn rows_of_all_three_tables_are_counted_and_later_ones_added(db: PgPool) {
    for _ in 0..2 {
        sqlx::raw_sql(RAW).execute(&db).await.unwrap();
        assert_counted(&db).await;
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_price_that_comes_later_is_counted_where_the_call_is(db: PgPool) {
    sqlx::raw_sql(RAW).execute(&db).await.unwrap();
    let priced = sqlx::query(
        "update llm_metrics set input_cost = 1, output_cost = 2, total_cost = 3
         where total_cost is null",
    );
    assert_eq!(priced.execute(&db).await.unwrap().rows_affected(), 1);
    assert_counted(&db).await;
    let unpriced: i64 = sqlx::query_scalar("select sum(unpriced_calls)::bigint from llm_days")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(unpriced, 0);
}
