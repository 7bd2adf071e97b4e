//! The order in which models are considered for a request.

use crate::llm::catalog::{Capabilities, Mode, Model, provider_of};
use crate::llm::config::ProviderId;
use crate::llm::effort::Effort;
use crate::llm::route::{Candidate, Route, RouteError, instead};
use crate::llm::routing::meant::{mode_meant, model_meant};
use crate::llm::routing::models::{Models, NOT_FOUND};

/// One request's way to its model.
pub(in crate::llm) struct Search<'a> {
    models: &'a Models,
    requested: Option<&'a str>,
    requested_mode: Option<String>,
    needs: Capabilities,
    /// Nothing may leave for a hosted provider.
    private: bool,
    /// The amount of reasoning of the mode that chooses.
    effort: Option<Effort>,
    candidates: Vec<Candidate>,
    /// The name that may be meant by one that is not known.
    meant: Option<String>,
}

/// The reason for which another model answers: a code and a sentence.
type Fallback = (&'static str, String);

impl<'a> Search<'a> {
    /// A search that has considered nothing yet.
    pub(in crate::llm) fn new(
        models: &'a Models,
        requested: Option<&'a str>,
        needs: Capabilities,
    ) -> Self {
        Self {
            models,
            requested,
            requested_mode: None,
            needs,
            private: false,
            effort: None,
            candidates: Vec::new(),
            meant: None,
        }
    }

    /// The client named a mode.
    pub(in crate::llm) fn named_mode(mut self, name: &str) -> Result<Route, RouteError> {
        self.requested_mode = Some(name.to_owned());
        let models = self.models;
        if let Some(mode) = models.catalog.mode(name) {
            return self.mode(mode, None);
        }
        self.meant = mode_meant(models, name);
        let why = format!("mode `{name}` not found{}", self.question());
        self.fall_back("UNKNOWN_MODE_ID", why)
    }

    /// The question for what may be meant, as a part of a sentence.
    fn question(&self) -> String {
        let meant = self.meant.as_deref();
        meant.map_or_else(String::new, |meant| format!(" (did you mean `{meant}`?)"))
    }

    /// The model, if it can answer; what was found is noted either way.
    fn consider(&mut self, id: &str) -> Result<Model, String> {
        let found = self.models.find(id);
        let id = found.as_ref().map_or(id, |model| &model.id).to_owned();
        let verdict = match found {
            Ok(model) => match self.models.obstacle(&model, self.needs, self.private) {
                None => Ok(model),
                Some(reason) => Err(reason),
            },
            Err(reason) => Err(reason.to_owned()),
        };
        if !self.candidates.iter().any(|seen| seen.model_id == id) {
            self.candidates.push(Candidate {
                model_id: id,
                routable: verdict.is_ok(),
                reason: verdict.as_ref().err().cloned(),
            });
        }
        verdict
    }

    /// The client named nothing, or a provider alone.
    pub(in crate::llm) fn unnamed(mut self, hint: Option<ProviderId>) -> Result<Route, RouteError> {
        if let Some(provider) = hint {
            let models = self.models;
            let of_modes = models
                .catalog
                .modes()
                .iter()
                .flat_map(|mode| &mode.candidates);
            let of_registry = models.catalog.models().iter().map(|model| &model.id);
            let ids: Vec<&String> = of_modes
                .chain(of_registry)
                .filter(|id| provider_of(id) == Some(provider))
                .collect();
            for id in ids {
                if let Ok(model) = self.consider(id) {
                    return self.arrive(&model, None);
                }
            }
            if let Some(lack) = models.lack_of(provider) {
                return self.fall_back("UNKNOWN_MODEL_ID", lack);
            }
            let reason = format!("the provider `{provider}` is not configured");
            return self.fall_back("PROVIDER_NOT_CONFIGURED", reason);
        }
        let models = self.models;
        self.default(models.catalog.default_mode(), None)
    }

    /// The client named a model.
    pub(in crate::llm) fn model(mut self, id: &str) -> Result<Route, RouteError> {
        let reason = match self.consider(id) {
            Ok(model) => return self.arrive(&model, None),
            Err(reason) => reason,
        };
        // Who names a server of the operator's own means to keep the conversation there.
        self.private = provider_of(id).is_some_and(ProviderId::is_private);
        let models = self.models;
        if reason == NOT_FOUND {
            self.meant = model_meant(models, id, self.needs, self.private);
        }
        let lack = provider_of(id).and_then(|provider| models.lack_of(provider));
        let (code, why) = match (reason.as_str(), lack) {
            (NOT_FOUND, _) => ("UNKNOWN_MODEL_ID", self.unknown(id)),
            ("provider_not_configured", _) => (
                "PROVIDER_NOT_CONFIGURED",
                format!("the provider of `{id}` is not configured"),
            ),
            ("model_retired", _) => (
                "MODEL_RETIRED",
                format!("the provider of `{id}` no longer serves it"),
            ),
            // The id stands for the model that its server serves, and nothing says which.
            (_, Some(lack)) if id.ends_with("/default") => ("UNKNOWN_MODEL_ID", lack),
            (lacking, _) => (
                "MODEL_LACKS_CAPABILITY",
                format!("`{id}` cannot do what the request needs ({lacking})"),
            ),
        };
        let successor = models
            .catalog
            .model(id)
            .and_then(|model| model.retired.clone());
        if let Some(successor) = successor
            && let Ok(model) = self.consider(&successor)
        {
            return self.arrive(&model, Some((code, why)));
        }
        self.fall_back(code, why)
    }

    /// The sentence about a model that is not known.
    fn unknown(&self, id: &str) -> String {
        let (provider, name) = id.split_once('/').unwrap_or_default();
        let provider = ProviderId::from_name(provider);
        let unlisted = provider.filter(|provider| self.models.is_unlisted(*provider, name));
        let known = match unlisted {
            Some(provider) => format!("among the models that `{provider}` serves"),
            None => "in the model registry".to_owned(),
        };
        let named = self.meant.as_deref().unwrap_or(id);
        let unset = provider_of(named).filter(|it| !self.models.providers.contains_key(it));
        let lack = unset.map_or_else(String::new, |provider| {
            format!(", and the provider `{provider}` is not configured")
        });
        format!("`{id}` is not {known}{}{lack}", self.question())
    }

    /// The default answers instead of what was asked for.
    fn fall_back(self, code: &'static str, why: String) -> Result<Route, RouteError> {
        let models = self.models;
        self.default(models.catalog.default_mode(), Some((code, why)))
    }

    /// The default model of the settings, which may be a mode, else the default mode.
    fn default(mut self, mode: &Mode, fallback: Option<Fallback>) -> Result<Route, RouteError> {
        let models = self.models;
        let Some(name) = models.default_model.as_deref() else {
            return self.mode(mode, fallback);
        };
        let name = models.catalog.alias(name).unwrap_or(name);
        if let Some(named) = models.catalog.mode(name) {
            return self.mode(named, fallback);
        }
        match self.consider(&models.full_id(name, None)) {
            Ok(model) => self.arrive(&model, fallback),
            Err(_) => self.mode(mode, fallback),
        }
    }

    fn mode(mut self, mode: &Mode, fallback: Option<Fallback>) -> Result<Route, RouteError> {
        self.private |= mode.private;
        self.effort = mode.effort;
        for id in &mode.candidates {
            if let Ok(model) = self.consider(id) {
                return self.arrive(&model, fallback);
            }
        }
        if self.private {
            return Err(RouteError::PrivateModeBlocked {
                lacks: self.models.lacks(),
                outage: self.models.outage().map(Box::new),
                candidates: self.candidates,
                why: fallback.map(|(_, why)| why),
            });
        }
        let default = self.models.catalog.default_mode();
        if mode.id != default.id {
            return self.mode(default, fallback);
        }
        Err(self.no_models(fallback))
    }

    fn no_models(self, fallback: Option<Fallback>) -> RouteError {
        RouteError::NoModels {
            lacks: self.models.lacks(),
            outage: self.models.outage().map(Box::new),
            candidates: self.candidates,
            why: fallback.map(|(_, why)| why),
        }
    }

    fn arrive(self, model: &Model, fallback: Option<Fallback>) -> Result<Route, RouteError> {
        let Some(provider) = self.models.provider(model.provider) else {
            return Err(self.no_models(fallback));
        };
        let (code, why) = fallback.unzip();
        Ok(Route {
            requested_model_id: self.requested.map(str::to_owned),
            requested_mode_id: self.requested_mode,
            effective_model_id: model.id.clone(),
            provider_id: model.provider,
            provider_model: model.name.clone(),
            was_fallback: code.is_some(),
            fallback_reason_code: code,
            suggestion: self.meant,
            fallback_reason: why.map(|why| why + &instead(&model.id)),
            context_window: model.context_window,
            max_output_tokens: self.models.answer_limit(model),
            mode_effort: self.effort,
            levels: model.effort.clone(),
            provider,
        })
    }
}
