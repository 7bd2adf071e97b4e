//! The end of a run that cannot tell its own: it panicked, its log was refused, it could not be taken
//! up, it lost its worker once too often, or its user cancelled it before a worker had begun.
//!
//! Clients that follow it receive its end all the same, and its row does not stay open. What it did is
//! taken from what it stored with its last step.

use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::agent::deps::Deps;
use crate::agent::finish::end::{End, StoredRun, cancel_requested, summary};
use crate::agent::finish::record::write;
use crate::agent::runner::file_watch;
use crate::agent::runner::state::RunState;
use crate::agent::spend::SpendTotal;
use crate::ledger;
use crate::runs::event::Event;
use crate::runs::log::entry::WriteError;
use crate::runs::log::store::events;
use crate::runs::log::store::events::{Append, Appended, Storable};
use crate::runs::model::{Run, RunStatus};
use crate::runs::outcome::Stopped;
use crate::runs::store::{runs, steps};

/// The pause between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a run is ended from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The reason in its summary.
    pub stopped: Stopped,
    /// The error shown to clients, with its code.
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
    deps: &Deps,
    run: &Run,
    fence: i64,
    reason: &Reason,
    stopping: &CancellationToken,
) {
    let mut why = why(reason);
    while !stopping.is_cancelled() {
        match write_end(deps, run, fence, reason, &mut why).await {
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

/// The event before the end that gives the reason, if any.
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
    deps: &Deps,
    run: &Run,
    fence: i64,
    reason: &Reason,
    why: &mut Option<Event>,
) -> Result<(), WriteError> {
    if let Some(event) = why.clone() {
        append(deps, run, fence, event).await?;
        // Another try of what follows does not say it again.
        *why = None;
    }
    let (org_id, run_id) = (&run.org_id, run.id);
    // Writes the costs of the run's calls that this process has recorded and not yet stored.
    if let Err(error) = deps.ledger.flush(PAUSE).await {
        tracing::warn!(run.id = %run.id, %error, "the cost of a run may be incomplete");
    }
    let Some(stored) = StoredRun::of(deps, run, fence, None).await? else {
        return Ok(());
    };
    let mut conn = deps.db.acquire().await?;
    let state = runs::state(&mut conn, org_id, run_id).await?;
    let mut state = state.map(read_state).unwrap_or_default();
    let calls = ledger::store::calls_of_run(&mut conn, org_id, run_id).await?;
    let open = steps::open_tool_calls(&mut conn, org_id, run_id).await?;
    drop(conn);
    state.usage.missed_changes |= file_watch::is_open(&open, !state.ports.is_empty());
    state.usage.spent = SpendTotal::of(&calls);
    let stopped = reason.stopped;
    let summary = summary(run, &state, stopped, state.worked);
    let error = reason.error.as_ref().map(|(error, _)| error.as_str());
    let end = End {
        run,
        fence,
        stopped,
        summary: &summary,
        error: error.or(state.last_error.as_deref()),
        usage: &state.usage,
        worked: state.worked,
        progress: state.progress.as_ref(),
        generation: None,
        changes: &[],
        stored,
    };
    write(deps, &end).await.map(drop)
}

/// A state that cannot be read is that of a run that begins: the run's end is told in any case.
pub(crate) fn read_state(state: Value) -> RunState {
    serde_json::from_value(state).unwrap_or_else(|error| {
        tracing::error!(%error, "the state of a run cannot be read");
        RunState::default()
    })
}

/// Adds an event to the log of a run that is held and not worked on.
async fn append(deps: &Deps, run: &Run, fence: i64, event: Event) -> Result<(), WriteError> {
    let at = deps.clock.now();
    let mut tx = deps.db.begin().await?;
    let Some(last) = runs::lock_run(&mut tx, &run.org_id, run.id, fence).await? else {
        return Err(WriteError::Fenced);
    };
    let events = vec![(Storable::new(event), RunStatus::Running)];
    let append = Append::events(last, fence, &events, RunStatus::Running);
    match events::append(&mut tx, &run.org_id, run.id, &append, at).await? {
        Appended::Done => {}
        Appended::EndsAt(_) | Appended::Fenced => return Err(WriteError::Fenced),
    }
    tx.commit().await?;
    let recorded = events::numbered(last, events, at);
    deps.feed.publish(run.id, recorded);
    Ok(())
}
