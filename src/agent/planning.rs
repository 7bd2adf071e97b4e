//! What happens before the first turn: the workspace is searched, and the model asked for a plan.

use std::time::Instant;

use crate::agent::model_call::ModelCall;
use crate::agent::plan::{self, Plan, Progress};
use crate::agent::run::{Halt, Runner};
use crate::ledger::model::Phase as CallPhase;
use crate::retrieval::model::{Chunk, DEFAULT_BUDGET_TOKENS};

/// The part of the window that found code may take at the start, as a divisor.
const CODE_SHARE: usize = 6;

impl Runner {
    pub(super) async fn retrieve(&mut self) -> Result<Vec<Chunk>, Halt> {
        let Some(tools) = &self.tools else {
            return Ok(Vec::new());
        };
        self.thinking("Searching the workspace for the code that matters…")
            .await?;
        let root = tools.workspace.root().to_owned();
        let query = self.run.task.message.clone();
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

    pub(super) async fn plan(&mut self, chunks: &[Chunk]) -> Result<Plan, Halt> {
        let task = &self.run.task;
        let title = task.message.lines().next().unwrap_or_default().to_owned();
        let plan_id = format!("plan-{}", self.run.id.0.simple());
        if self.tools.is_none() || plan::is_trivial(&task.message) {
            return self.begin_plan(Plan::single(&title).named(plan_id)).await;
        }
        let files: Vec<&str> = chunks.iter().map(|chunk| chunk.path.as_str()).collect();
        let request = plan::request(&self.route.provider_model, &task.message, &files.join("\n"));
        self.thinking("Planning…").await?;
        let began = Instant::now();
        let caller = self.caller();
        let ask = async {
            let call = ModelCall::start(&caller, CallPhase::Plan, &request).await?;
            call.complete().await
        };
        let answer = self.unless_halted(ask).await?;
        self.tally.llm_time += began.elapsed();
        self.tally.llm_calls += 1;
        let plan = match answer {
            Ok(answer) => Plan::parse(&answer.text).unwrap_or_else(|| Plan::single(&title)),
            // Retries are used up, and the first turn would meet the same provider.
            Err(error) => return self.model_failed(&error).await,
        };
        self.begin_plan(plan.named(plan_id)).await
    }

    async fn begin_plan(&mut self, plan: Plan) -> Result<Plan, Halt> {
        self.journal.events(plan.events()).await?;
        let (progress, first) = Progress::begin(&plan);
        self.progress = Some(progress);
        self.journal.event(first).await?;
        Ok(plan)
    }
}
