//! Requests for plans, in the shapes of several clients.

use serde::Deserialize;

use crate::agent::intake::request::{EditorError, TaskRequest};
use crate::llm::effort::{Effort, Verbosity};

/// The body of `POST /api/navi/plan`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct PlanRequest {
    /// The task to plan, at most 512 KiB; `intent.raw_text` when absent.
    #[schema(max_length = 524_288)]
    pub message: Option<String>,
    /// The client's classification of the message; only its text is read.
    pub intent: Option<Intent>,
    /// The state of the editor.
    pub context: Option<Context>,
    /// The folder to work in; `context.workspace.root` when absent.
    pub workspace_path: Option<String>,
    /// The older name of `workspace_path`.
    pub workspace_root: Option<String>,
    /// The oldest name of `workspace_path`.
    pub workspace: Option<String>,
    /// The model: `provider/name`, a mode such as `navi/fast`, or nothing for the default.
    pub model: Option<String>,
    /// The provider, when `model` is a bare name.
    pub provider: Option<String>,
    /// The amount of reasoning before an answer; by the mode or the provider's default when absent.
    pub reasoning_effort: Option<Effort>,
    /// The length of the answer, of models that know one.
    pub verbosity: Option<Verbosity>,
    /// The conversation that the work belongs to.
    pub conversation_id: Option<String>,
}

/// A client's classification of a message.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[schema(as = PlanIntent)]
pub struct Intent {
    /// The message.
    pub raw_text: Option<String>,
}

/// The state of an editor.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[schema(as = PlanContext)]
pub struct Context {
    /// The folder that is open.
    pub workspace: Option<Folder>,
    /// Messages of the editor about the code.
    pub diagnostics: Option<Vec<Reported>>,
    /// The file that is open.
    pub active_file: Option<ActiveFile>,
}

/// A folder that is open.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[schema(as = PlanWorkspace)]
pub struct Folder {
    /// Its absolute path.
    pub root: Option<String>,
}

/// A message of the editor about the code.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[schema(as = PlanDiagnostic)]
pub struct Reported {
    /// The file.
    pub file: Option<String>,
    /// The message's text; an entry without it is ignored.
    pub message: Option<String>,
    /// `error`, `warn` and the like.
    pub severity: Option<String>,
    /// The place.
    pub range: Option<Range>,
}

/// A place in a file.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[schema(as = PlanRange)]
pub struct Range {
    /// The first line, from 0.
    #[serde(rename = "startLine")]
    pub start_line: Option<i64>,
}

/// A file that is open.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[schema(as = PlanActiveFile)]
pub struct ActiveFile {
    /// Its path.
    pub path: Option<String>,
    /// The selected text.
    pub selection: Option<String>,
}

impl PlanRequest {
    /// The same as a request for a run.
    pub fn into_task_request(self) -> TaskRequest {
        let context = self.context.unwrap_or_default();
        let open = context.workspace.and_then(|folder| folder.root);
        let folders = [
            self.workspace_path,
            self.workspace_root,
            self.workspace,
            open,
        ];
        let messages = [self.message, self.intent.and_then(|intent| intent.raw_text)];
        let active = context.active_file.unwrap_or_default();
        let reported = context.diagnostics.unwrap_or_default().into_iter();
        TaskRequest {
            message: first(messages).unwrap_or_default(),
            workspace_path: first(folders),
            model: self.model,
            provider: self.provider,
            reasoning_effort: self.reasoning_effort,
            verbosity: self.verbosity,
            conversation_id: self.conversation_id,
            current_file: active.path,
            selection: active.selection,
            errors: Some(reported.filter_map(Reported::into_error).collect()),
            ..TaskRequest::default()
        }
    }
}

impl Reported {
    fn into_error(self) -> Option<EditorError> {
        let line = self.range.and_then(|range| range.start_line);
        Some(EditorError {
            file: self.file,
            line: line.map(|line| line.saturating_add(1)),
            message: self.message?,
            severity: self.severity,
        })
    }
}

/// The first text that says something.
fn first(texts: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let mut texts = texts.into_iter().flatten();
    texts.find(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(body: Value) -> TaskRequest {
        let request: PlanRequest = serde_json::from_value(body).unwrap();
        request.into_task_request()
    }

    #[test]
    fn the_editors_body_is_understood() {
        let request = read(json!({
            "message": "fix problems in the problems tab",
            "intent": {"raw_text": "ignored", "kind": "fix_diagnostics", "confidence": 0.7},
            "context": {
                "workspace": {"name": "ws", "root": "/srv/ws"}, "repo": null,
                "diagnostics": [
                    {"file": "a.py", "severity": "error", "message": "boom", "source": "pyright",
                     "code": {"value": 7}, "range": {"startLine": 1, "startChar": 0}},
                    {"file": "b.py", "message": "no place", "range": {"startLine": -9}},
                    {"file": "c.py"},
                ],
                "active_file": null,
            },
        }));
        assert_eq!(request.message, "fix problems in the problems tab");
        assert_eq!(request.workspace_path.as_deref(), Some("/srv/ws"));
        let errors: Vec<_> = request
            .errors
            .iter()
            .flatten()
            .map(|error| (error.message.as_str(), error.line))
            .collect();
        assert_eq!(errors, [("boom", Some(2)), ("no place", Some(-8))]);
    }

    #[test]
    fn other_clients_send_an_intent_or_a_folder_alone() {
        let request = read(json!({"intent": {"raw_text": "add a test"}, "session_id": null}));
        assert_eq!(
            (request.message.as_str(), request.workspace_path),
            ("add a test", None)
        );
        let request = read(json!({
            "message": " ", "intent": null, "workspace": "/srv/a", "context": {"workspace": {"root": ""}},
        }));
        assert_eq!(request.message, "");
        assert_eq!(request.workspace_path.as_deref(), Some("/srv/a"));
    }
}
