//! The dashboards in grafana/dashboards, and their queries with variables and macros filled in as Grafana
//! fills them in.

#![expect(
    clippy::panic,
    reason = "a test stops at a macro that Grafana does not know"
)]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

/// A dashboard.
pub(crate) struct Board {
    pub(crate) name: String,
    pub(crate) json: Value,
}

/// A query of a panel.
pub(crate) struct Query<'a> {
    /// The dashboard, the panel and the query, for messages.
    pub(crate) at: String,
    pub(crate) panel: &'a Value,
    pub(crate) target: &'a Value,
}

/// The span of time that a dashboard shows.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana")
}

/// All dashboards, in the order of their names.
pub(crate) fn boards() -> Vec<Board> {
    let files = std::fs::read_dir(folder().join("dashboards")).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| Board {
        name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
        json: serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap(),
    };
    paths.into_iter().map(read).collect()
}

impl Board {
    /// Its panels, rows left out.
    pub(crate) fn panels(&self) -> impl Iterator<Item = &Value> {
        let panels = self.json["panels"].as_array().unwrap().iter();
        panels.filter(|panel| panel["type"] != "row")
    }

    pub(crate) fn variables(&self) -> &[Value] {
        self.json["templating"]["list"].as_array().unwrap()
    }

    pub(crate) fn queries(&self) -> impl Iterator<Item = Query<'_>> {
        self.panels().flat_map(move |panel| {
            let targets = panel["targets"].as_array().unwrap().iter();
            targets.map(move |target| Query {
                at: format!("{} / {} / {}", self.name, panel["title"], target["refId"]),
                panel,
                target,
            })
        })
    }
}

impl<'a> Query<'a> {
    /// The expression for Prometheus; none for other queries.
    pub(crate) fn expr(&self) -> Option<&'a str> {
        self.target["expr"].as_str()
    }

    /// The SQL for Postgres; none for other queries.
    pub(crate) fn sql(&self) -> Option<&'a str> {
        self.target["rawSql"].as_str()
    }

    /// True if the answer is a table and not a series with a time.
    pub(crate) fn is_table(&self) -> bool {
        self.target["format"] == "table" || self.target["instant"] == true
    }
}

/// The expression for the service `job`, with the intervals of a dashboard that shows an hour.
pub(crate) fn filled_expr(expr: &str, job: &str) -> String {
    expr.replace("$__rate_interval", "1m")
        .replace("$__range", "1h")
        .replace("$job", job)
}

/// The SQL for all organisations. The macros are found as Grafana's plugin finds them: an argument ends
/// at the first parenthesis and the first comma.
pub(crate) fn filled_sql(sql: &str, span: Span) -> String {
    static MACRO: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)").unwrap());
    let filled = sql
        .replace("${org:sqlstring}", "org_id")
        .replace("$__interval", "1m");
    let expand = |found: &Captures<'_>| {
        let arguments: Vec<_> = found[2].split(',').map(str::trim).collect();
        match (&found[1], arguments.as_slice()) {
            ("__timeFilter", [column]) => {
                let (from, to) = (moment(span.from), moment(span.to));
                format!("{column} BETWEEN {from} AND {to}")
            }
            ("__timeFrom", [""]) => moment(span.from),
            ("__timeTo", [""]) => moment(span.to),
            ("__timeGroupAlias", [column, "1m"]) => grouped(column, 60),
            ("__timeGroupAlias", [column, "1d"]) => grouped(column, 86_400),
            (name, arguments) => panic!("no macro of Grafana's: {name} {arguments:?} in {sql}"),
        }
    };
    MACRO.replace_all(&filled, expand).into_owned()
}

fn grouped(column: &str, seconds: u32) -> String {
    format!("floor(extract(epoch from {column})/{seconds})*{seconds} AS \"time\"")
}

fn moment(seconds: i64) -> String {
    let at = chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    format!(
        "'{}'",
        at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    )
}

#[test]
fn macros_are_filled_in_as_grafana_does() {
    let sql = "select $__timeGroupAlias(created_at, $__interval), count(*) from t \
               where $__timeFilter(created_at) and org_id in (${org:sqlstring}) and a <= $__timeTo()::date";
    let span = Span {
        from: 1_767_323_045,
        to: 1_767_326_645,
    };
    assert_eq!(
        filled_sql(sql, span),
        "select floor(extract(epoch from created_at)/60)*60 AS \"time\", count(*) from t \
         where created_at BETWEEN '2026-01-02T03:04:05Z' AND '2026-01-02T04:04:05Z' \
         and org_id in (org_id) and a <= '2026-01-02T04:04:05Z'::date"
    );
}
