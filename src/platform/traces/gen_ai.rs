//! Spans of models, tools and agents, by the conventions for generative AI.
//!
//! These are those of `open-telemetry/semantic-conventions-genai` v0.1.0. Prompts and answers are never
//! part of a span.

use std::time::Duration;

use opentelemetry::trace::{SpanBuilder, SpanKind};
use opentelemetry::{Array, StringValue, Value};

use crate::platform::traces::context::{Convention, TraceContext, TraceSpan};

/// The name of the agent.
const AGENT: &str = "navi";

/// A question to a model.
#[derive(Clone, Copy, Debug)]
pub struct ModelQuestion<'a> {
    /// The provider's configured name.
    pub provider: &'a str,
    /// The model, as the provider calls it.
    pub model: &'a str,
    /// The conversation, if any.
    pub conversation: Option<&'a str>,
    /// The most tokens of the answer.
    pub max_tokens: Option<u32>,
    /// The temperature.
    pub temperature: Option<f32>,
}

/// Tokens of one or more answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenCounts {
    /// All input.
    pub input: u64,
    /// The part of the input that was read from a cache.
    pub cache_read: u64,
    /// The part of the input that was written to one.
    pub cache_write: u64,
    /// All output.
    pub output: u64,
    /// The part of the output that was reasoning.
    pub reasoning: u64,
}

/// Begins a span of a question to a model.
pub fn ask_model(at: &TraceContext, question: &ModelQuestion<'_>) -> TraceSpan {
    let ModelQuestion {
        provider,
        model,
        conversation,
        max_tokens,
        temperature,
    } = *question;
    let span = begin(at, "chat", model, SpanKind::Client);
    set_provider(&span, provider);
    span.set("gen_ai.request.model", model.to_owned());
    span.set("gen_ai.request.stream", true);
    if let Some(id) = conversation {
        span.set("gen_ai.conversation.id", id.to_owned());
    }
    if let Some(tokens) = max_tokens {
        span.set("gen_ai.request.max_tokens", i64::from(tokens));
    }
    if let Some(temperature) = temperature {
        span.set("gen_ai.request.temperature", f64::from(temperature));
    }
    span
}

/// Says how a model answered.
pub fn model_answered(span: &TraceContext, model: Option<&str>, reason: &'static str) {
    if let Some(model) = model {
        span.set("gen_ai.response.model", model.to_owned());
    }
    let reasons = Array::String(vec![StringValue::from(reason)]);
    span.set("gen_ai.response.finish_reasons", Value::Array(reasons));
}

/// Says when the first piece of an answer came.
pub fn first_chunk_after(span: &TraceContext, waited: Duration) {
    span.set("gen_ai.response.time_to_first_chunk", waited.as_secs_f64());
}

/// Records the used tokens.
pub fn used_tokens(span: &TraceContext, tokens: TokenCounts) {
    let TokenCounts {
        input,
        cache_read,
        cache_write,
        output,
        reasoning,
    } = tokens;
    for (name, tokens) in [
        ("gen_ai.usage.input_tokens", input),
        ("gen_ai.usage.cache_read.input_tokens", cache_read),
        ("gen_ai.usage.cache_write.input_tokens", cache_write),
        ("gen_ai.usage.output_tokens", output),
        ("gen_ai.usage.reasoning.output_tokens", reasoning),
    ] {
        span.set(name, i64::try_from(tokens).unwrap_or(i64::MAX));
    }
}

/// Begins a span of a tool at work.
pub fn execute_tool(at: &TraceContext, tool: &'static str, call_id: &str) -> TraceSpan {
    let span = begin(at, "execute_tool", tool, SpanKind::Internal);
    span.set("gen_ai.tool.name", tool);
    span.set("gen_ai.tool.type", "function");
    span.set("gen_ai.tool.call.id", call_id.to_owned());
    span
}

/// Begins a span of the agent at work with a model.
pub fn invoke_agent(at: &TraceContext, provider: &str, model: &str) -> TraceSpan {
    let span = begin(at, "invoke_agent", AGENT, SpanKind::Internal);
    set_provider(&span, provider);
    span.set("gen_ai.agent.name", AGENT);
    span.set("gen_ai.agent.version", env!("CARGO_PKG_VERSION"));
    span.set("gen_ai.request.model", model.to_owned());
    span
}

fn begin(at: &TraceContext, operation: &'static str, object: &str, kind: SpanKind) -> TraceSpan {
    if !at.is_there() {
        return TraceSpan::default();
    }
    let span = SpanBuilder::from_name(format!("{operation} {object}")).with_kind(kind);
    let span = at.span(Convention::GenAi, span);
    span.set("gen_ai.operation.name", operation);
    span
}

fn set_provider(span: &TraceContext, configured: &str) {
    let name = match configured {
        "google" => "gcp.gemini",
        other => other,
    };
    span.set("gen_ai.provider.name", name.to_owned());
    if span.keeps_older_names() {
        span.set("gen_ai.system", name.to_owned());
    }
}
