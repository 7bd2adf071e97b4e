//! The dashboards: what Grafana imports, and that all they name is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use navi::platform::db::MIGRATOR;
use regex::Regex;
use serde_json::Value;
use sqlx::PgPool;

use crate::operations::dashboards::board::{Board, boards, folder};
use crate::support::app::TestApp;

/// The units that are used here, by the names under which Grafana knows them.
const UNITS: &[&str] = &[
    "bytes",
    "cps",
    "currencyUSD",
    "ms",
    "none",
    "percentunit",
    "reqps",
    "s",
    "short",
];
/// The panels that are part of every Grafana.
const PANELS: &[&str] = &["barchart", "piechart", "row", "stat", "table", "timeseries"];
/// The runbooks that dashboards may link to.
const RUNBOOKS: &[&str] = &[
    "analyzer-stale",
    "audit-failures",
    "auth-issues",
    "database-failures",
    "disk-full",
    "failing-tasks",
    "high-llm-costs",
    "http-errors",
    "llm-api-outage",
    "retention-failing",
    "server-down",
    "slo-budget",
    "slow-answers",
    "slow-models",
    "stuck-runs",
    "telemetry-refused",
];

#[test]
#[expect(clippy::disallowed_methods, reason = "the source is a program")]
fn the_dashboards_are_what_their_source_writes() {
    let made = std::process::Command::new("python3")
        .arg("-B")
        .arg(folder().join("dashboards.py"))
        .arg("--check")
        .output();
    let Ok(made) = made else {
        println!("not run: there is no python3");
        return;
    };
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{said}");
}

#[test]
fn grafana_can_import_every_dashboard() {
    let boards = boards();
    let uids: Vec<_> = boards.iter().map(|board| &board.json["uid"]).collect();
    assert_eq!(
        uids,
        [
            "navi-errors",
            "navi-learning",
            "navi-llm-metrics",
            "navi-slo",
            "navi-task-metrics"
        ]
    );
    for Board { name, json } in &boards {
        assert_eq!(&json["uid"], name);
        assert!(json.get("id").is_none(), "{name}: Grafana gives the number");
        assert_eq!(json["schemaVersion"], 39, "{name}");
        assert!(json["title"].as_str().unwrap().starts_with("NAVI - "));
        let (mut ids, mut titles) = (BTreeSet::new(), BTreeSet::new());
        let mut taken = BTreeMap::new();
        for panel in json["panels"].as_array().unwrap() {
            let at = format!("{name} / {}", panel["title"]);
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{at}");
            let kind = panel["type"].as_str().unwrap();
            assert!(PANELS.contains(&kind), "{at}: {kind}");
            for cell in cells(&panel["gridPos"]) {
                assert!(cell.0 < 24, "{at} is wider than the page");
                let other = taken.insert(cell, at.clone());
                assert_eq!(other, None, "{at} lies on another");
            }
            if kind != "row" {
                assert!(titles.insert(panel["title"].as_str().unwrap()), "{at}");
                whole(&at, panel);
            }
        }
    }
}

/// The places of a panel.
fn cells(grid: &Value) -> Vec<(u64, u64)> {
    let [x, y, wide, high] = ["x", "y", "w", "h"].map(|side| grid[side].as_u64().unwrap());
    assert!(wide > 0 && high > 0);
    let of_row = |row| (x..x + wide).map(move |column| (column, row));
    (y..y + high).flat_map(of_row).collect()
}

/// Asserts that a panel with data has a description and units.
fn whole(at: &str, panel: &Value) {
    assert!(
        panel["description"].as_str().unwrap().ends_with('.'),
        "{at}"
    );
    let text = panel["fieldConfig"].to_string();
    let unit = Regex::new(r#""(?:unit"|id":"unit","value"):"(\w+)""#).unwrap();
    let units: Vec<_> = unit
        .captures_iter(&text)
        .map(|found| found[1].to_owned())
        .collect();
    assert!(!units.is_empty(), "{at} has no unit");
    for unit in units {
        assert!(UNITS.contains(&unit.as_str()), "{at}: {unit}");
    }
    let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array();
    assert!(
        steps.unwrap()[0]["value"].is_null(),
        "{at}: the first step has no value"
    );
    let mut letters = BTreeSet::new();
    for target in panel["targets"].as_array().unwrap() {
        assert!(letters.insert(target["refId"].as_str().unwrap()), "{at}");
        assert_eq!(target["datasource"], panel["datasource"], "{at}");
        let source = &target["datasource"];
        if target.get("expr").is_some() {
            assert_eq!(source["uid"], "${prometheus}", "{at}");
            assert_ne!(target["instant"], target["range"], "{at}");
        } else {
            assert_eq!(source["uid"], "${postgres}", "{at}");
            assert_eq!(target["rawQuery"], true, "{at}");
            let series = panel["type"] == "timeseries";
            let format = if series { "time_series" } else { "table" };
            assert_eq!(target["format"], format, "{at}");
        }
    }
    assert!(!letters.is_empty(), "{at} asks nothing");
}

#[test]
fn every_variable_is_declared_and_used() {
    let variable = Regex::new(r"\$\{?([A-Za-z][A-Za-z0-9_]*)").unwrap();
    for board in boards() {
        let declared: BTreeSet<_> = board
            .variables()
            .iter()
            .map(|variable| variable["name"].as_str().unwrap())
            .collect();
        assert_eq!(declared.len(), board.variables().len(), "{}", board.name);
        let text = board.json.to_string();
        let used: BTreeSet<_> = variable
            .captures_iter(&text)
            .map(|found| found.get(1).unwrap().as_str())
            .collect();
        assert_eq!(used, declared, "{}", board.name);
    }
}

#[test]
fn queries_follow_the_chosen_time_and_add_up_before_a_quantile() {
    let fixed = Regex::new(r"\[(\$__rate_interval|\$__range|5m|1h|6h|3d|30d)\]").unwrap();
    for board in boards() {
        for query in board.queries() {
            let at = &query.at;
            if let Some(expr) = query.expr() {
                let windows = expr.matches('[').count();
                assert_eq!(fixed.find_iter(expr).count(), windows, "{at}: {expr}");
                let quantiles = expr.matches("histogram_quantile(").count();
                let added = expr.matches(" by (le) (").count();
                assert_eq!(quantiles, added, "{at}: {expr}");
                // A number that is shown alone is asked for once and not for every moment.
                let alone = matches!(
                    query.panel["type"].as_str(),
                    Some("stat" | "piechart" | "table")
                );
                assert_eq!(query.target["instant"], alone, "{at}");
            }
            if let Some(sql) = query.sql() {
                let follows = sql.contains("$__timeFilter(") || sql.contains("$__timeTo()");
                assert!(follows, "{at}: {sql}");
                assert!(!sql.contains("now()"), "{at}: {sql}");
                let everybody = sql.contains("learning_passes");
                assert!(
                    everybody || sql.contains("org_id in (${org:sqlstring})"),
                    "{at}"
                );
            }
        }
    }
}

#[test]
fn links_lead_to_pages_that_are_there() {
    let link = Regex::new(r#""\$\{runbooks\}/([a-z-]+)\.md""#).unwrap();
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
    for board in boards() {
        let text = board.json.to_string();
        let named: BTreeSet<_> = link
            .captures_iter(&text)
            .map(|found| found[1].to_owned())
            .collect();
        assert!(!named.is_empty(), "{}", board.name);
        for name in named {
            assert!(RUNBOOKS.contains(&name.as_str()), "{}: {name}", board.name);
            let page = pages.join(format!("{name}.md"));
            assert!(!pages.exists() || page.exists(), "{}: {name}", board.name);
        }
    }
}

#[test]
fn no_secret_stands_in_what_is_provisioned() {
    let path = folder().join("provisioning/datasources/navi.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    for name in ["password", "user", "url", "database"] {
        let label = format!("{name}: ");
        let lines = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(&label));
        let values: Vec<_> = lines.collect();
        assert!(!values.is_empty(), "{name}");
        assert!(
            values.iter().all(|value| value.starts_with("$NAVI_")),
            "{values:?}"
        );
    }
}

/// The series that a server shows before its first request: for each name, the labels of each.
fn series(metrics: &str) -> BTreeMap<String, Vec<BTreeMap<String, String>>> {
    let line = Regex::new(r"(?m)^([a-z_]+)(?:\{(.*)\})? \S+$").unwrap();
    let label = Regex::new(r#"(\w+)="([^"]*)""#).unwrap();
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in line.captures_iter(metrics) {
        let labels = line.get(2).map_or("", |labels| labels.as_str());
        let labels = label.captures_iter(labels);
        let labels = labels.map(|label| (label[1].to_owned(), label[2].to_owned()));
        found
            .entry(line[1].to_owned())
            .or_default()
            .push(labels.collect());
    }
    found
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_metric_of_a_panel_is_emitted_with_the_labels_that_it_names(db: PgPool) {
    let app = TestApp::new(db).await;
    // Some values are looked up at a scrape.
    let (_, text) = app.stranger().get("/metrics").await;
    let emitted = series(text.as_str().unwrap());
    let name = Regex::new(r"\b((?:aep|navi|http|process)_[a-z_]+)(\{([^}]*)\})?").unwrap();
    let matcher = Regex::new(r#"(\w+)(=~|!~|!=|=)"([^"]*)""#).unwrap();
    let by = Regex::new(r"by \(([^)]*)\)").unwrap();
    for board in boards() {
        for query in board.queries() {
            let Some(expr) = query.expr() else { continue };
            let at = &query.at;
            let mut known = BTreeSet::from(["instance".to_owned(), "class".to_owned()]);
            for selector in name.captures_iter(expr) {
                let all = emitted.get(&selector[1]);
                let all = all.unwrap_or_else(|| panic!("{at}: no metric {}", &selector[1]));
                known.extend(all.iter().flat_map(|labels| labels.keys().cloned()));
                let matchers = selector.get(3).map_or("", |matchers| matchers.as_str());
                assert!(
                    matchers.starts_with("job=\"$job\""),
                    "{at}: of which service?"
                );
                for wanted in matcher.captures_iter(matchers).skip(1) {
                    let wish = Regex::new(&format!("^(?:{})$", &wanted[3])).unwrap();
                    let of_label = |labels: &BTreeMap<String, String>| {
                        labels
                            .get(&wanted[1])
                            .is_some_and(|value| wish.is_match(value))
                    };
                    assert!(all.iter().any(of_label), "{at}: {}", &wanted[0]);
                }
            }
            for labels in by.captures_iter(expr) {
                for label in labels[1].split(", ") {
                    assert!(known.contains(label), "{at}: by {label}");
                }
            }
        }
    }
}
