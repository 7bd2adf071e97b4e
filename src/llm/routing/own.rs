//! The model of a server of the operator's own, when no setting names it.

use crate::llm::config::ProviderId;
use crate::llm::failure::unreached::Address;
use crate::llm::route::SEVERAL_SERVED;
use crate::llm::served::list::in_words;
use crate::llm::served::standing::Standings;

/// Parts of the names of models that answer nothing.
const OTHER_KINDS: &[&str] = &["embed", "rerank", "whisper"];

/// The reason for which a server has no model for requests that name none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::llm) enum NoDefault {
    /// The server is not configured.
    NotConfigured,
    /// It was not asked what it serves.
    NotAsked,
    /// It did not answer.
    Away {
        /// The reason, as a word.
        code: &'static str,
        /// The reason, as a sentence.
        said: String,
    },
    /// It lists nothing.
    Nothing,
    /// It serves several, and any of them may be meant.
    Several(Vec<String>),
}

impl NoDefault {
    /// The only model that a provider lists, or the reason for which there is none.
    pub(in crate::llm) fn or_only(standings: &Standings, provider: &str) -> Result<String, Self> {
        if let Some(error) = standings.failure(provider) {
            let code = standings.obstacle(provider, "").unwrap_or("unavailable");
            let said = error.to_string();
            return Err(Self::Away { code, said });
        }
        if standings.obstacle(provider, "") == Some("not_asked") {
            return Err(Self::NotAsked);
        }
        let served = standings.served(provider).unwrap_or_default();
        let mut names = served.iter().filter(|name| may_answer(name));
        match (names.next(), names.next()) {
            (None, _) => Err(Self::Nothing),
            (Some(only), None) => Ok(only.clone()),
            (Some(_), Some(_)) => {
                let names = served.iter().filter(|name| may_answer(name));
                Err(Self::Several(names.cloned().collect()))
            }
        }
    }

    /// The same as a word.
    pub(in crate::llm) fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured => "provider_not_configured",
            Self::NotAsked => "not_asked",
            Self::Away { code, .. } => code,
            Self::Nothing => "no_models_served",
            Self::Several(_) => SEVERAL_SERVED,
        }
    }

    /// The same as a sentence for people, with what they can do; none when there is nothing to mend.
    pub(in crate::llm) fn sentence(&self, id: ProviderId, at: &Address) -> Option<String> {
        let setting = id.model_setting()?;
        match self {
            Self::NotConfigured => None,
            Self::NotAsked => Some(format!("{at} was not yet asked for its models")),
            Self::Away { said, .. } => Some(said.clone()),
            Self::Nothing => Some(format!(
                "{at} lists no model: load one there, or name it in {setting}"
            )),
            Self::Several(names) => Some(format!(
                "{at} serves {}: name one, as in `{id}/{}`, or set {setting}",
                in_words(names),
                names.first().map_or("…", String::as_str)
            )),
        }
    }
}

fn may_answer(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !OTHER_KINDS.iter().any(|other| name.contains(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serving(names: &[&str]) -> Standings {
        let standings = Standings::default();
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        standings.listed("ollama", Ok(Some(names)));
        standings
    }

    #[test]
    fn the_only_model_that_can_answer_is_taken() {
        let one = serving(&["nomic-embed-text:latest", "qwen3:8b"]);
        assert_eq!(
            NoDefault::or_only(&one, "ollama"),
            Ok("qwen3:8b".to_owned())
        );
        let none = serving(&["nomic-embed-text:latest"]);
        assert_eq!(NoDefault::or_only(&none, "ollama"), Err(NoDefault::Nothing));
        let two = NoDefault::or_only(&serving(&["a", "b"]), "ollama");
        assert_eq!(two.unwrap_err().code(), SEVERAL_SERVED);
        let unknown = NoDefault::or_only(&Standings::default(), "ollama");
        assert_eq!(unknown, Err(NoDefault::NotAsked));
    }
}
