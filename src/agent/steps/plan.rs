//! Preparation of the first turn: searches the workspace and asks the model for a plan.

use std::time::Instant;

use crate::agent::execution::run_loop::{Halt, Runner};
use crate::agent::model_call::{Caller, ModelCall};
use crate::agent::prompt::messages;
use crate::agent::prompt::plan;
use crate::agent::prompt::plan::{Plan, Progress};
use crate::ledger::model::Phase as CallPhase;
use crate::llm::error::LlmError;
use crate::retrieval::model::{Chunk, DEFAULT_BUDGET_TOKENS};
use crate::runs::model::Task;

/// The part of the window that found code may take at the start, as a divisor.
const CODE_SHARE: usize = 6;

impl Runner {
    pub(crate) async fn retrieve(&mut self) -> Result<Vec<Chunk>, Halt> {
        let Some(tools) = &self.tools else {
            return Ok(Vec::new());
        };
        self.thinking("Searching the workspace for the code that matters…")
            .await?;
        let root = tools.workspace.root().to_owned();
        let query = self.run.task.search_query();
        let search = self.services.retrieval.search(
            &self.run.org_id,
            CallPhase::Autonomous,
            &root,
            &query,
            DEFAULT_BUDGET_TOKENS.min(self.window_budget() / CODE_SHARE),
        );
        match self.unless_halted(search).await? {
            Ok(found) => Ok(self.tally.retrieved(&query, found)),
            Err(error) => {
                // The run can do without: the agent has its own search.
                tracing::warn!(run.id = %self.run.id, %error, "retrieval failed");
                Ok(Vec::new())
            }
        }
    }

    pub(crate) async fn plan(&mut self, chunks: &[Chunk]) -> Result<Plan, Halt> {
        let task = &self.run.task;
        let plan_id = format!("plan-{}", self.run.id.0.simple());
        if let Some(plan) = &task.plan {
            let plan = plan.clone();
            return self.begin_plan(plan.named(plan_id)).await;
        }
        if self.tools.is_none() || plan::is_trivial(&task.message) {
            return self.begin_plan(task.as_one_step().named(plan_id)).await;
        }
        self.thinking("Planning…").await?;
        let began = Instant::now();
        let (caller, model) = (self.caller(), &self.route.provider_model);
        let answer = self
            .unless_halted(ask(&caller, model, task, chunks))
            .await?;
        let plan = answer.map(|plan| plan.unwrap_or_else(|| task.as_one_step()));
        self.tally.llm_time += began.elapsed();
        self.tally.llm_calls += 1;
        match plan {
            Ok(plan) => self.begin_plan(plan.named(plan_id)).await,
            // Retries are used up, and the first turn would meet the same provider.
            Err(error) => self.model_failed(&error).await,
        }
    }

    async fn begin_plan(&mut self, plan: Plan) -> Result<Plan, Halt> {
        self.journal.events(plan.events()).await?;
        let (progress, first) = Progress::begin(&plan);
        self.progress = Some(progress);
        self.journal.event(first).await?;
        Ok(plan)
    }
}

/// Asks a model for a plan. None when its answer is no plan.
pub(crate) async fn ask(
    caller: &Caller,
    model: &str,
    task: &Task,
    chunks: &[Chunk],
) -> Result<Option<Plan>, LlmError> {
    let request = plan::request(model, task, chunks);
    let call = ModelCall::start(caller, CallPhase::Plan, &request).await?;
    let answer = call.complete().await?;
    Ok(Plan::parse(&answer.text))
}

impl Task {
    /// The query of the workspace search: the message, and the editor's diagnostics.
    pub(crate) fn search_query(&self) -> String {
        let reported = messages::diagnostics(&self.editor);
        if reported.is_empty() {
            return self.message.clone();
        }
        format!("{}\n{reported}", self.message)
    }

    /// The whole task as the one step of a plan.
    pub(crate) fn as_one_step(&self) -> Plan {
        Plan::single(self.first_line())
    }

    /// The first line of the message that has text, without the spaces around it.
    pub(crate) fn first_line(&self) -> &str {
        let mut lines = self.message.lines().map(str::trim);
        lines.find(|line| !line.is_empty()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_of_one_step_has_the_first_line_with_text_as_its_title() {
        for (message, title) in [
            ("Fix the test", "Fix the test"),
            ("\n \t\n  Fix the test \nand the other", "Fix the test"),
            ("\r\n\r\nFix\r\nmore", "Fix"),
        ] {
            let plan = Task::unreadable(message.to_owned()).as_one_step();
            assert_eq!(plan.steps[0].title, title, "{message:?}");
            assert_eq!(plan.steps[0].detail, title, "{message:?}");
        }
    }
}
