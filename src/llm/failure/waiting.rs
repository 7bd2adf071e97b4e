//! The time that a provider asks to be waited for.

use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use regex::Regex;

/// No provider means to be waited for longer.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// A time in an explanation: `Please try again in 1m7.6s`, `retry after 12 seconds`, and Google's
/// `"retryDelay": "35s"`.
static SAID: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?:(?:try again|retry)(?: in| after)|retrydelay"?: ?") ?((?:\d+(?:\.\d+)? ?(?:ms|hours?|h|minutes?|min|m|seconds?|sec|s) ?)+)"#,
    )
    .ok()
});
/// One amount of such a time.
static AMOUNT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(\d+(?:\.\d+)?) ?(ms|h|m|s)").ok());
/// The seconds that Hugging Face needs to load a model.
static ESTIMATED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#""estimated_time": ?(\d+(?:\.\d+)?)"#).ok());

/// The time to wait, from the headers `retry-after-ms` and `retry-after`; the latter in seconds
/// or as an HTTP date, which is compared with `now`. At most an hour.
pub fn retry_after(
    millis: Option<&str>,
    seconds_or_date: Option<&str>,
    now: DateTime<Utc>,
) -> Option<Duration> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
    let from_millis = millis.and_then(number).map(|millis| millis / 1_000.0);
    let wait = from_millis
        .or_else(|| seconds_or_date.and_then(number))
        .and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok())
        .or_else(|| {
            let at = DateTime::parse_from_rfc2822(seconds_or_date?.trim()).ok()?;
            Some((at.with_timezone(&Utc) - now).to_std().unwrap_or_default())
        })?;
    Some(wait.min(MAX_RETRY_AFTER))
}

/// The time to wait as a body says it, for providers that send no header.
pub(super) fn said(body: &str) -> Option<Duration> {
    let lower = body.to_lowercase();
    let estimated = ESTIMATED.as_ref().and_then(|form| form.captures(&lower));
    if let Some(seconds) = estimated.and_then(|found| found.get(1)?.as_str().parse().ok()) {
        let wait = Duration::try_from_secs_f64(seconds).ok()?;
        return Some(wait.min(MAX_RETRY_AFTER));
    }
    let found = SAID.as_ref()?.captures(&lower)?.get(1)?.as_str();
    let mut wait = Duration::ZERO;
    for amount in AMOUNT.as_ref()?.captures_iter(found) {
        let seconds = match &amount[2] {
            "ms" => 0.001,
            "h" => 3_600.0,
            "m" => 60.0,
            _ => 1.0,
        };
        let number: f64 = amount[1].parse().ok()?;
        wait = wait.saturating_add(Duration::try_from_secs_f64(number * seconds).ok()?);
    }
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_every_form_and_bounded() {
        let now = DateTime::parse_from_rfc3339("2026-11-23T10:00:00Z")
            .unwrap()
            .with_timezone(&Utc);
        let read = |millis, seconds| retry_after(millis, seconds, now).map(|wait| wait.as_millis());
        assert_eq!(read(None, Some("7")), Some(7_000));
        assert_eq!(read(None, Some(" 1.5 ")), Some(1_500));
        assert_eq!(read(Some("250"), Some("7")), Some(250));
        assert_eq!(
            read(None, Some("Mon, 23 Nov 2026 10:00:30 GMT")),
            Some(30_000)
        );
        assert_eq!(read(None, Some("Mon, 23 Nov 2026 09:00:00 GMT")), Some(0));
        assert_eq!(read(None, Some("-5")), Some(0));
        assert_eq!(read(None, Some("1e300")), None);
        assert_eq!(read(None, Some("999999999")), Some(3_600_000));
        assert_eq!(read(None, Some("soon")), None);
    }

    #[test]
    fn the_time_in_an_explanation_counts_where_no_header_says_it() {
        let read = |body| said(body).map(|wait| wait.as_millis());
        for (body, millis) in [
            (
                "Rate limit reached. Please try again in 7.66s.",
                Some(7_660),
            ),
            ("Please try again in 1m2.5s. Visit us", Some(62_500)),
            ("Please try again in 650ms.", Some(650)),
            ("Please retry after 12 seconds.", Some(12_000)),
            ("Please retry in 35.1s.", Some(35_100)),
            ("Try again in 2 hours", Some(3_600_000)),
            (r#"{"@type":"RetryInfo","retryDelay":"35s"}"#, Some(35_000)),
            (
                r#"{"error":"Model is loading","estimated_time":20.0}"#,
                Some(20_000),
            ),
            ("try again later", None),
            ("", None),
        ] {
            assert_eq!(read(body), millis, "{body}");
        }
    }
}
