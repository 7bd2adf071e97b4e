//! From what a client asks for to a provider that answers.
//!
//! A request names a model, a mode or nothing. What cannot be served falls back to the default
//! mode's first model that can, and the route says so. What asks for a private answer (the private
//! mode, or a model on a server of the operator's own) never falls back to a hosted provider.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::llm::catalog::{Capabilities, Catalog, CatalogError, Model, provider_of};
use crate::llm::config::{Access, LlmConfig, ProviderId};
use crate::llm::failure::unreached::Address;
use crate::llm::http_provider::HttpProvider;
use crate::llm::observe::Observed;
use crate::llm::provider::Provider;
use crate::llm::repetition::guarded::LoopGuard;
use crate::llm::route::{ModelListing, NamedModel, Route, RouteError};
use crate::llm::routing::catalog_file::CatalogFile;
use crate::llm::routing::models::{ConfiguredProvider, Models};
use crate::llm::routing::openai::is_azure;
use crate::llm::routing::preferred::Preferred;
use crate::llm::routing::registry;
use crate::llm::routing::search::Search;
use crate::llm::served::list::ModelList;
use crate::llm::served::lists::ModelLists;
use crate::llm::served::standing::Standings;
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
    lists: ModelLists,
}

impl Router {
    /// Sets up every provider that is configured.
    pub fn new(config: &LlmConfig, parts: &Parts) -> Result<Self, RouterError> {
        let standings = Standings::default();
        let watched = |provider| watched(provider, parts, &standings);
        let (mut providers, mut lists) = (BTreeMap::new(), BTreeMap::new());
        for id in ProviderId::ALL {
            let Some(access) = config.access(id) else {
                continue;
            };
            let (served, list) = reached(config, parts, id, &access)?;
            let provider = watched(served.provider);
            providers.insert(id, ConfiguredProvider { provider, ..served });
            lists.insert(id, list);
        }
        if let Some(scripted) = parts.scripted.clone() {
            let served = ConfiguredProvider {
                provider: watched(scripted),
                named: true,
                lists_all: false,
                at: None,
                over_responses: false,
            };
            providers.insert(ProviderId::Scripted, served);
        }
        let file = registry::file(config)?;
        for warning in file.iter().flat_map(CatalogFile::warnings) {
            tracing::warn!(warning, "the model file has an unknown field");
        }
        let filled = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(Self {
            models: Models {
                catalog: registry::configured(config)?,
                providers,
                default_model: config.default_model.as_ref().and_then(filled),
                own: own_models(config),
                standings: standings.clone(),
                assumed_context_window: config.assumed_context_window,
                answer_limits: config.answer_limits.clone(),
            },
            lists: ModelLists::new(lists, standings),
        })
    }

    /// The registry.
    pub fn catalog(&self) -> &Catalog {
        &self.models.catalog
    }

    /// The lists of the providers' models.
    pub fn lists(&self) -> &ModelLists {
        &self.lists
    }

    /// Finds who answers, and asks servers what they serve where that decides.
    pub async fn choose(
        &self,
        requested: Option<&str>,
        hint: Option<&str>,
        needs: Capabilities,
    ) -> Result<Route, RouteError> {
        let open = self.undecided(requested, hint);
        let found = self.route(requested, hint, needs);
        let decided = found.as_ref().is_ok_and(|route| {
            let is_open = open.contains(&route.provider_id);
            !route.was_fallback && !is_open
        });
        if decided || open.is_empty() {
            return found;
        }
        self.lists.refresh(open).await;
        self.route(requested, hint, needs)
    }

    /// The model that a request of the agent would get which names this one.
    pub async fn named(&self, name: &str) -> NamedModel {
        let name = name.trim().to_owned();
        match self.choose(Some(&name), None, Capabilities::AGENT).await {
            Ok(route) => NamedModel {
                name,
                obstacle: route.obstacle(),
                effective_model_id: Some(route.effective_model_id),
                suggestion: route.suggestion,
            },
            Err(error) => NamedModel {
                name,
                effective_model_id: None,
                obstacle: Some(error.to_string()),
                suggestion: None,
            },
        }
    }

    /// Why the default model of the settings does not answer requests that name none, as a sentence; nothing
    /// when it does.
    pub fn default_obstacle(&self) -> Option<String> {
        let name = self.models.default_model.as_deref()?;
        match self.route(Some(name), None, Capabilities::CHAT) {
            Ok(route) => route.obstacle(),
            Err(error) => Some(error.to_string()),
        }
    }

    /// The providers whose lists decide about a request: servers of the operator's own whose model no setting
    /// names, and the one that serves the model that is named, unless the registry knows it.
    fn undecided(&self, requested: Option<&str>, hint: Option<&str>) -> Vec<ProviderId> {
        let models = &self.models;
        let providers = models.providers.iter();
        let mut open: Vec<_> = providers
            .filter(|(id, _)| id.is_private() && !models.own.contains_key(id))
            .map(|(id, _)| *id)
            .collect();
        let name = requested.map(str::trim).unwrap_or_default();
        let name = models.catalog.alias(name).unwrap_or(name);
        let id = models.full_id(name, hint.and_then(hinted));
        if let Some(provider) = provider_of(&id)
            && models
                .providers
                .get(&provider)
                .is_some_and(|it| it.lists_all)
            && models.catalog.model(&id).is_none()
            && !open.contains(&provider)
        {
            open.push(provider);
        }
        open
    }

    /// Asks all providers that were not asked lately, so that the listing says what holds now.
    pub async fn ask_all(&self) {
        self.lists.refresh(self.lists.providers()).await;
    }

    /// Finds who answers, as far as it is known. `hint` is the provider a client names beside a bare model
    /// name.
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

    /// Every model of the registry and what settings and servers add, with whether it answers.
    pub fn listing(&self) -> Vec<ModelListing> {
        let models = &self.models;
        let known = models.catalog.models().iter().cloned();
        let own = ProviderId::ALL
            .into_iter()
            .flat_map(|id| models.beside_registry(id));
        known.chain(own).map(|model| self.listed(model)).collect()
    }

    fn listed(&self, model: Model) -> ModelListing {
        let models = &self.models;
        let reason = models
            .obstacle(&model, Capabilities::default(), false)
            .or_else(|| models.silence(&model).map(str::to_owned));
        ModelListing {
            provider: model.provider.as_str(),
            max_output_tokens: models.answer_limit(&model),
            capabilities: models.capabilities(&model),
            id: model.id,
            provider_model: model.name,
            effort: model.effort,
            context_window: model.context_window,
            routable: reason.is_none(),
            reason,
        }
    }
}

/// The models of the operator's own servers that the settings name.
fn own_models(config: &LlmConfig) -> BTreeMap<ProviderId, String> {
    let named = |id| Some((id, config.own_model(id)?.to_owned()));
    ProviderId::ALL.into_iter().filter_map(named).collect()
}

/// A provider behind its settings, not yet watched, and its list of models.
fn reached(
    config: &LlmConfig,
    parts: &Parts,
    id: ProviderId,
    access: &Access,
) -> Result<(ConfiguredProvider, ModelList), RouterError> {
    let mut reach = Reach::public();
    if access.named {
        reach = reach.and_named(&access.base);
    }
    let connect = Duration::from_secs(config.llm_connect_timeout_seconds);
    let client = Client::new(reach, connect).map_err(|source| RouterError::Client {
        provider: id,
        source,
    })?;
    let setting = id.settings().map(|(base, _)| base);
    let at = Address::new(&access.base, setting.filter(|_| access.named));
    let over_responses =
        id == ProviderId::OpenAi && config.openai_protocol.is_responses(&access.base);
    let speaks = |codec: Box<dyn Codec>| -> Arc<dyn Provider> {
        let provider = HttpProvider::new(
            codec,
            client.clone(),
            &access.base,
            access.key.clone(),
            config.patience(),
            parts.clock.clone(),
        );
        Arc::new(provider.at(at.clone()))
    };
    let mut provider = speaks(codec(id, &access.base));
    // GPT-5.4 and later have tools together with reasoning in this protocol alone.
    let responses = || -> Box<dyn Codec> { Box::new(Responses(key_header(&access.base))) };
    let listing = if over_responses {
        provider = Arc::new(Preferred::new(speaks(responses()), provider));
        responses()
    } else {
        codec(id, &access.base)
    };
    let key = access.key.clone();
    let list = ModelList::new(
        listing.as_ref(),
        client.clone(),
        &access.base,
        key,
        at.clone(),
    );
    let served = ConfiguredProvider {
        provider,
        named: access.named,
        // Azure lists models, and is asked for deployments.
        lists_all: id.is_private()
            || (id == ProviderId::OpenAi && access.named && !is_azure(&access.base)),
        at: Some(at),
        over_responses,
    };
    Ok((served, list))
}

fn watched(provider: Arc<dyn Provider>, parts: &Parts, standings: &Standings) -> Arc<dyn Provider> {
    let guarded = Arc::new(LoopGuard::new(provider));
    Arc::new(Observed::new(guarded, parts.metrics.clone()).telling(standings.clone()))
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
