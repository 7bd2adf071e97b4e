//! Plans, and the work on them, in the shapes that clients read.

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::jobs::plans::model::Report;
use crate::jobs::view::JobView;
use crate::platform::redact::text::redact_text;
use crate::platform::text::{cut_bytes, visible_prose};
use crate::runs::model::{Run, RunStatus};
use crate::runs::plan::Plan;

/// The longest goal, in bytes: the beginning of the message.
const GOAL_BYTES: usize = 200;
/// The confidence of a plan that a model made: nothing measures it.
const MADE: f64 = 0.5;
/// The confidence of a plan that stands in for one.
const STANDS_IN: f64 = 0.0;

/// A plan that was made.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PlanAnswer {
    /// Always true.
    pub success: bool,
    /// The plan.
    pub plan: PlanView,
    /// The origin of the plan, for a person.
    pub reasoning: String,
    /// The job that waits to carry the plan out; `POST /api/navi/next` takes it.
    pub session_id: Uuid,
    /// The routing decision.
    #[schema(value_type = Object)]
    pub router_info: Map<String, Value>,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = MadePlan)]
pub struct PlanView {
    /// The same as `session_id`.
    pub id: Uuid,
    /// The beginning of the message.
    pub goal: String,
    /// 0.5 for a plan that a model made, because nothing measures how good it is; 0 for one that stands in
    /// because the model's answer was none.
    pub confidence: f64,
    /// One to five steps.
    pub steps: Vec<StepView>,
    /// Always false: consent is asked for single actions when the work comes to them.
    pub requires_approval: bool,
    /// Files the plan expects to touch, at most ten.
    pub estimated_files: Vec<String>,
    /// The same as beside the plan.
    pub reasoning: String,
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = MadePlanStep)]
pub struct StepView {
    /// Names the step within the plan.
    pub id: String,
    /// The step in a few words.
    pub title: String,
    /// The same in more words.
    pub rationale: String,
    /// Always null: the server does the work, with tools of its own.
    pub tool: Option<String>,
    /// Always `pending`: nothing is done yet.
    pub status: String,
    /// Always false; see `requires_approval` of the plan.
    pub requires_approval: bool,
    /// Always empty: the project's own checks verify the whole.
    pub verify: Vec<String>,
}

impl PlanAnswer {
    /// The answer about a run that has a plan; none was `made` when it only stands in.
    pub fn new(
        run: &Run,
        plan: &Plan,
        is_made: bool,
        files_seen: usize,
        router_info: Map<String, Value>,
    ) -> Self {
        let step = |step: &crate::runs::event_data::PlanStep| StepView {
            id: format!("step_{}", step.index),
            title: shown(&step.title),
            rationale: shown(&step.detail),
            tool: None,
            status: "pending".to_owned(),
            requires_approval: false,
            verify: Vec::new(),
        };
        let goal = shown(run.task.first_line());
        let reasoning = reasoning(run, is_made, files_seen);
        Self {
            success: true,
            plan: PlanView {
                id: run.id.0,
                goal: cut_bytes(&goal, GOAL_BYTES),
                confidence: if is_made { MADE } else { STANDS_IN },
                steps: plan.steps.iter().map(step).collect(),
                requires_approval: false,
                estimated_files: plan.estimated_files.clone(),
                reasoning: reasoning.clone(),
            },
            reasoning,
            session_id: run.id.0,
            router_info,
        }
    }
}

/// A text as a person may read it.
fn shown(text: &str) -> String {
    visible_prose(&redact_text(text)).into_owned()
}

fn reasoning(run: &Run, is_made: bool, files_seen: usize) -> String {
    let (provider, model) = (&run.model.provider, &run.model.model);
    let origin = if is_made {
        let seen = match files_seen {
            0 => "without looking at code".to_owned(),
            1 => "with 1 file of the workspace in view".to_owned(),
            count => format!("with {count} files of the workspace in view"),
        };
        format!("Planned by {provider}/{model}, {seen}.")
    } else {
        format!(
            "The answer of {provider}/{model} contained no plan, so the whole task is one \
             step."
        )
    };
    format!("{origin} Nothing is done yet.")
}

/// A progress report about the work on a plan.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct NextAnswer {
    /// Always `assistant_message`: the client is never asked to act.
    #[serde(rename = "type")]
    pub kind: String,
    /// The report.
    pub content: String,
    /// True once the work is over. Ask again while it is false.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// The job that does the work.
    pub job_id: Uuid,
    /// The job's status.
    #[schema(value_type = RunStatus)]
    pub job_status: String,
    /// The address of its events.
    pub events_url: String,
    /// The consent or question that it waits with, as the job shows it.
    #[schema(value_type = Option<Object>)]
    pub pending_approval: Option<Value>,
    /// Its result, as the job shows it.
    #[schema(value_type = Option<Object>)]
    pub summary: Option<Value>,
}

impl NextAnswer {
    /// A report about a job.
    pub fn new(report: Report, job: JobView) -> Self {
        Self {
            kind: "assistant_message".to_owned(),
            content: report.text,
            is_final: report.status.is_terminal(),
            job_id: job.job_id,
            job_status: report.status.as_str().to_owned(),
            events_url: format!("/api/jobs/{}/events", job.job_id),
            pending_approval: job.pending_approval,
            summary: job.summary,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jobs::model::Job;
    use crate::platform::clock::Clock;
    use crate::platform::ids::RunId;
    use crate::runs::model::RunKind;

    fn job(status: RunStatus) -> JobView {
        let now = Clock::System.now();
        let job = Job {
            id: RunId::new(&Clock::System),
            kind: RunKind::Job,
            status,
            phase: None,
            task: String::new(),
            workspace_path: None,
            conversation_id: None,
            provider: String::new(),
            model: String::new(),
            router_info: None,
            metadata: None,
            last_sequence: 1,
            error: None,
            summary: None,
            takeovers: 0,
            cancel_requested: false,
            is_held_back: false,
            created_at: now,
            updated_at: now,
            started_at: None,
            finished_at: None,
        };
        JobView::new(job, None)
    }

    #[test]
    fn a_report_is_final_when_its_job_is_over() {
        for (status, word, is_final) in [
            (RunStatus::Queued, "queued", false),
            (RunStatus::Running, "running", false),
            (RunStatus::PausedForApproval, "paused_for_approval", false),
            (RunStatus::Completed, "completed", true),
            (RunStatus::Failed, "failed", true),
            (RunStatus::Canceled, "canceled", true),
        ] {
            let job = job(status);
            assert_eq!(json!(job)["status"], word);
            let text = String::new();
            let answer = NextAnswer::new(
                Report {
                    status: job.status,
                    text,
                },
                job,
            );
            assert_eq!(
                (answer.job_status.as_str(), answer.is_final),
                (word, is_final)
            );
        }
    }
}
