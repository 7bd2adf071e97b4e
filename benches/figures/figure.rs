//! A figure, the run of the program that it comes from, and what is asked of it.

use serde::{Deserialize, Serialize};

/// One measurement, beside a baseline of the same minute where there is one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// The name under which the budgets know it, such as `telemetry.one.tcp.10`.
    pub(crate) id: String,
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99_ms: Option<f64>,
    /// Requests without a good answer. They count as done in none of the other numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) baseline: Option<Baseline>,
}

/// The same work without the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Baseline {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: String,
}

impl Figure {
    /// The figure divided by its baseline, which has the same unit.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let baseline = self.baseline.as_ref()?;
        (baseline.value > 0.0).then(|| self.value / baseline.value)
    }
}

/// The state of one load after ten servers were killed under it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Kills {
    pub(crate) load: String,
    /// Servers that were killed.
    pub(crate) servers: usize,
    /// Requests that were answered as done, all kills together.
    pub(crate) acknowledged: usize,
    /// Those of them that the database does not hold afterwards.
    pub(crate) lost: usize,
    /// Those of them without an entry in the audit log, for what changes something.
    pub(crate) without_entry: usize,
}

/// A figure with more and more rows stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Growth {
    pub(crate) what: String,
    pub(crate) rows: u64,
    pub(crate) value: f64,
    pub(crate) unit: String,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// The printed table of another program of `benches/`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) run: Run,
    pub(crate) output: String,
}

/// The circumstances of a measurement.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) machine: String,
    /// The load average of the machine when it began.
    pub(crate) load_before: String,
    pub(crate) minutes: f64,
}

/// Everything that `docs/performance.json` holds. Each part keeps the circumstances of its own run,
/// because the parts are not measured together.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Report {
    pub(crate) run: Run,
    pub(crate) figures: Vec<Figure>,
    pub(crate) kills_run: Run,
    pub(crate) kills: Vec<Kills>,
    pub(crate) growth_run: Run,
    pub(crate) growth: Vec<Growth>,
    pub(crate) programs: Vec<Program>,
}
