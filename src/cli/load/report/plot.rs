//! Plots of loads as SVG: the slowest hundredth as users, rows and open streams grow.

use crate::cli::load::report::measured::{
    ActionReport, LoadReport, MeasuredServers, StageKind, StageReport,
};
use crate::cli::pages::curves::{Curve, chart, time_label};

/// The plots that loads give, each with the name of its file; none of what was not measured.
pub fn plots(reports: &[LoadReport]) -> Vec<(&'static str, String)> {
    let users = chart(
        "the slowest p99 of a scenario's actions, by users",
        [count_label, time_label],
        &by_users(reports),
    );
    let rows = chart(
        "p99 of the actions of 50 mixed users, by rows of each large table",
        [count_label, time_label],
        &by_growth(reports, |servers| servers.rows_before),
    );
    let streams = chart(
        "p99 of the actions of 50 mixed users, by open streams",
        [count_label, time_label],
        &by_growth(reports, |servers| u64::from(servers.followers)),
    );
    let all = [
        ("users.svg", users),
        ("rows.svg", rows),
        ("streams.svg", streams),
    ];
    all.into_iter()
        .filter_map(|(name, svg)| Some((name, svg?)))
        .collect()
}

/// A curve for each load that went to its knee.
fn by_users(reports: &[LoadReport]) -> Vec<Curve> {
    let mut to_the_knee: Vec<_> = reports
        .iter()
        .filter(|report| report.knee.is_some() && report.servers.rows_before == 0)
        .filter(|report| report.servers.followers == 0)
        .collect();
    to_the_knee.sort_by_key(|report| (report.servers.count, report.scenario));
    to_the_knee
        .into_iter()
        .map(|report| {
            let mut points: Vec<_> = report
                .stages
                .iter()
                .filter_map(|stage| Some((f64::from(stage.users), slowest(stage)?)))
                .collect();
            points.sort_by(|one, other| one.0.total_cmp(&other.0));
            let servers = report.servers.count;
            let name = match servers {
                0 | 1 => report.scenario.to_string(),
                _ => format!("{}, {servers} servers", report.scenario),
            };
            Curve { name, points }
        })
        .collect()
}

/// A curve for each action, over the loads beside which something had grown.
fn by_growth(reports: &[LoadReport], grown: fn(&MeasuredServers) -> u64) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    let mut sorted: Vec<_> = reports
        .iter()
        .filter(|report| grown(&report.servers) > 0)
        .collect();
    sorted.sort_by_key(|report| grown(&report.servers));
    for report in sorted {
        let steady = |stage: &&StageReport| stage.kind == StageKind::Steady;
        let Some(stage) = report.stages.iter().rfind(steady) else {
            continue;
        };
        let at = f64::from(u32::try_from(grown(&report.servers)).unwrap_or(u32::MAX));
        for action in &stage.actions {
            let Some(p99) = p99(action) else { continue };
            let name = action.action.name();
            match curves.iter_mut().find(|curve| curve.name == name) {
                Some(curve) => curve.points.push((at, p99)),
                None => curves.push(Curve {
                    name: name.to_owned(),
                    points: vec![(at, p99)],
                }),
            }
        }
    }
    curves
}

fn slowest(stage: &StageReport) -> Option<f64> {
    stage.actions.iter().filter_map(p99).reduce(f64::max)
}

/// The slowest hundredth until the last of an action's moments.
fn p99(action: &ActionReport) -> Option<f64> {
    let times = action.times.keys();
    times
        .filter_map(|moment| action.millis_to(*moment, 990))
        .reduce(f64::max)
}

fn count_label(count: f64) -> String {
    format!("{count}")
}
