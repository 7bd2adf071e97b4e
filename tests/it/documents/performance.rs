//! `docs/performance.md` is what was measured, and nothing else.

use super::read;

#[path = "../../../benches/figures/budget.rs"]
mod budget;
#[path = "../../../benches/figures/figure.rs"]
mod figure;
#[path = "../../../benches/figures/page.rs"]
mod page;

use figure::{Baseline, Figure, Report};

fn report() -> Report {
    serde_json::from_str(&read("docs/performance.json")).unwrap()
}

fn budgets() -> Vec<budget::Budget> {
    budget::read(&read("benches/figures/budget.toml")).unwrap()
}

#[test]
fn the_page_of_figures_is_made_from_what_was_measured() {
    assert_eq!(
        page::render(&report(), &budgets()),
        read("docs/performance.md"),
        "write it with scripts/bench.sh --page"
    );
}

#[test]
fn every_figure_has_a_budget_and_every_budget_a_figure() {
    let measured: Vec<_> = report()
        .figures
        .into_iter()
        .map(|figure| figure.id)
        .collect();
    let named: Vec<_> = budgets().into_iter().map(|budget| budget.id).collect();
    let unmeasured: Vec<_> = named.iter().filter(|id| !measured.contains(id)).collect();
    let unnamed: Vec<_> = measured.iter().filter(|id| !named.contains(id)).collect();
    assert!(unmeasured.is_empty(), "never measured: {unmeasured:?}");
    assert!(unnamed.is_empty(), "without a budget: {unnamed:?}");
}

#[test]
fn what_was_measured_keeps_its_budgets_and_what_is_missed_says_why() {
    let (report, budgets) = (report(), budgets());
    let broken = budget::broken(&report.figures, &budgets);
    assert!(broken.is_empty(), "{broken:#?}");
    let silent: Vec<_> = budgets
        .iter()
        .filter(|budget| budget.why.is_empty())
        .filter(|budget| {
            let mut figures = report.figures.iter();
            figures.any(|figure| figure.id == budget.id && !budget.wanted.holds(figure))
        })
        .map(|budget| &budget.id)
        .collect();
    assert!(silent.is_empty(), "missed without a reason: {silent:?}");
}

#[test]
fn no_kill_lost_what_was_acknowledged() {
    let kills = report().kills;
    assert!(
        kills
            .iter()
            .all(|one| one.servers >= 10 && one.acknowledged > 0)
    );
    let lost: usize = kills.iter().map(|one| one.lost + one.without_entry).sum();
    assert_eq!((kills.is_empty(), lost), (false, 0));
}

#[test]
fn a_figure_beyond_its_budget_is_named() {
    let budgets = budget::read(
        r#"
        [[figure]]
        id = "telemetry.one.tcp.1"
        wanted = { ratio-at-least = 0.5 }
        guard = { ratio-at-least = 0.3 }
        "#,
    )
    .unwrap();
    let measured = |id: &str, value: f64| Figure {
        id: id.to_owned(),
        what: "events".to_owned(),
        value,
        unit: "/s".to_owned(),
        p50_ms: None,
        p99_ms: None,
        failed: None,
        baseline: Some(Baseline {
            what: "plain inserts".to_owned(),
            value: 1_000.0,
            unit: "/s".to_owned(),
        }),
    };
    let figures = [
        measured("telemetry.one.tcp.1", 290.0),
        measured("telemetry.one.tcp.1", 310.0),
        measured("unknown", 1.0),
    ];
    insta::assert_snapshot!(budget::broken(&figures, &budgets).join("\n"), @r"
    telemetry.one.tcp.1: 290.0 /s, 0.29× of its baseline; the budget is ≥ 0.3×
    unknown: budget.toml does not name it
    ");
}
