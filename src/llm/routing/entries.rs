//! The entries of the registry as they are written, in NAVI's own file and in an operator's.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::llm::catalog::{Capabilities, Catalog, CatalogError, Mode, Model, provider_of};
use crate::llm::effort::Effort;

/// A window is no smaller and no larger than this, in tokens: what else is written is a mistake.
const WINDOWS: std::ops::RangeInclusive<u32> = 2_048..=100_000_000;
/// The part of its window that a model answers with when nothing is said.
const ASSUMED_OUTPUT_PART: u32 = 4;

/// A model as it is written. What is left out is as with other models, or as it was before.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::llm) struct CatalogEntry {
    /// `provider/name`.
    pub(in crate::llm) id: String,
    /// The provider's own name; what stands behind the provider when absent.
    name: Option<String>,
    /// True if it calls tools, which is the default.
    tools: Option<bool>,
    /// True if it calls them over Chat Completions too, which is the default.
    tools_over_chat: Option<bool>,
    /// True if it sees images; false by default.
    vision: Option<bool>,
    /// In tokens.
    context_window: Option<u32>,
    /// In tokens.
    max_output_tokens: Option<u32>,
    /// The amounts of reasoning that it knows.
    effort: Option<Vec<Effort>>,
    /// The id of the model that replaces it.
    retired: Option<String>,
}

/// The registry as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::llm) struct CatalogEntries {
    /// The models.
    #[serde(default)]
    pub(in crate::llm) models: Vec<CatalogEntry>,
    /// The modes.
    #[serde(default)]
    pub(in crate::llm) modes: Vec<Mode>,
    /// Other names of both, in lower case.
    #[serde(default)]
    pub(in crate::llm) aliases: BTreeMap<String, String>,
}

impl CatalogEntries {
    /// Those that NAVI brings along.
    pub(in crate::llm) fn embedded() -> Result<Self, CatalogError> {
        Ok(serde_json::from_str(include_str!("../catalog.json"))?)
    }

    /// The registry of these entries.
    pub(in crate::llm) fn into_catalog(self) -> Result<Catalog, CatalogError> {
        let models = self.models.into_iter().map(CatalogEntry::into_model);
        let models = models.collect::<Result<_, CatalogError>>()?;
        Catalog::new(models, self.modes, self.aliases)
    }
}

impl CatalogEntry {
    /// The same with what another entry for the model says.
    pub(in crate::llm) fn amended(self, by: Self) -> Self {
        Self {
            id: self.id,
            name: by.name.or(self.name),
            tools: by.tools.or(self.tools),
            tools_over_chat: by.tools_over_chat.or(self.tools_over_chat),
            vision: by.vision.or(self.vision),
            context_window: by.context_window.or(self.context_window),
            max_output_tokens: by.max_output_tokens.or(self.max_output_tokens),
            effort: by.effort.or(self.effort),
            retired: by.retired.or(self.retired),
        }
    }

    /// The model that is meant, if it can be.
    pub(in crate::llm) fn into_model(self) -> Result<Model, CatalogError> {
        let id = self.id;
        let wrong = |what: String| CatalogError::Wrong(format!("`{id}` {what}"));
        let provider = provider_of(&id);
        let provider = provider.ok_or_else(|| wrong("names no known provider".to_owned()))?;
        let own = id.split_once('/').map_or("", |(_, name)| name).to_owned();
        if own.trim().is_empty() {
            return Err(wrong("names no model behind its provider".to_owned()));
        }
        let (window, output) = match (&self.retired, self.context_window) {
            (Some(_), _) => (0, 0),
            (None, None) => return Err(wrong("has no `context_window`".to_owned())),
            (None, Some(window)) if !WINDOWS.contains(&window) => {
                let (least, most) = WINDOWS.into_inner();
                let range = format!("has a `context_window` of {window}; it is {least} to {most}");
                return Err(wrong(range));
            }
            (None, Some(window)) => {
                let assumed = window / ASSUMED_OUTPUT_PART;
                (window, self.max_output_tokens.unwrap_or(assumed))
            }
        };
        if self.retired.is_none() && !(1..window).contains(&output) {
            let most =
                format!("has `max_output_tokens` of {output}; a window of {window} holds less");
            return Err(wrong(most));
        }
        Ok(Model {
            provider,
            capabilities: Capabilities {
                streaming: true,
                tools: self.tools.unwrap_or(true),
                json: true,
                vision: self.vision.unwrap_or(false),
            },
            tools_over_chat: self.tools_over_chat.unwrap_or(true),
            name: self.name.unwrap_or(own),
            context_window: window,
            max_output_tokens: output,
            effort: self.effort,
            retired: self.retired,
            id,
        })
    }
}
