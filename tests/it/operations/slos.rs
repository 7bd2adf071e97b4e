//! The objectives of `prometheus/slos.toml`, and the rules that follow from them.

use std::fmt::Write;

/// The objectives.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Slos {
    pub(crate) interval_seconds: u32,
    pub(crate) windows: Vec<Window>,
    pub(crate) ratios: Vec<Ratio>,
    pub(crate) cost: Cost,
    pub(crate) analyzer: Analyzer,
    pub(crate) audit: Audit,
}

/// A pair of windows in which a budget burns.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    pub(crate) factor: f64,
    pub(crate) long: String,
    pub(crate) short: String,
    pub(crate) severity: String,
    pub(crate) r#for: String,
}

/// A share of events that must be good.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ratio {
    pub(crate) slo: String,
    pub(crate) alert: String,
    pub(crate) objective: f64,
    pub(crate) promise: String,
    pub(crate) fault: String,
    pub(crate) bad: String,
    pub(crate) all: String,
    pub(crate) least_bad: u32,
    pub(crate) pages: bool,
    pub(crate) runbook: String,
}

/// The most that calls may cost.
#[expect(clippy::struct_field_names, reason = "they are the names of the file")]
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cost {
    pub(crate) hour_usd: u32,
    pub(crate) hour_page_usd: u32,
    pub(crate) day_usd: u32,
    pub(crate) month_usd: u32,
}

/// The age of the newest pass.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Analyzer {
    pub(crate) oldest_seconds: u32,
}

/// Records that may be lost.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audit {
    pub(crate) lost: u32,
}

/// Every window over which shares are recorded, beside that of five minutes.
const WINDOWS: &[&str] = &["30m", "1h", "2h", "6h", "1d", "3d", "30d"];

impl Ratio {
    /// The share of events that may be bad.
    pub(crate) fn budget(&self) -> f64 {
        1.0 - self.objective
    }

    /// The share of bad events above which a window's alert fires.
    pub(crate) fn limit(&self, window: &Window) -> f64 {
        self.budget() * window.factor
    }

    pub(crate) fn alert(&self, window: &Window) -> String {
        format!("{}Burn{}", self.alert, window.long)
    }

    pub(crate) fn severity<'a>(&self, window: &'a Window) -> &'a str {
        if self.pages {
            &window.severity
        } else {
            "warning"
        }
    }
}

/// A number without the digits that binary fractions add.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", number(share * 100.0))
}

/// The rules.
pub(crate) fn rules(slos: &Slos) -> String {
    let mut text = String::from(
        "# Generated from prometheus/slos.toml; a test says how. Runbooks are named from the root of the repository.\n\
         groups:\n",
    );
    for ratio in &slos.ratios {
        group(&mut text, &format!("slo-{}", ratio.slo), slos);
        records(&mut text, ratio);
        for window in &slos.windows {
            burn(&mut text, slos, ratio, window);
        }
    }
    group(&mut text, "slo-budgets", slos);
    let expr = format!(
        "navi:slo_budget_left:ratio30d <= 0\n\
         and sum_over_time(navi:slo_bad:rate5m[30d]) * {} >= 10",
        slos.interval_seconds
    );
    alert(
        &mut text,
        &Alert {
            name: "ErrorBudgetSpent",
            expr: &expr,
            r#for: "1h",
            severity: "warning",
            slo: None,
            summary: "The error budget of {{ $labels.slo }} is spent.",
            description: "In the last 30 days more events were bad than the objective allows; \
                          {{ $value | humanizePercentage }} of the budget is left.",
            runbook: "slo-budget.md",
        },
    );
    cost(&mut text, slos);
    freshness(&mut text, slos);
    text
}

fn group(text: &mut String, name: &str, slos: &Slos) {
    let seconds = slos.interval_seconds;
    writeln!(
        text,
        "  - name: navi-{name}\n    interval: {seconds}s\n    rules:"
    )
    .unwrap();
}

fn record(text: &mut String, name: &str, expr: &str, slo: Option<&str>) {
    writeln!(text, "      - record: {name}\n        expr: {expr}").unwrap();
    if let Some(slo) = slo {
        writeln!(text, "        labels:\n          slo: {slo}").unwrap();
    }
}

fn records(text: &mut String, ratio: &Ratio) {
    let slo = ratio.slo.as_str();
    let objective = format!("vector({})", number(ratio.objective));
    record(text, "navi:slo_objective:ratio", &objective, Some(slo));
    record(text, "navi:slo_bad:rate5m", &ratio.bad, Some(slo));
    record(text, "navi:slo_all:rate5m", &ratio.all, Some(slo));
    let of = |series: &str| format!("{series}{{slo=\"{slo}\"}}");
    let (bad, all) = (of("navi:slo_bad:rate5m"), of("navi:slo_all:rate5m"));
    let name = "navi:slo_errors:ratio_rate";
    record(
        text,
        &format!("{name}5m"),
        &format!("{bad} / {all}"),
        Some(slo),
    );
    for window in WINDOWS {
        let expr = format!("sum_over_time({bad}[{window}]) / sum_over_time({all}[{window}])");
        record(text, &format!("{name}{window}"), &expr, Some(slo));
    }
    let spent = of("navi:slo_errors:ratio_rate30d");
    let expr = format!("1 - {spent} / {}", number(ratio.budget()));
    record(text, "navi:slo_budget_left:ratio30d", &expr, Some(slo));
}

fn burn(text: &mut String, slos: &Slos, ratio: &Ratio, window: &Window) {
    let (slo, limit) = (&ratio.slo, number(ratio.limit(window)));
    let Window { long, short, .. } = window;
    let expr = format!(
        "navi:slo_errors:ratio_rate{long}{{slo=\"{slo}\"}} > {limit}\n\
         and navi:slo_errors:ratio_rate{short}{{slo=\"{slo}\"}} > {limit}\n\
         and sum_over_time(navi:slo_bad:rate5m{{slo=\"{slo}\"}}[{long}]) * {} >= {}",
        slos.interval_seconds, ratio.least_bad
    );
    let description = format!(
        "Bad were {{{{ $value | humanizePercentage }}}} of those of the last {long}, and too many of the last {short} \
         too; the objective allows {}. At this pace a budget of 30 days lasts less than {} days.",
        percent(ratio.budget()),
        number((30.0 / window.factor * 10.0).ceil() / 10.0),
    );
    alert(
        text,
        &Alert {
            name: &ratio.alert(window),
            expr: &expr,
            r#for: &window.r#for,
            severity: ratio.severity(window),
            slo: Some(slo),
            summary: &format!("Too many {}.", ratio.fault),
            description: &description,
            runbook: &ratio.runbook,
        },
    );
}

fn cost(text: &mut String, slos: &Slos) {
    group(text, "slo-cost", slos);
    let increase = |window: &str| format!("sum(increase(aep_llm_cost_usd_total[{window}]))");
    record(text, "navi:llm_cost_usd:increase1h", &increase("1h"), None);
    record(text, "navi:llm_cost_usd:increase1d", &increase("1d"), None);
    let forecast = format!("{} * 10", increase("3d"));
    record(text, "navi:llm_cost_usd:forecast30d", &forecast, None);
    let Cost {
        hour_usd,
        hour_page_usd,
        day_usd,
        month_usd,
    } = slos.cost;
    for (name, series, most, r#for, severity, span) in [
        (
            "CostHourHigh",
            "increase1h",
            hour_usd,
            "5m",
            "warning",
            "in the last hour",
        ),
        (
            "CostHourVeryHigh",
            "increase1h",
            hour_page_usd,
            "2m",
            "critical",
            "in the last hour",
        ),
        (
            "CostDayHigh",
            "increase1d",
            day_usd,
            "5m",
            "critical",
            "in the last day",
        ),
        (
            "CostMonthForecastHigh",
            "forecast30d",
            month_usd,
            "1h",
            "warning",
            "in 30 days, at the pace of the last three",
        ),
    ] {
        alert(
            text,
            &Alert {
                name,
                expr: &format!("navi:llm_cost_usd:{series} > {most}"),
                r#for,
                severity,
                slo: Some("cost"),
                summary: &format!("Calls to models cost more than {most} US dollars {span}."),
                description: &format!(
                    "They cost {{{{ $value | printf \"%.2f\" }}}} US dollars {span}; the threshold of {most} stands \
                     in prometheus/slos.toml."
                ),
                runbook: "high-llm-costs.md",
            },
        );
    }
}

fn freshness(text: &mut String, slos: &Slos) {
    group(text, "slo-freshness", slos);
    let oldest = slos.analyzer.oldest_seconds;
    // A server that has just started may wait for its first pass, and other programs have this metric too.
    let expr = format!(
        "time() - max(navi_analyzer_last_success_timestamp_seconds) > {oldest}\n\
         and max((time() - process_start_time_seconds) and on (job, instance) navi_ready) > {oldest}"
    );
    alert(
        text,
        &Alert {
            name: "AnalyzerStale",
            expr: &expr,
            r#for: "2m",
            severity: "warning",
            slo: Some("analyzer"),
            summary: "The analyzer of ratings has not made a complete pass for too long.",
            description: "The newest one ended {{ $value | humanizeDuration }} ago.",
            runbook: "analyzer-stale.md",
        },
    );
    let lost = slos.audit.lost;
    alert(
        text,
        &Alert {
            name: "AuditRecordsLost",
            expr: &format!("sum(increase(navi_audit_records_lost_total[10m])) > {lost}"),
            r#for: "1m",
            severity: "critical",
            slo: Some("audit"),
            summary: "Records of the audit log are lost.",
            description: "Too many waited for the database; {{ $value | humanize }} in the last 10 minutes \
                          are in the log of the program alone.",
            runbook: "audit-failures.md",
        },
    );
}

struct Alert<'a> {
    name: &'a str,
    expr: &'a str,
    r#for: &'a str,
    severity: &'a str,
    slo: Option<&'a str>,
    summary: &'a str,
    description: &'a str,
    runbook: &'a str,
}

fn alert(text: &mut String, alert: &Alert) {
    writeln!(text, "      - alert: {}\n        expr: |-", alert.name).unwrap();
    for line in alert.expr.lines() {
        writeln!(text, "          {line}").unwrap();
    }
    writeln!(
        text,
        "        for: {}\n        labels:\n          severity: {}",
        alert.r#for, alert.severity
    )
    .unwrap();
    if let Some(slo) = alert.slo {
        writeln!(text, "          slo: {slo}").unwrap();
    }
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    writeln!(
        text,
        "        annotations:\n          summary: {}\n          description: {}\n          \
         runbook_url: docs/runbooks/{}",
        quoted(alert.summary),
        quoted(alert.description),
        alert.runbook
    )
    .unwrap();
}
