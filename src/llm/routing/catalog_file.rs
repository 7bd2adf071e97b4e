//! The file of an operator that changes the registry of models and adds to it.
//!
//! It is read at the start, so that a mistake in it is told then and by `navi config check`, and never ends a
//! run. Fields that are not known are left out, with a word about each: a file may be of
//! another version.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};

use crate::llm::catalog::{Catalog, CatalogError, provider_of};
use crate::llm::routing::entries::{CatalogEntries, CatalogEntry};

/// The most of a file that is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;
/// The most models of a file.
const MAX_MODELS: usize = 2_000;
/// The longest id and name, in bytes.
const MAX_NAME: usize = 200;
/// The fields that are known, by the list they belong to.
const KNOWN: [(&str, &[&str]); 2] = [
    (
        "models",
        &[
            "id",
            "name",
            "tools",
            "tools_over_chat",
            "vision",
            "context_window",
            "max_output_tokens",
            "effort",
            "retired",
        ],
    ),
    ("modes", &["id", "private", "effort", "candidates"]),
];

/// A file that was read.
#[derive(Clone, Debug)]
pub struct CatalogFile {
    entries: CatalogEntries,
    warnings: Vec<String>,
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let known = std::fs::metadata(path)?;
    // Reading a pipe would wait for what may never come.
    if !known.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    if known.len() > MAX_BYTES {
        let reason = format!("it is larger than {MAX_BYTES} bytes");
        return Err(std::io::Error::other(reason));
    }
    std::fs::read(path)
}

impl CatalogFile {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, CatalogError> {
        let unusable = |reason: String| CatalogError::File {
            path: path.to_owned(),
            reason,
        };
        let text = read(path).map_err(|error| unusable(error.to_string()))?;
        Self::parse(&text).map_err(|error| unusable(error.to_string()))
    }

    fn parse(text: &[u8]) -> Result<Self, CatalogError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut value: Map<String, Value> = serde_json::from_slice(text)?;
        let warnings = left_out(&mut value);
        let mut entries: CatalogEntries = serde_json::from_value(Value::Object(value))?;
        entries.aliases = lower(std::mem::take(&mut entries.aliases));
        check(&entries)?;
        let file = Self { entries, warnings };
        check_targets(&file.over_embedded()?)?;
        Ok(file)
    }

    /// Warnings about the parts of it that were left out.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The registry that NAVI brings along, with this file over it.
    pub(in crate::llm) fn over_embedded(&self) -> Result<Catalog, CatalogError> {
        let mut all = CatalogEntries::embedded()?;
        for entry in self.entries.models.iter().cloned() {
            let known = all.models.iter_mut().find(|known| known.id == entry.id);
            match known {
                Some(known) => *known = std::mem::take(known).amended(entry),
                None => all.models.push(entry),
            }
        }
        for mode in self.entries.modes.iter().cloned() {
            match all.modes.iter_mut().find(|known| known.id == mode.id) {
                // A mode that asks for a private answer must not begin to send data out.
                Some(known) if known.private && !mode.private => {
                    let reason = format!("the mode `{}` has to stay private", mode.id);
                    return Err(CatalogError::Wrong(reason));
                }
                Some(known) => *known = mode,
                None => all.modes.push(mode),
            }
        }
        all.aliases.extend(self.entries.aliases.clone());
        all.into_catalog()
    }
}

/// Takes out the fields that are not known, and says which.
fn left_out(value: &mut Map<String, Value>) -> Vec<String> {
    let mut warnings = Vec::new();
    value.retain(|name, _| {
        let is_known = matches!(name.as_str(), "models" | "modes" | "aliases");
        if !is_known {
            warnings.push(format!("`{name}` is not known and left out"));
        }
        is_known
    });
    for (list, known) in KNOWN {
        let entries = value.get_mut(list).and_then(Value::as_array_mut);
        for entry in entries
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            let id = entry.get("id").and_then(Value::as_str).unwrap_or_default();
            let id = id.to_owned();
            entry.retain(|name, _| {
                let is_known = known.contains(&name.as_str());
                if !is_known {
                    warnings.push(format!("`{name}` of `{id}` is not known and left out"));
                }
                is_known
            });
        }
    }
    warnings
}

fn lower(aliases: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let aliases = aliases.into_iter();
    aliases
        .map(|(name, target)| (name.to_ascii_lowercase(), target))
        .collect()
}

fn check(entries: &CatalogEntries) -> Result<(), CatalogError> {
    let wrong = |reason: String| Err(CatalogError::Wrong(reason));
    if entries.models.len() > MAX_MODELS {
        return wrong(format!("it has more than {MAX_MODELS} models"));
    }
    let models = entries.models.iter().map(|entry: &CatalogEntry| &entry.id);
    let ids = models.chain(entries.modes.iter().map(|mode| &mode.id));
    let mut seen = BTreeSet::new();
    for id in ids {
        if id.len() > MAX_NAME || id.chars().any(char::is_control) {
            return wrong(format!("an id is not a name of at most {MAX_NAME} bytes"));
        }
        if !seen.insert(id) {
            return wrong(format!("`{id}` is there twice"));
        }
    }
    for mode in &entries.modes {
        if !mode.id.starts_with("navi/") {
            return wrong(format!(
                "the mode `{}` does not begin with `navi/`",
                mode.id
            ));
        }
        if mode.candidates.is_empty() {
            return wrong(format!("the mode `{}` has no candidates", mode.id));
        }
        let unknown = mode.candidates.iter().find(|id| match provider_of(id) {
            Some(provider) => mode.private && !provider.is_private(),
            None => true,
        });
        if let Some(id) = unknown {
            return wrong(format!("the mode `{}` cannot have `{id}`", mode.id));
        }
    }
    Ok(())
}

/// Checks that every replacement of a retired model is a model in service.
fn check_targets(catalog: &Catalog) -> Result<(), CatalogError> {
    let is_served = |id: &str| {
        let model = catalog.model(id);
        model.is_some_and(|model| model.retired.is_none())
    };
    for model in catalog.models() {
        if let Some(other) = model.retired.as_deref().filter(|other| !is_served(other)) {
            let reason = format!("`{other}`, which replaces `{}`, is not a model", model.id);
            return Err(CatalogError::Wrong(reason));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::effort::Effort;

    fn parse(text: &str) -> Result<CatalogFile, String> {
        CatalogFile::parse(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_changes_what_it_names_and_adds_what_is_new() {
        let file = parse(
            r#"{"models": [
                {"id": "openai/gpt-5.2", "context_window": 500000},
                {"id": "self_hosted/deepseek-v4-pro", "context_window": 1000000, "effort": ["none", "low", "high", "xhigh"]}
            ], "modes": [{"id": "navi/fast", "effort": "none", "candidates": ["self_hosted/deepseek-v4-pro"]}],
            "aliases": {"Our": "self_hosted/deepseek-v4-pro"}}"#,
        );
        let catalog = file.unwrap().over_embedded().unwrap();
        let changed = catalog.model("openai/gpt-5.2").unwrap();
        assert_eq!(
            (changed.context_window, changed.max_output_tokens),
            (500_000, 128_000)
        );
        assert!(changed.capabilities.vision);
        let new = catalog.model("self_hosted/deepseek-v4-pro").unwrap();
        assert_eq!(
            (new.name.as_str(), new.max_output_tokens),
            ("deepseek-v4-pro", 250_000)
        );
        assert_eq!(
            catalog.mode("navi/fast").unwrap().effort,
            Some(Effort::None)
        );
        assert_eq!(catalog.alias("our"), Some("self_hosted/deepseek-v4-pro"));
        assert_eq!(catalog.alias("fast"), Some("navi/fast"));
    }

    #[test]
    fn what_cannot_be_is_said_and_where() {
        for (text, expected) in [
            ("", "EOF"),
            ("[]", "expected a map"),
            (r#"{"models": 3}"#, "expected a sequence"),
            (
                r#"{"models": [{"id": "openai/x"}]}"#,
                "`openai/x` has no `context_window`",
            ),
            (
                r#"{"models": [{"id": "openai/x", "context_window": 0}]}"#,
                "`openai/x` has a `context_window` of 0",
            ),
            (
                r#"{"models": [{"id": "openai/x", "context_window": -1}]}"#,
                "-1",
            ),
            (
                r#"{"models": [{"id": "openai/x", "context_window": 1000000000000}]}"#,
                "1000000000000",
            ),
            (
                r#"{"models": [{"id": "openai/x", "context_window": 4000000000}]}"#,
                "it is 2048 to 100000000",
            ),
            (
                r#"{"models": [{"id": "openai/x", "context_window": 8192, "max_output_tokens": 8192}]}"#,
                "a window of 8192 holds less",
            ),
            (
                r#"{"models": [{"id": "openai/x", "context_window": 8192, "effort": ["max"]}]}"#,
                "max",
            ),
            (
                r#"{"models": [{"id": "acme/x", "context_window": 8192}]}"#,
                "`acme/x` names no known provider",
            ),
            (
                r#"{"models": [{"id": "openai/", "context_window": 8192}]}"#,
                "names no model",
            ),
            (
                r#"{"models": [{"id": "openai/x", "context_window": 8192}, {"id": "openai/x"}]}"#,
                "`openai/x` is there twice",
            ),
            (
                r#"{"models": [{"id": "openai/gpt-5.2", "retired": "openai/nothing"}]}"#,
                "is not a model",
            ),
            (
                r#"{"modes": [{"id": "mine", "candidates": ["openai/x"]}]}"#,
                "does not begin with `navi/`",
            ),
            (
                r#"{"modes": [{"id": "navi/x", "candidates": []}]}"#,
                "no candidates",
            ),
            (
                r#"{"modes": [{"id": "navi/x", "candidates": ["acme/x"]}]}"#,
                "cannot have `acme/x`",
            ),
            (
                r#"{"modes": [{"id": "navi/private", "candidates": ["ollama/x"]}]}"#,
                "has to stay private",
            ),
            (
                r#"{"modes": [{"id": "navi/private", "private": true, "candidates": ["openai/x"]}]}"#,
                "cannot have `openai/x`",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn fields_that_are_not_known_are_left_out_with_a_word_about_each() {
        let file = parse(
            r#"{"$schema": "x", "models": [{"id": "openai/gpt-5.2", "price": 3, "vision": false}]}"#,
        );
        let file = file.unwrap();
        assert_eq!(
            file.warnings(),
            [
                "`$schema` is not known and left out",
                "`price` of `openai/gpt-5.2` is not known and left out"
            ]
        );
        let catalog = file.over_embedded().unwrap();
        assert!(!catalog.model("openai/gpt-5.2").unwrap().capabilities.vision);
    }

    #[test]
    fn a_file_that_is_not_there_is_said() {
        let error = CatalogFile::read(Path::new("/nonexistent/models.json")).unwrap_err();
        assert!(
            error.to_string().contains("/nonexistent/models.json"),
            "{error}"
        );
    }
}
