//! The moments of one action.

use std::time::Duration;

use tokio::time::Instant;

use crate::cli::load::measure::kind::Moment;

/// The times until the moments of an action that have come.
#[derive(Clone, Debug)]
pub struct Marks {
    due: Instant,
    taken: Vec<(Moment, Duration)>,
}

impl Marks {
    /// Marks of an action that is to begin at `due`, however late that is done.
    pub fn since(due: Instant) -> Self {
        Self {
            due,
            taken: Vec::new(),
        }
    }

    /// Notes that a moment has come, the first time that it does.
    pub fn reach(&mut self, moment: Moment) {
        if !self.taken.iter().any(|(taken, _)| *taken == moment) {
            self.taken.push((moment, self.due.elapsed()));
        }
    }

    /// Notes a time that counts from something else. It may come several times.
    pub fn took(&mut self, moment: Moment, took: Duration) {
        self.taken.push((moment, took));
    }

    /// The times so far.
    pub fn taken(&self) -> &[(Moment, Duration)] {
        &self.taken
    }
}
