//! Requests that start a run or a chat, and their conversion to a [`Task`].
//!
//! Bodies are strict about types and lenient about unknown fields: old clients send extras.

use serde::Deserialize;
use serde_json::Value;

use crate::agent::error::Error;
use crate::agent::intake::attachments::{Attachment, parts};
use crate::agent::intake::bounds::{MAX_MESSAGE_BYTES, within};
use crate::agent::intake::sent_history::{HistoryEntry, history};
use crate::llm::effort::{Effort, Verbosity};
use crate::platform::ids::ConversationId;
use crate::runs::task::{Diagnostic, EditorContext, Task};

/// The most rounds a client may ask for.
const MAX_ITERATIONS: u32 = 100;

/// The body of `POST /api/navi/chat/autonomous`, `…/chat/stream/v2`, `…/chat/stream` and `…/chat`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct TaskRequest {
    /// The message, at most 512 KiB; not blank.
    #[schema(pattern = r"\S", max_length = 524_288)]
    pub message: String,
    /// The model: `provider/name`, a mode such as `navi/fast`, or nothing for the default.
    pub model: Option<String>,
    /// The provider, when `model` is a bare name.
    pub provider: Option<String>,
    /// The folder to work in.
    pub workspace_path: Option<String>,
    /// The older name of `workspace_path`.
    pub workspace_root: Option<String>,
    /// Run the project's checks before the run may end; true unless this is false.
    pub run_verification: Option<bool>,
    /// The most rounds of work and verification, 1 to 100.
    #[schema(minimum = 1, maximum = 100)]
    pub max_iterations: Option<u32>,
    /// The amount of reasoning before an answer; by the mode or the provider's default when absent.
    pub reasoning_effort: Option<Effort>,
    /// The length of the answer, of models that know one.
    pub verbosity: Option<Verbosity>,
    /// The conversation this belongs to; its messages are the history when none is sent. A UUID that
    /// no conversation has begins one; any other text means a request without a stored conversation.
    pub conversation_id: Option<String>,
    /// The messages before this one, oldest first. A last entry that repeats `message` is dropped.
    pub conversation_history: Option<Vec<HistoryEntry>>,
    /// The older name of `conversation_history`.
    #[serde(rename = "conversationHistory")]
    pub older_history: Option<Vec<HistoryEntry>>,
    /// Files, selections and images that belong to the request.
    pub attachments: Option<Vec<Attachment>>,
    /// The client's mode; recorded, not interpreted.
    pub mode: Option<String>,
    /// The file that is open in the editor.
    pub current_file: Option<String>,
    /// Its content.
    pub current_file_content: Option<String>,
    /// The selected text.
    pub selection: Option<String>,
    /// Diagnostics of the editor.
    pub errors: Option<Vec<EditorError>>,
    /// The failure of the client's last action: a text, or any JSON that describes it.
    pub last_action_error: Option<Value>,
    /// Effect on an interactive run when its client's connection closes: `cancel`, because that is how the
    /// old clients' stop button works, or `continue`.
    pub on_disconnect: Option<OnDisconnect>,
}

/// Effect on a run when its client's connection closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDisconnect {
    /// The run ends.
    #[default]
    Cancel,
    /// The run goes on.
    Continue,
}

/// A message of the editor about the code.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct EditorError {
    /// The file.
    pub file: Option<String>,
    /// The line, from 1. Editors send 0 or less for a message about the whole file.
    pub line: Option<i64>,
    /// The message.
    pub message: String,
    /// `error`, `warning` and the like.
    pub severity: Option<String>,
}

impl TaskRequest {
    /// Checks the bounds and makes a task of it.
    pub fn into_task(self) -> Result<Task, Error> {
        if self.message.trim().is_empty() {
            return Err(Error::Invalid(
                "`message` is empty; describe the task".to_owned(),
            ));
        }
        within("message", &self.message, MAX_MESSAGE_BYTES)?;
        // Old clients make up ids of their own form; those have no stored conversation.
        let conversation_id: Option<ConversationId> =
            self.conversation_id.and_then(|id| id.parse().ok());
        let max_iterations = self.max_iterations;
        if max_iterations.is_some_and(|n| !(1..=MAX_ITERATIONS).contains(&n)) {
            let reason = format!("`max_iterations` must be 1 to {MAX_ITERATIONS}");
            return Err(Error::Invalid(reason));
        }
        let workspace = self.workspace_path.or(self.workspace_root);
        let entries = self.conversation_history.or(self.older_history);
        Ok(Task {
            history: history(entries.unwrap_or_default(), &self.message)?,
            attachments: parts(self.attachments.unwrap_or_default())?,
            message: self.message,
            workspace_path: workspace.filter(|path| !path.trim().is_empty()),
            conversation_id,
            editor: EditorContext {
                current_file: self.current_file,
                current_file_content: self.current_file_content,
                selection: self.selection,
                errors: self
                    .errors
                    .into_iter()
                    .flatten()
                    .map(EditorError::into_diagnostic)
                    .collect(),
                last_action_error: self.last_action_error.map(described),
            },
            run_verification: self.run_verification.unwrap_or(true),
            max_iterations,
            effort: self.reasoning_effort,
            verbosity: self.verbosity,
            tuning: None,
            plan: None,
            trace_parent: None,
        })
    }
}

impl EditorError {
    fn into_diagnostic(self) -> Diagnostic {
        Diagnostic {
            file: self.file,
            line: self
                .line
                .and_then(|line| u32::try_from(line).ok().filter(|line| *line > 0)),
            message: self.message,
            severity: self.severity,
        }
    }
}

/// A text as it is, other JSON as its text.
fn described(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::llm::model::{Message, Part};

    fn task(body: Value) -> Result<Task, String> {
        let request: TaskRequest = serde_json::from_value(body).map_err(|e| e.to_string())?;
        request.into_task().map_err(|error| error.to_string())
    }

    #[test]
    fn the_old_clients_body_is_understood() {
        let task = task(json!({
            "message": "fix it", "workspace_root": "demo", "user_id": "ignored", "state": {},
            "conversation_history": [
                {"id": "1", "type": "user", "content": "hello", "timestamp": 1},
                {"id": "2", "role": "assistant", "content": ""},
                {"id": "3", "type": "system", "content": "resumed"},
            ],
            "attachments": [{"kind": "image", "content": "data:image/png;base64,iVBORw=="}],
        }))
        .expect("a task");
        assert_eq!(task.workspace_path.as_deref(), Some("demo"));
        assert_eq!(
            task.history,
            [
                Message::user("hello"),
                Message::System {
                    text: "resumed".to_owned()
                }
            ]
        );
        assert!(
            matches!(&task.attachments[..], [Part::Image { media_type, .. }]
            if media_type == "image/png")
        );
    }

    #[test]
    fn what_the_old_clients_types_say_is_understood() {
        let task = task(json!({
            "message": "try again", "conversation_id": "navi-mgx1k2-abc", "attachments": [
                {"kind": "image", "name": "s.svg", "language": "image/svg+xml",
                 "content": "data:image/svg+xml;base64,PHN2Zy8+"},
            ],
            "conversation_history": [
                {"type": "tool", "content": "output of a tool"},
                {"role": "user", "type": "user", "content": "first", "content_type": 7},
                {"role": "assistant", "content": null},
                {"type": "user", "content": " try again\n"},
            ],
            "errors": [{"file": "a.py", "line": -1, "message": "broken"}],
            "last_action_error": {"action": "edit", "errorMessage": "no such file"},
        }))
        .expect("a task");
        assert_eq!(
            task.conversation_id, None,
            "no UUID, no stored conversation"
        );
        assert_eq!(task.history, [Message::user("first")]);
        assert_eq!(task.editor.errors[0].line, None);
        assert_eq!(
            task.editor.last_action_error.as_deref(),
            Some(r#"{"action":"edit","errorMessage":"no such file"}"#)
        );
        let source = "<attachment kind=\"image\" path=\"s.svg\">\n<svg/>\n</attachment>";
        let text = source.to_owned();
        assert_eq!(task.attachments, [Part::Text { text }]);
    }

    #[test]
    fn null_is_as_if_it_were_absent() {
        let mut body = json!({"message": "x"});
        for optional in [
            "model",
            "provider",
            "workspace_path",
            "workspace_root",
            "run_verification",
            "max_iterations",
            "reasoning_effort",
            "verbosity",
            "conversation_id",
            "conversation_history",
            "conversationHistory",
            "attachments",
            "mode",
            "current_file",
            "current_file_content",
            "selection",
            "errors",
            "last_action_error",
            "on_disconnect",
        ] {
            body[optional] = Value::Null;
        }
        assert_eq!(task(body), task(json!({"message": "x"})));
    }

    #[test]
    fn a_repeated_question_is_dropped_and_an_earlier_one_is_not() {
        let history = |messages: &[(&str, &str)]| {
            let entry = |(role, content): &(&str, &str)| json!({"role": role, "content": content});
            let entries: Vec<_> = messages.iter().map(entry).collect();
            let body = json!({"message": "again", "conversation_history": entries});
            task(body).expect("a task").history.len()
        };
        assert_eq!(history(&[("user", "again")]), 0);
        assert_eq!(history(&[("user", "again"), ("assistant", "yes")]), 2);
        assert_eq!(history(&[("assistant", "again")]), 1);
        assert_eq!(history(&[("user", "again"), ("user", "again")]), 1);
    }

    #[test]
    fn what_cannot_be_worked_with_says_what_to_do() {
        let long = "x".repeat(MAX_MESSAGE_BYTES + 1);
        for (body, expected) in [
            (
                json!({"message": " "}),
                "`message` is empty; describe the task",
            ),
            (
                json!({"message": long}),
                "the message is 524289 bytes; at most 524288 are accepted",
            ),
            (
                json!({"message": "x", "max_iterations": 0}),
                "`max_iterations` must be 1 to 100",
            ),
            (
                json!({"message": "x", "attachments": [{"kind": "image", "content": "<svg>"}]}),
                "an attached image is not base64",
            ),
            (
                json!({"message": "x", "attachments": [{"kind": "image",
                    "content": "data:image/svg+xml;base64,/w=="}]}),
                "an attached image is SVG, and not UTF-8 text",
            ),
            (
                json!({"message": "x", "conversation_history": [{"role": "usr", "content": "x"}]}),
                "`conversation_history` has the unknown role `usr`",
            ),
            (
                json!({"message": "x", "conversation_history": [{"role": "usr", "text": "x"}]}),
                "`conversation_history` has the unknown role `usr`",
            ),
            (
                json!({"message": "x", "conversation_history": [{"content": "x"}]}),
                "an entry of `conversation_history` has no `role`",
            ),
        ] {
            assert_eq!(task(body), Err(expected.to_owned()));
        }
    }
}
