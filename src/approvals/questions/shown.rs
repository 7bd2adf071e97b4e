//! The question as a person sees it, for the description of the API.

use utoipa::ToSchema;
use uuid::Uuid;

/// A question of a run to its user: `data` of the event `prompt_request`.
#[derive(ToSchema)]
pub struct PromptRequest {
    /// Answered with `POST /api/navi/prompt/{prompt_id}`.
    pub prompt_id: Uuid,
    /// The kind of answer.
    pub prompt_type: PromptKind,
    /// A few words.
    pub title: String,
    /// The question.
    pub description: String,
    /// Text that an empty field shows.
    #[schema(required = true)]
    pub placeholder: Option<String>,
    /// The answer that is proposed.
    #[schema(required = true)]
    pub default_value: Option<String>,
    /// The answers to choose from; empty unless it is a choice.
    pub options: Vec<PromptOption>,
    /// Always null.
    #[schema(required = true)]
    pub validation_pattern: Option<String>,
    /// Always true.
    pub required: bool,
    /// The run goes on without an answer after this many seconds.
    pub timeout_seconds: u64,
}

/// An answer to choose.
#[derive(ToSchema)]
pub struct PromptOption {
    /// The value to send as `response`.
    pub value: String,
    /// The text to show to a person.
    pub label: String,
}

/// The ways to answer a question.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum PromptKind {
    /// Free text.
    Text,
    /// One of the options.
    Select,
    /// Yes or no.
    Confirm,
    /// Any of the options.
    Multiselect,
}
