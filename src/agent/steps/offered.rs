//! The tools that a run's model is offered.

use std::sync::Arc;

use crate::agent::runner::primitives::Runner;
use crate::llm::model::ToolSpec;
use crate::runs::model::ToolAccess;
use crate::tools::tool::{Access, Tool};

/// The specifications of the tools, in the same order in every turn.
pub(crate) fn tool_specs(runner: &Runner) -> Vec<ToolSpec> {
    let offered = |tool: &&Arc<dyn Tool>| match runner.access {
        ToolAccess::Full => true,
        ToolAccess::ReadOnly => tool.access() == Access::Read,
        ToolAccess::NoWorkspace => false,
    };
    let tools = runner.deps.tools.set.iter().filter(offered);
    tools.map(|tool| tool.spec()).collect()
}
