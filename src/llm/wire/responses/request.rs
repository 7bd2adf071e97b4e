//! A request as the Responses API wants it.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::llm::model::{ChatRequest, Part};
use crate::llm::wire::conversation::{Call, Entry, input, is_blank, mend, text_alone};
use crate::llm::wire::family::ModelFamily;
use crate::llm::wire::responses::replay;
use crate::platform::hex::hex;

/// A lower limit of an answer is refused.
const MIN_OUTPUT_TOKENS: u32 = 16;

/// The body of a streamed request.
///
/// The conversation stands last and every turn only adds to it, so that what the provider has cached of
/// one turn is the beginning of the next.
pub(super) fn body(request: &ChatRequest) -> Value {
    let family = ModelFamily::of(&request.model);
    let mut body = Map::new();
    body.insert("model".into(), json!(request.model));
    body.insert("stream".into(), json!(true));
    body.insert("store".into(), json!(false));
    if family != ModelFamily::Plain {
        let include = json!(["reasoning.encrypted_content"]);
        body.insert("include".into(), include);
    }
    if let Some(reasoning) = reasoning(request, family) {
        body.insert("reasoning".into(), reasoning);
    }
    if let Some(verbosity) = request.verbosity.filter(|_| family.takes_verbosity()) {
        body.insert("text".into(), json!({"verbosity": verbosity}));
    }
    if let Some(limit) = request.max_output_tokens {
        let limit = limit.max(MIN_OUTPUT_TOKENS);
        body.insert("max_output_tokens".into(), json!(limit));
    }
    if let (Some(temperature), ModelFamily::Plain | ModelFamily::Unknown) =
        (request.temperature, family)
    {
        body.insert("temperature".into(), json!(temperature));
    }
    body.insert("prompt_cache_key".into(), json!(cache_key(request)));
    if !is_blank(&request.system) {
        body.insert("instructions".into(), json!(request.system));
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                // Otherwise a schema with optional members is refused.
                "strict": false,
            })
        });
        body.insert("tools".into(), tools.collect());
    }
    body.insert("input".into(), items(request));
    Value::Object(body)
}

/// The amount of reasoning, and its summary, which shows that something happens.
fn reasoning(request: &ChatRequest, family: ModelFamily) -> Option<Value> {
    let mut reasoning = Map::new();
    if let Some(effort) = request.effort.and_then(|asked| family.effort(asked)) {
        reasoning.insert("effort".into(), json!(effort));
    }
    if matches!(family, ModelFamily::Reasons(_)) {
        reasoning.insert("summary".into(), json!("auto"));
    }
    (!reasoning.is_empty()).then(|| Value::Object(reasoning))
}

/// A key that is the same for all turns of a conversation, so that they reach the same cache: all
/// conversations begin with the same instructions, and would be spread over caches otherwise.
fn cache_key(request: &ChatRequest) -> String {
    let mut digest = Sha256::new();
    digest.update(&request.system);
    let first = request.messages.first();
    digest.update(serde_json::to_vec(&first).unwrap_or_default());
    hex(&digest.finalize()[..16])
}

fn items(request: &ChatRequest) -> Value {
    let mut items = Vec::new();
    for entry in mend(&request.messages) {
        match entry {
            Entry::System(text) => items.push(message("system", &json!(text))),
            Entry::Note(text) => items.push(message("user", &json!(text))),
            Entry::User(parts) => items.push(message("user", &content(&parts))),
            Entry::Assistant {
                text,
                calls,
                replay,
            } => {
                let recorded = replay.and_then(|it| replay::replayed(&request.model, &calls, it));
                items.extend(recorded.unwrap_or_else(|| assistant(text, &calls)));
            }
            Entry::Results(outcomes) => items.extend(outcomes.iter().map(|outcome| {
                json!({
                    "type": "function_call_output",
                    "call_id": outcome.id,
                    "output": outcome.content,
                })
            })),
        }
    }
    Value::Array(items)
}

fn message(role: &str, content: &Value) -> Value {
    json!({"type": "message", "role": role, "content": content})
}

/// Plain text as a string; parts only with images.
fn content(parts: &[&Part]) -> Value {
    if let Some(text) = text_alone(parts) {
        return json!(text);
    }
    parts
        .iter()
        .map(|part| match part {
            Part::Text { text } => json!({"type": "input_text", "text": text}),
            Part::Image { media_type, data } => json!({
                "type": "input_image",
                "detail": "auto",
                "image_url": format!("data:{media_type};base64,{data}"),
            }),
        })
        .collect()
}

/// The answer of a model without the items that it came in.
fn assistant(text: &str, calls: &[Call<'_>]) -> Vec<Value> {
    let text = (!is_blank(text)).then(|| message("assistant", &json!(text)));
    let calls = calls.iter().map(|call| {
        json!({
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": Value::Object(input(call.arguments)).to_string(),
        })
    });
    text.into_iter().chain(calls).collect()
}
