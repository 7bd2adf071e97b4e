//! The items of an answer that go back with it: encrypted reasoning, before the calls it led to.

use serde_json::{Value, json};

use crate::llm::model::{Replay, ToolCall};
use crate::llm::wire::conversation::{Call, is_blank, safe_id};
use crate::llm::wire::halves::joined;
use crate::llm::wire::responses::item::{AnswerItem, ItemKind};
use crate::llm::wire::responses::items::AnswerItems;
use crate::llm::wire::responses::name::NAME;

/// The record of a complete answer, whose `calls` are those that were handed out. None when text and
/// calls say all there is; and none when something of it cannot go back, since the API refuses reasoning
/// without what followed it, and what followed without the reasoning.
pub(super) fn record(model: &str, items: &AnswerItems, calls: &[ToolCall]) -> Option<Replay> {
    let is_worth_it =
        |item: &AnswerItem| item.kind == ItemKind::Reasoning || item.value["phase"].is_string();
    if !items.iter().any(is_worth_it) || !items.iter().all(is_whole) {
        return None;
    }
    let mut calls = calls.iter();
    let mut content = Vec::new();
    for item in items.iter() {
        let mut value = item.value.clone();
        match item.kind {
            ItemKind::Message if is_blank(&item.text()) => continue,
            ItemKind::Message => {}
            ItemKind::Reasoning => drop_member(&mut value, "status"),
            ItemKind::Call => {
                let call = calls.next()?;
                value["call_id"] = json!(safe_id(&call.id));
                value["arguments"] = json!(item.arguments);
            }
            ItemKind::Foreign => return None,
        }
        tidy(&mut value);
        content.push(value);
    }
    while content
        .last()
        .is_some_and(|item| item["type"] == "reasoning")
    {
        content.pop();
    }
    (!content.is_empty()).then(|| Replay {
        provider: NAME.to_owned(),
        model: model.to_owned(),
        content: content.into(),
    })
}

/// True if an item was not cut off, and holds what the server needs to read it again.
fn is_whole(item: &AnswerItem) -> bool {
    let is_kept = item.value["encrypted_content"].is_string()
        || item.value["content"]
            .as_array()
            .is_some_and(|parts| !parts.is_empty());
    item.is_done
        && !matches!(
            item.value["status"].as_str(),
            Some("incomplete" | "in_progress")
        )
        && (item.kind != ItemKind::Reasoning || is_kept)
}

/// The recorded items, if they came from this model and hold exactly these calls.
pub(super) fn replayed(model: &str, calls: &[Call<'_>], replay: &Replay) -> Option<Vec<Value>> {
    if replay.provider != NAME || replay.model != model {
        return None;
    }
    let items = replay.content.as_array()?;
    let recorded = items.iter().filter(|item| item["type"] == "function_call");
    let recorded = recorded.map(|item| item["call_id"].as_str().unwrap_or_default());
    let asked = calls.iter().map(|call| call.id.as_ref());
    if !recorded.eq(asked) {
        return None;
    }
    Some(items.clone())
}

/// Takes away members that are null, which are refused where they are only absent otherwise, and halves
/// of characters.
fn tidy(value: &mut Value) {
    match value {
        Value::String(text) => *text = joined(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(tidy);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn drop_member(value: &mut Value, name: &str) {
    if let Some(members) = value.as_object_mut() {
        members.shift_remove(name);
    }
}
