//! The likely meaning of an unknown name.

use strsim::normalized_damerau_levenshtein;

use crate::llm::catalog::{Capabilities, Model, provider_of};
use crate::llm::routing::models::Models;
use crate::platform::text::first_chars;

/// The least likeness of two names of which one may be meant by the other: a letter in four may be wrong.
const ALIKE: f64 = 0.75;
/// Names are compared by their first characters alone.
const COMPARED_CHARS: usize = 64;

/// The model that may be meant by an id that is unknown: one that can answer, else one of the registry whose
/// provider is not configured.
pub(in crate::llm) fn model_meant(
    models: &Models,
    wanted: &str,
    needs: Capabilities,
    private: bool,
) -> Option<String> {
    let registered = models.catalog.models().iter();
    let can_answer = registered.filter(|model| models.obstacle(model, needs, private).is_none());
    let mut known: Vec<String> = can_answer.map(|model| model.id.clone()).collect();
    for id in models.providers.keys() {
        if private && !id.is_private() {
            continue;
        }
        let served = models.standings.served(id.as_str()).unwrap_or_default();
        known.extend(served.iter().map(|name| format!("{id}/{name}")));
    }
    if !private {
        known.extend(models.catalog.aliases().keys().cloned());
    }
    let unset = |model: &&Model| {
        !private && model.retired.is_none() && !models.providers.contains_key(&model.provider)
    };
    nearest(wanted, &known).or_else(|| {
        let unset = models.catalog.models().iter().filter(unset);
        nearest(
            wanted,
            &unset.map(|model| model.id.clone()).collect::<Vec<_>>(),
        )
    })
}

/// The mode that may be meant by one that is unknown.
pub(in crate::llm) fn mode_meant(models: &Models, wanted: &str) -> Option<String> {
    let known = models.catalog.modes().iter();
    let known: Vec<_> = known.map(|mode| mode.id.clone()).collect();
    nearest(wanted, &known)
}

/// The known name that is most like another. What a provider calls its model counts; of several that are
/// the same there, the one whose whole id is most like it.
fn nearest(wanted: &str, known: &[String]) -> Option<String> {
    let scored = known.iter().filter_map(|name| {
        let own = likeness(bare(wanted), bare(name));
        (own >= ALIKE).then(|| (own, likeness(wanted, name), name))
    });
    let best = scored.reduce(|best, next| {
        if (next.0, next.1) > (best.0, best.1) {
            next
        } else {
            best
        }
    });
    best.map(|(_, _, name)| name.clone())
}

/// The name behind the provider, or behind the word for modes; without the tag that Ollama adds by itself.
fn bare(name: &str) -> &str {
    let name = name.strip_suffix(":latest").unwrap_or(name);
    match name.split_once('/') {
        Some((_, own)) if provider_of(name).is_some() || name.starts_with("navi/") => own,
        Some(_) | None => name,
    }
}

fn likeness(one: &str, other: &str) -> f64 {
    let short = |name: &str| first_chars(name, COMPARED_CHARS).to_ascii_lowercase();
    normalized_damerau_levenshtein(&short(one), &short(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_what_was_meant_and_another_name_finds_nothing() {
        let known = [
            "openai/gpt-5-mini",
            "openrouter/gpt-5-mini",
            "openai/gpt-5.2",
            "anthropic/claude-sonnet-5.5",
            "self_hosted/Qwen3-8B",
            "sonnet",
        ];
        let known: Vec<_> = known.iter().map(|name| (*name).to_owned()).collect();
        for (wanted, meant) in [
            ("openai/gtp-5-mini", Some("openai/gpt-5-mini")),
            ("openrouter/gtp-5-mini", Some("openrouter/gpt-5-mini")),
            ("gpt5-mini", Some("openai/gpt-5-mini")),
            ("claude-sonet-5.5", Some("anthropic/claude-sonnet-5.5")),
            ("sonnett", Some("sonnet")),
            ("self_hosted/qwen3-8b", Some("self_hosted/Qwen3-8B")),
            ("openai/gpt-99", None),
            ("nobody-knows-this", None),
            ("self_hosted/a", None),
            ("", None),
        ] {
            assert_eq!(nearest(wanted, &known).as_deref(), meant, "{wanted}");
        }
    }
}
