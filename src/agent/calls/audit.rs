//! Audit entries of the agent's actions: begun before an action runs, completed after.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::sleep;

use crate::agent::calls::call::{CallResult, Invocation, PendingCall};
use crate::agent::runner::primitives::{Halt, Runner};
use crate::audit::error::Error;
use crate::audit::event::Event;
use crate::audit::model::{Actor, Ending, Log, NewEntry, Outcome};
use crate::audit::service::Open;
use crate::platform::ids::ConsentId;
use crate::platform::redact::json::redact_json;

/// The longest wait of a run for the audit log; the same as for the database, which holds it.
const MOST_AWAY: Duration = Duration::from_mins(5);

fn entry_of(
    runner: &Runner,
    pending: &PendingCall,
    invocation: &Invocation,
    consent: Option<ConsentId>,
) -> NewEntry {
    let mut payload = json!({
        "tool": invocation.tool.name(),
        "arguments": invocation.arguments,
        "tool_call": pending.call.id,
    });
    if let Some(consent) = consent {
        payload["consent"] = json!(consent);
    }
    redact_json(&mut payload);
    NewEntry {
        resource: Some(pending.id.to_string()),
        run_id: Some(runner.run.id.0),
        trace_id: runner.run.trace_id.clone().map(|trace| trace.0),
        payload: Some(payload),
        ..NewEntry::new(
            Log::Org(runner.run.org_id.clone()),
            Event::ToolCall,
            Actor::agent(&runner.run.principal()),
        )
    }
}

/// Begins the entry of an invocation while the journal commits what was handed over before: when this
/// answers, both are on disk. They go with two connections, because the end of an organisation's audit log
/// is locked while its records are written, and a log that every run locked until its own commit would let
/// one run after the other pass.
///
/// A run can wait, so it waits for a log that cannot be written, and ends when that lasts.
pub(crate) async fn begin(
    runner: &mut Runner,
    pending: &PendingCall,
    invocation: &Invocation,
    consent: Option<ConsentId>,
) -> Result<Open, Halt> {
    let entry = entry_of(runner, pending, invocation, consent);
    let committed = async { Ok(runner.journal.commit().await?) };
    let (committed, begun) = tokio::join!(committed, begun(runner, entry));
    ended_or(runner, committed.and(begun)).await
}

/// The same for calls that run beside each other; none for those that do not run.
pub(crate) async fn begin_all(
    runner: &mut Runner,
    pending: &[PendingCall],
) -> Result<Vec<Option<Open>>, Halt> {
    let entries = pending.iter().map(|call| {
        let invocation = call.work.as_ref().ok();
        let entry = invocation.map(|invocation| entry_of(runner, call, invocation, None));
        let runner = &*runner;
        async move {
            match entry {
                Some(entry) => begun(runner, entry).await.map(|open| open.map(Some)),
                None => Ok(Ok(None)),
            }
        }
    });
    let committed = async { Ok(runner.journal.commit().await?) };
    let (committed, begun): (Result<(), Halt>, _) = tokio::join!(committed, join_all(entries));
    committed?;
    let mut open = Vec::new();
    for begun in begun {
        open.push(ended_or(runner, begun).await?);
    }
    Ok(open)
}

/// Tries to begin an entry as long as a run waits for the log.
async fn begun(runner: &Runner, entry: NewEntry) -> Result<Result<Open, Error>, Halt> {
    let audit = &runner.deps.audit;
    let patience = Instant::now() + MOST_AWAY;
    loop {
        match runner.unless_halted(audit.begin(entry.clone())).await? {
            Err(error) if Instant::now() < patience => {
                tracing::warn!(run.id = %runner.run.id, %error, "a run waits for the audit log");
                runner.unless_halted(sleep(Duration::from_secs(1))).await?;
            }
            begun => return Ok(begun),
        }
    }
}

/// Ends the run when the log stayed away.
async fn ended_or<T>(
    runner: &mut Runner,
    begun: Result<Result<T, Error>, Halt>,
) -> Result<T, Halt> {
    match begun? {
        Ok(begun) => Ok(begun),
        Err(error) => runner.internal(&error).await,
    }
}

/// Notes that an invocation was not allowed.
pub(crate) fn note_refusal(runner: &Runner, pending: &PendingCall, invocation: &Invocation) {
    let entry = entry_of(runner, pending, invocation, None);
    runner.deps.audit.note_later(entry, Outcome::Refused);
}

/// The end of an invocation.
pub(crate) fn ending(done: &Result<CallResult, Halt>) -> Ending {
    Ending::from(match done {
        Ok(done) if done.succeeded() => Outcome::Success,
        Ok(_) => Outcome::Failure,
        Err(Halt::Stopped(_) | Halt::Paused(_) | Halt::JournalLost) => Outcome::Abandoned,
    })
}
