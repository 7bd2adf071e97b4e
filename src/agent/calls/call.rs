//! A call of the model, and its result.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::llm::model::ToolCall;
use crate::platform::ids::ToolCallId;
use crate::policy::request::Request;
use crate::runs::log::entry::Prior;
use crate::runs::store::steps::OpenCall;
use crate::runs::verdict::CallEnd;
use crate::tools::arguments::Arguments;
use crate::tools::outcome::{Effect, Outcome};
use crate::tools::tool::Tool;

/// A call that the model asked for.
pub(crate) struct PendingCall {
    pub(crate) id: ToolCallId,
    pub(crate) call: ToolCall,
    /// The tool to invoke, or the text that the model gets instead.
    pub(crate) work: Result<Invocation, String>,
    /// The call's record by an earlier process, if it had begun there.
    pub(crate) past: Option<OpenCall>,
}

/// A tool and what it is called with.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) tool: Arc<dyn Tool>,
    pub(crate) arguments: Map<String, Value>,
}

impl Invocation {
    /// The request that the policy judges.
    pub(crate) fn request(&self) -> Request<'_> {
        self.tool.request(Arguments::of(&self.arguments))
    }
}

/// The result of a call, with its effects.
pub(crate) struct CallResult {
    pub(crate) result: Map<String, Value>,
    pub(crate) effects: Vec<Effect>,
    /// The end of its entry in the audit log, before which the result is not told.
    pub(crate) audited: Option<Prior>,
    /// The duration of the tool's work, if it ran.
    pub(crate) took: Option<Duration>,
    /// True if the call was not made, because a person did not allow it.
    pub(crate) not_allowed: bool,
}

impl CallResult {
    pub(crate) fn error(error: &str) -> Self {
        Self::of(json!({ "success": false, "error": error }))
    }

    /// The result of a call that was not made, because a person did not allow it.
    pub(crate) fn not_allowed(told: &str) -> Self {
        Self {
            not_allowed: true,
            ..Self::error(told)
        }
    }

    pub(crate) fn of(result: Value) -> Self {
        Self::from(Outcome::new(result, Vec::new()))
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.result
            .get("success")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// Its end, for the verdict on the run. Shells say with higher codes that a command was not found,
    /// could not be run, or was ended by a signal.
    pub(crate) fn end(&self) -> CallEnd {
        let code = self.result.get("exit_code").and_then(Value::as_i64);
        match code {
            _ if self.succeeded() => CallEnd::Good,
            _ if self.not_allowed => CallEnd::NotAllowed,
            Some(1..=125) => CallEnd::SaidNo,
            Some(_) | None => CallEnd::Failed,
        }
    }
}

impl From<Outcome> for CallResult {
    fn from(Outcome { result, effects }: Outcome) -> Self {
        Self {
            result,
            effects,
            audited: None,
            took: None,
            not_allowed: false,
        }
    }
}
