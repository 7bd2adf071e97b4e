//! Tests of the burn-rate rules for `promtool`: each alert fires when its budget burns fast enough, stays
//! silent a little below that and when there is hardly any traffic, and is over soon after the fault is.

#![expect(clippy::panic, reason = "a test stops at the first surprise")]

use std::fmt::Write;

use crate::operations::slos::{Ratio, Slos, Window, number};

/// Events a minute while there is traffic.
const EVENTS: f64 = 600.0;

/// A counter, with what good and bad events add to it.
type Counter = (&'static str, f64, f64);

/// The counters behind an objective.
#[expect(clippy::too_many_lines, reason = "a table of counters")]
fn counters(slo: &str) -> &'static [Counter] {
    match slo {
        "availability" => &[
            (
                r#"http_requests_total{method="GET",path="/api/jobs",status="200"}"#,
                1.0,
                0.0,
            ),
            (
                r#"http_requests_total{method="GET",path="/api/jobs",status="500"}"#,
                0.0,
                1.0,
            ),
            // None of these counts: every probe fails all the time.
            (
                r#"http_requests_total{method="GET",path="/health/ready",status="503"}"#,
                9.0,
                9.0,
            ),
            (
                r#"http_requests_total{method="POST",path="<not built>",status="501"}"#,
                9.0,
                9.0,
            ),
        ],
        "answers" => &[
            (
                r#"http_request_duration_seconds_count{kind="answer"}"#,
                1.0,
                1.0,
            ),
            (
                r#"http_request_duration_seconds_bucket{kind="answer",le="5"}"#,
                1.0,
                0.0,
            ),
            (
                r#"http_request_duration_seconds_count{kind="stream"}"#,
                9.0,
                9.0,
            ),
            (
                r#"http_request_duration_seconds_bucket{kind="stream",le="5"}"#,
                0.0,
                0.0,
            ),
        ],
        "first_token" => &[
            (
                r#"navi_llm_time_to_first_token_seconds_count{phase="chat"}"#,
                1.0,
                1.0,
            ),
            (
                r#"navi_llm_time_to_first_token_seconds_bucket{phase="chat",le="5"}"#,
                1.0,
                0.0,
            ),
        ],
        "model_time" => &[
            (
                r#"aep_llm_latency_ms_count{model="other",phase="chat"}"#,
                1.0,
                1.0,
            ),
            (
                r#"aep_llm_latency_ms_bucket{model="other",phase="chat",le="5000"}"#,
                1.0,
                0.0,
            ),
        ],
        "model_errors" => &[
            (
                r#"aep_llm_calls_total{model="other",phase="chat",status="success"}"#,
                1.0,
                0.0,
            ),
            (
                r#"aep_llm_calls_total{model="other",phase="chat",status="error"}"#,
                0.0,
                0.5,
            ),
            (
                r#"aep_llm_calls_total{model="other",phase="chat",status="timeout"}"#,
                0.0,
                0.5,
            ),
            (
                r#"aep_llm_calls_total{model="other",phase="chat",status="cancelled"}"#,
                9.0,
                9.0,
            ),
        ],
        "task_success" => &[
            (
                r#"aep_task_completion_time_ms_count{status="success"}"#,
                1.0,
                0.0,
            ),
            (
                r#"aep_task_completion_time_ms_count{status="error"}"#,
                0.0,
                1.0,
            ),
            (
                r#"aep_task_completion_time_ms_count{status="cancelled"}"#,
                9.0,
                9.0,
            ),
        ],
        "telemetry" => &[
            (
                r#"http_requests_total{method="POST",path="/api/telemetry",status="200"}"#,
                1.0,
                0.0,
            ),
            (
                r#"http_requests_total{method="POST",path="/api/telemetry",status="503"}"#,
                0.0,
                1.0,
            ),
            (
                r#"http_requests_total{method="POST",path="/api/telemetry",status="422"}"#,
                9.0,
                9.0,
            ),
        ],
        other => panic!("the counters of {other} are not known"),
    }
}

/// Minutes of a window.
fn minutes(window: &str) -> u32 {
    let (count, unit) = window.split_at(window.len() - 1);
    let count: u32 = count.parse().unwrap();
    match unit {
        "m" => count,
        "h" => count * 60,
        "d" => count * 24 * 60,
        other => panic!("{other} is no unit of a window"),
    }
}

/// A stretch of time: minutes, good and bad events a minute.
type Stretch = (u32, f64, f64);

/// The values of a counter over these stretches, in the notation of `promtool`.
fn values(counter: &Counter, stretches: &[Stretch]) -> String {
    let (_, on_good, on_bad) = counter;
    let mut at = 0.0;
    let parts = stretches.iter().map(|(minutes, good, bad)| {
        let step = good * on_good + bad * on_bad;
        let part = format!("{}+{}x{}", number(at), number(step), minutes - 1);
        at += step * f64::from(*minutes);
        part
    });
    parts.collect::<Vec<_>>().join(" ")
}

/// Tests of the alerts of one severity. Windows of days are evaluated more seldom, or it would take long.
pub(crate) fn trials(slos: &Slos, severity: &str) -> String {
    let every = if severity == "critical" { "2m" } else { "10m" };
    let mut text = begin_file(every);
    for window in slos
        .windows
        .iter()
        .filter(|window| window.severity == severity)
    {
        for ratios in apart(slos) {
            burning(&mut text, &ratios, window);
            almost(&mut text, &ratios, window);
        }
    }
    text
}

/// Tests that one bad event of three is said by no alert, evaluated as often as in earnest.
pub(crate) fn few_events(slos: &Slos) -> String {
    let mut text = begin_file(&format!("{}s", slos.interval_seconds));
    let windows: Vec<_> = slos.windows.iter().collect();
    for ratios in apart(slos) {
        begin(&mut text, "one bad event in three");
        for ratio in &ratios {
            count(
                &mut text,
                ratio,
                &[(30, 0.0, 0.0), (1, 2.0, 1.0), (90, 0.0, 0.0)],
            );
        }
        expect(
            &mut text,
            &ratios,
            &windows,
            &[(35, false), (65, false), (110, false)],
        );
    }
    text
}

/// Objectives that can be tested at the same time: all but one, for batches of telemetry are requests too.
fn apart(slos: &Slos) -> [Vec<&Ratio>; 2] {
    let (telemetry, others) = slos
        .ratios
        .iter()
        .partition(|ratio| ratio.slo == "telemetry");
    [others, telemetry]
}

fn begin_file(every: &str) -> String {
    format!(
        "# Generated from prometheus/slos.toml; a test says how.\nrule_files:\n  - ../alerts/navi-slos.yaml\n\
         evaluation_interval: {every}\ntests:\n"
    )
}

fn burning(text: &mut String, ratios: &[&Ratio], window: &Window) {
    let (long, short) = (minutes(&window.long), minutes(&window.short));
    let (before, after) = (30, short + 30);
    begin(text, &format!("over {}: a fault, and its end", window.long));
    for ratio in ratios {
        let share = ratio.limit(window) * 1.2;
        let stretches = [
            (before, EVENTS, 0.0),
            (long, EVENTS * (1.0 - share), EVENTS * share),
            (after, EVENTS, 0.0),
        ];
        count(text, ratio, &stretches);
    }
    let expected = [
        (before, false),
        (before + long, true),
        (before + long + after, false),
    ];
    expect(text, ratios, &[window], &expected);
}

fn almost(text: &mut String, ratios: &[&Ratio], window: &Window) {
    let long = minutes(&window.long);
    begin(text, &format!("over {}: a little below", window.long));
    for ratio in ratios {
        let share = ratio.limit(window) * 0.8;
        count(
            text,
            ratio,
            &[(long, EVENTS * (1.0 - share), EVENTS * share)],
        );
    }
    expect(text, ratios, &[window], &[(long, false)]);
}

fn begin(text: &mut String, name: &str) {
    writeln!(
        text,
        "  - name: '{name}'\n    interval: 1m\n    input_series:"
    )
    .unwrap();
}

fn count(text: &mut String, ratio: &Ratio, stretches: &[Stretch]) {
    for counter in counters(&ratio.slo) {
        let values = values(counter, stretches);
        writeln!(
            text,
            "      - series: '{}'\n        values: '{values}'",
            counter.0
        )
        .unwrap();
    }
}

/// Expectations at these minutes of the alerts of these windows.
fn expect(text: &mut String, ratios: &[&Ratio], windows: &[&Window], expected: &[(u32, bool)]) {
    writeln!(text, "    promql_expr_test:").unwrap();
    for ratio in ratios {
        for window in windows {
            for (minute, fires) in expected {
                expect_one(text, ratio, window, *minute, *fires);
            }
        }
    }
}

fn expect_one(text: &mut String, ratio: &Ratio, window: &Window, minute: u32, fires: bool) {
    let name = ratio.alert(window);
    writeln!(
        text,
        "      - expr: count by (alertname, severity, slo) (ALERTS{{alertname=\"{name}\",alertstate=\"firing\"}})\n        \
         eval_time: {minute}m"
    )
    .unwrap();
    if fires {
        let (severity, slo) = (ratio.severity(window), &ratio.slo);
        writeln!(
            text,
            "        exp_samples:\n          - labels: '{{alertname=\"{name}\", severity=\"{severity}\", slo=\"{slo}\"}}'\n            value: 1"
        )
        .unwrap();
    } else {
        writeln!(text, "        exp_samples: []").unwrap();
    }
}
