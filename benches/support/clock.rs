//! Times of one process, comparable between its threads, and what is told about many of them.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since the first call in this process.
pub(crate) fn nanos() -> u64 {
    u64::try_from(EPOCH.elapsed().as_nanos()).unwrap()
}

/// Sorted measurements in nanoseconds.
pub(crate) struct Sample(Vec<u64>);

impl Sample {
    pub(crate) fn new(mut values: Vec<u64>) -> Self {
        assert!(!values.is_empty(), "nothing was measured");
        values.sort_unstable();
        Self(values)
    }

    /// The smallest value that so many of a thousand do not exceed.
    pub(crate) fn at(&self, permille: usize) -> Duration {
        let rank = (self.0.len() * permille).div_ceil(1_000).max(1);
        Duration::from_nanos(self.0[rank - 1])
    }

    pub(crate) fn row(&self, name: &str) {
        println!(
            "{name:<34} {:>9} {:>9} {:>9} {:>9} {:>8}",
            short(self.at(500)),
            short(self.at(950)),
            short(self.at(990)),
            short(self.at(1_000)),
            self.0.len()
        );
    }
}

/// The heading of rows.
pub(crate) fn heading(what: &str) {
    println!(
        "\n{what:<34} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "p50", "p95", "p99", "max", "count"
    );
}

/// Three digits and a unit.
pub(crate) fn short(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    if micros < 1_000.0 {
        format!("{micros:.1} µs")
    } else if micros < 1_000_000.0 {
        format!("{:.2} ms", micros / 1e3)
    } else {
        format!("{:.2} s", micros / 1e6)
    }
}
