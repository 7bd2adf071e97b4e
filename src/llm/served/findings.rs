//! Findings about models for who looks after a machine: which providers are set, whether they answer, and
//! which model is the default.

use crate::llm::catalog::{Capabilities, DEFAULT_MODE};
use crate::llm::config::{LlmConfig, ProviderId};
use crate::llm::error::LlmError;
use crate::llm::router::Router;
use crate::llm::served::list::in_words;
use crate::llm::served::lists::ModelLists;
use crate::llm::served::standing::serves;

/// The end of what to do about a missing model.
const PAGE: &str = "docs/models.md tells how to run one on this machine";

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFinding {
    /// The subject: the models, or a provider.
    pub about: &'static str,
    /// The finding.
    pub detail: String,
    /// The way to mend it; none when all is well.
    pub mend: Option<String>,
}

/// The findings for these settings. Online every provider is asked, which costs nothing.
pub async fn findings(router: &Router, config: &LlmConfig, online: bool) -> Vec<ModelFinding> {
    if online {
        router.ask_all().await;
    }
    let mut all = vec![default_model(router, config, online)];
    if online {
        let providers = router.lists().providers();
        all.extend(providers.filter_map(|id| provider(router.lists(), config, id)));
    }
    all
}

fn default_model(router: &Router, config: &LlmConfig, online: bool) -> ModelFinding {
    let about = "models";
    let named = config.default_model.as_deref().map(str::trim);
    let named = named
        .filter(|name| !name.is_empty())
        .unwrap_or(DEFAULT_MODE);
    let providers = overview(router.lists(), config);
    match (
        router.route(None, None, Capabilities::CHAT),
        router.default_obstacle(),
    ) {
        (Ok(route), Some(obstacle)) => ModelFinding {
            about,
            detail: format!(
                "NAVI_DEFAULT_MODEL: {obstacle}; requests that name no model get `{}`; {providers}",
                route.effective_model_id
            ),
            mend: Some("set NAVI_DEFAULT_MODEL to a model of a provider that is set".to_owned()),
        },
        (Ok(route), None) => {
            let default = format!(
                "the default is `{named}`, now `{}`",
                route.effective_model_id
            );
            let served = router.lists().served(route.provider_id);
            let others = served.filter(|listed| !serves(listed, &route.provider_model));
            let Some(others) = others else {
                return ModelFinding {
                    about,
                    detail: format!("{default}; {providers}"),
                    mend: None,
                };
            };
            let provider = route.provider_id.as_str();
            ModelFinding {
                about,
                detail: format!(
                    "{default}, which {provider} does not list among {}; {providers}",
                    or_nothing(&others)
                ),
                mend: Some(format!(
                    "set NAVI_DEFAULT_MODEL to {provider}/ and one of them"
                )),
            }
        }
        // Its server says which model it serves, and was not asked.
        (Err(_), _) if !online && router.lists().providers().any(ProviderId::is_private) => {
            ModelFinding {
                about,
                detail: format!(
                    "the default is the model that its server serves, which `--online` asks; {providers}"
                ),
                mend: None,
            }
        }
        (Err(error), _) => {
            let code = error.code();
            let is_set = router.lists().providers().next().is_some();
            let mend = if is_set {
                format!("do what it says, or set another provider; {PAGE}")
            } else if let Some(setting) = config.placeholders().next() {
                format!("put a key of the provider into {setting}; {PAGE}")
            } else {
                format!("export ANTHROPIC_API_KEY=… or another of these settings; {PAGE}")
            };
            let refused = if error.is_for_want_of_a_name() {
                "requests that name no model are"
            } else {
                "every request is"
            };
            ModelFinding {
                about,
                detail: format!("{error}; {refused} refused with {code}; {providers}"),
                mend: Some(mend),
            }
        }
    }
}

/// The providers that are set, the settings of the others, and those in which the words of an example stand.
fn overview(lists: &ModelLists, config: &LlmConfig) -> String {
    let placeholders: Vec<_> = config.placeholders().collect();
    let found = set_and_unset(lists);
    if placeholders.is_empty() {
        return found;
    }
    format!(
        "{found}; a placeholder and no key: {}",
        placeholders.join(", ")
    )
}

fn set_and_unset(lists: &ModelLists) -> String {
    let set: Vec<_> = lists.providers().map(ProviderId::as_str).collect();
    let unset = ProviderId::ALL
        .into_iter()
        .filter(|id| lists.of(*id).is_none());
    let unset = unset.filter_map(|id| {
        let (base, key) = id.settings()?;
        // A key alone says not where such a server is.
        Some(if id.is_private() {
            base
        } else {
            key.unwrap_or(base)
        })
    });
    let unset: Vec<_> = unset.collect();
    let set = if set.is_empty() {
        "nothing".to_owned()
    } else {
        set.join(", ")
    };
    if unset.is_empty() {
        return format!("set: {set}");
    }
    format!("set: {set}; not set: {}", unset.join(", "))
}

fn provider(lists: &ModelLists, config: &LlmConfig, id: ProviderId) -> Option<ModelFinding> {
    let about = id.as_str();
    let at = lists.of(id)?.at();
    if let Some(error) = lists.failure(id) {
        // These say already where.
        let detail = if matches!(error, LlmError::Network { .. }) {
            error.to_string()
        } else {
            format!("{at}: {error}")
        };
        let mend = Some(way_to_mend(&error, id));
        return Some(ModelFinding {
            about,
            detail,
            mend,
        });
    }
    let served = lists.served(id);
    let detail = match served.as_deref() {
        None => format!("{at} answers, and has no list of models"),
        Some(names) if id.is_private() => format!("{at} answers, and serves {}", or_nothing(names)),
        Some([_]) => format!("{at} answers, and lists one model"),
        Some(names) => format!("{at} answers, and lists {} models", names.len()),
    };
    let unlisted = config
        .own_model(id)
        .filter(|name| served.as_deref().is_some_and(|names| !serves(names, name)));
    let (Some(name), Some(setting)) = (unlisted, id.model_setting()) else {
        return Some(ModelFinding {
            about,
            detail,
            mend: None,
        });
    };
    Some(ModelFinding {
        about,
        detail: format!("{detail}, and {setting} names `{name}`, which is not among them"),
        mend: Some(format!(
            "set {setting} to one of them, or load `{name}` there"
        )),
    })
}

fn or_nothing(names: &[String]) -> String {
    if names.is_empty() {
        return "no model".to_owned();
    }
    in_words(names)
}

fn way_to_mend(error: &LlmError, id: ProviderId) -> String {
    let (base, key) = id.settings().unwrap_or_default();
    let is_silent = matches!(error, LlmError::Network { .. } | LlmError::TimedOut { .. });
    if is_silent && id.is_private() {
        return format!("start the server, or correct {base}; {PAGE}");
    }
    if let (LlmError::Unauthorized { .. }, Some(key)) = (error, key) {
        return format!("set {key} to a key that is valid there");
    }
    if matches!(error, LlmError::QuotaExhausted { .. }) {
        return "pay, or set another provider".to_owned();
    }
    format!("look at the network between here and there, and at {base}")
}
