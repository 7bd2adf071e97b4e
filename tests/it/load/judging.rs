//! Budgets, exit codes, and where a load may go.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::DateTime;
use navi::cli::load::measure::acknowledged::KeptThing;
use navi::cli::load::measure::histogram::LatencyHistogram;
use navi::cli::load::measure::kind::{Moment, Scenario, UserAction};
use navi::cli::load::report::measured::{
    ActionReport, BuildKind, FORMAT, LoadReport, MachineUse, MeasuredServers, ParityLine,
    StageKind, StageReport,
};

use crate::load::program::{LoadDesk, LoadOutcome};

fn stage(users: u32, millis: u64, failed: u64) -> StageReport {
    let mut histogram = LatencyHistogram::default();
    for _ in 0..1_000 {
        histogram.record(Duration::from_millis(millis));
    }
    let failed_by = BTreeMap::from([("too late".to_owned(), failed)]);
    StageReport {
        kind: StageKind::Steady,
        users,
        rate: f64::from(users),
        seconds: 10.0,
        actions: vec![ActionReport {
            action: UserAction::Telemetry,
            offered: 1_000,
            good: 1_000 - failed,
            failed: failed_by
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .collect(),
            times: BTreeMap::from([(Moment::Answer, histogram.into())]),
        }],
        server: None,
        database: None,
        machine: MachineUse::default(),
    }
}

fn report(stages: Vec<StageReport>, lost: u64) -> LoadReport {
    LoadReport {
        format: FORMAT,
        made_at: DateTime::UNIX_EPOCH,
        version: "0.1.0".to_owned(),
        build: BuildKind::Release,
        machine: "two processors".to_owned(),
        load_before: 0.0,
        scenario: Scenario::Telemetry,
        pace: 1.0,
        models: Vec::new(),
        provider: "scripted".to_owned(),
        servers: MeasuredServers::default(),
        stages,
        parity: vec![ParityLine {
            thing: KeptThing::Events,
            acknowledged: 10_000,
            unknown: 0,
            stored: Some(10_000 - lost),
            lost,
            open: 0,
            counted: Some(10_000 - lost),
            alone: true,
        }],
        knee: None,
    }
}

/// Judges what was measured by these budgets, or the built-in ones.
async fn judged(report: &LoadReport, budgets: Option<&str>) -> LoadOutcome {
    let desk = LoadDesk::new();
    let (data, file) = (desk.path("data.json"), desk.path("budgets.toml"));
    std::fs::write(&data, serde_json::to_string(report).unwrap()).unwrap();
    let mut arguments = vec!["--from", data.to_str().unwrap()];
    if let Some(budgets) = budgets {
        std::fs::write(&file, budgets).unwrap();
        arguments.extend(["--budgets", file.to_str().unwrap()]);
    }
    desk.load(&arguments).await
}

const KNEE: &str = "[knee]\nfailed-at-most = 0.01\nslower-at-most = 10.0\nfloor-ms = 10.0\n";

#[tokio::test]
async fn a_load_within_its_budgets_ends_with_0() {
    let good = report(vec![stage(10, 5, 0), stage(50, 20, 0)], 0);
    let outcome = judged(&good, None).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.out.contains("no row is missing"), "{}", outcome.out);
}

#[tokio::test]
async fn a_broken_budget_ends_with_1_and_says_which() {
    let failing = report(vec![stage(10, 5, 0), stage(50, 5, 20)], 0);
    let slow = report(vec![stage(10, 5, 0), stage(50, 500, 0)], 0);
    for (bad, words) in [
        (
            failing,
            "BROKEN: steady with 50 users, telemetry, failed: 0.020",
        ),
        (
            slow,
            "BROKEN: steady with 50 users, telemetry, p99 to answer compared with",
        ),
    ] {
        let outcome = judged(&bad, None).await;
        assert_eq!(outcome.code, 1, "{outcome:?}");
        assert!(outcome.out.contains(words), "{}", outcome.out);
    }
}

#[tokio::test]
async fn a_budget_of_a_file_is_the_one_that_counts() {
    let good = report(vec![stage(10, 5, 0)], 0);
    let wanted = "[[budget]]\nratio = \"failed\"\nbound = { at-least = 0.5 }\n";
    let outcome = judged(&good, Some(&format!("{KNEE}{wanted}"))).await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
}

#[tokio::test]
async fn lost_rows_end_with_1_whatever_the_budgets_are() {
    let outcome = judged(&report(vec![stage(10, 5, 0)], 3), Some(KNEE)).await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(
        outcome.out.contains("BROKEN: events: 3 of 10000 are lost"),
        "{}",
        outcome.out
    );
}

#[tokio::test]
async fn what_is_asked_wrongly_ends_with_2() {
    let desk = LoadDesk::new();
    for (wrong, words) in [
        (vec!["--server", "http://10.0.0.5:8787"], "--allow-remote"),
        (
            vec!["--database-url", "postgres://navi@db.example/navi"],
            "--allow-remote",
        ),
        (
            vec!["--server", "http://127.0.0.1:1", "--profile", "kill"],
            "leave out --server",
        ),
        (vec!["--users", "0"], "--users"),
        (vec!["--pace", "0"], "--pace"),
        (vec!["--set", "nothing"], "NAME=VALUE"),
        (
            vec!["--set", "NAVI_WRITES_PER_MINUT=0"],
            "did you mean `NAVI_WRITES_PER_MINUTE`?",
        ),
        (
            vec!["--json", "/absent/data.json"],
            "`/absent` is not a folder",
        ),
    ] {
        let outcome = desk.load(&wrong).await;
        assert_eq!(outcome.code, 2, "{wrong:?}: {outcome:?}");
        assert!(outcome.err.contains(words), "{wrong:?}: {}", outcome.err);
    }
    let outcome = judged(&report(Vec::new(), 0), Some("budget = 7")).await;
    assert_eq!(outcome.code, 2, "{outcome:?}");
}
