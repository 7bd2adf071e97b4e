//! Files that follow from the objectives are those of the repository.

use std::fmt::Write;
use std::path::Path;

use crate::documents::read;
use crate::operations::slos::{Slos, number, percent, rules};
use crate::operations::trials::{few_events, trials};

fn slos() -> Slos {
    toml::from_str(&read("prometheus/slos.toml")).unwrap()
}

#[test]
fn rules_their_tests_and_the_page_follow_from_the_objectives() {
    let slos = slos();
    let page = read("docs/SLO_DEFINITIONS.md");
    let generated = [
        ("prometheus/alerts/navi-slos.yaml", rules(&slos)),
        (
            "prometheus/tests/navi-slos-pages.yaml",
            trials(&slos, "critical"),
        ),
        (
            "prometheus/tests/navi-slos-tickets.yaml",
            trials(&slos, "warning"),
        ),
        ("prometheus/tests/navi-slos-few.yaml", few_events(&slos)),
        ("docs/SLO_DEFINITIONS.md", with_tables(&page, &slos)),
    ];
    let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join("objectives");
    let mut stale = Vec::new();
    for (path, text) in generated {
        let to = written.join(path);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(&to, &text).unwrap();
        if !Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists() || read(path) != text {
            stale.push(path);
        }
    }
    assert!(
        stale.is_empty(),
        "prometheus/slos.toml has changed, and {stale:?} have not: cp -r {}/* .",
        written.display()
    );
}

#[test]
fn the_objectives_are_those_that_were_promised() {
    let slos = slos();
    let objective = |name: &str| {
        let mut ratios = slos.ratios.iter();
        let ratio = ratios.find(|ratio| ratio.slo == name).unwrap();
        number(ratio.objective)
    };
    assert_eq!(objective("availability"), "0.995");
    assert_eq!(objective("first_token"), "0.95");
    assert_eq!(objective("model_time"), "0.95");
    assert_eq!(objective("model_errors"), "0.99");
    assert_eq!(objective("task_success"), "0.95");
    assert_eq!(slos.audit.lost, 0);
    let windows: Vec<_> = slos
        .windows
        .iter()
        .map(|window| number(window.factor))
        .collect();
    assert_eq!(windows, ["14.4", "6", "3", "1"]);
}

/// The page with the tables between its marks made from the objectives.
fn with_tables(page: &str, slos: &Slos) -> String {
    let tables = [
        ("objectives", objectives_table(slos)),
        ("windows", windows_table(slos)),
        ("limits", limits_table(slos)),
        ("others", others_table(slos)),
    ];
    let mut page = page.to_owned();
    for (name, table) in tables {
        let mark = format!("<!-- from prometheus/slos.toml: {name} -->\n");
        let (before, rest) = page.split_once(&mark).unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        page = format!("{before}{mark}\n{table}\n<!-- end -->{after}");
    }
    page
}

fn objectives_table(slos: &Slos) -> String {
    let mut table = String::from(
        "| `slo` | promise | objective | budget of 30 days | runbook |\n|---|---|---|---|---|\n",
    );
    for ratio in &slos.ratios {
        let budget = ratio.budget();
        writeln!(
            table,
            "| `{}` | {} | {} | {} of them, or {} hours of nothing but faults | [{}](runbooks/{}) |",
            ratio.slo,
            ratio.promise,
            percent(ratio.objective),
            percent(budget),
            number((budget * 720.0 * 10.0).round() / 10.0),
            ratio.runbook.trim_end_matches(".md"),
            ratio.runbook,
        )
        .unwrap();
    }
    table
}

fn windows_table(slos: &Slos) -> String {
    let mut table = String::from(
        "| budget burns | over | and over | then, for | severity | budget gone by then | whole budget gone in |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for window in &slos.windows {
        let hours = hours(&window.long);
        writeln!(
            table,
            "| {} times too fast | {} | {} | {} | {} | {} | {} days |",
            number(window.factor),
            window.long,
            window.short,
            window.r#for,
            window.severity,
            percent((window.factor * hours / 720.0 * 1000.0).round() / 1000.0),
            number((30.0 / window.factor * 10.0).round() / 10.0),
        )
        .unwrap();
    }
    table
}

fn limits_table(slos: &Slos) -> String {
    let mut table = String::from("| `slo` |");
    for window in &slos.windows {
        write!(table, " {} |", window.long).unwrap();
    }
    table.push_str(" and at least | all fail: told after |\n|---|");
    table.push_str(&"---|".repeat(slos.windows.len() + 2));
    table.push('\n');
    for ratio in &slos.ratios {
        write!(table, "| `{}` |", ratio.slo).unwrap();
        for window in &slos.windows {
            write!(table, " {} |", percent(ratio.limit(window))).unwrap();
        }
        let told = ratio.limit(&slos.windows[0]) * 60.0 + 1.0;
        writeln!(
            table,
            " {} bad events | {} minutes |",
            ratio.least_bad,
            number(told.ceil())
        )
        .unwrap();
    }
    table
}

fn others_table(slos: &Slos) -> String {
    let cost = &slos.cost;
    let mut table = String::from("| what | objective | alert |\n|---|---|---|\n");
    for (span, most, alert) in [
        ("in an hour", cost.hour_usd, "CostHourHigh"),
        ("in an hour", cost.hour_page_usd, "CostHourVeryHigh"),
        ("in a day", cost.day_usd, "CostDayHigh"),
        (
            "in 30 days, at the pace of the last three",
            cost.month_usd,
            "CostMonthForecastHigh",
        ),
    ] {
        writeln!(
            table,
            "| calls to models {span} | at most {most} US dollars | `{alert}` |"
        )
        .unwrap();
    }
    writeln!(
        table,
        "| age of the analyzer's newest complete pass | at most {} minutes | `AnalyzerStale` |\n\
         | records that the audit log lost | {} | `AuditRecordsLost` |",
        slos.analyzer.oldest_seconds / 60,
        slos.audit.lost
    )
    .unwrap();
    table
}

/// Hours of a window of hours or days.
fn hours(window: &str) -> f64 {
    let (count, unit) = window.split_at(window.len() - 1);
    let count: f64 = count.parse().unwrap();
    if unit == "d" { count * 24.0 } else { count }
}
