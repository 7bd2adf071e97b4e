//! The parts of the time of a run.
//!
//! The time of others is a set of intervals by the clock of the server; the rest of the time that the client
//! waited is our own. The search of the workspace has a duration and no interval: nothing else goes on
//! meanwhile, so it is taken off whole.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::cli::e2e::measuring::model::TimeShares;
use crate::cli::e2e::measuring::store::{CallTimes, EventTime, RunTimes, ToolTimes};

/// The time that clients get to copy a file before it changes.
const COPIES: TimeDelta = TimeDelta::milliseconds(250);
/// The tools before which clients get it.
const WRITERS: [&str; 2] = ["write_file", "edit_file"];
/// The beginning of the message that says that the checks run before the first change.
const BASELINE: &str = "Running the project's checks before the first change";

type Interval = (DateTime<Utc>, DateTime<Utc>);

/// The shares of a run whose client waited this long.
pub fn shares(times: &RunTimes, waited: Duration) -> TimeShares {
    let provider = provider(&times.calls);
    let tools: Vec<Interval> = times.tools.iter().filter_map(worked).collect();
    let checks = checks(&times.events, &times.tools);
    let people: Vec<Interval> = times
        .waits
        .iter()
        .map(|wait| (wait.created_at, wait.answered_at))
        .collect();
    let copies: Vec<Interval> = times.tools.iter().filter_map(copied).collect();
    let all = [&provider, &tools, &checks, &people, &copies];
    let others: Vec<Interval> = all.into_iter().flatten().copied().collect();
    let waited = waited.as_secs_f64() * 1e3;
    let search_ms = times.searched.as_secs_f64() * 1e3;
    TimeShares {
        provider_ms: length(&provider),
        tools_ms: length(&tools),
        search_ms,
        checks_ms: length(&checks),
        people_ms: length(&people),
        copies_ms: length(&copies),
        own_ms: (waited - search_ms - length(&others)).max(0.0),
    }
}

/// Calls to the provider, and the pauses after those that failed: it is the provider that is waited for.
fn provider(calls: &[CallTimes]) -> Vec<Interval> {
    let mut found = Vec::new();
    for (at, call) in calls.iter().enumerate() {
        let end = call.created_at + TimeDelta::milliseconds(call.latency_ms.unwrap_or(0));
        let failed = call.status == "error" || call.status == "timeout";
        let next = calls.get(at + 1).map(|next| next.created_at);
        let end = match next {
            Some(next) if failed => end.max(next),
            Some(_) | None => end,
        };
        found.push((call.created_at, end));
    }
    found
}

fn worked(tool: &ToolTimes) -> Option<Interval> {
    Some((tool.started_at?, tool.finished_at?))
}

/// The pause before a change, if the call had to wait that long.
fn copied(tool: &ToolTimes) -> Option<Interval> {
    let end = tool.created_at + COPIES;
    let waited = WRITERS.contains(&tool.name.as_str()) && tool.started_at? >= end;
    waited.then_some((tool.created_at, end))
}

/// The checks before the first change, up to the call that waited for them, and those after the last.
fn checks(events: &[EventTime], tools: &[ToolTimes]) -> Vec<Interval> {
    let mut found = Vec::new();
    let mut verifying = None;
    for event in events {
        let text = |field: &str| event.payload[field].as_str().unwrap_or_default();
        match event.kind.as_str() {
            "thinking_progress" if text("message").starts_with(BASELINE) => {
                let next = tools.iter().filter_map(|tool| tool.started_at);
                let next = next.filter(|at| *at >= event.created_at).min();
                found.extend(next.map(|end| (event.created_at, end)));
            }
            "status" if text("status") == "verifying" => verifying = Some(event.created_at),
            "verification" => {
                found.extend(verifying.take().map(|begin| (begin, event.created_at)));
            }
            _ => {}
        }
    }
    found
}

/// The time that is in any of the intervals, in milliseconds.
fn length(intervals: &[Interval]) -> f64 {
    let mut sorted = intervals.to_vec();
    sorted.sort();
    let mut sum = TimeDelta::zero();
    let mut reached: Option<DateTime<Utc>> = None;
    for (begin, end) in sorted {
        let begin = reached.map_or(begin, |reached| begin.max(reached));
        if end > begin {
            sum += end - begin;
            reached = Some(end);
        }
    }
    let micros = sum.num_microseconds().unwrap_or(i64::MAX);
    // Hours of microseconds are exact.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a run takes less than a century"
    )]
    let micros = micros as f64;
    micros / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_767_323_045_000 + ms).unwrap()
    }

    fn call(begin: i64, ms: i64, status: &str) -> CallTimes {
        CallTimes {
            model: "scripted/a".to_owned(),
            created_at: at(begin),
            latency_ms: Some(ms),
            status: status.to_owned(),
            is_counted: true,
            input_tokens: 0,
            cache_read_tokens: 0,
            output_tokens: 0,
        }
    }

    fn tool(name: &str, announced: i64, started: Option<i64>, finished: i64) -> ToolTimes {
        ToolTimes {
            name: name.to_owned(),
            created_at: at(announced),
            started_at: started.map(at),
            finished_at: Some(at(finished)),
        }
    }

    fn times() -> RunTimes {
        RunTimes {
            calls: Vec::new(),
            tools: Vec::new(),
            events: Vec::new(),
            waits: Vec::new(),
            searched: Duration::ZERO,
        }
    }

    fn own(times: &RunTimes, waited: u64) -> f64 {
        shares(times, Duration::from_millis(waited)).own_ms
    }

    #[test]
    fn what_overlaps_is_taken_off_once() {
        let mut times = times();
        times.calls = vec![call(0, 100, "success"), call(50, 100, "success")];
        let found = shares(&times, Duration::from_millis(170));
        assert_eq!((found.provider_ms, found.own_ms), (150.0, 20.0));
    }

    #[test]
    fn the_pause_after_a_failed_call_is_the_providers() {
        let mut times = times();
        times.calls = vec![call(0, 10, "error"), call(500, 10, "success")];
        assert_eq!((own(&times, 520),), (10.0,));
        times.calls[0].status = "success".to_owned();
        assert_eq!((own(&times, 520),), (500.0,));
    }

    #[test]
    fn a_call_that_did_not_run_is_our_own_time() {
        let mut times = times();
        times.tools = vec![
            tool("write_file", 0, None, 40),
            tool("read_file", 50, Some(60), 90),
        ];
        assert_eq!((own(&times, 100),), (70.0,));
    }

    #[test]
    fn the_search_before_the_first_turn_is_shown_by_itself() {
        let mut times = times();
        times.searched = Duration::from_millis(48);
        times.calls = vec![call(50, 10, "success")];
        let found = shares(&times, Duration::from_millis(70));
        assert_eq!((found.search_ms, found.own_ms), (48.0, 12.0));
    }

    #[test]
    fn clients_get_a_quarter_of_a_second_before_a_change_and_no_more_is_taken_off() {
        let mut times = times();
        times.tools = vec![tool("write_file", 0, Some(260), 265)];
        let found = shares(&times, Duration::from_millis(300));
        assert_eq!((found.copies_ms, found.tools_ms), (250.0, 5.0));
        assert_eq!((found.own_ms,), (45.0,));
        // A job that is not followed does not wait.
        times.tools = vec![tool("write_file", 0, Some(20), 25)];
        assert_eq!(
            (shares(&times, Duration::from_millis(30)).copies_ms,),
            (0.0,)
        );
    }

    #[test]
    fn checks_before_and_after_the_changes_are_no_share_of_our_own() {
        let mut times = times();
        let event = |kind: &str, payload, ms| EventTime {
            kind: kind.to_owned(),
            payload,
            created_at: at(ms),
        };
        times.tools = vec![tool("run_command", 10, Some(200), 210)];
        times.events = vec![
            event(
                "thinking_progress",
                json!({"message": format!("{BASELINE}…")}),
                20,
            ),
            event("status", json!({"status": "verifying"}), 220),
            event("verification", json!({}), 300),
        ];
        let found = shares(&times, Duration::from_millis(320));
        assert_eq!((found.checks_ms,), (260.0,));
        assert_eq!((found.own_ms,), (50.0,));
    }
}
