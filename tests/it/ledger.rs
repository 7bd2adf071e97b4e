//! The ledger against a real database: what was reported is what is counted and what is written.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use navi::ledger::error::Error;
use navi::ledger::model::{Call, CallId, CallPhase, PricedCall, Status, TaskMetric};
use navi::ledger::money::Nanos;
use navi::ledger::prices::{BuiltIn, PriceBook};
use navi::ledger::service::Ledger;
use navi::ledger::store;
use navi::llm::model::Usage;
use navi::platform::clock::Clock;
use navi::platform::db::MIGRATOR;
use navi::platform::ids::RunId;
use navi::platform::logging::TraceId;
use navi::platform::metrics::{CALL_STATUSES, Metrics, OTHER_MODEL, PHASES};
use navi::platform::tasks::Tasks;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rust_decimal::Decimal;
use sqlx::PgPool;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(20);
const SONNET: &str = "claude-sonnet-4-20250514";

fn nanos(amount: i64) -> Nanos {
    Nanos::from_dollars(Decimal::new(amount, 9)).unwrap()
}

struct Bench {
    db: PgPool,
    clock: Clock,
    metrics: Metrics,
    tasks: Tasks,
    ledger: Ledger,
}

impl Bench {
    async fn new(db: PgPool) -> Self {
        let models = [SONNET, "gpt-4o"].map(str::to_owned);
        let metrics = Metrics::new(&models, &["anthropic", "openai"]).unwrap();
        let tasks = Tasks::new();
        let ledger = Ledger::open(db.clone(), metrics.clone(), &tasks)
            .await
            .unwrap();
        let clock = Clock::fixed("2026-06-01T12:00:00Z".parse().unwrap());
        Self {
            db,
            clock,
            metrics,
            tasks,
            ledger,
        }
    }

    fn call(&self) -> Call {
        Call {
            call_id: CallId::new(&self.clock),
            org_id: "acme".parse().unwrap(),
            user_id: "ada".parse().unwrap(),
            run_id: None,
            trace_id: None,
            session_id: None,
            phase: CallPhase::Autonomous,
            provider: "anthropic".to_owned(),
            model: SONNET.to_owned(),
            usage: Some(usage(12_000, 800)),
            status: Status::Success,
            error_message: None,
            latency: Duration::from_millis(1_500),
            ttft: Some(Duration::from_millis(300)),
            created_at: self.clock.now(),
            task_type: Some("codegen".to_owned()),
        }
    }

    async fn rows(&self) -> i64 {
        sqlx::query_scalar("select count(*) from llm_metrics")
            .fetch_one(&self.db)
            .await
            .unwrap()
    }

    async fn sql(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.db).await.unwrap();
    }

    async fn text(&self, sql: &'static str) -> String {
        sqlx::query_scalar(sql).fetch_one(&self.db).await.unwrap()
    }
}

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input,
        output,
        ..Usage::default()
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_call_becomes_a_priced_row(db: PgPool) {
    let bench = Bench::new(db).await;
    let cost = bench.ledger.record(Call {
        usage: Some(Usage {
            input: 12_000,
            cache_read: 10_000,
            cache_write: 1_500,
            output: 800,
            reasoning: 300,
        }),
        run_id: Some(RunId(Uuid::nil())),
        session_id: Some("window-1".to_owned()),
        ..bench.call()
    });
    assert_eq!(cost.unwrap().total.to_string(), "0.022125");
    bench.ledger.flush(SOON).await.unwrap();
    let row = bench
        .text("select (to_jsonb(m) - 'id' - 'call_id')::text from llm_metrics m")
        .await;
    let row: serde_json::Value = serde_json::from_str(&row).unwrap();
    insta::assert_json_snapshot!(row, @r#"
    {
      "model": "claude-sonnet-4-20250514",
      "phase": "autonomous",
      "org_id": "acme",
      "run_id": "00000000-0000-0000-0000-000000000000",
      "status": "success",
      "ttft_ms": 300,
      "user_id": "ada",
      "provider": "anthropic",
      "trace_id": null,
      "task_type": "codegen",
      "created_at": "2026-06-01T12:00:00+00:00",
      "input_cost": 0.010125,
      "latency_ms": 1500,
      "session_id": "window-1",
      "total_cost": 0.022125,
      "output_cost": 0.012,
      "input_tokens": 12000,
      "total_tokens": 12800,
      "error_message": null,
      "output_tokens": 800,
      "extra_metadata": null,
      "reasoning_tokens": 300,
      "cache_read_tokens": 10000,
      "cache_write_tokens": 1500
    }
    "#);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_unknown_price_is_null_and_counted(db: PgPool) {
    let bench = Bench::new(db).await;
    let cost = bench.ledger.record(Call {
        model: "claude-9".to_owned(),
        ..bench.call()
    });
    assert_eq!(cost, None);
    bench.ledger.flush(SOON).await.unwrap();
    let costs = bench
        .text("select concat_ws(' ', input_tokens, coalesce(total_cost::text, 'null')) from llm_metrics")
        .await;
    assert_eq!(costs, "12000 null");
    assert_eq!(bench.metrics.navi_llm_unknown_price_total.get(), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn tokens_that_nobody_counted_have_no_cost_and_are_told_from_none(db: PgPool) {
    let bench = Bench::new(db).await;
    let timed_out = Call {
        usage: None,
        status: Status::Timeout,
        error_message: Some("nothing for 60 s".to_owned()),
        ttft: None,
        ..bench.call()
    };
    assert_eq!(bench.ledger.record(timed_out), None);
    let absurd = Call {
        usage: Some(usage(u64::MAX, u64::MAX)),
        ..bench.call()
    };
    assert_eq!(bench.ledger.record(absurd), None);
    let refused = Call {
        usage: Some(Usage::default()),
        status: Status::Error,
        ..bench.call()
    };
    assert_eq!(bench.ledger.record(refused).unwrap().total, Nanos::ZERO);
    bench.ledger.flush(SOON).await.unwrap();
    let rows = bench
        .text(
            "select string_agg(concat_ws(' ', status, total_tokens, coalesce(total_cost::text, 'null'),
                               extra_metadata), E'\n' order by id) from llm_metrics",
        )
        .await;
    insta::assert_snapshot!(rows, @r#"
    timeout 0 null {"usage_reported": false}
    success 0 null {"usage_reported": false}
    error 0 0.000000000
    "#);
    // Their price is known; what was used is not.
    assert_eq!(bench.metrics.navi_llm_unknown_price_total.get(), 0);
}

fn any_call() -> impl Strategy<Value = (CallPhase, Status, usize, Option<Usage>, u32, u32)> {
    let phase = prop_oneof![
        Just(CallPhase::Plan),
        Just(CallPhase::Autonomous),
        Just(CallPhase::Chat)
    ];
    let status = prop_oneof![
        Just(Status::Success),
        Just(Status::Error),
        Just(Status::Timeout),
        Just(Status::Cancelled)
    ];
    let part = 0_u64..300_000;
    let counts = (
        part.clone(),
        part.clone(),
        part.clone(),
        part.clone(),
        0..=100_u64,
    )
        .prop_map(|(fresh, cache_read, cache_write, output, share)| Usage {
            input: fresh + cache_read + cache_write,
            cache_read,
            cache_write,
            output,
            reasoning: output * share / 100,
        });
    let counts = prop_oneof![4 => counts.prop_map(Some), 1 => Just(None)];
    (
        phase,
        status,
        0..MODELS.len(),
        counts,
        0..700_000_u32,
        0..60_000_u32,
    )
}

/// Known ones inside and outside the metrics' closed set, and unknown ones.
const MODELS: &[(&str, &str)] = &[
    ("anthropic", SONNET),
    ("openai", "gpt-4o"),
    ("openai", "gpt-4.1-nano-2025-04-14"),
    ("google", "gemini-2.5-pro"),
    ("ollama", "llama3.2"),
    ("openai", "gpt-99"),
    ("nobody", "nothing"),
];

#[derive(Debug, Default, PartialEq)]
struct Sums {
    calls: HashMap<(String, String, String), u64>,
    tokens: HashMap<(String, String), u64>,
    cost: HashMap<(String, String), Decimal>,
    kinds: [u64; 5],
}

impl Sums {
    fn kinds(usage: Usage) -> [u64; 5] {
        [
            usage.input,
            usage.cache_read,
            usage.cache_write,
            usage.output,
            usage.reasoning,
        ]
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn rows_counters_and_reports_agree(db: PgPool) {
    let bench = Bench::new(db).await;
    let mut runner = TestRunner::deterministic();
    let batches = proptest::collection::vec(any_call(), 0..60);
    let mut reported = Sums::default();
    for _ in 0..12 {
        let batch = batches.new_tree(&mut runner).unwrap().current();
        for (phase, status, model, usage, latency, ttft) in batch {
            let (provider, model) = MODELS[model];
            let cost = bench.ledger.record(Call {
                phase,
                status,
                provider: provider.to_owned(),
                model: model.to_owned(),
                usage,
                latency: Duration::from_millis(latency.into()),
                ttft: Some(Duration::from_millis(ttft.into())),
                ..bench.call()
            });
            let label = bench.metrics.model_label(model).to_owned();
            let phase = phase.label().to_owned();
            let series = (phase.clone(), label.clone(), status.label().to_owned());
            *reported.calls.entry(series).or_default() += 1;
            let series = (phase, label);
            let counted = usage.unwrap_or_default();
            *reported.tokens.entry(series.clone()).or_default() += counted.total();
            for (sum, tokens) in reported.kinds.iter_mut().zip(Sums::kinds(counted)) {
                *sum += tokens;
            }
            let dollars = cost.unwrap_or_default().total.to_dollars();
            *reported.cost.entry(series).or_default() += dollars;
        }
        bench.ledger.flush(SOON).await.unwrap();
        assert_eq!(sums_of_rows(&bench).await, reported);
        assert_counters(&bench.metrics, &reported);
    }
    assert_eq!(bench.metrics.navi_ledger_queue_depth.get(), 0);
}

async fn sums_of_rows(bench: &Bench) -> Sums {
    type Row = (String, String, String, i64, i64, Decimal, Decimal, Vec<i64>);
    let rows: Vec<Row> = sqlx::query_as(
        "select phase, model, status, count(*), sum(total_tokens)::bigint,
                coalesce(sum(total_cost), 0), coalesce(sum(input_cost + output_cost), 0),
                array[sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens),
                      sum(output_tokens), sum(reasoning_tokens)]::bigint[]
         from llm_metrics group by phase, model, status",
    )
    .fetch_all(&bench.db)
    .await
    .unwrap();
    let natural = |n: i64| u64::try_from(n).unwrap();
    let mut sums = Sums::default();
    for (phase, model, status, calls, tokens, cost, parts, kinds) in rows {
        assert_eq!(cost, parts);
        let model = bench.metrics.model_label(&model).to_owned();
        *sums
            .calls
            .entry((phase.clone(), model.clone(), status))
            .or_default() += natural(calls);
        let series = (phase, model);
        *sums.tokens.entry(series.clone()).or_default() += natural(tokens);
        *sums.cost.entry(series).or_default() += cost;
        for (sum, kind) in sums.kinds.iter_mut().zip(kinds) {
            *sum += natural(kind);
        }
    }
    sums
}

fn assert_counters(metrics: &Metrics, expected: &Sums) {
    for phase in PHASES {
        for model in [SONNET, "gpt-4o", OTHER_MODEL] {
            let mut calls = 0;
            for status in CALL_STATUSES {
                let counted = metrics
                    .aep_llm_calls_total
                    .with_label_values(&[*phase, model, *status])
                    .get();
                let series = ((*phase).to_owned(), model.to_owned(), (*status).to_owned());
                let reported = expected.calls.get(&series).copied().unwrap_or_default();
                assert_eq!(counted, reported, "{series:?}");
                calls += counted;
            }
            let series = ((*phase).to_owned(), model.to_owned());
            let labels = [*phase, model];
            let tokens = metrics.aep_llm_tokens_total.with_label_values(&labels);
            let reported = expected.tokens.get(&series).copied().unwrap_or_default();
            assert_eq!(tokens.get(), reported, "{series:?}");
            let cost = metrics.aep_llm_cost_usd_total.with_label_values(&labels);
            let reported = expected.cost.get(&series).copied().unwrap_or_default();
            let counted = Decimal::try_from(cost.get()).unwrap();
            assert!(
                (counted - reported).abs() < Decimal::new(1, 9),
                "{series:?}"
            );
            let latency = metrics.aep_llm_latency_ms.with_label_values(&labels);
            assert_eq!(latency.get_sample_count(), calls);
        }
    }
    let kinds = ["input", "cache_read", "cache_write", "output", "reasoning"].map(|kind| {
        metrics
            .navi_llm_tokens_by_kind_total
            .with_label_values(&[kind])
            .get()
    });
    assert_eq!(kinds, expected.kinds);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn rows_wait_while_the_table_is_away_and_are_written_once(db: PgPool) {
    let bench = Bench::new(db).await;
    bench.sql("alter table llm_metrics rename to hidden").await;
    for _ in 0..30 {
        bench.ledger.record(bench.call());
    }
    let behind = bench.ledger.flush(Duration::from_millis(300)).await;
    assert!(
        matches!(behind, Err(Error::Behind { rows: 30 })),
        "{behind:?}"
    );
    assert_eq!(bench.metrics.navi_ledger_queue_depth.get(), 30);
    let began = Instant::now();
    while bench.metrics.navi_ledger_write_retries_total.get() == 0 {
        assert!(began.elapsed() < SOON, "nobody tries again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bench.sql("alter table hidden rename to llm_metrics").await;
    bench.ledger.flush(SOON).await.unwrap();
    assert_eq!(bench.rows().await, 30);
    assert_eq!(bench.metrics.navi_ledger_queue_depth.get(), 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn broken_connections_lose_and_double_nothing(db: PgPool) {
    let bench = Bench::new(db).await;
    for round in 0..10 {
        for _ in 0..50 {
            bench.ledger.record(bench.call());
        }
        if round % 2 == 0 {
            tokio::task::yield_now().await;
            // This session is taken from the same pool and may fail with the others.
            let _ = sqlx::query(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and pid <> pg_backend_pid()",
            )
            .execute(&bench.db)
            .await;
        }
    }
    bench.ledger.flush(SOON).await.unwrap();
    assert_eq!(bench.rows().await, 500);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_flush_that_is_given_up_in_the_middle_writes_nothing_twice(db: PgPool) {
    let bench = Bench::new(db).await;
    for patience in 0..40 {
        for _ in 0..20 {
            bench.ledger.record(bench.call());
        }
        let flush = bench.ledger.flush(SOON);
        let _ = tokio::time::timeout(Duration::from_micros(patience * 100), flush).await;
    }
    bench.ledger.flush(SOON).await.unwrap();
    assert_eq!(bench.rows().await, 800);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_same_call_twice_is_one_row(db: PgPool) {
    let bench = Bench::new(db).await;
    let call = bench.call();
    bench.ledger.record(call.clone());
    bench.ledger.flush(SOON).await.unwrap();
    bench.ledger.record(call);
    bench.ledger.flush(SOON).await.unwrap();
    assert_eq!(bench.rows().await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_row_the_database_refuses_holds_up_no_other(db: PgPool) {
    let bench = Bench::new(db).await;
    bench
        .sql("alter table llm_metrics add check (model <> 'cursed')")
        .await;
    for model in ["gpt-4o", "cursed", "gpt-4o", "cursed", "gpt-4o"] {
        bench.ledger.record(Call {
            model: model.to_owned(),
            ..bench.call()
        });
    }
    let refused = bench.ledger.flush(SOON).await;
    assert!(
        matches!(refused, Err(Error::Refused { rows: 2 })),
        "{refused:?}"
    );
    bench.ledger.flush(SOON).await.unwrap();
    assert_eq!(bench.rows().await, 3);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn shutdown_writes_what_waits_and_a_last_flush_what_came_later(db: PgPool) {
    let bench = Bench::new(db).await;
    for _ in 0..1_200 {
        bench.ledger.record(bench.call());
    }
    assert!(bench.tasks.shutdown(SOON).await);
    assert_eq!(bench.rows().await, 1_200);
    bench.ledger.record(bench.call());
    bench.ledger.flush(SOON).await.unwrap();
    assert_eq!(bench.rows().await, 1_201);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn new_calls_wait_for_room_while_nothing_can_be_written(db: PgPool) {
    let bench = Bench::new(db).await;
    bench.ledger.room().await;
    bench.sql("alter table llm_metrics rename to hidden").await;
    for _ in 0..10_000 {
        bench.ledger.record(bench.call());
    }
    let full = tokio::time::timeout(Duration::from_millis(100), bench.ledger.room()).await;
    assert!(full.is_err(), "there is no room");
    // Recording what was already spent never waits.
    bench.ledger.record(bench.call());
    bench.sql("alter table hidden rename to llm_metrics").await;
    tokio::time::timeout(SOON, bench.ledger.room())
        .await
        .unwrap();
    bench.ledger.flush(SOON).await.unwrap();
    assert_eq!(bench.rows().await, 10_001);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn hostile_text_is_written_as_far_as_postgres_can(db: PgPool) {
    let bench = Bench::new(db).await;
    bench.ledger.record(Call {
        model: format!("a\0b{}", "é".repeat(500)),
        provider: "p\0".to_owned(),
        session_id: Some("\0".repeat(300)),
        error_message: Some("x\0".repeat(5_000)),
        task_type: Some("'; drop table llm_metrics; --".to_owned()),
        latency: Duration::MAX,
        ttft: Some(Duration::MAX),
        ..bench.call()
    });
    bench.ledger.flush(SOON).await.unwrap();
    let lengths = bench
        .text(
            "select concat_ws(' ', length(model), provider, length(session_id),
                              length(error_message), latency_ms, task_type) from llm_metrics",
        )
        .await;
    insta::assert_snapshot!(lengths, @"128 p 0 2000 9223372036854775807 '; drop table llm_metrics; --");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_calls_of_a_run_are_its_organisations_alone(db: PgPool) {
    let bench = Bench::new(db).await;
    let run = RunId(Uuid::from_u128(7));
    bench.ledger.record(Call {
        run_id: Some(run),
        ..bench.call()
    });
    bench.clock.advance(chrono::TimeDelta::seconds(1));
    bench.ledger.record(Call {
        run_id: Some(run),
        model: "claude-9".to_owned(),
        status: Status::Cancelled,
        ..bench.call()
    });
    bench.ledger.record(bench.call());
    bench.ledger.flush(SOON).await.unwrap();
    let mut conn = bench.db.acquire().await.unwrap();
    let acme = "acme".parse().unwrap();
    let calls = store::calls_of_run(&mut conn, &acme, run).await.unwrap();
    let seen: Vec<_> = calls
        .iter()
        .map(|call| (call.model.as_str(), call.status.as_str(), call.cost))
        .collect();
    let cost = Some(nanos(48_000_000));
    assert_eq!(
        seen,
        [(SONNET, "success", cost), ("claude-9", "cancelled", None)]
    );
    assert_eq!(calls[0].usage, usage(12_000, 800));
    let other = "other".parse().unwrap();
    assert_eq!(
        store::calls_of_run(&mut conn, &other, run).await.unwrap(),
        []
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn calls_of_runs_alone_leave_the_wait_for_the_disk_to_what_follows_them(db: PgPool) {
    let bench = Bench::new(db).await;
    let chat = bench.call();
    let of_run = Call {
        run_id: Some(RunId(Uuid::from_u128(7))),
        call_id: CallId(Uuid::from_u128(8)),
        ..bench.call()
    };
    let priced = |call: &Call| {
        let call = call.clone();
        Arc::new(PricedCall { call, cost: None })
    };
    for (calls, waits) in [
        (vec![priced(&of_run)], "off"),
        (vec![priced(&chat)], "on"),
        (vec![priced(&of_run), priced(&chat)], "on"),
    ] {
        let mut tx = bench.db.begin().await.unwrap();
        let usual = sqlx::query("set local synchronous_commit = on");
        usual.execute(&mut *tx).await.unwrap();
        store::insert_calls(&mut tx, &calls).await.unwrap();
        let shown = sqlx::query_scalar::<_, String>("show synchronous_commit");
        assert_eq!(shown.fetch_one(&mut *tx).await.unwrap(), waits);
        tx.rollback().await.unwrap();
    }
    // It is over with the statement.
    let mut conn = bench.db.acquire().await.unwrap();
    let usual = sqlx::query("set synchronous_commit = on");
    usual.execute(&mut *conn).await.unwrap();
    let calls = [priced(&of_run)];
    store::insert_calls(&mut conn, &calls).await.unwrap();
    let shown = sqlx::query_scalar::<_, String>("show synchronous_commit");
    assert_eq!(shown.fetch_one(&mut *conn).await.unwrap(), "on");
    assert_eq!(bench.rows().await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn opening_again_adds_no_price_and_changes_none(db: PgPool) {
    sqlx::raw_sql(
        "insert into model_prices values
         ('openai', 'gpt-4o', '2024-10-02', 1, 2, null, null, 'contract'),
         ('openai', 'house-model', '2026-01-01', 7, 7, null, null, 'contract')",
    )
    .execute(&db)
    .await
    .unwrap();
    let bench = Bench::new(db.clone()).await;
    let count = "select count(*)::text from model_prices";
    let before = bench.text(count).await;
    let bench = Bench::new(db).await;
    assert_eq!(bench.text(count).await, before);
    let million = usage(1_000_000, 1_000_000);
    let dollars = |model| {
        let cost = bench
            .ledger
            .cost_of("openai", model, million, bench.clock.now());
        cost.unwrap().total.to_string()
    };
    assert_eq!(dollars("gpt-4o"), "3");
    assert_eq!(dollars("house-model"), "14");
    assert_eq!(dollars("gpt-4o-mini"), "0.75");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_price_that_cannot_be_exact_is_refused_at_the_start(db: PgPool) {
    sqlx::raw_sql(
        "insert into model_prices values
         ('openai', 'gold', '2026-01-01', 99999999999, 0, null, null, 'contract')",
    )
    .execute(&db)
    .await
    .unwrap();
    let metrics = Metrics::new(&[], &[]).unwrap();
    let error = Ledger::open(db, metrics, &Tasks::new()).await.unwrap_err();
    insta::assert_snapshot!(error, @"the price of `gold` of `openai` is out of range; correct its row in `model_prices`");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_finished_task_is_written_once_and_observed(db: PgPool) {
    let bench = Bench::new(db).await;
    let task = TaskMetric {
        org_id: "acme".parse().unwrap(),
        user_id: "ada".parse().unwrap(),
        run_id: RunId(Uuid::from_u128(7)),
        trace_id: Some(TraceId("4bf92f3577b34da6a3ce929d0e0e4736".to_owned())),
        task_type: "codegen".to_owned(),
        llm_iterations: 4,
        rag_retrievals: 1,
        completion_time: Duration::from_secs(42),
        llm_time: Duration::from_secs(30),
        rag_time: Duration::from_millis(12),
        total_tokens: 51_200,
        total_cost: Some(nanos(48_000_001)),
        status: Status::Success,
        error_type: None,
        created_at: bench.clock.now(),
    };
    let mut conn = bench.db.acquire().await.unwrap();
    store::insert_task_metric(&mut conn, &task).await.unwrap();
    store::insert_task_metric(&mut conn, &task).await.unwrap();
    bench.ledger.observe_task(&task);
    let row = bench
        .text("select (to_jsonb(m) - 'id')::text from task_metrics m")
        .await;
    let row: serde_json::Value = serde_json::from_str(&row).unwrap();
    insta::assert_json_snapshot!(row, @r#"
    {
      "org_id": "acme",
      "run_id": "00000000-0000-0000-0000-000000000007",
      "status": "success",
      "task_id": "00000000-0000-0000-0000-000000000007",
      "user_id": "ada",
      "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
      "task_type": "codegen",
      "created_at": "2026-06-01T12:00:00+00:00",
      "error_type": null,
      "total_cost": 0.048000001,
      "llm_time_ms": 30000,
      "rag_time_ms": 12,
      "total_tokens": 51200,
      "extra_metadata": null,
      "llm_iterations": 4,
      "rag_retrievals": 1,
      "completion_time_ms": 42000
    }
    "#);
    let iterations = &bench.metrics.aep_task_iterations;
    let iterations = iterations.with_label_values(&["success"]);
    assert_eq!(iterations.get_sample_count(), 1);
    let times = &bench.metrics.aep_task_completion_time_ms;
    let sum = times.with_label_values(&["success"]).get_sample_sum();
    assert!((sum - 42_000.0).abs() < 1e-6);
}

#[derive(serde::Deserialize)]
struct Example {
    provider: String,
    model: String,
    at: chrono::DateTime<chrono::Utc>,
    usage: Usage,
    input_cost: Decimal,
    output_cost: Decimal,
    total_cost: Decimal,
}

#[test]
fn the_example_in_the_documentation_is_computed_as_it_says() {
    let document = include_str!("../../docs/ledger.md");
    let (_, rest) = document.split_once("```json").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let example: Example = serde_json::from_str(example).unwrap();
    let built_in = BuiltIn::read().unwrap();
    let cost = PriceBook::new(built_in.rows.clone(), &built_in)
        .cost(&example.provider, &example.model, example.usage, example.at)
        .unwrap();
    let dollars = [cost.input, cost.output, cost.total].map(Nanos::to_dollars);
    let said = [example.input_cost, example.output_cost, example.total_cost];
    assert_eq!(dollars, said);
}
