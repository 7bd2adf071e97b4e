//! A question of the model to the user, and its answer.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::platform::ids::{PromptId, RunId, ToolCallId};

/// A question that is about to be asked.
#[derive(Clone, Debug)]
pub struct NewQuestion {
    /// The question; clients know it as a prompt.
    pub id: PromptId,
    /// The run that asks.
    pub run_id: RunId,
    /// The call that asks.
    pub tool_call_id: ToolCallId,
    /// The question, as the client shows it.
    pub question: Value,
    /// Time of asking.
    pub created_at: DateTime<Utc>,
    /// The end of the time for an answer.
    pub expires_at: DateTime<Utc>,
}

/// The state of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum QuestionStatus {
    /// It waits for the user.
    Pending,
    /// The user answered.
    Answered,
    /// The user refused to answer.
    Canceled,
    /// Time ran out, the run ended, or no person could be asked.
    Expired,
}

/// A question that was asked, as far as its answer is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionState {
    /// Its state.
    pub status: QuestionStatus,
    /// The answer, when there is one.
    pub response: Option<String>,
    /// The end of the time for an answer.
    pub expires_at: DateTime<Utc>,
    /// True if no person could be asked.
    pub nobody_asked: bool,
}

/// The outcome of a question, for the run that asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The user answered.
    Answered(String),
    /// The user refused to answer.
    Cancelled,
    /// No answer came in time.
    Expired,
    /// No person could be asked.
    Unasked,
}

/// The answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionAnswer<'a> {
    /// In words.
    Words(&'a str),
    /// The user does not want to answer.
    Refused,
    /// The client has no person to ask.
    NobodyAsked,
}

impl<'a> QuestionAnswer<'a> {
    /// The state of a question with this answer.
    pub fn status(self) -> QuestionStatus {
        match self {
            Self::Words(_) => QuestionStatus::Answered,
            Self::Refused => QuestionStatus::Canceled,
            Self::NobodyAsked => QuestionStatus::Expired,
        }
    }

    /// The words.
    pub fn words(self) -> Option<&'a str> {
        match self {
            Self::Words(words) => Some(words),
            Self::Refused | Self::NobodyAsked => None,
        }
    }
}

impl QuestionState {
    /// The outcome; none while it waits.
    pub fn reply(self) -> Option<Reply> {
        match self.status {
            QuestionStatus::Pending => None,
            QuestionStatus::Answered => Some(Reply::Answered(self.response.unwrap_or_default())),
            QuestionStatus::Canceled => Some(Reply::Cancelled),
            QuestionStatus::Expired if self.nobody_asked => Some(Reply::Unasked),
            QuestionStatus::Expired => Some(Reply::Expired),
        }
    }
}
