//! The stored state of a run that goes on in this process.

use serde_json::Value;

use crate::agent::deps::Deps;
use crate::agent::error::Error;
use crate::agent::runner::file_watch;
use crate::agent::runner::file_watch::FileWatch;
use crate::agent::runner::state::{Baseline, RunState};
use crate::agent::spend::SpendTotal;
use crate::ledger;
use crate::llm::model::Message;
use crate::runs::lease::model::ClaimedRun;
use crate::runs::store::steps;
use crate::runs::store::steps::OpenCall;

/// The state of a run that another process left; empty for a run that begins.
#[derive(Debug, Default)]
pub(crate) struct ResumeState {
    pub(crate) state: RunState,
    pub(crate) baseline: Baseline,
    pub(crate) watch: FileWatch,
    pub(crate) messages: Vec<Message>,
    /// Calls without a result.
    pub(crate) left_behind: Vec<OpenCall>,
}

impl ResumeState {
    /// Reads what is stored of a run.
    pub(crate) async fn read(deps: &Deps, claimed: &ClaimedRun) -> Result<Self, Error> {
        let (org_id, run_id) = (&claimed.run.org_id, claimed.run.id);
        let mut conn = deps.db.acquire().await?;
        let calls = ledger::store::calls_of_run(&mut conn, org_id, run_id).await?;
        let mut state = claimed.state.clone().map(read_state).unwrap_or_default();
        state.usage.spent = SpendTotal::of(&calls);
        let tool_calls = steps::count_tool_calls(&mut conn, org_id, run_id).await?;
        state.usage.tool_calls = tool_calls.try_into().unwrap_or_default();
        let baseline = claimed.baseline.clone().map(serde_json::from_value);
        let left_behind = steps::open_tool_calls(&mut conn, org_id, run_id).await?;
        let messages = steps::run_messages(&mut conn, org_id, run_id).await?;
        drop(conn);
        let has_servers = !state.ports.is_empty();
        let (watch, is_lost) = file_watch::resume(deps, run_id, &left_behind, has_servers).await;
        state.usage.missed_changes |= is_lost;
        Ok(Self {
            state,
            // Without one, failures of before count as new: strict, and never a false success.
            baseline: baseline.and_then(Result::ok).unwrap_or_default(),
            watch,
            messages,
            left_behind,
        })
    }
}

/// Reads a stored state. One that cannot be read is that of a run that begins: the run's end is told in
/// any case.
pub(crate) fn read_state(state: Value) -> RunState {
    serde_json::from_value(state).unwrap_or_else(|error| {
        tracing::error!(%error, "the state of a run cannot be read");
        RunState::default()
    })
}
