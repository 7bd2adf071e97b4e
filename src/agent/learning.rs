//! What a run takes from what was learned, and what it leaves to learn from.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::agent::consents;
use crate::agent::event_data::Verification;
use crate::agent::model::Task;
use crate::agent::prompt::Reach;
use crate::agent::run::{Halt, Runner};
use crate::agent::service::AgentService;
use crate::agent::store::aftermath;
use crate::agent::terminal::End;
use crate::agent::tools::registry::Tool;
use crate::agent::workspace::Workspace;
use crate::auth::principal::Principal;
use crate::feedback::guidance::model::{Guidance, TaskContext};
use crate::feedback::guidance::service::guidance;
use crate::feedback::model::{
    Category, FeedbackSignal, Generation, SignalSource, TaskType, VerificationResult,
};
use crate::feedback::store::{generations, signals};
use crate::feedback::traits::{TraitInput, language_in, language_of};
use crate::llm::model::{Arguments, Message};
use crate::platform::db::to_jsonb;
use crate::retrieval::model::Chunk;

/// Whoever asks the same again within this time was not content with the answer.
const SOON: TimeDelta = TimeDelta::hours(24);

impl AgentService {
    /// What was learned for a task of somebody; nothing when that is switched off or cannot be read,
    /// because a task can do without.
    pub(super) async fn guidance(
        &self,
        principal: &Principal,
        task: &Task,
        chunks: &[Chunk],
        draw: Uuid,
    ) -> Guidance {
        if !self.config().apply_insights {
            return Guidance::default();
        }
        let found = async {
            let mut conn = self.services().db.acquire().await?;
            look_up(&mut conn, principal, task, chunks, draw).await
        };
        found.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a task goes without what was learned");
            Guidance::default()
        })
    }
}

async fn look_up(
    conn: &mut PgConnection,
    principal: &Principal,
    task: &Task,
    chunks: &[Chunk],
    draw: Uuid,
) -> sqlx::Result<Guidance> {
    let task_context = TaskContext {
        org_id: &principal.org_id,
        team_id: principal.team_id.as_ref(),
        user_id: &principal.user_id,
        category: Category::of(&task.message),
        language: language(task, chunks),
        seed: draw,
    };
    guidance(conn, &task_context).await
}

/// The language a task is about: that of the open file, else the one it names, else that of the code
/// that was found for it.
fn language(task: &Task, chunks: &[Chunk]) -> Option<&'static str> {
    let open = task.editor.current_file.as_deref().and_then(language_of);
    open.or_else(|| language_in(&task.message))
        .or_else(|| chunks.iter().find_map(|chunk| language_of(&chunk.path)))
}

impl Runner {
    /// What was learned, for the first message; noted for the end of the run.
    pub(super) async fn learned(&mut self, chunks: &[Chunk]) -> Result<String, Halt> {
        let (principal, learning) = (self.run.principal(), self.learning.clone());
        let found = learning.guidance(&principal, &self.run.task, chunks, self.run.id.0);
        let guidance = self.unless_halted(found).await?;
        self.exposure = guidance.exposure;
        Ok(guidance.text)
    }

    /// What the run wrote, as far as its conversation still holds it.
    pub(super) fn written(&self) -> TraitInput {
        let since_goal = self.messages.get(self.goal..).unwrap_or_default();
        TraitInput {
            answer: self.last_text.clone(),
            code: since_goal.iter().flat_map(code).collect(),
            changed: &self.tally.modified | &self.tally.created,
            commands: self.tools.is_some().then_some(self.tally.commands),
        }
    }

    /// What kind of answer the run gives.
    pub(super) fn task_type(&self) -> TaskType {
        task_type(self.reach)
    }
}

impl End<'_> {
    /// Notes what the run itself says about its answer, beside the answer.
    pub(super) async fn leave_to_learn_from(
        &self,
        conn: &mut PgConnection,
        generation: &Generation,
        gen_id: i64,
        at: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let run = self.run;
        let mut seen = Vec::new();
        match self.summary.verification {
            Verification::Passed => seen.push(FeedbackSignal::TestsPassed),
            Verification::Failed => seen.push(FeedbackSignal::TestsFailed),
            Verification::NotRun => {}
        }
        if consents::store::was_denied(conn, &run.org_id, run.id).await? {
            seen.push(FeedbackSignal::ApprovalDenied);
        }
        let seen: Vec<_> = seen
            .into_iter()
            .map(|signal| (signal, SignalSource::Run))
            .collect();
        signals::record(conn, &run.org_id, gen_id, &seen, at).await?;
        let since = at - SOON;
        if let Some(before) = generations::asked_before(conn, generation, gen_id, since).await? {
            let again = [(FeedbackSignal::Retried, SignalSource::Run)];
            signals::record(conn, &run.org_id, before, &again, at).await?;
        }
        let folder = run.task.workspace_path.as_deref();
        if let (Some(folder), false) = (folder, self.changes.is_empty()) {
            // As the next run in it will name it.
            let folder = Workspace::open(folder).map(|place| place.root().to_owned());
            if let Ok(folder) = folder {
                let folder = folder.to_string_lossy();
                let files = to_jsonb(&self.changes);
                aftermath::leave(conn, run, gen_id, &folder, &files, at).await?;
            }
        }
        Ok(())
    }
}

/// What kind of answer is given by somebody who may do this much.
pub(super) fn task_type(reach: Reach) -> TaskType {
    match reach {
        Reach::Full => TaskType::Codegen,
        Reach::ReadOnly => TaskType::Analysis,
        Reach::NoWorkspace => TaskType::Chat,
    }
}

/// What the checks said, as an answer remembers it.
pub(super) fn verified(verification: Verification) -> VerificationResult {
    match verification {
        Verification::Passed => VerificationResult::Passed,
        Verification::Failed => VerificationResult::Failed,
        Verification::NotRun => VerificationResult::NotRun,
    }
}

/// The files that a message writes, with what it writes into them.
fn code(message: &Message) -> Vec<(String, String)> {
    let Message::Assistant { tool_calls, .. } = message else {
        return Vec::new();
    };
    let written = tool_calls.iter().filter_map(|call| {
        let field = match Tool::named(&call.name)? {
            Tool::WriteFile => "content",
            Tool::EditFile => "new_text",
            Tool::ReadFile
            | Tool::ListDirectory
            | Tool::SearchFiles
            | Tool::AskUser
            | Tool::StartServer
            | Tool::StopServer
            | Tool::CheckEndpoint
            | Tool::RunCommand => return None,
        };
        let Arguments::Object { object } = &call.arguments else {
            return None;
        };
        let text = |name: &str| object.get(name)?.as_str().map(str::to_owned);
        Some((text("path")?, text(field)?))
    });
    written.collect()
}
