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
    /// The part of the calls that came to their end whose tokens are known.
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
            "of the calls that ended have their tokens counted",
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
        let (calls, counted) = (task.whole_calls?, task.counted_calls?);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::e2e::measuring::model::{
        CountedTokens, ProviderKind, ServerKind, SessionFacts, TimeShares,
    };
    use crate::cli::e2e::tasks::model::TaskKind;

    fn task(passed: bool, own_ms: Option<f64>) -> TaskData {
        TaskData {
            id: "a".to_owned(),
            kind: TaskKind::Edit,
            language: "c".to_owned(),
            interactive: true,
            run_id: None,
            protocol: true,
            stopped: None,
            failures: Vec::from_iter((!passed).then(|| "wrong".to_owned())),
            first_token_ms: None,
            total_ms: 100.0,
            shares: own_ms.map(|own_ms| TimeShares {
                own_ms,
                ..TimeShares::default()
            }),
            calls: Some(2),
            whole_calls: Some(2),
            counted_calls: Some(2),
            tokens: CountedTokens::default(),
            ledger: Some(CountedTokens {
                input: 7,
                ..CountedTokens::default()
            }),
            provider: None,
            cost_usd: None,
        }
    }

    fn broken(tasks: Vec<TaskData>, whole: bool, budget: &str) -> Vec<String> {
        let session = SessionFacts {
            name: "a".to_owned(),
            provider: ProviderKind::Real,
            model: "m".to_owned(),
            budget: "a".to_owned(),
            whole,
            server: ServerKind::Own,
            began_at: String::new(),
            machine: String::new(),
            program: String::new(),
            warm_up: 0,
            left_out: Vec::new(),
        };
        let data = E2eData { session, tasks };
        let lines = demands(&data, &toml::from_str(budget).unwrap());
        let broken = lines.into_iter().filter(|line| !line.holds);
        broken.map(|line| line.what).collect()
    }

    #[test]
    fn a_session_of_some_tasks_is_not_held_against_the_number_of_all() {
        let two = || vec![task(true, None), task(true, None)];
        assert_eq!(
            broken(two(), false, "tasks_at_least = 3"),
            Vec::<String>::new()
        );
        assert_eq!(
            broken(two(), true, "tasks_at_least = 3"),
            ["at least 3 tasks run"]
        );
    }

    #[test]
    fn one_failure_in_two_is_half() {
        let two = || vec![task(true, None), task(false, None)];
        assert!(broken(two(), true, "success_at_least = 0.5").is_empty());
        assert_eq!(broken(two(), true, "success_at_least = 0.51").len(), 1);
    }

    #[test]
    fn what_was_not_measured_does_not_hold() {
        assert_eq!(
            broken(vec![task(true, None)], true, "own_p95_ms = 20"),
            ["p95 of NAVI's own share under 20 ms"]
        );
        assert!(broken(vec![task(true, Some(19.0))], true, "own_p95_ms = 20").is_empty());
        assert_eq!(
            broken(
                vec![task(true, None)],
                true,
                "counts_as_the_provider = true"
            )
            .len(),
            1
        );
    }

    #[test]
    fn one_token_more_or_less_than_the_provider_counted_is_one_too_many() {
        let counted = |input| {
            let mut one = task(true, None);
            one.provider = Some(CountedTokens {
                input,
                ..CountedTokens::default()
            });
            broken(vec![one], true, "counts_as_the_provider = true").len()
        };
        assert_eq!((counted(7), counted(8)), (0, 1));
    }

    #[test]
    fn a_call_that_broke_off_is_not_missed_and_its_task_is_compared_with_no_counter() {
        let with = |calls, whole, counted| {
            let mut one = task(true, None);
            one.provider = Some(CountedTokens::default());
            one.calls = Some(calls);
            one.whole_calls = Some(whole);
            one.counted_calls = Some(counted);
            one
        };
        let budget = "counted_at_least = 1.0";
        assert!(broken(vec![with(2, 1, 1)], true, budget).is_empty());
        assert_eq!(broken(vec![with(2, 2, 1)], true, budget).len(), 1);
        for (calls, whole) in [(2, 1), (0, 0)] {
            assert_eq!(with(calls, whole, whole).both_counts(), None);
        }
    }
}
