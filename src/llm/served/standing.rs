//! Memory of what the last call or question said of each provider.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::llm::error::LlmError;
use crate::platform::sync::lock;

/// The life of a list that holds something.
const LIST_LASTS: Duration = Duration::from_mins(1);
/// The pause after a provider did not answer, or listed nothing.
const FAILURE_LASTS: Duration = Duration::from_secs(5);
/// The time for which an empty account outweighs a list, which costs nothing and so says nothing of it.
const EMPTINESS_LASTS: Duration = Duration::from_mins(10);
/// The most names of a provider that are remembered as unknown to it: people make them up.
const MAX_UNKNOWN: usize = 100;

/// The standing of every provider. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Standings(Arc<Mutex<BTreeMap<&'static str, ProviderStanding>>>);

#[derive(Clone, Debug, Default)]
struct ProviderStanding {
    last: Last,
    /// When its list was asked for; none when it is to be asked again.
    asked: Option<Instant>,
    /// The models that it lists; none when it has no list, or was not asked.
    served: Option<Arc<[String]>>,
    /// The models that it has said it does not know.
    unknown: BTreeSet<String>,
}

/// The last word that was heard.
#[derive(Clone, Debug, Default)]
enum Last {
    #[default]
    Nothing,
    Answer,
    Failure(Outage),
}

#[derive(Clone, Debug)]
struct Outage {
    code: &'static str,
    error: LlmError,
    at: Instant,
}

impl Standings {
    /// A call was answered.
    pub fn answered(&self, provider: &'static str, model: &str) {
        let mut all = lock(&self.0);
        let standing = all.entry(provider).or_default();
        standing.last = Last::Answer;
        standing.unknown.remove(model);
    }

    /// A call failed.
    pub fn failed(&self, provider: &'static str, model: &str, error: &LlmError) {
        let mut all = lock(&self.0);
        let standing = all.entry(provider).or_default();
        standing.last = Last::of(error);
        let is_unknown = matches!(error, LlmError::UnknownModel { .. });
        if is_unknown && standing.unknown.len() < MAX_UNKNOWN {
            standing.unknown.insert(model.to_owned());
        }
        // Whatever answers there next may serve something else.
        if is_unknown || matches!(error, LlmError::Network { .. }) {
            standing.asked = None;
        }
    }

    /// The list was asked for.
    pub fn listed(&self, provider: &'static str, answer: Result<Option<Vec<String>>, LlmError>) {
        let mut all = lock(&self.0);
        let standing = all.entry(provider).or_default();
        standing.asked = Some(Instant::now());
        match answer {
            Ok(served) => {
                if let Some(served) = &served {
                    standing.unknown.retain(|name| !serves(served, name));
                }
                standing.served = served.map(Into::into);
                if !standing.last.is_empty_account() {
                    standing.last = Last::Answer;
                }
            }
            Err(error) => {
                standing.served = None;
                standing.last = Last::of(&error);
            }
        }
    }

    /// True if the list is to be asked for before something is concluded from it.
    pub fn is_due(&self, provider: &str) -> bool {
        let all = lock(&self.0);
        let Some(standing) = all.get(provider) else {
            return true;
        };
        let lists_some = standing
            .served
            .as_ref()
            .is_some_and(|list| !list.is_empty());
        let lasts = match standing.last {
            Last::Nothing | Last::Answer if lists_some => LIST_LASTS,
            Last::Nothing | Last::Answer | Last::Failure(_) => FAILURE_LASTS,
        };
        standing.asked.is_none_or(|asked| asked.elapsed() >= lasts)
    }

    /// The models that a provider lists, if it has said so.
    pub fn served(&self, provider: &str) -> Option<Arc<[String]>> {
        lock(&self.0).get(provider)?.served.clone()
    }

    /// The reason for which a provider does not answer for a model, as a word; none when it does.
    pub fn obstacle(&self, provider: &str, model: &str) -> Option<&'static str> {
        let all = lock(&self.0);
        let standing = all.get(provider);
        let last = standing.map_or(&Last::Nothing, |standing| &standing.last);
        match last {
            Last::Nothing => Some("not_asked"),
            Last::Failure(outage) => Some(outage.code),
            Last::Answer => standing
                .is_some_and(|standing| standing.unknown.contains(model))
                .then_some("unknown_to_provider"),
        }
    }

    /// The failure that was heard last of a provider; none when it answered, or was not asked.
    pub fn failure(&self, provider: &str) -> Option<LlmError> {
        match &lock(&self.0).get(provider)?.last {
            Last::Failure(outage) => Some(outage.error.clone()),
            Last::Nothing | Last::Answer => None,
        }
    }
}

impl Last {
    /// The standing of a provider that failed so. What concerns one request alone says that it answers.
    fn of(error: &LlmError) -> Self {
        let code = match error {
            LlmError::Network { .. } => "unreachable",
            LlmError::TimedOut { .. } => "timed_out",
            LlmError::Unavailable { .. } => "unavailable",
            LlmError::Unauthorized { .. } => "key_refused",
            LlmError::QuotaExhausted { .. } => "quota_exhausted",
            LlmError::Blocked { .. } => "blocked",
            LlmError::Protocol { .. } => "protocol_broken",
            LlmError::RateLimited { .. }
            | LlmError::ContextTooLong { .. }
            | LlmError::AnswerLimit { .. }
            | LlmError::FieldRefused { .. }
            | LlmError::FieldMissing { .. }
            | LlmError::UnknownModel { .. }
            | LlmError::Rejected { .. }
            | LlmError::Botched { .. }
            | LlmError::Repeats { .. }
            | LlmError::Truncated { .. } => return Self::Answer,
        };
        Self::Failure(Outage {
            code,
            error: error.clone(),
            at: Instant::now(),
        })
    }

    fn is_empty_account(&self) -> bool {
        matches!(self, Self::Failure(outage)
            if outage.code == "quota_exhausted" && outage.at.elapsed() < EMPTINESS_LASTS)
    }
}

/// True if a list holds a name. Ollama lists `llama3.2:latest` and takes `llama3.2`; a star in a list stands
/// for names that nothing tells.
pub fn serves(list: &[String], name: &str) -> bool {
    list.iter().any(|listed| {
        listed.contains('*')
            || listed.eq_ignore_ascii_case(name)
            || listed
                .strip_suffix(":latest")
                .is_some_and(|bare| bare.eq_ignore_ascii_case(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_REFUSED: LlmError = LlmError::Unauthorized {
        provider: "openai",
        status: 401,
    };

    #[test]
    fn the_last_word_counts() {
        let standings = Standings::default();
        assert_eq!(standings.obstacle("openai", "m"), Some("not_asked"));
        standings.listed("openai", Ok(None));
        assert_eq!(standings.obstacle("openai", "m"), None);
        standings.failed("openai", "m", &KEY_REFUSED);
        assert_eq!(standings.obstacle("openai", "m"), Some("key_refused"));
        assert_eq!(standings.failure("openai"), Some(KEY_REFUSED));
        assert_eq!(standings.obstacle("groq", "m"), Some("not_asked"));
        standings.answered("openai", "m");
        assert_eq!(standings.obstacle("openai", "m"), None);
    }

    #[test]
    fn a_model_that_is_unknown_is_no_obstacle_to_others() {
        let standings = Standings::default();
        let unknown = LlmError::UnknownModel {
            provider: "openai",
            model: "gtp".to_owned(),
        };
        standings.failed("openai", "gtp", &unknown);
        let obstacle = standings.obstacle("openai", "gtp");
        assert_eq!(obstacle, Some("unknown_to_provider"));
        assert_eq!(standings.obstacle("openai", "gpt"), None);
        standings.listed("openai", Ok(Some(vec!["gtp".to_owned()])));
        assert_eq!(standings.obstacle("openai", "gtp"), None);
    }

    #[test]
    fn a_list_does_not_fill_an_account() {
        let standings = Standings::default();
        let empty = LlmError::QuotaExhausted { provider: "openai" };
        standings.failed("openai", "m", &empty);
        standings.listed("openai", Ok(None));
        assert_eq!(standings.obstacle("openai", "m"), Some("quota_exhausted"));
        standings.answered("openai", "m");
        assert_eq!(standings.obstacle("openai", "m"), None);
    }

    #[test]
    fn what_was_asked_lately_is_not_asked_again_unless_it_broke() {
        let standings = Standings::default();
        assert!(standings.is_due("ollama"));
        standings.listed("ollama", Ok(Some(vec!["a".to_owned()])));
        assert!(!standings.is_due("ollama"));
        let broken = LlmError::Network {
            provider: "ollama",
            reason: String::new(),
        };
        standings.failed("ollama", "a", &broken);
        assert!(standings.is_due("ollama"));
        standings.listed("ollama", Err(broken));
        assert!(!standings.is_due("ollama"));
        assert_eq!(standings.served("ollama"), None);
    }

    #[test]
    fn names_are_found_as_servers_take_them() {
        let list = ["llama3.2:latest".to_owned(), "Qwen/Qwen3-8B".to_owned()];
        for name in ["llama3.2", "llama3.2:latest", "qwen/qwen3-8b"] {
            assert!(serves(&list, name), "{name}");
        }
        assert!(!serves(&list, "llama3.2:70b") && !serves(&list, ""));
        assert!(serves(&["openai/*".to_owned()], "anything"));
    }
}
