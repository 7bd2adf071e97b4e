//! The tables of `docs/capacity.md` are what was measured, and nothing else.

use navi::cli::load::report::measured::{BuildKind, LoadReport, ParityLine};
use navi::cli::load::report::page::{LoadTelling, tell_all};
use navi::cli::load::report::plot::plots;

use super::{files, read};

/// The words that stand there before anything is measured.
const NOTHING: &str = "Nothing is measured yet: `scripts/load_test.sh` writes this part.\n";

#[test]
fn the_tables_of_capacity_are_made_from_the_raw_data() {
    let page = read("docs/capacity.md");
    let (_, rest) = page.split_once("<!-- measured: begin -->\n").unwrap();
    let (tables, _) = rest.split_once("<!-- measured: end -->").unwrap();
    let reports = reports();
    let expected = if reports.is_empty() {
        NOTHING.to_owned()
    } else {
        tell_all(&reports, LoadTelling::Markdown)
    };
    assert_eq!(
        tables, expected,
        "write it with scripts/load_test.sh --page"
    );
}

#[test]
fn the_plots_of_capacity_are_drawn_from_the_raw_data() {
    for (name, svg) in plots(&reports()) {
        let drawn = read(&format!("docs/load/{name}"));
        assert_eq!(drawn, svg, "draw it with scripts/load_test.sh --page");
    }
}

#[test]
fn the_raw_data_of_loads_are_of_release_builds_and_lost_no_row() {
    for report in reports() {
        let title = format!("{}, {}", report.scenario, report.made_at);
        assert_eq!(report.build, BuildKind::Release, "{title}");
        let faults: Vec<_> = report.parity.iter().filter_map(ParityLine::fault).collect();
        assert_eq!(faults, [""; 0], "{title}");
    }
}

fn reports() -> Vec<LoadReport> {
    let files = files("docs/load", ".json");
    let report = |file: &String| serde_json::from_str(&read(file)).unwrap();
    files.iter().map(report).collect()
}
