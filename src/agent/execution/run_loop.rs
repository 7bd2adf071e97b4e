//! The loop: plan, ask, act, verify, until done. The heart; read this.
//!
//! ```text
//! plan ─▶ turn ─▶ tool calls? ──yes─▶ act ─▶ turn …
//!                     │no
//!                     ▼
//!                  verify ──passed, or nothing to check─▶ completed
//!                     │failed
//!                     ▼
//!                  tell the model what failed, next iteration
//! ```
//!
//! [`execute`] races the work against the user, the clock, the lease and the end of the process. When
//! one of them wins, every wait of the work ends ([`Runner::unless_halted`]) and a tool that is running
//! has a moment to say how far it came; then the work's future is dropped. The state it worked on lives
//! in [`Runner`] and is whole at every await, so the end can be told truthfully.
//!
//! The next step is read from the conversation itself
//! ([`crate::agent::runner::transcript::Transcript::next_step`]), never from where in this code the run was.
//! A run that goes on in another process enters the same loop.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{sleep, timeout};

use crate::agent::calls::{execute as calls, recover};
use crate::agent::finish::complete::{Ended, RaceOutcome, end};
use crate::agent::learning::changes::check_past_changes;
use crate::agent::learning::guidance::guidance;
use crate::agent::prompt::messages;
use crate::agent::runner::primitives::{Halt, Origin, RunEnds, Runner};
use crate::agent::runner::transcript::NextStep;
use crate::agent::runner::watch;
use crate::agent::steps::verification::Checked;
use crate::agent::steps::{plan, same_calls, turn, verification};
use crate::feedback::guidance::model::Guidance;
use crate::llm::model::{Message, StopReason};
use crate::retrieval::model::Chunk;
use crate::runs::event::Event;
use crate::runs::event_data::{RunPhase, with_instructions, with_sandbox};
use crate::runs::log::entry::Entry;
use crate::runs::model::RunStatus;
use crate::runs::outcome::Stopped;

/// Grace period for a running tool to report its progress when the run ends around it.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The most continuations, within a run, of answers that hit the length limit.
const MAX_CONTINUATIONS: u32 = 3;
/// The most times in a row that the model is asked to go on after an answer of nothing.
const MAX_NUDGES: u32 = 3;

/// Works until the run is over, and writes its end.
pub async fn execute(mut runner: Runner, ends: &RunEnds) -> Ended {
    let outcome = race(&mut runner, ends).await;
    if let Some(tools) = &runner.tools {
        tools.kill_everything().await;
    }
    if matches!(outcome, RaceOutcome::Stopped(_)) {
        let effects = watch::settle(&mut runner).await;
        runner.state.usage.add_effects(&effects);
    }
    // On the heap, because it is large.
    Box::pin(end(runner, outcome, &ends.stopping)).await
}

async fn race(runner: &mut Runner, ends: &RunEnds) -> RaceOutcome {
    let time_is_up = time_is_up(runner);
    let halted = runner.halted.clone();
    let mut work = std::pin::pin!(work(runner));
    let outcome = tokio::select! {
        biased;
        () = ends.lost.cancelled() => RaceOutcome::LeaseLost,
        () = ends.cancel.cancelled() => RaceOutcome::Stopped(Stopped::Cancelled),
        () = ends.stopping.cancelled() => RaceOutcome::Interrupted,
        () = time_is_up => RaceOutcome::Stopped(Stopped::RuntimeCap),
        ended = &mut work => return match ended {
            Ok(()) => RaceOutcome::Stopped(Stopped::Completed),
            Err(Halt::Stopped(stopped)) => RaceOutcome::Stopped(stopped),
            Err(Halt::Paused(reason)) => RaceOutcome::Paused(reason),
            Err(Halt::JournalLost) => RaceOutcome::JournalLost,
        },
    };
    halted.cancel();
    match timeout(LAST_WORDS, work).await {
        Ok(Err(Halt::JournalLost)) => RaceOutcome::JournalLost,
        // Why the run ends is decided.
        Ok(Ok(()) | Err(Halt::Stopped(_) | Halt::Paused(_))) | Err(_) => outcome,
    }
}

/// Waits until the run has used up its time. Waiting for a provider uses none of it.
fn time_is_up(runner: &Runner) -> impl Future<Output = ()> + use<> {
    let (limit, worked) = (runner.limits.runtime, runner.state.worked);
    let (began, waited) = (runner.began, runner.waited.clone());
    async move {
        loop {
            let used = (worked + began.elapsed()).saturating_sub(waited.total());
            let left = limit.saturating_sub(used);
            if left.is_zero() {
                return;
            }
            sleep(left).await;
        }
    }
}

async fn work(runner: &mut Runner) -> Result<(), Halt> {
    enter(runner).await?;
    if runner.transcript.position == 0 {
        set_goal(runner).await?;
    }
    runner
        .journal
        .event(Event::status(RunPhase::Executing))
        .await?;
    loop {
        if let Err(halt) = converse(runner).await {
            verify_what_was_done(runner, &halt).await?;
            return Err(halt);
        }
        match verification::check(runner).await? {
            Checked::Done => return Ok(()),
            Checked::Stop(stopped) => return Err(Halt::Stopped(stopped)),
            Checked::Again { reason, message } => again(runner, reason, message).await?,
        }
    }
}

/// Verifies what was changed before the model gave up, so that the end of the run says how things stand.
async fn verify_what_was_done(runner: &mut Runner, halt: &Halt) -> Result<(), Halt> {
    if matches!(halt, Halt::Stopped(Stopped::ModelError)) {
        verification::check(runner).await?;
    }
    Ok(())
}

/// Says how the run came here.
async fn enter(runner: &mut Runner) -> Result<(), Halt> {
    let events = match runner.origin {
        Origin::Started => return Ok(()),
        Origin::Dequeued => vec![
            Event::JobStarted {
                message: "A worker begins with the job".to_owned(),
            },
            Event::RouterInfo {
                router_info: info(runner),
            },
        ],
        Origin::Resumed { reason, settled } => vec![Event::JobResumed {
            reason,
            discard_after: settled,
            message: "The run continues where it stopped".to_owned(),
        }],
    };
    // It may have waited for a person before; it says so again if it still does.
    let mut entries = vec![Entry::Status(RunStatus::Running)];
    entries.extend(events.into_iter().map(Entry::Event));
    runner.journal.write(entries).await?;
    runner.has_entered = true;
    runner.state.is_paused = false;
    Ok(())
}

/// The choice of the model, the wall around commands, and the words of the repository, for clients.
fn info(runner: &Runner) -> Map<String, Value> {
    let decided = runner.run.model.router_info.clone();
    let info = with_sandbox(decided, &runner.deps.tools.launch.sandbox);
    with_instructions(info, runner.words.data().as_ref())
}

/// Searches, plans, and puts the task into words for the model.
async fn set_goal(runner: &mut Runner) -> Result<(), Halt> {
    if runner.origin != Origin::Started {
        let begins = Event::planning(runner.run.id);
        runner.journal.event(begins).await?;
    }
    for note in runner.words.notes.clone() {
        runner.thinking(&note).await?;
    }
    // Lookups run beside the search and the plan, so that neither waits for the other.
    let past = past_changes(runner);
    let (found, ()) = tokio::join!(plan::retrieve(runner), past);
    let found = found?;
    let learned = learned(runner, &found.chunks);
    let (plan, learned) = tokio::join!(plan::make(runner, &found.chunks), learned);
    let plan = plan?;
    runner.state.exposure = learned.exposure;
    runner.state.iteration = 1;
    let secrets = runner.secret_files();
    let (words, task) = (&runner.words, &runner.run.task);
    let first = messages::first_message(words, task, &plan, &found, &learned.text, &secrets);
    let entries = vec![runner.ledger(), runner.transcript.entry(&first)];
    runner.record(entries).await?;
    runner.transcript.push(first);
    Ok(())
}

/// Looks what became of earlier changes in the workspace, before this run changes anything.
fn past_changes(runner: &Runner) -> impl Future<Output = ()> + use<> {
    let (deps, org_id) = (runner.deps.clone(), runner.run.org_id.clone());
    let workspace = runner.tools.as_ref().map(|tools| tools.workspace.clone());
    let halted = runner.halted.clone();
    async move {
        if let Some(workspace) = workspace {
            let check = check_past_changes(&deps, &org_id, &workspace);
            halted.run_until_cancelled(check).await;
        }
    }
}

/// Guidance from earlier ratings, for the first message.
fn learned<'a>(runner: &Runner, chunks: &'a [Chunk]) -> impl Future<Output = Guidance> + use<'a> {
    let (deps, run) = (runner.deps.clone(), runner.run.clone());
    let halted = runner.halted.clone();
    async move {
        let principal = run.principal();
        let found = guidance(&deps, &principal, &run.task, chunks, run.id.0);
        halted.run_until_cancelled(found).await.unwrap_or_default()
    }
}

/// Turns, until the model answers without asking for a tool.
async fn converse(runner: &mut Runner) -> Result<(), Halt> {
    loop {
        match runner.transcript.next_step() {
            NextStep::Turn => {
                recover::tell_of_lost_servers(runner).await?;
                same_calls::check(runner).await?;
                turn::take(runner).await?;
            }
            NextStep::Act(pending) => calls::all(runner, pending).await?,
            NextStep::Consider { is_empty } => {
                if consider(runner, is_empty).await? {
                    return Ok(());
                }
            }
        }
    }
}

/// Considers an answer that asks for no tool. Returns whether the model is done.
async fn consider(runner: &mut Runner, is_empty: bool) -> Result<bool, Halt> {
    match runner.state.stop {
        Some(StopReason::End | StopReason::ToolCalls) | None if is_empty => {
            if runner.state.nudges == MAX_NUDGES {
                let error = "the model answered nothing; ask again, or choose another model";
                runner.error(error, "MODEL_ANSWER_EMPTY").await?;
                return Err(Halt::Stopped(Stopped::ModelError));
            }
            runner.state.nudges += 1;
            let message = "Your last answer was empty. If the task is done, say in a sentence \
                           what was done; if it is not, go on with the next tool call.";
            runner.append(Message::user(message)).await?;
            Ok(false)
        }
        Some(StopReason::MaxTokens) if runner.state.continuations == MAX_CONTINUATIONS => {
            let error = "the model's answers end at its length limit again and again; \
                         split the task, or choose a model with longer answers";
            runner.error(error, "MODEL_ANSWER_TOO_LONG").await?;
            Err(Halt::Stopped(Stopped::ModelError))
        }
        Some(StopReason::MaxTokens) => {
            runner.state.continuations += 1;
            let message = "Your answer was cut off at its length limit. Go on from there.";
            runner.append(Message::user(message)).await?;
            Ok(false)
        }
        Some(StopReason::Refused) => {
            let error = "the model's provider withheld the answer; rephrase the request \
                         or choose another model";
            runner.error(error, "MODEL_REFUSED").await?;
            Err(Halt::Stopped(Stopped::ModelError))
        }
        Some(StopReason::End | StopReason::ToolCalls) | None => Ok(true),
    }
}

/// Begins another round with what has to be mended.
async fn again(runner: &mut Runner, reason: String, message: String) -> Result<(), Halt> {
    let max = runner.limits.iterations;
    if runner.state.iteration >= max {
        return Err(Halt::Stopped(Stopped::MaxIterations));
    }
    runner.state.iteration += 1;
    let iteration = runner.state.iteration;
    let message = Message::user(message);
    let entries = vec![
        Entry::Event(Event::status(RunPhase::Fixing)),
        Entry::Event(Event::Iteration {
            iteration,
            max,
            reason,
        }),
        runner.transcript.entry(&message),
    ];
    runner.record(entries).await?;
    runner.transcript.push(message);
    Ok(())
}
