//! The end of a run that cannot tell its own: it panicked, its log was refused, it could not be taken
//! up, it lost its worker once too often, or nobody had begun with it when its user cancelled it.
//!
//! Whoever follows it is told all the same, and its row does not stay open for ever. What it did is
//! taken from what it stored with its last step.

use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::agent::finish::finish::{cancel_requested, millis};
use crate::agent::finish::record;
use crate::agent::finish::record::End;
use crate::agent::runner::state::RunState;
use crate::agent::runner::usage::Spending;
use crate::agent::service::Services;
use crate::ledger;
use crate::ledger::money::Nanos;
use crate::runs::event::Event;
use crate::runs::log::journal::WriteError;
use crate::runs::log::store;
use crate::runs::log::store::{Append, Appended, Storable};
use crate::runs::model::{Run, RunStatus, Stopped, Summary, Tokens};
use crate::runs::store::runs;

/// The pause between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a run is ended from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What its summary says.
    pub stopped: Stopped,
    /// What is shown as an error, with its code.
    pub error: Option<(String, &'static str)>,
}

impl Reason {
    /// Its user cancelled it.
    pub fn cancelled() -> Self {
        Self {
            stopped: Stopped::Cancelled,
            error: None,
        }
    }

    /// Something failed on our side; the cause is in the server's log.
    pub fn internal() -> Self {
        let text = "something failed on the server; the run's id finds it in the log";
        Self::failed(Stopped::InternalError, text, "INTERNAL")
    }

    /// Something that its user can understand.
    pub fn failed(stopped: Stopped, text: impl Into<String>, code: &'static str) -> Self {
        Self {
            stopped,
            error: Some((text.into(), code)),
        }
    }
}

/// Writes the end of a run that is held under `fence`, unless it has one; tries until the process
/// ends.
pub(crate) async fn conclude(
    services: &Services,
    run: &Run,
    fence: i64,
    reason: &Reason,
    stopping: &CancellationToken,
) {
    let mut why = why(reason);
    while !stopping.is_cancelled() {
        match write_end(services, run, fence, reason, &mut why).await {
            Ok(()) => return,
            Err(error) if error.is_final() => {
                tracing::error!(run.id = %run.id, %error, "the end of a run is refused");
                return;
            }
            Err(error) => {
                tracing::warn!(run.id = %run.id, %error, "the end of a run waits for Postgres");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// What is told before the end.
fn why(reason: &Reason) -> Option<Event> {
    match &reason.error {
        Some((error, code)) => Some(Event::Error {
            error: error.clone(),
            code: (*code).to_owned(),
        }),
        None => (reason.stopped == Stopped::Cancelled).then(cancel_requested),
    }
}

async fn write_end(
    services: &Services,
    run: &Run,
    fence: i64,
    reason: &Reason,
    why: &mut Option<Event>,
) -> Result<(), WriteError> {
    if let Some(event) = why.clone() {
        append(services, run, fence, event).await?;
        // Another try of what follows does not say it again.
        *why = None;
    }
    let (org_id, run_id) = (&run.org_id, run.id);
    // What this process has recorded of the run's calls, and not yet written.
    if let Err(error) = services.ledger.flush(PAUSE).await {
        tracing::warn!(run.id = %run.id, %error, "the cost of a run may be incomplete");
    }
    let mut conn = services.db.acquire().await?;
    let state = runs::state(&mut conn, org_id, run_id).await?;
    let mut state = state.map(read_state).unwrap_or_default();
    let calls = ledger::store::calls_of_run(&mut conn, org_id, run_id.0).await?;
    drop(conn);
    state.tally.spending = Spending::of(&calls);
    let spent = state.tally.spending.spent();
    let stopped = reason.stopped;
    let summary = Summary {
        task_id: run_id,
        success: stopped.is_success(),
        stopped_reason: stopped.reason().to_owned(),
        files_read: state.tally.read.iter().cloned().collect(),
        files_modified: state.tally.modified.iter().cloned().collect(),
        files_created: state.tally.created.iter().cloned().collect(),
        iterations: state.iteration,
        verification: state.verification,
        tokens: Tokens::of(spent.usage),
        cost_usd: spent.cost.map(Nanos::to_metric),
        elapsed_ms: millis(state.worked),
        next_steps: record::next_steps(stopped, &state.tally),
    };
    let error = reason.error.as_ref().map(|(error, _)| error.as_str());
    let end = End {
        run,
        fence,
        stopped,
        summary: &summary,
        error: error.or(state.last_error.as_deref()),
        tally: &state.tally,
        worked: state.worked,
        progress: state.progress.as_ref(),
        generation: None,
        changes: &[],
    };
    end.write(services).await.map(drop)
}

/// A state that cannot be read is that of a run that begins: the run's end is told in any case.
pub(crate) fn read_state(state: Value) -> RunState {
    serde_json::from_value(state).unwrap_or_else(|error| {
        tracing::error!(%error, "the state of a run cannot be read");
        RunState::default()
    })
}

/// Adds an event to the log of a run that is held and not worked on.
async fn append(
    services: &Services,
    run: &Run,
    fence: i64,
    event: Event,
) -> Result<(), WriteError> {
    let at = services.clock.now();
    let mut tx = services.db.begin().await?;
    let Some(last) = runs::lock_run(&mut tx, &run.org_id, run.id, fence).await? else {
        return Err(WriteError::Fenced);
    };
    let events = vec![(Storable::new(event), RunStatus::Running)];
    let append = Append::events(last, fence, &events, RunStatus::Running);
    match store::append(&mut tx, &run.org_id, run.id, &append, at).await? {
        Appended::Done => {}
        Appended::EndsAt(_) | Appended::Fenced => return Err(WriteError::Fenced),
    }
    tx.commit().await?;
    let recorded = store::numbered(last, events, at);
    services.followers.publish(run.id, recorded);
    Ok(())
}
