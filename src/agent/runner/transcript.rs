//! The conversation of a run with its model, and what it asks for next.

use crate::llm::model::{Message, ToolCall};
use crate::runs::log::entry::Entry;

/// The next step of a run.
#[derive(Debug)]
pub(crate) enum NextStep {
    /// Ask the model.
    Turn,
    /// Do what it asked for.
    Act(Vec<ToolCall>),
    /// Consider what it answered, which may be nothing.
    Consider {
        /// True if it answered nothing.
        is_empty: bool,
    },
}

/// The conversation. What comes next is read from it, never from where in the code the run was, so a
/// run that goes on in another process goes on in the same way.
pub(crate) struct Transcript {
    /// The messages for the model; old results may be compacted.
    pub(crate) messages: Vec<Message>,
    /// Index of the first user message; it and what precedes it is never compacted.
    pub(crate) goal: usize,
    /// Place of the next message in the stored conversation, which is never compacted.
    pub(crate) position: i32,
    /// The last text of the model that was not empty.
    pub(crate) last_text: String,
}

impl Transcript {
    /// A conversation that begins with `history`, of which `stored` was said in this run.
    pub(crate) fn new(history: Vec<Message>, stored: Vec<Message>) -> Self {
        let goal = history.len();
        let mut messages = history;
        let position = i32::try_from(stored.len()).unwrap_or(i32::MAX);
        let last_text = last_text(&stored);
        messages.extend(stored);
        Self {
            messages,
            goal,
            position,
            last_text,
        }
    }

    /// The messages of this run, from its goal on.
    pub(crate) fn since_goal(&self) -> &[Message] {
        self.messages.get(self.goal..).unwrap_or_default()
    }

    /// The next step, as the conversation asks for it.
    pub(crate) fn next_step(&self) -> NextStep {
        let mut answered = 0;
        for message in self.since_goal().iter().rev() {
            match message {
                Message::ToolResult { .. } => answered += 1,
                Message::User { .. } | Message::System { .. } => return NextStep::Turn,
                Message::Assistant {
                    text, tool_calls, ..
                } if tool_calls.is_empty() => {
                    return NextStep::Consider {
                        is_empty: text.trim().is_empty(),
                    };
                }
                Message::Assistant { tool_calls, .. } => {
                    // Results come in the order of the calls, so what is left is the end.
                    let left = tool_calls.get(answered..).unwrap_or_default();
                    return match left {
                        [] => NextStep::Turn,
                        calls => NextStep::Act(calls.to_vec()),
                    };
                }
            }
        }
        NextStep::Turn
    }

    /// A message as it is stored next; once it is handed over, [`Self::push`].
    pub(crate) fn entry(&self, message: &Message) -> Entry {
        Entry::Message {
            position: self.position,
            message: message.clone(),
        }
    }

    /// Adds the message of [`Self::entry`], which was handed over.
    pub(crate) fn push(&mut self, message: Message) {
        self.position += 1;
        self.messages.push(message);
    }
}

fn last_text(messages: &[Message]) -> String {
    let said = messages.iter().rev().find_map(|message| match message {
        Message::Assistant { text, .. } if !text.trim().is_empty() => Some(text.clone()),
        Message::Assistant { .. }
        | Message::System { .. }
        | Message::User { .. }
        | Message::ToolResult { .. } => None,
    });
    said.unwrap_or_default()
}
