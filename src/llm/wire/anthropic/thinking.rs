//! The reasoning of Claude by its generation, and of other models that are served over the same protocol.

use serde_json::{Map, Value, json};

use crate::llm::effort::Effort;

/// Stands for reasoning that was not kept, for servers that insist on some.
const NOT_KEPT: &str = "(not kept)";
/// The API takes no smaller budget, in tokens; as much is left for the answer.
const MIN_BUDGET: u32 = 1_024;

const LOW_TO_HIGH: &[Effort] = &[Effort::Low, Effort::Medium, Effort::High];
const LOW_TO_XHIGH: &[Effort] = &[Effort::Low, Effort::Medium, Effort::High, Effort::Xhigh];

/// True if a model is Claude, whose reasoning is signed; a gateway's name may stand before it.
fn is_claude(model: &str) -> bool {
    model.contains("claude")
}

/// The version of Claude, from names such as `claude-opus-4-5-20251101` and `claude-3-7-sonnet`.
fn version(model: &str) -> Option<(u32, u32)> {
    let (_, name) = model.split_once("claude-")?;
    let number = |part: &str| part.parse::<u32>().ok().filter(|number| *number < 100);
    let mut parts = name
        .split(['-', '.'])
        .skip_while(|part| number(part).is_none());
    let major = number(parts.next()?)?;
    let minor = parts.next().and_then(number).unwrap_or(0);
    Some((major, minor))
}

/// True if a model decides by itself how much to reason and refuses a temperature: Claude from 5 on.
fn thinks_by_itself(model: &str) -> bool {
    version(model).is_some_and(|version| version >= (5, 0))
}

/// True if thinking of such a model can be turned off.
fn can_be_off(model: &str) -> bool {
    let is_new = version(model).is_some_and(|version| version > (5, 0));
    model.contains("haiku") || !is_new && (model.contains("opus") || model.contains("sonnet"))
}

/// Writes what asks for reasoning. Answers whether the model then takes a temperature.
///
/// A turn that is still in the middle of its calls and `began_without` reasoning cannot go on with a
/// budget for it: the API would miss the block.
pub(super) fn write(
    model: &str,
    effort: Option<Effort>,
    max_tokens: u32,
    began_without: bool,
    body: &mut Map<String, Value>,
) -> bool {
    // Asking for the summary lets people see it.
    let adaptive = json!({"type": "adaptive", "display": "summarized"});
    let mut put = |field: &str, value: Value| {
        body.insert(field.to_owned(), value);
    };
    if thinks_by_itself(model) {
        if effort == Some(Effort::None) && can_be_off(model) {
            put("thinking", json!({"type": "disabled"}));
            return false;
        }
        put("thinking", adaptive);
        if let Some(level) = effort.and_then(|effort| effort.among(LOW_TO_XHIGH)) {
            put("output_config", json!({"effort": level.as_str()}));
        }
        return false;
    }
    let Some(effort) = effort.filter(|effort| *effort != Effort::None) else {
        return true;
    };
    match version(model) {
        Some(version) if version >= (4, 6) => {
            let levels = if version > (4, 6) {
                LOW_TO_XHIGH
            } else {
                LOW_TO_HIGH
            };
            put("thinking", adaptive);
            if let Some(level) = effort.among(levels) {
                put("output_config", json!({"effort": level.as_str()}));
            }
            false
        }
        Some(version) if version >= (3, 7) && !began_without => {
            let budget = budget(effort).min(max_tokens.saturating_sub(MIN_BUDGET));
            let fits = budget >= MIN_BUDGET;
            if fits {
                put(
                    "thinking",
                    json!({"type": "enabled", "budget_tokens": budget}),
                );
            }
            !fits
        }
        Some(_) | None => true,
    }
}

/// Tokens for reasoning, of generations that are told a number.
fn budget(effort: Effort) -> u32 {
    match effort {
        Effort::None | Effort::Minimal => MIN_BUDGET,
        Effort::Low => 2_048,
        Effort::Medium => 8_192,
        Effort::High => 16_384,
        Effort::Xhigh => 32_768,
    }
}

/// A block of reasoning as it goes back. What Claude did not sign does not: an answer that was cut off
/// holds reasoning without its signature. Other models sign nothing and want it all the same.
pub(super) fn block(model: &str, text: &str, signature: &str) -> Option<Value> {
    if signature.is_empty() && is_claude(model) {
        return None;
    }
    Some(json!({"type": "thinking", "thinking": text, "signature": signature}))
}

/// True if a turn of the model has calls and no reasoning before them.
pub(super) fn is_without(turn: &[Value]) -> bool {
    let is = |block: &Value, kinds: &[&str]| {
        block["type"]
            .as_str()
            .is_some_and(|kind| kinds.contains(&kind))
    };
    let calls = turn.iter().any(|block| is(block, &["tool_use"]));
    let thinks = turn
        .first()
        .is_some_and(|block| is(block, &["thinking", "redacted_thinking"]));
    calls && !thinks
}

/// Puts reasoning before the calls of every turn that has none, for servers that insist on it.
pub(super) fn put_back(body: &mut Value) {
    let messages = body.get_mut("messages").and_then(Value::as_array_mut);
    for message in messages.into_iter().flatten() {
        if message["role"] != "assistant" {
            continue;
        }
        if let Some(turn) = message.get_mut("content").and_then(Value::as_array_mut)
            && is_without(turn)
        {
            let block = json!({"type": "thinking", "thinking": NOT_KEPT, "signature": ""});
            turn.insert(0, block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(model: &str, effort: Option<Effort>) -> (Value, bool) {
        let mut body = Map::new();
        let takes_temperature = write(model, effort, 64_000, false, &mut body);
        (Value::Object(body), takes_temperature)
    }

    #[test]
    fn every_generation_is_asked_in_its_own_words() {
        let adaptive = json!({"type": "adaptive", "display": "summarized"});
        let asks =
            |effort: &str| json!({"thinking": adaptive, "output_config": {"effort": effort}});
        let budget =
            |tokens: u32| json!({"thinking": {"type": "enabled", "budget_tokens": tokens}});
        let off = json!({"thinking": {"type": "disabled"}});
        for (model, effort, expected) in [
            ("claude-opus-5-5", None, json!({"thinking": adaptive})),
            ("claude-opus-5-5", Some(Effort::Xhigh), asks("xhigh")),
            ("claude-opus-5-5", Some(Effort::None), asks("low")),
            ("claude-haiku-5-5", Some(Effort::None), off.clone()),
            ("claude-sonnet-5", Some(Effort::None), off),
            ("claude-fable-5-1", Some(Effort::Minimal), asks("low")),
            ("claude-opus-4-7", Some(Effort::Xhigh), asks("xhigh")),
            ("claude-sonnet-4-6", Some(Effort::Xhigh), asks("high")),
            ("claude-sonnet-4-6", None, json!({})),
            (
                "claude-haiku-4-5-20251001",
                Some(Effort::Medium),
                budget(8_192),
            ),
            (
                "claude-sonnet-4-20250514",
                Some(Effort::High),
                budget(16_384),
            ),
            ("claude-3-7-sonnet-latest", Some(Effort::Low), budget(2_048)),
            ("claude-3-5-haiku-latest", Some(Effort::High), json!({})),
            ("deepseek-v4-pro", Some(Effort::High), json!({})),
        ] {
            let (body, takes_temperature) = written(model, effort);
            assert_eq!(body, expected, "{model} {effort:?}");
            assert_eq!(takes_temperature, expected == json!({}), "{model}");
        }
    }

    #[test]
    fn a_budget_leaves_room_for_the_answer_or_is_not_asked_for() {
        for (max_tokens, expected) in [(4_096, Some(3_072)), (2_048, Some(1_024)), (2_047, None)] {
            let mut body = Map::new();
            let effort = Some(Effort::High);
            write("claude-haiku-4-5", effort, max_tokens, false, &mut body);
            let budget = body
                .get("thinking")
                .and_then(|thinking| thinking["budget_tokens"].as_u64());
            assert_eq!(budget, expected, "{max_tokens}");
        }
    }
}
