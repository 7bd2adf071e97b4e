//! Differences between the servers that speak Chat Completions. Those about reasoning stand in
//! [`ways`](crate::llm::wire::openai::ways).

use crate::llm::model::{ChatRequest, Replay};
use crate::llm::wire::openai::ways::{Ways, of_host, of_model};

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
    /// The ways of the host of the endpoint, where it is a known one.
    pub host: Option<&'static Ways>,
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
    /// The dialect of an endpoint at this host.
    #[must_use]
    pub fn at(self, host: Option<&str>) -> Self {
        let host = host.and_then(of_host);
        Self { host, ..self }
    }

    /// The ways of a model behind this server.
    pub fn ways(self, model: &str) -> &'static Ways {
        let knows_openais = self.completion_limit == CompletionLimit::ByModel;
        self.host
            .unwrap_or_else(|| of_model(self.provider, model, knows_openais))
    }

    /// True if a replay is of this server and the model that is asked.
    pub(super) fn wrote(self, replay: &Replay, request: &ChatRequest) -> bool {
        replay.provider == self.provider && replay.model == request.model
    }

    /// OpenAI itself, and what a changed base URL puts in its place.
    pub const OPENAI: Self = Self {
        provider: "openai",
        completion_limit: CompletionLimit::ByModel,
        system_anywhere: true,
        reasoning_outside_output: false,
        host: None,
    };
    /// `OpenRouter`.
    pub const OPENROUTER: Self = Self {
        provider: "openrouter",
        completion_limit: CompletionLimit::Old,
        system_anywhere: true,
        reasoning_outside_output: false,
        host: None,
    };
    /// Groq.
    pub const GROQ: Self = Self {
        provider: "groq",
        completion_limit: CompletionLimit::New,
        system_anywhere: true,
        reasoning_outside_output: false,
        host: None,
    };
    /// Google's compatible endpoint.
    pub const GOOGLE: Self = Self {
        provider: "google",
        completion_limit: CompletionLimit::Old,
        system_anywhere: false,
        reasoning_outside_output: true,
        host: None,
    };
    /// Ollama.
    pub const OLLAMA: Self = Self {
        provider: "ollama",
        completion_limit: CompletionLimit::Old,
        system_anywhere: false,
        reasoning_outside_output: false,
        host: None,
    };
    /// Any other server, such as vLLM or llama.cpp.
    pub const SELF_HOSTED: Self = Self {
        provider: "self_hosted",
        completion_limit: CompletionLimit::Old,
        system_anywhere: false,
        reasoning_outside_output: false,
        host: None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(dialect: Dialect, host: &str, model: &str) -> &'static str {
        dialect.at(Some(host)).ways(model).name
    }

    #[test]
    fn the_host_counts_before_the_provider_and_the_provider_before_the_name() {
        let own = Dialect::SELF_HOSTED;
        for (dialect, host, model, expected) in [
            (own, "api.deepseek.com", "my-model", "DeepSeek"),
            (own, "API.DeepSeek.com", "deepseek-v4-pro", "DeepSeek"),
            (
                own,
                "127.0.0.1",
                "deepseek-v4-pro",
                "DeepSeek's models elsewhere",
            ),
            (own, "10.0.0.7", "Qwen/Qwen3.6-27B", "Qwen, GLM elsewhere"),
            (
                own,
                "dashscope-intl.aliyuncs.com",
                "deepseek-v4",
                "DashScope",
            ),
            (own, "evil-deepseek.com", "x", "everything else"),
            (own, "vllm.internal", "gpt-5-clone", "everything else"),
            (
                Dialect::OPENAI,
                "api.openai.com",
                "gpt-6.1-sol",
                "OpenAI, Azure",
            ),
            (
                Dialect::OPENAI,
                "acme.openai.azure.com",
                "ours",
                "OpenAI, Azure",
            ),
            (
                Dialect::OPENAI,
                "gateway.acme.test",
                "gpt-5.2",
                "OpenAI's models elsewhere",
            ),
            (
                Dialect::OPENAI,
                "gateway.acme.test",
                "llama-4",
                "everything else",
            ),
            (
                Dialect::OPENAI,
                "gateway.acme.test",
                "gpt-oss-120b",
                "gpt-oss elsewhere",
            ),
            (
                Dialect::OPENROUTER,
                "127.0.0.1",
                "deepseek/deepseek-v4",
                "OpenRouter",
            ),
            (Dialect::GROQ, "localhost", "qwen/qwen3-32b", "Groq"),
            (Dialect::OLLAMA, "localhost", "deepseek-r1:8b", "Ollama"),
        ] {
            assert_eq!(row(dialect, host, model), expected, "{host} {model}");
        }
    }
}
