//! From what a client asks for to a provider that answers.
//!
//! A request names a model, a mode or nothing. What cannot be served falls back to the default
//! mode's first model that can, and the route says so. What asks for a private answer (the private
//! mode, or a model on a server of the operator's own) never falls back to a hosted provider.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::llm::catalog::{
    Capabilities, Catalog, CatalogError, Model, SCRIPTED_MODEL, provider_of,
};
use crate::llm::config::{LlmConfig, ProviderId};
use crate::llm::http_provider::HttpProvider;
use crate::llm::observe::Observed;
use crate::llm::provider::Provider;
use crate::llm::retry::{RetryPolicy, Retrying};
use crate::llm::route::{ModelListing, Route, RouteError};
use crate::llm::search::Search;
use crate::llm::wire::anthropic::codec::Anthropic;
use crate::llm::wire::codec::Codec;
use crate::llm::wire::openai::codec::{Dialect, OpenAi};
use crate::platform::clock::Clock;
use crate::platform::metrics::Metrics;
use crate::platform::outbound::{Client, OutboundError, Reach};

/// The answers of models that are not in the registry are limited to a part of their window.
const ASSUMED_OUTPUT_PART: u32 = 4;

/// Why the router could not be built.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// The embedded registry is wrong.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A client for a configured provider could not be made.
    #[error("the provider `{provider}` cannot be set up: {source}")]
    Client {
        /// Which provider.
        provider: ProviderId,
        /// Why.
        source: OutboundError,
    },
}

/// What the router is built from besides its settings.
#[derive(Clone, Debug)]
pub struct Parts {
    /// For `Retry-After` dates.
    pub clock: Clock,
    /// Where requests are counted.
    pub metrics: Metrics,
    /// How often to try.
    pub retry: RetryPolicy,
    /// The scripted provider, where it may answer: in development, in the demo, in tests.
    pub scripted: Option<Arc<dyn Provider>>,
}

struct Configured {
    provider: Arc<dyn Provider>,
    /// Whether a setting named the base URL: then the operator knows which models are there.
    named: bool,
}

/// Chooses models.
pub struct Router {
    catalog: Catalog,
    providers: BTreeMap<ProviderId, Configured>,
    default_model: Option<String>,
    ollama_model: String,
    self_hosted_model: String,
    assumed_context_window: u32,
}

impl Router {
    /// Sets up every provider that is configured.
    pub fn new(config: &LlmConfig, parts: &Parts) -> Result<Self, RouterError> {
        let mut providers = BTreeMap::new();
        for id in ProviderId::ALL {
            let Some(access) = config.access(id) else {
                continue;
            };
            let mut reach = Reach::public();
            if access.named {
                reach = reach.and_named(&access.base);
            }
            let connect = Duration::from_secs(config.llm_connect_timeout_seconds);
            let client = Client::new(reach, connect).map_err(|source| RouterError::Client {
                provider: id,
                source,
            })?;
            let provider = HttpProvider::new(
                codec(id),
                client,
                &access.base,
                access.key,
                config.patience(),
                parts.clock.clone(),
            );
            let configured = Configured {
                provider: watched(Arc::new(provider), parts),
                named: access.named,
            };
            providers.insert(id, configured);
        }
        if let Some(scripted) = parts.scripted.clone() {
            let configured = Configured {
                provider: watched(scripted, parts),
                named: true,
            };
            providers.insert(ProviderId::Scripted, configured);
        }
        let filled = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(Self {
            catalog: Catalog::embedded()?,
            providers,
            default_model: config.default_model.as_ref().and_then(filled),
            ollama_model: config.ollama_model.trim().to_owned(),
            self_hosted_model: config.self_hosted_model.trim().to_owned(),
            assumed_context_window: config.assumed_context_window,
        })
    }

    /// The provider, if it is configured.
    pub(super) fn provider(&self, id: ProviderId) -> Option<Arc<dyn Provider>> {
        let configured = self.providers.get(&id)?;
        Some(Arc::clone(&configured.provider))
    }

    /// What the settings name for requests that name nothing.
    pub(super) fn default_model(&self) -> Option<&str> {
        self.default_model.as_deref()
    }

    /// The registry.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Finds who answers. `hint` is the provider a client names beside a bare model name.
    pub fn route(
        &self,
        requested: Option<&str>,
        hint: Option<&str>,
        needs: Capabilities,
    ) -> Result<Route, RouteError> {
        let requested = requested.map(str::trim).filter(|name| !name.is_empty());
        let hint = hint.and_then(hinted);
        let search = Search::new(self, requested, needs);
        let Some(name) = requested else {
            return search.unnamed(hint);
        };
        let name = self.catalog.alias(name).unwrap_or(name);
        if name.starts_with("navi/") {
            return search.named_mode(name);
        }
        search.model(&self.full_id(name, hint))
    }

    /// Every model of the registry and what the settings add, with whether it can be used.
    pub fn listing(&self) -> Vec<ModelListing> {
        let own = [
            ProviderId::SelfHosted,
            ProviderId::Ollama,
            ProviderId::Scripted,
        ];
        let own = own
            .into_iter()
            .filter(|id| self.providers.contains_key(id) || id.is_private())
            .map(|id| self.own_model(id, self.setting(id)));
        let known = self.catalog.models().iter().cloned();
        known
            .chain(own)
            .map(|model| {
                let reason = self.obstacle(&model, Capabilities::default(), false);
                ModelListing {
                    provider: model.provider.as_str(),
                    id: model.id,
                    provider_model: model.name,
                    capabilities: model.capabilities,
                    context_window: model.context_window,
                    max_output_tokens: model.max_output_tokens,
                    routable: reason.is_none(),
                    reason,
                }
            })
            .collect()
    }

    /// The model that a provider's setting names.
    fn setting(&self, id: ProviderId) -> &str {
        match id {
            ProviderId::Ollama => &self.ollama_model,
            ProviderId::SelfHosted => &self.self_hosted_model,
            ProviderId::Scripted => SCRIPTED_MODEL,
            ProviderId::Anthropic
            | ProviderId::OpenAi
            | ProviderId::OpenRouter
            | ProviderId::Groq
            | ProviderId::Google => "default",
        }
    }

    /// A bare name gets the hinted provider, else the vendor whose names begin like it.
    pub(super) fn full_id(&self, name: &str, hint: Option<ProviderId>) -> String {
        if provider_of(name).is_some() {
            return name.to_owned();
        }
        let provider = hint.or_else(|| vendor(name)).or_else(|| {
            let known = self
                .catalog
                .models()
                .iter()
                .find(|model| model.name == name);
            known.map(|model| model.provider)
        });
        match provider {
            Some(provider) => format!("{provider}/{name}"),
            None => name.to_owned(),
        }
    }

    /// The model of an id: from the registry, from a setting, or as the operator's own word.
    pub(super) fn find(&self, id: &str) -> Option<Model> {
        let (_, name) = id.split_once('/')?;
        let provider = provider_of(id)?;
        if name.is_empty() {
            return None;
        }
        if provider.is_private() || provider == ProviderId::Scripted {
            let name = if name == "default" {
                self.setting(provider)
            } else {
                name
            };
            return Some(self.own_model(provider, name));
        }
        if let Some(model) = self.catalog.model(id) {
            return Some(model.clone());
        }
        // OpenRouter serves hundreds of models under names with a slash of their own, and behind
        // a base URL of the operator's choice there are the operator's models.
        let named = self.providers.get(&provider).is_some_and(|c| c.named);
        (named || provider == ProviderId::OpenRouter).then(|| self.own_model(provider, name))
    }

    fn own_model(&self, provider: ProviderId, name: &str) -> Model {
        Model {
            id: format!("{provider}/{name}"),
            provider,
            name: name.to_owned(),
            capabilities: Capabilities::ALL,
            context_window: self.assumed_context_window,
            max_output_tokens: self.assumed_context_window / ASSUMED_OUTPUT_PART,
            retired: None,
        }
    }

    /// Why a model cannot answer; `None` when it can.
    pub(super) fn obstacle(
        &self,
        model: &Model,
        needs: Capabilities,
        private: bool,
    ) -> Option<String> {
        if private && !model.provider.is_private() {
            return Some("strict_private_saas_blocked".to_owned());
        }
        if model.retired.is_some() {
            return Some("model_retired".to_owned());
        }
        if !self.providers.contains_key(&model.provider) {
            return Some("provider_not_configured".to_owned());
        }
        model
            .capabilities
            .missing(needs)
            .map(|missing| format!("missing_capability:{missing}"))
    }
}

fn watched(provider: Arc<dyn Provider>, parts: &Parts) -> Arc<dyn Provider> {
    let observed = Observed::new(provider, parts.metrics.clone());
    Arc::new(Retrying::new(Arc::new(observed), parts.retry))
}

fn codec(id: ProviderId) -> Box<dyn Codec> {
    let dialect = match id {
        ProviderId::Anthropic => return Box::new(Anthropic),
        ProviderId::OpenAi | ProviderId::Scripted => Dialect::OPENAI,
        ProviderId::OpenRouter => Dialect::OPENROUTER,
        ProviderId::Groq => Dialect::GROQ,
        ProviderId::Google => Dialect::GOOGLE,
        ProviderId::Ollama => Dialect::OLLAMA,
        ProviderId::SelfHosted => Dialect::SELF_HOSTED,
    };
    Box::new(OpenAi(dialect))
}

/// The provider of a client's hint: its name, also with the suffixes that say whose key is meant.
fn hinted(hint: &str) -> Option<ProviderId> {
    let hint = hint.trim().to_ascii_lowercase();
    let name = hint
        .strip_suffix("_byok")
        .or_else(|| hint.strip_suffix("_navra"))
        .unwrap_or(&hint);
    ProviderId::from_name(name)
}

/// Whose models are called like this.
fn vendor(name: &str) -> Option<ProviderId> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let o_series = name
        .strip_prefix('o')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if o_series || starts(&["gpt", "chatgpt", "codex"]) {
        Some(ProviderId::OpenAi)
    } else if starts(&["claude"]) {
        Some(ProviderId::Anthropic)
    } else if starts(&["gemini"]) {
        Some(ProviderId::Google)
    } else if starts(&["llama", "mixtral"]) {
        Some(ProviderId::Groq)
    } else {
        None
    }
}
