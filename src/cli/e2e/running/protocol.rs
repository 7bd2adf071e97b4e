//! The protocol of a stream, and breaches of it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cli::e2e::running::watched_run::{StreamEnd, WatchedRun};

/// The fields of every summary.
const SUMMARY: [&str; 11] = [
    "task_id",
    "success",
    "stopped_reason",
    "files_read",
    "files_modified",
    "files_created",
    "iterations",
    "verification",
    "tokens",
    "cost_usd",
    "elapsed_ms",
];

/// All breaches of the protocol. A client that left before the end sees none there.
pub fn breaches(seen: &WatchedRun, interactive: bool) -> Vec<String> {
    let mut found = Vec::new();
    let first = seen.frames.first().map(|(_, frame)| frame);
    let begins = match (first, interactive) {
        (Some(frame), true) => frame["router_info"].is_object() && frame.get("type").is_none(),
        (Some(frame), false) => frame["type"] == "job_created",
        (None, _) => false,
    };
    if !begins {
        found.push(format!("the stream begins with {}", short(first)));
    }
    let summary = match &seen.end {
        StreamEnd::Left => return found,
        StreamEnd::TooLong => {
            found.push("the stream did not end in the time that it had".to_owned());
            return found;
        }
        StreamEnd::Broken(reason) => {
            found.push(reason.clone());
            return found;
        }
        StreamEnd::Whole(summary) => summary,
    };
    let ends = seen.of_type("complete").count();
    if ends != 1 {
        found.push(format!("there are {ends} `complete`"));
    }
    let missing = SUMMARY.iter().filter(|field| summary.get(field).is_none());
    found.extend(missing.map(|field| format!("the summary has no `{field}`")));
    found.extend(unpaired(seen));
    if !interactive {
        found.extend(gaps(seen));
    }
    found
}

/// Calls without exactly one result each.
fn unpaired(seen: &WatchedRun) -> Option<String> {
    let ids = |kind: &'static str| -> Vec<&str> {
        let frames = seen.of_type(kind);
        frames
            .filter_map(|frame| frame[kind]["id"].as_str())
            .collect()
    };
    let (calls, results) = (ids("tool_call"), ids("tool_result"));
    let distinct: BTreeSet<&str> = results.iter().copied().collect();
    let paired = calls.len() == results.len()
        && distinct.len() == results.len()
        && calls.iter().all(|id| distinct.contains(id));
    (!paired).then(|| format!("calls {calls:?} have the results {results:?}"))
}

/// Numbers of a job's events that are missing or repeated.
fn gaps(seen: &WatchedRun) -> Option<String> {
    let numbers = seen.frames.iter();
    let numbers = numbers.filter(|(_, frame)| frame["type"] != "job_terminal");
    let numbers: Vec<u64> = numbers
        .filter_map(|(_, frame)| frame["sequence"].as_u64())
        .collect();
    let gapless = (1_u64..)
        .zip(&numbers)
        .all(|(wanted, seen)| wanted == *seen);
    (!gapless).then(|| format!("the events are numbered {numbers:?}"))
}

fn short(frame: Option<&Value>) -> String {
    let text = frame.map_or_else(|| "nothing".to_owned(), Value::to_string);
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    fn summary() -> Value {
        let fields = SUMMARY.map(|field| (field.to_owned(), json!(null)));
        Value::Object(fields.into_iter().collect())
    }

    fn seen(frames: &[Value]) -> WatchedRun {
        let frames = frames.iter().cloned();
        WatchedRun {
            frames: frames.map(|frame| (Duration::ZERO, frame)).collect(),
            end: StreamEnd::Whole(summary()),
            took: Duration::ZERO,
        }
    }

    fn kept() -> Vec<Value> {
        vec![
            json!({"router_info": {}}),
            json!({"type": "tool_call", "tool_call": {"id": "a"}}),
            json!({"type": "tool_result", "tool_result": {"id": "a"}}),
            json!({"type": "complete", "summary": summary()}),
        ]
    }

    #[test]
    fn a_stream_that_keeps_the_protocol_has_no_breach() {
        assert_eq!(breaches(&seen(&kept()), true), Vec::<String>::new());
    }

    #[test]
    fn every_breach_is_named() {
        let without = |at: usize| {
            let mut frames = kept();
            frames.remove(at);
            breaches(&seen(&frames), true).join("; ")
        };
        assert!(without(0).contains("begins with"), "{}", without(0));
        assert!(without(2).contains("have the results []"), "{}", without(2));
        assert!(without(3).contains("0 `complete`"), "{}", without(3));
        let mut late = seen(&kept());
        late.end = StreamEnd::TooLong;
        assert_eq!(breaches(&late, true).len(), 1);
        let mut bare = seen(&kept());
        bare.end = StreamEnd::Whole(json!({}));
        assert_eq!(breaches(&bare, true).len(), SUMMARY.len());
    }

    #[test]
    fn a_job_whose_events_have_a_gap_breaks_the_protocol() {
        let frames = |numbers: [u64; 2]| {
            let [first, second] = numbers;
            seen(&[
                json!({"type": "job_created", "sequence": first}),
                json!({"type": "complete", "summary": summary(), "sequence": second}),
            ])
        };
        assert_eq!(breaches(&frames([1, 2]), false), Vec::<String>::new());
        assert!(breaches(&frames([1, 3]), false)[0].contains("[1, 3]"));
    }
}
