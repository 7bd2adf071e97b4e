//! The reasoning that goes back with a turn of the model, by the ways of its server.

use serde_json::{Value, json};

use crate::llm::wire::openai::ways::{HandBack, Insists, Ways, own_name};

/// Stands for reasoning that was not kept: the turn was shortened, or another model's.
const NOT_KEPT: &str = "(not kept)";
/// Stands for a signature that was not kept; Google's documentation names it for this.
const UNSIGNED: &str = "skip_thought_signature_validator";

/// Puts the reasoning of a turn into its message.
pub(super) fn give(message: &mut Value, ways: &Ways, kept: Option<&Value>, has_calls: bool) {
    let field = |name: &str| kept.and_then(|kept| kept.get(name));
    let content = field("reasoning_content");
    let text = content.or_else(|| field("reasoning"));
    let details = field("reasoning_details");
    let given = match ways.hands_back {
        HandBack::Nothing => None,
        HandBack::Content => text.map(|text| ("reasoning_content", text)),
        HandBack::Reasoning => text.map(|text| ("reasoning", text)),
        HandBack::Details => details
            .map(|details| ("reasoning_details", details))
            .or_else(|| text.map(|text| ("reasoning", text))),
        HandBack::AsItCame => details
            .map(|details| ("reasoning_details", details))
            .or_else(|| content.map(|text| ("reasoning_content", text)))
            .or_else(|| text.map(|text| ("reasoning", text))),
    };
    if let Some((name, value)) = given {
        message[name] = value.clone();
    }
    if ways.insists == Insists::Content && has_calls {
        insist(message, "reasoning_content", text);
    }
}

/// Puts a text into the field of a message that has none.
fn insist(message: &mut Value, field: &str, text: Option<&Value>) {
    if message.get(field).is_none() {
        message[field] = text.cloned().unwrap_or_else(|| json!(NOT_KEPT));
    }
}

/// Puts back what came with the calls of a turn.
pub(super) fn signed(message: &mut Value, ways: &Ways, model: &str, kept: Option<&Value>) {
    let Some(calls) = message.get_mut("tool_calls").and_then(Value::as_array_mut) else {
        return;
    };
    let mut is_signed = false;
    for call in &mut *calls {
        let id = call["id"].as_str().unwrap_or_default();
        // Runs of the version before this one kept these at the top.
        let extra = kept.and_then(|kept| kept["calls"].get(id).or_else(|| kept.get(id)));
        if let Some(extra) = extra.filter(|extra| extra.is_object()) {
            call["extra_content"] = extra.clone();
            is_signed = true;
        }
    }
    if ways.insists == Insists::Signature && !is_signed && checks_signatures(model) {
        sign(calls);
    }
}

/// Gemini checks signatures from version 3 on.
fn checks_signatures(model: &str) -> bool {
    let name = own_name(model);
    let version = name.strip_prefix("gemini-").unwrap_or_default();
    version.starts_with(|c: char| ('3'..='9').contains(&c))
}

/// Puts what stands for a signature into the first of a turn's calls, where signatures belong.
fn sign(calls: &mut [Value]) {
    if let Some(first) = calls.first_mut()
        && first.get("extra_content").is_none()
    {
        first["extra_content"] = json!({"google": {"thought_signature": UNSIGNED}});
    }
}

/// Puts a field into every turn with calls that has none, with what was kept of each; the server insists
/// on it, whatever the table says.
pub(super) fn put_back<'a>(
    field: &str,
    body: &mut Value,
    kept_of: impl Fn(&str) -> Option<&'a Value>,
) {
    let messages = body.get_mut("messages").and_then(Value::as_array_mut);
    for message in messages.into_iter().flatten() {
        let Some(calls) = message.get_mut("tool_calls").and_then(Value::as_array_mut) else {
            continue;
        };
        if field == "extra_content" {
            sign(calls);
            continue;
        }
        let id = calls.first().and_then(|call| call["id"].as_str());
        let kept = id.and_then(&kept_of);
        let text = ["reasoning_content", "reasoning"]
            .iter()
            .find_map(|name| kept?.get(*name));
        let text = text.cloned();
        insist(message, field, text.as_ref());
    }
}
