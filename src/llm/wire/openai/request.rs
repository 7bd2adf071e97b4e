//! A request as Chat Completions want it.

use serde_json::{Map, Value, json};

use crate::llm::model::{ChatRequest, Part};
use crate::llm::wire::conversation::{Call, Entry, input, is_blank, mend, text_alone};
use crate::llm::wire::openai::dialect::{CompletionLimit, Dialect};
use crate::llm::wire::openai::effort;
use crate::llm::wire::openai::hand_back::{give, signed};
use crate::llm::wire::openai::ways::{EffortField, Ways};

/// The body of a streamed request.
pub(super) fn body(request: &ChatRequest, dialect: Dialect) -> Value {
    let family = Family::of(request, dialect);
    let ways = dialect.ways(&request.model);
    let mut body = Map::new();
    body.insert("model".into(), json!(request.model));
    body.insert("stream".into(), json!(true));
    body.insert("stream_options".into(), json!({"include_usage": true}));
    if let Some(limit) = request.max_output_tokens {
        let new = match dialect.completion_limit {
            CompletionLimit::New => true,
            CompletionLimit::Old => false,
            CompletionLimit::ByModel => family != Family::Other,
        };
        let name = if new {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        body.insert(name.into(), json!(limit));
    }
    if let (Some(temperature), false) = (request.temperature, family.reasons()) {
        body.insert("temperature".into(), json!(temperature));
    }
    effort::write(request, ways, &mut body);
    if is_cached_when_asked(ways, &request.model) {
        body.insert("cache_control".into(), json!({"type": "ephemeral"}));
    }
    if !request.tools.is_empty() {
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| {
                json!({
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.parameters,
                    },
                })
            })
            .collect();
        body.insert("tools".into(), Value::Array(tools));
        if family == Family::ReasonsWithoutTools {
            body.insert("reasoning_effort".into(), json!("none"));
        }
    }
    body.insert("messages".into(), messages(request, dialect, ways));
    Value::Object(body)
}

/// Claude's prompts are cached only where a request asks for it; `OpenRouter` then sets the breakpoint.
fn is_cached_when_asked(ways: &Ways, model: &str) -> bool {
    ways.asked == EffortField::Nested && model.starts_with("anthropic/")
}

/// The families of OpenAI's models by the parameters they accept; models of others are told apart by their
/// servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Not one of OpenAI's own names.
    Other,
    /// Takes a temperature.
    Plain,
    /// Reasons, and refuses a temperature.
    Reasons,
    /// Reasons, but in this API only without tools: from 5.4 on, tools need effort `none`.
    ReasonsWithoutTools,
}

impl Family {
    fn of(request: &ChatRequest, dialect: Dialect) -> Self {
        if dialect.completion_limit != CompletionLimit::ByModel {
            return Self::Other;
        }
        let model = request.model.as_str();
        if let Some(version) = model.strip_prefix("gpt-") {
            let digits: String = version
                .chars()
                .take_while(|c| c.is_ascii_digit() || *c == '.')
                .collect();
            let mut parts = digits.split('.').map(str::parse::<u32>);
            return match (parts.next(), parts.next()) {
                (Some(Ok(major)), minor) if major >= 5 => {
                    let minor = minor.and_then(Result::ok).unwrap_or(0);
                    if (major, minor) >= (5, 4) {
                        Self::ReasonsWithoutTools
                    } else {
                        Self::Reasons
                    }
                }
                (Some(Ok(3 | 4)), _) => Self::Plain,
                _ => Self::Other,
            };
        }
        let mut letters = model.chars();
        match (letters.next(), letters.next()) {
            (Some('o'), Some(digit)) if digit.is_ascii_digit() => Self::Reasons,
            _ if model.starts_with("codex-") => Self::Reasons,
            _ if model.starts_with("chatgpt-") => Self::Plain,
            _ => Self::Other,
        }
    }

    fn reasons(self) -> bool {
        match self {
            Self::Reasons | Self::ReasonsWithoutTools => true,
            Self::Other | Self::Plain => false,
        }
    }
}

fn messages(request: &ChatRequest, dialect: Dialect, ways: &Ways) -> Value {
    let mut messages = Vec::new();
    if !is_blank(&request.system) {
        messages.push(json!({"role": "system", "content": request.system}));
    }
    for entry in mend(&request.messages) {
        match entry {
            Entry::System(text) if dialect.system_anywhere => {
                messages.push(json!({"role": "system", "content": text}));
            }
            Entry::System(text) => messages
                .push(json!({"role": "user", "content": format!("<system>\n{text}\n</system>")})),
            Entry::Note(text) => messages.push(json!({"role": "user", "content": text})),
            Entry::User(parts) => {
                messages.push(json!({"role": "user", "content": content(&parts)}));
            }
            Entry::Assistant {
                text,
                calls,
                replay,
            } => {
                let kept = replay.filter(|replay| dialect.wrote(replay, request));
                let kept = kept.map(|replay| &replay.content);
                let mut message = assistant(text, &calls);
                give(&mut message, ways, kept, !calls.is_empty());
                signed(&mut message, ways, &request.model, kept);
                messages.push(message);
            }
            Entry::Results(outcomes) => messages.extend(outcomes.iter().map(|outcome| {
                json!({
                    "role": "tool",
                    "tool_call_id": outcome.id,
                    "content": outcome.content,
                })
            })),
        }
    }
    Value::Array(messages)
}

/// Plain text as a string, which the smallest servers understand; parts only with images.
fn content(parts: &[&Part]) -> Value {
    if let Some(text) = text_alone(parts) {
        return json!(text);
    }
    parts
        .iter()
        .map(|part| match part {
            Part::Text { text } => json!({"type": "text", "text": text}),
            Part::Image { media_type, data } => json!({
                "type": "image_url",
                "image_url": {"url": format!("data:{media_type};base64,{data}")},
            }),
        })
        .collect()
}

fn assistant(text: &str, calls: &[Call<'_>]) -> Value {
    let mut message = json!({"role": "assistant"});
    message["content"] = if is_blank(text) {
        Value::Null
    } else {
        json!(text)
    };
    if !calls.is_empty() {
        message["tool_calls"] = calls
            .iter()
            .map(|call| {
                let arguments = Value::Object(input(call.arguments)).to_string();
                json!({
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": arguments},
                })
            })
            .collect();
    }
    message
}
