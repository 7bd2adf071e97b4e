//! The amount of reasoning and the length of an answer, in the words of each server.

use serde_json::{Map, Value, json};

use crate::llm::effort::Effort;
use crate::llm::model::ChatRequest;
use crate::llm::wire::family::{ModelFamily, gpt_version};
use crate::llm::wire::openai::ways::{EffortField, Ways, own_name};

/// `DeepSeek` has two levels and one above.
const DEEPSEEK: &[Effort] = &[Effort::Low, Effort::High, Effort::Xhigh];
/// Kimi's from K3 on.
const KIMI: &[Effort] = &[Effort::Low, Effort::High, Effort::Xhigh];
const GPT_OSS: &[Effort] = &[Effort::Low, Effort::Medium, Effort::High];

/// Writes what a request asks for, as far as its model knows it.
pub(super) fn write(request: &ChatRequest, ways: &Ways, body: &mut Map<String, Value>) {
    if ways.asked == EffortField::Split {
        body.insert("reasoning_split".into(), json!(true));
    }
    if let Some(effort) = request.effort {
        write_effort(effort, ways.asked, &request.model, body);
    }
    if let (Some(verbosity), true) = (request.verbosity, knows_verbosity(ways, &request.model)) {
        body.insert("verbosity".into(), json!(verbosity.as_str()));
    }
}

fn write_effort(effort: Effort, asked: EffortField, model: &str, body: &mut Map<String, Value>) {
    let thinks = effort != Effort::None;
    let switch = json!({"type": if thinks { "enabled" } else { "disabled" }});
    let name = own_name(model);
    let mut put = |field: &str, value: Value| {
        body.insert(field.to_owned(), value);
    };
    let level = |levels: &[Effort]| effort.among(levels).map(Effort::as_str);
    match asked {
        EffortField::Effort(levels) => {
            if let Some(level) = level(levels) {
                put("reasoning_effort", json!(level));
            }
        }
        EffortField::OpenAi => {
            if let Some(level) = level(ModelFamily::of(&name).steps()) {
                put("reasoning_effort", json!(level));
            }
        }
        EffortField::Groq if name.starts_with("gpt-oss") => {
            put("reasoning_effort", json!(level(GPT_OSS)));
        }
        EffortField::Groq if name.starts_with("qwen") => {
            let word = if thinks { "default" } else { "none" };
            put("reasoning_effort", json!(word));
        }
        EffortField::Not | EffortField::Split | EffortField::Groq => {}
        EffortField::Nested => put("reasoning", json!({"effort": effort.as_str()})),
        EffortField::DeepSeek => {
            put("thinking", switch);
            if thinks {
                put("reasoning_effort", json!(level_or_max(effort, DEEPSEEK)));
            }
        }
        EffortField::Kimi if has_levels(&name) => {
            put("reasoning_effort", json!(level_or_max(effort, KIMI)));
        }
        EffortField::Kimi | EffortField::Thinking => put("thinking", switch),
        EffortField::EnableThinking => put("enable_thinking", json!(thinks)),
        EffortField::Template(variable) => {
            put("chat_template_kwargs", json!({variable: thinks}));
        }
    }
}

/// The level, where the most is called `max`.
fn level_or_max(effort: Effort, levels: &[Effort]) -> &'static str {
    match effort.among(levels) {
        Some(Effort::Xhigh) | None => "max",
        Some(level) => level.as_str(),
    }
}

/// True for Kimi from K3 on, which always reasons.
fn has_levels(name: &str) -> bool {
    let version = name.strip_prefix("kimi-k").unwrap_or_default();
    version.starts_with(|c: char| ('3'..='9').contains(&c))
}

/// Verbosity is OpenAI's own, from GPT-5 on; OpenRouter passes it on.
fn knows_verbosity(ways: &Ways, model: &str) -> bool {
    let is_openais = match ways.asked {
        EffortField::OpenAi => true,
        EffortField::Nested => model.starts_with("openai/"),
        EffortField::Not
        | EffortField::Effort(_)
        | EffortField::Groq
        | EffortField::DeepSeek
        | EffortField::Kimi
        | EffortField::Thinking
        | EffortField::EnableThinking
        | EffortField::Template(_)
        | EffortField::Split => false,
    };
    is_openais && gpt_version(&own_name(model)).is_some_and(|version| version >= (5, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::effort::Verbosity;
    use crate::llm::wire::openai::dialect::Dialect;

    fn written(dialect: Dialect, host: &str, model: &str, effort: Effort) -> Value {
        let request = ChatRequest {
            model: model.to_owned(),
            effort: Some(effort),
            verbosity: Some(Verbosity::Low),
            ..ChatRequest::default()
        };
        let mut body = Map::new();
        write(&request, dialect.at(Some(host)).ways(model), &mut body);
        Value::Object(body)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of servers")]
    fn every_server_is_asked_in_its_own_words() {
        use Effort::{High, Low, Medium, None as Without, Xhigh};
        let own = Dialect::SELF_HOSTED;
        for (dialect, host, model, effort, expected) in [
            (
                Dialect::OPENAI,
                "api.openai.com",
                "gpt-5.2",
                Xhigh,
                json!({"reasoning_effort": "xhigh", "verbosity": "low"}),
            ),
            (
                Dialect::OPENAI,
                "api.openai.com",
                "gpt-5-mini",
                Without,
                json!({"reasoning_effort": "minimal", "verbosity": "low"}),
            ),
            (
                Dialect::OPENAI,
                "api.openai.com",
                "gpt-6.1-sol",
                Without,
                json!({"reasoning_effort": "low", "verbosity": "low"}),
            ),
            (
                Dialect::OPENAI,
                "api.openai.com",
                "o4-mini",
                Xhigh,
                json!({"reasoning_effort": "high"}),
            ),
            (
                Dialect::OPENAI,
                "api.openai.com",
                "gpt-4.1",
                High,
                json!({}),
            ),
            (
                Dialect::OPENROUTER,
                "openrouter.ai",
                "openai/gpt-6.1-terra",
                High,
                json!({"reasoning": {"effort": "high"}, "verbosity": "low"}),
            ),
            (
                Dialect::OPENROUTER,
                "openrouter.ai",
                "anthropic/claude-sonnet-5.5",
                Low,
                json!({"reasoning": {"effort": "low"}}),
            ),
            (
                Dialect::GROQ,
                "api.groq.com",
                "openai/gpt-oss-120b",
                Xhigh,
                json!({"reasoning_effort": "high"}),
            ),
            (
                Dialect::GROQ,
                "api.groq.com",
                "qwen/qwen3-32b",
                Without,
                json!({"reasoning_effort": "none"}),
            ),
            (Dialect::GROQ, "api.groq.com", "llama-4", High, json!({})),
            (
                Dialect::GOOGLE,
                "localhost",
                "gemini-3.8-flash",
                Xhigh,
                json!({"reasoning_effort": "high"}),
            ),
            (
                own,
                "api.deepseek.com",
                "deepseek-v4-pro",
                Medium,
                json!({"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
            ),
            (
                own,
                "api.deepseek.com",
                "deepseek-v4-pro",
                Xhigh,
                json!({"thinking": {"type": "enabled"}, "reasoning_effort": "max"}),
            ),
            (
                own,
                "api.deepseek.com",
                "deepseek-v4-pro",
                Without,
                json!({"thinking": {"type": "disabled"}}),
            ),
            (
                own,
                "dashscope.aliyuncs.com",
                "qwen3.8-max",
                High,
                json!({"enable_thinking": true}),
            ),
            (
                own,
                "api.moonshot.ai",
                "kimi-k3",
                Medium,
                json!({"reasoning_effort": "high"}),
            ),
            (
                own,
                "api.moonshot.ai",
                "kimi-k2.6",
                Without,
                json!({"thinking": {"type": "disabled"}}),
            ),
            (
                own,
                "api.minimax.io",
                "MiniMax-M3",
                High,
                json!({"reasoning_split": true}),
            ),
            (
                own,
                "10.0.0.7",
                "Qwen/Qwen3.6-27B",
                Without,
                json!({"chat_template_kwargs": {"enable_thinking": false}}),
            ),
            (
                own,
                "10.0.0.7",
                "deepseek-ai/DeepSeek-V4",
                High,
                json!({"chat_template_kwargs": {"thinking": true}}),
            ),
            (own, "api.mistral.ai", "magistral-medium", High, json!({})),
        ] {
            assert_eq!(
                written(dialect, host, model, effort),
                expected,
                "{host} {model}"
            );
        }
    }
}
