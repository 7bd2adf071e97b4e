//! The end of a run: one transaction writes the terminal events, the run's row, its metrics and
//! the generation that can be rated. Either all of them are there or none.

use std::time::Duration;

use serde_json::{Map, Value, json};

use tokio_util::sync::CancellationToken;

use crate::agent::event::{Event, Phase};
use crate::agent::event_log::{self, Appended};
use crate::agent::journal::WriteError;
use crate::agent::memory;
use crate::agent::model::{RunStatus, Stopped, Summary};
use crate::agent::prompt;
use crate::agent::run::{Outcome, Runner};
use crate::agent::store;
use crate::feedback;
use crate::feedback::model::{Generation, Sha256Hex, TaskType};
use crate::ledger;
use crate::ledger::model::{Phase as CallPhase, Status, TaskMetric};
use crate::ledger::money::Nanos;
use crate::retrieval;
use crate::retrieval::model::RagMetric;

/// The longest pause between two tries to write the end of a run.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How a run ended, for whoever started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is over, and its end is in the log.
    Finished,
    /// The process ends first.
    Interrupted,
    /// Its end could not be written.
    Lost,
}

impl Runner {
    /// Writes the end of the run.
    pub(super) async fn end(mut self, outcome: Outcome, stopping: &CancellationToken) -> Ended {
        match outcome {
            Outcome::JournalLost => Ended::Lost,
            Outcome::Interrupted => self.interrupt().await,
            Outcome::Stopped(stopped) => {
                if self.close_open_calls(stopped).await.is_err() {
                    return Ended::Lost;
                }
                self.finish(stopped, stopping).await
            }
        }
    }

    /// A call that was cut off gets its result: what is known is only that it did not end.
    async fn close_open_calls(&mut self, stopped: Stopped) -> Result<(), crate::agent::run::Halt> {
        for (id, call_id) in std::mem::take(&mut self.open_calls) {
            let error = format!("ended before it was done ({})", stopped.reason());
            let result: Map<String, Value> = [
                ("success".to_owned(), json!(false)),
                ("error".to_owned(), json!(error)),
            ]
            .into_iter()
            .collect();
            let entries = self.closing(id, call_id, result);
            self.journal.write(entries).await?;
        }
        Ok(())
    }

    /// Leaves the run so that it can be resumed: its conversation and the intent of every call are
    /// in the database, and its status says that nobody works on it.
    async fn interrupt(self) -> Ended {
        let event = Event::Status {
            status: Phase::Interrupted,
            task_id: Some(self.run.id),
            reason: Some("server_shutting_down".to_owned()),
            prompt_id: None,
        };
        if self.journal.event(event).await.is_err() || self.journal.commit().await.is_err() {
            return Ended::Lost;
        }
        let released = async {
            let mut conn = self.services.db.acquire().await?;
            let now = self.services.clock.now();
            store::release_run(&mut conn, &self.run.org_id, self.run.id, now).await
        };
        match released.await {
            Ok(()) => Ended::Interrupted,
            Err(error) => {
                tracing::error!(run.id = %self.run.id, %error, "a run could not be released");
                Ended::Lost
            }
        }
    }

    async fn finish(self, stopped: Stopped, stopping: &CancellationToken) -> Ended {
        if self.journal.commit().await.is_err() {
            return Ended::Lost;
        }
        // Before the end is told: who sees the end may ask the next question at once.
        self.remember().await;
        let summary = self.summary(stopped);
        let metric = self.task_metric(stopped, self.services.clock.now());
        let mut pause = Duration::from_millis(100);
        loop {
            match self.write_end(stopped, &summary, &metric).await {
                Ok(()) => {
                    self.services.ledger.observe_task(&metric);
                    return Ended::Finished;
                }
                Err(error) if error.is_final() || stopping.is_cancelled() => {
                    tracing::error!(run.id = %self.run.id, %error, "the run's end is not written");
                    return Ended::Lost;
                }
                Err(error) => {
                    tracing::warn!(run.id = %self.run.id, %error, "the run's end waits for Postgres");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Keeps what was said in the run's conversation.
    async fn remember(&self) {
        let Some(id) = self.run.task.conversation_id else {
            return;
        };
        let (question, answer) = (&self.run.task.message, &self.last_text);
        let conversations = &self.services.conversations;
        memory::remember(conversations, &self.principal, id, question, answer).await;
    }

    async fn write_end(
        &self,
        stopped: Stopped,
        summary: &Summary,
        metric: &TaskMetric,
    ) -> Result<(), WriteError> {
        let at = self.services.clock.now();
        let (org_id, run_id) = (&self.run.org_id, self.run.id);
        let mut tx = self.services.db.begin().await?;
        let value = serde_json::to_value(summary).unwrap_or_default();
        let status = stopped.run_status();
        if !store::finish_run(&mut tx, org_id, run_id, status, &value, at).await? {
            // An earlier try was committed and only its answer was lost.
            return Ok(());
        }
        store::close_prompts(&mut tx, org_id, run_id).await?;
        let generation = self.generation(at);
        let gen_id = feedback::store::insert_generation(&mut tx, &generation).await?;
        ledger::store::insert_task_metric(&mut tx, metric).await?;
        for metric in self.rag_metrics(at) {
            retrieval::store::insert_rag_metric(&mut tx, &metric).await?;
        }
        let events = self.terminal_events(stopped, summary, gen_id);
        let last = event_log::last_sequence(&mut tx, org_id, run_id).await?;
        match event_log::append(&mut tx, org_id, run_id, last, &events, at).await? {
            Appended::Done => {}
            Appended::EndsAt(found) => {
                let expected = last;
                return Err(WriteError::Moved { found, expected });
            }
        }
        tx.commit().await?;
        self.services
            .live
            .publish(run_id, event_log::numbered(last, events));
        Ok(())
    }

    fn terminal_events(&self, stopped: Stopped, summary: &Summary, gen_id: i64) -> Vec<Event> {
        let phase = match stopped.run_status() {
            RunStatus::Completed => Phase::Completed,
            RunStatus::Canceled => Phase::Canceled,
            RunStatus::Failed
            | RunStatus::Queued
            | RunStatus::Running
            | RunStatus::PausedForApproval => Phase::Failed,
        };
        let mut events = vec![Event::Status {
            status: phase,
            task_id: None,
            reason: (!stopped.is_success()).then(|| stopped.reason().to_owned()),
            prompt_id: None,
        }];
        if let Some(progress) = &self.progress {
            events.extend(progress.end(stopped.is_success()));
        }
        if !summary.next_steps.is_empty() {
            events.push(Event::NextSteps {
                next_steps: summary.next_steps.clone(),
            });
        }
        let timestamp = self.services.clock.millis();
        events.push(Event::GenerationLogged { gen_id, timestamp });
        events.push(Event::Complete {
            summary: summary.clone(),
        });
        events
    }

    fn summary(&self, stopped: Stopped) -> Summary {
        Summary {
            task_id: self.run.id,
            success: stopped.is_success(),
            stopped_reason: stopped.reason().to_owned(),
            files_read: self.tally.read.iter().cloned().collect(),
            files_modified: self.tally.modified.iter().cloned().collect(),
            files_created: self.tally.created.iter().cloned().collect(),
            iterations: self.iteration,
            verification: self.verification,
            tokens: self.tokens(),
            cost_usd: self.tally.spending.spent().cost.map(Nanos::to_metric),
            elapsed_ms: millis(self.began.elapsed()),
            next_steps: self.next_steps(stopped),
        }
    }

    fn next_steps(&self, stopped: Stopped) -> Vec<String> {
        let mut steps = Vec::new();
        if !stopped.is_success() {
            steps.push(
                match stopped {
                    Stopped::Completed => "",
                    Stopped::VerificationFailed | Stopped::LoopDetected => {
                        "Look at the failing checks above before you keep the changes"
                    }
                    Stopped::FailuresExistedBefore => {
                        "Decide about the checks that failed before this run and still fail"
                    }
                    Stopped::MaxIterations | Stopped::ToolCallLimit | Stopped::RuntimeCap => {
                        "Send the request again to go on, or split it into smaller ones"
                    }
                    Stopped::CostLimit => "Raise the run's limit of cost or tokens to go on",
                    Stopped::ModelError => "Choose another model, or try again later",
                    Stopped::Cancelled => "Review what was changed before the run was cancelled",
                    Stopped::InternalError => "Tell the operator the run's id",
                }
                .to_owned(),
            );
        }
        if !self.tally.created.is_empty() {
            steps.push("Review the newly created files".to_owned());
        }
        if !self.tally.modified.is_empty() {
            steps.push("Review the changes before you commit them".to_owned());
        }
        steps.truncate(3);
        steps
    }

    fn task_metric(&self, stopped: Stopped, at: chrono::DateTime<chrono::Utc>) -> TaskMetric {
        TaskMetric {
            org_id: self.run.org_id.clone(),
            user_id: self.run.user_id.clone(),
            run_id: self.run.id.0,
            task_type: "autonomous".to_owned(),
            llm_iterations: self.iteration,
            rag_retrievals: u32::try_from(self.tally.retrievals.len()).unwrap_or(u32::MAX),
            completion_time: self.began.elapsed(),
            llm_time: self.tally.llm_time,
            rag_time: self
                .tally
                .retrievals
                .iter()
                .map(|retrieval| retrieval.took)
                .sum(),
            total_tokens: self.tally.spending.spent().usage.total(),
            total_cost: self.tally.spending.spent().cost,
            status: task_status(stopped),
            error_type: (!stopped.is_success()).then(|| stopped.reason().to_owned()),
            created_at: at,
        }
    }

    fn rag_metrics(&self, at: chrono::DateTime<chrono::Utc>) -> Vec<RagMetric> {
        let metric = |retrieval: &crate::agent::tally::Retrieval| RagMetric {
            org_id: self.run.org_id.clone(),
            user_id: self.run.user_id.clone(),
            run_id: Some(self.run.id.0),
            phase: CallPhase::Autonomous,
            query: retrieval.query.clone(),
            chunks_retrieved: retrieval.chunks,
            chunks_used: retrieval.chunks,
            latency: retrieval.took,
            relevance_score: retrieval.relevance,
            created_at: at,
        };
        self.tally.retrievals.iter().map(metric).collect()
    }

    fn generation(&self, at: chrono::DateTime<chrono::Utc>) -> Generation {
        let first = self.messages.get(self.goal);
        let first = serde_json::to_string(&first).unwrap_or_default();
        Generation {
            org_id: self.run.org_id.clone(),
            user_id: self.run.user_id.clone(),
            task_type: TaskType::Codegen,
            input_fingerprint: Some(Sha256Hex::of(&self.run.task.message)),
            model: self.run.model.model.clone(),
            temperature: None,
            params: json!({
                "provider": self.run.model.provider,
                "max_iterations": self.limits.iterations,
                "run_verification": self.run.task.run_verification,
            }),
            prompt_hash: Sha256Hex::of(&format!("{}\n{first}", prompt::system(self.reach))),
            result_ref: Some(self.run.id.to_string()),
            created_at: at,
        }
    }
}

fn task_status(stopped: Stopped) -> Status {
    match stopped {
        Stopped::Completed => Status::Success,
        Stopped::RuntimeCap => Status::Timeout,
        Stopped::Cancelled => Status::Cancelled,
        Stopped::VerificationFailed
        | Stopped::FailuresExistedBefore
        | Stopped::MaxIterations
        | Stopped::LoopDetected
        | Stopped::ToolCallLimit
        | Stopped::CostLimit
        | Stopped::ModelError
        | Stopped::InternalError => Status::Error,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
