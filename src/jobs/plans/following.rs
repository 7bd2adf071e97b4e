//! Carrying out a plan, for clients that poll.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::auth::principal::Principal;
use crate::jobs::error::Error;
use crate::jobs::model::StartOutcome;
use crate::jobs::plans::model::Report;
use crate::jobs::plans::service::Plans;
use crate::jobs::plans::store;
use crate::jobs::plans::view::NextAnswer;
use crate::jobs::view::JobView;
use crate::platform::ids::RunId;
use crate::platform::redact::text::redact_text;
use crate::platform::text::{cut_bytes, visible_prose};
use crate::runs::model::RunStatus;

/// The longest time until a poll is answered.
const POLL_TIMEOUT: Duration = Duration::from_secs(20);
/// The same while the job waits for a person, who may not know it yet.
const PAUSED_POLL_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause before the log is read again: many pieces of text come in a second.
const DEBOUNCE: Duration = Duration::from_secs(1);
/// The most of the model's words in a progress report, in bytes.
const WORDS_BYTES: usize = 4_000;
/// The most of a command or question in a report, in bytes.
const QUESTION_BYTES: usize = 500;

/// Starts the job of a plan that was not started. Reports on one that was as soon as there is
/// something new, or after a while. Other jobs are not found.
pub async fn next(plans: &Plans, principal: &Principal, id: RunId) -> Result<NextAnswer, Error> {
    let mut conn = plans.jobs().deps().db.acquire().await?;
    let (org_id, user_id) = (&principal.org_id, &principal.user_id);
    if !store::is_plan(&mut conn, org_id, user_id, id).await? {
        return Err(Error::NotFound(id.to_string()));
    }
    drop(conn);
    match plans.jobs().start(principal, id).await {
        Ok(StartOutcome::Started) => {
            let job = plans.jobs().find(principal, id).await?;
            let report = Report {
                status: RunStatus::Queued,
                text: format!("The work on the plan begins. It is the job `{id}`."),
            };
            return Ok(NextAnswer::new(report, job));
        }
        Ok(StartOutcome::Already(_))
        | Err(Error::Over(_) | Error::WaitsForApproval | Error::Paused) => {}
        Err(error) => return Err(error),
    }
    let head = plans.jobs().head(principal, id).await?;
    let feed = &plans.jobs().deps().feed;
    let mut watcher = feed.watch(&head.org_id, id, head.last_sequence);
    let (first, mut job) = report(plans, principal, id).await?;
    let wait = match first.status {
        RunStatus::Completed | RunStatus::Failed | RunStatus::Canceled => Duration::ZERO,
        RunStatus::PausedForApproval => PAUSED_POLL_TIMEOUT,
        RunStatus::Queued | RunStatus::Running => POLL_TIMEOUT,
    };
    let until = Instant::now() + wait;
    let (mut now, mut seen) = (first.clone(), head.last_sequence);
    while now == first && Instant::now() < until {
        tokio::select! {
            () = plans.jobs().agent().stopping().cancelled() => break,
            () = sleep_until(until) => break,
            () = watcher.beyond(seen) => {}
        }
        sleep_until(until.min(Instant::now() + DEBOUNCE)).await;
        seen = watcher.head();
        (now, job) = report(plans, principal, id).await?;
    }
    Ok(NextAnswer::new(now, job))
}

/// A progress report about a job, and the job.
async fn report(
    plans: &Plans,
    principal: &Principal,
    id: RunId,
) -> Result<(Report, JobView), Error> {
    let job = plans.jobs().find(principal, id).await?;
    let mut conn = plans.jobs().deps().db.acquire().await?;
    let said = store::last_words(&mut conn, &principal.org_id, id).await?;
    let said = said.map(|text| visible_prose(&redact_text(&text)).into_owned());
    let report = Report {
        status: job.status,
        text: report_text(&job, said.as_deref()),
    };
    Ok((report, job))
}

/// The text of a report: the model's last words, or the job's status in a sentence.
fn report_text(job: &JobView, said: Option<&str>) -> String {
    let id = job.job_id;
    match job.status {
        RunStatus::Queued => format!("The job `{id}` waits for a free worker."),
        RunStatus::Running => match said {
            Some(said) => cut_bytes(said, WORDS_BYTES),
            None => format!("The job `{id}` is at work."),
        },
        RunStatus::PausedForApproval => waiting(job),
        RunStatus::Completed => ended(said, "The work is done.", job),
        RunStatus::Canceled => ended(said, "The work was cancelled before it was done.", job),
        RunStatus::Failed => {
            let why = job.error.as_deref().unwrap_or("its log says why");
            ended(said, &format!("The work was not done: {why}."), job)
        }
    }
}

/// The question that a job waits with, and the address of its answer.
fn waiting(job: &JobView) -> String {
    let id = job.job_id;
    let pending = job.pending_approval.as_ref();
    let text = |name: &str| {
        let value = pending.and_then(|pending| pending.get(name));
        value
            .and_then(Value::as_str)
            .map(|text| cut_bytes(text, QUESTION_BYTES))
    };
    match text("kind").as_deref() {
        Some("consent") => {
            let command = text("command").unwrap_or_default();
            format!(
                "The job `{id}` waits for your consent: `{command}`. Allow or deny it with \
                 `POST /api/jobs/{id}/approve`; without an answer it is not done."
            )
        }
        Some("prompt") => {
            let question = text("description").unwrap_or_default();
            let choices = pending.map_or_else(String::new, choices);
            let prompt_id = text("prompt_id").unwrap_or_default();
            format!(
                "The job `{id}` asks: {question}{choices} Answer with `POST /api/navi/prompt/{prompt_id}`."
            )
        }
        _ => match &job.error {
            Some(why) => format!(
                "The job `{id}` is paused: {why} Resume it with `POST /api/jobs/{id}/resume`."
            ),
            None => format!("The job `{id}` waits for a person."),
        },
    }
}

/// The answers that a question offers, in a sentence.
fn choices(question: &Value) -> String {
    let options = question["options"].as_array().into_iter().flatten();
    let values = options.filter_map(|option| option["value"].as_str());
    let values: Vec<_> = values.map(|value| format!("`{value}`")).collect();
    if values.is_empty() {
        return String::new();
    }
    format!(" The choices are {}.", values.join(", "))
}

/// The model's last words, then the end of the work and its checks.
fn ended(said: Option<&str>, how: &str, job: &JobView) -> String {
    let verification = job
        .summary
        .as_ref()
        .and_then(|summary| summary.get("verification"));
    let checks = match verification.and_then(Value::as_str) {
        Some("passed") => " The project's checks passed.",
        Some("failed") => " The project's checks fail.",
        _ => " No check of the project ran.",
    };
    let how = format!("{how}{checks} Its log is that of the job `{}`.", job.job_id);
    match said {
        Some(said) => format!("{said}\n\n{how}"),
        None => how,
    }
}
