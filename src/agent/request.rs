//! What clients send to start a run or a chat, and how it becomes a [`Task`].
//!
//! Bodies are strict about types and lenient about unknown fields: old clients send extras.

use serde::Deserialize;

use crate::agent::error::Error;
use crate::agent::model::{ConversationId, Diagnostic, EditorContext, Task};
use crate::llm::model::{Message, Part};

/// The longest message, in bytes. Longer ones fit no model's window together with any code.
pub const MAX_MESSAGE_BYTES: usize = 512 * 1024;
/// The most text of attachments, together, in bytes.
const MAX_ATTACHED_BYTES: usize = 512 * 1024;
/// The most messages of history that are taken, newest first.
const MAX_HISTORY: usize = 100;
/// The most rounds a client may ask for.
const MAX_ITERATIONS: u32 = 100;
/// The most images of one request.
const MAX_IMAGES: usize = 8;

/// The body of `POST /api/navi/chat/autonomous`, `…/chat/stream/v2`, `…/chat/stream` and `…/chat`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct TaskRequest {
    /// What is asked, at most 512 KiB; not blank.
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
    /// Whether the project's checks run before the run may end; they do unless this is false.
    pub run_verification: Option<bool>,
    /// The most rounds of work and verification, 1 to 100.
    #[schema(minimum = 1, maximum = 100)]
    pub max_iterations: Option<u32>,
    /// The conversation this belongs to; its messages are the history when none is sent.
    pub conversation_id: Option<String>,
    /// What was said before, oldest first.
    #[serde(default, alias = "conversationHistory")]
    pub conversation_history: Vec<HistoryEntry>,
    /// Files, selections and images that belong to the request.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// The client's mode; recorded, not interpreted.
    pub mode: Option<String>,
    /// The file that is open in the editor.
    pub current_file: Option<String>,
    /// Its content.
    pub current_file_content: Option<String>,
    /// The selected text.
    pub selection: Option<String>,
    /// What the editor reports.
    #[serde(default)]
    pub errors: Vec<EditorError>,
    /// Why the client's last action failed.
    pub last_action_error: Option<String>,
    /// What becomes of an interactive run when its client's connection closes: `cancel`, because
    /// that is how the old clients' stop button works, or `continue`.
    #[serde(default)]
    pub on_disconnect: OnDisconnect,
}

/// What the end of a client's connection means for its run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDisconnect {
    /// The run ends.
    #[default]
    Cancel,
    /// The run goes on.
    Continue,
}

/// A message of the history. Old clients call the role `type`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct HistoryEntry {
    /// `user`, `assistant` or `system`.
    #[serde(alias = "type")]
    pub role: String,
    /// The text.
    #[serde(default)]
    pub content: String,
}

/// Something that came with the request.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct Attachment {
    /// `image`, or any kind of text: `file`, `selection`, `currentFile`, `diff` …
    pub kind: String,
    /// The text; for an image its data URL or base64.
    #[serde(default)]
    pub content: String,
    /// The file's path.
    pub path: Option<String>,
    /// The file's name.
    pub name: Option<String>,
    /// The text's language, or the image's media type.
    pub language: Option<String>,
}

/// A message of the editor about the code.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct EditorError {
    /// The file.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// `error`, `warning` and the like.
    pub severity: Option<String>,
}

impl TaskRequest {
    /// Checks the bounds and makes a task of it.
    pub fn into_task(self) -> Result<Task, Error> {
        if self.message.trim().is_empty() {
            return Err(Error::Invalid(
                "`message` is empty; say what is to be done".to_owned(),
            ));
        }
        within("message", &self.message, MAX_MESSAGE_BYTES)?;
        let conversation_id = self.conversation_id.as_deref().filter(|id| !id.is_empty());
        let conversation_id: Option<ConversationId> =
            conversation_id
                .map(str::parse)
                .transpose()
                .map_err(|_| Error::Invalid("`conversation_id` is not a UUID".to_owned()))?;
        let max_iterations = self.max_iterations;
        if max_iterations.is_some_and(|n| !(1..=MAX_ITERATIONS).contains(&n)) {
            let reason = format!("`max_iterations` must be 1 to {MAX_ITERATIONS}");
            return Err(Error::Invalid(reason));
        }
        let workspace = self.workspace_path.or(self.workspace_root);
        Ok(Task {
            message: self.message,
            workspace_path: workspace.filter(|path| !path.trim().is_empty()),
            conversation_id,
            history: history(self.conversation_history)?,
            attachments: parts(self.attachments)?,
            editor: EditorContext {
                current_file: self.current_file,
                current_file_content: self.current_file_content,
                selection: self.selection,
                errors: self
                    .errors
                    .into_iter()
                    .map(EditorError::into_diagnostic)
                    .collect(),
                last_action_error: self.last_action_error,
            },
            run_verification: self.run_verification.unwrap_or(true),
            max_iterations,
            tuning: None,
            plan: None,
        })
    }
}

impl EditorError {
    fn into_diagnostic(self) -> Diagnostic {
        Diagnostic {
            file: self.file,
            line: self.line,
            message: self.message,
            severity: self.severity,
        }
    }
}

fn within(field: &'static str, text: &str, limit: usize) -> Result<(), Error> {
    if text.len() > limit {
        return Err(Error::TooLong {
            field,
            length: text.len(),
            limit,
        });
    }
    Ok(())
}

/// The newest entries, empty ones left out: providers refuse a message without content.
fn history(entries: Vec<HistoryEntry>) -> Result<Vec<Message>, Error> {
    let skip = entries.len().saturating_sub(MAX_HISTORY);
    let mut messages = Vec::new();
    for entry in entries.into_iter().skip(skip) {
        within("conversation_history", &entry.content, MAX_MESSAGE_BYTES)?;
        if entry.content.trim().is_empty() {
            continue;
        }
        messages.push(match entry.role.as_str() {
            "user" | "human" => Message::user(entry.content),
            "assistant" | "ai" | "bot" => Message::Assistant {
                text: entry.content,
                tool_calls: Vec::new(),
                replay: None,
            },
            "system" => Message::System {
                text: entry.content,
            },
            other => {
                let reason = format!("`conversation_history` has the unknown role `{other}`");
                return Err(Error::Invalid(reason));
            }
        });
    }
    Ok(messages)
}

fn parts(attachments: Vec<Attachment>) -> Result<Vec<Part>, Error> {
    let images = attachments
        .iter()
        .filter(|attachment| attachment.kind == "image")
        .count();
    if images > MAX_IMAGES {
        return Err(Error::Invalid(format!(
            "{images} images; at most {MAX_IMAGES} are accepted"
        )));
    }
    let mut text_bytes = 0;
    let mut parts = Vec::new();
    for attachment in attachments {
        if attachment.kind == "image" {
            parts.push(image(&attachment)?);
            continue;
        }
        text_bytes += attachment.content.len();
        if text_bytes > MAX_ATTACHED_BYTES {
            let (length, limit) = (text_bytes, MAX_ATTACHED_BYTES);
            return Err(Error::TooLong {
                field: "attachments",
                length,
                limit,
            });
        }
        let name = attachment.path.or(attachment.name).unwrap_or_default();
        let text = format!(
            "<attachment kind=\"{}\" path=\"{name}\">\n{}\n</attachment>",
            attachment.kind, attachment.content
        );
        parts.push(Part::Text { text });
    }
    Ok(parts)
}

/// An image from a data URL, or from base64 with its media type in `language`.
fn image(attachment: &Attachment) -> Result<Part, Error> {
    let refuse = |reason: &str| Err(Error::Invalid(format!("an attached image {reason}")));
    let (media_type, data) = match attachment.content.strip_prefix("data:") {
        Some(rest) => match rest.split_once(";base64,") {
            Some((media_type, data)) => (media_type, data),
            None => return refuse("is a data URL without base64"),
        },
        None => (
            attachment.language.as_deref().unwrap_or("image/png"),
            &*attachment.content,
        ),
    };
    if !matches!(
        media_type,
        "image/png" | "image/jpeg" | "image/gif" | "image/webp"
    ) {
        return refuse("is neither PNG, JPEG, GIF nor WebP");
    }
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if data.is_empty() || !data.bytes().all(is_base64) {
        return refuse("is not base64");
    }
    Ok(Part::Image {
        media_type: media_type.to_owned(),
        data: data.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

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
    fn what_cannot_be_worked_with_says_what_to_do() {
        let long = "x".repeat(MAX_MESSAGE_BYTES + 1);
        for (body, expected) in [
            (
                json!({"message": " "}),
                "`message` is empty; say what is to be done",
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
                json!({"message": "x", "conversation_id": "7"}),
                "`conversation_id` is not a UUID",
            ),
            (
                json!({"message": "x", "attachments": [{"kind": "image", "content": "<svg>"}]}),
                "an attached image is not base64",
            ),
            (
                json!({"message": "x", "conversation_history": [{"role": "tool", "content": "x"}]}),
                "`conversation_history` has the unknown role `tool`",
            ),
        ] {
            assert_eq!(task(body), Err(expected.to_owned()));
        }
    }
}
