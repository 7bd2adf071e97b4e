//! The ways of servers and models with reasoning: the one table of them, shown in `docs/models.md`.
//!
//! Some servers refuse a turn whose reasoning does not come back, and some refuse the field that it would
//! come back in. An endpoint's host says most, then the provider, then the model's name, because one's own
//! server may serve anything; of what is in no row, the reasoning goes back in the field it came in.

use crate::llm::effort::Effort;

/// The reasoning that goes back with an answer of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandBack {
    /// None; the server refuses it, or has no use for it.
    Nothing,
    /// Its text, as `reasoning_content`.
    Content,
    /// Its text, as `reasoning`.
    Reasoning,
    /// The array `reasoning_details` unchanged; its text, as `reasoning`, where there is no array.
    Details,
    /// The field that it came in.
    AsItCame,
}

/// The part of an answer with calls that may not be missing, even where nothing of it was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insists {
    /// None.
    Nothing,
    /// `reasoning_content`.
    Content,
    /// The signature of the first call; of models from Gemini 3 on.
    Signature,
}

/// The field that asks for an amount of reasoning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffortField {
    /// None; the model does not know any.
    Not,
    /// `reasoning_effort`, the next of these levels.
    Effort(&'static [Effort]),
    /// `reasoning_effort`, where the model's own name says that it knows levels.
    OpenAi,
    /// `reasoning_effort` of `gpt-oss`, on or off of Qwen.
    Groq,
    /// `reasoning: {"effort": …}`.
    Nested,
    /// `thinking: {"type": …}`, and `reasoning_effort` where it is enabled.
    DeepSeek,
    /// `reasoning_effort` of Kimi from K3 on, `thinking: {"type": …}` of those before.
    Kimi,
    /// `thinking: {"type": …}`.
    Thinking,
    /// `enable_thinking`.
    EnableThinking,
    /// The variable of the chat template that turns thinking on, in `chat_template_kwargs`.
    Template(&'static str),
    /// Nothing, but `reasoning_split`, without which the reasoning stands within the text.
    Split,
}

/// A row of the table.
#[derive(Debug)]
pub struct Ways {
    /// The name of the row.
    pub name: &'static str,
    /// The provider that it holds for, wherever its endpoint is.
    pub provider: Option<&'static str>,
    /// Hosts that it holds for, with those below them.
    pub hosts: &'static [&'static str],
    /// Beginnings of names of models that it holds for on other hosts.
    pub models: &'static [&'static str],
    /// The reasoning that is kept with the run and goes back.
    pub hands_back: HandBack,
    /// The part that may not be missing.
    pub insists: Insists,
    /// The field that asks for reasoning.
    pub asked: EffortField,
}

const LOW_TO_HIGH: &[Effort] = &[Effort::Low, Effort::Medium, Effort::High];
const NONE_TO_HIGH: &[Effort] = &[Effort::None, Effort::Low, Effort::Medium, Effort::High];
const MINIMAL_TO_HIGH: &[Effort] = &[Effort::Minimal, Effort::Low, Effort::Medium, Effort::High];

/// A row that says nothing, to begin others with.
const BLANK: Ways = Ways {
    name: "",
    provider: None,
    hosts: &[],
    models: &[],
    hands_back: HandBack::Nothing,
    insists: Insists::Nothing,
    asked: EffortField::Not,
};

/// All rows; of several that hold the first one counts.
pub const TABLE: &[Ways] = &[
    Ways {
        name: "OpenRouter",
        provider: Some("openrouter"),
        hosts: &["openrouter.ai"],
        hands_back: HandBack::Details,
        asked: EffortField::Nested,
        ..BLANK
    },
    Ways {
        name: "Groq",
        provider: Some("groq"),
        hosts: &["api.groq.com"],
        asked: EffortField::Groq,
        ..BLANK
    },
    Ways {
        name: "Google",
        provider: Some("google"),
        hosts: &["googleapis.com"],
        models: &["gemini-"],
        insists: Insists::Signature,
        asked: EffortField::Effort(MINIMAL_TO_HIGH),
        ..BLANK
    },
    Ways {
        name: "OpenAI, Azure",
        hosts: &[
            "openai.com",
            "openai.azure.com",
            "cognitiveservices.azure.com",
        ],
        asked: EffortField::OpenAi,
        ..BLANK
    },
    Ways {
        name: "Mistral",
        hosts: &["mistral.ai"],
        ..BLANK
    },
    Ways {
        name: "xAI",
        hosts: &["x.ai"],
        models: &["grok-"],
        asked: EffortField::Effort(LOW_TO_HIGH),
        ..BLANK
    },
    Ways {
        name: "Cerebras",
        hosts: &["cerebras.ai"],
        hands_back: HandBack::Reasoning,
        asked: EffortField::Effort(LOW_TO_HIGH),
        ..BLANK
    },
    Ways {
        name: "DeepSeek",
        hosts: &["deepseek.com"],
        hands_back: HandBack::Content,
        insists: Insists::Content,
        asked: EffortField::DeepSeek,
        ..BLANK
    },
    Ways {
        name: "DashScope",
        hosts: &["aliyuncs.com"],
        hands_back: HandBack::Content,
        asked: EffortField::EnableThinking,
        ..BLANK
    },
    Ways {
        name: "Moonshot",
        hosts: &["moonshot.ai", "moonshot.cn", "kimi.com", "kimi.ai"],
        hands_back: HandBack::Content,
        insists: Insists::Content,
        asked: EffortField::Kimi,
        ..BLANK
    },
    Ways {
        name: "Z.ai",
        hosts: &["z.ai", "bigmodel.cn"],
        hands_back: HandBack::Content,
        asked: EffortField::Thinking,
        ..BLANK
    },
    Ways {
        name: "MiniMax",
        hosts: &["minimax.io", "minimaxi.com"],
        hands_back: HandBack::Details,
        asked: EffortField::Split,
        ..BLANK
    },
    Ways {
        name: "Xiaomi",
        hosts: &["xiaomimimo.com", "mimo.mi.com"],
        hands_back: HandBack::Content,
        insists: Insists::Content,
        asked: EffortField::Thinking,
        ..BLANK
    },
    Ways {
        name: "Ollama",
        provider: Some("ollama"),
        hosts: &["ollama.com"],
        hands_back: HandBack::Reasoning,
        asked: EffortField::Effort(NONE_TO_HIGH),
        ..BLANK
    },
    Ways {
        name: "DeepSeek's models elsewhere",
        models: &["deepseek"],
        hands_back: HandBack::Content,
        insists: Insists::Content,
        asked: EffortField::Template("thinking"),
        ..BLANK
    },
    Ways {
        name: "Kimi elsewhere",
        models: &["kimi", "moonshot"],
        hands_back: HandBack::Content,
        insists: Insists::Content,
        asked: EffortField::Template("thinking"),
        ..BLANK
    },
    Ways {
        name: "MiMo elsewhere",
        models: &["mimo"],
        hands_back: HandBack::Content,
        insists: Insists::Content,
        asked: EffortField::Template("enable_thinking"),
        ..BLANK
    },
    Ways {
        name: "Qwen, GLM elsewhere",
        models: &["qwen", "qwq", "glm"],
        hands_back: HandBack::Content,
        asked: EffortField::Template("enable_thinking"),
        ..BLANK
    },
    Ways {
        name: "MiniMax's models elsewhere",
        models: &["minimax"],
        hands_back: HandBack::Content,
        ..BLANK
    },
    Ways {
        name: "gpt-oss elsewhere",
        models: &["gpt-oss"],
        hands_back: HandBack::AsItCame,
        asked: EffortField::Effort(LOW_TO_HIGH),
        ..BLANK
    },
];

/// The ways of models with a name of OpenAI's own on a host that is not theirs.
pub const OPENAIS_OWN: &Ways = &Ways {
    name: "OpenAI's models elsewhere",
    asked: EffortField::OpenAi,
    ..BLANK
};

/// The ways of everything else.
pub const OTHERS: &Ways = &Ways {
    name: "everything else",
    hands_back: HandBack::AsItCame,
    asked: EffortField::Effort(NONE_TO_HIGH),
    ..BLANK
};

/// The row of an endpoint's host.
pub(super) fn of_host(host: &str) -> Option<&'static Ways> {
    let host = host.to_ascii_lowercase();
    let is_below = |end: &&str| {
        let rest = host.strip_suffix(*end);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    TABLE.iter().find(|row| row.hosts.iter().any(is_below))
}

/// The row of a model of a provider, on a host that is in no row. OpenAI's own names count where they are
/// likely to be OpenAI's models.
pub(super) fn of_model(provider: &str, model: &str, knows_openais: bool) -> &'static Ways {
    let fixed = TABLE.iter().find(|row| row.provider == Some(provider));
    if let Some(row) = fixed {
        return row;
    }
    let name = own_name(model);
    let named = TABLE.iter().find(|row| {
        let mut beginnings = row.models.iter();
        beginnings.any(|beginning| name.starts_with(beginning))
    });
    match named {
        Some(row) => row,
        None if knows_openais && is_openais(&name) => OPENAIS_OWN,
        None => OTHERS,
    }
}

/// A model's name in lower case, without the vendor that gateways put before it.
pub(super) fn own_name(model: &str) -> String {
    let name = model.rsplit('/').next().unwrap_or(model);
    name.to_ascii_lowercase()
}

/// True if a name is one of OpenAI's own.
fn is_openais(name: &str) -> bool {
    let is_numbered = |beginning: &str| {
        let rest = name.strip_prefix(beginning);
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    is_numbered("gpt-") || is_numbered("o") || name.starts_with("chatgpt-")
}
