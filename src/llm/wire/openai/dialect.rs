//! Differences between the servers that speak Chat Completions.

/// The ways of one server.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// The provider's configured name.
    pub provider: &'static str,
    /// The models that want their limit as `max_completion_tokens` and refuse `max_tokens`.
    pub completion_limit: CompletionLimit,
    /// An instruction may stand in the middle of the conversation. The chat templates of
    /// many open models allow it only at the beginning.
    pub system_anywhere: bool,
    /// Reasoning is missing from the output tokens and shows only in the total.
    pub reasoning_outside_output: bool,
}

/// The name of the limit on output tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionLimit {
    /// `max_completion_tokens` always.
    New,
    /// `max_tokens` always.
    Old,
    /// By the model: OpenAI's own models want the new name, what other servers serve under their
    /// own names knows the old one.
    ByModel,
}

impl Dialect {
    /// OpenAI itself, and what a changed base URL puts in its place.
    pub const OPENAI: Self = Self {
        provider: "openai",
        completion_limit: CompletionLimit::ByModel,
        system_anywhere: true,
        reasoning_outside_output: false,
    };
    /// `OpenRouter`.
    pub const OPENROUTER: Self = Self {
        provider: "openrouter",
        completion_limit: CompletionLimit::Old,
        system_anywhere: true,
        reasoning_outside_output: false,
    };
    /// Groq.
    pub const GROQ: Self = Self {
        provider: "groq",
        completion_limit: CompletionLimit::New,
        system_anywhere: true,
        reasoning_outside_output: false,
    };
    /// Google's compatible endpoint.
    pub const GOOGLE: Self = Self {
        provider: "google",
        completion_limit: CompletionLimit::Old,
        system_anywhere: false,
        reasoning_outside_output: true,
    };
    /// Ollama.
    pub const OLLAMA: Self = Self {
        provider: "ollama",
        completion_limit: CompletionLimit::Old,
        system_anywhere: false,
        reasoning_outside_output: false,
    };
    /// Any other server, such as vLLM or llama.cpp.
    pub const SELF_HOSTED: Self = Self {
        provider: "self_hosted",
        completion_limit: CompletionLimit::Old,
        system_anywhere: false,
        reasoning_outside_output: false,
    };
}
