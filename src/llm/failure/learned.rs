//! Lessons of refusals about the models of a provider: remembered, so that no request is refused twice
//! for the same reason.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use serde_json::{Map, Value, json};

use crate::llm::error::{Allowed, LlmError};
use crate::llm::failure::fields::{REASONING, STREAM};
use crate::platform::sync::lock;

/// The most models that something is remembered of.
const MAX_MODELS: usize = 1_024;
/// An answer limit is not lowered below this, in tokens.
const MIN_LIMIT: u32 = 256;
/// The names of the answer limit.
const LIMITS: [&str; 3] = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
/// Two of them; a server that refuses one is told the other.
const EITHER: [&str; 2] = ["max_tokens", "max_completion_tokens"];

/// Lessons by model.
#[derive(Debug, Default)]
pub(in crate::llm) struct Lessons(Mutex<HashMap<String, Lesson>>);

/// Lessons about one model.
#[derive(Clone, Debug, Default)]
struct Lesson {
    /// Fields that its server does not know.
    left_out: BTreeSet<&'static str>,
    /// Fields that its server insists on.
    put_back: BTreeSet<&'static str>,
    /// The longest answer that it gives, in tokens.
    longest: Option<u32>,
    /// Its window, in tokens.
    window: Option<u32>,
    /// The tokens of a request of so many bytes.
    density: Option<(u32, usize)>,
}

impl Lessons {
    /// Fields that the model's server insists on.
    pub(in crate::llm) fn put_back(&self, model: &str) -> Vec<&'static str> {
        let lessons = lock(&self.0);
        let fields = lessons.get(model).map(|lesson| &lesson.put_back);
        fields.into_iter().flatten().copied().collect()
    }

    /// Changes a request to what the model's server takes.
    pub(in crate::llm) fn apply(&self, model: &str, body: &mut Value) {
        let Some(lesson) = lock(&self.0).get(model).cloned() else {
            return;
        };
        if let Some(limit) = limit_of(body)
            && let Some(lower) = lesson.limit(limit, body)
        {
            set_limit(body, lower);
        }
        for field in &lesson.left_out {
            leave_out(field, &lesson.left_out, body);
        }
    }

    /// Learns from a refusal of `body`. Answers whether the next request will be another one.
    pub(in crate::llm) fn learn(&self, model: &str, body: &Value, error: &LlmError) -> bool {
        let mut lessons = lock(&self.0);
        if lessons.len() >= MAX_MODELS && !lessons.contains_key(model) {
            return false;
        }
        let lesson = lessons.entry(model.to_owned()).or_default();
        match error {
            LlmError::ContextTooLong { window, .. } => {
                lesson.window = window.or(lesson.window);
                false
            }
            LlmError::FieldRefused { field, .. } => match meant(body, field) {
                Some(field) => {
                    lesson.put_back.remove(field);
                    lesson.left_out.insert(field)
                }
                None => false,
            },
            LlmError::FieldMissing { field, .. } => {
                !lesson.left_out.contains(field) && lesson.put_back.insert(field)
            }
            LlmError::AnswerLimit { allowed, .. } => lesson.shorten(*allowed, body),
            LlmError::RateLimited { .. }
            | LlmError::Unavailable { .. }
            | LlmError::Network { .. }
            | LlmError::TimedOut { .. }
            | LlmError::Unauthorized { .. }
            | LlmError::QuotaExhausted { .. }
            | LlmError::Blocked { .. }
            | LlmError::UnknownModel { .. }
            | LlmError::Rejected { .. }
            | LlmError::Botched { .. }
            | LlmError::Protocol { .. }
            | LlmError::Repeats { .. }
            | LlmError::Truncated { .. } => false,
        }
    }

    /// The window of a model, if a refusal said it; in tokens.
    pub(in crate::llm) fn window(&self, model: &str) -> Option<u32> {
        lock(&self.0).get(model)?.window
    }
}

impl Lesson {
    /// The limit for this request, if it is lower than `asked`.
    fn limit(&self, asked: u32, body: &Value) -> Option<u32> {
        let lower = [self.longest, self.left_beside(body)];
        let lower = lower.into_iter().flatten().min()?;
        (lower < asked).then_some(lower)
    }

    /// The part that this request leaves of the window, at the density of the request that was refused.
    fn left_beside(&self, body: &Value) -> Option<u32> {
        let (window, (tokens, bytes)) = (self.window?, self.density?);
        let now = u64::try_from(body.to_string().len()).ok()?;
        let then = u64::try_from(bytes.max(1)).ok()?;
        let input = u32::try_from(now * u64::from(tokens) / then).ok()?;
        // Other text has other tokens.
        let spare = window / 64;
        let left = window.saturating_sub(input).saturating_sub(spare);
        Some(left.max(MIN_LIMIT))
    }

    fn shorten(&mut self, allowed: Allowed, body: &Value) -> bool {
        let Some(asked) = limit_of(body) else {
            return false;
        };
        if let Allowed::Beside { window, input } = allowed {
            self.window = Some(window);
            self.density = Some((input, body.to_string().len()));
            if self.limit(asked, body).is_some() {
                return true;
            }
        }
        let said = match allowed {
            Allowed::Tokens(most) => Some(most),
            Allowed::Beside { .. } | Allowed::Less => None,
        };
        // The number given may leave something out that counts too.
        let longest = said.filter(|most| *most < asked).unwrap_or(asked / 2);
        self.longest = Some(longest);
        longest >= MIN_LIMIT
    }
}

/// The answer limit of a request.
fn limit_of(body: &Value) -> Option<u32> {
    let limit = LIMITS.iter().find_map(|name| body.get(*name)?.as_u64())?;
    u32::try_from(limit).ok()
}

fn set_limit(body: &mut Value, limit: u32) {
    for name in LIMITS {
        if let Some(value) = body.get_mut(name) {
            *value = json!(limit);
        }
    }
}

/// Takes a field away, wherever it stands.
fn leave_out(field: &str, left_out: &BTreeSet<&str>, body: &mut Value) {
    if field == STREAM {
        body[STREAM] = json!(false);
        return leave_out("stream_options", left_out, body);
    }
    if let Some((outer, inner)) = field.split_once('.') {
        return leave_out_within(outer, inner, body);
    }
    let removed = body
        .as_object_mut()
        .and_then(|body| body.shift_remove(field));
    let other = EITHER.iter().find(|name| **name != field);
    if EITHER.contains(&field)
        && let (Some(value), Some(other)) = (removed, other)
    {
        if !left_out.contains(other) {
            body[*other] = value;
        }
        return;
    }
    if let Some(messages) = body.get_mut("messages") {
        strip(field, messages);
    }
    for part in ["system", "tools"] {
        if let Some(blocks) = body.get_mut(part).and_then(Value::as_array_mut) {
            for block in blocks.iter_mut().filter_map(Value::as_object_mut) {
                block.shift_remove(field);
            }
        }
    }
}

/// Takes a member of a field away, and the field when nothing else is in it.
fn leave_out_within(outer: &str, inner: &str, body: &mut Value) {
    let Some(fields) = body.get_mut(outer).and_then(Value::as_object_mut) else {
        return;
    };
    fields.shift_remove(inner);
    if fields.is_empty()
        && let Some(body) = body.as_object_mut()
    {
        body.shift_remove(outer);
    }
}

/// Takes a field away from messages and their parts, and parts that are of this kind. What a model wrote,
/// arguments and texts, is not looked into.
fn strip(field: &str, value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.retain(|item| item["type"].as_str() != Some(field));
            for item in items {
                strip(field, item);
            }
        }
        Value::Object(fields) => strip_fields(field, fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn strip_fields(field: &str, fields: &mut Map<String, Value>) {
    fields.shift_remove(field);
    for (name, value) in fields {
        if matches!(name.as_str(), "content" | "tool_calls") {
            strip(field, value);
        }
    }
}

/// The field of a request that a refusal means: the one that it names, or another one for reasoning.
fn meant(body: &Value, field: &'static str) -> Option<&'static str> {
    if is_in(body, field) {
        return Some(field);
    }
    let kin = REASONING.contains(&field);
    let mut others = REASONING.iter().copied().filter(|_| kin);
    others.find(|other| body.get(*other).is_some())
}

/// True if a request has a field, at its top or in its messages.
fn is_in(body: &Value, field: &str) -> bool {
    if field == STREAM {
        return body[STREAM] == json!(true);
    }
    let mut without = body.clone();
    leave_out(field, &LIMITS.into_iter().collect(), &mut without);
    without != *body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(limit: u32) -> Value {
        json!({
            "model": "m", "stream": true, "stream_options": {"include_usage": true},
            "max_tokens": limit, "temperature": 0.2,
            "messages": [{"role": "user", "content": [
                {"type": "text", "text": "hello", "cache_control": {"type": "ephemeral"}},
                {"type": "tool_use", "input": {"cache_control": "mine"}},
            ]}],
        })
    }

    fn limit_error(allowed: Allowed) -> LlmError {
        LlmError::AnswerLimit {
            provider: "test",
            allowed,
            reason: String::new(),
        }
    }

    fn field_error(field: &'static str) -> LlmError {
        LlmError::FieldRefused {
            provider: "test",
            status: 400,
            field,
            reason: String::new(),
        }
    }

    fn applied(lessons: &Lessons, limit: u32) -> Value {
        let mut body = body(limit);
        lessons.apply("m", &mut body);
        body
    }

    #[test]
    fn a_lower_limit_is_remembered_for_its_model_alone() {
        let lessons = Lessons::default();
        assert!(lessons.learn("m", &body(8_192), &limit_error(Allowed::Tokens(4_096))));
        assert_eq!(applied(&lessons, 8_192)["max_tokens"], 4_096);
        assert_eq!(applied(&lessons, 1_000)["max_tokens"], 1_000);
        let mut other = body(8_192);
        lessons.apply("other", &mut other);
        assert_eq!(other["max_tokens"], 8_192);
    }

    #[test]
    fn what_the_window_leaves_is_asked_for_and_less_when_that_is_refused_too() {
        let lessons = Lessons::default();
        let error = limit_error(Allowed::Beside {
            window: 8_192,
            input: 1_500,
        });
        assert!(lessons.learn("m", &body(8_192), &error));
        let lower = applied(&lessons, 8_192);
        assert_eq!(lower["max_tokens"], 8_192 - 1_500 - 128);
        assert!(lessons.learn("m", &lower, &error));
        assert_eq!(applied(&lessons, 8_192)["max_tokens"], 3_282);
        assert_eq!(lessons.window("m"), Some(8_192));
    }

    #[test]
    fn a_limit_is_not_lowered_for_ever() {
        let lessons = Lessons::default();
        let mut sent = body(8_192);
        let mut asked = 0;
        while lessons.learn("m", &sent, &limit_error(Allowed::Less)) {
            sent = applied(&lessons, 8_192);
            asked += 1;
        }
        assert_eq!(asked, 5);
    }

    #[test]
    fn a_refused_field_is_left_out_wherever_it_stands_but_not_of_what_the_model_wrote() {
        let lessons = Lessons::default();
        for field in ["stream_options", "cache_control"] {
            assert!(lessons.learn("m", &body(1), &field_error(field)));
            assert!(!lessons.learn("m", &body(1), &field_error(field)), "twice");
        }
        let sent = applied(&lessons, 1);
        assert_eq!(sent.get("stream_options"), None);
        let content = &sent["messages"][0]["content"];
        assert_eq!(content[0].get("cache_control"), None);
        assert_eq!(content[1]["input"]["cache_control"], "mine");
        assert!(
            !lessons.learn("m", &body(1), &field_error("thinking")),
            "it was not sent"
        );
    }

    #[test]
    fn the_other_name_of_the_answer_limit_is_tried() {
        let lessons = Lessons::default();
        assert!(lessons.learn("m", &body(9), &field_error("max_tokens")));
        let sent = applied(&lessons, 9);
        assert_eq!(sent["max_completion_tokens"], 9);
        assert_eq!(sent.get("max_tokens"), None);
        assert!(lessons.learn("m", &sent, &field_error("max_completion_tokens")));
        let sent = applied(&lessons, 9);
        assert!(sent.get("max_tokens").is_none() && sent.get("max_completion_tokens").is_none());
    }

    #[test]
    fn a_member_of_a_field_is_left_out_alone_and_the_field_with_its_last_one() {
        let lessons = Lessons::default();
        let body = json!({"reasoning": {"effort": "xhigh", "summary": "auto"}, "max_output_tokens": 9_000});
        assert!(lessons.learn("m", &body, &field_error("reasoning.effort")));
        let mut sent = body.clone();
        lessons.apply("m", &mut sent);
        assert_eq!(sent["reasoning"], json!({"summary": "auto"}));
        assert!(lessons.learn("m", &sent, &field_error("reasoning.summary")));
        assert!(lessons.learn("m", &sent, &limit_error(Allowed::Tokens(8_000))));
        lessons.apply("m", &mut sent);
        assert_eq!(sent, json!({"max_output_tokens": 8_000}));
    }

    #[test]
    fn a_server_that_does_not_stream_is_asked_for_a_whole_answer() {
        let lessons = Lessons::default();
        assert!(lessons.learn("m", &body(1), &field_error(STREAM)));
        let sent = applied(&lessons, 1);
        assert_eq!(sent["stream"], false);
        assert_eq!(sent.get("stream_options"), None);
    }

    #[test]
    fn a_server_without_reasoning_is_asked_for_none_whatever_it_calls_it() {
        let lessons = Lessons::default();
        let mut sent = json!({"model": "m", "reasoning_effort": "high"});
        assert!(lessons.learn("m", &sent, &field_error("thinking")));
        lessons.apply("m", &mut sent);
        assert_eq!(sent, json!({"model": "m"}));
    }

    #[test]
    fn a_field_that_a_server_insists_on_is_put_back_unless_it_was_refused_before() {
        let missing = |field| LlmError::FieldMissing {
            provider: "test",
            status: 400,
            field,
            reason: String::new(),
        };
        let lessons = Lessons::default();
        assert!(lessons.learn("m", &body(1), &missing("reasoning_content")));
        assert!(
            !lessons.learn("m", &body(1), &missing("reasoning_content")),
            "twice"
        );
        assert_eq!(lessons.put_back("m"), ["reasoning_content"]);
        let mut sent = body(1);
        sent["messages"][0]["reasoning_content"] = json!("I look.");
        assert!(lessons.learn("m", &sent, &field_error("reasoning_content")));
        assert!(!lessons.learn("m", &sent, &missing("reasoning_content")));
        assert!(lessons.put_back("m").is_empty());
    }

    #[test]
    fn reasoning_that_is_refused_goes_with_its_block() {
        let lessons = Lessons::default();
        let mut sent = json!({"thinking": {"type": "adaptive"}, "messages": [{"role": "assistant", "content": [
            {"type": "thinking", "thinking": "I look.", "signature": "c2ln"},
            {"type": "text", "text": "Done."},
        ]}]});
        assert!(lessons.learn("m", &sent, &field_error("thinking")));
        lessons.apply("m", &mut sent);
        assert_eq!(
            sent,
            json!({"messages": [{"role": "assistant", "content": [{"type": "text", "text": "Done."}]}]})
        );
    }
}
