//! The runbooks and the two documents about incidents: everything in them that can be run is run.

#![expect(
    clippy::disallowed_methods,
    reason = "a test does what an operator does"
)]

use std::collections::BTreeSet;
use std::path::Path;

use navi::llm::script::Script;
use navi::platform::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::process::Command;

use crate::documents::operators::{
    ONCALL, address, carried_out, commands_fail, long_run, queries_run, settings, steps,
};
use crate::documents::{code_spans, files, read};
use crate::support::app::{AUDIT_KEY, ORG, SECRET, USER};
use crate::support::served::{Place, Served};

const FOLDER: &str = "docs/runbooks";
const INCIDENTS: &str = "docs/INCIDENT_RESPONSE.md";
const SECTIONS: [&str; 5] = ["Symptom", "Check", "Act", "Verify", "Afterwards"];
/// What is read in two minutes.
const MOST_WORDS: usize = 450;
/// Metrics of others: of Prometheus and of the library that watches the process.
const OF_OTHERS: [&str; 3] = ["up", "ALERTS", "process_cpu_seconds_total"];

fn runbooks() -> Vec<String> {
    files(FOLDER, ".md")
}

/// The runbooks and the documents that are checked with them.
fn all() -> Vec<String> {
    let mut found = runbooks();
    found.extend([ONCALL, INCIDENTS].map(str::to_owned));
    found
}

#[test]
fn every_runbook_has_its_five_sections_and_is_read_in_two_minutes() {
    for path in runbooks() {
        let text = read(&path);
        let sections: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        assert_eq!(sections, SECTIONS, "{path}");
        let words = text.split_whitespace().count();
        assert!(words <= MOST_WORDS, "{path}: {words} words");
        let check = text.split("\n## ").nth(2).unwrap();
        assert!(check.contains("```"), "{path}: nothing to look at");
    }
}

#[test]
fn what_runbooks_do_not_run_says_why() {
    let mut seen = 0;
    for path in all() {
        let text = read(&path);
        for line in text.lines() {
            if let Some(kind) = line.trim_start().strip_prefix("```") {
                let known = ["", "sh", "bash", "sql", "promql", "text", "markdown"];
                assert!(known.contains(&kind), "{path}: a block of {kind}");
            }
        }
        for block in steps(&path, "bash") {
            assert!(
                block.starts_with("# not run here: needs "),
                "{path}: {block}"
            );
            seen += 1;
        }
    }
    assert!(seen > 3, "{seen} blocks");
}

/// The alerts of the rules: their names and the runbooks that they link to.
fn alerts() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in files("prometheus/alerts", ".yaml") {
        let rules: Value = serde_saphyr::from_str(&read(&path)).unwrap();
        let groups = rules["groups"].as_array().unwrap().iter();
        let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
        for rule in rules.filter(|rule| rule["alert"].is_string()) {
            let name = rule["alert"].as_str().unwrap();
            let link = rule["annotations"]["runbook_url"].as_str();
            let link = link.unwrap_or_default();
            found.push((name.to_owned(), link.to_owned()));
        }
    }
    found
}

#[test]
fn every_alert_has_a_runbook_that_names_it_and_every_runbook_an_alert() {
    let mut linked = BTreeSet::new();
    let alerts = alerts();
    assert!(alerts.len() > 30, "{} alerts", alerts.len());
    for (name, link) in alerts {
        let file = link.rsplit('/').next().unwrap();
        let path = format!("{FOLDER}/{file}");
        assert!(link.ends_with(&path), "{name}: {link}");
        let text = read(&path);
        let symptom = text.split("\n## ").nth(1).unwrap();
        let named = code_spans(symptom);
        assert!(named.contains(&name.as_str()), "{path} does not say {name}");
        linked.insert(path);
    }
    assert_eq!(linked.into_iter().collect::<Vec<_>>(), runbooks());
    let oncall = read(ONCALL);
    for path in runbooks() {
        let link = path.strip_prefix("docs/").unwrap();
        assert!(oncall.contains(&format!("({link})")), "{path}");
    }
}

#[test]
fn every_drill_is_of_an_alert_that_exists_and_is_described() {
    let names: BTreeSet<String> = alerts().into_iter().map(|(name, _)| name).collect();
    let faults = read("scripts/drills/faults.sh");
    let drills: Vec<(&str, &str)> = faults
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix('['))
        .filter_map(|line| line.split_once("]="))
        .collect();
    assert!(drills.len() >= 7, "{drills:?}");
    let (log, incidents) = (read("docs/drills.md"), read(INCIDENTS));
    for (drill, alert) in drills {
        assert!(names.contains(alert), "{drill}: {alert}");
        assert!(log.contains(&format!("| {drill} |")), "{drill}");
        assert!(incidents.contains(&format!("`{drill}`")), "{drill}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_query_of_a_runbook_runs(db: PgPool) {
    let seen = queries_run(&db, &all()).await;
    assert!(seen > 25, "{seen} queries");
}

/// The words of an expression that name what is measured, without their suffixes.
fn measured(expression: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let names = expression.split(|c| !word(c)).filter(|name| {
        let ours = ["navi", "aep_", "http_", "process_"];
        ours.iter().any(|start| name.starts_with(start)) || OF_OTHERS.contains(name)
    });
    names
        .map(|name| {
            let histogram = ["_bucket", "_count", "_sum"];
            let bare = histogram.iter().find_map(|end| name.strip_suffix(*end));
            bare.unwrap_or(name).to_owned()
        })
        .filter(|name| name != "navi")
        .collect()
}

#[test]
fn every_metric_that_a_runbook_asks_for_is_emitted_or_recorded() {
    let declared = read("src/platform/metrics.rs");
    let mut recorded = String::new();
    for path in files("prometheus/alerts", ".yaml") {
        recorded.push_str(&read(&path));
    }
    let mut seen = 0;
    for path in all() {
        let spans = read(&path);
        let spans = code_spans(&spans).into_iter().map(str::to_owned);
        let asked = spans.filter(|span| span.starts_with("navi:") || span.contains("(navi_"));
        for expression in steps(&path, "promql").into_iter().chain(asked) {
            let names = measured(&expression);
            assert!(!names.is_empty(), "{path}: {expression}");
            for name in names {
                let there = declared.contains(&format!("{name}: "))
                    || recorded.contains(&format!("record: {name}\n"))
                    || OF_OTHERS.contains(&name.as_str());
                assert!(there, "{path}: {name}");
            }
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen} expressions");
}

#[tokio::test]
async fn prometheus_understands_every_expression_of_a_runbook() {
    let Some(programs) = std::env::var_os("NAVI_PROMETHEUS") else {
        eprintln!("SKIPPED: NAVI_PROMETHEUS is not set; expressions were not parsed");
        return;
    };
    let rules: Vec<Value> = all()
        .iter()
        .flat_map(|path| steps(path, "promql"))
        .enumerate()
        .map(|(n, expression)| json!({"record": format!("asked:{n}"), "expr": expression}))
        .collect();
    // JSON is YAML.
    let file = tempfile::NamedTempFile::new().unwrap();
    let groups = json!({"groups": [{"name": "asked", "rules": rules}]});
    std::fs::write(file.path(), groups.to_string()).unwrap();
    let output = Command::new(Path::new(&programs).join("promtool"))
        .args(["check", "rules"])
        .arg(file.path())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
}

#[test]
fn every_setting_and_code_in_capitals_is_known() {
    let settings = read(".env.example");
    let errors = read("docs/errors.md");
    // Not settings of the server but of what surrounds it.
    let around = ["DATABASE_URL", "PGOPTIONS", "TMPDIR"];
    for path in all() {
        for span in code_spans(&read(&path)) {
            let name = span.split('=').next().unwrap();
            let capitals = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            if !capitals || name.len() < 4 || !name.contains('_') || name.starts_with('_') {
                continue;
            }
            let known = settings.contains(&format!("{name}="))
                || errors.contains(&format!("`{name}`"))
                || around.contains(&name);
            assert!(known, "{path}: {name}");
        }
    }
}

/// A server at work on a run that takes long, so that there is something to look at and to end.
async fn world(address: &str) -> (Served, String) {
    let place = Place::new(&long_run(), Some(address));
    let served = place.serve(&["--audit-encryption-key", AUDIT_KEY]).await;
    let run = served.job(&served.workspace()).await;
    (served, run)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_commands_of_every_runbook_do_what_they_should(db: PgPool) {
    let address = address(&db.connect_options());
    let (served, run) = world(&address).await;
    let folder = tempfile::tempdir().unwrap();
    settings(folder.path(), &served, &address);
    // The names of the examples become those of a run that is there.
    let owner = format!("org={ORG} user={USER}");
    let operator = format!("--org {ORG} --user {USER}");
    let suspect = format!("--org {ORG} --actor {USER}");
    let workspace = served.workspace().display().to_string();
    let places = [
        ("/etc/navi", folder.path().to_str().unwrap()),
        ("http://127.0.0.1:8787", served.url.as_str()),
        ("/srv/navi/workspaces", workspace.as_str()),
        ("org=acme user=ada", owner.as_str()),
        ("--org oncall --user oncall", operator.as_str()),
        ("--org acme --actor ada", suspect.as_str()),
        ("01980d3a-0000-7000-8000-000000000001", run.as_str()),
    ];
    let failed = commands_fail(&all(), &places, folder.path()).await;
    assert!(failed.is_empty(), "{}\n{}", failed.join("\n"), served.log());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_shell_beside_a_service_of_systemd_reads_its_credential(db: PgPool) {
    let address = address(&db.connect_options());
    let served = Served::start(&Script::default(), Some(&address)).await;
    let folder = tempfile::tempdir().unwrap();
    settings(folder.path(), &served, &address);
    // As the unit has it: the address is in a file of its own alone.
    let secrets = folder.path().join("secrets.env");
    std::fs::write(&secrets, format!("JWT_SECRET={SECRET}\n")).unwrap();
    std::fs::write(folder.path().join("database-url"), format!("{address}\n")).unwrap();
    let blocks = steps(ONCALL, "bash");
    let block = blocks
        .iter()
        .find(|block| block.contains("systemd-run"))
        .unwrap();
    let (_, shell) = block.split_once("  bash -c ").unwrap();
    let prepared = steps(ONCALL, "sh").remove(0);
    let (_, common) = prepared.split_once("set +a\n").unwrap();
    let script = format!(
        "set -euo pipefail
         set -a; . /etc/navi/navi.env; . /etc/navi/secrets.env; set +a
         export CREDENTIALS_DIRECTORY=/etc/navi
         bash -c {shell} <<'SHELL'\nset -euo pipefail\n{common}
         psql \"$DATABASE_URL\" --no-psqlrc --command 'select now()'
         navi migrate --check\nSHELL\n"
    );
    let script = script
        .replace("/etc/navi", folder.path().to_str().unwrap())
        .replace("http://127.0.0.1:8787", &served.url);
    let outcome = carried_out(&script, folder.path()).await;
    assert_eq!(outcome, Ok(()), "{}", served.log());
}
