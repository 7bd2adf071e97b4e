//! Models that play scripts.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use navi::llm::error::LlmError;
use navi::llm::model::ChatRequest;
use navi::llm::provider::{EventStream, Provider};
use navi::llm::script::{Fail, FailKind, Script, Turn};
use navi::llm::scripted::ScriptedProvider;

/// A model that plays a script and remembers what was asked of it.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    script: ScriptedProvider,
    requests: Arc<Mutex<Vec<ChatRequest>>>,
}

impl Model {
    pub(crate) fn new(script: Script) -> Self {
        Self {
            script: ScriptedProvider::new(script),
            requests: Arc::default(),
        }
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<ChatRequest> {
        self.requests.lock().unwrap().clone()
    }
}

impl Provider for Model {
    fn name(&self) -> &'static str {
        self.script.name()
    }

    fn takes_temperature(&self, model: &str) -> bool {
        self.script.takes_temperature(model)
    }

    fn stream<'a>(
        &'a self,
        request: &'a ChatRequest,
    ) -> BoxFuture<'a, Result<EventStream, LlmError>> {
        self.requests.lock().unwrap().push(request.clone());
        self.script.stream(request)
    }
}

/// Scripts that go wrong.
pub(crate) trait Failing {
    /// Adds a turn that fails every time.
    fn fails(self, kind: FailKind) -> Self;
}

impl Failing for Script {
    fn fails(mut self, kind: FailKind) -> Self {
        self.turns.push(Turn {
            fail: Some(Fail {
                kind,
                retry_after_ms: None,
                times: None,
            }),
            ..Turn::default()
        });
        self
    }
}
