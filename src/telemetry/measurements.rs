//! Extracts measurements from performance events. Pure.

use serde_json::{Map, Value};

use crate::platform::text::first_chars;
use crate::telemetry::model::{MAX_MEASUREMENTS, MAX_NAME_CHARS, Measurement};

/// Suffix of the types of events with measurements.
const TYPE_SUFFIX: &str = "performance";

/// Returns the measurements of an event; none for other types.
///
/// An event with a `metric` and a `value` is one measurement. Of any other each number is one, named after
/// the event's type and the field: `time_to_first_token_ms` of `navi.streaming.performance` is
/// `streaming.time_to_first_token_ms`.
pub fn measurements(kind: &str, data: &Map<String, Value>) -> Vec<Measurement> {
    let Some(subject) = kind.strip_suffix(TYPE_SUFFIX) else {
        return Vec::new();
    };
    if !subject.is_empty() && !subject.ends_with('.') {
        return Vec::new();
    }
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    let named = ["metric", "metric_name", "name"].into_iter().find_map(text);
    let measured = |name: String, value: f64| {
        let (kind, unit) = kind_and_unit(&name);
        Measurement {
            kind: text("metric_type").map_or_else(|| kind.to_owned(), short),
            unit: text("unit").map_or_else(|| unit.to_owned(), short),
            name: short(&name),
            value,
            operation: text("operation").map(short),
            component: text("component").map(short),
        }
    };
    if let Some(name) = named {
        let value = data.get("value").and_then(Value::as_f64);
        return value
            .map(|value| measured(name.to_owned(), value))
            .into_iter()
            .collect();
    }
    let subject = subject.strip_prefix("navi.").unwrap_or(subject);
    let numbers = data
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_f64()?)));
    numbers
        .take(MAX_MEASUREMENTS)
        .map(|(name, value)| {
            let (kind, unit) = kind_and_unit(name);
            Measurement {
                kind: kind.to_owned(),
                unit: unit.to_owned(),
                ..measured(format!("{subject}{name}"), value)
            }
        })
        .collect()
}

/// Returns the kind and the unit that a name implies.
fn kind_and_unit(name: &str) -> (&'static str, &'static str) {
    const ENDS: &[(&str, &str, &str)] = &[
        ("per_second", "throughput", "per_second"),
        ("_ms", "latency", "ms"),
        ("Ms", "latency", "ms"),
        ("_seconds", "latency", "s"),
        ("_bytes", "size", "bytes"),
        ("_percent", "ratio", "percent"),
        ("_ratio", "ratio", "ratio"),
        ("_rate", "ratio", "ratio"),
        ("tokens", "count", "count"),
        ("chars", "count", "count"),
        ("events", "count", "count"),
        ("count", "count", "count"),
    ];
    let found = ENDS.iter().find(|(end, _, _)| name.ends_with(end));
    found.map_or(("gauge", "none"), |(_, kind, unit)| (kind, unit))
}

fn short(text: &str) -> String {
    first_chars(text, MAX_NAME_CHARS).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(kind: &str, data: &Value) -> Vec<(String, String, String, f64)> {
        let found = measurements(kind, data.as_object().unwrap());
        let row = |m: Measurement| (m.name, m.kind, m.unit, m.value);
        found.into_iter().map(row).collect()
    }

    #[test]
    fn every_number_of_a_performance_event_is_a_measurement() {
        let data = json!({"time_to_first_token_ms": 210, "tokens_per_second": 41.5,
            "total_tokens": 900, "model": "m", "ok": true});
        insta::assert_debug_snapshot!(of("navi.streaming.performance", &data), @r#"
        [
            (
                "streaming.time_to_first_token_ms",
                "latency",
                "ms",
                210.0,
            ),
            (
                "streaming.tokens_per_second",
                "throughput",
                "per_second",
                41.5,
            ),
            (
                "streaming.total_tokens",
                "count",
                "count",
                900.0,
            ),
        ]
        "#);
    }

    #[test]
    fn a_metric_with_a_name_is_itself() {
        let data = json!({"metric": "cls", "value": 0.12, "unit": "score", "tries": 3});
        let expected = (
            "cls".to_owned(),
            "gauge".to_owned(),
            "score".to_owned(),
            0.12,
        );
        assert_eq!(of("web.performance", &data), [expected]);
        assert!(
            of(
                "web.performance",
                &json!({"metric": "cls", "value": "much"})
            )
            .is_empty()
        );
    }

    #[test]
    fn what_reports_something_else_measures_nothing() {
        for kind in ["navi.error", "navi.performances", "myperformance", ""] {
            assert!(of(kind, &json!({"a_ms": 1})).is_empty(), "{kind}");
        }
        assert_eq!(of("performance", &json!({"a_ms": 1})).len(), 1);
    }
}
