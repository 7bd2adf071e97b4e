//! The pauses between two tries of the same question.

use std::time::Duration;

use crate::llm::error::LlmError;

/// The most times that an answer that broke off after it had begun is asked for again: each was paid for.
pub const MAX_BROKEN: u32 = 8;

/// A pause that is shorter is not worth an event.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// Tells of an obstacle and of the pause after which the model is asked again; none for a short pause.
pub fn asking_again(error: &LlmError, pause: Duration) -> Option<String> {
    let seconds = pause.as_secs_f64().round();
    (pause >= WORTH_TELLING).then(|| format!("{error}; asking again in {seconds} s"))
}

/// The pauses between two tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The pause before the second try; each further one is twice as long.
    pub first_pause: Duration,
    /// No pause of our own is longer.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(20),
        }
    }
}

impl RetryPolicy {
    /// The pause after the given number of failed tries, when the last failed with `error`; none when
    /// it does not fit into the time that is `left`.
    ///
    /// `chance` between 0 and 1 spreads the tries of many runs: our own pause shrinks to no less than
    /// half, and what the provider asks for grows by at most a tenth. Our own pause is shortened so
    /// that the last try falls on the end of the time; the provider's is not.
    pub fn pause(
        &self,
        failed: u32,
        error: &LlmError,
        left: Duration,
        chance: f64,
    ) -> Option<Duration> {
        if left.is_zero() {
            return None;
        }
        if let Some(asked) = error.retry_after() {
            return (asked <= left).then(|| asked.mul_f64(1.0 + chance / 10.0));
        }
        let doubled = 2_u32.saturating_pow(failed.saturating_sub(1));
        let pause = self
            .first_pause
            .saturating_mul(doubled)
            .min(self.longest_pause)
            .mul_f64(0.5 + chance / 2.0);
        Some(pause.min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    fn unavailable(retry_after: Option<Duration>) -> LlmError {
        LlmError::Unavailable {
            provider: "test",
            status: 529,
            retry_after,
            reason: String::new(),
        }
    }

    #[test]
    fn pauses_double_up_to_their_limit_and_never_below_half() {
        let policy = RetryPolicy::default();
        let pause = |failed, left, chance| {
            let pause = policy.pause(failed, &unavailable(None), left, chance);
            pause.map(|pause| pause.as_millis())
        };
        let pauses: Vec<_> = (1..9)
            .filter_map(|failed| pause(failed, LONG, 1.0))
            .collect();
        assert_eq!(
            pauses,
            [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]
        );
        assert_eq!(pause(1, LONG, 0.0), Some(250));
        assert_eq!(pause(u32::MAX, LONG, 1.0), Some(20_000));
        assert_eq!(pause(9, Duration::from_secs(3), 1.0), Some(3_000));
        assert_eq!(pause(1, Duration::ZERO, 1.0), None);
    }

    #[test]
    fn a_provider_is_never_asked_sooner_than_it_wants() {
        let error = unavailable(Some(Duration::from_secs(20)));
        let policy = RetryPolicy::default();
        let pause = |left, chance| policy.pause(1, &error, left, chance);
        assert_eq!(pause(LONG, 0.0), Some(Duration::from_secs(20)));
        assert_eq!(pause(LONG, 1.0), Some(Duration::from_secs(22)));
        assert_eq!(pause(Duration::from_secs(19), 0.0), None);
    }

    #[test]
    fn a_pause_is_told_in_the_nearest_second_and_a_short_one_not_at_all() {
        let error = LlmError::Truncated { provider: "test" };
        let told = |millis| asking_again(&error, Duration::from_millis(millis));
        assert_eq!(told(999), None);
        for (millis, end) in [(1_000, "in 1 s"), (2_200, "in 2 s"), (2_700, "in 3 s")] {
            let message = told(millis).unwrap();
            assert!(message.ends_with(end), "{message}");
        }
    }
}
