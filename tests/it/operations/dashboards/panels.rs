//! The panels' data: each query is sent to a real Prometheus or to Postgres after some traffic.

#![expect(
    clippy::disallowed_methods,
    reason = "a test runs a script, and asks the environment for the database's address"
)]
#![expect(
    clippy::panic,
    reason = "a test stops at a query that fails, and names it"
)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use navi::platform::clock::Clock;
use navi::platform::db::MIGRATOR;
use reqwest::Url;
use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};

use crate::operations::dashboards::board::{Query, Span, boards, filled_expr, filled_sql};
use crate::operations::scraper::Scraper;
use crate::operations::traffic;

/// The time that a panel may stay empty after the traffic. Machines may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// Queries whose zeros are good news: nothing was lost, nothing waits, nothing was taken over, and the
/// processor, whose time is counted in whole seconds, is idle.
const QUIET: &[&str] = &[
    r#""What was not recorded""#,
    r#""Passes that failed""#,
    r#""Processor""#,
    r#""Calls without a price""#,
    r#""Errors lost""#,
    r#""Failed and refused" / "C""#,
    r#""Runs" / "B""#,
    r#""Runs and streams" / "B""#,
    r#""Rows that wait""#,
    r#""Audit records lost""#,
    r#""Database connections" / "B""#,
    r#""Audit log" / "B""#,
    r#""Audit log" / "C""#,
    r#""Waiting""#,
    r#""Taken over""#,
    r#""Connections out of runs""#,
];

/// The database as Grafana sees it: with the role that the script makes.
async fn as_grafana(db: &PgPool) -> PgPool {
    let options = db.connect_options();
    let mut owner = Url::parse(&std::env::var("DATABASE_URL").unwrap()).unwrap();
    owner.set_path(options.get_database().unwrap());
    let role = format!("grafana_{}", std::process::id());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/grafana-role.sh");
    // Again, as after a migration.
    for _ in 0..2 {
        let made = Command::new(&script)
            .env("DATABASE_URL", owner.as_str())
            .env("NAVI_GRAFANA_ROLE", &role)
            .env("NAVI_GRAFANA_PASSWORD", "for-a-test")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{said}");
    }
    let options = (*options).clone().username(&role).password("for-a-test");
    let pool = PgPoolOptions::new().max_connections(1);
    pool.connect_with(options).await.unwrap()
}

/// The rows of a query, each as a JSON object with its columns in their order.
async fn rows(db: &PgPool, sql: &str) -> Result<Vec<Value>, String> {
    let sql = format!("select row_to_json(answer)::text from ({sql}) answer");
    let rows = sqlx::query_scalar::<_, String>(AssertSqlSafe(sql)).fetch_all(db);
    let rows = rows.await.map_err(|error| error.to_string())?;
    Ok(rows
        .iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect())
}

fn now() -> i64 {
    Clock::System.now().timestamp()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn grafana_reads_what_the_panels_show_and_nothing_else(db: PgPool) {
    let grafana = as_grafana(&db).await;
    let mut asked = String::new();
    for board in boards() {
        for sql in board.queries().filter_map(|query| query.sql()) {
            let span = Span {
                from: now() - 3_600,
                to: now(),
            };
            let answer = rows(&grafana, &filled_sql(sql, span)).await;
            answer.unwrap_or_else(|error| panic!("{error}: {sql}"));
            asked += sql;
        }
        for variable in board.variables() {
            if variable["name"] == "org" {
                rows(&grafana, variable["query"].as_str().unwrap())
                    .await
                    .unwrap();
            }
        }
    }
    let granted =
        "select table_name || '.' || column_name from information_schema.column_privileges
                   where grantee = current_user and privilege_type = 'SELECT'";
    let granted: Vec<String> = sqlx::query_scalar(granted)
        .fetch_all(&grafana)
        .await
        .unwrap();
    assert!(granted.len() > 50, "{granted:?}");
    for name in granted {
        let (table, column) = name.split_once('.').unwrap();
        assert!(
            asked.contains(table) && asked.contains(column),
            "{name} is not needed"
        );
    }
    for closed in [
        "select * from connector_tokens",
        "select stack_trace from error_events",
        "select user_id from llm_metrics",
        "select comment from learning_suggestions",
        "select payload from audit_records",
        "select * from llm_metrics_default",
        "delete from learning_passes",
        "create table mine (a int)",
    ] {
        let refused = sqlx::query(AssertSqlSafe(closed)).execute(&grafana).await;
        assert!(refused.is_err(), "{closed}");
    }
}

/// The current answer to a query: rows of Postgres, or series of Prometheus.
async fn answer(query: &Query<'_>, scraper: &Scraper, grafana: &PgPool, began: i64) -> Vec<Value> {
    if let Some(sql) = query.sql() {
        let span = Span {
            from: began - 60,
            to: now() + 1,
        };
        let rows = rows(grafana, &filled_sql(sql, span)).await;
        return rows.unwrap_or_else(|error| panic!("{}: {error}", query.at));
    }
    let expr = filled_expr(query.expr().unwrap(), "navi");
    if query.is_table() {
        scraper.now(&expr).await
    } else {
        scraper.since(began, &expr).await
    }
}

/// True if an answer holds a number other than zero, or words.
fn says_something(answer: &Value) -> bool {
    let number = |value: &Value| {
        let text = value.as_str().and_then(|text| text.parse().ok());
        value
            .as_f64()
            .or(text)
            .is_some_and(|number: f64| number.is_finite() && number != 0.0)
    };
    match (
        answer["values"].as_array(),
        answer.get("metric"),
        answer.get("value"),
    ) {
        (Some(samples), _, _) => samples.iter().any(|sample| number(&sample[1])),
        (None, Some(Value::Object(_)), Some(sample)) => number(&sample[1]),
        (None, _, Some(value)) => number(value),
        // A row of a table may hold words alone.
        (None, _, None) => {
            let mut columns = answer.as_object().unwrap().values();
            columns.any(|value| value.is_string() || number(value))
        }
    }
}

/// Asserts the columns that a series over time needs, and a table does not.
fn assert_shape(query: &Query<'_>, answer: &[Value]) {
    if query.sql().is_none() || query.is_table() {
        return;
    }
    for row in answer {
        let columns: Vec<_> = row.as_object().unwrap().keys().collect();
        assert_eq!(columns, ["time", "metric", "value"], "{}", query.at);
        assert!(row["value"].is_number(), "{}: {row}", query.at);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_panel_shows_the_traffic(db: PgPool) {
    let served = traffic::serve(&db).await;
    let Some(scraper) = Scraper::watch(&served.url).await else {
        return;
    };
    let began = now() - 1;
    traffic::happen(&served, &db).await;
    let grafana = as_grafana(&db).await;
    let waiting = Instant::now();
    let (mut seen, mut empty, mut zeros) = (Vec::new(), Vec::new(), Vec::new());
    for board in boards() {
        for query in board.queries() {
            let quiet = QUIET.iter().any(|quiet| query.at.contains(quiet));
            let shown = loop {
                let shown = answer(&query, &scraper, &grafana, began).await;
                let enough = !shown.is_empty() && (quiet || shown.iter().any(says_something));
                if enough || waiting.elapsed() > PATIENCE {
                    break shown;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            };
            assert_shape(&query, &shown);
            if shown.is_empty() {
                empty.push(query.at.clone());
            } else if !quiet && !shown.iter().any(says_something) {
                zeros.push(query.at.clone());
            }
            seen.push(json!({
                "dashboard": board.name, "title": board.json["title"], "panel": query.panel,
                "target": query.target, "answer": shown,
            }));
        }
    }
    // For `grafana/preview.mjs`, which draws it.
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/dashboards.json");
    std::fs::write(path, serde_json::to_string(&seen).unwrap()).unwrap();
    assert_eq!((empty, zeros), (vec![], vec![]), "{}", served.log());
}
