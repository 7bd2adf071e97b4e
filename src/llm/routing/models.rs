//! The models that can be named, and the providers that serve them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::llm::catalog::{Capabilities, Catalog, Model, SCRIPTED_MODEL, provider_of};
use crate::llm::config::ProviderId;
use crate::llm::error::LlmError;
use crate::llm::failure::unreached::Address;
use crate::llm::provider::Provider;
use crate::llm::routing::answer_limit::AnswerLimit;
use crate::llm::routing::own::NoDefault;
use crate::llm::served::standing::{Standings, serves};

/// The answers of models that are not in the registry are limited to a part of their window.
const ASSUMED_OUTPUT_PART: u32 = 4;
/// The most models of one provider's list that are listed beside the registry.
const MAX_LISTED: usize = 200;
/// The reason for which a model is not found, as clients know it.
pub(in crate::llm) const NOT_FOUND: &str = "model_not_found";

/// A provider that is configured.
pub(in crate::llm) struct ConfiguredProvider {
    /// The provider, observed.
    pub(in crate::llm) provider: Arc<dyn Provider>,
    /// A setting named the base URL: the operator knows which models are there.
    pub(in crate::llm) named: bool,
    /// Its list holds all that it serves, so that a name that is not there is none.
    pub(in crate::llm) lists_all: bool,
    /// Its place; none when it plays a script.
    pub(in crate::llm) at: Option<Address>,
    /// It is asked over Responses, where models have tools that have none over Chat Completions.
    pub(in crate::llm) over_responses: bool,
}

/// The registry, the configured providers and the settings that name models.
pub(in crate::llm) struct Models {
    /// The registry.
    pub(in crate::llm) catalog: Catalog,
    /// The providers that are configured.
    pub(in crate::llm) providers: BTreeMap<ProviderId, ConfiguredProvider>,
    /// The model or mode of requests that name nothing, from the settings.
    pub(in crate::llm) default_model: Option<String>,
    /// The models of the operator's own servers that the settings name.
    pub(in crate::llm) own: BTreeMap<ProviderId, String>,
    /// The last word that was heard of each provider.
    pub(in crate::llm) standings: Standings,
    /// The context window of models that are not in the registry.
    pub(in crate::llm) assumed_context_window: u32,
    /// Limits of answers that the settings name.
    pub(in crate::llm) answer_limits: Vec<AnswerLimit>,
}

impl Models {
    /// The provider, if it is configured.
    pub(in crate::llm) fn provider(&self, id: ProviderId) -> Option<Arc<dyn Provider>> {
        let served = self.providers.get(&id)?;
        Some(Arc::clone(&served.provider))
    }

    /// The model of a provider for requests that name none, of servers of the operator's own and of the
    /// script: what the setting names, else the only one that is served.
    pub(in crate::llm) fn default_of(&self, id: ProviderId) -> Result<String, NoDefault> {
        if id == ProviderId::Scripted {
            return Ok(SCRIPTED_MODEL.to_owned());
        }
        if let Some(named) = self.own.get(&id) {
            return Ok(named.clone());
        }
        if !self.providers.contains_key(&id) {
            return Err(NoDefault::NotConfigured);
        }
        NoDefault::or_only(&self.standings, id.as_str())
    }

    /// The reason for which a server of the operator's own has no model for requests that name none, as a
    /// sentence.
    pub(in crate::llm) fn lack_of(&self, id: ProviderId) -> Option<String> {
        let at = self.providers.get(&id)?.at.as_ref()?;
        id.model_setting()?;
        self.default_of(id).err()?.sentence(id, at)
    }

    /// The same of all of them.
    pub(in crate::llm) fn lacks(&self) -> Vec<String> {
        self.providers
            .keys()
            .filter_map(|id| self.lack_of(*id))
            .collect()
    }

    /// The failure of a server of the operator's own whose model no setting names, if that may pass.
    pub(in crate::llm) fn outage(&self) -> Option<LlmError> {
        let lacking = self.providers.keys();
        lacking
            .filter(|id| self.lack_of(**id).is_some())
            .filter_map(|id| self.standings.failure(id.as_str()))
            .find(LlmError::is_retryable)
    }

    /// True if the name is not among those that the provider lists, and those are all.
    pub(in crate::llm) fn is_unlisted(&self, provider: ProviderId, name: &str) -> bool {
        let served = self.providers.get(&provider).filter(|it| it.lists_all);
        let list = served.and_then(|_| self.standings.served(provider.as_str()));
        let default = self.default_model.as_deref();
        let is_set = self.own.get(&provider).is_some_and(|set| set == name)
            || default.is_some_and(|set| set == format!("{provider}/{name}"));
        // A server that lists nothing may serve something all the same.
        let list = list.filter(|list| !list.is_empty());
        !is_set && list.is_some_and(|list| !serves(&list, name))
    }

    /// A bare name gets the hinted provider, else the vendor whose names begin like it.
    pub(in crate::llm) fn full_id(&self, name: &str, hint: Option<ProviderId>) -> String {
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

    /// The model of an id: from the registry, from a setting, from a list, or as the operator's own word. Else
    /// the reason, as a word.
    pub(in crate::llm) fn find(&self, id: &str) -> Result<Model, &'static str> {
        let (_, name) = id.split_once('/').ok_or(NOT_FOUND)?;
        let provider = provider_of(id).ok_or(NOT_FOUND)?;
        if name.is_empty() {
            return Err(NOT_FOUND);
        }
        if provider.is_private() || provider == ProviderId::Scripted {
            let default = (name == "default").then(|| self.default_of(provider));
            let default = default.transpose().map_err(|lack| lack.code())?;
            let name = default.as_deref().unwrap_or(name);
            let described = self.catalog.model(&format!("{provider}/{name}"));
            return described
                .map_or_else(|| self.unregistered(provider, name), |it| Ok(it.clone()));
        }
        if let Some(model) = self.catalog.model(id) {
            return Ok(model.clone());
        }
        // OpenRouter serves hundreds of models under names with a slash of their own, and behind
        // a base URL of the operator's choice there are the operator's models.
        let named = self.providers.get(&provider).is_some_and(|c| c.named);
        if named || provider == ProviderId::OpenRouter {
            return self.unregistered(provider, name);
        }
        Err(NOT_FOUND)
    }

    /// A model that is not in the registry, unless its server says that it has none of this name.
    fn unregistered(&self, provider: ProviderId, name: &str) -> Result<Model, &'static str> {
        if self.is_unlisted(provider, name) {
            return Err(NOT_FOUND);
        }
        Ok(self.own_model(provider, name))
    }

    /// The length of an answer of a model, in tokens: as the settings say, first of the model and then
    /// of its provider, else as the registry does.
    pub(in crate::llm) fn answer_limit(&self, model: &Model) -> u32 {
        let names = [model.id.as_str(), model.provider.as_str()];
        let set = names.iter().find_map(|name| {
            let mut limits = self.answer_limits.iter();
            limits.find(|limit| limit.model == *name)
        });
        set.map_or(model.max_output_tokens, |limit| limit.tokens)
    }

    /// The capabilities of a model over the protocol that it is asked by.
    pub(in crate::llm) fn capabilities(&self, model: &Model) -> Capabilities {
        let known = model.capabilities;
        let served = self.providers.get(&model.provider);
        let over_responses = served.is_some_and(|it| it.over_responses);
        Capabilities {
            tools: known.tools && (model.tools_over_chat || over_responses),
            ..known
        }
    }

    /// The models of a provider that the registry does not hold: what a setting names, and what it lists if
    /// that is all. Of a server of the operator's own there is at least an entry that says why there is none.
    pub(in crate::llm) fn beside_registry(&self, id: ProviderId) -> Vec<Model> {
        let mut names: Vec<String> = Vec::new();
        let is_script = id == ProviderId::Scripted && self.providers.contains_key(&id);
        if is_script || self.own.contains_key(&id) {
            names.extend(self.default_of(id));
        }
        if self.providers.get(&id).is_some_and(|it| it.lists_all) {
            let served = self.standings.served(id.as_str()).unwrap_or_default();
            names.extend(served.iter().take(MAX_LISTED).cloned());
        }
        if names.is_empty() && id.is_private() {
            names.push("default".to_owned());
        }
        let mut found: Vec<Model> = Vec::new();
        for name in names {
            let model = self.own_model(id, &name);
            let is_known = self.catalog.model(&model.id).is_some();
            if !is_known && !found.iter().any(|other| other.id == model.id) {
                found.push(model);
            }
        }
        found
    }

    /// The reason for which a model that a request may name does not answer, as a word; none when its
    /// provider answered last and serves it.
    pub(in crate::llm) fn silence(&self, model: &Model) -> Option<&'static str> {
        let provider = model.provider;
        if provider == ProviderId::Scripted {
            return None;
        }
        if model.name == "default" && provider.is_private() {
            return self.default_of(provider).err().map(|lack| lack.code());
        }
        let obstacle = self.standings.obstacle(provider.as_str(), &model.name);
        obstacle.or_else(|| {
            self.is_unlisted(provider, &model.name)
                .then_some("not_served")
        })
    }

    /// A model that is not in the registry.
    pub(in crate::llm) fn own_model(&self, provider: ProviderId, name: &str) -> Model {
        Model {
            id: format!("{provider}/{name}"),
            provider,
            name: name.to_owned(),
            capabilities: Capabilities::ALL,
            tools_over_chat: true,
            effort: None,
            context_window: self.assumed_context_window,
            max_output_tokens: self.assumed_context_window / ASSUMED_OUTPUT_PART,
            retired: None,
        }
    }

    /// The reason for which a model cannot answer; `None` when it can.
    pub(in crate::llm) fn obstacle(
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
        self.capabilities(model)
            .missing(needs)
            .map(|missing| format!("missing_capability:{missing}"))
    }
}

/// The vendor whose models have names like this.
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
