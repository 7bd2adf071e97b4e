//! Preparation of the first turn: searches the workspace and asks the model for a plan.

use crate::agent::model_call::{CallContext, ModelCall};
use crate::agent::prompt::messages::counted;
use crate::agent::prompt::plan;
use crate::agent::prompt::plan::Progress;
use crate::agent::repository::model::ShownWords;
use crate::agent::runner::primitives::{Halt, Runner};
use crate::agent::steps::patience::RetryBudget;
use crate::ledger::model::CallPhase;
use crate::llm::error::{LlmError, Remedy};
use crate::llm::route::Route;
use crate::retrieval::model::{Chunk, CodeQuery, DEFAULT_BUDGET_TOKENS, Retrieved};
use crate::runs::plan::Plan;
use crate::runs::task::Task;

/// The part of the window that found code may take at the start, as a divisor.
const CODE_SHARE: usize = 6;

pub(crate) async fn retrieve(runner: &mut Runner) -> Result<Retrieved, Halt> {
    let Some(tools) = &runner.tools else {
        return Ok(Retrieved::default());
    };
    runner
        .thinking("Searching the workspace for the code that matters…")
        .await?;
    let root = tools.workspace.root().to_owned();
    let secrets = tools.policy.secret_files(&root);
    let query = plan::search_query(&runner.run.task);
    let question = CodeQuery {
        text: &query,
        budget_tokens: DEFAULT_BUDGET_TOKENS.min(runner.window_budget() / CODE_SHARE),
        secrets: &secrets,
    };
    let search =
        runner
            .deps
            .retrieval
            .search(&runner.run.org_id, CallPhase::Autonomous, &root, question);
    match runner.unless_halted(search).await? {
        Ok(found) => {
            runner.state.usage.retrieved(&query, &found);
            if found.secret_files > 0 {
                let files = counted(found.secret_files);
                let message = format!("The search leaves out {files} that may hold secrets");
                runner.thinking(&message).await?;
            }
            Ok(found)
        }
        Err(error) => {
            // The run can do without: the agent has its own search.
            tracing::warn!(run.id = %runner.run.id, %error, "retrieval failed");
            Ok(Retrieved::default())
        }
    }
}

pub(crate) async fn make(runner: &mut Runner, chunks: &[Chunk]) -> Result<Plan, Halt> {
    let task = &runner.run.task;
    let plan_id = format!("plan-{}", runner.run.id.0.simple());
    if let Some(plan) = &task.plan {
        let plan = plan.clone();
        return begin_plan(runner, plan.named(plan_id)).await;
    }
    if runner.tools.is_none() || plan::is_trivial(&task.message) {
        return begin_plan(runner, plan::one_step(task).named(plan_id)).await;
    }
    runner.thinking("Planning…").await?;
    let plan = match ask_with_retries(runner, chunks).await? {
        Some(plan) => plan,
        None => plan::one_step(&runner.run.task),
    };
    begin_plan(runner, plan.named(plan_id)).await
}

/// Asks for a plan as long as the run's patience lasts. None when there is no plan to be had.
async fn ask_with_retries(runner: &mut Runner, chunks: &[Chunk]) -> Result<Option<Plan>, Halt> {
    let mut patience = RetryBudget::of(runner);
    loop {
        let began = std::time::Instant::now();
        let caller = runner.call_context();
        let asked = ask(
            &caller,
            &runner.route,
            &runner.words,
            &runner.run.task,
            chunks,
        );
        let answer = runner.unless_halted(asked).await?;
        runner.state.usage.llm_time += began.elapsed();
        runner.state.usage.llm_calls += 1;
        let error = match answer {
            Ok(plan) => return Ok(plan),
            // The task itself may still fit: its turns are shortened, a plan is not.
            Err(error) => match error.remedy() {
                Remedy::Compact | Remedy::ShortenAnswer => return Ok(None),
                Remedy::Wait
                | Remedy::AskAgain
                | Remedy::LeaveOut
                | Remedy::PutBack
                | Remedy::FallBack
                | Remedy::AskPerson
                | Remedy::GiveUp => error,
            },
        };
        patience.after(runner, &error, false).await?;
    }
}

async fn begin_plan(runner: &mut Runner, plan: Plan) -> Result<Plan, Halt> {
    runner.journal.events(plan::events(&plan)).await?;
    let (progress, first) = Progress::begin(&plan);
    runner.state.progress = Some(progress);
    runner.journal.event(first).await?;
    Ok(plan)
}

/// Asks a model for a plan. None when its answer is no plan.
pub(crate) async fn ask(
    caller: &CallContext,
    route: &Route,
    words: &ShownWords,
    task: &Task,
    chunks: &[Chunk],
) -> Result<Option<Plan>, LlmError> {
    let request = plan::request(route, words, task, chunks);
    let answer = ModelCall::whole(caller, CallPhase::Plan, &request).await?;
    Ok(plan::parse(&answer.text))
}
