//! An answer of the Messages API: blocks that start, grow and stop.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use crate::llm::error::LlmError;
use crate::llm::failure::broken::Broken;
use crate::llm::failure::classify::{Failure, classify, status_of};
use crate::llm::model::{
    ChatRequest, Completion, Replay, StopReason, StreamEvent, ToolCall, Usage,
};
use crate::llm::wire::anthropic::event::{Delta, Event};
use crate::llm::wire::anthropic::name::NAME;
use crate::llm::wire::anthropic::thinking;
use crate::llm::wire::calls::{Calls, MAX_ARGUMENT_BYTES, Piece};
use crate::llm::wire::codec::{Decoder, is_botched};
use crate::llm::wire::conversation::{input, safe_id};
use crate::llm::wire::counts::{clamped, count, merge};
use crate::llm::wire::halves;
use crate::llm::wire::halves::Joiner;
use crate::llm::wire::sse::Frame;

/// More blocks than this in one answer are refused.
const MAX_BLOCKS: u64 = 2_048;

/// A block as it grows, kept for the replay.
enum Block {
    Text(String),
    Thinking {
        text: String,
        signature: String,
    },
    /// A call; its place among the answer's calls is the block's index.
    ToolUse,
    /// Anything else (redacted reasoning, the provider's own tools and their results), as it came,
    /// with the input that grew.
    Other {
        block: Value,
        input: String,
    },
}

/// Reads one answer.
pub(super) struct Answer {
    model: String,
    served_by: Option<String>,
    calls: Calls,
    blocks: BTreeMap<u64, Block>,
    /// The call's position among the calls, by block index.
    call_places: HashMap<u64, u64>,
    block_bytes: usize,
    counts: Map<String, Value>,
    stop: Option<String>,
    text: Joiner,
    reasoning: Joiner,
    done: bool,
}

impl Answer {
    pub(super) fn new(request: &ChatRequest) -> Self {
        Self {
            model: request.model.clone(),
            served_by: None,
            calls: Calls::new(request),
            blocks: BTreeMap::new(),
            call_places: HashMap::new(),
            block_bytes: 0,
            counts: Map::new(),
            stop: None,
            text: Joiner::default(),
            reasoning: Joiner::default(),
            done: false,
        }
    }

    fn event(&mut self, event: Event, out: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        match event {
            Event::MessageStart { message } => {
                self.served_by = message["model"].as_str().map(str::to_owned);
                self.count(&message["usage"]);
            }
            Event::ContentBlockStart {
                index,
                content_block,
            } => self.start(index, content_block, out).map_err(by_us)?,
            Event::ContentBlockDelta { index, delta } => {
                self.delta(index, delta, out).map_err(by_us)?;
            }
            Event::MessageDelta { delta, usage } => {
                if let Some(stop) = delta["stop_reason"].as_str() {
                    self.stop = Some(stop.to_owned());
                }
                self.count(&usage);
            }
            Event::MessageStop {} => self.complete(out)?,
            Event::Error { error } => return Err(self.failure(&error)),
            Event::ContentBlockStop {} | Event::Ping {} | Event::Unknown => {}
        }
        Ok(())
    }

    fn start(
        &mut self,
        index: u64,
        block: Value,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), Broken> {
        if index >= MAX_BLOCKS {
            return Err(Broken::new("a content block's index is out of range"));
        }
        let text = |key: &str| block[key].as_str().unwrap_or_default().to_owned();
        let kept = match block["type"].as_str() {
            Some("text") => {
                let text = self.text.push(&text("text"));
                say(&text, out);
                Block::Text(text)
            }
            Some("thinking") => {
                let thinking = self.reasoning.push(&text("thinking"));
                reason(&thinking, out);
                Block::Thinking {
                    text: thinking,
                    signature: text("signature"),
                }
            }
            Some("tool_use") => {
                let place = self.call_places.len() as u64;
                self.call_places.insert(index, place);
                // The input starts empty and grows; a few servers send it whole at once.
                let whole = block["input"]
                    .as_object()
                    .filter(|input| !input.is_empty())
                    .map(|_| block["input"].to_string());
                self.calls.add(Piece {
                    index: Some(place),
                    id: &text("id"),
                    name: &text("name"),
                    arguments: whole.as_deref().unwrap_or_default(),
                })?;
                Block::ToolUse
            }
            Some(_) => {
                self.grow(block.to_string().len())?;
                Block::Other {
                    block,
                    input: String::new(),
                }
            }
            None => return Err(Broken::new("a content block has no type")),
        };
        self.blocks.insert(index, kept);
        Ok(())
    }

    fn delta(
        &mut self,
        index: u64,
        delta: Delta,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), Broken> {
        let length = match &delta {
            Delta::TextDelta { text } => text.len(),
            Delta::ThinkingDelta { thinking } => thinking.len(),
            Delta::SignatureDelta { signature } => signature.len(),
            Delta::InputJsonDelta { partial_json } => partial_json.len(),
            Delta::Unknown => return Ok(()),
        };
        self.grow(length)?;
        let index = self.block_of(index, &delta);
        let Some(block) = self.blocks.get_mut(&index) else {
            return Err(Broken::new("a delta belongs to no content block"));
        };
        match (block, delta) {
            (Block::Text(kept), Delta::TextDelta { text }) => {
                let text = self.text.push(&text);
                kept.push_str(&text);
                say(&text, out);
            }
            (Block::Thinking { text: kept, .. }, Delta::ThinkingDelta { thinking }) => {
                let thinking = self.reasoning.push(&thinking);
                kept.push_str(&thinking);
                reason(&thinking, out);
            }
            (
                Block::Thinking {
                    signature: kept, ..
                },
                Delta::SignatureDelta { signature },
            ) => kept.push_str(&signature),
            (Block::ToolUse, Delta::InputJsonDelta { partial_json }) => {
                self.calls.add(Piece {
                    index: self.call_places.get(&index).copied(),
                    arguments: &partial_json,
                    ..Piece::default()
                })?;
            }
            (Block::Other { input, .. }, Delta::InputJsonDelta { partial_json }) => {
                input.push_str(&partial_json);
            }
            // Text in a block of another kind is still text for the reader.
            (_, Delta::TextDelta { text }) => say(&self.text.push(&text), out),
            (_, _) => {}
        }
        Ok(())
    }

    /// The block that a delta belongs to. Some gateways count blocks in another way than their deltas: the
    /// arguments of a call then belong to the last call that began.
    fn block_of(&self, index: u64, delta: &Delta) -> u64 {
        let takes = |block: &Block| matches!(block, Block::ToolUse | Block::Other { .. });
        let is_lost = matches!(delta, Delta::InputJsonDelta { .. })
            && !self.blocks.get(&index).is_some_and(takes);
        let calls = self.blocks.iter().rev();
        let last = calls.filter(|_| is_lost).find(|(_, block)| takes(block));
        last.map_or(index, |(index, _)| *index)
    }

    fn grow(&mut self, bytes: usize) -> Result<(), Broken> {
        self.block_bytes += bytes;
        if self.block_bytes > MAX_ARGUMENT_BYTES {
            return Err(Broken::new("the answer exceeds 8 MiB"));
        }
        Ok(())
    }

    /// Later counts replace earlier ones, since the deltas are cumulative; but a zero replaces no count.
    fn count(&mut self, usage: &Value) {
        merge(&mut self.counts, usage);
    }

    /// `input_tokens` leaves out what the cache gave and took, so the three are added.
    fn usage(&self) -> Option<Usage> {
        let counts = Value::Object(self.counts.clone());
        let number = |pointer| count(&counts, pointer);
        let (input, output) = (number("/input_tokens"), number("/output_tokens"));
        if input.is_none() && output.is_none() {
            return None;
        }
        let cache_read = number("/cache_read_input_tokens").unwrap_or(0);
        let cache_write = number("/cache_creation_input_tokens").unwrap_or(0);
        Some(clamped(Usage {
            input: input.unwrap_or(0) + cache_read + cache_write,
            cache_read,
            cache_write,
            output: output.unwrap_or(0),
            reasoning: number("/output_tokens_details/thinking_tokens").unwrap_or(0),
        }))
    }

    fn complete(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        let stop_name = self.stop.as_deref().unwrap_or_default();
        if is_botched(stop_name) {
            return Err(LlmError::Botched {
                provider: NAME,
                reason: stop_name.to_owned(),
            });
        }
        self.done = true;
        say(&self.text.rest().unwrap_or_default(), out);
        let stop = stop_reason(self.stop.as_deref(), self.calls.is_empty());
        let calls = self.calls.finish(stop == StopReason::MaxTokens);
        let replay = self.replay(&calls);
        out.extend(calls.into_iter().map(StreamEvent::ToolCall));
        out.push(StreamEvent::Done(Completion {
            stop,
            usage: self.usage(),
            model: self.served_by.take(),
            replay,
        }));
        Ok(())
    }

    /// The blocks as they must come back; only when there is something besides text and calls.
    fn replay(&mut self, calls: &[ToolCall]) -> Option<Replay> {
        let blocks = std::mem::take(&mut self.blocks);
        blocks
            .values()
            .any(|block| matches!(block, Block::Thinking { .. } | Block::Other { .. }))
            .then(|| Replay {
                provider: NAME.to_owned(),
                model: self.model.clone(),
                content: blocks
                    .into_iter()
                    .filter_map(|(index, block)| match block {
                        Block::Text(text) if text.trim().is_empty() => None,
                        Block::Text(text) => Some(json!({"type": "text", "text": text})),
                        Block::Thinking { text, signature } => {
                            thinking::block(&self.model, &text, &signature)
                        }
                        Block::ToolUse => {
                            let place = usize::try_from(*self.call_places.get(&index)?).ok()?;
                            let call = calls.get(place)?;
                            Some(json!({
                                "type": "tool_use",
                                "id": safe_id(&call.id),
                                "name": call.name,
                                "input": input(&call.arguments),
                            }))
                        }
                        Block::Other { mut block, input } => {
                            if let Ok(input) = serde_json::from_str::<Value>(&input) {
                                block["input"] = input;
                            }
                            Some(block)
                        }
                    })
                    .collect(),
            })
    }

    fn failure(&self, error: &Value) -> LlmError {
        classify(Failure {
            provider: NAME,
            model: &self.model,
            status: status_of(error),
            retry_after: None,
            body: &json!({"error": error}).to_string(),
        })
    }
}

impl Decoder for Answer {
    fn frame(&mut self, frame: &Frame, out: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        let event = halves::read(frame.data.as_bytes())
            .map_err(|error| Broken::new(format!("a frame is malformed: {error}")).by(NAME))?;
        if matches!(event, Event::Unknown) {
            tracing::debug!(
                provider = NAME,
                event = frame.event,
                "unknown kind of frame"
            );
        }
        self.event(event, out)
    }

    fn end(&mut self, _: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        if self.done {
            Ok(())
        } else {
            Err(LlmError::Truncated { provider: NAME })
        }
    }

    fn whole(&mut self, body: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        let message: Value = halves::read(body)
            .map_err(|error| Broken::new(format!("the answer is malformed: {error}")).by(NAME))?;
        if !message["error"].is_null() {
            return Err(self.failure(&message["error"]));
        }
        let Some(blocks) = message["content"].as_array() else {
            return Err(Broken::new("the answer has no content").by(NAME));
        };
        for (index, block) in (0..).zip(blocks) {
            self.start(index, block.clone(), out).map_err(by_us)?;
        }
        self.stop = message["stop_reason"].as_str().map(str::to_owned);
        self.served_by = message["model"].as_str().map(str::to_owned);
        self.count(&message["usage"]);
        self.complete(out)
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

fn by_us(broken: Broken) -> LlmError {
    broken.by(NAME)
}

fn say(text: &str, out: &mut Vec<StreamEvent>) {
    if !text.is_empty() {
        out.push(StreamEvent::Text {
            delta: text.to_owned(),
        });
    }
}

fn reason(text: &str, out: &mut Vec<StreamEvent>) {
    if !text.is_empty() {
        out.push(StreamEvent::Reasoning {
            delta: text.to_owned(),
        });
    }
}

fn stop_reason(reason: Option<&str>, no_calls: bool) -> StopReason {
    match reason {
        Some("max_tokens" | "model_context_window_exceeded") => StopReason::MaxTokens,
        Some("refusal") => StopReason::Refused,
        _ if no_calls => StopReason::End,
        _ => StopReason::ToolCalls,
    }
}
