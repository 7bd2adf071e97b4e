//! Limits of answers that the settings name.

use std::fmt;

/// The longest answer of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerLimit {
    /// An id, or the name of a provider.
    pub model: String,
    /// In tokens.
    pub tokens: u32,
}

impl fmt::Display for AnswerLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.model, self.tokens)
    }
}

impl std::str::FromStr for AnswerLimit {
    type Err = InvalidAnswerLimit;

    fn from_str(text: &str) -> Result<Self, InvalidAnswerLimit> {
        let (model, tokens) = text.rsplit_once('=').ok_or(InvalidAnswerLimit)?;
        let tokens = tokens.trim().parse().map_err(|_| InvalidAnswerLimit)?;
        if tokens == 0 || model.trim().is_empty() {
            return Err(InvalidAnswerLimit);
        }
        Ok(Self {
            model: model.trim().to_owned(),
            tokens,
        })
    }
}

/// Why a text is no answer limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an answer limit is `provider/model=tokens` or `provider=tokens`, such as `ollama=4096`")]
pub struct InvalidAnswerLimit;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_limit_names_a_provider_or_a_model_and_a_number() {
        for text in ["self_hosted/a=b=4096", "ollama=1000"] {
            assert_eq!(text.parse::<AnswerLimit>().unwrap().to_string(), text);
        }
        for text in ["ollama", "ollama=0", "ollama=-1", "=5"] {
            assert_eq!(
                text.parse::<AnswerLimit>(),
                Err(InvalidAnswerLimit),
                "{text}"
            );
        }
    }
}
