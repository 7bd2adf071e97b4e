//! The cost of a run, shown after it.

use std::io::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde_json::Value;

use crate::app::App;
use crate::cli::failure::Failure;
use crate::cli::terminal::show::Show;
use crate::cli::terminal::words::{counted, cut, grouped, width};
use crate::ledger::model::CallRow;
use crate::ledger::money::Nanos;
use crate::ledger::store;
use crate::platform::db;
use crate::platform::ids::{OrgId, RunId};

/// The columns of the table: their names, and how soon each is left out where there is no room; the
/// smaller the sooner, zero never.
const COLUMNS: [(&str, u8); 8] = [
    ("  phase", 0),
    ("model", 0),
    ("status", 3),
    ("input", 4),
    ("cached", 1),
    ("output", 4),
    ("ms", 2),
    ("cost", 0),
];
/// The place of the model.
const MODEL: usize = 1;
/// The first column of numbers.
const NUMBERS: usize = 3;
/// The least that is shown of a model's name, in columns.
const LEAST_MODEL: usize = 12;

/// Shows what a run's calls cost, as the database has recorded it.
pub async fn show<W: Write>(
    app: &App,
    org_id: &OrgId,
    summary: &Value,
    show: &mut Show<W>,
) -> Result<(), Failure> {
    let id = summary["task_id"].as_str().unwrap_or_default();
    let run_id: RunId = id.parse().map_err(|_| Failure::Unfinished { run: None })?;
    let mut conn = app.db.acquire().await.map_err(db::Error::Query)?;
    let calls = store::calls_of_run(&mut conn, org_id, run_id)
        .await
        .map_err(db::Error::Query)?;
    show.line(&total(&calls))?;
    if calls.len() > 1 {
        let rows: Vec<_> = calls.iter().map(row).collect();
        show.block(&table(rows, show.columns()))?;
    }
    Ok(())
}

/// The sum of a run's calls, in a line.
fn total(calls: &[CallRow]) -> String {
    let tokens = calls.iter().map(|call| call.usage.total()).sum();
    let cost = calls
        .iter()
        .try_fold(Nanos::ZERO, |sum, call| sum.checked_add(call.cost?));
    let cost = cost.map(Nanos::to_metric);
    let calls = counted(calls.len() as u64, "call", "calls");
    format!("Cost: {calls}, {}, {}", tokens_of(tokens), dollars(cost))
}

/// The same, as the summary of a run tells it.
pub fn cost_of_summary(summary: &Value) -> String {
    let tokens = &summary["tokens"];
    let count = |name: &str| tokens[name].as_u64().unwrap_or_default();
    let tokens = tokens_of(count("input") + count("output"));
    format!("Cost: {tokens}, {}", dollars(summary["cost_usd"].as_f64()))
}

fn tokens_of(tokens: u64) -> String {
    counted(tokens, "token", "tokens")
}

/// An amount in dollars: in cents, and finer where it is a few cents or less.
fn dollars(cost: Option<f64>) -> String {
    match cost {
        None => "price unknown".to_owned(),
        Some(cost) if cost > 0.0 && cost < 0.000_05 => "under $0.0001".to_owned(),
        Some(cost) if cost > 0.0 && cost < 0.1 => format!("${cost:.4}"),
        Some(cost) => format!("${cost:.2}"),
    }
}

fn row(call: &CallRow) -> [String; 8] {
    [
        format!("  {}", call.phase),
        format!("{}/{}", call.provider, call.model),
        call.status.clone(),
        grouped(call.usage.input),
        grouped(call.usage.cache_read),
        grouped(call.usage.output),
        call.latency.as_millis().to_string(),
        dollars(call.cost.map(Nanos::to_metric)),
    ]
}

/// The rows as a table that is no wider than the terminal: less important columns are left out, then names
/// of models are cut.
fn table(mut rows: Vec<[String; 8]>, columns: Option<usize>) -> String {
    let most = COLUMNS
        .iter()
        .map(|(_, order)| *order)
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for left_out in 0..=most {
        text = drawn(&rows, left_out);
        if columns.is_none_or(|columns| widest(&text) <= columns) {
            return text;
        }
    }
    let too_much = widest(&text).saturating_sub(columns.unwrap_or(usize::MAX));
    let longest = rows.iter().map(|row| width(&row[MODEL])).max();
    let room = longest
        .unwrap_or_default()
        .saturating_sub(too_much)
        .max(LEAST_MODEL);
    for row in &mut rows {
        row[MODEL] = cut(&row[MODEL], room);
    }
    drawn(&rows, most)
}

fn widest(text: &str) -> usize {
    text.lines().map(width).max().unwrap_or_default()
}

fn drawn(rows: &[[String; 8]], left_out: u8) -> String {
    let is_kept = |at: &usize| COLUMNS[*at].1 == 0 || COLUMNS[*at].1 > left_out;
    let kept: Vec<usize> = (0..COLUMNS.len()).filter(is_kept).collect();
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(kept.iter().map(|at| COLUMNS[*at].0));
    for row in rows {
        table.add_row(kept.iter().map(|at| row[*at].as_str()));
    }
    for (column, at) in table.column_iter_mut().zip(kept) {
        if at >= NUMBERS {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_amount_is_told_in_cents_unless_it_is_less() {
        for (cost, text) in [
            (Some(0.0), "$0.00"),
            (Some(0.000_001), "under $0.0001"),
            (Some(0.0123), "$0.0123"),
            (Some(12.345), "$12.35"),
            (None, "price unknown"),
        ] {
            assert_eq!(dollars(cost), text);
        }
        let summary = json!({"tokens": {"input": 5_000, "output": 250}, "cost_usd": 0.0});
        assert_eq!(cost_of_summary(&summary), "Cost: 5,250 tokens, $0.00");
    }

    #[test]
    fn the_table_shrinks_with_the_terminal_and_breaks_nothing() {
        let row = [
            "  autonomous",
            "anthropic/claude-sonnet-with-a-long-name",
            "success",
            "123,456",
            "100,000",
            "1,234",
            "12345",
            "$0.1234",
        ]
        .map(str::to_owned);
        let rows = vec![row.clone(), row];
        assert!(table(rows.clone(), None).contains("cached"));
        for columns in [40, 60, 80, 100, 120] {
            let text = table(rows.clone(), Some(columns));
            assert!(widest(&text) <= columns, "{columns}:\n{text}");
            assert_eq!(text.lines().count(), 3, "{columns}:\n{text}");
            assert!(text.contains("$0.1234"), "{columns}:\n{text}");
        }
    }
}
