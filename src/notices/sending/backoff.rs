//! Times between attempts. Pure.

use std::time::Duration;

/// Attempts before a notice is given up. With the pauses between them, a day and a little more.
pub const MAX_ATTEMPTS: i32 = 11;
/// The pause after the first attempt.
const FIRST: Duration = Duration::from_secs(5);
/// Each pause is so many times the one before.
const FACTOR: u32 = 4;
/// The longest pause between two attempts of a notice.
const LONGEST: Duration = Duration::from_hours(6);
/// The longest pause of a webhook: then another notice is tried, or the same if its time has come.
const LONGEST_HOLD: Duration = Duration::from_mins(5);

/// The pause of a notice after so many attempts, at most a fifth shorter or longer than its share. A
/// receiver that says when to come again is believed, up to the longest pause.
pub fn pause(attempts: i32, asked: Option<Duration>) -> Duration {
    grown(attempts, LONGEST).max(asked.unwrap_or_default().min(LONGEST))
}

/// The pause of a webhook after so many failures in a row.
pub fn hold(failures: i32, asked: Option<Duration>) -> Duration {
    grown(failures, LONGEST_HOLD).max(asked.unwrap_or_default().min(LONGEST))
}

fn grown(times: i32, longest: Duration) -> Duration {
    let power = u32::try_from(times.saturating_sub(1)).unwrap_or_default();
    let whole = FACTOR
        .checked_pow(power)
        .map_or(longest, |factor| FIRST.saturating_mul(factor).min(longest));
    whole.mul_f64(0.8 + rand::random::<f64>() * 0.4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_spread_over_a_day() {
        let total: Duration = (1..MAX_ATTEMPTS).map(|n| pause(n, None)).sum();
        assert!(total > Duration::from_hours(20), "{total:?}");
        assert!(total < Duration::from_hours(32), "{total:?}");
        let first = pause(1, None);
        assert!(first >= Duration::from_secs(4) && first <= Duration::from_secs(6));
        assert!(pause(i32::MAX, None) <= LONGEST.mul_f64(1.2));
    }

    #[test]
    fn a_receiver_that_says_when_to_come_is_believed_within_reason() {
        let asked = |pause: Duration| Some(pause);
        assert_eq!(
            pause(1, asked(Duration::from_mins(10))),
            Duration::from_mins(10)
        );
        assert_eq!(pause(1, asked(Duration::from_hours(1_000))), LONGEST);
        assert!(pause(1, asked(Duration::ZERO)) >= Duration::from_secs(4));
    }

    #[test]
    fn a_webhook_is_never_left_alone_for_longer_than_minutes() {
        assert!(hold(50, None) <= LONGEST_HOLD.mul_f64(1.2));
        assert!(hold(1, None) <= Duration::from_secs(6));
    }
}
