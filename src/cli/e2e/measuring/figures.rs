//! Percentiles, of everything and with the failures.

use crate::cli::e2e::measuring::model::TaskData;

/// The percentiles that are reported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    /// The number of samples.
    pub count: usize,
    /// The median.
    pub p50: f64,
    /// The slowest twentieth begins here.
    pub p95: f64,
    /// The slowest hundredth begins here.
    pub p99: f64,
}

impl Percentiles {
    /// Of these samples by nearest rank; none of nothing.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |hundredths: usize| {
            let rank = (sorted.len() * hundredths).div_ceil(100).max(1);
            sorted.get(rank - 1).copied()
        };
        Some(Self {
            count: sorted.len(),
            p50: at(50)?,
            p95: at(95)?,
            p99: at(99)?,
        })
    }
}

/// Times from the request to the end, failures included.
pub fn totals(tasks: &[&TaskData]) -> Vec<f64> {
    tasks.iter().map(|task| task.total_ms).collect()
}

/// Times to the first piece of an answer. A task that never got one counts with all of its time.
pub fn first_tokens(tasks: &[&TaskData]) -> Vec<f64> {
    let waited = |task: &&TaskData| task.first_token_ms.unwrap_or(task.total_ms);
    tasks.iter().map(waited).collect()
}

/// Our own shares, where they were measured.
pub fn own_shares(tasks: &[&TaskData]) -> Vec<f64> {
    let own = |task: &&TaskData| task.shares.map(|shares| shares.own_ms);
    tasks.iter().filter_map(own).collect()
}

/// The searches of workspaces before the first turn.
pub fn searches(tasks: &[&TaskData]) -> Vec<f64> {
    let search = |task: &&TaskData| task.shares.map(|shares| shares.search_ms);
    tasks.iter().filter_map(search).collect()
}

/// Our own shares, divided by the calls to the model.
pub fn own_shares_of_a_call(tasks: &[&TaskData]) -> Vec<f64> {
    let own = |task: &&TaskData| {
        let calls = f64::from(task.calls.unwrap_or(0).max(1));
        task.shares.map(|shares| shares.own_ms / calls)
    };
    tasks.iter().filter_map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_by_nearest_rank() {
        let samples: Vec<f64> = (1..=200).map(f64::from).collect();
        let found = Percentiles::of(&samples).unwrap();
        assert_eq!((found.p50, found.p95, found.p99), (100.0, 190.0, 198.0));
        let one = Percentiles::of(&[7.0]).unwrap();
        assert_eq!((one.p50, one.p99), (7.0, 7.0));
        assert_eq!(Percentiles::of(&[]), None);
    }
}
