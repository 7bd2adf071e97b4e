//! Writes the end of a run, in one transaction: the last events, the run's row, its metrics and the
//! generation that can be rated. Either all of them are there or none.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::agent::deps::Deps;
use crate::agent::finish::end::End;
use crate::agent::learning::signals;
use crate::agent::learning::signals::AnsweredRun;
use crate::agent::runner::usage::Retrieval;
use crate::approvals::{consents, questions};
use crate::feedback::store::generations;
use crate::ledger::model::{CallPhase, Status, TaskMetric};
use crate::notices::model::{NoticeId, NoticeKind};
use crate::notices::notice::{Notice, RunEnded};
use crate::notices::store::outbox;
use crate::retrieval::model::RagMetric;
use crate::runs::event::Event;
use crate::runs::event_data::{RunPhase, ToolResultData};
use crate::runs::log::entry::WriteError;
use crate::runs::log::store::ending::RunEnd;
use crate::runs::log::store::events::{Appended, Storable};
use crate::runs::log::store::{ending, events};
use crate::runs::model::{RunKind, RunStatus};
use crate::runs::outcome::{RunVerdict, Stopped};
use crate::runs::store::{runs, steps};
use crate::telemetry::model::{ErrorOccurrence, ErrorSource};
use crate::{ledger, retrieval};

/// Writes the end. Answers whether this did: not when the run is another's by now, or over.
pub(crate) async fn write(deps: &Deps, end: &End<'_>) -> Result<bool, WriteError> {
    let at = deps.clock.now();
    let (run, fence) = (end.run, end.fence);
    let (org_id, run_id) = (&run.org_id, run.id);
    let mut tx = deps.db.begin().await?;
    runs::lock_run_along(&mut tx, org_id, run_id, fence).await?;
    let held = end.stored.log;
    let last = held.last;
    let mut events = if held.has_open_calls {
        close_calls(end, &mut tx, at).await?
    } else {
        Vec::new()
    };
    if end.stored.requests.is_waiting {
        // Their answers are no longer read.
        questions::store::close_of_run(&mut tx, org_id, run_id).await?;
        consents::store::cancel_pending_of_run(&mut tx, org_id, run_id, at).await?;
    }
    let mut gen_id = None;
    if let Some(generation) = end.generation {
        gen_id = Some(generations::insert_generation(&mut tx, generation).await?);
    }
    events.extend(last_events(end, gen_id, at));
    let events: Vec<_> = events
        .into_iter()
        .map(|(event, status)| (Storable::new(event), status))
        .collect();
    let finish = RunEnd {
        last,
        fence,
        events: &events,
        status: end.stopped.run_status(),
        summary: &serde_json::to_value(end.summary).unwrap_or_default(),
        error: end.error.or(end.stopped.explanation()),
    };
    match ending::finish(&mut tx, org_id, run_id, &finish, at).await? {
        Appended::Done => {}
        Appended::Fenced => {
            tx.rollback().await?;
            return Ok(false);
        }
        Appended::EndsAt(found) => {
            let expected = last;
            return Err(WriteError::Moved { found, expected });
        }
    }
    let id = NoticeId::new(&deps.clock);
    outbox::tell_along(&mut tx, org_id, id, &notice(end), at).await?;
    if finish.status == RunStatus::Failed {
        let failure = failure(end, at);
        deps.telemetry.record(&mut tx, failure).await?;
    }
    // Last, because these change an answer before and the sums of the organisation's day: no other run that
    // changes one of them ends until the commit.
    if let Some(id) = gen_id {
        let answered = AnsweredRun {
            verification: end.summary.verification,
            changes: end.changes,
            was_denied: end.stored.requests.was_denied,
            before: end.stored.answered_before,
        };
        signals::leave(&mut tx, run, &answered, id, at).await?;
    }
    for metric in rag_metrics(end, at) {
        retrieval::store::insert_rag_metric(&mut tx, &metric).await?;
    }
    let metric = task_metric(end, at);
    ledger::store::insert_task_metric(&mut tx, &metric).await?;
    tx.commit().await?;
    log(end);
    deps.ledger.observe_task(&metric);
    let recorded = events::numbered(last, events, at);
    deps.feed.publish(run_id, recorded);
    deps.status_files.forget(run_id);
    Ok(true)
}

/// Says why a run ended, in the span that says which.
fn log(end: &End<'_>) {
    let (stopped, summary) = (end.stopped, end.summary);
    tracing::info!(
        reason = stopped.reason(),
        error = end
            .error
            .filter(|_| !stopped.is_success())
            .or(stopped.explanation()),
        iterations = summary.iterations,
        tool_calls = end.usage.tool_calls,
        cost_usd = summary.cost_usd,
        duration_ms = summary.elapsed_ms,
        "a run ended"
    );
}

/// Gives a call that was cut off its result, which says only that it did not end.
async fn close_calls(
    end: &End<'_>,
    conn: &mut sqlx::PgConnection,
    at: DateTime<Utc>,
) -> Result<Vec<(Event, RunStatus)>, WriteError> {
    let (org_id, run_id) = (&end.run.org_id, end.run.id);
    let mut events = Vec::new();
    let error = format!("ended before it was done ({})", end.stopped.reason());
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
    Ok(events)
}

fn last_events(end: &End<'_>, gen_id: Option<i64>, at: DateTime<Utc>) -> Vec<(Event, RunStatus)> {
    let (stopped, summary) = (end.stopped, end.summary);
    let status = stopped.run_status();
    let phase = match status {
        RunStatus::Completed => RunPhase::Completed,
        RunStatus::Canceled => RunPhase::Canceled,
        RunStatus::Failed
        | RunStatus::Queued
        | RunStatus::Running
        | RunStatus::PausedForApproval => RunPhase::Failed,
    };
    let mut events = vec![Event::Status {
        status: phase,
        task_id: None,
        reason: (!stopped.is_success()).then(|| stopped.reason().to_owned()),
        prompt_id: None,
    }];
    if let Some(progress) = end.progress {
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
    let (summary, verdict) = (summary.clone(), summary.verdict);
    events.push((Event::Complete { summary }, status));
    if end.run.kind == RunKind::Job {
        events.push((job_end(status, verdict), status));
    }
    events
}

fn task_metric(end: &End<'_>, at: DateTime<Utc>) -> TaskMetric {
    let (run, usage) = (end.run, end.usage);
    let retrievals = &usage.retrievals;
    let spent = usage.spent.total();
    TaskMetric {
        org_id: run.org_id.clone(),
        user_id: run.user_id.clone(),
        run_id: run.id,
        trace_id: run.trace_id.clone(),
        task_type: "autonomous".to_owned(),
        llm_iterations: end.summary.iterations,
        rag_retrievals: u32::try_from(retrievals.len()).unwrap_or(u32::MAX),
        completion_time: end.worked,
        llm_time: usage.llm_time,
        rag_time: retrievals.iter().map(|retrieval| retrieval.took).sum(),
        total_tokens: spent.usage.total(),
        total_cost: spent.cost,
        status: task_status(end.stopped),
        error_type: (!end.stopped.is_success()).then(|| end.stopped.reason().to_owned()),
        created_at: at,
    }
}

fn rag_metrics(end: &End<'_>, at: DateTime<Utc>) -> Vec<RagMetric> {
    let metric = |retrieval: &Retrieval| RagMetric {
        org_id: end.run.org_id.clone(),
        user_id: end.run.user_id.clone(),
        run_id: Some(end.run.id),
        trace_id: end.run.trace_id.clone(),
        phase: CallPhase::Autonomous,
        query: retrieval.query.clone(),
        chunks_retrieved: retrieval.chunks,
        chunks_used: retrieval.chunks,
        latency: retrieval.took,
        relevance_score: retrieval.relevance,
        created_at: at,
    };
    end.usage.retrievals.iter().map(metric).collect()
}

/// The notice to webhooks.
fn notice(end: &End<'_>) -> Notice {
    let (run, summary) = (end.run, end.summary);
    Notice::run_ended(&RunEnded {
        kind: match end.stopped.run_status() {
            RunStatus::Completed if summary.success => NoticeKind::RunSucceeded,
            RunStatus::Canceled => NoticeKind::RunCancelled,
            RunStatus::Completed
            | RunStatus::Failed
            | RunStatus::Queued
            | RunStatus::Running
            | RunStatus::PausedForApproval => NoticeKind::RunFailed,
        },
        run_id: run.id,
        user_id: &run.user_id,
        conversation_id: run.task.conversation_id,
        stopped_reason: end.stopped.reason(),
        verification: json!(summary.verification),
        cost_usd: summary.cost_usd,
        elapsed_ms: summary.elapsed_ms,
    })
}

/// A run that failed is an error of its user, beside those that their client reports.
fn failure(end: &End<'_>, at: DateTime<Utc>) -> ErrorOccurrence {
    let run = end.run;
    let message = end.error.or(end.stopped.explanation());
    ErrorOccurrence {
        org_id: run.org_id.to_string(),
        user_id: run.user_id.to_string(),
        source: ErrorSource::Run,
        error_type: end.stopped.reason().to_owned(),
        message: message.unwrap_or("the run failed").to_owned(),
        component: Some("agent".to_owned()),
        operation: Some("run".to_owned()),
        trace_id: run.trace_id.as_ref().map(|trace| trace.0.clone()),
        run_id: Some(run.id.0),
        extra: Some(json!({"model": run.model.model, "provider": run.model.provider})),
        ..ErrorOccurrence::of_this_server(at)
    }
}

fn job_end(status: RunStatus, verdict: RunVerdict) -> Event {
    match status {
        RunStatus::Completed => Event::JobCompleted {
            message: match verdict {
                RunVerdict::Done => "The job is done",
                RunVerdict::Partly => {
                    "The job ended; its task is done in part, and its summary says why"
                }
                RunVerdict::Failed => {
                    "The job ended; its task is not done, and its summary says why"
                }
            }
            .to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_job_says_how_far_its_task_is_done() {
        for (verdict, said) in [
            (RunVerdict::Done, "The job is done"),
            (RunVerdict::Partly, "done in part"),
            (RunVerdict::Failed, "not done"),
        ] {
            let Event::JobCompleted { message } = job_end(RunStatus::Completed, verdict) else {
                panic!("a job that came to its end is completed")
            };
            assert!(message.contains(said), "{message}");
        }
    }
}
