//! The table of figures: what the server does beside a baseline of the same minute.
//!
//! `scripts/bench.sh` starts the Postgres that this needs and runs it. `navi serve` is a process of its
//! own, this program is all of its clients and its providers of models, and all of it shares the
//! machine. Arguments are names of parts (`telemetry feedback chat runs queue reading resources`), or
//! `growth` or `kills`, which are measured only when they are named. `page` writes the page alone, and
//! `record=NAME` keeps what another program printed.
//!
//! `NAVI_BENCH_SECONDS` is how long each load lasts, 5 when it is not set. What was measured replaces
//! the figures of the same names in `docs/performance.json`, from which `docs/performance.md` is made.
//! The exit code is 1 when a figure is beyond its budget.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark stops at the first surprise, prints, and starts what it measures"
)]

#[path = "../support/clock.rs"]
#[expect(
    dead_code,
    reason = "the sheet prints figures, and other benchmarks samples"
)]
mod clock;
#[path = "../support/http.rs"]
mod http;
#[path = "../support/memory.rs"]
mod memory;
#[path = "../support/provider.rs"]
mod provider;
#[path = "../support/server.rs"]
mod server;

mod budget;
mod curves;
mod figure;
mod load;
mod machine;
mod page;
mod plain;
mod rows;
mod scene;
mod sheet;

use std::process::ExitCode;
use std::time::Duration;

use figure::{Figure, Program, Report};
use machine::Begun;
use scene::Scene;
use sheet::Sheet;

const REPORT: &str = "docs/performance.json";
const BUDGETS: &str = include_str!("budget.toml");

type Part = fn(&Scene, &mut Sheet);

/// In the order in which they are measured: what stores most comes last.
const PARTS: [(&str, Part); 7] = [
    ("resources", rows::resources::measure),
    ("chat", rows::chat::measure),
    ("runs", rows::runs::measure),
    ("queue", rows::queue::measure),
    ("feedback", rows::feedback::measure),
    ("reading", rows::reading::measure),
    ("telemetry", rows::telemetry::measure),
];

fn main() -> ExitCode {
    let named: Vec<String> = std::env::args()
        .skip(1)
        .filter(|name| !name.starts_with('-'))
        .collect();
    let text = std::fs::read_to_string(REPORT).unwrap_or_else(|_| "{}".to_owned());
    let mut report: Report = serde_json::from_str(&text).unwrap();
    if named.iter().any(|name| name == "page") {
        write(&report);
        return ExitCode::SUCCESS;
    }
    if let Some(program) = named.iter().find_map(|name| name.strip_prefix("record=")) {
        record(&mut report, program);
        write(&report);
        return ExitCode::SUCCESS;
    }
    let seconds = std::env::var("NAVI_BENCH_SECONDS").map_or(5, |text| text.parse().unwrap());
    let scene = Scene::new(Duration::from_secs(seconds));
    let begun = Begun::now();
    let is_named = |name: &str| named.iter().any(|one| one == name);
    if is_named("kills") {
        report.kills = rows::kills::measure(&scene);
        report.kills_run = begun.over();
        write(&report);
        let lost = report
            .kills
            .iter()
            .any(|one| one.lost + one.without_entry > 0);
        return if lost {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        };
    }
    if is_named("growth") {
        report.growth = rows::growth::measure(&scene);
        report.growth_run = begun.over();
        curves::draw(&report.growth);
        write(&report);
        return ExitCode::SUCCESS;
    }
    let mut sheet = Sheet::default();
    for (name, measure) in PARTS {
        if named.is_empty() || is_named(name) {
            measure(&scene, &mut sheet);
        }
    }
    finish(report, sheet.figures, begun, named.is_empty())
}

/// Keeps what a whole run measured. One of some parts only prints, because a page whose figures are of
/// different days and builds would compare what cannot be compared.
fn finish(mut report: Report, figures: Vec<Figure>, begun: Begun, whole: bool) -> ExitCode {
    let budgets = budget::read(BUDGETS).unwrap();
    let broken = budget::broken(&figures, &budgets);
    if whole {
        report.figures = figures;
        report.run = begun.over();
        write(&report);
    }
    for line in &broken {
        println!("beyond its budget: {line}");
    }
    if broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Keeps what another program printed, which comes from the standard input.
fn record(report: &mut Report, name: &str) {
    let output = std::io::read_to_string(std::io::stdin()).unwrap();
    report.programs.retain(|program| program.name != name);
    report.programs.push(Program {
        name: name.to_owned(),
        run: Begun::now().over(),
        output,
    });
    report.programs.sort_by(|a, b| a.name.cmp(&b.name));
}

fn write(report: &Report) {
    let json = serde_json::to_string_pretty(report).unwrap() + "\n";
    std::fs::write(REPORT, json).unwrap();
    let budgets = budget::read(BUDGETS).unwrap();
    std::fs::write("docs/performance.md", page::render(report, &budgets)).unwrap();
}
