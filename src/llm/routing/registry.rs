//! The registry as a process has it: what NAVI brings along, and the file of the settings over it.

use crate::llm::catalog::{Catalog, CatalogError};
use crate::llm::config::LlmConfig;
use crate::llm::routing::catalog_file::CatalogFile;
use crate::llm::routing::entries::CatalogEntries;

/// The registry that NAVI brings along.
pub fn embedded() -> Result<Catalog, CatalogError> {
    CatalogEntries::embedded()?.into_catalog()
}

/// The registry of an operator.
pub fn configured(config: &LlmConfig) -> Result<Catalog, CatalogError> {
    match file(config)? {
        Some(file) => file.over_embedded(),
        None => embedded(),
    }
}

/// The file of the settings, if they name one.
pub fn file(config: &LlmConfig) -> Result<Option<CatalogFile>, CatalogError> {
    let path = config.model_catalog.as_deref();
    path.map(CatalogFile::read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::catalog::provider_of;
    use std::collections::BTreeSet;

    #[test]
    fn the_embedded_registry_is_consistent() {
        let catalog = embedded().unwrap();
        let ids: BTreeSet<&str> = catalog.models().iter().map(|m| m.id.as_str()).collect();
        assert_eq!(ids.len(), catalog.models().len(), "ids are unique");
        let active = |id: &str| {
            catalog
                .model(id)
                .is_some_and(|model| model.retired.is_none())
        };
        for model in catalog.models() {
            if let Some(replacement) = &model.retired {
                assert!(active(replacement), "{}", model.id);
                continue;
            }
            assert!(!model.name.is_empty(), "{}", model.id);
            assert!(model.max_output_tokens >= 4_096, "{}", model.id);
            assert!(
                model.context_window > model.max_output_tokens,
                "{}",
                model.id
            );
        }
        for mode in catalog.modes() {
            for id in &mode.candidates {
                let provider = provider_of(id).unwrap();
                assert!(id.ends_with("/default") || active(id), "{id}");
                assert!(!mode.private || provider.is_private(), "{id}");
            }
        }
        for (alias, target) in catalog.aliases() {
            assert_eq!(alias, &alias.to_ascii_lowercase());
            assert!(active(target) || catalog.mode(target).is_some(), "{target}");
        }
    }

    #[test]
    fn a_model_is_found_by_its_id_and_by_its_providers_name() {
        let catalog = embedded().unwrap();
        let by_id = catalog.model("anthropic/claude-sonnet-5.5").unwrap();
        let by_name = catalog.model("anthropic/claude-sonnet-5-5").unwrap();
        assert_eq!(by_id, by_name);
        assert_eq!(
            catalog
                .model("openrouter/anthropic/claude-sonnet-5.5")
                .unwrap()
                .id,
            "openrouter/claude-sonnet-5.5"
        );
        assert!(catalog.model("anthropic/").is_none());
    }

    #[test]
    fn every_configured_provider_has_models_with_a_label_of_their_own() {
        let catalog = embedded().unwrap();
        let key = || Some("not-a-key".into());
        let config = LlmConfig {
            anthropic_api_key: key(),
            openai_api_key: key(),
            google_api_key: key(),
            groq_api_key: key(),
            ..LlmConfig::default()
        };
        let labels = catalog.model_labels(&config, false);
        assert_eq!(labels.len(), 14);
        let mut providers = BTreeSet::new();
        for model in catalog.models() {
            if labels.contains(&model.name) {
                providers.insert(model.provider.as_str());
            }
        }
        for provider in ["anthropic", "openai", "google", "groq"] {
            assert!(providers.contains(provider), "{provider}: {labels:?}");
        }
    }
}
