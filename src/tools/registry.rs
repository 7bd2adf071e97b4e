//! The tools of a run, and how a call reaches its tool.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::llm::model::ToolSpec;
use crate::tools::ask_user::AskUser;
use crate::tools::commands::check_endpoint::CheckEndpoint;
use crate::tools::commands::run_command::RunCommand;
use crate::tools::commands::start_server::StartServer;
use crate::tools::commands::stop_server::StopServer;
use crate::tools::context::ToolContext;
use crate::tools::files::edit_file::EditFile;
use crate::tools::files::list_directory::ListDirectory;
use crate::tools::files::read_file::ReadFile;
use crate::tools::files::search_files::SearchFiles;
use crate::tools::files::write_file::WriteFile;
use crate::tools::outcome::{Outcome, ToolError};
use crate::tools::tool::{Access, Tool};

/// The tools that a run is built with. A clone is the same set.
#[derive(Clone, Debug)]
pub struct ToolSet {
    tools: Arc<[Arc<dyn Tool>]>,
    /// Their specifications, which every question to a model has.
    specs: Arc<[ToolSpec]>,
    /// The specifications of those that only read.
    reading: Arc<[ToolSpec]>,
}

impl ToolSet {
    /// The built-in tools, in the order in which models see them.
    pub fn built_in() -> Self {
        Self::of([
            Arc::new(ReadFile) as Arc<dyn Tool>,
            Arc::new(WriteFile),
            Arc::new(EditFile),
            Arc::new(ListDirectory),
            Arc::new(SearchFiles),
            Arc::new(RunCommand),
            Arc::new(StartServer),
            Arc::new(StopServer),
            Arc::new(CheckEndpoint),
            Arc::new(AskUser),
        ])
    }

    /// A set of these tools.
    pub fn of(tools: impl IntoIterator<Item = Arc<dyn Tool>>) -> Self {
        let tools: Arc<[Arc<dyn Tool>]> = tools.into_iter().collect();
        let reading = tools.iter().filter(|tool| tool.access() == Access::Read);
        Self {
            specs: tools.iter().map(|tool| tool.spec()).collect(),
            reading: reading.map(|tool| tool.spec()).collect(),
            tools,
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Tool>> {
        self.tools.iter()
    }

    /// The specifications of all, in the same order.
    pub fn specs(&self) -> Arc<[ToolSpec]> {
        Arc::clone(&self.specs)
    }

    /// The specifications of those that only read.
    pub fn reading_specs(&self) -> Arc<[ToolSpec]> {
        Arc::clone(&self.reading)
    }

    /// The tool of this name, or of an older name of its.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        let mut tools = self.tools.iter();
        tools.find(|tool| tool.name() == name || tool.aliases().contains(&name))
    }
}

/// Calls a tool, unless its run was cancelled.
pub async fn execute(
    tool: &dyn Tool,
    call_id: &str,
    arguments: Map<String, Value>,
    context: &ToolContext,
) -> Result<Outcome, ToolError> {
    if context.cancel.is_cancelled() {
        return Err(ToolError::Cancelled);
    }
    tool.call(call_id, arguments, context).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_schema_describes_every_argument_that_it_requires() {
        for tool in ToolSet::built_in().iter() {
            let parameters = tool.parameters();
            for required in parameters["required"].as_array().unwrap() {
                let property = &parameters["properties"][required.as_str().unwrap()];
                assert!(property.is_object(), "{} {required}", tool.name());
            }
        }
    }

    #[test]
    fn old_names_of_run_command_still_work() {
        let set = ToolSet::built_in();
        for old in [
            "run_interactive_command",
            "execute_command",
            "run_shell_command",
        ] {
            assert_eq!(set.named(old).unwrap().name(), "run_command", "{old}");
        }
        assert!(set.named("rm").is_none());
    }

    #[test]
    fn no_two_tools_answer_to_one_name() {
        let set = ToolSet::built_in();
        let names: Vec<_> = set
            .iter()
            .flat_map(|tool| std::iter::once(tool.name()).chain(tool.aliases().iter().copied()))
            .collect();
        let different: BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
        for name in names {
            assert!(set.named(name).is_some(), "{name}");
        }
    }
}
