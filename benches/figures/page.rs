//! `docs/performance.md`, made from what was measured. A test holds the page against this.

use std::fmt::Write;

use navi::cli::pages::markdown::within_columns;

use super::budget::Budget;
use super::figure::{Figure, Growth, Report, Run};

const FRAME: &str = include_str!("page.md");

/// The whole page.
pub(crate) fn render(report: &Report, budgets: &[Budget]) -> String {
    let page = FRAME
        .replace("{run}", &circumstances(&report.run))
        .replace("{figures}", &figures(&report.figures, budgets))
        .replace("{reasons}", &reasons(&report.figures, budgets))
        .replace("{kills_run}", &circumstances(&report.kills_run))
        .replace("{kills}", &kills(report))
        .replace("{growth_run}", &circumstances(&report.growth_run))
        .replace("{growth}", &growth(&report.growth))
        .replace("{programs}", &programs(report));
    within_columns(&page)
}

fn circumstances(run: &Run) -> String {
    if run.date.is_empty() {
        return "Not measured yet.".to_owned();
    }
    format!(
        "Measured on {} with the build of `{}`: {}; load {} when it began, {} minutes.",
        run.date, run.commit, run.machine, run.load_before, run.minutes
    )
}

fn figures(figures: &[Figure], budgets: &[Budget]) -> String {
    let mut text = "| figure | measured | p50, p99 | failed | baseline of the same minute | ratio | wanted | met |\n\
                    |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for figure in figures {
        let budget = budgets.iter().find(|budget| budget.id == figure.id);
        let percentiles = match (figure.p50_ms, figure.p99_ms) {
            (Some(p50), Some(p99)) => format!("{p50}, {p99} ms"),
            _ => String::new(),
        };
        let baseline = figure.baseline.as_ref().map_or(String::new(), |baseline| {
            format!(
                "{}: {}",
                baseline.what,
                amount(baseline.value, &baseline.unit)
            )
        });
        let _written = writeln!(
            text,
            "| {} | {} | {percentiles} | {} | {baseline} | {} | {} | {} |",
            figure.what,
            amount(figure.value, &figure.unit),
            figure
                .failed
                .map_or(String::new(), |failed| failed.to_string()),
            figure
                .ratio()
                .map_or(String::new(), |ratio| format!("{ratio:.2}×")),
            budget.map_or(String::new(), |budget| budget.wanted.words()),
            budget.map_or("", |budget| if budget.wanted.holds(figure) {
                "yes"
            } else {
                "**no**"
            }),
        );
    }
    text
}

fn amount(value: f64, unit: &str) -> String {
    let text = if value.abs() >= 10_000.0 {
        let whole = format!("{value:.0}");
        format!(
            "{},{}",
            &whole[..whole.len() - 3],
            &whole[whole.len() - 3..]
        )
    } else {
        value.to_string()
    };
    match unit {
        "" | "/s" => format!("{text}{unit}"),
        _ => format!("{text} {unit}"),
    }
}

/// A line for each reason, with the figures that share it.
fn reasons(figures: &[Figure], budgets: &[Budget]) -> String {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for budget in budgets {
        let missed = figures
            .iter()
            .find(|figure| figure.id == budget.id && !budget.wanted.holds(figure));
        let Some(figure) = missed.filter(|_| !budget.why.is_empty()) else {
            continue;
        };
        let why = budget.why.trim().replace('\n', " ");
        match lines.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, named)) => named.push(&figure.what),
            None => lines.push((why, vec![&figure.what])),
        }
    }
    let line = |(why, named): &(String, Vec<&str>)| format!("- **{}**: {why}", named.join("; "));
    let lines: Vec<_> = lines.iter().map(line).collect();
    lines.join("\n")
}

fn kills(report: &Report) -> String {
    let mut text = "| load | servers killed | acknowledged | lost | without an audit entry |\n\
                    |---|---|---|---|---|\n"
        .to_owned();
    for one in &report.kills {
        let _written = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            one.load, one.servers, one.acknowledged, one.lost, one.without_entry
        );
    }
    text
}

fn growth(all: &[Growth]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut sizes: Vec<u64> = all.iter().map(|one| one.rows).collect();
    sizes.dedup();
    sizes.sort_unstable();
    sizes.dedup();
    let heads: Vec<_> = sizes.iter().map(|rows| format!("{rows} rows")).collect();
    let mut text = format!(
        "| load | {} |\n|---|{}\n",
        heads.join(" | "),
        "---|".repeat(sizes.len())
    );
    let mut seen: Vec<&str> = Vec::new();
    for one in all {
        if seen.contains(&one.what.as_str()) {
            continue;
        }
        seen.push(&one.what);
        let cell = |rows: &u64| {
            let found = all
                .iter()
                .find(|other| other.what == one.what && other.rows == *rows);
            found.map_or(String::new(), |found| {
                format!(
                    "{}, p50 {} ms, p99 {} ms",
                    amount(found.value, &found.unit),
                    found.p50_ms,
                    found.p99_ms
                )
            })
        };
        let cells: Vec<_> = sizes.iter().map(cell).collect();
        let _written = writeln!(text, "| {} | {} |", one.what, cells.join(" | "));
    }
    text.push_str("\n![requests a second as rows are added](performance-growth.svg)\n");
    text
}

fn programs(report: &Report) -> String {
    let mut text = String::new();
    for program in &report.programs {
        let _written = write!(
            text,
            "### `cargo bench --bench {}`\n\n{}\n\n```text\n{}\n```\n\n",
            program.name,
            circumstances(&program.run),
            program.output.trim()
        );
    }
    text.trim_end().to_owned()
}
