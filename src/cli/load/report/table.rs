//! Tables for people, in a terminal or on a page.

use std::fmt::Write;

use comfy_table::Table;
use comfy_table::presets::NOTHING;

use crate::cli::load::measure::kind::Moment;
use crate::cli::load::report::measured::{
    ActionReport, DatabaseUse, LoadReport, ParityLine, ServerUse, StageReport, ratio,
};

/// A heading and rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    fn new(header: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self {
            header: header.iter().map(|name| (*name).to_owned()).collect(),
            rows,
        }
    }

    /// As a terminal shows it.
    pub fn plain(&self) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(&self.header);
        for row in &self.rows {
            table.add_row(row);
        }
        table.trim_fmt()
    }

    /// As a page in Markdown holds it.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let rule = vec!["---".to_owned(); self.header.len()];
        for row in [&self.header, &rule].into_iter().chain(&self.rows) {
            let _written = writeln!(text, "| {} |", row.join(" | "));
        }
        text
    }
}

/// The words for a load: its scenario, its kinds of stage, and what was special.
pub fn title(report: &LoadReport) -> String {
    let kinds = report.stages.iter().map(|stage| stage.kind.name());
    let mut parts = vec![report.scenario.to_string()];
    parts.extend(kinds.map(str::to_owned));
    parts.dedup();
    let servers = &report.servers;
    if servers.count > 1 {
        parts.push(format!("{} servers", servers.count));
    }
    if servers.rows_before > 0 {
        parts.push(format!("{} rows before", servers.rows_before));
    }
    if servers.followers > 0 {
        parts.push(format!("{} followers", servers.followers));
    }
    parts.join(", ")
}

/// A line for each load: the most users that were served well, or else the most that there were.
pub fn overview(reports: &[&LoadReport]) -> Grid {
    let header = [
        "load",
        "users served well",
        "too many",
        "asked/s",
        "failed",
        "slowest p99",
        "used up first",
        "rows",
    ];
    let rows = reports.iter().map(|report| overview_row(report));
    Grid::new(&header, rows.collect())
}

fn overview_row(report: &LoadReport) -> Vec<String> {
    let none = || "–".to_owned();
    let most = report.stages.iter().max_by_key(|stage| stage.users);
    let knee = report.knee.as_ref();
    let told = knee.map_or(most, |knee| {
        let mut stages = report.stages.iter();
        stages.find(|stage| stage.users == knee.users)
    });
    let actions = told
        .map(|stage| stage.actions.as_slice())
        .unwrap_or_default();
    let failed: u64 = actions.iter().map(ActionReport::failed_count).sum();
    let slowest = actions.iter().flat_map(|action| {
        let times = action.times.keys();
        times.filter_map(|moment| action.millis_to(*moment, 990))
    });
    let faults = report.parity.iter().filter_map(ParityLine::fault);
    let faults: Vec<_> = faults.collect();
    vec![
        title(report),
        knee.map_or_else(none, |knee| knee.users.to_string()),
        knee.and_then(|knee| knee.broken_at)
            .map_or_else(none, |users| users.to_string()),
        told.map_or_else(none, |stage| number(stage.rate)),
        failed.to_string(),
        slowest.reduce(f64::max).map_or_else(none, millis_text),
        knee.map_or_else(none, |knee| knee.used_up.join("; ")),
        if faults.is_empty() {
            "right".to_owned()
        } else {
            faults.join("; ")
        },
    ]
}

/// The times of all actions.
pub fn times(report: &LoadReport) -> Grid {
    let header = [
        "stage", "users", "asked/s", "action", "until", "asked", "failed", "p50", "p95", "p99",
        "most",
    ];
    let mut rows = Vec::new();
    for stage in &report.stages {
        for action in &stage.actions {
            for moment in action.times.keys() {
                rows.push(time_row(stage, action, *moment));
            }
        }
    }
    Grid::new(&header, rows)
}

fn time_row(stage: &StageReport, action: &ActionReport, moment: Moment) -> Vec<String> {
    let at = |permille| {
        let millis = action.millis_to(moment, permille);
        millis.map_or_else(|| "–".to_owned(), millis_text)
    };
    vec![
        stage.kind.name().to_owned(),
        stage.users.to_string(),
        number(stage.rate),
        action.action.name().to_owned(),
        moment.name().to_owned(),
        action.offered.to_string(),
        failed_text(action),
        at(500),
        at(950),
        at(990),
        at(1_000),
    ]
}

fn failed_text(action: &ActionReport) -> String {
    let failed = action.failed_count();
    if failed == 0 {
        "0".to_owned()
    } else {
        format!("{failed} ({:.1} %)", action.failed_part() * 100.0)
    }
}

/// The use of servers, database and machine.
pub fn uses(report: &LoadReport) -> Grid {
    let header = [
        "stage",
        "users",
        "server: processors",
        "memory MiB",
        "connections",
        "waiting",
        "runs",
        "queued",
        "streams",
        "database: processors",
        "commits/s",
        "written/s",
        "WAL MiB/s",
        "active",
        "machine: processors",
        "of the load",
        "lag p99",
    ];
    Grid::new(&header, report.stages.iter().map(use_row).collect())
}

fn use_row(stage: &StageReport) -> Vec<String> {
    let mut row = vec![stage.kind.name().to_owned(), stage.users.to_string()];
    let server: [fn(&ServerUse) -> f64; 7] = [
        |used| used.processors,
        |used| used.memory_most_mib,
        |used| used.connections_most,
        |used| used.waiting_most,
        |used| used.runs_most,
        |used| used.queued_most,
        |used| used.streams_most,
    ];
    let none = || "–".to_owned();
    row.extend(server.map(|of| {
        stage
            .server
            .as_ref()
            .map_or_else(none, |used| number(of(used)))
    }));
    let database: [fn(&DatabaseUse) -> Option<f64>; 4] = [
        |used| used.processors,
        |used| Some(used.commits),
        |used| Some(used.written),
        |used| Some(used.wal_bytes / 1_048_576.0),
    ];
    row.extend(database.map(|of| {
        let value = stage.database.as_ref().and_then(of);
        value.map_or_else(none, number)
    }));
    let active = stage.database.as_ref();
    row.push(active.map_or_else(none, |used| used.active_most.to_string()));
    let machine = &stage.machine;
    row.push(format!(
        "{} of {}",
        number(machine.processors),
        machine.count
    ));
    row.push(number(machine.own_processors));
    let lag = machine.lag.histogram.millis_at(990);
    row.push(lag.map_or_else(none, millis_text));
    row
}

/// The comparison of the rows; none where there is nothing to compare.
pub fn parity(report: &LoadReport) -> Option<Grid> {
    let header = [
        "what",
        "acknowledged",
        "unknown",
        "stored",
        "lost",
        "counted",
        "verdict",
    ];
    let optional = |count: Option<u64>| count.map_or("–".to_owned(), |count| count.to_string());
    let rows = report.parity.iter().map(|line| {
        vec![
            line.thing.name().to_owned(),
            line.acknowledged.to_string(),
            line.unknown.to_string(),
            optional(line.stored),
            line.lost.to_string(),
            optional(line.counted),
            line.fault().unwrap_or_else(|| "right".to_owned()),
        ]
    });
    (!report.parity.is_empty()).then(|| Grid::new(&header, rows.collect()))
}

/// Processor time of an action, which the sizing formula wants.
pub fn costs(report: &LoadReport) -> Grid {
    let header = [
        "stage",
        "users",
        "good/s",
        "server ms/action",
        "database ms/action",
        "WAL bytes/action",
    ];
    let rows = report.stages.iter().filter_map(|stage| {
        let good: u64 = stage.actions.iter().map(|action| action.good).sum();
        let rate = ratio(good, 1) / stage.seconds;
        let each = |used: Option<f64>, factor: f64| {
            used.filter(|_| rate > 0.0)
                .map_or("–".to_owned(), |used| number(used * factor / rate))
        };
        let database = stage.database.as_ref();
        (good > 0).then(|| {
            vec![
                stage.kind.name().to_owned(),
                stage.users.to_string(),
                number(rate),
                each(stage.server.as_ref().map(|used| used.processors), 1e3),
                each(database.and_then(|used| used.processors), 1e3),
                each(database.map(|used| used.wal_bytes), 1.0),
            ]
        })
    });
    Grid::new(&header, rows.collect())
}

/// The reasons of failures, a line for each.
pub fn failures(report: &LoadReport) -> Vec<String> {
    let mut lines = Vec::new();
    for stage in &report.stages {
        for action in &stage.actions {
            for (reason, count) in &action.failed {
                let (kind, users) = (stage.kind.name(), stage.users);
                let name = action.action.name();
                lines.push(format!(
                    "{kind} with {users} users, {name}: {count} × {reason}"
                ));
            }
        }
    }
    lines
}

/// A sentence about the knee.
pub fn knee(report: &LoadReport) -> Option<String> {
    let knee = report.knee.as_ref()?;
    let mut text = match knee.broken_at {
        None => format!(
            "{} users are served well; more were not asked for",
            knee.users
        ),
        Some(broken) => format!(
            "{} users are served well; with {broken} not: {}",
            knee.users,
            knee.because.join("; ")
        ),
    };
    if !knee.used_up.is_empty() {
        let _written = write!(text, ". Used up there: {}", knee.used_up.join("; "));
    }
    Some(text)
}

/// Three digits at least.
fn number(value: f64) -> String {
    if value.abs() >= 100.0 || value.fract().abs() < f64::EPSILON {
        format!("{value:.0}")
    } else if value.abs() >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

fn millis_text(millis: f64) -> String {
    if millis >= 10_000.0 {
        format!("{:.1} s", millis / 1e3)
    } else {
        format!("{} ms", number(millis))
    }
}
