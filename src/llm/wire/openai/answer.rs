//! An answer of Chat Completions: deltas of one message, then its usage.

use serde_json::{Map, Value, json};

use crate::llm::error::LlmError;
use crate::llm::failure::broken::Broken;
use crate::llm::failure::classify::{Failure, classify, status_of};
use crate::llm::model::{ChatRequest, Completion, Replay, StopReason, StreamEvent, Usage};
use crate::llm::wire::calls::{Calls, Piece};
use crate::llm::wire::codec::{Decoder, is_botched};
use crate::llm::wire::counts::{clamped, count, merge};
use crate::llm::wire::halves;
use crate::llm::wire::halves::Joiner;
use crate::llm::wire::openai::dialect::Dialect;
use crate::llm::wire::openai::event::{CallDelta, Choice, Chunk, Delta};
use crate::llm::wire::openai::thought::{ReasoningDelta, Thought};
use crate::llm::wire::sse::Frame;

/// Reads one answer.
pub(super) struct Answer {
    dialect: Dialect,
    model: String,
    served_by: Option<String>,
    calls: Calls,
    thought: Thought,
    counts: Map<String, Value>,
    finish: Option<String>,
    text: Joiner,
    reasoning: Joiner,
    refused: bool,
    answered: bool,
    done: bool,
}

impl Answer {
    pub(super) fn new(request: &ChatRequest, dialect: Dialect) -> Self {
        Self {
            dialect,
            model: request.model.clone(),
            served_by: None,
            calls: Calls::new(request),
            thought: Thought::new(dialect.ways(&request.model)),
            counts: Map::new(),
            finish: None,
            text: Joiner::default(),
            reasoning: Joiner::default(),
            refused: false,
            answered: false,
            done: false,
        }
    }

    fn read(&mut self, data: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        let provider = self.dialect.provider;
        let chunk: Chunk = halves::read(data)
            .map_err(|error| Broken::new(format!("a chunk is malformed: {error}")).by(provider))?;
        if !chunk.error.is_null() {
            return Err(self.failure(&chunk.error));
        }
        if chunk.object.as_deref() == Some("error") {
            let error = halves::read(data).unwrap_or_default();
            return Err(self.failure(&error));
        }
        if self.served_by.is_none() {
            self.served_by = chunk.model.filter(|model| !model.is_empty());
        }
        for usage in [&chunk.usage, &chunk.x_groq["usage"]] {
            merge(&mut self.counts, usage);
        }
        // One answer was asked for; further ones belong to no question.
        for choice in chunk.choices.unwrap_or_default() {
            if choice.index == 0 {
                self.choice(choice, out)?;
            }
        }
        Ok(())
    }

    fn choice(&mut self, choice: Choice, out: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        self.answered = true;
        if !choice.error.is_null() {
            return Err(self.failure(&choice.error));
        }
        let is_whole = choice.delta.is_none();
        if let Some(delta) = choice.delta.or(choice.message) {
            self.delta(delta, is_whole, out)
                .map_err(|broken| broken.by(self.dialect.provider))?;
        }
        if let Some(finish) = choice.finish_reason.filter(|finish| !finish.is_empty()) {
            if finish == "error" {
                return Err(self.failure(&json!({"message": "the model stopped with an error"})));
            }
            self.finish = Some(finish);
        }
        if let Some(native) = choice
            .native_finish_reason
            .filter(|native| is_botched(native))
        {
            self.finish = Some(native);
        }
        Ok(())
    }

    fn delta(
        &mut self,
        delta: Delta,
        is_whole: bool,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), Broken> {
        let piece = ReasoningDelta {
            content: delta.reasoning_content.as_str(),
            reasoning: delta.reasoning.as_str(),
            details: delta
                .reasoning_details
                .as_array()
                .map_or(&[], Vec::as_slice),
            is_whole,
        };
        self.thought.add(piece);
        let reasoning = self.reasoning.push(&piece.shown());
        if !reasoning.is_empty() {
            out.push(StreamEvent::Reasoning { delta: reasoning });
        }
        let text = match delta.content {
            Value::String(text) => text,
            Value::Array(parts) => parts
                .iter()
                .filter_map(|part| part["text"].as_str())
                .collect(),
            Value::Null => String::new(),
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
                return Err(Broken::new("`content` is not text"));
            }
        };
        let text = self.text.push(&text);
        if !text.is_empty() {
            out.push(StreamEvent::Text { delta: text });
        }
        if let Some(delta) = delta.refusal.filter(|text| !text.is_empty()) {
            self.refused = true;
            out.push(StreamEvent::Text { delta });
        }
        for call in delta.tool_calls.unwrap_or_default() {
            self.call(&call)?;
        }
        Ok(())
    }

    fn call(&mut self, call: &CallDelta) -> Result<(), Broken> {
        let id = call.id.as_deref().unwrap_or_default();
        let function = call.function.as_ref();
        let written;
        let arguments = match function.map(|function| &function.arguments) {
            Some(Value::String(text)) => text.as_str(),
            Some(object @ Value::Object(_)) => {
                written = object.to_string();
                &written
            }
            None | Some(Value::Null) => "",
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_)) => {
                return Err(Broken::new("a tool call's arguments are not text"));
            }
        };
        let index = call.index.as_str().and_then(|text| text.parse().ok());
        let place = self.calls.add(Piece {
            index: call.index.as_u64().or(index),
            id,
            name: function
                .and_then(|function| function.name.as_deref())
                .unwrap_or_default(),
            arguments,
        })?;
        if call.extra_content.is_object() {
            self.calls.keep(place, call.extra_content.clone())?;
        }
        Ok(())
    }

    /// `prompt_tokens` includes what the cache gave; `completion_tokens` includes reasoning,
    /// except where the dialect leaves it to the total.
    fn usage(&self) -> Option<Usage> {
        let usage = &Value::Object(self.counts.clone());
        let (input, output) = (
            count(usage, "/prompt_tokens"),
            count(usage, "/completion_tokens"),
        );
        if input.is_none() && output.is_none() {
            return None;
        }
        let (input, mut output) = (input.unwrap_or(0), output.unwrap_or(0));
        let mut reasoning =
            count(usage, "/completion_tokens_details/reasoning_tokens").unwrap_or(0);
        if self.dialect.reasoning_outside_output {
            let total = count(usage, "/total_tokens").unwrap_or(0);
            let hidden = total.saturating_sub(input).saturating_sub(output);
            output += hidden;
            reasoning = reasoning.max(hidden);
        }
        let cache_read = count(usage, "/prompt_tokens_details/cached_tokens")
            .or_else(|| count(usage, "/prompt_cache_hit_tokens"));
        Some(clamped(Usage {
            input,
            cache_read: cache_read.unwrap_or(0),
            cache_write: count(usage, "/prompt_tokens_details/cache_write_tokens").unwrap_or(0),
            output,
            reasoning,
        }))
    }

    fn complete(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        let finish = self.finish.take().unwrap_or_default().to_ascii_lowercase();
        if let Some(error) = self.unfinished(&finish) {
            return Err(error);
        }
        self.done = true;
        if let Some(delta) = self.text.rest() {
            out.push(StreamEvent::Text { delta });
        }
        let stop = match finish.as_str() {
            "length"
            | "max_tokens"
            | "max_output_tokens"
            | "model_length"
            | "model_context_window_exceeded" => StopReason::MaxTokens,
            "safety" | "sensitive" | "recitation" | "prohibited_content" | "blocklist" => {
                StopReason::Refused
            }
            filtered if filtered.starts_with("content_filter") => StopReason::Refused,
            _ if self.refused => StopReason::Refused,
            // Servers say `stop` after calls, and `tool_calls` after none; the calls decide.
            _ if self.calls.is_empty() => StopReason::End,
            _ => StopReason::ToolCalls,
        };
        let calls = self.calls.finish(stop == StopReason::MaxTokens);
        let replay = self.replay();
        out.extend(calls.into_iter().map(StreamEvent::ToolCall));
        out.push(StreamEvent::Done(Completion {
            stop,
            usage: self.usage(),
            model: self.served_by.take(),
            replay,
        }));
        Ok(())
    }

    /// The error of an answer that ended for a reason that is none of the model's.
    fn unfinished(&self, finish: &str) -> Option<LlmError> {
        let provider = self.dialect.provider;
        if is_botched(finish) {
            let reason = finish.to_owned();
            return Some(LlmError::Botched { provider, reason });
        }
        matches!(
            finish,
            "abort" | "aborted" | "network_error" | "insufficient_system_resource"
        )
        .then(|| self.truncated())
    }

    /// The replay of this turn; nothing when it is made of text and calls alone.
    fn replay(&mut self) -> Option<Replay> {
        let mut content = self.thought.for_return();
        let extras = self.calls.extras();
        if !extras.is_empty() {
            content.insert("calls".to_owned(), Value::Object(extras));
        }
        (!content.is_empty()).then(|| Replay {
            provider: self.dialect.provider.to_owned(),
            model: self.model.clone(),
            content: Value::Object(content),
        })
    }

    fn failure(&self, error: &Value) -> LlmError {
        classify(Failure {
            provider: self.dialect.provider,
            model: &self.model,
            status: status_of(error),
            retry_after: None,
            body: &json!({"error": error}).to_string(),
        })
    }

    fn truncated(&self) -> LlmError {
        LlmError::Truncated {
            provider: self.dialect.provider,
        }
    }
}

impl Decoder for Answer {
    fn frame(&mut self, frame: &Frame, out: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        let data = frame.data.trim();
        if data == "[DONE]" {
            // A stream that ends before it began is no answer.
            if !self.answered {
                return Err(self.truncated());
            }
            return self.complete(out);
        }
        // Some servers keep the connection alive with empty data instead of comments.
        if data.is_empty() {
            return Ok(());
        }
        self.read(data.as_bytes(), out)
    }

    /// Without `[DONE]` the answer is complete only if it said why it finished.
    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        if self.done {
            return Ok(());
        }
        if self.finish.is_none() {
            return Err(self.truncated());
        }
        self.complete(out)
    }

    fn whole(&mut self, body: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        self.read(body, out)?;
        if !self.answered {
            return Err(Broken::new("the answer has no choices").by(self.dialect.provider));
        }
        self.complete(out)
    }

    fn is_done(&self) -> bool {
        self.done
    }
}
