//! Which providers there are, and how to reach them.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::llm::http_provider::Patience;
use crate::llm::routing::answer_limit::AnswerLimit;
use crate::llm::routing::base_url::{BaseUrl, base_url};
use crate::llm::routing::given::GivenAccess;
use crate::llm::routing::openai::{OpenAiProtocol, is_azure};
use crate::platform::secret::{ExposeSecret, SecretString};

/// A model provider that NAVI knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderId {
    /// Anthropic's Messages API.
    Anthropic,
    /// `OpenAI`, or what `OPENAI_BASE_URL` puts in its place.
    #[serde(rename = "openai")]
    OpenAi,
    /// `OpenRouter`.
    #[serde(rename = "openrouter")]
    OpenRouter,
    /// Groq.
    Groq,
    /// Google's `OpenAI`-compatible endpoint.
    Google,
    /// Ollama.
    Ollama,
    /// A compatible server of one's own, such as vLLM.
    SelfHosted,
    /// Plays a script: for the demo and for tests.
    Scripted,
}

impl ProviderId {
    /// All providers, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Anthropic,
        Self::OpenAi,
        Self::OpenRouter,
        Self::Groq,
        Self::Google,
        Self::Ollama,
        Self::SelfHosted,
        Self::Scripted,
    ];

    /// Their names: the closed set behind the metric label `provider`.
    pub fn names() -> [&'static str; 8] {
        Self::ALL.map(Self::as_str)
    }

    /// The configured name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::OpenRouter => "openrouter",
            Self::Groq => "groq",
            Self::Google => "google",
            Self::Ollama => "ollama",
            Self::SelfHosted => "self_hosted",
            Self::Scripted => "scripted",
        }
    }

    /// The provider of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|id| id.as_str() == name)
    }

    /// The setting that names its base URL, and the one that holds its key; none of the script.
    pub fn settings(self) -> Option<(&'static str, Option<&'static str>)> {
        Some(match self {
            Self::Anthropic => ("ANTHROPIC_BASE_URL", Some("ANTHROPIC_API_KEY")),
            Self::OpenAi => ("OPENAI_BASE_URL", Some("OPENAI_API_KEY")),
            Self::OpenRouter => ("OPENROUTER_BASE_URL", Some("OPENROUTER_API_KEY")),
            Self::Groq => ("GROQ_BASE_URL", Some("GROQ_API_KEY")),
            Self::Google => ("GOOGLE_BASE_URL", Some("GOOGLE_API_KEY")),
            Self::Ollama => ("OLLAMA_BASE_URL", None),
            Self::SelfHosted => ("SELF_HOSTED_API_BASE_URL", Some("SELF_HOSTED_API_KEY")),
            Self::Scripted => return None,
        })
    }

    /// The setting that names the model of requests that name none, of servers of the operator's own.
    pub fn model_setting(self) -> Option<&'static str> {
        match self {
            Self::Ollama => Some("OLLAMA_MODEL"),
            Self::SelfHosted => Some("SELF_HOSTED_MODEL"),
            Self::Anthropic
            | Self::OpenAi
            | Self::OpenRouter
            | Self::Groq
            | Self::Google
            | Self::Scripted => None,
        }
    }

    /// True if requests stay with the operator.
    pub fn is_private(self) -> bool {
        match self {
            Self::Ollama | Self::SelfHosted => true,
            Self::Anthropic
            | Self::OpenAi
            | Self::OpenRouter
            | Self::Groq
            | Self::Google
            | Self::Scripted => false,
        }
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The settings of the model providers. A provider is configured when its key or its base URL is
/// set; empty values count as unset.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Model providers")]
pub struct LlmConfig {
    /// Key of Anthropic's API.
    #[arg(long, env = "ANTHROPIC_API_KEY", hide_env_values = true)]
    pub anthropic_api_key: Option<SecretString>,
    /// Base URL of an Anthropic-compatible server, without `/v1`.
    #[arg(long, env = "ANTHROPIC_BASE_URL", value_parser = base_url)]
    pub anthropic_base_url: Option<BaseUrl>,
    /// Key of `OpenAI`'s API.
    #[arg(long, env = "OPENAI_API_KEY", hide_env_values = true)]
    pub openai_api_key: Option<SecretString>,
    /// Base URL of an OpenAI-compatible server, with `/v1`; it may do without a key.
    #[arg(long, env = "OPENAI_BASE_URL", value_parser = base_url)]
    pub openai_base_url: Option<BaseUrl>,
    /// Protocol in which OpenAI, or what `OPENAI_BASE_URL` puts in its place, is asked: `auto` is Responses at
    /// OpenAI's and Azure's own endpoints and Chat Completions at all others.
    ///
    /// An endpoint that answers 404 to Responses is asked by Chat Completions until the process ends.
    #[arg(
        long,
        env = "OPENAI_PROTOCOL",
        value_name = "PROTOCOL",
        default_value = "auto"
    )]
    pub openai_protocol: OpenAiProtocol,
    /// Key of `OpenRouter`'s API.
    #[arg(long, env = "OPENROUTER_API_KEY", hide_env_values = true)]
    pub openrouter_api_key: Option<SecretString>,
    /// Base URL in place of `OpenRouter`'s, with `/api/v1`.
    #[arg(long, env = "OPENROUTER_BASE_URL", value_parser = base_url)]
    pub openrouter_base_url: Option<BaseUrl>,
    /// Key of Groq's API.
    #[arg(long, env = "GROQ_API_KEY", hide_env_values = true)]
    pub groq_api_key: Option<SecretString>,
    /// Base URL in place of Groq's, without `/openai/v1`.
    #[arg(long, env = "GROQ_BASE_URL", value_parser = base_url)]
    pub groq_base_url: Option<BaseUrl>,
    /// Key of Google's Gemini API.
    #[arg(long, env = "GOOGLE_API_KEY", hide_env_values = true)]
    pub google_api_key: Option<SecretString>,
    /// Base URL in place of Google's, without `/v1beta/openai`.
    #[arg(long, env = "GOOGLE_BASE_URL", value_parser = base_url)]
    pub google_base_url: Option<BaseUrl>,
    /// Base URL of Ollama, such as `http://localhost:11434`.
    #[arg(long, env = "OLLAMA_BASE_URL", value_parser = base_url)]
    pub ollama_base_url: Option<BaseUrl>,
    /// The model of Ollama for requests that name none, such as `llama3.2`. When it is not set, Ollama is
    /// asked what it serves: one model is taken, of several none.
    #[arg(long, env = "OLLAMA_MODEL", value_name = "MODEL")]
    pub ollama_model: Option<String>,
    /// Base URL of your own OpenAI-compatible server, such as `http://localhost:8000/v1`.
    #[arg(long, env = "SELF_HOSTED_API_BASE_URL", value_parser = base_url)]
    pub self_hosted_api_base_url: Option<BaseUrl>,
    /// Key of your own server, if it wants one.
    #[arg(long, env = "SELF_HOSTED_API_KEY", hide_env_values = true)]
    pub self_hosted_api_key: Option<SecretString>,
    /// The model of your own server for requests that name none, such as `qwen2.5-coder`. When it is not
    /// set, the server is asked what it serves: one model is taken, of several none.
    #[arg(long, env = "SELF_HOSTED_MODEL", value_name = "MODEL")]
    pub self_hosted_model: Option<String>,
    /// Model or mode for requests that name none, such as `openai/gpt-5.2` or `navi/fast`.
    #[arg(long, env = "NAVI_DEFAULT_MODEL")]
    pub default_model: Option<String>,
    /// Script for the provider `scripted`, which plays it in place of a model: for trying things
    /// out and for tests. Without it there is no such provider.
    #[arg(long, env = "NAVI_SCRIPT", value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Context window assumed of models that are not in the registry, in tokens.
    #[arg(long, env = "NAVI_ASSUMED_CONTEXT_WINDOW", default_value_t = 32_768,
          value_parser = clap::value_parser!(u32).range(2_048..))]
    pub assumed_context_window: u32,
    /// Longest answers of models in tokens, as `MODEL=TOKENS` and separated by commas: for servers that
    /// take less, or may be asked for more, than the registry says.
    ///
    /// A model is an id such as `self_hosted/qwen2.5-coder`, or a provider for all of its models. What a
    /// server refuses is lowered without this too, and remembered until the process ends.
    #[arg(
        long,
        env = "NAVI_ANSWER_LIMITS",
        value_name = "LIMITS",
        value_delimiter = ','
    )]
    pub answer_limits: Vec<AnswerLimit>,
    /// File of models, modes and other names over the built-in ones, in JSON; see `docs/models.md`.
    #[arg(long, env = "NAVI_MODEL_CATALOG", value_name = "FILE")]
    pub model_catalog: Option<PathBuf>,
    /// Time limit for making a connection to a provider, in seconds.
    #[arg(long, env = "NAVI_LLM_CONNECT_TIMEOUT_SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=600))]
    pub llm_connect_timeout_seconds: u64,
    /// Time limit for a provider to begin its answer, in seconds.
    #[arg(long, env = "NAVI_LLM_RESPONSE_TIMEOUT_SECONDS", default_value_t = 300,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub llm_response_timeout_seconds: u64,
    /// The longest silence of a provider in the middle of its answer, in seconds.
    #[arg(long, env = "NAVI_LLM_IDLE_TIMEOUT_SECONDS", default_value_t = 300,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub llm_idle_timeout_seconds: u64,
}

impl Default for LlmConfig {
    /// No provider is configured, and everything else is as the command line's defaults have it.
    fn default() -> Self {
        Self {
            anthropic_api_key: None,
            anthropic_base_url: None,
            openai_api_key: None,
            openai_base_url: None,
            openai_protocol: OpenAiProtocol::Auto,
            openrouter_api_key: None,
            openrouter_base_url: None,
            groq_api_key: None,
            groq_base_url: None,
            google_api_key: None,
            google_base_url: None,
            ollama_base_url: None,
            ollama_model: None,
            self_hosted_api_base_url: None,
            self_hosted_api_key: None,
            self_hosted_model: None,
            default_model: None,
            script: None,
            assumed_context_window: 32_768,
            answer_limits: Vec::new(),
            model_catalog: None,
            llm_connect_timeout_seconds: 10,
            llm_response_timeout_seconds: 300,
            llm_idle_timeout_seconds: 300,
        }
    }
}

/// Where a provider is and what opens it.
#[derive(Clone, Debug)]
pub(super) struct Access {
    /// The base to which the wire format's path is appended.
    pub base: Url,
    /// True if a setting named the base.
    pub named: bool,
    pub key: Option<SecretString>,
}

impl LlmConfig {
    /// The access to a provider; `None` when it is not configured. A key goes to the provider it was set for
    /// and to no other.
    pub(super) fn access(&self, id: ProviderId) -> Option<Access> {
        let given = self.given(id)?;
        Some(Access {
            base: endpoint(id, given.base()?),
            named: given.named.is_some(),
            key: given.key,
        })
    }

    /// The settings that hold a placeholder in the place of a provider's key.
    pub fn placeholders(&self) -> impl Iterator<Item = &'static str> + '_ {
        let given = |id: &ProviderId| self.given(*id).is_some_and(|given| given.has_placeholder());
        let ids = ProviderId::ALL.into_iter().filter(given);
        ids.filter_map(|id| id.settings()?.1)
    }

    fn given(&self, id: ProviderId) -> Option<GivenAccess> {
        let (key, base, default) = match id {
            ProviderId::Anthropic => (
                &self.anthropic_api_key,
                &self.anthropic_base_url,
                Some("https://api.anthropic.com"),
            ),
            ProviderId::OpenAi => (
                &self.openai_api_key,
                &self.openai_base_url,
                Some("https://api.openai.com/v1"),
            ),
            ProviderId::OpenRouter => (
                &self.openrouter_api_key,
                &self.openrouter_base_url,
                Some("https://openrouter.ai/api/v1"),
            ),
            ProviderId::Groq => (
                &self.groq_api_key,
                &self.groq_base_url,
                Some("https://api.groq.com"),
            ),
            ProviderId::Google => (
                &self.google_api_key,
                &self.google_base_url,
                Some("https://generativelanguage.googleapis.com"),
            ),
            // A key alone says not where the server is.
            ProviderId::Ollama => (&None, &self.ollama_base_url, None),
            ProviderId::SelfHosted => (
                &self.self_hosted_api_key,
                &self.self_hosted_api_base_url,
                None,
            ),
            ProviderId::Scripted => return None,
        };
        let key = key.as_ref().map(|key| key.expose_secret().trim());
        Some(GivenAccess {
            key: key.filter(|key| !key.is_empty()).map(SecretString::from),
            named: base.as_ref().and_then(BaseUrl::given).cloned(),
            default,
        })
    }

    /// The model that a setting names for a server of the operator's own; none when it is empty.
    pub(in crate::llm) fn own_model(&self, id: ProviderId) -> Option<&str> {
        let named = match id {
            ProviderId::Ollama => self.ollama_model.as_deref(),
            ProviderId::SelfHosted => self.self_hosted_model.as_deref(),
            ProviderId::Anthropic
            | ProviderId::OpenAi
            | ProviderId::OpenRouter
            | ProviderId::Groq
            | ProviderId::Google
            | ProviderId::Scripted => None,
        };
        named.map(str::trim).filter(|name| !name.is_empty())
    }

    /// The providers that these settings configure.
    pub fn configured(&self) -> impl Iterator<Item = ProviderId> + '_ {
        ProviderId::ALL
            .into_iter()
            .filter(|id| self.access(*id).is_some())
    }

    /// True if no provider is configured; the scripted one does not count.
    pub fn is_unconfigured(&self) -> bool {
        self.configured().next().is_none()
    }

    pub(super) fn patience(&self) -> Patience {
        Patience {
            response: Duration::from_secs(self.llm_response_timeout_seconds),
            idle: Duration::from_secs(self.llm_idle_timeout_seconds),
        }
    }
}

/// The base URL as it is usually given, completed where the provider's own clients complete it.
fn endpoint(id: ProviderId, mut base: Url) -> Url {
    let path = base.path().trim_end_matches('/').to_owned();
    let complete = match id {
        ProviderId::Anthropic => path.strip_suffix("/v1").map(str::to_owned),
        ProviderId::Groq if !path.ends_with("/v1") => Some(format!("{path}/openai/v1")),
        ProviderId::Google if !path.ends_with("/openai") && !path.ends_with("/v1") => {
            Some(format!("{path}/v1beta/openai"))
        }
        ProviderId::OpenAi if is_azure(&base) && matches!(path.as_str(), "" | "/openai") => {
            Some("/openai/v1".to_owned())
        }
        ProviderId::Ollama | ProviderId::SelfHosted if path.is_empty() => Some("/v1".to_owned()),
        ProviderId::OpenAi
        | ProviderId::OpenRouter
        | ProviderId::Groq
        | ProviderId::Google
        | ProviderId::Ollama
        | ProviderId::SelfHosted
        | ProviderId::Scripted => None,
    };
    if let Some(path) = complete {
        base.set_path(&path);
    }
    base
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, FromArgMatches, Parser};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        llm: LlmConfig,
    }

    /// Without the environment, so that the machine's own settings do not show.
    fn parse(arguments: &[&str]) -> LlmConfig {
        let matches = Line::command()
            .mut_args(|argument| argument.env(None::<&'static str>))
            .try_get_matches_from([&["navi"], arguments].concat())
            .unwrap();
        Line::from_arg_matches(&matches).unwrap().llm
    }

    fn base(arguments: &[&str], id: ProviderId) -> Option<String> {
        parse(arguments)
            .access(id)
            .map(|access| access.base.to_string())
    }

    #[test]
    fn base_urls_are_completed_as_the_providers_own_clients_complete_them() {
        let cases = [
            (
                "--openai-base-url=http://h:1/v1",
                ProviderId::OpenAi,
                "http://h:1/v1",
            ),
            (
                "--openai-base-url=https://acme.openai.azure.com",
                ProviderId::OpenAi,
                "https://acme.openai.azure.com/openai/v1",
            ),
            (
                "--anthropic-base-url=http://h:1",
                ProviderId::Anthropic,
                "http://h:1/",
            ),
            (
                "--anthropic-base-url=http://h:1/v1/",
                ProviderId::Anthropic,
                "http://h:1/",
            ),
            (
                "--groq-base-url=http://h:1",
                ProviderId::Groq,
                "http://h:1/openai/v1",
            ),
            (
                "--groq-base-url=http://h:1/v1",
                ProviderId::Groq,
                "http://h:1/v1",
            ),
            (
                "--google-base-url=http://h:1",
                ProviderId::Google,
                "http://h:1/v1beta/openai",
            ),
            (
                "--ollama-base-url=http://h:1",
                ProviderId::Ollama,
                "http://h:1/v1",
            ),
            (
                "--ollama-base-url=http://h:1/v1",
                ProviderId::Ollama,
                "http://h:1/v1",
            ),
            (
                "--self-hosted-api-base-url=http://h:1/",
                ProviderId::SelfHosted,
                "http://h:1/v1",
            ),
            (
                "--self-hosted-api-base-url=http://h:1/api",
                ProviderId::SelfHosted,
                "http://h:1/api",
            ),
        ];
        for (argument, id, expected) in cases {
            assert_eq!(
                base(&[argument], id).as_deref(),
                Some(expected),
                "{argument}"
            );
        }
    }

    #[test]
    fn a_key_or_a_base_url_configures_a_provider_and_empty_values_do_not() {
        assert!(base(&["--openai-api-key=k"], ProviderId::OpenAi).is_some());
        assert!(base(&["--openai-base-url=http://h/v1"], ProviderId::OpenAi).is_some());
        assert!(base(&["--openai-api-key= "], ProviderId::OpenAi).is_none());
        assert!(base(&["--openai-base-url="], ProviderId::OpenAi).is_none());
        assert!(base(&["--self-hosted-api-key=k"], ProviderId::SelfHosted).is_none());
    }

    #[test]
    fn the_openai_key_never_goes_to_another_server() {
        let config = parse(&[
            "--openai-api-key=secret",
            "--self-hosted-api-base-url=http://h:1",
            "--ollama-base-url=http://h:2",
        ]);
        for id in ProviderId::ALL {
            let key = config.access(id).and_then(|access| access.key);
            assert_eq!(key.is_some(), id == ProviderId::OpenAi, "{id}");
        }
    }

    #[test]
    fn the_default_is_what_the_command_line_defaults_to() {
        let parsed = format!("{:?}", parse(&[]));
        assert_eq!(parsed, format!("{:?}", LlmConfig::default()));
    }

    #[test]
    fn keys_do_not_print() {
        assert!(!format!("{:?}", parse(&["--openai-api-key=secret"])).contains("secret"));
    }
}
