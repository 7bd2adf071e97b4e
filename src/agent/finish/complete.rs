//! The end of a run that is worked on here: told by the run itself, which knows what it did.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::agent::finish::answer::{changes, generation};
use crate::agent::finish::end::{End, StoredRun, cancel_requested, summary};
use crate::agent::finish::pause::pause;
use crate::agent::finish::record::write;
use crate::agent::intake::history;
use crate::agent::runner::primitives::Runner;
use crate::platform::traces::context::TraceContext;
use crate::platform::traces::gen_ai;
use crate::runs::event::Event;
use crate::runs::event_data::{PauseReason, RunPhase};
use crate::runs::log::entry::JournalLost;
use crate::runs::outcome::Stopped;
use crate::runs::store::runs;
use crate::runs::topics::WAITING;

/// The longest pause between two tries to write the end of a run.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Time limit for writing the costs before a run is put back.
const FLUSH: Duration = Duration::from_secs(1);

/// The end of the work on a run, for the task that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is over, and its end is in the log.
    Finished,
    /// The process ends first, or lost its lease; another goes on.
    Interrupted,
    /// It waits for its user to want it to go on.
    Paused,
    /// Its end could not be written.
    Lost,
}

/// The outcome of the race in [`crate::agent::execution::run_loop::execute`].
#[derive(Debug)]
pub enum RaceOutcome {
    /// The run is over.
    Stopped(Stopped),
    /// The run pauses, and goes on when its user wants it to.
    Paused(PauseReason),
    /// The process ends first; the run can be resumed.
    Interrupted,
    /// This process lost its lease; the run may be another's by now, which tells its end.
    LeaseLost,
    /// The log is lost; what is left to tell is told without this run, see
    /// [`crate::agent::finish::abandoned`].
    JournalLost,
}

/// Writes the end of the run.
pub(crate) async fn end(
    runner: Runner,
    outcome: RaceOutcome,
    stopping: &CancellationToken,
) -> Ended {
    trace(&runner, &outcome);
    match outcome {
        RaceOutcome::JournalLost => Ended::Lost,
        RaceOutcome::LeaseLost => {
            tracing::info!(reason = "lease_lost", "a run is left to another process");
            Ended::Interrupted
        }
        RaceOutcome::Interrupted => {
            tracing::info!(reason = "interrupted", "a run is left to another process");
            interrupt(runner).await
        }
        RaceOutcome::Paused(reason) => match pause(runner, &reason, stopping).await {
            Ok(()) => {
                tracing::info!(reason = reason.code, error = reason.message, "a run pauses");
                Ended::Paused
            }
            Err(JournalLost) => Ended::Lost,
        },
        RaceOutcome::Stopped(stopped) => finish(runner, stopped, stopping).await,
    }
}

/// Says in the run's span how it ended, and what was used until then.
fn trace(runner: &Runner, outcome: &RaceOutcome) {
    let span = TraceContext::current();
    let reason = match outcome {
        RaceOutcome::Stopped(stopped) => stopped.reason(),
        RaceOutcome::Paused(_) => "paused",
        RaceOutcome::Interrupted => "interrupted",
        RaceOutcome::LeaseLost => "lease_lost",
        RaceOutcome::JournalLost => "journal_lost",
    };
    span.set("navi.run.stopped_reason", reason);
    let usage = &runner.state.usage;
    gen_ai::used_tokens(&span, usage.spent.total().usage.into());
    span.set("navi.run.iterations", i64::from(runner.state.iteration));
    span.set("navi.run.tool_calls", i64::from(usage.tool_calls));
    match outcome {
        RaceOutcome::Stopped(Stopped::Completed | Stopped::Cancelled)
        | RaceOutcome::Paused(_)
        | RaceOutcome::Interrupted => {}
        RaceOutcome::Stopped(_) | RaceOutcome::LeaseLost | RaceOutcome::JournalLost => {
            span.fail(reason);
        }
    }
}

/// Leaves the run to the worker that claims it next: its conversation and the intent of every call are in
/// the database, and its row says that it has no worker.
async fn interrupt(runner: Runner) -> Ended {
    if runner.has_entered && tell_interruption(&runner).await.is_err() {
        return Ended::Lost;
    }
    // The process that goes on begins with the run's spending.
    if let Err(error) = runner.deps.ledger.flush(FLUSH).await {
        tracing::warn!(run.id = %runner.run.id, %error, "the cost of a run may be incomplete");
    }
    let released = async {
        let mut conn = runner.deps.db.acquire().await?;
        let now = runner.deps.clock.now();
        let (org_id, run_id) = (&runner.run.org_id, runner.run.id);
        runs::release_run(&mut conn, org_id, run_id, runner.fence, now).await
    };
    match released.await {
        Ok(()) => runner.deps.signals.tell(WAITING, &runner.run.id, 0),
        // It is taken over when the lease of this process has ended.
        Err(error) => tracing::warn!(run.id = %runner.run.id, %error, "a run was not released"),
    }
    Ended::Interrupted
}

async fn tell_interruption(runner: &Runner) -> Result<(), JournalLost> {
    let event = Event::Status {
        status: RunPhase::Interrupted,
        task_id: Some(runner.run.id),
        reason: Some("server_shutting_down".to_owned()),
        prompt_id: None,
    };
    runner.journal.event(event).await?;
    runner.journal.commit().await
}

async fn finish(runner: Runner, stopped: Stopped, stopping: &CancellationToken) -> Ended {
    if stopped == Stopped::Cancelled && runner.journal.event(cancel_requested()).await.is_err() {
        return Ended::Lost;
    }
    let generation = generation(&runner);
    let stored = || StoredRun::of(&runner.deps, &runner.run, runner.fence, Some(&generation));
    let written = async {
        runner.journal.commit().await?;
        Ok::<_, JournalLost>(tokio::join!(changes(&runner), stored()))
    };
    // Before the end is told: who sees the end may ask the next question at once.
    let (written, ()) = tokio::join!(written, remember(&runner));
    let Ok((changes, first)) = written else {
        return Ended::Lost;
    };
    let mut first = Some(first);
    let summary = summary(&runner.run, &runner.state, stopped, runner.worked());
    let mut pause = Duration::from_millis(100);
    loop {
        let written = async {
            let stored = match first.take() {
                Some(first) => first?,
                None => stored().await?,
            };
            let Some(stored) = stored else {
                return Ok(false);
            };
            let end = End {
                run: &runner.run,
                fence: runner.fence,
                stopped,
                summary: &summary,
                error: runner.state.last_error.as_deref(),
                usage: &runner.state.usage,
                worked: runner.worked(),
                progress: runner.state.progress.as_ref(),
                generation: Some(&generation),
                changes: &changes,
                stored,
            };
            write(&runner.deps, &end).await
        };
        match written.await {
            // When it was not this try, an earlier one was, and only its answer was lost.
            Ok(_) => return Ended::Finished,
            Err(error) if error.is_final() || stopping.is_cancelled() => {
                tracing::error!(run.id = %runner.run.id, %error, "the run's end is not written");
                return Ended::Lost;
            }
            Err(error) => {
                tracing::warn!(run.id = %runner.run.id, %error, "the run's end waits for Postgres");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Keeps what was said in the run's conversation.
async fn remember(runner: &Runner) {
    let (run, conversations) = (&runner.run, &runner.deps.conversations);
    let principal = run.principal();
    history::remember(
        conversations,
        &principal,
        &run.task,
        run.created_at,
        &runner.transcript.last_text,
    )
    .await;
}
