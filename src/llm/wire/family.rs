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
/// Models that cannot do without.
const ALWAYS: &[Effort] = &[Low, Medium, High, Xhigh];

impl ModelFamily {
    /// The kind of the model of this name.
    pub(super) fn of(model: &str) -> Self {
        // The models behind ChatGPT are called like the others and take something else.
        if model.contains("-chat") {
            return Self::Unknown;
        }
        if model.starts_with("gpt-") {
            // The two larger ones of a generation always reason, from 6 and 6.1 on.
            let always = |version| {
                (model.contains("astra") && version >= (6, 0))
                    || (model.contains("sol") && version >= (6, 1))
            };
            return match gpt_version(model) {
                Some((5, 0)) => Self::Reasons(FIVE),
                Some((5, 1)) => Self::Reasons(FIVE_ONE),
                Some(version) if always(version) => Self::Reasons(ALWAYS),
                Some((5.., _)) => Self::Reasons(LATER),
                Some((3 | 4, _)) => Self::Plain,
                Some(_) | None => Self::Unknown,
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
            Self::Reasons(steps) => asked.among(steps),
        }
    }

    /// The steps of a model that is known to reason; none of others.
    pub(super) fn steps(self) -> &'static [Effort] {
        match self {
            Self::Unknown | Self::Plain => &[],
            Self::Reasons(steps) => steps,
        }
    }
}

/// The version of one of OpenAI's models with a number after `gpt-`.
pub(super) fn gpt_version(name: &str) -> Option<(u32, u32)> {
    let version = name.strip_prefix("gpt-")?;
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.');
    let mut parts = version[..end.unwrap_or(version.len())].split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next().and_then(|minor| minor.parse().ok());
    Some((major, minor.unwrap_or(0)))
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
            ("gpt-6.1-sol", Nothing, Some(Low)),
            ("gpt-6-luna", Nothing, Some(Nothing)),
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
