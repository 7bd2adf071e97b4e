//! The scripted provider with all tasks at once: each is a model of its own.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::cli::e2e::tasks::model::E2eTask;
use crate::llm::error::LlmError;
use crate::llm::model::ChatRequest;
use crate::llm::provider::{EventStream, Provider};
use crate::llm::script::Script;
use crate::llm::scripted::{NAME, ScriptedProvider};

/// The answer when a plan is asked for, unless the task says otherwise.
const PLAN: &str =
    r#"{"steps":[{"label":"Do it","description":"Do what is asked"}],"estimated_files":[]}"#;

/// Scripts by the names of their models, which are those of the tasks.
#[derive(Clone, Debug)]
pub struct Repertoire {
    scripts: BTreeMap<String, ScriptedProvider>,
}

impl Repertoire {
    /// Plays these tasks.
    pub fn new(tasks: &[E2eTask]) -> Self {
        let script = |task: &E2eTask| Script {
            plan: Some(task.written.plan.clone().unwrap_or_else(|| PLAN.to_owned())),
            turns: task.written.turns.clone(),
            ..Script::default()
        };
        let scripts = tasks
            .iter()
            .map(|task| (task.written.id.clone(), ScriptedProvider::new(script(task))));
        Self {
            scripts: scripts.collect(),
        }
    }

    /// The model that plays a task, as requests name it.
    pub fn model_of(task: &E2eTask) -> String {
        format!("{NAME}/{}", task.written.id)
    }
}

impl Provider for Repertoire {
    fn name(&self) -> &'static str {
        NAME
    }

    fn takes_temperature(&self, _model: &str) -> bool {
        true
    }

    fn stream<'a>(
        &'a self,
        request: &'a ChatRequest,
    ) -> BoxFuture<'a, Result<EventStream, LlmError>> {
        if let Some(script) = self.scripts.get(&request.model) {
            return script.stream(request);
        }
        let unknown = LlmError::UnknownModel {
            provider: NAME,
            model: request.model.clone(),
        };
        async { Err(unknown) }.boxed()
    }
}
