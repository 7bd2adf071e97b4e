//! Rules and alerts, held against Prometheus's own program and a running server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;
use serde_json::Value;
use sqlx::PgPool;

use crate::documents::{files, read};
use crate::operations::programs::{prometheus, run};
use crate::support::app::TestApp;

/// A rule; an alert has a name, a recording rule has none.
pub(crate) struct Rule {
    pub(crate) alert: String,
    record: String,
    expr: String,
    r#for: Option<String>,
    labels: Value,
    annotations: Value,
}

impl Rule {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels[name].as_str().unwrap_or_default()
    }

    fn annotation(&self, name: &str) -> &str {
        self.annotations[name].as_str().unwrap_or_default()
    }
}

/// Every rule of every file.
pub(crate) fn rules() -> Vec<Rule> {
    let mut found = Vec::new();
    for file in files("prometheus/alerts", ".yaml") {
        let file: Value = serde_saphyr::from_str(&read(&file)).unwrap();
        for group in file["groups"].as_array().unwrap() {
            for rule in group["rules"].as_array().unwrap() {
                let text = |name: &str| rule[name].as_str().unwrap_or_default().to_owned();
                found.push(Rule {
                    alert: text("alert"),
                    record: text("record"),
                    expr: text("expr"),
                    r#for: rule["for"].as_str().map(str::to_owned),
                    labels: rule["labels"].clone(),
                    annotations: rule["annotations"].clone(),
                });
            }
        }
    }
    assert!(found.len() > 100, "{} rules", found.len());
    found
}

fn alerts() -> Vec<Rule> {
    let all = rules().into_iter();
    all.filter(|rule| !rule.alert.is_empty()).collect()
}

#[test]
fn promtool_takes_the_rules_and_the_settings() {
    let Some(folder) = prometheus() else {
        return;
    };
    for file in files("prometheus/alerts", ".yaml") {
        let file = file.strip_prefix("prometheus/").unwrap();
        let said = run(&folder, "promtool", &["check", "rules", file]);
        assert!(said.contains("SUCCESS"), "{said}");
    }
    let said = run(&folder, "promtool", &["check", "config", "prometheus.yml"]);
    assert!(!said.contains("0 rule files found"), "{said}");
}

/// Runs tests of rules.
fn holds(file: &str) {
    let Some(folder) = prometheus() else {
        return;
    };
    let file = format!("tests/{file}.yaml");
    let said = run(&folder, "promtool", &["test", "rules", &file]);
    assert!(said.contains("SUCCESS"), "{said}");
}

#[test]
fn operators_alerts_fire_are_silent_and_end_as_their_tests_say() {
    holds("navi");
}

#[test]
fn alerts_of_cost_freshness_and_completeness_do_as_their_tests_say() {
    holds("navi-slos");
}

#[test]
fn alerts_that_look_at_days_do_as_their_tests_say() {
    holds("navi-slos-days");
}

#[test]
fn budgets_that_burn_fast_page_and_those_that_burn_a_little_slower_do_not() {
    holds("navi-slos-pages");
}

#[test]
fn budgets_that_burn_slowly_make_tickets() {
    holds("navi-slos-tickets");
}

#[test]
fn one_bad_event_of_three_is_no_alert() {
    holds("navi-slos-few");
}

#[test]
fn every_file_of_tests_is_run() {
    let source = read("tests/it/operations/rules.rs");
    for file in files("prometheus/tests", ".yaml") {
        let name = file.trim_start_matches("prometheus/tests/");
        let name = name.trim_end_matches(".yaml");
        assert!(source.contains(&format!("holds(\"{name}\")")), "{file}");
    }
}

#[test]
fn every_alert_has_tests_before_during_and_after_its_fault() {
    let named =
        Regex::new(r#"^count by \([^)]*\) \(ALERTS\{alertname="(\w+)",alertstate="firing"\}\)$"#);
    let named = named.unwrap();
    // Of each alert, the sequences of what is expected, one a test.
    let mut sequences: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files("prometheus/tests", ".yaml") {
        let file: Value = serde_saphyr::from_str(&read(&file)).unwrap();
        for test in file["tests"].as_array().unwrap() {
            let mut of_test: BTreeMap<&str, String> = BTreeMap::new();
            for expected in test["promql_expr_test"].as_array().unwrap() {
                let expr = expected["expr"].as_str().unwrap();
                let name = named.captures(expr).unwrap().get(1).unwrap().as_str();
                let fires = !expected["exp_samples"].as_array().unwrap().is_empty();
                of_test
                    .entry(name)
                    .or_default()
                    .push(if fires { '!' } else { '.' });
            }
            for (name, sequence) in of_test {
                sequences.entry(name.to_owned()).or_default().push(sequence);
            }
        }
    }
    for rule in alerts() {
        let of_alert = sequences.remove(&rule.alert).unwrap_or_default();
        let complete = of_alert.iter().any(|sequence| {
            let fired = sequence.find('!');
            fired.is_some_and(|at| at > 0 && sequence.ends_with('.'))
        });
        let never_ends = rule.alert == "Watchdog" && of_alert == ["!!"];
        assert!(complete || never_ends, "{}: {of_alert:?}", rule.alert);
    }
    assert!(sequences.is_empty(), "{sequences:?} are no alerts");
}

#[test]
fn every_alert_says_what_is_wrong_how_bad_it_is_and_where_to_read_on() {
    let mut names = BTreeSet::new();
    for rule in alerts() {
        let name = &rule.alert;
        assert!(names.insert(name.clone()), "{name} is there twice");
        assert!(rule.r#for.is_some(), "{name}");
        assert!(
            ["critical", "warning", "none"].contains(&rule.label("severity")),
            "{name}"
        );
        for annotation in ["summary", "description"] {
            assert!(
                rule.annotation(annotation).len() > 10,
                "{name}: {annotation}"
            );
        }
        let runbook = rule.annotation("runbook_url");
        let runbook = runbook.strip_prefix("docs/runbooks/").unwrap();
        let stem = runbook.strip_suffix(".md").unwrap();
        assert!(
            stem.bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_lowercase()),
            "{name}: {runbook}"
        );
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let runbooks: BTreeSet<String> = alerts()
        .iter()
        .map(|rule| rule.annotation("runbook_url").to_owned())
        .collect();
    for runbook in &runbooks {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(runbook);
        assert!(path.exists(), "{runbook} is not there");
    }
    for file in files("docs/runbooks", ".md") {
        assert!(
            runbooks.contains(&file) || file.ends_with("/README.md"),
            "no alert leads to {file}"
        );
    }
}

/// The series of a running server: of each name, of each label the values.
type Exported = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Values that a test's server does not have.
const ELSEWHERE: &[(&str, &str)] = &[("check", "identity provider"), ("env", "production")];

fn exported(text: &str) -> Exported {
    let label = Regex::new(r#"(\w+)="([^"]*)""#).unwrap();
    let mut found = Exported::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let labels = found.entry(name.to_owned()).or_default();
        for pair in label.captures_iter(line) {
            let values = labels.entry(pair[1].to_owned()).or_default();
            values.insert(pair[2].to_owned());
        }
    }
    // Added by Prometheus.
    found.insert("up".to_owned(), BTreeMap::new());
    for labels in found.values_mut() {
        labels.insert("job".to_owned(), ["navi".to_owned()].into());
        labels.insert("instance".to_owned(), BTreeSet::new());
    }
    found
}

/// The metrics that an expression names, with their matchers.
fn selectors(expr: &str) -> Vec<(String, String)> {
    let selector = Regex::new(
        r"(?:^|[^\w:])((?:navi|aep|http|process)_\w+|up|navi:[\w:]+)(?:\{([^}]*)\})?(?:[^\w:(]|$)",
    )
    .unwrap();
    let mut found = Vec::new();
    let mut rest = expr;
    while let Some(one) = selector.captures(rest) {
        let matchers = one.get(2).map_or("", |matchers| matchers.as_str());
        found.push((one[1].to_owned(), matchers.to_owned()));
        rest = &rest[one.get(2).or(one.get(1)).unwrap().end()..];
    }
    found
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_metric_and_label_of_the_rules_is_one_of_a_running_server(db: PgPool) {
    let app = TestApp::new(db).await;
    let (_, text) = app.stranger().get("/metrics").await;
    let mut exported = exported(text.as_str().unwrap());
    let all = rules();
    for rule in all.iter().filter(|rule| !rule.record.is_empty()) {
        let labels = exported.entry(rule.record.clone()).or_default();
        for (label, value) in rule.labels.as_object().into_iter().flatten() {
            let values = labels.entry(label.clone()).or_default();
            values.insert(value.as_str().unwrap().to_owned());
        }
    }
    let mut checked = 0;
    for rule in &all {
        let mut of_rule: BTreeSet<&str> = BTreeSet::new();
        for (metric, matchers) in selectors(&rule.expr) {
            let (metric, labels) = exported
                .get_key_value(&metric)
                .unwrap_or_else(|| panic!("{metric} is not exported: {}", rule.expr));
            of_rule.extend(labels.keys().map(String::as_str));
            check_matchers(metric, labels, &matchers);
            checked += 1;
        }
        check_grouping(&rule.expr, &of_rule);
        check_annotations(rule, &of_rule);
    }
    assert!(checked > 100, "{checked} metrics were found in rules");
}

fn check_matchers(metric: &str, labels: &BTreeMap<String, BTreeSet<String>>, matchers: &str) {
    let matcher = Regex::new(r#"(\w+)(=~|!~|!=|=)"([^"]*)""#).unwrap();
    let mut rest = matchers.to_owned();
    for one in matcher.captures_iter(matchers) {
        let (label, value) = (&one[1], &one[3]);
        assert!(labels.contains_key(label), "{metric} has no label {label}");
        let known = &labels[label];
        let pattern = match &one[2] {
            "=" | "!=" => regex::escape(value),
            _ => value.to_owned(),
        };
        // Each alternative must be one of the values, or what it leaves out is not left out.
        for pattern in pattern.split('|') {
            let pattern = Regex::new(&format!("^(?:{pattern})$")).unwrap();
            let is_elsewhere = ELSEWHERE.contains(&(label, value));
            assert!(
                is_elsewhere || known.iter().any(|value| pattern.is_match(value)),
                "{metric}: no {label} is {pattern}"
            );
        }
        rest = rest.replacen(&one[0], "", 1);
    }
    assert!(
        rest.chars().all(|c| c == ','),
        "{metric}: {rest} was not read"
    );
}

/// The labels that an expression groups or joins by are those of its metrics.
fn check_grouping(expr: &str, of_rule: &BTreeSet<&str>) {
    let clause = Regex::new(r"\b(?:by|on) \(([^)]*)\)").unwrap();
    for one in clause.captures_iter(expr) {
        for label in one[1].split(',').map(str::trim) {
            assert!(of_rule.contains(label), "no metric has {label}: {expr}");
        }
    }
}

/// The labels that an annotation shows are there when it is shown.
fn check_annotations(rule: &Rule, of_rule: &BTreeSet<&str>) {
    let used = Regex::new(r"\$labels\.(\w+)").unwrap();
    let is_summed = ["sum(", "max(", "absent("]
        .iter()
        .any(|word| rule.expr.contains(word));
    let groups = Regex::new(r"\bby \(([^)]*)\)").unwrap();
    let kept: Vec<String> = groups
        .captures_iter(&rule.expr)
        .flat_map(|one| {
            one[1]
                .split(',')
                .map(|label| label.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    for annotation in ["summary", "description"] {
        for one in used.captures_iter(rule.annotation(annotation)) {
            let label = &one[1];
            let is_there = if kept.is_empty() {
                !is_summed && of_rule.contains(label)
            } else {
                kept.iter().any(|kept| kept == label)
            };
            assert!(is_there, "{} has no label {label}", rule.alert);
        }
    }
}
