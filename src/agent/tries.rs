//! The tries of a question that is asked outside of runs, where nothing waits but its client.

use std::time::{Duration, Instant};

use crate::llm::error::{LlmError, Remedy};
use crate::llm::failure::retry::{MAX_BROKEN, RetryPolicy};

/// The most times that an answer that could not be read, or that was empty, is asked for again at once.
const MAX_AGAIN: u32 = 2;

/// The tries of one question outside of runs.
#[derive(Debug)]
pub(crate) struct Tries {
    patience: Duration,
    began: Instant,
    failed: u32,
    broken: u32,
    again: u32,
}

impl Tries {
    /// No try yet.
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            patience,
            began: Instant::now(),
            failed: 0,
            broken: 0,
            again: 0,
        }
    }

    /// True if an answer that is no use may be asked for once more; not without end.
    pub(crate) fn may_ask_again(&mut self) -> bool {
        self.again += 1;
        self.again <= MAX_AGAIN && !self.patience.is_zero()
    }

    /// Waits until the question may be asked again; answers with the error when it may not.
    pub(crate) async fn after(&mut self, error: LlmError) -> Result<(), LlmError> {
        let Some(pause) = self.pause(&error) else {
            return Err(error);
        };
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// The pause before an answer that broke off after some of it was shown is asked for again; none when
    /// it may not be.
    pub(crate) fn pause_after_beginning(&mut self, error: &LlmError) -> Option<Duration> {
        self.broken += 1;
        (self.broken <= MAX_BROKEN)
            .then(|| self.pause(error))
            .flatten()
    }

    /// The pause before the question is asked again; none when it may not be.
    pub(crate) fn pause(&mut self, error: &LlmError) -> Option<Duration> {
        match error.remedy() {
            Remedy::AskAgain if self.may_ask_again() => return Some(Duration::ZERO),
            Remedy::Wait => {}
            Remedy::AskAgain
            | Remedy::Compact
            | Remedy::ShortenAnswer
            | Remedy::LeaveOut
            | Remedy::PutBack
            | Remedy::FallBack
            | Remedy::AskPerson
            | Remedy::GiveUp => return None,
        }
        self.failed += 1;
        let left = self.patience.saturating_sub(self.began.elapsed());
        let pause = RetryPolicy::default().pause(self.failed, error, left, rand::random())?;
        tracing::warn!(%error, ?pause, "the model call failed and is tried again");
        Some(pause)
    }
}
