//! What the database holds about a run, shown after it.

use std::io::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde_json::Value;

use crate::app::App;
use crate::cli::failure::Failure;
use crate::cli::show::Show;
use crate::ledger::model::CallRow;
use crate::ledger::money::Nanos;
use crate::ledger::store;
use crate::platform::db;
use crate::platform::ids::{OrgId, RunId};

/// Shows a run's calls, their sum, and its row in `task_metrics`, read from the database.
pub async fn show<W: Write>(
    app: &App,
    org_id: &OrgId,
    summary: &Value,
    show: &mut Show<W>,
) -> Result<(), Failure> {
    let id = summary["task_id"].as_str().unwrap_or_default();
    let run_id: RunId = id.parse().map_err(|_| Failure::Unfinished)?;
    let mut conn = app.db.acquire().await.map_err(db::Error::Query)?;
    let calls = store::calls_of_run(&mut conn, org_id, run_id)
        .await
        .map_err(db::Error::Query)?;
    let task = store::task_of_run(&mut conn, org_id, run_id)
        .await
        .map_err(db::Error::Query)?;
    show.heading("Recorded in llm_metrics")?;
    show.line(&table(&calls).to_string())?;
    if let Some(task) = task {
        show.heading("Recorded in task_metrics")?;
        show.line(&format!(
            "  status {} · {} iterations · {} retrievals · {:.1} s, {:.1} s of it waiting for the \
             model · {} tokens · {}",
            task.status,
            task.iterations,
            task.retrievals,
            task.completion_time.as_secs_f64(),
            task.llm_time.as_secs_f64(),
            task.total_tokens,
            dollars(task.total_cost),
        ))?;
    }
    Ok(())
}

fn table(calls: &[CallRow]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "  phase", "model", "status", "input", "cached", "output", "ms", "cost",
    ]);
    for call in calls {
        table.add_row([
            format!("  {}", call.phase),
            format!("{}/{}", call.provider, call.model),
            call.status.clone(),
            call.usage.input.to_string(),
            call.usage.cache_read.to_string(),
            call.usage.output.to_string(),
            call.latency.as_millis().to_string(),
            dollars(call.cost),
        ]);
    }
    let sum = |of: fn(&CallRow) -> u64| calls.iter().map(of).sum::<u64>().to_string();
    let cost = calls
        .iter()
        .try_fold(Nanos::ZERO, |sum, call| sum.checked_add(call.cost?));
    table.add_row([
        "  all".to_owned(),
        format!("{} calls", calls.len()),
        String::new(),
        sum(|call| call.usage.input),
        sum(|call| call.usage.cache_read),
        sum(|call| call.usage.output),
        String::new(),
        dollars(cost),
    ]);
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn dollars(cost: Option<Nanos>) -> String {
    cost.map_or_else(
        || "price unknown".to_owned(),
        |cost| format!("${}", cost.to_dollars().normalize()),
    )
}
