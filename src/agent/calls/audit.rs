//! What the agent does, in the audit log: begun before it runs, completed after.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use crate::agent::calls::call::{CallResult, Invocation, PendingCall};
use crate::agent::runner::primitives::{Halt, Runner};
use crate::audit::event::Event;
use crate::audit::model::{Actor, Ending, Log, NewEntry, Outcome};
use crate::audit::service::Open;
use crate::platform::ids::ConsentId;
use crate::platform::redact::json::redact_json;

/// How long a run waits for the audit log; the same as for the database, in which it is.
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

/// Begins the entry of a invocation. A run can wait, so it waits for a log that cannot be written, and
/// ends when that lasts.
pub(crate) async fn begin(
    runner: &mut Runner,
    pending: &PendingCall,
    invocation: &Invocation,
    consent: Option<ConsentId>,
) -> Result<Open, Halt> {
    let entry = entry_of(runner, pending, invocation, consent);
    let audit = runner.deps.audit.clone();
    let patience = Instant::now() + MOST_AWAY;
    loop {
        match runner.unless_halted(audit.begin(entry.clone())).await? {
            Ok(open) => return Ok(open),
            Err(error) if Instant::now() < patience => {
                tracing::warn!(run.id = %runner.run.id, %error, "a run waits for the audit log");
                runner.unless_halted(sleep(Duration::from_secs(1))).await?;
            }
            Err(error) => return runner.internal(&error).await,
        }
    }
}

/// Notes that a invocation was not allowed.
pub(crate) fn note_refusal(runner: &Runner, pending: &PendingCall, invocation: &Invocation) {
    let entry = entry_of(runner, pending, invocation, None);
    runner.deps.audit.note_later(entry, Outcome::Refused);
}

/// How a invocation ended.
pub(crate) fn ending(done: &Result<CallResult, Halt>) -> Ending {
    Ending::from(match done {
        Ok(done) if done.succeeded() => Outcome::Success,
        Ok(_) => Outcome::Failure,
        Err(Halt::Stopped(_) | Halt::Paused(_) | Halt::JournalLost) => Outcome::Abandoned,
    })
}
