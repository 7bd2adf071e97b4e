//! Asking a person a question of the model's, and waiting for the answer.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::agent::calls::execute::Done;
use crate::agent::execution::run_loop::{Halt, Runner};
use crate::approvals::questions::model::Reply;
use crate::platform::ids::{PromptId, ToolCallId};
use crate::runs::event::Event;
use crate::runs::event_data::Phase;
use crate::runs::log::journal::Entry;
use crate::runs::model::{RunKind, RunStatus};
use crate::tools::ask_user::Question;

impl Runner {
    /// Asks its user a question of the model's, or goes on waiting for the answer.
    pub(crate) async fn ask_user(
        &mut self,
        call: ToolCallId,
        arguments: &Map<String, Value>,
    ) -> Result<Done, Halt> {
        let question = match Question::parse(arguments) {
            Ok(question) => question,
            Err(told) => return Ok(Done::told(&told.to_string())),
        };
        let (org_id, user_id) = (self.run.org_id.clone(), self.run.user_id.clone());
        let questions = self.services.questions.clone();
        let run_id = self.run.id;
        let asked = || questions.asked(&org_id, run_id, call);
        let id = match self.patiently(asked).await? {
            Some(id) => {
                self.journal.write(self.waits_for_answer(id)).await?;
                id
            }
            None => self.open_question(call, &question).await?,
        };
        let waiting = Box::pin(questions.wait(&org_id, &user_id, id));
        let reply = match self.word(waiting).await? {
            Ok(reply) => reply,
            Err(error) => return self.internal(&error).await,
        };
        let entries = vec![
            Entry::Status(RunStatus::Running),
            Entry::Event(Event::status(Phase::Executing)),
        ];
        self.journal.write(entries).await?;
        Ok(match reply {
            Reply::Answered(response) => Done::of(json!({ "success": true, "response": response })),
            Reply::Cancelled => Done::told("the user does not want to answer"),
            Reply::Expired => Done::told("nobody answered in time; go on without the answer"),
        })
    }

    async fn open_question(
        &mut self,
        call: ToolCallId,
        question: &Question,
    ) -> Result<PromptId, Halt> {
        let mut data = question.data();
        let timeout = Duration::from_secs(question.timeout_seconds);
        let shown = Value::Object(data.clone());
        let prompt = self
            .services
            .questions
            .question(self.run.id, call, shown, timeout);
        let id = prompt.id;
        data.insert("prompt_id".to_owned(), Value::String(id.to_string()));
        let timestamp = self.services.clock.millis();
        let mut entries = vec![
            Entry::PromptAsked(Box::new(prompt)),
            Entry::Event(Event::PromptRequest { data, timestamp }),
        ];
        entries.extend(self.waits_for_answer(id));
        self.journal.write(entries).await?;
        self.journal.commit().await?;
        Ok(id)
    }

    /// Says that the run waits. A run that goes on in another process while it waits says it again,
    /// because it was told to be running meanwhile.
    fn waits_for_answer(&self, id: PromptId) -> Vec<Entry> {
        let waits = Event::Status {
            status: Phase::AwaitingUserInput,
            task_id: None,
            reason: None,
            prompt_id: Some(id.to_string()),
        };
        let mut entries = vec![
            Entry::Status(RunStatus::PausedForApproval),
            Entry::Event(waits),
        ];
        if self.run.kind == RunKind::Job {
            entries.push(Entry::Event(Event::JobPaused {
                consent_id: None,
                prompt_id: Some(id.to_string()),
                message: "The job waits for your answer".to_owned(),
            }));
        }
        entries
    }
}
