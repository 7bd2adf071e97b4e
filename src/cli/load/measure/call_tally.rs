//! Calls of a model, as its provider counts them.

use std::sync::atomic::{AtomicU64, Ordering};

/// Calls that a provider was asked for.
#[derive(Debug, Default)]
pub struct CallTally {
    begun: AtomicU64,
    answered: AtomicU64,
    tokens: AtomicU64,
}

impl CallTally {
    /// Notes that a call is asked for.
    pub fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that its answer is sent to the end, with the tokens that it reports.
    pub fn answer(&self, tokens: u64) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.tokens.fetch_add(tokens, Ordering::Relaxed);
    }

    /// Calls whose answer was sent to its end.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Calls whose answer was not, so that their caller may know of them or not.
    pub fn cut_off(&self) -> u64 {
        let begun = self.begun.load(Ordering::Relaxed);
        begun.saturating_sub(self.answered())
    }

    /// Tokens that the answers reported.
    pub fn tokens(&self) -> u64 {
        self.tokens.load(Ordering::Relaxed)
    }
}
