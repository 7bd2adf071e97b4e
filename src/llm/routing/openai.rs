//! Endpoints of OpenAI's API: OpenAI's own, Azure's, and those of others.

use url::Url;

/// The protocol in which OpenAI, or what stands in its place, is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OpenAiProtocol {
    /// Responses at OpenAI's and Azure's own endpoints, Chat Completions at all others.
    #[default]
    Auto,
    /// Responses; Chat Completions where the endpoint turns out not to have them.
    Responses,
    /// Chat Completions.
    Chat,
}

impl OpenAiProtocol {
    /// True if an endpoint is asked by Responses.
    pub(in crate::llm) fn is_responses(self, base: &Url) -> bool {
        match self {
            Self::Auto => is_openai(base) || is_azure(base),
            Self::Responses => true,
            Self::Chat => false,
        }
    }
}

/// True for OpenAI's own endpoint, and those of its regions.
fn is_openai(base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default();
    host == "api.openai.com" || host.ends_with(".api.openai.com")
}

/// True for an endpoint on Azure.
pub(in crate::llm) fn is_azure(base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default();
    [
        ".openai.azure.com",
        ".openai.azure.us",
        ".services.ai.azure.com",
        ".cognitiveservices.azure.com",
    ]
    .iter()
    .any(|suffix| host.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_asked_for_where_they_are_at_home_or_where_a_setting_says_so() {
        for (base, is_at_home) in [
            ("https://api.openai.com/v1", true),
            ("https://eu.api.openai.com/v1", true),
            ("https://acme.openai.azure.com/openai/v1", true),
            ("https://acme.services.ai.azure.com/openai/v1", true),
            ("http://localhost:8000/v1", false),
            ("https://openrouter.ai/api/v1", false),
            ("https://api.openai.com.example.org/v1", false),
        ] {
            let base = Url::parse(base).unwrap();
            assert_eq!(
                OpenAiProtocol::Auto.is_responses(&base),
                is_at_home,
                "{base}"
            );
            assert!(OpenAiProtocol::Responses.is_responses(&base));
            assert!(!OpenAiProtocol::Chat.is_responses(&base));
        }
    }
}
