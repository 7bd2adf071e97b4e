//! A task's run as its client sees it.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::agent::session::{Errand, Session};
use crate::cli::e2e::running::person::WrittenPerson;
use crate::cli::e2e::tasks::model::E2eTask;
use crate::cli::failure::Failure;
use crate::platform::clock::Clock;
use crate::platform::ids::{ConversationId, RunId};

/// A run as its client saw it.
#[derive(Clone, Debug)]
pub struct WatchedRun {
    /// The frames, with the time that had passed since the request.
    pub frames: Vec<(Duration, Value)>,
    /// Its end.
    pub end: StreamEnd,
    /// From the request to the end of the stream.
    pub took: Duration,
}

/// The end of a stream for its client.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEnd {
    /// With the summary and the last frame.
    Whole(Value),
    /// The client left, because the task says so.
    Left,
    /// It took longer than it may.
    TooLong,
    /// Otherwise.
    Broken(String),
}

impl WatchedRun {
    /// Has a task done in this folder.
    pub async fn watch(
        session: &Session,
        task: &E2eTask,
        workspace: &str,
        model: Option<String>,
    ) -> Self {
        let written = &task.written;
        let errand = Errand {
            message: written.message.clone(),
            workspace: workspace.to_owned(),
            conversation: ConversationId::new(&Clock::System),
            model,
            verify: written.verify,
            max_iterations: None,
            effort: None,
            verbosity: None,
        };
        let mut frames = Vec::new();
        let began = Instant::now();
        let work = follow(session, task, &errand, |frame| {
            frames.push((began.elapsed(), frame.clone()));
        });
        let outcome = tokio::time::timeout(task.limit(), work).await;
        let took = began.elapsed();
        let end = match outcome {
            Ok(Ok(end)) => end,
            Ok(Err(failure)) => StreamEnd::Broken(failure.to_string()),
            Err(_) => StreamEnd::TooLong,
        };
        Self { frames, end, took }
    }

    /// The frames of one type.
    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        let frames = self.frames.iter().map(|(_, frame)| frame);
        frames.filter(move |frame| frame["type"] == kind)
    }

    /// The summary of a run that ended.
    pub fn summary(&self) -> Option<&Value> {
        match &self.end {
            StreamEnd::Whole(summary) => Some(summary),
            StreamEnd::Left | StreamEnd::TooLong | StreamEnd::Broken(_) => None,
        }
    }

    /// The id of the run, as the stream said it.
    pub fn run_id(&self) -> Option<RunId> {
        let mut ids = self.frames.iter().filter_map(|(_, frame)| {
            let id = frame["task_id"].as_str().or(frame["job_id"].as_str());
            id.or(frame["summary"]["task_id"].as_str())?.parse().ok()
        });
        ids.next()
    }

    /// From the request to the first piece of an answer, text or call.
    pub fn first_token(&self) -> Option<Duration> {
        let is_answer = |frame: &Value| frame["type"] == "text" || frame["type"] == "tool_call";
        let first = self.frames.iter().find(|(_, frame)| is_answer(frame));
        first.map(|(after, _)| *after)
    }

    /// The whole answer, without what a repeated answer replaces.
    pub fn answer(&self) -> String {
        let mut pieces: Vec<(u64, &str)> = Vec::new();
        let mut number = 0;
        for (_, frame) in &self.frames {
            // Events are numbered without gaps, and a sign of life is no event.
            if frame["type"] == "heartbeat" {
                continue;
            }
            number += 1;
            match frame["type"].as_str() {
                Some("text") => pieces.push((number, frame["text"].as_str().unwrap_or_default())),
                Some("job_resumed") => {
                    let kept = frame["discard_after"].as_u64().unwrap_or(number);
                    pieces.retain(|(at, _)| *at <= kept);
                }
                _ => {}
            }
        }
        pieces.into_iter().map(|(_, text)| text).collect()
    }
}

/// Follows a task to the end of its stream, and answers what is asked as its person does.
async fn follow(
    session: &Session,
    task: &E2eTask,
    errand: &Errand,
    mut on_frame: impl FnMut(&Value),
) -> Result<StreamEnd, Failure> {
    let written = &task.written;
    let mut person = WrittenPerson::of(written);
    let mut frames = if written.interactive {
        session.begin(errand).await?
    } else {
        session.begin_job(errand).await?
    };
    let mut summary = None;
    while let Some(frame) = frames.next().await? {
        on_frame(&frame);
        let data = &frame["data"];
        match frame["type"].as_str() {
            Some("text") if written.leaves => return Ok(StreamEnd::Left),
            Some("complete") => summary = Some(frame["summary"].clone()),
            Some("prompt_request") => {
                let id = data["prompt_id"].as_str().unwrap_or_default();
                let path = format!("api/navi/prompt/{id}");
                session.tell(&path, &person.answer()).await?;
            }
            Some("command.consent_required") => {
                let id = data["consent_id"].as_str().unwrap_or_default();
                let path = format!("api/navi/consent/{id}");
                session.tell(&path, &person.decide()).await?;
            }
            _ => {}
        }
    }
    Ok(summary.map_or_else(
        || StreamEnd::Broken("the stream ended without a summary".to_owned()),
        StreamEnd::Whole,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_piece_that_a_repeated_answer_replaces_is_no_part_of_the_answer() {
        let frames = [
            json!({"router_info": {}}),
            json!({"type": "text", "text": "kept, "}),
            json!({"type": "heartbeat"}),
            json!({"type": "text", "text": "void"}),
            json!({"type": "job_resumed", "discard_after": 2}),
            json!({"type": "text", "text": "and again"}),
        ];
        let seen = WatchedRun {
            frames: frames.map(|frame| (Duration::ZERO, frame)).into(),
            end: StreamEnd::Left,
            took: Duration::ZERO,
        };
        assert_eq!(seen.answer(), "kept, and again");
    }
}
