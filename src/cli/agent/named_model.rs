//! The model that a command names: there, and not another one.

use serde_json::Value;
use strsim::damerau_levenshtein;

use crate::cli::agent::session::Session;
use crate::cli::failure::Failure;
use crate::llm::routing::registry;
use crate::platform::text::visible;

/// The most letters that may be wrong in a name that is meant.
const SLIPS: usize = 2;
/// Providers that list no models.
const UNLISTED: &[&str] = &["ollama/", "openrouter/", "scripted/", "self_hosted/"];
/// The word that lets another model do the work.
pub const ALLOW: &str = "`--allow-fallback` goes on all the same";

/// Refuses a model that the server does not have, before anything is asked of another one.
pub async fn check(session: &Session, name: &str) -> Result<(), Failure> {
    let registry = session.get("api/models").await?;
    match objection(name.trim(), &registry) {
        Some(words) => Err(Failure::OtherModel(format!("{words}; {ALLOW}"))),
        None => Ok(()),
    }
}

/// Why a model cannot be what is meant. What the server may know better is left to it: its first frame says
/// who works.
fn objection(name: &str, registry: &Value) -> Option<String> {
    let ids = |list: &str| -> Vec<&Value> {
        let listed = registry[list].as_array().into_iter().flatten();
        listed.collect()
    };
    let (models, kinds) = (ids("models"), ids("modes"));
    let id = |model: &Value| model["id"].as_str().unwrap_or_default().to_owned();
    let bare = |id: &str| id.split_once('/').map(|(_, name)| name.to_owned());
    if kinds.iter().any(|kind| id(kind) == name) || is_alias(name) {
        return None;
    }
    let found = models.iter().find(|model| {
        let id = id(model);
        id == name || bare(&id).as_deref() == Some(name)
    });
    if let Some(model) = found {
        return unusable(&id(model), model["reason"].as_str()?);
    }
    if UNLISTED.iter().any(|provider| name.starts_with(provider)) {
        return None;
    }
    let is_bare = !name.contains('/');
    let known: Vec<String> = models
        .iter()
        .chain(&kinds)
        .map(|model| id(model))
        .filter_map(|id| if is_bare { bare(&id) } else { Some(id) })
        .collect();
    let near = nearest(name, known.iter().map(String::as_str))?;
    let name = visible(name);
    Some(format!(
        "there is no model `{name}`; did you mean `{near}`?"
    ))
}

fn is_alias(name: &str) -> bool {
    registry::embedded().is_ok_and(|catalog| catalog.alias(name).is_some())
}

fn unusable(id: &str, reason: &str) -> Option<String> {
    match reason {
        "provider_not_configured" => Some(format!(
            "`{id}` cannot be asked, because its provider is not configured"
        )),
        "model_retired" => Some(format!(
            "`{id}` cannot be asked, because its provider no longer serves it"
        )),
        _ => None,
    }
}

/// The known name that is meant by one that is not known, if one is alike enough. Names that differ in
/// their numbers alone are different versions, and no slip.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters = |text: &str| -> String {
        text.chars()
            .filter(|c| !(c.is_ascii_digit() || *c == '.'))
            .collect()
    };
    let like = |other: &str| {
        let slips = damerau_levenshtein(name, other);
        (slips <= SLIPS && letters(name) != letters(other)).then_some(slips)
    };
    let likely = known.filter_map(|other| Some((like(other)?, other)));
    likely
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn registry() -> Value {
        json!({
            "models": [
                {"id": "openai/gpt-5-mini", "reason": null},
                {"id": "anthropic/claude-sonnet-5", "reason": "provider_not_configured"},
                {"id": "self_hosted/qwen2.5-coder", "reason": null},
            ],
            "modes": [{"id": "navi/fast"}],
            "default": "navi/fast",
        })
    }

    #[test]
    fn a_slip_is_answered_with_what_is_meant() {
        for (name, meant) in [
            ("openai/gtp-5-mini", "openai/gpt-5-mini"),
            ("gtp-5-mini", "gpt-5-mini"),
            ("navi/fsat", "navi/fast"),
        ] {
            let said = objection(name, &registry()).unwrap();
            assert!(said.contains(&format!("did you mean `{meant}`?")), "{said}");
        }
    }

    #[test]
    fn what_is_there_or_may_be_is_left_to_the_server() {
        for name in [
            "openai/gpt-5-mini",
            "gpt-5-mini",
            "navi/fast",
            "fast",
            "self_hosted/qwen2.5-coder:7b",
            "ollama/anything",
            "openai/gpt-6-mini",
            "openai/of-our-own",
        ] {
            assert_eq!(objection(name, &registry()), None, "{name}");
        }
    }

    #[test]
    fn a_model_whose_provider_is_not_configured_is_not_replaced_silently() {
        let said = objection("anthropic/claude-sonnet-5", &registry()).unwrap();
        assert!(said.contains("is not configured"), "{said}");
    }
}
