//! Answers of the router.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::llm::catalog::Capabilities;
use crate::llm::config::ProviderId;
use crate::llm::effort::Effort;
use crate::llm::error::LlmError;
use crate::llm::provider::Provider;

/// The reason of a candidate whose server serves several models.
pub(in crate::llm) const SEVERAL_SERVED: &str = "several_models_served";

/// Why no model can answer. The candidates say why each of them cannot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// A private answer was asked for and no server of the operator's own can give it.
    #[error("{}", no_private(why.as_deref(), lacks))]
    PrivateModeBlocked {
        /// The models that were considered.
        candidates: Vec<Candidate>,
        /// The lacks of the operator's own servers, as sentences.
        lacks: Vec<String>,
        /// Why the model that is named cannot, if one is.
        why: Option<String>,
        /// The failure of one of them, if that may pass.
        outage: Option<Box<LlmError>>,
    },
    /// No provider is configured, or none can do what the request needs.
    #[error(
        "{}: {}",
        match why {
            Some(why) => format!("{why}, and no other model can answer"),
            None if is_choice(candidates) => "no model is named".to_owned(),
            None => "no model can answer".to_owned(),
        },
        or_else(
            lacks,
            "set a provider's key, such as ANTHROPIC_API_KEY, or OPENAI_BASE_URL",
            ""
        )
    )]
    NoModels {
        /// The models that were considered.
        candidates: Vec<Candidate>,
        /// The lacks of the operator's own servers, as sentences.
        lacks: Vec<String>,
        /// Why the model that is named cannot, if one is.
        why: Option<String>,
        /// The failure of one of those servers, if that may pass.
        outage: Option<Box<LlmError>>,
    },
}

/// Why no server of the operator's own answers. Where a model of such a server was named, the reason is the name.
fn no_private(why: Option<&str>, lacks: &[String]) -> String {
    let Some(why) = why else {
        let needed = or_else(
            lacks,
            "OLLAMA_BASE_URL or SELF_HOSTED_API_BASE_URL",
            "a server of your own, and ",
        );
        return format!(
            "a private answer needs {needed}: no data may be sent to a hosted provider"
        );
    };
    let lacks = or_else(lacks, "", "; ");
    format!("{why}, and no hosted provider may answer instead{lacks}")
}

/// True if a server serves several models, and a request has to name one of them.
fn is_choice(candidates: &[Candidate]) -> bool {
    let mut reasons = candidates.iter().filter_map(|one| one.reason.as_deref());
    reasons.any(|reason| reason == SEVERAL_SERVED)
}

/// The lacks of servers behind a beginning, or what to say when there are none.
fn or_else(lacks: &[String], nothing: &str, beginning: &str) -> String {
    if lacks.is_empty() {
        return nothing.to_owned();
    }
    format!("{beginning}{}", lacks.join("; "))
}

/// The end of the sentence about a model that cannot answer.
pub(in crate::llm) fn instead(effective_model_id: &str) -> String {
    format!("; `{effective_model_id}` answers instead")
}

impl RouteError {
    /// The code that clients know.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PrivateModeBlocked { .. } => "PRIVATE_MODE_BLOCKED",
            Self::NoModels { .. } => "NO_MODELS_AVAILABLE",
        }
    }

    /// True if a request that names a model may well be answered.
    pub fn is_for_want_of_a_name(&self) -> bool {
        match self {
            Self::PrivateModeBlocked { .. } => false,
            Self::NoModels { candidates, .. } => is_choice(candidates),
        }
    }

    /// The failure of a server of the operator's own that may pass: nothing else says which model it serves,
    /// so the same request may be answered a moment later.
    pub fn outage(&self) -> Option<&LlmError> {
        match self {
            Self::PrivateModeBlocked { outage, .. } | Self::NoModels { outage, .. } => {
                outage.as_deref()
            }
        }
    }
}

/// A model that was considered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Candidate {
    /// Its id.
    pub model_id: String,
    /// True if it could answer.
    pub routable: bool,
    /// Why not: `model_not_found`, `model_retired`, `provider_not_configured`,
    /// `strict_private_saas_blocked` or `missing_capability:…`; of a server of one's own whose model no
    /// setting names also `several_models_served`, `no_models_served` or why it does not answer.
    pub reason: Option<String>,
}

/// Who answers a request, and what became of its wishes.
#[derive(Clone)]
pub struct Route {
    /// The model or mode as the client named it.
    pub requested_model_id: Option<String>,
    /// The mode, when the client named one.
    pub requested_mode_id: Option<String>,
    /// The id of the model that answers.
    pub effective_model_id: String,
    /// Who serves it.
    pub provider_id: ProviderId,
    /// The provider's own name of the model: what goes into `ChatRequest::model`.
    pub provider_model: String,
    /// True if another model answers than the one that was asked for.
    pub was_fallback: bool,
    /// `UNKNOWN_MODEL_ID`, `UNKNOWN_MODE_ID`, `PROVIDER_NOT_CONFIGURED`, `MODEL_RETIRED` or
    /// `MODEL_LACKS_CAPABILITY`.
    pub fallback_reason_code: Option<&'static str>,
    /// The same as a sentence.
    pub fallback_reason: Option<String>,
    /// The name that may have been meant by one that is not known.
    pub suggestion: Option<String>,
    /// The size of a request and its answer together, in tokens.
    pub context_window: u32,
    /// The longest answer, in tokens.
    pub max_output_tokens: u32,
    /// The amount of reasoning of the mode that chose, if one did and says so.
    pub mode_effort: Option<Effort>,
    /// The amounts of reasoning that the model knows, if that is known.
    pub levels: Option<Vec<Effort>>,
    /// Counts every request.
    pub provider: Arc<dyn Provider>,
}

impl Route {
    /// Why the model that was asked for does not answer; none when it does.
    pub fn obstacle(&self) -> Option<String> {
        let told = self.fallback_reason.as_deref()?;
        let why = told.strip_suffix(&instead(&self.effective_model_id));
        Some(why.unwrap_or(told).to_owned())
    }

    /// The amount of reasoning to ask for: what the request says, else what the mode does, as far as the
    /// model knows amounts. A model that nothing is known of is asked only for what the request says.
    pub fn effort(&self, requested: Option<Effort>) -> Option<Effort> {
        match &self.levels {
            Some(levels) => requested.or(self.mode_effort)?.among(levels),
            None => requested,
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("requested_model_id", &self.requested_model_id)
            .field("effective_model_id", &self.effective_model_id)
            .field("fallback_reason_code", &self.fallback_reason_code)
            .finish_non_exhaustive()
    }
}

/// The model that a request would get which names one, for clients that want to know before they ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NamedModel {
    /// The name.
    pub name: String,
    /// The model that would answer; null when none can.
    pub effective_model_id: Option<String>,
    /// Why that is not the one that is named, as a sentence; null when it is.
    pub obstacle: Option<String>,
    /// The name that may be meant by one that is not known.
    pub suggestion: Option<String>,
}

/// A model as `GET /api/models` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ModelListing {
    /// `provider/name`.
    pub id: String,
    /// The provider's name.
    pub provider: &'static str,
    /// The provider's own name of the model.
    pub provider_model: String,
    /// Its capabilities.
    pub capabilities: Capabilities,
    /// In tokens.
    pub context_window: u32,
    /// In tokens.
    pub max_output_tokens: u32,
    /// The amounts of reasoning that it knows: none when it does not reason, null when that is not known.
    pub effort: Option<Vec<Effort>>,
    /// True if it would answer a request for it, as the last call or question to its provider says.
    pub routable: bool,
    /// Why not, as a word.
    pub reason: Option<String>,
}
