//! Shortfalls of answers whose stream ended in good order.

use crate::llm::model::StopReason;

/// The reason not to take an answer for a whole one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Shortfall {
    /// The provider withheld it, or the rest of it.
    #[error(
        "the model's provider withheld the answer; rephrase the request or choose another model"
    )]
    Withheld,
    /// It reached the limit of its length.
    #[error(
        "the answer was cut off at its length limit; ask for the rest, or for a shorter answer"
    )]
    CutOff,
    /// It is empty.
    #[error("the model answered nothing; ask again, or choose another model")]
    Empty,
}

impl Shortfall {
    /// The shortfall of an answer that ended so.
    pub fn of(stop: Option<StopReason>, text: &str) -> Option<Self> {
        match stop {
            Some(StopReason::Refused) => Some(Self::Withheld),
            Some(StopReason::MaxTokens) => Some(Self::CutOff),
            Some(StopReason::End | StopReason::ToolCalls) | None => {
                text.trim().is_empty().then_some(Self::Empty)
            }
        }
    }

    /// The code for clients; runs use the same.
    pub fn code(self) -> &'static str {
        match self {
            Self::Withheld => "MODEL_REFUSED",
            Self::CutOff => "MODEL_ANSWER_TOO_LONG",
            Self::Empty => "MODEL_ANSWER_EMPTY",
        }
    }

    /// True if what there is of the answer is worth keeping: its user may ask for the rest.
    pub fn is_worth_keeping(self, text: &str) -> bool {
        self == Self::CutOff && !text.trim().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_the_model_ended_it_and_said_something() {
        for (stop, text, lacks) in [
            (StopReason::End, "Hello", None),
            (StopReason::ToolCalls, "Hello", None),
            (StopReason::End, " \n", Some(Shortfall::Empty)),
            (StopReason::MaxTokens, "Hel", Some(Shortfall::CutOff)),
            (StopReason::Refused, "Hel", Some(Shortfall::Withheld)),
            (StopReason::Refused, "", Some(Shortfall::Withheld)),
        ] {
            assert_eq!(Shortfall::of(Some(stop), text), lacks, "{stop:?} {text:?}");
        }
    }
}
