//! Plots as SVG: how times are distributed, and where they went.

use crate::cli::e2e::measuring::figures::{first_tokens, own_shares, totals};
use crate::cli::e2e::measuring::model::{E2eData, TaskData, TimeShares};
use crate::cli::e2e::tasks::model::TaskKind;
use crate::cli::pages::curves::{LogAxis, cumulated, empty, level, time_label};
use crate::cli::pages::svg::{COLOURS, LEFT, RIGHT, Svg, TOP, WIDTH, as_float};

/// The names of the parts of a task's time.
const PARTS: [&str; 7] = [
    "provider",
    "tools",
    "search",
    "checks",
    "people",
    "copies",
    "NAVI's own",
];

/// The part of the tasks that took at most so long: all of it, to the first token, our own share.
pub fn distribution(data: &E2eData) -> String {
    let tasks: Vec<&TaskData> = data.tasks.iter().collect();
    let curves = [
        ("total", totals(&tasks), COLOURS[0]),
        ("to the first token", first_tokens(&tasks), COLOURS[1]),
        ("NAVI's own share", own_shares(&tasks), COLOURS[6]),
    ];
    let axis = LogAxis::of(curves.iter().flat_map(|(_, samples, _)| samples));
    let title = format!("{}: tasks done within a time", data.session.name);
    let mut svg = empty(&title, axis, time_label);
    for percent in [0.0, 50.0, 95.0, 100.0] {
        level(&mut svg, percent / 100.0, &format!("{percent} %"));
    }
    for (name, mut samples, colour) in curves {
        cumulated(&mut svg, axis, &mut samples, colour);
        svg.legend(name, colour);
    }
    svg.end()
}

/// For each kind of task, where the time of its tasks went in the middle.
pub fn parts(data: &E2eData) -> String {
    let kinds: Vec<(TaskKind, [f64; 7])> = TaskKind::ALL
        .into_iter()
        .filter_map(|kind| Some((kind, middle(data, kind)?)))
        .collect();
    let height = TOP + 22.0 * as_float(kinds.len()) + 40.0;
    let most = kinds.iter().map(|(_, parts)| parts.iter().sum::<f64>());
    let most = most.fold(1.0, f64::max);
    let scale = (WIDTH - LEFT - RIGHT - 70.0) / most;
    let name = &data.session.name;
    let mut svg = Svg::new(
        height,
        &format!("{name}: medians of the parts, in milliseconds"),
    );
    for (row, (kind, parts)) in kinds.iter().enumerate() {
        let top = TOP + 22.0 * as_float(row);
        svg.text((LEFT - 8.0, top + 13.0), "end", kind.as_str());
        let mut at = LEFT;
        for (part, colour) in parts.iter().zip(COLOURS) {
            svg.bar((at, top), (part * scale, 16.0), colour);
            at += part * scale;
        }
        let sum = format!("{:.0}", parts.iter().sum::<f64>());
        svg.text((at + 6.0, top + 13.0), "start", &sum);
    }
    for (name, colour) in PARTS.into_iter().zip(COLOURS) {
        svg.legend(name, colour);
    }
    svg.end()
}

fn middle(data: &E2eData, kind: TaskKind) -> Option<[f64; 7]> {
    let tasks = data.tasks.iter().filter(|task| task.kind == kind);
    let shares: Vec<TimeShares> = tasks.filter_map(|task| task.shares).collect();
    let of = |part: fn(&TimeShares) -> f64| {
        let mut samples: Vec<f64> = shares.iter().map(part).collect();
        samples.sort_by(f64::total_cmp);
        samples.get(samples.len() / 2).copied()
    };
    Some([
        of(|it| it.provider_ms)?,
        of(|it| it.tools_ms)?,
        of(|it| it.search_ms)?,
        of(|it| it.checks_ms)?,
        of(|it| it.people_ms)?,
        of(|it| it.copies_ms)?,
        of(|it| it.own_ms)?,
    ])
}
