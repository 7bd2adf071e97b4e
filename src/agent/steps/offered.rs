//! The tools that a run's model is offered.

use std::sync::Arc;

use crate::agent::runner::primitives::Runner;
use crate::llm::model::ToolSpec;
use crate::runs::model::ToolAccess;

/// The specifications of the tools, in the same order in every turn.
pub(crate) fn tool_specs(runner: &Runner) -> Arc<[ToolSpec]> {
    let set = &runner.deps.tools.set;
    match runner.access {
        ToolAccess::Full => set.specs(),
        ToolAccess::ReadOnly => set.reading_specs(),
        ToolAccess::NoWorkspace => Arc::default(),
    }
}
