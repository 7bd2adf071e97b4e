//! The demands on a session, by the kind of its provider.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::cli::e2e::measuring::figures::{Percentiles, own_shares, totals};
use crate::cli::e2e::measuring::model::{CountedTokens, E2eData, TaskData};
use crate::cli::failure::Failure;

/// All budgets, by name.
pub type Budgets = BTreeMap<String, SessionBudget>;

/// The demands on one kind of provider. What is not named is not demanded.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionBudget {
    /// The number of tasks that are run, of a session that runs them all.
    pub tasks_at_least: Option<usize>,
    /// The part of the tasks whose checks all hold.
    pub success_at_least: Option<f64>,
    /// The part of the tasks whose stream kept the protocol to its end.
    pub protocol_at_least: Option<f64>,
    /// The part of the calls whose tokens are known.
    pub counted_at_least: Option<f64>,
    /// True if the ledger must have the tokens that the provider counted itself.
    #[serde(default)]
    pub counts_as_the_provider: bool,
    /// The slowest twentieth of the interactive tasks, in milliseconds.
    pub interactive_p95_ms: Option<f64>,
    /// The slowest twentieth of our own shares, in milliseconds.
    pub own_p95_ms: Option<f64>,
}

/// One demand, and what was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetLine {
    /// The demand.
    pub what: String,
    /// The figure that was seen.
    pub seen: String,
    /// True if it holds; it does not when nothing was measured.
    pub holds: bool,
}

/// The budgets of a file.
pub fn read(path: &Path) -> Result<Budgets, Failure> {
    let text = std::fs::read_to_string(path).map_err(|source| Failure::File {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|error| Failure::Usage(format!("`{}`: {error}", path.display())))
}

/// Every demand of a budget, held against a session.
pub fn demands(data: &E2eData, budget: &SessionBudget) -> Vec<BudgetLine> {
    let tasks: Vec<&TaskData> = data.tasks.iter().collect();
    let mut found = Vec::new();
    if let Some(least) = budget.tasks_at_least.filter(|_| data.session.whole) {
        found.push(BudgetLine {
            what: format!("at least {least} tasks run"),
            seen: tasks.len().to_string(),
            holds: tasks.len() >= least,
        });
    }
    let part_of = |count: fn(&TaskData) -> bool| {
        part(tasks.iter().filter(|task| count(task)).count(), tasks.len())
    };
    let parts = [
        (
            budget.success_at_least,
            "of the tasks succeed",
            part_of(TaskData::passed),
        ),
        (
            budget.protocol_at_least,
            "of the streams keep the protocol",
            part_of(|task| task.protocol),
        ),
        (
            budget.counted_at_least,
            "of the calls have their tokens counted",
            counted(&tasks),
        ),
    ];
    for (least, what, seen) in parts {
        found.extend(least.map(|least| at_least(least, what, seen)));
    }
    if budget.counts_as_the_provider {
        found.push(as_the_provider(data));
    }
    let interactive: Vec<&TaskData> = tasks.iter().copied().filter(|it| it.interactive).collect();
    let times = [
        (
            budget.interactive_p95_ms,
            "p95 of interactive tasks",
            totals(&interactive),
        ),
        (
            budget.own_p95_ms,
            "p95 of NAVI's own share",
            own_shares(&tasks),
        ),
    ];
    for (most, what, samples) in times {
        let seen = Percentiles::of(&samples).map(|found| found.p95);
        found.extend(most.map(|most| below(most, what, seen)));
    }
    found
}

fn counted(tasks: &[&TaskData]) -> Option<f64> {
    let mut sums = (0, 0);
    for task in tasks {
        let (calls, counted) = (task.calls?, task.counted_calls?);
        sums = (sums.0 + calls as usize, sums.1 + counted as usize);
    }
    part(sums.1, sums.0)
}

fn part(count: usize, all: usize) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts of a session are small")]
    let part = count as f64 / all as f64;
    (all > 0).then_some(part)
}

fn at_least(least: f64, what: &str, seen: Option<f64>) -> BudgetLine {
    BudgetLine {
        what: format!("at least {} {what}", percent(least)),
        seen: seen.map_or_else(not_measured, percent),
        holds: seen.is_some_and(|seen| seen >= least),
    }
}

fn below(most: f64, what: &str, seen: Option<f64>) -> BudgetLine {
    BudgetLine {
        what: format!("{what} under {most} ms"),
        seen: seen.map_or_else(not_measured, |seen| format!("{seen:.1} ms")),
        holds: seen.is_some_and(|seen| seen < most),
    }
}

fn as_the_provider(data: &E2eData) -> BudgetLine {
    let what = "the ledger has the tokens that the provider counted".to_owned();
    let (provider, ledger, count) = both_counts(data);
    BudgetLine {
        what,
        seen: match count {
            0 => not_measured(),
            _ => format!(
                "{} + {} by the provider, {} + {} by the ledger, of {count} tasks",
                provider.input, provider.output, ledger.input, ledger.output
            ),
        },
        holds: count > 0 && provider == ledger,
    }
}

/// The sums of the tokens by the provider's own counters and by the ledger, of how many tasks.
pub fn both_counts(data: &E2eData) -> (CountedTokens, CountedTokens, usize) {
    let counts: Vec<_> = data
        .tasks
        .iter()
        .filter_map(TaskData::both_counts)
        .collect();
    let sums = (CountedTokens::default(), CountedTokens::default());
    let (provider, ledger) = counts.iter().fold(sums, |sums, counts| {
        (sums.0.plus(counts.0), sums.1.plus(counts.1))
    });
    (provider, ledger, counts.len())
}

/// A part as people write it.
pub fn percent(part: f64) -> String {
    let text = format!("{:.1}", part * 100.0);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

fn not_measured() -> String {
    "not measured".to_owned()
}
