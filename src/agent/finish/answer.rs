//! The answer of a run, for ratings: what it said, what it wrote, and what it leaves in its workspace.

use serde_json::json;

use crate::agent::intake::routing::task_type;
use crate::agent::learning::changes::{FileChange, MAX_FILES, hash_of};
use crate::agent::learning::tuning::params;
use crate::agent::prompt::messages;
use crate::agent::runner::primitives::Runner;
use crate::feedback::model::{Category, Generation, Sha256Hex, VerificationResult};
use crate::feedback::traits::TraitInput;
use crate::llm;
use crate::llm::model::Message;
use crate::runs::store;
use crate::tools::arguments::Arguments;
use crate::tools::registry::ToolSet;
use crate::verify::model::Verification;

/// The answer as a generation that can be rated.
pub(crate) fn generation(runner: &Runner) -> Generation {
    let written = written(runner);
    let first = runner.transcript.since_goal().first();
    let first = serde_json::to_string(&first).unwrap_or_default();
    Generation {
        org_id: runner.run.org_id.clone(),
        user_id: runner.run.user_id.clone(),
        task_type: task_type(runner.access),
        input_fingerprint: Some(Sha256Hex::of(&runner.run.task.message)),
        model: runner.run.model.model.clone(),
        temperature: runner.run.task.temperature(),
        params: params(
            json!({
                "provider": runner.run.model.provider,
                "max_iterations": runner.limits.iterations,
                "run_verification": runner.run.task.run_verification,
            }),
            runner.run.task.tuning.as_ref(),
        ),
        prompt_hash: Sha256Hex::of(&format!("{}\n{first}", messages::system(runner.access))),
        result_ref: Some(runner.run.id.to_string()),
        trace_id: runner.run.trace_id.clone(),
        team_id: runner.run.team_id.clone(),
        session_id: runner.run.task.conversation_id.map(|id| id.to_string()),
        category: Category::of(&runner.run.task.message),
        language: written.language(),
        answer: runner.transcript.last_text.clone(),
        traits: written.traits(),
        verification: Some(verified(runner.state.verification)),
        exposure: runner.state.exposure.clone(),
        created_at: runner.deps.clock.now(),
    }
}

/// The changes that this run leaves in its workspace.
pub(crate) async fn changes(runner: &Runner) -> Vec<FileChange> {
    let Some(tools) = &runner.tools else {
        return Vec::new();
    };
    let usage = &runner.state.usage;
    let paths = &(&usage.modified | &usage.created) | &usage.deleted;
    if paths.is_empty() {
        return Vec::new();
    }
    let before = async {
        let mut conn = runner.deps.db.acquire().await?;
        store::changes::hashes_before(&mut conn, &runner.run.org_id, runner.run.id).await
    };
    let mut before = match before.await {
        Ok(before) => before,
        Err(error) => {
            tracing::warn!(run.id = %runner.run.id, %error, "its changes will not be checked later");
            return Vec::new();
        }
    };
    // A command came first where it left a hash.
    before.extend(usage.hashes_before.clone());
    let workspace = tools.workspace.clone();
    let look = move || {
        // A file whose earlier content is unknown cannot be found to be put back.
        let known = paths.into_iter().filter_map(|path| {
            let before = before.get(&path)?.clone();
            let after = hash_of(&workspace, &path);
            Some(FileChange {
                path,
                before,
                after,
            })
        });
        known.take(MAX_FILES).collect()
    };
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

/// The text that the run wrote, as far as its conversation still holds it.
fn written(runner: &Runner) -> TraitInput {
    TraitInput {
        answer: runner.transcript.last_text.clone(),
        code: runner
            .transcript
            .since_goal()
            .iter()
            .flat_map(|message| code(message, &runner.deps.tools.set))
            .collect(),
        changed: &runner.state.usage.modified | &runner.state.usage.created,
        commands: runner
            .tools
            .is_some()
            .then_some(runner.state.usage.commands),
    }
}

/// The outcome of the checks, as an answer remembers it.
fn verified(verification: Verification) -> VerificationResult {
    match verification {
        Verification::Passed => VerificationResult::Passed,
        Verification::Failed => VerificationResult::Failed,
        Verification::NotRun => VerificationResult::NotRun,
    }
}

/// The files that a message writes, with what it writes into them.
fn code(message: &Message, tools: &ToolSet) -> Vec<(String, String)> {
    let Message::Assistant { tool_calls, .. } = message else {
        return Vec::new();
    };
    let written = tool_calls.iter().filter_map(|call| {
        let llm::model::Arguments::Object { object } = &call.arguments else {
            return None;
        };
        let written = tools.named(&call.name)?.written(Arguments::of(object))?;
        Some((written.path, written.text))
    });
    written.collect()
}
