//! A batch of entries, folded into the rows that the database gets.

use std::time::Duration;

use serde_json::Value;

use crate::llm::model::{Message, ToolCall};
use crate::platform::ids::ToolCallId;
use crate::runs::event::Event;
use crate::runs::event_data::ResumeReason;
use crate::runs::log::entry::Entry;
use crate::runs::log::store::events::Storable;
use crate::runs::model::RunStatus;

/// A batch in the order of its entries: what goes into the log, the run's row and its steps with one
/// statement, and what needs statements of its own.
pub(super) struct Folded<'a> {
    /// The events, each with where the run stands when it happens.
    pub(super) events: Vec<(Storable, RunStatus)>,
    /// Where the run stands afterwards.
    pub(super) status: RunStatus,
    /// The work it is busy with afterwards, if that changes.
    pub(super) phase: Option<&'static str>,
    /// The position up to which the log agreed with the conversation before.
    settled_before: i64,
    /// The same afterwards, if that changes.
    pub(super) settled: Option<i64>,
    /// The progress of the run, if that changes.
    pub(super) state: Option<&'a Value>,
    /// The result of its checks before its first change.
    pub(super) baseline: Option<&'a Value>,
    /// Messages and tool calls.
    pub(super) step: RunStep<'a>,
    /// The entries that need statements of their own.
    pub(super) rest: Vec<&'a Entry>,
}

/// The part of a batch about the conversation and its calls.
#[derive(Debug, Default, PartialEq)]
pub(super) struct RunStep<'a> {
    /// Messages with their places.
    pub(super) messages: Vec<(i32, &'a Message)>,
    /// Calls that were not there before.
    pub(super) planned: Vec<PlannedCall<'a>>,
    /// Calls that were.
    pub(super) changed: Vec<CallChange<'a>>,
}

impl RunStep<'_> {
    /// True if there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.planned.is_empty() && self.changed.is_empty()
    }
}

/// A call that is intended, as it stands at the end of the batch.
#[derive(Debug, PartialEq)]
pub(super) struct PlannedCall<'a> {
    /// Its place in the run.
    pub(super) position: i32,
    /// The call.
    pub(super) call: &'a ToolCall,
    /// Its progress in the same batch.
    pub(super) change: CallChange<'a>,
}

/// The progress of a call.
#[derive(Debug, PartialEq)]
pub(super) struct CallChange<'a> {
    /// Its row.
    pub(super) id: ToolCallId,
    /// Where it stands now.
    pub(super) status: CallStatus,
    /// The mark by which its effect is recognised, if it began.
    pub(super) probe: Option<&'a Value>,
    /// Its result, if it is over.
    pub(super) result: Option<&'a Value>,
    /// The duration of its work, if it ran and is over.
    pub(super) took: Option<Duration>,
}

/// Where a call stands, in the words of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallStatus {
    Planned,
    Approved,
    Started,
    Finished,
}

impl CallStatus {
    /// The word.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Approved => "approved",
            Self::Started => "started",
            Self::Finished => "finished",
        }
    }
}

impl<'a> Folded<'a> {
    /// Puts together what follows a log that ends at `last`.
    pub(super) fn new(last: i64, status: RunStatus, settled: i64, entries: &'a [Entry]) -> Self {
        let mut folded = Self {
            events: Vec::new(),
            status,
            phase: None,
            settled_before: settled,
            settled: None,
            state: None,
            baseline: None,
            step: RunStep::default(),
            rest: Vec::new(),
        };
        for entry in entries {
            folded.add(last, entry);
        }
        folded
    }

    fn add(&mut self, last: i64, entry: &'a Entry) {
        match entry {
            Entry::Event(event) => {
                if let Event::Status { status, .. } = event {
                    self.phase = Some(status.name());
                }
                self.events
                    .push((Storable::new(event.clone()), self.status));
                return;
            }
            Entry::Discarded { message } => {
                let event = Event::JobResumed {
                    reason: ResumeReason::AskedAgain,
                    discard_after: self.settled.unwrap_or(self.settled_before),
                    message: message.clone(),
                };
                self.events.push((Storable::new(event), self.status));
                return;
            }
            Entry::Status(status) => self.status = *status,
            Entry::State(state) => self.state = Some(state),
            Entry::Baseline(baseline) => self.baseline = Some(baseline),
            Entry::Message { position, message } => self.step.messages.push((*position, message)),
            Entry::ToolPlanned { id, position, call } => self.step.planned.push(PlannedCall {
                position: *position,
                call,
                change: CallChange {
                    id: *id,
                    status: CallStatus::Planned,
                    probe: None,
                    result: None,
                    took: None,
                },
            }),
            Entry::ToolApproved(id) => self.change(*id).status = CallStatus::Approved,
            Entry::ToolStarted {
                id,
                probe,
                consent: None,
            } => {
                let change = self.change(*id);
                change.status = CallStatus::Started;
                change.probe = Some(probe);
            }
            Entry::ToolFinished { id, result, took } => {
                let change = self.change(*id);
                change.status = CallStatus::Finished;
                change.result = Some(result);
                change.took = *took;
            }
            // The writer has waited for it.
            Entry::After(_) => return,
            Entry::ToolStarted {
                consent: Some(_), ..
            }
            | Entry::ConsentAsked(_)
            | Entry::PromptAsked(_) => self.rest.push(entry),
        }
        // Everything but a piece of text is a step: the text until here is settled with it.
        let count = i64::try_from(self.events.len()).unwrap_or(i64::MAX);
        self.settled = Some(last + count);
    }

    /// The part of the batch about a call so far.
    fn change(&mut self, id: ToolCallId) -> &mut CallChange<'a> {
        let RunStep {
            planned, changed, ..
        } = &mut self.step;
        if let Some(planned) = planned.iter_mut().find(|planned| planned.change.id == id) {
            return &mut planned.change;
        }
        let at = changed.iter().position(|change| change.id == id);
        let at = at.unwrap_or_else(|| {
            changed.push(CallChange {
                id,
                status: CallStatus::Planned,
                probe: None,
                result: None,
                took: None,
            });
            changed.len() - 1
        });
        &mut changed[at]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::llm::model::Arguments;
    use crate::platform::clock::Clock;

    fn planned(id: ToolCallId) -> Entry {
        let arguments = Arguments::Object {
            object: serde_json::Map::new(),
        };
        let call = ToolCall {
            id: "call_1".to_owned(),
            name: "read_file".to_owned(),
            arguments,
        };
        Entry::ToolPlanned {
            id,
            position: 1,
            call,
        }
    }

    fn started(id: ToolCallId) -> Entry {
        Entry::ToolStarted {
            id,
            probe: json!({}),
            consent: None,
        }
    }

    #[test]
    fn a_call_that_begins_in_the_batch_that_plans_it_is_written_once_as_begun() {
        let id = ToolCallId::new(&Clock::System);
        let entries = [planned(id), started(id)];
        let folded = Folded::new(0, RunStatus::Running, 0, &entries);
        let [planned] = folded.step.planned.as_slice() else {
            panic!("not one planned call: {:?}", folded.step);
        };
        assert_eq!(planned.change.status, CallStatus::Started);
        assert!(folded.step.changed.is_empty() && folded.rest.is_empty());
    }

    #[test]
    fn a_call_of_an_earlier_batch_is_changed_once_to_its_last_state() {
        let id = ToolCallId::new(&Clock::System);
        let finished = Entry::ToolFinished {
            id,
            result: json!({"ok": true}),
            took: Some(Duration::from_millis(3)),
        };
        let entries = [Entry::ToolApproved(id), started(id), finished];
        let folded = Folded::new(7, RunStatus::Running, 5, &entries);
        let [change] = folded.step.changed.as_slice() else {
            panic!("not one changed call: {:?}", folded.step);
        };
        assert_eq!(change.status, CallStatus::Finished);
        assert_eq!(change.probe, Some(&json!({})));
        assert_eq!(change.took, Some(Duration::from_millis(3)));
        assert_eq!(folded.settled, Some(7));
    }

    #[test]
    fn a_consent_is_used_up_with_a_statement_of_its_own() {
        let id = ToolCallId::new(&Clock::System);
        let started = Entry::ToolStarted {
            id,
            probe: json!({}),
            consent: Some(crate::runs::log::entry::UsedConsent {
                id: crate::platform::ids::ConsentId::new(&Clock::System),
                action_hash: [0; 32],
            }),
        };
        let entries = [started];
        let folded = Folded::new(0, RunStatus::Running, 0, &entries);
        assert!(folded.step.is_empty());
        assert_eq!(folded.rest.len(), 1);
    }
}
