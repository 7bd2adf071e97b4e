//! A whole load, told in a terminal or on a page.

use std::fmt::Write;

use crate::cli::load::report::measured::LoadReport;
use crate::cli::load::report::table;
use crate::cli::load::report::table::{Grid, title};
use crate::cli::pages::markdown::within_columns;

/// The ways to tell a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadTelling {
    /// In a terminal.
    Plain,
    /// On a page, in Markdown.
    Markdown,
}

/// The words for a load that leaves no rows.
const NO_ROWS: &str = "No rows to compare: nothing but reading was asked for.";

/// All that is told of loads: an overview of several, and each of them, always in the same order.
pub fn tell_all(reports: &[LoadReport], how: LoadTelling) -> String {
    let mut sorted: Vec<_> = reports.iter().collect();
    sorted.sort_by_key(|report| {
        let servers = &report.servers;
        let stage = report.stages.first().map(|stage| stage.kind);
        let beside = (servers.rows_before, servers.followers);
        (beside, servers.count, stage, report.scenario)
    });
    let mut text = String::new();
    if sorted.len() > 1 {
        let overview = rendered(&table::overview(&sorted), how);
        let _written = writeln!(text, "{}\n", overview.trim_end());
    }
    for report in sorted {
        let _written = writeln!(text, "{}", tell(report, how));
    }
    match how {
        LoadTelling::Plain => text,
        LoadTelling::Markdown => within_columns(&text),
    }
}

/// All that is told of a load, with line feeds.
pub fn tell(report: &LoadReport, how: LoadTelling) -> String {
    let mut text = String::new();
    let heading = match how {
        LoadTelling::Plain => "",
        LoadTelling::Markdown => "### ",
    };
    let title = format!("{heading}{}", title(report));
    let parts = [
        title,
        circumstances(report),
        rendered(&table::times(report), how),
        rendered(&table::uses(report), how),
        rendered(&table::costs(report), how),
        table::parity(report).map_or_else(|| NO_ROWS.to_owned(), |grid| rendered(&grid, how)),
    ];
    for part in parts {
        let _written = writeln!(text, "{}\n", part.trim_end());
    }
    for line in table::failures(report) {
        let _written = writeln!(text, "{}failed: {line}", bullet(how));
    }
    if let Some(knee) = table::knee(report) {
        let _written = writeln!(text, "{}knee: {knee}", bullet(how));
    }
    text
}

fn bullet(how: LoadTelling) -> &'static str {
    match how {
        LoadTelling::Plain => "",
        LoadTelling::Markdown => "- ",
    }
}

fn rendered(grid: &Grid, how: LoadTelling) -> String {
    match how {
        LoadTelling::Plain => grid.plain(),
        LoadTelling::Markdown => grid.markdown(),
    }
}

fn circumstances(report: &LoadReport) -> String {
    let servers = &report.servers;
    let whose = if servers.own {
        "started for it"
    } else {
        "running already"
    };
    let mut text = format!(
        "{}, navi {} ({} build), {} (load average {} before). Servers: {}, {whose}; killed {} times. Database: {}. \
         Rows before, in each large table: {}. Followers all the time: {}. Model: {}. Provider: {}.",
        report.made_at.format("%-d %B %Y %H:%M UTC"),
        report.version,
        report.build.name(),
        report.machine,
        report.load_before,
        servers.count,
        servers.kills,
        servers.database,
        servers.rows_before,
        servers.followers,
        report.models.join(", "),
        report.provider,
    );
    if !servers.settings.is_empty() {
        let all = servers.settings.iter();
        let all: Vec<_> = all.map(|(name, value)| format!("{name}={value}")).collect();
        let _written = write!(text, " Settings: {}.", all.join(" "));
    }
    text
}
