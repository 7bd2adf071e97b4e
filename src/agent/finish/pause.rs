//! A run that meets an obstacle which may pass: it is not over, and waits for its user.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::agent::runner::primitives::Runner;
use crate::agent::runner::state::RunState;
use crate::notices::model::NoticeId;
use crate::notices::notice::Notice;
use crate::notices::store::outbox;
use crate::platform::json::to_jsonb;
use crate::runs::event::Event;
use crate::runs::event_data::{PauseReason, RunPhase};
use crate::runs::log::entry::{JournalLost, WriteError};
use crate::runs::log::store::events;
use crate::runs::log::store::events::{Append, Appended, Storable};
use crate::runs::model::RunStatus;
use crate::runs::store::runs;

/// The pause between two tries to write it.
const PAUSE: Duration = Duration::from_secs(1);
/// The time that the accounting may take to be written.
const FLUSH: Duration = Duration::from_secs(1);

/// Writes that the run pauses, and lets go of it, in one transaction: its user may resume it as soon as
/// the pause is seen.
pub(crate) async fn pause(
    runner: Runner,
    reason: &PauseReason,
    stopping: &CancellationToken,
) -> Result<(), JournalLost> {
    runner.journal.commit().await?;
    // The process that goes on begins with the run's spending.
    if let Err(error) = runner.deps.ledger.flush(FLUSH).await {
        tracing::warn!(run.id = %runner.run.id, %error, "the cost of a run may be incomplete");
    }
    loop {
        match write(&runner, reason).await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_final() || stopping.is_cancelled() => {
                tracing::error!(run.id = %runner.run.id, %error, "a run's pause is not written");
                return Err(JournalLost);
            }
            Err(error) => {
                tracing::warn!(run.id = %runner.run.id, %error, "a run's pause waits for Postgres");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn write(runner: &Runner, reason: &PauseReason) -> Result<(), WriteError> {
    let (deps, run, fence) = (&runner.deps, &runner.run, runner.fence);
    let (org_id, run_id, at) = (&run.org_id, run.id, deps.clock.now());
    let mut tx = deps.db.begin().await?;
    let Some(last) = runs::lock_run(&mut tx, org_id, run_id, fence).await? else {
        return Err(WriteError::Fenced);
    };
    let status = RunStatus::PausedForApproval;
    let events: Vec<_> = events(reason)
        .into_iter()
        .map(|event| (Storable::new(event), status))
        .collect();
    let state = to_jsonb(&RunState {
        is_paused: true,
        worked: runner.worked(),
        waited: runner.waited.total(),
        ports: Vec::new(),
        ..runner.state.clone()
    });
    let append = Append {
        phase: Some(RunPhase::AwaitingHumanDecision.name()),
        state: Some(&state),
        ..Append::events(last, fence, &events, status)
    };
    match events::append(&mut tx, org_id, run_id, &append, at).await? {
        Appended::Done => {}
        Appended::EndsAt(_) | Appended::Fenced => return Err(WriteError::Fenced),
    }
    runs::pause_run(&mut tx, org_id, run_id, fence, &reason.message).await?;
    let notice = Notice::run_paused(run_id, &run.user_id, &reason.code);
    outbox::tell_along(&mut tx, org_id, NoticeId::new(&deps.clock), &notice, at).await?;
    tx.commit().await?;
    deps.feed
        .publish(run_id, events::numbered(last, events, at));
    Ok(())
}

fn events(reason: &PauseReason) -> [Event; 2] {
    [
        Event::Status {
            status: RunPhase::AwaitingHumanDecision,
            task_id: None,
            reason: Some(reason.code.clone()),
            prompt_id: None,
        },
        Event::JobPaused {
            consent_id: None,
            prompt_id: None,
            reason: Some(reason.code.clone()),
            message: reason.message.clone(),
        },
    ]
}
