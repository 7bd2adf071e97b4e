//! The end of a run that could not tell its own: its log was refused, or its work panicked.
//!
//! Whoever watches is told all the same, and the row does not stay `running` for ever. What the run
//! itself knew (files, tokens, cost) is gone with it; the rows of its calls are there.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::agent::event::{Event, Phase, ToolResultData, Verification};
use crate::agent::event_log::{self, Appended};
use crate::agent::journal::WriteError;
use crate::agent::model::{Run, Stopped, Summary, Tokens};
use crate::agent::service::Services;
use crate::agent::store;

/// The pause between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Writes the end of a lost run, unless it has one; tries until the process ends.
pub(super) async fn bury(services: &Services, run: &Run, stopping: &CancellationToken) {
    while !stopping.is_cancelled() {
        match write_end(services, run).await {
            Ok(()) => return,
            Err(error) if error.is_final() => {
                tracing::error!(run.id = %run.id, %error, "a lost run's end is refused too");
                return;
            }
            Err(error) => {
                tracing::warn!(run.id = %run.id, %error, "a lost run's end waits for Postgres");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn write_end(services: &Services, run: &Run) -> Result<(), WriteError> {
    let (at, stopped) = (services.clock.now(), Stopped::InternalError);
    let timestamp = services.clock.millis();
    let summary = Summary {
        task_id: run.id,
        success: stopped.is_success(),
        stopped_reason: stopped.reason().to_owned(),
        files_read: Vec::new(),
        files_modified: Vec::new(),
        files_created: Vec::new(),
        iterations: 0,
        verification: Verification::NotRun,
        tokens: Tokens::default(),
        cost_usd: None,
        elapsed_ms: u64::try_from((at - run.created_at).num_milliseconds()).unwrap_or_default(),
        next_steps: vec!["Tell the operator the run's id".to_owned()],
    };
    let value = serde_json::to_value(&summary).unwrap_or_default();
    let (org_id, run_id) = (&run.org_id, run.id);
    let mut tx = services.db.begin().await?;
    if !store::finish_run(&mut tx, org_id, run_id, stopped.run_status(), &value, at).await? {
        return Ok(());
    }
    store::close_prompts(&mut tx, org_id, run_id).await?;
    let mut events = Vec::new();
    for (id, call_id) in store::open_tool_calls(&mut tx, org_id, run_id).await? {
        let result = json!({ "success": false, "error": "the run failed before this was done" });
        store::finish_tool_call(&mut tx, org_id, id, &result, at).await?;
        let result = result.as_object().cloned().unwrap_or_default();
        let tool_result = ToolResultData {
            id: call_id,
            result,
        };
        events.push(Event::ToolResult {
            tool_result,
            timestamp,
        });
    }
    events.push(Event::Error {
        error: "something failed on the server; the run's id finds it in the log".to_owned(),
        code: "INTERNAL".to_owned(),
    });
    events.push(Event::Status {
        status: Phase::Failed,
        task_id: None,
        reason: Some(stopped.reason().to_owned()),
        prompt_id: None,
    });
    events.push(Event::Complete { summary });
    let expected = event_log::last_sequence(&mut tx, org_id, run_id).await?;
    match event_log::append(&mut tx, org_id, run_id, expected, &events, at).await? {
        Appended::Done => {}
        Appended::EndsAt(found) => return Err(WriteError::Moved { found, expected }),
    }
    tx.commit().await?;
    services
        .live
        .publish(run_id, event_log::numbered(expected, events));
    Ok(())
}
