//! The parameters that the models of OpenAI take, by their names.

use crate::llm::effort::Effort;
use crate::llm::effort::Effort::{High, Low, Medium, Minimal, None as Nothing, Xhigh};

/// The kind of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ModelFamily {
    /// Not one of OpenAI's own names, such as a deployment on Azure: what it refuses is learned.
    Unknown,
    /// Takes a temperature and does not reason.
    Plain,
    /// Reasons in these steps, refuses a temperature, and wants its reasoning back.
    Reasons(&'static [Effort]),
}

/// Models of the o series, and those made for Codex alone.
const EARLY: &[Effort] = &[Low, Medium, High];
/// GPT-5.
const FIVE: &[Effort] = &[Minimal, Low, Medium, High];
/// GPT-5.1.
const FIVE_ONE: &[Effort] = &[Nothing, Low, Medium, High];
/// From GPT-5.2 on.
const LATER: &[Effort] = &[Nothing, Low, Medium, High, Xhigh];

impl ModelFamily {
    /// The kind of the model of this name.
    pub(super) fn of(model: &str) -> Self {
        // The models behind ChatGPT are called like the others and take something else.
        if model.contains("-chat") {
            return Self::Unknown;
        }
        if let Some(version) = model.strip_prefix("gpt-") {
            let numbers = version
                .split(|c: char| !c.is_ascii_digit() && c != '.')
                .next();
            let mut numbers = numbers
                .unwrap_or_default()
                .split('.')
                .map(str::parse::<u32>);
            let Some(Ok(major)) = numbers.next() else {
                return Self::Unknown;
            };
            let minor = numbers.next().and_then(Result::ok).unwrap_or(0);
            return match (major, minor) {
                (5, 0) => Self::Reasons(FIVE),
                (5, 1) => Self::Reasons(FIVE_ONE),
                (5.., _) => Self::Reasons(LATER),
                (3 | 4, _) => Self::Plain,
                _ => Self::Unknown,
            };
        }
        let mut letters = model.chars();
        match (letters.next(), letters.next()) {
            (Some('o'), Some(digit)) if digit.is_ascii_digit() => Self::Reasons(EARLY),
            _ if model.starts_with("codex-") => Self::Reasons(EARLY),
            _ if model.starts_with("chatgpt-") => Self::Plain,
            _ => Self::Unknown,
        }
    }

    /// True if the length of an answer can be asked for; older models know only one.
    pub(super) fn takes_verbosity(self) -> bool {
        match self {
            Self::Unknown => true,
            Self::Plain => false,
            Self::Reasons(steps) => steps != EARLY,
        }
    }

    /// The step that comes next to the one that was asked for; none where the model knows no steps.
    pub(super) fn effort(self, asked: Effort) -> Option<Effort> {
        match self {
            Self::Unknown => Some(asked),
            Self::Plain => None,
            Self::Reasons(steps) => {
                let next = steps.iter().find(|step| **step >= asked);
                next.or(steps.last()).copied()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_asked_for_a_step_that_it_knows() {
        for (model, asked, told) in [
            ("gpt-5", Nothing, Some(Minimal)),
            ("gpt-5-mini-2025-08-07", Xhigh, Some(High)),
            ("gpt-5.1", Minimal, Some(Low)),
            ("gpt-5.1-codex", Nothing, Some(Nothing)),
            ("gpt-5.2", Xhigh, Some(Xhigh)),
            ("gpt-6.1-sol", Minimal, Some(Low)),
            ("o4-mini", Nothing, Some(Low)),
            ("codex-mini-latest", Xhigh, Some(High)),
            ("gpt-4.1", High, None),
            ("chatgpt-4o-latest", High, None),
            ("our-deployment", Xhigh, Some(Xhigh)),
            ("gpt-oss-120b", High, Some(High)),
            ("gpt-5-chat-latest", Low, Some(Low)),
        ] {
            assert_eq!(ModelFamily::of(model).effort(asked), told, "{model}");
        }
    }
}
