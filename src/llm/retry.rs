//! Tries again before the first event; never after it.
//!
//! Once an event has been handed out somebody has seen it, and a second answer would contradict
//! the first. Before that a failed attempt leaves no trace but its cost in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};

use crate::llm::error::LlmError;
use crate::llm::model::ChatRequest;
use crate::llm::provider::{EventStream, Provider};
use crate::platform::clock::millis;

/// The number of tries and the pauses between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// The pause before the second attempt; each further one is twice as long.
    pub first_pause: Duration,
    /// No pause of our own is longer.
    pub longest_pause: Duration,
    /// No attempt begins later than this after the first one began, whatever the provider asks for.
    pub total: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(8),
            total: Duration::from_mins(1),
        }
    }
}

impl RetryPolicy {
    /// The pause after the given number of failed attempts, when the last failed with `error`.
    ///
    /// `chance` between 0 and 1 spreads the attempts of many runs: our own pause shrinks to no
    /// less than half, and what the provider asks for grows by at most a tenth.
    fn pause(&self, failed: u32, error: &LlmError, chance: f64) -> Duration {
        if let Some(asked) = error.retry_after() {
            return asked.mul_f64(1.0 + chance / 10.0);
        }
        let doubled = 2_u32.saturating_pow(failed.saturating_sub(1));
        self.first_pause
            .saturating_mul(doubled)
            .min(self.longest_pause)
            .mul_f64(0.5 + chance / 2.0)
    }
}

/// A provider that tries again. Its `stream` answers when the first event is there.
#[derive(Debug)]
pub struct Retrying {
    inner: Arc<dyn Provider>,
    policy: RetryPolicy,
}

impl Retrying {
    /// Tries `inner` again by `policy`.
    pub fn new(inner: Arc<dyn Provider>, policy: RetryPolicy) -> Self {
        Self { inner, policy }
    }

    /// One attempt, up to its first event.
    async fn attempt(&self, request: &ChatRequest) -> Result<EventStream, LlmError> {
        let mut events = self.inner.stream(request).await?;
        match events.next().await {
            Some(Ok(first)) => Ok(stream::once(async { Ok(first) }).chain(events).boxed()),
            Some(Err(error)) => Err(error),
            None => Err(LlmError::Truncated {
                provider: self.inner.name(),
            }),
        }
    }

    async fn persist(&self, request: &ChatRequest) -> Result<EventStream, LlmError> {
        let began = Instant::now();
        let mut failed = 0;
        loop {
            let error = match self.attempt(request).await {
                Ok(events) => return Ok(events),
                Err(error) => error,
            };
            failed += 1;
            let pause = self.policy.pause(failed, &error, rand::random());
            let over = failed >= self.policy.attempts
                || began.elapsed().saturating_add(pause) > self.policy.total;
            if over || !error.is_retryable() {
                return Err(error);
            }
            tracing::warn!(
                provider = self.inner.name(),
                %error,
                attempt = failed,
                pause_ms = millis(pause),
                "the model call failed and is tried again"
            );
            tokio::time::sleep(pause).await;
        }
    }
}

impl Provider for Retrying {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn takes_temperature(&self, model: &str) -> bool {
        self.inner.takes_temperature(model)
    }

    fn stream<'a>(
        &'a self,
        request: &'a ChatRequest,
    ) -> BoxFuture<'a, Result<EventStream, LlmError>> {
        self.persist(request).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNAVAILABLE: LlmError = LlmError::Unavailable {
        provider: "test",
        status: 529,
        retry_after: None,
    };

    #[test]
    fn pauses_double_up_to_their_limit_and_never_below_half() {
        let policy = RetryPolicy::default();
        let pauses: Vec<u128> = (1..8)
            .map(|failed| policy.pause(failed, &UNAVAILABLE, 1.0).as_millis())
            .collect();
        assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
        assert_eq!(policy.pause(1, &UNAVAILABLE, 0.0).as_millis(), 250);
        assert_eq!(policy.pause(u32::MAX, &UNAVAILABLE, 1.0).as_secs(), 8);
    }

    #[test]
    fn a_provider_is_never_asked_sooner_than_it_wants() {
        let error = LlmError::RateLimited {
            provider: "test",
            retry_after: Some(Duration::from_secs(20)),
        };
        let policy = RetryPolicy::default();
        assert_eq!(policy.pause(1, &error, 0.0).as_secs(), 20);
        assert_eq!(policy.pause(1, &error, 1.0).as_secs(), 22);
    }
}
