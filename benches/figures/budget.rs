//! The objective of each figure, and the bound at which the program fails.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::figure::Figure;

/// A bound of a figure, or of its ratio to the baseline.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bound {
    RatioAtLeast(f64),
    RatioAtMost(f64),
    AtLeast(f64),
    AtMost(f64),
    /// Of the slowest hundredth, in milliseconds.
    P99AtMost(f64),
}

impl Bound {
    /// True if a figure keeps it. One that lacks the judged number does not.
    pub(crate) fn holds(self, figure: &Figure) -> bool {
        match self {
            Self::RatioAtLeast(least) => figure.ratio().is_some_and(|ratio| ratio >= least),
            Self::RatioAtMost(most) => figure.ratio().is_some_and(|ratio| ratio <= most),
            Self::AtLeast(least) => figure.value >= least,
            Self::AtMost(most) => figure.value <= most,
            Self::P99AtMost(most) => figure.p99_ms.is_some_and(|p99| p99 <= most),
        }
    }

    /// As the page writes it.
    pub(crate) fn words(self) -> String {
        match self {
            Self::RatioAtLeast(least) => format!("≥ {least}×"),
            Self::RatioAtMost(most) => format!("≤ {most}×"),
            Self::AtLeast(least) => format!("≥ {least}"),
            Self::AtMost(most) => format!("≤ {most}"),
            Self::P99AtMost(most) => format!("p99 ≤ {most} ms"),
        }
    }
}

/// One line of `budget.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Budget {
    pub(crate) id: String,
    /// The objective.
    pub(crate) wanted: Bound,
    /// The guard. It is no time, because the machines differ, and further away than two runs of
    /// one build are from each other.
    pub(crate) guard: Bound,
    /// The reason why the objective is not met, as a profile showed it. The file names it, and this is its
    /// text.
    #[serde(default)]
    pub(crate) why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    figure: Vec<Budget>,
    #[serde(default)]
    reason: BTreeMap<String, String>,
}

/// The budgets of a file's text, in its order.
pub(crate) fn read(text: &str) -> Result<Vec<Budget>, toml::de::Error> {
    let File { mut figure, reason } = toml::from_str(text)?;
    for budget in figure.iter_mut().filter(|budget| !budget.why.is_empty()) {
        let why = reason.get(&budget.why).ok_or_else(|| {
            let unknown = format!("{}: no reason is called {}", budget.id, budget.why);
            serde::de::Error::custom(unknown)
        })?;
        budget.why.clone_from(why);
    }
    Ok(figure)
}

/// A sentence for every figure that is beyond its budget or has none.
pub(crate) fn broken(figures: &[Figure], budgets: &[Budget]) -> Vec<String> {
    let one = |figure: &Figure| {
        let Some(budget) = budgets.iter().find(|budget| budget.id == figure.id) else {
            return Some(format!("{}: budget.toml does not name it", figure.id));
        };
        if budget.guard.holds(figure) {
            return None;
        }
        let ratio = figure.ratio().map_or(String::new(), |ratio| {
            format!(", {ratio:.2}× of its baseline")
        });
        Some(format!(
            "{}: {:.1} {}{ratio}; the budget is {}",
            figure.id,
            figure.value,
            figure.unit,
            budget.guard.words()
        ))
    };
    figures.iter().filter_map(one).collect()
}
