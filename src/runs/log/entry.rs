//! Entries of the log of a run, and the reasons why they could not be written.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::approvals::consents::model::NewConsent;
use crate::approvals::questions::model::NewQuestion;
use crate::llm::model::{Message, ToolCall};
use crate::platform::ids::{ConsentId, ToolCallId};
use crate::runs::event::Event;
use crate::runs::model::RunStatus;

/// One thing to be written.
#[derive(Debug)]
pub enum Entry {
    /// An event for the log.
    Event(Event),
    /// The text since the last step belongs to an answer that broke off; followers are told so.
    Discarded {
        /// A sentence for a person.
        message: String,
    },
    /// A message of the conversation with the model.
    Message {
        /// Its place.
        position: i32,
        /// The message.
        message: Message,
    },
    /// A tool call is intended.
    ToolPlanned {
        /// Its row.
        id: ToolCallId,
        /// Its place in the run.
        position: i32,
        /// The call.
        call: ToolCall,
    },
    /// A tool call waits for a person.
    ConsentAsked(Box<NewConsent>),
    /// A tool call waits for an answer.
    PromptAsked(Box<NewQuestion>),
    /// A person, or a preference of theirs, allowed a tool call.
    ToolApproved(ToolCallId),
    /// A tool call begins to have effects.
    ToolStarted {
        /// Its row.
        id: ToolCallId,
        /// The probe that recognises its effect, should its process be lost before the outcome is recorded.
        probe: Value,
        /// The consent it uses up, with the action that was asked about.
        consent: Option<UsedConsent>,
    },
    /// A tool call is over.
    ToolFinished {
        /// Its row.
        id: ToolCallId,
        /// Its result.
        result: Value,
        /// The duration of its work, if it ran.
        took: Option<Duration>,
    },
    /// The run stands elsewhere from here on.
    Status(RunStatus),
    /// The progress of the run.
    State(Value),
    /// The results of the project's checks before the first change.
    Baseline(Value),
    /// The entries of this batch are written after something that is on its way to the disk by itself.
    After(Prior),
}

impl Entry {
    /// Something to wait for, if this is that.
    pub(super) fn prior(self) -> Option<Prior> {
        if let Self::After(prior) = self {
            return Some(prior);
        }
        None
    }
}

/// Something that is written by others, and has to be on disk before what follows from it is. The loop goes
/// on meanwhile, and the writer of the log waits in its place. The lock is never taken: it is what lets entries
/// be shared.
pub struct Prior(Mutex<BoxFuture<'static, ()>>);

impl Prior {
    /// Ends when it is on disk, or when it is no use to wait any longer.
    pub fn new(written: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Mutex::new(Box::pin(written)))
    }

    /// Waits for it.
    pub(super) async fn written(self) {
        let written = self.0.into_inner();
        written.unwrap_or_else(PoisonError::into_inner).await;
    }
}

impl std::fmt::Debug for Prior {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prior")
    }
}

/// A consent that the start of a call uses up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedConsent {
    /// The consent.
    pub id: ConsentId,
    /// SHA-256 of the action that was asked about, the only one that it is good for.
    pub action_hash: [u8; 32],
}

/// Why a piece of the log could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// Another process works on the run by now, or it is over.
    #[error("the run was taken over by another process")]
    Fenced,
    /// The consent was used before, or belongs to another action.
    #[error("a consent cannot be used for this action")]
    ConsentSpent,
    /// Another process writes it.
    #[error("the log ends at {found}, not at {expected}")]
    Moved {
        /// Where it ends.
        found: i64,
        /// Where this process left it.
        expected: i64,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl WriteError {
    /// True if the same write will always fail: the log moved on, or the data are wrong (class 22) or break a
    /// constraint (class 23). Everything else passes.
    pub(crate) fn is_final(&self) -> bool {
        let Self::Database(error) = self else {
            return true;
        };
        error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
    }
}

/// A command from the loop's end of the journal to the writer's.
pub(crate) enum JournalCommand {
    /// Write these together.
    Write(Vec<Entry>),
    /// Say when everything before this is committed.
    Commit(oneshot::Sender<()>),
}

/// The database refuses what this run writes, or another process writes its log; the run cannot go
/// on. A database that is only away is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run's log could not be written")]
pub struct JournalLost;
