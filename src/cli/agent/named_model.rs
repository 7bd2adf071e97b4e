//! The model that a command names: there, and not another one.

use serde_json::Value;
use strsim::damerau_levenshtein;

use crate::cli::agent::session::Session;
use crate::cli::failure::Failure;
use crate::llm::config::ProviderId;
use crate::llm::routing::registry;
use crate::platform::text::{visible, visible_prose};

/// The most letters that may be wrong in a name that is meant.
const SLIPS: usize = 2;
/// The most models that are named in the place of one that is not there.
const MOST_NAMED: usize = 3;
/// Providers that list no models.
const UNLISTED: &[&str] = &["ollama/", "openrouter/", "self_hosted/"];
/// The provider that plays a script under one name.
pub const SCRIPTED: &str = "scripted/";
/// The name of the model that a provider serves by default.
const DEFAULT: &str = "/default";

/// Refuses a name that is none.
pub fn check_name(name: Option<&str>) -> Result<(), Failure> {
    match name {
        Some(name) if name.trim().is_empty() => Err(Failure::OtherModel(
            "`--model` names no model; leave it out for the default".to_owned(),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Refuses a model that the server does not have, before anything is asked of another one.
pub async fn check(session: &Session, name: &str, has_fallback: bool) -> Result<(), Failure> {
    let name = name.trim();
    let registry = session.models(name).await?;
    let Some(words) = objection(name, &registry) else {
        return Ok(());
    };
    // Where no model can answer, nothing goes on.
    let named = &registry["named"];
    let is_hopeless = named.is_object() && named["effective_model_id"].is_null();
    Err(Failure::OtherModel(if is_hopeless {
        words
    } else {
        or_another(&words, has_fallback)
    }))
}

/// Why a model does no work, and how another one may do it, where the command has a flag for that.
pub fn or_another(why: &str, has_fallback: bool) -> String {
    let comma = if why.ends_with('?') { "" } else { ";" };
    if has_fallback {
        return format!("{why}{comma} `--allow-fallback` goes on all the same");
    }
    why.to_owned()
}

/// Why a model cannot be what is meant: by the names that are listed, else by what the server says that it
/// would do. Servers of earlier versions say it with the first frame of the run.
fn objection(name: &str, registry: &Value) -> Option<String> {
    let named = &registry["named"];
    unlisted(name, registry).or_else(|| {
        let said = visible_prose(named["obstacle"].as_str()?);
        let ways = if named["suggestion"].is_null() {
            of_that_name(name, registry)
        } else {
            String::new()
        };
        Some(format!("{said}{ways}"))
    })
}

/// The models that can answer and have a name in theirs, as the end of a sentence, with where all of them are.
fn of_that_name(name: &str, registry: &Value) -> String {
    let models = registry["models"].as_array().into_iter().flatten();
    let usable = models.filter(|model| model["reason"].is_null());
    let ids: Vec<_> = usable.filter_map(|model| model["id"].as_str()).collect();
    if ids.is_empty() {
        return String::new();
    }
    let wanted = name.to_lowercase();
    let like: Vec<String> = ids
        .into_iter()
        .filter(|id| id.to_lowercase().contains(&wanted))
        .take(MOST_NAMED)
        .map(|id| format!("`{}`", visible(id)))
        .collect();
    if like.is_empty() {
        return "; `navi models` lists those that can answer".to_owned();
    }
    format!("; there are {}", like.join(", "))
}

/// Why a model is none of those that are listed, where that can be told.
fn unlisted(name: &str, registry: &Value) -> Option<String> {
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
    let near = nearest(name, known.iter().map(String::as_str));
    let is_script = name.starts_with(SCRIPTED) && !name.ends_with(DEFAULT);
    let scripted = known
        .iter()
        .find(|id| is_script && id.starts_with(SCRIPTED));
    let near = near.or(scripted.map(String::as_str))?;
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
        "provider_not_configured" => {
            let provider = id.split('/').next().and_then(ProviderId::from_name);
            let (base, key) = provider.and_then(ProviderId::settings)?;
            let setting = key.unwrap_or(base);
            Some(format!(
                "`{id}` cannot be asked, because its provider is not configured ({setting} is not set)"
            ))
        }
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
                {"id": "scripted/demo", "reason": null},
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
            ("scripted/dmo", "scripted/demo"),
            ("scripted/anything", "scripted/demo"),
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
            "scripted/default",
        ] {
            assert_eq!(objection(name, &registry()), None, "{name}");
        }
    }

    #[test]
    fn what_the_server_would_do_counts_where_no_list_tells() {
        let mut registry = registry();
        registry["named"] = json!({"obstacle": "`mistral/large` is not in the model registry"});
        let said = objection("mistral/large", &registry).unwrap();
        assert_eq!(
            said,
            "`mistral/large` is not in the model registry; `navi models` lists those that can answer"
        );
        registry["named"] = json!({"obstacle": "`gpt` is not in the model registry"});
        let said = objection("gpt", &registry).unwrap();
        assert!(said.ends_with("; there are `openai/gpt-5-mini`"), "{said}");
        registry["named"]["obstacle"] = Value::Null;
        assert_eq!(objection("openai/of-our-own", &registry), None);
    }

    #[test]
    fn an_empty_name_is_none() {
        for name in ["", " "] {
            assert!(check_name(Some(name)).is_err(), "{name:?}");
        }
        assert!(check_name(None).is_ok() && check_name(Some("fast")).is_ok());
    }

    #[test]
    fn a_model_whose_provider_is_not_configured_is_not_replaced_silently() {
        let said = objection("anthropic/claude-sonnet-5", &registry()).unwrap();
        assert!(said.contains("is not configured"), "{said}");
    }
}
