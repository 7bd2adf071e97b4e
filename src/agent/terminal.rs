//! What every end of a run writes, in one transaction: the last events, the run's row, its metrics and
//! the generation that can be rated. Either all of them are there or none.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::agent::aftermath::FileChange;
use crate::agent::consents;
use crate::agent::event::Event;
use crate::agent::event_data::{Phase, ToolResultData};
use crate::agent::event_log::{self, Append, Appended, Storable};
use crate::agent::journal::WriteError;
use crate::agent::model::{Run, RunKind, RunStatus, Stopped, Summary};
use crate::agent::plan::Progress;
use crate::agent::service::Services;
use crate::agent::store::{prompts, runs, steps};
use crate::agent::tally::Tally;
use crate::feedback::model::Generation;
use crate::feedback::store::generations;
use crate::ledger;
use crate::ledger::model::{Phase as CallPhase, Status, TaskMetric};
use crate::retrieval;
use crate::retrieval::model::RagMetric;
use crate::telemetry::model::{ErrorOccurrence, ErrorSource};

/// The end of a run.
#[derive(Debug)]
pub(super) struct End<'a> {
    /// The run.
    pub(super) run: &'a Run,
    /// The number under which it is held.
    pub(super) fence: i64,
    /// Why it ends.
    pub(super) stopped: Stopped,
    /// How it ended.
    pub(super) summary: &'a Summary,
    /// What went wrong last, for lists that show no log.
    pub(super) error: Option<&'a str>,
    /// What it did and used.
    pub(super) tally: &'a Tally,
    /// How long it was worked on.
    pub(super) worked: Duration,
    /// Where it stood in its plan, if it had one.
    pub(super) progress: Option<&'a Progress>,
    /// What can be rated, if anything was answered.
    pub(super) generation: Option<&'a Generation>,
    /// What it leaves in its workspace, to be looked at later.
    pub(super) changes: &'a [FileChange],
}

impl End<'_> {
    /// Writes the end. Answers whether this did: not when the run is another's by now, or over.
    pub(super) async fn write(&self, services: &Services) -> Result<bool, WriteError> {
        let at = services.clock.now();
        let (run, fence) = (self.run, self.fence);
        let (org_id, run_id) = (&run.org_id, run.id);
        let mut tx = services.db.begin().await?;
        let Some(last) = runs::lock_run(&mut tx, org_id, run_id, fence).await? else {
            return Ok(false);
        };
        let mut events = self.close_what_is_open(&mut tx, at).await?;
        let mut gen_id = None;
        if let Some(generation) = self.generation {
            let id = generations::insert_generation(&mut tx, generation).await?;
            self.leave_to_learn_from(&mut tx, generation, id, at)
                .await?;
            gen_id = Some(id);
        }
        let metric = self.task_metric(at);
        ledger::store::insert_task_metric(&mut tx, &metric).await?;
        for metric in self.rag_metrics(at) {
            retrieval::store::insert_rag_metric(&mut tx, &metric).await?;
        }
        events.extend(self.last_events(gen_id, at));
        let events: Vec<_> = events
            .into_iter()
            .map(|(event, status)| (Storable::new(event), status))
            .collect();
        let append = Append::events(last, fence, &events, RunStatus::Running);
        match event_log::append(&mut tx, org_id, run_id, &append, at).await? {
            Appended::Done => {}
            Appended::Fenced => return Err(WriteError::Fenced),
            Appended::EndsAt(found) => {
                let expected = last;
                return Err(WriteError::Moved { found, expected });
            }
        }
        let end = runs::RunEnd {
            status: self.stopped.run_status(),
            summary: &serde_json::to_value(self.summary).unwrap_or_default(),
            error: self.error.or(self.stopped.explanation()),
        };
        runs::finish_run(&mut tx, org_id, run_id, fence, &end, at).await?;
        if end.status == RunStatus::Failed {
            let failure = self.failure(at);
            services.telemetry.record(&mut tx, failure).await?;
        }
        tx.commit().await?;
        services.ledger.observe_task(&metric);
        let recorded = event_log::numbered(last, events, at);
        services.followers.publish(run_id, recorded);
        services.records.forget(run_id);
        Ok(true)
    }

    /// A call that was cut off gets its result: what is known is only that it did not end. Nobody
    /// reads answers to the run's questions any more.
    async fn close_what_is_open(
        &self,
        conn: &mut sqlx::PgConnection,
        at: DateTime<Utc>,
    ) -> Result<Vec<(Event, RunStatus)>, WriteError> {
        let (org_id, run_id) = (&self.run.org_id, self.run.id);
        let mut events = Vec::new();
        let error = format!("ended before it was done ({})", self.stopped.reason());
        for call in steps::open_tool_calls(conn, org_id, run_id).await? {
            let result = json!({ "success": false, "error": error });
            steps::finish_tool_call(conn, org_id, call.id, &result, at).await?;
            let tool_result = ToolResultData {
                id: call.call_id,
                result: Map::from_iter([
                    ("success".to_owned(), json!(false)),
                    ("error".to_owned(), Value::String(error.clone())),
                ]),
            };
            let timestamp = at.timestamp_millis();
            let event = Event::ToolResult {
                tool_result,
                timestamp,
            };
            events.push((event, RunStatus::Running));
        }
        prompts::close_prompts(conn, org_id, run_id).await?;
        consents::store::cancel_pending_of_run(conn, org_id, run_id, at).await?;
        Ok(events)
    }

    fn last_events(&self, gen_id: Option<i64>, at: DateTime<Utc>) -> Vec<(Event, RunStatus)> {
        let (stopped, summary) = (self.stopped, self.summary);
        let status = stopped.run_status();
        let phase = match status {
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
        if let Some(progress) = self.progress {
            events.extend(progress.end(stopped.is_success()));
        }
        if !summary.next_steps.is_empty() {
            let next_steps = summary.next_steps.clone();
            events.push(Event::NextSteps { next_steps });
        }
        let timestamp = at.timestamp_millis();
        if let Some(gen_id) = gen_id {
            events.push(Event::GenerationLogged { gen_id, timestamp });
        }
        let mut events: Vec<_> = events
            .into_iter()
            .map(|event| (event, RunStatus::Running))
            .collect();
        let summary = summary.clone();
        events.push((Event::Complete { summary }, status));
        if self.run.kind == RunKind::Job {
            events.push((job_end(status), status));
        }
        events
    }

    fn task_metric(&self, at: DateTime<Utc>) -> TaskMetric {
        let (run, tally) = (self.run, self.tally);
        let retrievals = &tally.retrievals;
        let spent = tally.spending.spent();
        TaskMetric {
            org_id: run.org_id.clone(),
            user_id: run.user_id.clone(),
            run_id: run.id.0,
            trace_id: run.trace_id.clone(),
            task_type: "autonomous".to_owned(),
            llm_iterations: self.summary.iterations,
            rag_retrievals: u32::try_from(retrievals.len()).unwrap_or(u32::MAX),
            completion_time: self.worked,
            llm_time: tally.llm_time,
            rag_time: retrievals.iter().map(|retrieval| retrieval.took).sum(),
            total_tokens: spent.usage.total(),
            total_cost: spent.cost,
            status: task_status(self.stopped),
            error_type: (!self.stopped.is_success()).then(|| self.stopped.reason().to_owned()),
            created_at: at,
        }
    }

    fn rag_metrics(&self, at: DateTime<Utc>) -> Vec<RagMetric> {
        let metric = |retrieval: &crate::agent::tally::Retrieval| RagMetric {
            org_id: self.run.org_id.clone(),
            user_id: self.run.user_id.clone(),
            run_id: Some(self.run.id.0),
            trace_id: self.run.trace_id.clone(),
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
}

impl End<'_> {
    /// A run that failed is an error of whoever asked for it, beside those that their client reports.
    fn failure(&self, at: DateTime<Utc>) -> ErrorOccurrence {
        let run = self.run;
        let message = self.error.or(self.stopped.explanation());
        ErrorOccurrence {
            org_id: run.org_id.to_string(),
            user_id: run.user_id.to_string(),
            source: ErrorSource::Run,
            error_type: self.stopped.reason().to_owned(),
            message: message.unwrap_or("the run failed").to_owned(),
            component: Some("agent".to_owned()),
            operation: Some("run".to_owned()),
            trace_id: run.trace_id.as_ref().map(|trace| trace.0.clone()),
            run_id: Some(run.id.0),
            extra: Some(json!({"model": run.model.model, "provider": run.model.provider})),
            ..ErrorOccurrence::of_this_server(at)
        }
    }
}

fn job_end(status: RunStatus) -> Event {
    match status {
        RunStatus::Completed => Event::JobCompleted {
            message: "The job is done".to_owned(),
        },
        RunStatus::Canceled => Event::JobCanceled {
            message: "The job was cancelled".to_owned(),
        },
        RunStatus::Failed
        | RunStatus::Queued
        | RunStatus::Running
        | RunStatus::PausedForApproval => Event::JobFailed {
            message: "The job failed; its summary says why".to_owned(),
        },
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

/// What the user may want to do next: at most three sentences.
pub(super) fn next_steps(stopped: Stopped, tally: &Tally) -> Vec<String> {
    let mut steps: Vec<String> = stopped.advice().map(str::to_owned).into_iter().collect();
    if !tally.created.is_empty() {
        steps.push("Review the newly created files".to_owned());
    }
    if !tally.modified.is_empty() {
        steps.push("Review the changes before you commit them".to_owned());
    }
    steps.truncate(3);
    steps
}
