//! The models that can be named, and the providers that serve them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::llm::catalog::{Capabilities, Catalog, Model, SCRIPTED_MODEL, provider_of};
use crate::llm::config::ProviderId;
use crate::llm::provider::Provider;
use crate::llm::routing::answer_limit::AnswerLimit;

/// The answers of models that are not in the registry are limited to a part of their window.
const ASSUMED_OUTPUT_PART: u32 = 4;

/// A provider that is configured.
pub(in crate::llm) struct ConfiguredProvider {
    /// The provider, observed.
    pub(in crate::llm) provider: Arc<dyn Provider>,
    /// A setting named the base URL: the operator knows which models are there.
    pub(in crate::llm) named: bool,
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
    /// The model of Ollama that the settings name.
    pub(in crate::llm) ollama_model: String,
    /// The model of a server of the operator's own that the settings name.
    pub(in crate::llm) self_hosted_model: String,
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

    /// The model that a provider's setting names.
    pub(in crate::llm) fn setting(&self, id: ProviderId) -> &str {
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

    /// The model of an id: from the registry, from a setting, or as the operator's own word.
    pub(in crate::llm) fn find(&self, id: &str) -> Option<Model> {
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
            let described = self.catalog.model(&format!("{provider}/{name}"));
            return Some(described.map_or_else(|| self.own_model(provider, name), Model::clone));
        }
        if let Some(model) = self.catalog.model(id) {
            return Some(model.clone());
        }
        // OpenRouter serves hundreds of models under names with a slash of their own, and behind
        // a base URL of the operator's choice there are the operator's models.
        let named = self.providers.get(&provider).is_some_and(|c| c.named);
        (named || provider == ProviderId::OpenRouter).then(|| self.own_model(provider, name))
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

    /// What a model can do over the protocol that it is asked by.
    pub(in crate::llm) fn capabilities(&self, model: &Model) -> Capabilities {
        let known = model.capabilities;
        let served = self.providers.get(&model.provider);
        let over_responses = served.is_some_and(|it| it.over_responses);
        Capabilities {
            tools: known.tools && (model.tools_over_chat || over_responses),
            ..known
        }
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
