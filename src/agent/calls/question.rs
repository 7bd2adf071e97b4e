//! Asking a person a question of the model's, and waiting for the answer.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::agent::calls::call::CallResult;
use crate::agent::runner::primitives::{Halt, Runner};
use crate::approvals::questions::model::Reply;
use crate::platform::ids::{PromptId, ToolCallId};
use crate::runs::event::Event;
use crate::runs::event_data::RunPhase;
use crate::runs::log::entry::Entry;
use crate::runs::model::{RunKind, RunStatus};
use crate::tools::ask_user::Question;

/// Asks its user a question of the model's, or goes on waiting for the answer.
pub(crate) async fn ask(
    runner: &mut Runner,
    call: ToolCallId,
    arguments: &Map<String, Value>,
) -> Result<CallResult, Halt> {
    let question = match Question::parse(arguments) {
        Ok(question) => question,
        Err(told) => return Ok(CallResult::error(&told.to_string())),
    };
    let (org_id, user_id) = (runner.run.org_id.clone(), runner.run.user_id.clone());
    let questions = runner.deps.questions.clone();
    let run_id = runner.run.id;
    let asked = || questions.asked(&org_id, run_id, call);
    let id = match runner.retry_database(asked).await? {
        Some(id) => {
            let is_open = || questions.is_open(&org_id, &user_id, id);
            if runner.retry_database(is_open).await? {
                runner.journal.write(waiting(runner, id)).await?;
            }
            id
        }
        None => open(runner, call, &question).await?,
    };
    let waiting = Box::pin(questions.wait(&org_id, &user_id, id));
    let reply = match runner.wait_without_slot(waiting).await? {
        Ok(reply) => reply,
        Err(error) => return runner.internal(&error).await,
    };
    let entries = vec![
        Entry::Status(RunStatus::Running),
        Entry::Event(Event::status(RunPhase::Executing)),
    ];
    runner.journal.write(entries).await?;
    let obstacles = &mut runner.state.usage.obstacles;
    match reply {
        Reply::Expired => obstacles.note_unanswered(),
        Reply::Unasked => obstacles.note_unasked(),
        Reply::Answered(_) | Reply::Cancelled => {}
    }
    Ok(match reply {
        Reply::Answered(response) => {
            CallResult::of(json!({ "success": true, "response": response }))
        }
        Reply::Cancelled => CallResult::error("the user does not want to answer"),
        Reply::Unasked => CallResult::error(
            "this needs a person, and there is none; nothing was asked. Go on without the answer",
        ),
        Reply::Expired => CallResult::error("no answer came in time; go on without the answer"),
    })
}

async fn open(
    runner: &mut Runner,
    call: ToolCallId,
    question: &Question,
) -> Result<PromptId, Halt> {
    let mut data = question.data();
    let timeout = Duration::from_secs(question.timeout_seconds);
    let shown = Value::Object(data.clone());
    let prompt = runner
        .deps
        .questions
        .question(runner.run.id, call, shown, timeout);
    let id = prompt.id;
    data.insert("prompt_id".to_owned(), Value::String(id.to_string()));
    let timestamp = runner.deps.clock.millis();
    let mut entries = vec![
        Entry::PromptAsked(Box::new(prompt)),
        Entry::Event(Event::PromptRequest { data, timestamp }),
    ];
    entries.extend(waiting(runner, id));
    runner.journal.write(entries).await?;
    runner.journal.commit().await?;
    Ok(id)
}

/// Says that the run waits. A run that goes on in another process while it waits says it again,
/// because it was told to be running meanwhile.
fn waiting(runner: &Runner, id: PromptId) -> Vec<Entry> {
    let waits = Event::Status {
        status: RunPhase::AwaitingUserInput,
        task_id: None,
        reason: None,
        prompt_id: Some(id.to_string()),
    };
    let mut entries = vec![
        Entry::Status(RunStatus::PausedForApproval),
        Entry::Event(waits),
    ];
    if runner.run.kind == RunKind::Job {
        entries.push(Entry::Event(Event::JobPaused {
            consent_id: None,
            prompt_id: Some(id.to_string()),
            reason: None,
            message: "The job waits for your answer".to_owned(),
        }));
    }
    entries
}
