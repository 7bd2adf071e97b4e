//! The person of a task, who says what the task says.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::cli::e2e::tasks::model::{WrittenDecision, WrittenTask};

/// Answers in the order of the task. Then questions are declined, and nothing is allowed.
#[derive(Clone, Debug)]
pub struct WrittenPerson {
    answers: VecDeque<String>,
    decisions: VecDeque<WrittenDecision>,
}

impl WrittenPerson {
    /// The person of this task.
    pub fn of(task: &WrittenTask) -> Self {
        Self {
            answers: task.answers.iter().cloned().collect(),
            decisions: task.decisions.iter().cloned().collect(),
        }
    }

    /// The answer to the next question, as the server takes it.
    pub fn answer(&mut self) -> Value {
        match self.answers.pop_front() {
            Some(answer) => json!({ "response": answer }),
            None => json!({ "cancelled": true }),
        }
    }

    /// The decision about what needs consent next, as the server takes it.
    pub fn decide(&mut self) -> Value {
        match self.decisions.pop_front() {
            Some(WrittenDecision::AllowOnce) => json!({ "choice": "allow_once" }),
            Some(WrittenDecision::AllowAlwaysExact) => json!({ "choice": "allow_always_exact" }),
            Some(WrittenDecision::AllowAlwaysType) => json!({ "choice": "allow_always_type" }),
            Some(WrittenDecision::Alternative(command)) => {
                json!({ "choice": "alternative", "alternative_command": command })
            }
            Some(WrittenDecision::Deny) | None => json!({ "choice": "deny" }),
        }
    }
}
