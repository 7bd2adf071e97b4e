//! Rates, and how measurements were distributed.

use axum::http::StatusCode;
use insta::assert_json_snapshot;
use navi::auth::principal::Role;
use navi::platform::db::MIGRATOR;
use navi::telemetry::rates::sketch::bucket_of;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::app::ORG;
use crate::telemetry::stock::Stock;

const RATES: &str = "/api/telemetry/rates";
const PERFORMANCE: &str = "/api/telemetry/performance";

async fn counted(db: &PgPool, org: &str, hour: &str, kind: &str, version: &str, events: i64) {
    sqlx::query(
        "insert into telemetry_hours (org_id, hour, event_type, source_version, events)
         values ($1, $2::timestamptz, $3, $4, $5)",
    )
    .bind(org)
    .bind(hour)
    .bind(kind)
    .bind(version)
    .bind(events)
    .execute(db)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn rates_are_told_by_hour_and_day_type_and_version(db: PgPool) {
    let stock = Stock::new(db.clone()).await;
    for (org, hour, kind, version, events) in [
        (ORG, "2026-11-25T16:00:00Z", "navi.chat", "1.2.0", 5),
        (ORG, "2026-11-25T17:00:00Z", "navi.chat", "1.2.0", 7),
        (ORG, "2026-11-25T17:00:00Z", "navi.chat", "", 1),
        (ORG, "2026-11-24T23:00:00Z", "navi.error", "1.2.0", 2),
        (ORG, "2026-11-24T17:00:00Z", "navi.error", "1.2.0", 4),
        (ORG, "2026-11-11T23:00:00Z", "navi.error", "1.2.0", 100),
        ("org-2", "2026-11-25T17:00:00Z", "navi.chat", "1.2.0", 1_000),
    ] {
        counted(&db, org, hour, kind, version, events).await;
    }
    let days = stock
        .get(&format!("{RATES}?by=day&since=2026-11-24T12:00:00Z"))
        .await;
    assert_json_snapshot!(days, @r#"
    {
      "by": "day",
      "times": [
        "2026-11-24T00:00:00Z",
        "2026-11-25T00:00:00Z"
      ],
      "series": [
        {
          "type": "navi.chat",
          "version": "1.2.0",
          "events": 12,
          "counts": [
            0,
            12
          ]
        },
        {
          "type": "navi.error",
          "version": "1.2.0",
          "events": 6,
          "counts": [
            6,
            0
          ]
        },
        {
          "type": "navi.chat",
          "version": null,
          "events": 1,
          "counts": [
            0,
            1
          ]
        }
      ],
      "left_out": 0
    }
    "#);
    let hours = stock.get(RATES).await;
    let chat = &hours["series"][0];
    assert_eq!(
        (&chat["type"], &chat["events"]),
        (&json!("navi.chat"), &json!(12))
    );
    let times = hours["times"].as_array().unwrap();
    assert_eq!(
        (times.len(), &times[23]),
        (24, &json!("2026-11-25T17:00:00Z"))
    );
    assert_eq!(
        (&chat["counts"][22], &chat["counts"][23]),
        (&json!(5), &json!(7))
    );
    assert_eq!(
        hours["series"][1]["events"], 2,
        "an hour more ago than a day is not told"
    );
    for (query, expected) in [
        ("type=navi.error", json!([["navi.error", "1.2.0", 2]])),
        (
            "version=1.2.0",
            json!([["navi.chat", "1.2.0", 12], ["navi.error", "1.2.0", 2]]),
        ),
        ("version=", json!([["navi.chat", null, 1]])),
        ("type=nothing", json!([])),
        (
            "until=2026-11-25T17:00:00Z&type=navi.chat",
            json!([["navi.chat", "1.2.0", 5]]),
        ),
        (
            "by=day",
            json!([
                ["navi.chat", "1.2.0", 12],
                ["navi.error", "1.2.0", 6],
                ["navi.chat", null, 1]
            ]),
        ),
    ] {
        let answer = stock.get(&format!("{RATES}?{query}")).await;
        let series = answer["series"].as_array().unwrap().iter();
        let told: Vec<_> = series
            .map(|one| json!([one["type"], one["version"], one["events"]]))
            .collect();
        assert_eq!(json!(told), expected, "{query}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_answer_about_rates_is_bounded_and_says_what_it_leaves_out(db: PgPool) {
    let stock = Stock::new(db.clone()).await;
    sqlx::query(
        "insert into telemetry_hours (org_id, hour, event_type, source_version, events)
         select $1, '2026-11-25T17:00:00Z', 'kind-' || n, '1', n from generate_series(1, 60) n",
    )
    .bind(ORG)
    .execute(&db)
    .await
    .unwrap();
    let answer = stock.get(RATES).await;
    assert_eq!(answer["series"].as_array().unwrap().len(), 50);
    assert_eq!(
        (&answer["left_out"], &answer["series"][0]["events"]),
        (&json!(10), &json!(60))
    );
    let client = stock.app.client(Role::Viewer);
    for path in [RATES, PERFORMANCE] {
        for query in [
            "since=2026-10-20T00:00:00Z",
            "since=2025-01-01T00:00:00Z&by=day",
            "since=2026-11-25T18:00:00Z",
            "since=2026-11-25T12:00:00Z&until=2026-11-25T12:00:00Z",
            "since=%2B262000-01-01T00:00:00Z",
            "until=-200000-01-01T00:00:00Z",
            "by=week",
        ] {
            let (status, problem) = client.get(&format!("{path}?{query}")).await;
            assert_eq!(
                status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{path}?{query}: {problem}"
            );
        }
    }
}

/// Counts measured values as the ingestion does.
async fn measured(db: &PgPool, org: &str, metric: &str, hour: &str, values: &[f64]) {
    for value in values {
        sqlx::query(
            "insert into performance_hours (org_id, metric_name, unit, hour, bucket, samples, total,
                                            min_value, max_value)
             values ($1, $2, 'ms', $3::timestamptz, $4, 1, $5, $5, $5)
             on conflict (org_id, metric_name, unit, hour, bucket) do update
             set samples = performance_hours.samples + 1,
                 total = performance_hours.total + excluded.total,
                 min_value = least(performance_hours.min_value, excluded.min_value),
                 max_value = greatest(performance_hours.max_value, excluded.max_value)",
        )
        .bind(org)
        .bind(metric)
        .bind(hour)
        .bind(bucket_of(*value).unwrap())
        .bind(value)
        .execute(db)
        .await
        .unwrap();
    }
}

fn close(found: &Value, exact: f64) {
    let found = found.as_f64().unwrap();
    assert!(
        (found - exact).abs() <= 0.025 * exact.abs(),
        "{found}, not {exact}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn percentiles_of_hours_are_those_of_the_view_and_days_are_hours_added_up(db: PgPool) {
    let stock = Stock::new(db.clone()).await;
    let low: Vec<f64> = (1..=100).map(f64::from).collect();
    let high: Vec<f64> = (101..=200).map(f64::from).collect();
    measured(&db, ORG, "render", "2026-11-25T15:00:00Z", &low).await;
    measured(&db, ORG, "render", "2026-11-25T16:00:00Z", &high).await;
    measured(
        &db,
        ORG,
        "shift",
        "2026-11-25T16:00:00Z",
        &[-3.0, 0.0, 0.0, 0.0, 0.25],
    )
    .await;
    measured(&db, "org-2", "render", "2026-11-25T16:00:00Z", &[9_999.0]).await;

    let hours = stock.get(PERFORMANCE).await;
    let told = hours["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|metric| {
            metric["points"].as_array().unwrap().iter().map(|point| {
                json!([
                    metric["name"],
                    point["p50"],
                    point["p95"],
                    point["p99"],
                    point["min"],
                    point["max"],
                    point["avg"],
                    point["samples"]
                ])
            })
        });
    let view: Vec<Value> = sqlx::query_scalar(
        "select jsonb_build_array(metric_name, p50, p95, p99, min_value, max_value, avg_value,
                                  sample_count)
         from performance_hourly where org_id = $1 order by metric_name, hour",
    )
    .bind(ORG)
    .fetch_all(&db)
    .await
    .unwrap();
    let rounded = |value: &Value| {
        let items = value.as_array().unwrap().iter();
        items
            .map(|item| {
                item.as_f64()
                    .map_or(item.to_string(), |n| format!("{n:.9}"))
            })
            .collect::<Vec<_>>()
    };
    let told: Vec<_> = told.map(|one| rounded(&one)).collect();
    assert_eq!(told, view.iter().map(rounded).collect::<Vec<_>>());

    let days = stock
        .get(&format!("{PERFORMANCE}?by=day&metric=render"))
        .await;
    let metrics = days["metrics"].as_array().unwrap();
    let point = &metrics[0]["points"][0];
    assert_eq!(
        (
            metrics.len(),
            metrics[0]["points"].as_array().unwrap().len()
        ),
        (1, 1)
    );
    assert_eq!(point["time"], "2026-11-25T00:00:00Z");
    for (name, exact) in [("p50", 100.0), ("p95", 190.0), ("p99", 198.0)] {
        close(&point[name], exact);
    }
    let plain = ["samples", "min", "max", "avg"].map(|name| &point[name]);
    assert_eq!(json!(plain), json!([200, 1.0, 200.0, 100.5]));
}
