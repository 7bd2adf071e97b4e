//! Plots as SVG: how times are distributed, and where they went.

use std::fmt::Write as _;

use crate::cli::e2e::measuring::figures::{first_tokens, own_shares, totals};
use crate::cli::e2e::measuring::model::{E2eData, TaskData, TimeShares};
use crate::cli::e2e::tasks::model::TaskKind;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 120.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 46.0;
const COLOURS: [&str; 7] = [
    "#4e79a7", "#f28e2b", "#edc948", "#76b7b2", "#e15759", "#bab0ac", "#59a14f",
];

/// The part of the tasks that took at most so long: all of it, to the first token, our own share.
pub fn distribution(data: &E2eData) -> String {
    let tasks: Vec<&TaskData> = data.tasks.iter().collect();
    let curves = [
        ("total", totals(&tasks), COLOURS[0]),
        ("to the first token", first_tokens(&tasks), COLOURS[1]),
        ("NAVI's own share", own_shares(&tasks), COLOURS[6]),
    ];
    let height = 340.0;
    let bottom = height - 46.0;
    let (least, most) = decades(curves.iter().flat_map(|(_, samples, _)| samples));
    let x = |ms: f64| {
        let part = (ms.max(0.01).log10() - least) / (most - least);
        LEFT + part * (WIDTH - LEFT - RIGHT)
    };
    let y = |part: f64| bottom - part * (bottom - TOP);
    let mut svg = head(
        height,
        &format!("{}: tasks done within a time", data.session.name),
    );
    let mut decade = least;
    while decade <= most {
        let (at, label) = (x(10_f64.powf(decade)), time_label(10_f64.powf(decade)));
        line(&mut svg, (at, TOP), (at, bottom), "#e0e0e0");
        text(&mut svg, (at, bottom + 18.0), "middle", &label);
        decade += 1.0;
    }
    for percent in [0.0, 50.0, 95.0, 100.0] {
        let at = y(percent / 100.0);
        line(&mut svg, (LEFT, at), (WIDTH - RIGHT, at), "#e0e0e0");
        text(
            &mut svg,
            (LEFT - 8.0, at + 4.0),
            "end",
            &format!("{percent} %"),
        );
    }
    for (place, (name, mut samples, colour)) in curves.into_iter().enumerate() {
        samples.sort_by(f64::total_cmp);
        let count = as_float(samples.len());
        let mut points = String::new();
        for (at, ms) in samples.iter().enumerate() {
            let _ = write!(points, "{:.1},{:.1} ", x(*ms), y(as_float(at + 1) / count));
        }
        let _ = writeln!(
            svg,
            r#"<polyline fill="none" stroke="{colour}" stroke-width="2" points="{}"/>"#,
            points.trim_end()
        );
        legend(&mut svg, place, name, colour);
    }
    svg.push_str("</svg>\n");
    svg
}

/// For each kind of task, where the time of its tasks went in the middle.
pub fn parts(data: &E2eData) -> String {
    let names = [
        "provider",
        "tools",
        "search",
        "checks",
        "people",
        "copies",
        "NAVI's own",
    ];
    let kinds: Vec<(TaskKind, [f64; 7])> = TaskKind::ALL
        .into_iter()
        .filter_map(|kind| Some((kind, middle(data, kind)?)))
        .collect();
    let height = TOP + 22.0 * as_float(kinds.len()) + 40.0;
    let most = kinds.iter().map(|(_, parts)| parts.iter().sum::<f64>());
    let most = most.fold(1.0, f64::max);
    let scale = (WIDTH - LEFT - RIGHT - 70.0) / most;
    let mut svg = head(
        height,
        &format!(
            "{}: medians of the parts, in milliseconds",
            data.session.name
        ),
    );
    for (row, (kind, parts)) in kinds.iter().enumerate() {
        let top = TOP + 22.0 * as_float(row);
        text(&mut svg, (LEFT - 8.0, top + 13.0), "end", kind.as_str());
        let mut at = LEFT;
        for (part, colour) in parts.iter().zip(COLOURS) {
            let wide = part * scale;
            let _ = writeln!(
                svg,
                r#"<rect x="{at:.1}" y="{top:.1}" width="{wide:.1}" height="16" fill="{colour}"/>"#
            );
            at += wide;
        }
        let sum = format!("{:.0}", parts.iter().sum::<f64>());
        text(&mut svg, (at + 6.0, top + 13.0), "start", &sum);
    }
    for (place, (name, colour)) in names.into_iter().zip(COLOURS).enumerate() {
        legend(&mut svg, place, name, colour);
    }
    svg.push_str("</svg>\n");
    svg
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

/// The decades that hold all samples.
fn decades<'a>(samples: impl Iterator<Item = &'a f64>) -> (f64, f64) {
    let logs = samples.map(|ms| ms.max(0.01).log10());
    let (least, most) = logs.fold((f64::MAX, f64::MIN), |(least, most), log| {
        (least.min(log), most.max(log))
    });
    if least > most {
        return (0.0, 1.0);
    }
    (least.floor(), most.ceil().max(least.floor() + 1.0))
}

fn time_label(ms: f64) -> String {
    if ms >= 1_000.0 {
        format!("{} s", ms / 1_000.0)
    } else {
        format!("{ms} ms")
    }
}

fn as_float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn head(height: f64, title: &str) -> String {
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">"#
    );
    let _ = writeln!(
        svg,
        "\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>"
    );
    text(&mut svg, (LEFT, 18.0), "start", title);
    svg
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) {
    let _ = writeln!(
        svg,
        r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{colour}"/>"#,
        from.0, from.1, to.0, to.1
    );
}

fn text(svg: &mut String, at: (f64, f64), anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        r#"<text x="{:.1}" y="{:.1}" text-anchor="{anchor}">{words}</text>"#,
        at.0, at.1
    );
}

fn legend(svg: &mut String, place: usize, name: &str, colour: &str) {
    let at = LEFT + 104.0 * as_float(place) * if name.len() > 12 { 1.3 } else { 1.0 };
    let _ = writeln!(
        svg,
        r#"<rect x="{at:.1}" y="26" width="10" height="10" fill="{colour}"/>"#
    );
    text(svg, (at + 14.0, 35.0), "start", name);
}
