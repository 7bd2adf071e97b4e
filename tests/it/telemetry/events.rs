//! The storage of one event.

use axum::http::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::telemetry::desk::{Desk, NOW, event};

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_event_becomes_a_row_with_all_that_it_said(db: PgPool) {
    let desk = Desk::new(db).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let run = "018f3b9a-7c1d-7e2f-8a4b-5c6d7e8f9a0b";
    let sent = json!({
        "type": "navi.user.interaction", "timestamp": NOW - 5_000, "sessionId": "session_7",
        "userId": "somebody-else", "orgId": "another", "workspaceRoot": "/home/ada/work",
        "traceId": trace, "runId": run, "version": "1.4.0", "colour": "red",
        "data": {"action": "accept", "latencyMs": 12.6, "total_tokens": 900, "nested": {"a": [1]}},
    });
    let told = desk.keep("b-1", &[sent]).await;
    insta::assert_json_snapshot!(told, @r#"
    {
      "success": true,
      "batchId": "b-1",
      "eventsReceived": 1,
      "eventsPersisted": 1,
      "eventsRejected": [],
      "eventsChanged": [],
      "message": "1 of 1 events are stored"
    }
    "#);
    let rows = desk.rows("select * from telemetry_events").await;
    insta::assert_json_snapshot!(rows, @r#"
    [
      {
        "id": 1,
        "org_id": "org-1",
        "run_id": "018f3b9a-7c1d-7e2f-8a4b-5c6d7e8f9a0b",
        "source": "vscode",
        "user_id": "user-1",
        "batch_id": "b-1",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "created_at": "2026-01-02T03:04:05+00:00",
        "error_code": null,
        "event_data": {
          "action": "accept",
          "nested": {
            "a": [
              1
            ]
          },
          "latencyMs": 12.6,
          "total_tokens": 900
        },
        "event_name": "user.interaction",
        "event_type": "navi.user.interaction",
        "ip_address": null,
        "session_id": "session_7",
        "user_agent": null,
        "batch_index": 0,
        "duration_ms": 13,
        "error_stack": null,
        "occurred_at": "2026-01-02T03:04:00+00:00",
        "error_message": null,
        "event_category": "navi",
        "extra_metadata": {
          "colour": "red",
          "workspace": "c976f10c735f3f70f9b0dfa8"
        },
        "source_version": "1.4.0"
      }
    ]
    "#);
    let hours = desk.rows("select * from telemetry_hours").await;
    insta::assert_json_snapshot!(hours, @r#"
    [
      {
        "hour": "2026-01-02T03:00:00+00:00",
        "events": 1,
        "org_id": "org-1",
        "event_type": "navi.user.interaction",
        "source_version": "1.4.0"
      }
    ]
    "#);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_id_that_is_none_is_dropped_and_named_among_the_changes(db: PgPool) {
    let desk = Desk::new(db).await;
    let sent = [
        json!({"type": "t", "traceId": "no-trace", "runId": "no-run"}),
        json!({"type": "t", "data": {"trace_id": "no-trace"}}),
        json!({"type": "t", "traceId": "", "runId": null}),
    ];
    let told = desk.keep("b", &sent).await;
    let changed = json!([
        {"index": 0, "changes": ["trace_id_dropped", "run_id_dropped"]},
        {"index": 1, "changes": ["trace_id_dropped"]},
    ]);
    assert_eq!(told["eventsChanged"], changed);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn times_that_cannot_be_are_brought_into_what_can(db: PgPool) {
    let desk = Desk::new(db).await;
    let at = |timestamp: Value| json!({"type": "t", "timestamp": timestamp});
    let sent = [
        at(json!(-5)),
        at(json!(NOW + 86_400_000)),
        at(json!(9_e300)),
        at(json!(i64::MAX)),
        at(json!(NOW)),
        at(json!(NOW - 86_400_000)),
        json!({"type": "t"}),
        at(json!("yesterday")),
    ];
    let answer = desk.send("b", &sent).await;
    assert_eq!(answer.status, StatusCode::OK);
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "success": false,
      "batchId": "b",
      "eventsReceived": 8,
      "eventsPersisted": 7,
      "eventsRejected": [
        {
          "index": 7,
          "reason": "invalid",
          "detail": "`timestamp` must be a number of milliseconds"
        }
      ],
      "eventsChanged": [
        {
          "index": 0,
          "changes": [
            "clock_clamped"
          ]
        },
        {
          "index": 1,
          "changes": [
            "clock_clamped"
          ]
        },
        {
          "index": 2,
          "changes": [
            "clock_clamped"
          ]
        },
        {
          "index": 3,
          "changes": [
            "clock_clamped"
          ]
        }
      ],
      "message": "7 of 8 events are stored"
    }
    "#);
    let rows = desk
        .rows("select batch_index as i, occurred_at from telemetry_events order by 1")
        .await;
    insta::assert_json_snapshot!(rows, @r#"
    [
      {
        "i": 0,
        "occurred_at": "2025-12-03T03:04:05+00:00"
      },
      {
        "i": 1,
        "occurred_at": "2026-01-02T03:09:05+00:00"
      },
      {
        "i": 2,
        "occurred_at": "2026-01-02T03:09:05+00:00"
      },
      {
        "i": 3,
        "occurred_at": "2026-01-02T03:09:05+00:00"
      },
      {
        "i": 4,
        "occurred_at": "2026-01-02T03:04:05+00:00"
      },
      {
        "i": 5,
        "occurred_at": "2026-01-01T03:04:05+00:00"
      },
      {
        "i": 6,
        "occurred_at": "2026-01-02T03:04:05+00:00"
      }
    ]
    "#);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_cannot_be_an_event_is_rejected_with_a_reason_and_loses_no_other(db: PgPool) {
    let desk = Desk::new(db).await;
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let deeper = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let events = [
        r#"{"type": "good.first"}"#.to_owned(),
        "5".to_owned(),
        "null".to_owned(),
        "[1]".to_owned(),
        r#"{"data": {}}"#.to_owned(),
        r#"{"type": 5}"#.to_owned(),
        format!(r#"{{"type": "{}"}}"#, "t".repeat(129)),
        r#"{"type": "t", "data": [1]}"#.to_owned(),
        r#"{"type": "t", "data": {"n": 1e400}}"#.to_owned(),
        format!(r#"{{"type": "t", "data": {{"d": {deep}}}}}"#),
        format!(r#"{{"type": "t", "data": {{"d": {deeper}}}}}"#),
        r#"{"type": "t", "data": {"half": "\ud83d"}}"#.to_owned(),
        r#"{"type": "t", "sessionId": {}}"#.to_owned(),
        r#"{"type": "twice", "type": "twice.kept", "data": {"a": 1, "a": 2}}"#.to_owned(),
        r#"{"type": "", "data": null}"#.to_owned(),
        r#"{"type": "nul\u0000.x", "data": {"a\u0000b": "c\u0000d"}}"#.to_owned(),
        r#"{"type": "good.last"}"#.to_owned(),
    ];
    let body = format!(
        r#"{{"events": [{}], "batchId": "b", "timestamp": {NOW}}}"#,
        events.join(",")
    );
    let answer = desk.post(body, &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["success"], false);
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "success": false,
      "batchId": "b",
      "eventsReceived": 17,
      "eventsPersisted": 6,
      "eventsRejected": [
        {
          "index": 1,
          "reason": "invalid",
          "detail": "an event must be a JSON object"
        },
        {
          "index": 2,
          "reason": "invalid",
          "detail": "an event must be a JSON object"
        },
        {
          "index": 3,
          "reason": "invalid",
          "detail": "an event must be a JSON object"
        },
        {
          "index": 4,
          "reason": "invalid",
          "detail": "`type` must be a text, such as `navi.error`"
        },
        {
          "index": 5,
          "reason": "invalid",
          "detail": "`type` must be a text"
        },
        {
          "index": 6,
          "reason": "type_too_long",
          "detail": "`type` is longer than 128 characters"
        },
        {
          "index": 7,
          "reason": "invalid",
          "detail": "`data` must be an object"
        },
        {
          "index": 8,
          "reason": "number_out_of_range",
          "detail": "number out of range at line 1 column 33"
        },
        {
          "index": 9,
          "reason": "too_deep",
          "detail": "it is nested more than 32 levels deep"
        },
        {
          "index": 10,
          "reason": "too_deep",
          "detail": "recursion limit exceeded at line 1 column 154"
        },
        {
          "index": 12,
          "reason": "invalid",
          "detail": "`sessionId` must be a text"
        }
      ],
      "eventsChanged": [
        {
          "index": 15,
          "changes": [
            "nul_removed"
          ]
        }
      ],
      "message": "6 of 17 events are stored; invalid Unicode was replaced"
    }
    "#);
    let kept = desk
        .rows("select batch_index, event_type, event_data from telemetry_events order by id")
        .await;
    insta::assert_json_snapshot!(kept, @r#"
    [
      {
        "event_data": {},
        "event_type": "good.first",
        "batch_index": 0
      },
      {
        "event_data": {
          "half": "�"
        },
        "event_type": "t",
        "batch_index": 11
      },
      {
        "event_data": {
          "a": 2
        },
        "event_type": "twice.kept",
        "batch_index": 13
      },
      {
        "event_data": {},
        "event_type": "unknown",
        "batch_index": 14
      },
      {
        "event_data": {
          "ab": "cd"
        },
        "event_type": "nul.x",
        "batch_index": 15
      },
      {
        "event_data": {},
        "event_type": "good.last",
        "batch_index": 16
      }
    ]
    "#);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn long_strings_are_cut_and_large_events_are_shortened(db: PgPool) {
    let desk = Desk::new(db).await;
    let many: Value = (0..20)
        .map(|n| format!("{n}{}", "x".repeat(9_000)))
        .collect();
    let sent = [
        event("t", json!({"text": "ö".repeat(20_000)})),
        event("t", json!({"many": many, "after": 1})),
    ];
    let told = desk.keep("b", &sent).await;
    insta::assert_json_snapshot!(told["eventsChanged"], @r#"
    [
      {
        "index": 0,
        "changes": [
          "truncated"
        ]
      },
      {
        "index": 1,
        "changes": [
          "size_limit_exceeded"
        ]
      }
    ]
    "#);
    let rows = desk
        .rows(
            "select length(event_data->>'text') as text, right(event_data->>'text', 34) as tail,
                    jsonb_array_length(event_data->'many') as many,
                    event_data->'_size_limit_exceeded' as flag, event_data ? 'after' as has_after
             from telemetry_events order by batch_index",
        )
        .await;
    insta::assert_json_snapshot!(rows, @r#"
    [
      {
        "flag": null,
        "many": null,
        "tail": "öö... [truncated from 20000 chars]",
        "text": 10032,
        "has_after": false
      },
      {
        "flag": true,
        "many": 5,
        "tail": null,
        "text": null,
        "has_after": true
      }
    ]
    "#);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_was_measured_becomes_rows_and_percentiles_by_the_hour(db: PgPool) {
    let desk = Desk::new(db).await;
    let streamed = event(
        "navi.streaming.performance",
        json!({"time_to_first_token_ms": 210, "tokens_per_second": 41.5, "model": "m"}),
    );
    desk.keep("b-0", &[streamed]).await;
    let rows = desk
        .rows("select metric_name, metric_type, value, unit, session_id from performance_metrics order by id")
        .await;
    insta::assert_json_snapshot!(rows, @r#"
    [
      {
        "unit": "ms",
        "value": 210,
        "session_id": "session_1",
        "metric_name": "streaming.time_to_first_token_ms",
        "metric_type": "latency"
      },
      {
        "unit": "per_second",
        "value": 41.5,
        "session_id": "session_1",
        "metric_name": "streaming.tokens_per_second",
        "metric_type": "throughput"
      }
    ]
    "#);
    let many: Vec<Value> = (1..=1_000)
        .map(|n| {
            event(
                "web.performance",
                json!({"metric": "load", "value": n, "unit": "ms"}),
            )
        })
        .collect();
    desk.keep("b-1", &many).await;
    let negative = [-1e308, -1e308, 0.0, 1e308, 1e308, 1e-300]
        .map(|value| event("web.performance", json!({"metric": "odd", "value": value})));
    desk.keep("b-2", &negative).await;
    let hourly = desk
        .rows(
            "select metric_name, sample_count, min_value, max_value, avg_value,
                    abs(p50 / 500 - 1) < 0.025 as p50, abs(p95 / 950 - 1) < 0.025 as p95,
                    abs(p99 / 990 - 1) < 0.025 as p99
             from performance_hourly where metric_name in ('load', 'odd') order by 1",
        )
        .await;
    insta::assert_json_snapshot!(hourly, @r#"
    [
      {
        "p50": true,
        "p95": true,
        "p99": true,
        "avg_value": 500.5,
        "max_value": 1000,
        "min_value": 1,
        "metric_name": "load",
        "sample_count": 1000
      },
      {
        "p50": false,
        "p95": false,
        "p99": false,
        "avg_value": 0,
        "max_value": 100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000.0,
        "min_value": -100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000.0,
        "metric_name": "odd",
        "sample_count": 6
      }
    ]
    "#);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_million_names_fill_no_table_that_is_meant_to_stay_small(db: PgPool) {
    let desk = Desk::new(db).await;
    for batch in 0..3 {
        let events: Vec<Value> = (0..1_000)
            .map(|n| {
                let name = format!("invented-{batch}-{n}");
                let data = json!({"metric": name, "value": 1.0});
                json!({"type": "x.performance", "version": name, "data": data})
            })
            .collect();
        desk.keep(&format!("b-{batch}"), &events).await;
    }
    assert_eq!(desk.count("telemetry_events").await, 3_000);
    assert_eq!(desk.count("telemetry_hours").await, 501);
    assert_eq!(desk.count("performance_metrics").await, 3_000);
    assert_eq!(desk.count("performance_hours").await, 500);
    let sum = desk.rows("select sum(events) from telemetry_hours").await;
    assert_eq!(sum[0]["sum"], 3_000);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_clients_see_of_models_is_shown_in_the_metrics(db: PgPool) {
    let desk = Desk::new(db).await;
    let sent = [
        event(
            "navi.streaming.performance",
            json!({"time_to_first_token_ms": 300, "total_duration_ms": 4_000}),
        ),
        event(
            "navi.llm.generation",
            json!({"model": "m", "latencyMs": 700, "success": true}),
        ),
        event(
            "navi.llm.generation",
            json!({"model": "m", "latencyMs": -5, "success": false}),
        ),
        event(
            "navi.streaming.performance",
            json!({"time_to_first_token_ms": 1e300}),
        ),
    ];
    desk.keep("b", &sent).await;
    // Sent again, it is shown once.
    desk.keep("b", &sent).await;
    let (_, text) = desk.app.stranger().get("/metrics").await;
    let text = text.as_str().unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("navi_client") || line.starts_with("navi_telemetry"))
        .filter(|line| !line.contains("_bucket"))
        .collect();
    insta::assert_debug_snapshot!(lines, @r#"
    [
        "navi_client_generation_seconds_sum 0.7",
        "navi_client_generation_seconds_count 1",
        "navi_client_generations_total{status=\"error\"} 1",
        "navi_client_generations_total{status=\"success\"} 1",
        "navi_client_stream_duration_seconds_sum 4",
        "navi_client_stream_duration_seconds_count 1",
        "navi_client_time_to_first_token_seconds_sum 0.3",
        "navi_client_time_to_first_token_seconds_count 1",
        "navi_telemetry_batches_refused_total{reason=\"invalid\"} 0",
        "navi_telemetry_batches_refused_total{reason=\"overload\"} 0",
        "navi_telemetry_batches_refused_total{reason=\"rate\"} 0",
        "navi_telemetry_batches_refused_total{reason=\"too_large\"} 0",
        "navi_telemetry_batches_refused_total{reason=\"unavailable\"} 0",
        "navi_telemetry_errors_lost_total 0",
        "navi_telemetry_events_total{outcome=\"rejected\"} 0",
        "navi_telemetry_events_total{outcome=\"repeated\"} 4",
        "navi_telemetry_events_total{outcome=\"stored\"} 4",
    ]
    "#);
}
