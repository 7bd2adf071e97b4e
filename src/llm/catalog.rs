//! The registry: models, the modes that choose among them, and other names for both.
//!
//! The data stands in `catalog.json`, and an operator's file may stand over it. A model's id is `provider/name`; clients, rows and metrics
//! use the id, and only the wire uses the provider's own name.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::llm::config::{LlmConfig, ProviderId};
use crate::llm::effort::Effort;

/// Capabilities of a model, or needs of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Capabilities {
    /// Answers as a stream.
    pub streaming: bool,
    /// Calls tools.
    pub tools: bool,
    /// Answers with JSON when asked to.
    pub json: bool,
    /// Sees images.
    pub vision: bool,
}

impl Capabilities {
    /// Everything; assumed of models that only the operator knows.
    pub const ALL: Self = Self {
        streaming: true,
        tools: true,
        json: true,
        vision: true,
    };
    /// The needs of a chat.
    pub const CHAT: Self = Self {
        streaming: true,
        tools: false,
        json: false,
        vision: false,
    };
    /// The needs of the agent.
    pub const AGENT: Self = Self {
        streaming: true,
        tools: true,
        json: false,
        vision: false,
    };

    /// The first capability that `needs` has and this has not.
    pub fn missing(self, needs: Self) -> Option<&'static str> {
        [
            (self.streaming, needs.streaming, "streaming"),
            (self.tools, needs.tools, "tools"),
            (self.json, needs.json, "json"),
            (self.vision, needs.vision, "vision"),
        ]
        .into_iter()
        .find_map(|(has, needed, name)| (needed && !has).then_some(name))
    }
}

/// A model as the router sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// `provider/name`.
    pub id: String,
    /// Who serves it.
    pub provider: ProviderId,
    /// The provider's own name for it.
    pub name: String,
    /// Its capabilities.
    pub capabilities: Capabilities,
    /// True if Chat Completions give it tools; some models have them over Responses alone.
    pub tools_over_chat: bool,
    /// The size of a request and its answer together, in tokens.
    pub context_window: u32,
    /// The longest answer, in tokens.
    pub max_output_tokens: u32,
    /// The amounts of reasoning that can be asked of it: none of a model that does not reason, and unknown
    /// of one that nothing says so of.
    pub effort: Option<Vec<Effort>>,
    /// The id of the model that replaces it, when its provider no longer serves it.
    pub retired: Option<String>,
}

/// A way of choosing a model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Mode {
    /// `navi/…`.
    pub id: String,
    /// True if only servers of the operator's own may answer.
    #[serde(default)]
    pub private: bool,
    /// The amount of reasoning, of models that know amounts, where a request says none.
    #[serde(default)]
    pub effort: Option<Effort>,
    /// Model ids, best first; `provider/default` is the model that the provider's setting names.
    pub candidates: Vec<String>,
}

/// The registry could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// It is no JSON of the expected shape.
    #[error("the model registry is malformed: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It says something that cannot be.
    #[error("the model registry is not valid: {0}")]
    Wrong(String),
    /// The file of the settings cannot be used.
    #[error("the model file `{}` cannot be used: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The mode that everything falls back to is missing.
    #[error("the model registry has no mode `{DEFAULT_MODE}`")]
    NoDefaultMode,
}

/// The most models with metrics of their own. With every phase and bucket a model makes about sixty series,
/// and a server should have fewer than two thousand.
const MAX_MODEL_LABELS: usize = 14;

/// The scripted provider's model, when a request names none.
pub const SCRIPTED_MODEL: &str = "demo";

/// The mode of requests that name neither model nor mode.
pub const DEFAULT_MODE: &str = "navi/intelligence";

/// The registry.
#[derive(Clone, Debug)]
pub struct Catalog {
    models: Vec<Model>,
    modes: Vec<Mode>,
    aliases: BTreeMap<String, String>,
    default_mode: Mode,
}

impl Catalog {
    /// A registry of these models, modes and other names.
    pub(super) fn new(
        known: Vec<Model>,
        modes: Vec<Mode>,
        aliases: BTreeMap<String, String>,
    ) -> Result<Self, CatalogError> {
        let default_mode = modes
            .iter()
            .find(|mode| mode.id == DEFAULT_MODE)
            .cloned()
            .ok_or(CatalogError::NoDefaultMode)?;
        Ok(Self {
            models: known,
            modes,
            aliases,
            default_mode,
        })
    }

    /// Other names, with what they stand for.
    pub fn aliases(&self) -> &BTreeMap<String, String> {
        &self.aliases
    }

    /// The model of an id, or of a provider's own name behind the provider.
    pub fn model(&self, id: &str) -> Option<&Model> {
        let by_id = self.models.iter().find(|model| model.id == id);
        by_id.or_else(|| {
            let (provider, name) = id.split_once('/')?;
            self.models.iter().find(|model| {
                model.provider.as_str() == provider && model.name == name && model.retired.is_none()
            })
        })
    }

    /// The mode of an id.
    pub fn mode(&self, id: &str) -> Option<&Mode> {
        self.modes.iter().find(|mode| mode.id == id)
    }

    /// The mode of requests that name none.
    pub fn default_mode(&self) -> &Mode {
        &self.default_mode
    }

    /// The name that an alias stands for; names are compared without regard to case.
    pub fn alias(&self, name: &str) -> Option<&str> {
        self.aliases
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
    }

    /// The models whose names are metric labels: those of the configured providers, at most
    /// [`MAX_MODEL_LABELS`], so that the number of series stays bounded. All others are counted
    /// together. Providers take turns, or the first one's models would leave no name to the others.
    pub fn model_labels(&self, config: &LlmConfig, with_scripted: bool) -> Vec<String> {
        let configured: Vec<_> = config.configured().collect();
        let serves = |provider: &ProviderId| configured.contains(provider);
        let own = [ProviderId::SelfHosted, ProviderId::Ollama].into_iter();
        let own = own.filter(serves).filter_map(|id| config.own_model(id));
        let own = own.chain(with_scripted.then_some(SCRIPTED_MODEL));
        let known = self.models().iter().filter(|model| serves(&model.provider));
        let known = known.filter(|model| model.retired.is_none());
        let mut turns: BTreeMap<&ProviderId, usize> = BTreeMap::new();
        let mut known: Vec<_> = known
            .map(|model| {
                let turn = turns.entry(&model.provider).or_default();
                *turn += 1;
                (*turn, model)
            })
            .collect();
        known.sort_by_key(|(turn, _)| *turn);
        let mut labels: Vec<String> = Vec::new();
        for name in own.chain(known.iter().map(|(_, model)| model.name.as_str())) {
            if labels.len() < MAX_MODEL_LABELS && !labels.iter().any(|label| label == name) {
                labels.push(name.to_owned());
            }
        }
        labels
    }

    /// Every model, in the registry's order.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// Every mode, in the registry's order.
    pub fn modes(&self) -> &[Mode] {
        &self.modes
    }
}

/// The provider that an id names before its first slash.
pub(super) fn provider_of(id: &str) -> Option<ProviderId> {
    ProviderId::from_name(id.split_once('/')?.0)
}
