//! What the agent does, in the audit log: begun before it runs, completed after.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use crate::agent::calls::execute::{Deed, Done, Planned};
use crate::agent::execution::run_loop::{Halt, Runner};
use crate::audit::model::{Actor, Ending, Event, Log, NewEntry, Outcome};
use crate::audit::service::Open;
use crate::platform::ids::ConsentId;
use crate::platform::redact::json::redact_json;

/// How long a run waits for the audit log; the same as for the database, in which it is.
const MOST_AWAY: Duration = Duration::from_mins(5);

impl Runner {
    fn audit_entry(&self, planned: &Planned, deed: &Deed, consent: Option<ConsentId>) -> NewEntry {
        let mut payload = json!({
            "tool": deed.tool.name(),
            "arguments": deed.arguments,
            "tool_call": planned.call.id,
        });
        if let Some(consent) = consent {
            payload["consent"] = json!(consent);
        }
        redact_json(&mut payload);
        NewEntry {
            resource: Some(planned.id.to_string()),
            run_id: Some(self.run.id.0),
            trace_id: self.run.trace_id.clone().map(|trace| trace.0),
            payload: Some(payload),
            ..NewEntry::new(
                Log::Org(self.run.org_id.clone()),
                Event::ToolCall,
                Actor::agent(&self.run.principal()),
            )
        }
    }

    /// Begins the entry of a deed. A run can wait, so it waits for a log that cannot be written, and
    /// ends when that lasts.
    pub(crate) async fn begin_audit(
        &mut self,
        planned: &Planned,
        deed: &Deed,
        consent: Option<ConsentId>,
    ) -> Result<Open, Halt> {
        let entry = self.audit_entry(planned, deed, consent);
        let audit = self.services.audit.clone();
        let patience = Instant::now() + MOST_AWAY;
        loop {
            match self.unless_halted(audit.begin(entry.clone())).await? {
                Ok(open) => return Ok(open),
                Err(error) if Instant::now() < patience => {
                    tracing::warn!(run.id = %self.run.id, %error, "a run waits for the audit log");
                    self.unless_halted(sleep(Duration::from_secs(1))).await?;
                }
                Err(error) => return self.internal(&error).await,
            }
        }
    }

    /// Notes that a deed was not allowed.
    pub(crate) fn note_refusal(&self, planned: &Planned, deed: &Deed) {
        let entry = self.audit_entry(planned, deed, None);
        self.services.audit.note_later(entry, Outcome::Refused);
    }
}

/// How a deed ended.
pub(crate) fn ending(done: &Result<Done, Halt>) -> Ending {
    Ending::from(match done {
        Ok(done) if done.succeeded() => Outcome::Success,
        Ok(_) => Outcome::Failure,
        Err(Halt::Stopped(_) | Halt::JournalLost) => Outcome::Abandoned,
    })
}
