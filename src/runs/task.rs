//! The task of a run.

use serde::{Deserialize, Serialize};

use crate::llm::effort::{Effort, Verbosity};
use crate::llm::model::{Message, Part};
use crate::platform::ids::ConversationId;
use crate::platform::traces::parent::TraceParent;
use crate::runs::plan::Plan;

/// A client's request, checked and bounded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The request in the user's words.
    pub message: String,
    /// The folder to work in, as the client named it. Without one the agent has no tools.
    pub workspace_path: Option<String>,
    /// The conversation this belongs to.
    pub conversation_id: Option<ConversationId>,
    /// The conversation so far, oldest first.
    pub history: Vec<Message>,
    /// Images and texts that came with the request.
    pub attachments: Vec<Part>,
    /// The user's view in the editor.
    pub editor: EditorContext,
    /// True if the project's checks run before the run may end.
    pub run_verification: bool,
    /// The most rounds; by the task's complexity when absent.
    pub max_iterations: Option<u32>,
    /// The amount of reasoning that its model is asked for; the provider's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// The length of its answers; the provider's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<Verbosity>,
    /// The choices that ratings made for it; nothing until that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<Tuning>,
    /// The plan it is done by; made with its first turn when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The step of a trace that asked for it; none when that was not traced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_parent: Option<TraceParent>,
}

impl Task {
    /// The temperature that its model is asked with; none when the provider's default holds.
    pub fn temperature(&self) -> Option<f32> {
        let chosen = self.tuning.as_ref()?.temperature.as_ref()?;
        Some(chosen.value)
    }

    /// The first line of the message that has text, without the spaces around it.
    pub fn first_line(&self) -> &str {
        let mut lines = self.message.lines().map(str::trim);
        lines.find(|line| !line.is_empty()).unwrap_or_default()
    }

    /// The rest of a request that cannot be read: its message.
    pub fn unreadable(message: String) -> Self {
        Self {
            message,
            workspace_path: None,
            conversation_id: None,
            history: Vec::new(),
            attachments: Vec::new(),
            editor: EditorContext::default(),
            run_verification: false,
            max_iterations: None,
            effort: None,
            verbosity: None,
            tuning: None,
            plan: None,
            trace_parent: None,
        }
    }
}

/// The context of the client's editor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditorContext {
    /// The open file, relative to the workspace or absolute.
    pub current_file: Option<String>,
    /// Its content, as it may not be saved yet.
    pub current_file_content: Option<String>,
    /// The selected text.
    pub selection: Option<String>,
    /// The editor's reports about the code.
    pub errors: Vec<Diagnostic>,
    /// Why the client's last action failed.
    pub last_action_error: Option<String>,
}

/// One message of the editor about the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The file.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The message.
    pub message: String,
    /// `error`, `warning` and the like.
    pub severity: Option<String>,
}

/// A choice, and the place where a rating of the answer is counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// The circumstances of the choice.
    pub context: String,
    /// The temperature that was chosen; none when the model takes none.
    pub temperature: Option<Chosen>,
    /// The model that was chosen; none when the request named one, or there was nothing to choose.
    pub model: Option<String>,
}

/// A temperature that was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// The name of the choice.
    pub arm: String,
    /// The value that was chosen.
    pub value: f32,
}
