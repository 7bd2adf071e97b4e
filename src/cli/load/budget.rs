//! Budgets: what a load must hold.

use std::path::Path;

use serde::Deserialize;

use crate::cli::failure::Failure;
use crate::cli::load::drive::knee::KneeRule;
use crate::cli::load::measure::kind::{Moment, Scenario, UserAction};
use crate::cli::load::report::measured::{ActionReport, LoadReport, StageKind, StageReport};

/// The budgets that hold when no file is named.
const BUILT_IN: &str = include_str!("budgets.toml");

/// All budgets of a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadBudgets {
    /// When users are served well no longer.
    pub knee: KneeRule,
    #[serde(default)]
    budget: Vec<LoadBudget>,
}

/// One budget. What it does not name may be anything; warm-ups and the way to the knee are judged only
/// where they are named.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LoadBudget {
    ratio: JudgedRatio,
    scenario: Option<Scenario>,
    stage: Option<StageKind>,
    action: Option<UserAction>,
    moment: Option<Moment>,
    bound: RatioBound,
}

/// The ratio that is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum JudgedRatio {
    /// Failed actions, of those that were to begin.
    Failed,
    /// The slowest hundredth, compared with the middle.
    Tail,
    /// The slowest hundredth, compared with that of the first stage of the same kind.
    SlowerThanFirst,
    /// The slowest hundredth after a spike, compared with the one before.
    Recovered,
    /// The memory of the servers in the last part of a soak, compared with the first.
    MemoryGrowth,
    /// The users at the knee, compared with the most of the steps.
    Knee,
}

/// The bound that it must keep.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RatioBound {
    AtMost(f64),
    AtLeast(f64),
}

/// The outcome of all budgets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BudgetVerdict {
    /// The number of ratios that were judged.
    pub judged: usize,
    /// A sentence for each that is beyond its budget, and for rows that are not as they should be.
    pub broken: Vec<String>,
}

impl LoadBudgets {
    /// Those of a file, or the built-in ones.
    pub fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Self::parse(BUILT_IN);
        };
        let text = std::fs::read_to_string(path).map_err(|source| Failure::File {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        toml::from_str(text)
            .map_err(|error| Failure::Usage(format!("the budgets cannot be read: {error}")))
    }

    /// Judges loads.
    pub fn judge(&self, reports: &[LoadReport]) -> BudgetVerdict {
        let mut judgement = BudgetVerdict::default();
        for report in reports {
            for line in &report.parity {
                if let Some(fault) = line.fault() {
                    let what = line.thing.name();
                    judgement.broken.push(format!("{what}: {fault}"));
                }
            }
            for budget in &self.budget {
                for (what, value) in budget.values(report, self.knee.floor_ms) {
                    judgement.judged += 1;
                    if !budget.bound.holds(value) {
                        let words = budget.bound.words();
                        let sentence = format!("{what}: {value:.3}; the budget is {words}");
                        judgement.broken.push(sentence);
                    }
                }
            }
        }
        judgement
    }
}

impl RatioBound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }

    fn words(self) -> String {
        match self {
            Self::AtMost(most) => format!("at most {most}"),
            Self::AtLeast(least) => format!("at least {least}"),
        }
    }
}

impl LoadBudget {
    /// The places that it judges in a load, and the ratios there.
    fn values(&self, report: &LoadReport, floor_ms: f64) -> Vec<(String, f64)> {
        if self.scenario.is_some_and(|named| named != report.scenario) {
            return Vec::new();
        }
        match self.ratio {
            JudgedRatio::Failed => self.of_actions(report, |action| {
                vec![("failed".to_owned(), action.failed_part())]
            }),
            JudgedRatio::Tail => self.of_actions(report, |action| {
                self.moments(action, |moment| {
                    let middle = action.millis_to(moment, 500)?;
                    Some(action.millis_to(moment, 990)? / middle.max(0.001))
                })
            }),
            JudgedRatio::SlowerThanFirst => self.slower(report, floor_ms),
            JudgedRatio::Recovered => self.recovered(report, floor_ms),
            JudgedRatio::MemoryGrowth => memory_growth(report).into_iter().collect(),
            JudgedRatio::Knee => knee(report).into_iter().collect(),
        }
    }

    fn names(&self, stage: StageKind) -> bool {
        match self.stage {
            Some(named) => named == stage,
            None => !matches!(stage, StageKind::WarmUp | StageKind::Beyond),
        }
    }

    fn stages<'a>(&self, report: &'a LoadReport) -> impl Iterator<Item = &'a StageReport> {
        report.stages.iter().filter(|stage| self.names(stage.kind))
    }

    fn actions<'a>(&self, stage: &'a StageReport) -> impl Iterator<Item = &'a ActionReport> {
        let named = self.action;
        let all = stage.actions.iter();
        all.filter(move |one| named.is_none_or(|named| named == one.action))
    }

    fn of_actions(
        &self,
        report: &LoadReport,
        values: impl Fn(&ActionReport) -> Vec<(String, f64)>,
    ) -> Vec<(String, f64)> {
        let mut all = Vec::new();
        for stage in self.stages(report) {
            for action in self.actions(stage) {
                let place = place(stage, action);
                let values = values(action).into_iter();
                all.extend(values.map(|(what, value)| (format!("{place}, {what}"), value)));
            }
        }
        all
    }

    fn moments(
        &self,
        action: &ActionReport,
        value: impl Fn(Moment) -> Option<f64>,
    ) -> Vec<(String, f64)> {
        let moments = action.times.keys().copied();
        moments
            .filter(|moment| self.moment.is_none_or(|named| named == *moment))
            .filter_map(|moment| Some((format!("p99 to {}", moment.name()), value(moment)?)))
            .collect()
    }

    /// The slowest hundredth of an action, compared with the same of another stage.
    fn compared(
        &self,
        stage: &StageReport,
        with: &StageReport,
        floor_ms: f64,
    ) -> Vec<(String, f64)> {
        let mut all = Vec::new();
        for action in self.actions(stage) {
            let same = with.actions.iter().find(|one| one.action == action.action);
            let values = self.moments(action, |moment| {
                let then = same?.millis_to(moment, 990)?;
                Some(action.millis_to(moment, 990)? / then.max(floor_ms))
            });
            let place = place(stage, action);
            let named = values.into_iter();
            all.extend(named.map(|(what, value)| {
                let with = format!("{} with {} users", with.kind.name(), with.users);
                (format!("{place}, {what} compared with {with}"), value)
            }));
        }
        all
    }

    fn slower(&self, report: &LoadReport, floor_ms: f64) -> Vec<(String, f64)> {
        let mut stages = self.stages(report);
        let Some(first) = stages.next() else {
            return Vec::new();
        };
        stages
            .filter(|stage| stage.kind == first.kind)
            .flat_map(|stage| self.compared(stage, first, floor_ms))
            .collect()
    }

    fn recovered(&self, report: &LoadReport, floor_ms: f64) -> Vec<(String, f64)> {
        let find = |kind| report.stages.iter().find(|stage| stage.kind == kind);
        match (find(StageKind::Before), find(StageKind::After)) {
            (Some(before), Some(after)) => self.compared(after, before, floor_ms),
            _ => Vec::new(),
        }
    }
}

fn place(stage: &StageReport, action: &ActionReport) -> String {
    let (kind, users) = (stage.kind.name(), stage.users);
    format!("{kind} with {users} users, {}", action.action.name())
}

fn memory_growth(report: &LoadReport) -> Option<(String, f64)> {
    let mut parts = report
        .stages
        .iter()
        .filter(|stage| stage.kind == StageKind::Soak);
    let first = parts.next()?.server.as_ref()?.memory_mib;
    let last = parts.next_back()?.server.as_ref()?.memory_mib;
    (first > 0.0).then(|| ("memory of the servers in a soak".to_owned(), last / first))
}

fn knee(report: &LoadReport) -> Option<(String, f64)> {
    let knee = report.knee.as_ref()?;
    let steps = report
        .stages
        .iter()
        .filter(|stage| stage.kind == StageKind::Steady);
    let most = steps.map(|stage| stage.users).max()?;
    let ratio = f64::from(knee.users) / f64::from(most);
    Some((format!("users at the knee, of {most}"), ratio))
}
