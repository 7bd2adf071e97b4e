//! From what a client asks for to a provider that answers.
//!
//! A request names a model, a mode or nothing. What cannot be served falls back to the default
//! mode's first model that can, and the route says so. What asks for a private answer (the private
//! mode, or a model on a server of the operator's own) never falls back to a hosted provider.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::llm::catalog::{Capabilities, Catalog, CatalogError};
use crate::llm::config::{LlmConfig, ProviderId};
use crate::llm::http_provider::HttpProvider;
use crate::llm::observe::Observed;
use crate::llm::provider::Provider;
use crate::llm::route::{ModelListing, Route, RouteError};
use crate::llm::routing::catalog_file::CatalogFile;
use crate::llm::routing::models::{ConfiguredProvider, Models};
use crate::llm::routing::openai::is_azure;
use crate::llm::routing::preferred::Preferred;
use crate::llm::routing::registry;
use crate::llm::routing::search::Search;
use crate::llm::wire::anthropic::codec::Anthropic;
use crate::llm::wire::codec::Codec;
use crate::llm::wire::openai::codec::OpenAi;
use crate::llm::wire::openai::dialect::Dialect;
use crate::llm::wire::responses::codec::{KeyHeader, Responses};
use crate::platform::clock::Clock;
use crate::platform::metrics::Metrics;
use crate::platform::outbound::client::Client;
use crate::platform::outbound::error::OutboundError;
use crate::platform::outbound::reach::Reach;

/// Reasons for which the router could not be built.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// The embedded registry is wrong.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A client for a configured provider could not be made.
    #[error("the provider `{provider}` cannot be set up: {source}")]
    Client {
        /// The provider.
        provider: ProviderId,
        /// The reason.
        source: OutboundError,
    },
}

/// The parts of a router besides its settings.
#[derive(Clone, Debug)]
pub struct Parts {
    /// For `Retry-After` dates.
    pub clock: Clock,
    /// The counters of requests.
    pub metrics: Metrics,
    /// The scripted provider, where it may answer: in development, in the demo, in tests.
    pub scripted: Option<Arc<dyn Provider>>,
}

/// Chooses the model that answers a request.
pub struct Router {
    models: Models,
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
            let over_responses =
                id == ProviderId::OpenAi && config.openai_protocol.is_responses(&access.base);
            let speaks = |codec: Box<dyn Codec>| -> Arc<dyn Provider> {
                Arc::new(HttpProvider::new(
                    codec,
                    client.clone(),
                    &access.base,
                    access.key.clone(),
                    config.patience(),
                    parts.clock.clone(),
                ))
            };
            let mut provider = speaks(codec(id, &access.base));
            if over_responses {
                // GPT-5.4 and later have tools together with reasoning in this protocol alone.
                let responses = speaks(Box::new(Responses(key_header(&access.base))));
                provider = Arc::new(Preferred::new(responses, provider));
            }
            let served = ConfiguredProvider {
                provider: watched(provider, parts),
                named: access.named,
                over_responses,
            };
            providers.insert(id, served);
        }
        if let Some(scripted) = parts.scripted.clone() {
            let served = ConfiguredProvider {
                provider: watched(scripted, parts),
                named: true,
                over_responses: false,
            };
            providers.insert(ProviderId::Scripted, served);
        }
        let file = registry::file(config)?;
        for warning in file.iter().flat_map(CatalogFile::warnings) {
            tracing::warn!(warning, "the file of models has a field that is not known");
        }
        let filled = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(Self {
            models: Models {
                catalog: registry::configured(config)?,
                providers,
                default_model: config.default_model.as_ref().and_then(filled),
                ollama_model: config.ollama_model.trim().to_owned(),
                self_hosted_model: config.self_hosted_model.trim().to_owned(),
                assumed_context_window: config.assumed_context_window,
                answer_limits: config.answer_limits.clone(),
            },
        })
    }

    /// The registry.
    pub fn catalog(&self) -> &Catalog {
        &self.models.catalog
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
        let search = Search::new(&self.models, requested, needs);
        let Some(name) = requested else {
            return search.unnamed(hint);
        };
        let name = self.models.catalog.alias(name).unwrap_or(name);
        if name.starts_with("navi/") {
            return search.named_mode(name);
        }
        search.model(&self.models.full_id(name, hint))
    }

    /// Every model of the registry and what the settings add, with whether it can be used.
    pub fn listing(&self) -> Vec<ModelListing> {
        let models = &self.models;
        let own = [
            ProviderId::SelfHosted,
            ProviderId::Ollama,
            ProviderId::Scripted,
        ];
        let own = own
            .into_iter()
            .filter(|id| models.providers.contains_key(id) || id.is_private())
            .map(|id| models.own_model(id, models.setting(id)));
        let known = models.catalog.models().iter().cloned();
        known
            .chain(own)
            .map(|model| {
                let max_output_tokens = models.answer_limit(&model);
                let capabilities = self.models.capabilities(&model);
                let reason = models.obstacle(&model, Capabilities::default(), false);
                ModelListing {
                    provider: model.provider.as_str(),
                    id: model.id,
                    provider_model: model.name,
                    capabilities,
                    effort: model.effort,
                    context_window: model.context_window,
                    max_output_tokens,
                    routable: reason.is_none(),
                    reason,
                }
            })
            .collect()
    }
}

fn watched(provider: Arc<dyn Provider>, parts: &Parts) -> Arc<dyn Provider> {
    Arc::new(Observed::new(provider, parts.metrics.clone()))
}

fn codec(id: ProviderId, base: &Url) -> Box<dyn Codec> {
    let dialect = match id {
        ProviderId::Anthropic => return Box::new(Anthropic),
        ProviderId::OpenAi | ProviderId::Scripted => Dialect::OPENAI,
        ProviderId::OpenRouter => Dialect::OPENROUTER,
        ProviderId::Groq => Dialect::GROQ,
        ProviderId::Google => Dialect::GOOGLE,
        ProviderId::Ollama => Dialect::OLLAMA,
        ProviderId::SelfHosted => Dialect::SELF_HOSTED,
    };
    Box::new(OpenAi(dialect.at(base.host_str())))
}

/// The header that an endpoint of OpenAI's API takes the key from.
fn key_header(base: &Url) -> KeyHeader {
    if is_azure(base) {
        KeyHeader::ApiKey
    } else {
        KeyHeader::Bearer
    }
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
