//! A request as the Messages API wants it.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::llm::model::{ChatRequest, Part, Replay};
use crate::llm::wire::anthropic::name::NAME;
use crate::llm::wire::anthropic::thinking;
use crate::llm::wire::conversation::{Call, Entry, Outcome, input, is_blank, mend};

/// The limit on an answer, which the API insists on, when the caller names none; every model allows as much.
const DEFAULT_MAX_TOKENS: u32 = 8_192;

/// The body of a streamed request.
///
/// Breakpoints for the prompt cache stand at the end of what stays the same from turn to turn:
/// after the tools, after the system text and after the last two user turns, four in all, which
/// is as many as the API takes.
pub(super) fn body(request: &ChatRequest) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), json!(request.model));
    let max_tokens = request.max_output_tokens.unwrap_or(DEFAULT_MAX_TOKENS);
    body.insert("max_tokens".into(), json!(max_tokens));
    body.insert("stream".into(), json!(true));
    let (messages, began_without) = messages(request);
    let takes_temperature = thinking::write(
        &request.model,
        request.effort,
        max_tokens,
        began_without,
        &mut body,
    );
    if let (Some(temperature), true) = (request.temperature, takes_temperature) {
        body.insert("temperature".into(), json!(temperature.clamp(0.0, 1.0)));
    }
    if !is_blank(&request.system) {
        let mut text = json!({"type": "text", "text": request.system});
        mark_for_cache(&mut text);
        body.insert("system".into(), json!([text]));
    }
    if !request.tools.is_empty() {
        let mut tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| {
                json!({
                    "name": tool.name,
                    "description": tool.description,
                    "input_schema": tool.parameters,
                })
            })
            .collect();
        tools.last_mut().into_iter().for_each(mark_for_cache);
        body.insert("tools".into(), Value::Array(tools));
    }
    body.insert("messages".into(), messages);
    Value::Object(body)
}

fn mark_for_cache(block: &mut Value) {
    block["cache_control"] = json!({"type": "ephemeral"});
}

/// A message being built: neighbours of the same role become one, as the API wants turns.
struct Turn {
    role: &'static str,
    content: Vec<Value>,
}

/// The turns, and whether the last of the model's has calls and no reasoning before them.
fn messages(request: &ChatRequest) -> (Value, bool) {
    let mut turns: Vec<Turn> = Vec::new();
    for entry in mend(&request.messages) {
        let (role, content) = match entry {
            Entry::System(text) => (
                "user",
                vec![text_block(&format!("<system>\n{text}\n</system>"))],
            ),
            Entry::Note(text) => ("user", vec![text_block(&text)]),
            Entry::User(parts) => ("user", parts.into_iter().map(part).collect()),
            Entry::Results(outcomes) => ("user", outcomes.iter().map(result).collect()),
            Entry::Assistant {
                text,
                calls,
                replay,
            } => ("assistant", assistant(request, text, &calls, replay)),
        };
        // A conversation that was shortened may begin with an answer; the API begins with a user.
        if turns.is_empty() && role == "assistant" {
            turns.push(Turn {
                role: "user",
                content: vec![text_block(
                    "(The beginning of the conversation is left out.)",
                )],
            });
        }
        match turns.last_mut() {
            Some(turn) if turn.role == role => turn.content.extend(content),
            Some(_) | None => turns.push(Turn { role, content }),
        }
    }
    // Nor may it end with an answer: that would ask the model to go on in mid-sentence.
    if turns.last().is_some_and(|turn| turn.role == "assistant") {
        turns.push(Turn {
            role: "user",
            content: vec![text_block("Continue.")],
        });
    }
    let user_turns = turns.iter_mut().rev().filter(|turn| turn.role == "user");
    for turn in user_turns.take(2) {
        turn.content.last_mut().into_iter().for_each(mark_for_cache);
    }
    let mut answers = turns.iter().rev().filter(|turn| turn.role == "assistant");
    let last = answers.next();
    let began_without = last.is_some_and(|turn| thinking::is_without(&turn.content));
    let turns = turns
        .into_iter()
        .map(|turn| json!({"role": turn.role, "content": turn.content}))
        .collect();
    (turns, began_without)
}

fn text_block(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text { text } => text_block(text),
        Part::Image { media_type, data } => json!({
            "type": "image",
            "source": {"type": "base64", "media_type": media_type, "data": data},
        }),
    }
}

fn result(outcome: &Outcome<'_>) -> Value {
    let mut block = json!({"type": "tool_result", "tool_use_id": outcome.id});
    if !is_blank(outcome.content) {
        block["content"] = json!(outcome.content);
    }
    if outcome.is_error {
        block["is_error"] = json!(true);
    }
    block
}

fn assistant(
    request: &ChatRequest,
    text: &str,
    calls: &[Call<'_>],
    replay: Option<&Replay>,
) -> Vec<Value> {
    if let Some(blocks) = replay.and_then(|replay| replayed(request, calls, replay)) {
        return blocks;
    }
    let text = (!is_blank(text)).then(|| text_block(text.trim_end()));
    let calls = calls.iter().map(|call| {
        json!({
            "type": "tool_use",
            "id": call.id,
            "name": call.name,
            "input": input(call.arguments),
        })
    });
    text.into_iter().chain(calls).collect()
}

/// The recorded blocks, if they came from this model and hold exactly these calls.
fn replayed(request: &ChatRequest, calls: &[Call<'_>], replay: &Replay) -> Option<Vec<Value>> {
    if replay.provider != NAME || replay.model != request.model {
        return None;
    }
    let blocks = replay.content.as_array()?;
    let recorded: HashSet<&str> = blocks
        .iter()
        .filter(|block| block["type"] == "tool_use")
        .filter_map(|block| block["id"].as_str())
        .collect();
    let asked: HashSet<&str> = calls.iter().map(|call| call.id.as_ref()).collect();
    (recorded == asked).then(|| blocks.clone())
}
