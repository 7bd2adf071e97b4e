//! An answer of the Responses API: items that begin, grow and end, then its usage.

use serde_json::{Map, Value, json};

use crate::llm::error::LlmError;
use crate::llm::failure::broken::Broken;
use crate::llm::failure::classify::{Failure, classify, status_of};
use crate::llm::model::{ChatRequest, Completion, StopReason, StreamEvent};
use crate::llm::wire::calls::{Calls, Piece};
use crate::llm::wire::codec::Decoder;
use crate::llm::wire::counts::merge;
use crate::llm::wire::halves;
use crate::llm::wire::halves::Joiner;
use crate::llm::wire::responses::event::{ItemPlace, ResponsesEvent};
use crate::llm::wire::responses::item::ItemKind;
use crate::llm::wire::responses::items::AnswerItems;
use crate::llm::wire::responses::name::NAME;
use crate::llm::wire::responses::{foreign, replay, usage};
use crate::llm::wire::sse::Frame;

/// Parts of text that belong to different items, or to different parts of a summary.
const BREAK: &str = "\n\n";

/// The end that an answer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AnswerEnding {
    Complete,
    CutOff,
    Withheld,
}

/// Reads one answer.
pub(super) struct ResponsesAnswer {
    model: String,
    served_by: Option<String>,
    calls: Calls,
    items: AnswerItems,
    counts: Map<String, Value>,
    text: Joiner,
    reasoning: Joiner,
    has_text: bool,
    /// True if an event was about a whole item; some servers send none.
    has_items: bool,
    refused: bool,
    /// The largest number that an event had.
    numbered: u64,
    done: bool,
}

impl ResponsesAnswer {
    pub(super) fn new(request: &ChatRequest) -> Self {
        Self {
            model: request.model.clone(),
            served_by: None,
            calls: Calls::new(request),
            items: AnswerItems::default(),
            counts: Map::new(),
            text: Joiner::default(),
            reasoning: Joiner::default(),
            has_text: false,
            has_items: false,
            refused: false,
            numbered: 0,
            done: false,
        }
    }

    fn read(&mut self, data: &str, out: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        let malformed = |error| Broken::new(format!("a frame is malformed: {error}")).by(NAME);
        let value: Value = halves::read(data.as_bytes()).map_err(malformed)?;
        if self.was_read(&value) {
            return Ok(());
        }
        // Gateways send their own failures without a type.
        if value["type"].is_null() && !value["error"].is_null() {
            return Err(self.failure(&value["error"]));
        }
        let event = serde_json::from_value(value).map_err(malformed)?;
        self.event(event, out)
    }

    /// True if a piece was sent before. Events are numbered upwards; servers that do not count give all
    /// of them the same number, or none. What is no piece may come twice.
    fn was_read(&mut self, event: &Value) -> bool {
        let Some(number) = event["sequence_number"].as_u64() else {
            return false;
        };
        let is_piece = event["type"]
            .as_str()
            .is_some_and(|kind| kind.rsplit('.').next() == Some("delta"));
        let was_read = is_piece && self.numbered > 0 && number <= self.numbered;
        self.numbered = self.numbered.max(number);
        was_read
    }

    fn event(&mut self, event: ResponsesEvent, out: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        match event {
            ResponsesEvent::Begun { response } => self.note(&response),
            ResponsesEvent::ItemAdded { output_index, item } => {
                self.has_items = true;
                self.items.begin(item, output_index).map_err(by_us)?;
            }
            ResponsesEvent::ItemDone { output_index, item } => {
                self.has_items = true;
                self.item(item, output_index, out).map_err(by_us)?;
            }
            ResponsesEvent::Text { place, delta } => {
                self.say(&place, &delta, out).map_err(by_us)?;
            }
            ResponsesEvent::Refusal { place, delta } => {
                self.refused = true;
                self.say(&place, &delta, out).map_err(by_us)?;
            }
            ResponsesEvent::Reasoning { place, delta } => {
                self.reason(&place, &delta, out).map_err(by_us)?;
            }
            ResponsesEvent::SummaryPart { place } => {
                let begun = self.items.at(&place, ItemKind::Reasoning);
                let ends_here = |said: &str| !said.is_empty() && !said.ends_with(BREAK);
                if begun.is_some_and(|item| ends_here(&item.said)) {
                    self.reason(&place, BREAK, out).map_err(by_us)?;
                }
            }
            ResponsesEvent::Arguments { place, delta } => {
                self.items.argue(&place, &delta).map_err(by_us)?;
            }
            ResponsesEvent::ArgumentsDone { place, arguments } => {
                self.items.settle(&place, &arguments).map_err(by_us)?;
            }
            ResponsesEvent::Completed { response } => {
                self.complete(response, AnswerEnding::Complete, out)?;
            }
            ResponsesEvent::Incomplete { response } => {
                self.complete(response, AnswerEnding::CutOff, out)?;
            }
            ResponsesEvent::Failed { response } => return Err(self.failure(&response["error"])),
            ResponsesEvent::Error {
                error: Value::Null,
                code,
                message,
                param,
            } => {
                let error = json!({"code": code, "message": message, "param": param});
                return Err(self.failure(&error));
            }
            ResponsesEvent::Error { error, .. } => return Err(self.failure(&error)),
            ResponsesEvent::Unknown => {}
        }
        Ok(())
    }

    fn note(&mut self, response: &Value) {
        let model = response["model"].as_str().filter(|name| !name.is_empty());
        if let Some(model) = model {
            self.served_by = Some(model.to_owned());
        }
        merge(&mut self.counts, &response["usage"]);
    }

    /// A complete item: what was not said of it yet is said now.
    fn item(
        &mut self,
        value: Value,
        index: Option<u64>,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), Broken> {
        let Some(item) = self.items.finish(value, index)? else {
            return Ok(());
        };
        self.refused |= item.refuses();
        let (kind, whole) = (item.kind, item.text());
        let Some(rest) = whole.strip_prefix(item.said.as_str()) else {
            return Ok(());
        };
        let is_first = item.said.is_empty();
        item.said.clone_from(&whole);
        match kind {
            ItemKind::Message => {
                self.text = Joiner::default();
                self.push_text(rest, is_first, out);
            }
            ItemKind::Reasoning => push_reasoning(rest, out),
            ItemKind::Call | ItemKind::Foreign => {}
        }
        Ok(())
    }

    fn say(
        &mut self,
        place: &ItemPlace,
        delta: &str,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), Broken> {
        self.items.grow(delta.len())?;
        let item = match self.items.at(place, ItemKind::Message) {
            Some(item) => item,
            None => self.items.imply(place)?,
        };
        if item.is_done {
            return Ok(());
        }
        let piece = self.text.push(delta);
        let is_first = item.said.is_empty();
        item.said.push_str(&piece);
        self.push_text(&piece, is_first, out);
        Ok(())
    }

    fn push_text(&mut self, piece: &str, is_first: bool, out: &mut Vec<StreamEvent>) {
        if piece.is_empty() {
            return;
        }
        let apart = if is_first && self.has_text { BREAK } else { "" };
        self.has_text = true;
        let delta = format!("{apart}{piece}");
        out.push(StreamEvent::Text { delta });
    }

    fn reason(
        &mut self,
        place: &ItemPlace,
        delta: &str,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), Broken> {
        self.items.grow(delta.len())?;
        let piece = self.reasoning.push(delta);
        if let Some(item) = self.items.at(place, ItemKind::Reasoning) {
            item.said.push_str(&piece);
        }
        push_reasoning(&piece, out);
        Ok(())
    }

    fn complete(
        &mut self,
        mut response: Value,
        ending: AnswerEnding,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), LlmError> {
        let ending = self.ending(&response, ending)?;
        self.note(&response);
        // The items are repeated at the end, by some servers under other ids.
        if !self.has_items
            && let Value::Array(items) = response["output"].take()
        {
            for (index, item) in (0..).zip(items) {
                self.item(item, Some(index), out).map_err(by_us)?;
            }
        }
        let rest = self.text.rest().unwrap_or_default();
        self.push_text(&rest, false, out);
        self.gather().map_err(by_us)?;
        self.done = true;
        let stop = match ending {
            AnswerEnding::Withheld => StopReason::Refused,
            AnswerEnding::CutOff => StopReason::MaxTokens,
            AnswerEnding::Complete if self.refused => StopReason::Refused,
            AnswerEnding::Complete if self.calls.is_empty() => StopReason::End,
            AnswerEnding::Complete => StopReason::ToolCalls,
        };
        let calls = self.calls.finish(stop == StopReason::MaxTokens);
        let replay = replay::record(&self.model, &self.items, &calls);
        out.extend(calls.into_iter().map(StreamEvent::ToolCall));
        out.push(StreamEvent::Done(Completion {
            stop,
            usage: usage::of(&self.counts),
            model: self.served_by.take(),
            replay,
        }));
        Ok(())
    }

    /// The end of an answer, which its status says better than the name of the event.
    fn ending(&self, response: &Value, ending: AnswerEnding) -> Result<AnswerEnding, LlmError> {
        let is_filtered = response["incomplete_details"]["reason"] == "content_filter";
        match response["status"].as_str() {
            Some("failed") => Err(self.failure(&response["error"])),
            Some("cancelled" | "queued") => Err(LlmError::Truncated { provider: NAME }),
            Some("incomplete") if is_filtered => Ok(AnswerEnding::Withheld),
            Some("incomplete") => Ok(AnswerEnding::CutOff),
            Some(_) | None if is_filtered => Ok(AnswerEnding::Withheld),
            Some(_) | None => Ok(ending),
        }
    }

    /// The calls of the answer, in their order. Those of tools that were not offered come behind them,
    /// and only if the server waits for them or says nothing else: they are told to the model as calls
    /// of tools that do not exist, and never run.
    fn gather(&mut self) -> Result<(), Broken> {
        let mut place = 0..;
        for item in self.items.iter().filter(|item| item.kind == ItemKind::Call) {
            self.calls.add(Piece {
                index: place.next(),
                id: [item.call_id(), item.id()]
                    .into_iter()
                    .find(|id| !id.is_empty())
                    .unwrap_or_default(),
                name: item.value["name"].as_str().unwrap_or_default(),
                arguments: &item.arguments,
            })?;
        }
        let is_silent = self.calls.is_empty() && !self.has_text;
        for item in self
            .items
            .iter()
            .filter(|item| item.kind == ItemKind::Foreign)
        {
            let Some(call) = foreign::call(&item.value) else {
                continue;
            };
            tracing::warn!(
                provider = NAME,
                tool = call.name,
                "the answer asks for a tool that was not offered"
            );
            if is_silent || foreign::awaits_result(&item.value) {
                self.calls.add(Piece {
                    index: place.next(),
                    id: &call.id,
                    name: &call.name,
                    arguments: &call.arguments,
                })?;
            }
        }
        Ok(())
    }

    fn failure(&self, error: &Value) -> LlmError {
        let unexplained = json!({"message": "the model stopped with an error"});
        let error = if error.is_null() { &unexplained } else { error };
        classify(Failure {
            provider: NAME,
            model: &self.model,
            status: status_of(error),
            retry_after: None,
            body: &json!({"error": error}).to_string(),
        })
    }
}

impl Decoder for ResponsesAnswer {
    fn frame(&mut self, frame: &Frame, out: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        let data = frame.data.trim();
        // Some servers keep the connection alive with empty data, or end as Chat Completions do.
        if data.is_empty() || data == "[DONE]" {
            return Ok(());
        }
        self.read(data, out)
    }

    fn end(&mut self, _: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        if self.done {
            Ok(())
        } else {
            Err(LlmError::Truncated { provider: NAME })
        }
    }

    fn whole(&mut self, body: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), LlmError> {
        let response: Value = halves::read(body)
            .map_err(|error| Broken::new(format!("the answer is malformed: {error}")).by(NAME))?;
        if !response["error"].is_null() {
            return Err(self.failure(&response["error"]));
        }
        if !response["output"].is_array() {
            return Err(Broken::new("the answer has no output").by(NAME));
        }
        if response["status"] == "in_progress" {
            return Err(LlmError::Truncated { provider: NAME });
        }
        self.complete(response, AnswerEnding::Complete, out)
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

fn by_us(broken: Broken) -> LlmError {
    broken.by(NAME)
}

fn push_reasoning(piece: &str, out: &mut Vec<StreamEvent>) {
    if !piece.is_empty() {
        let delta = piece.to_owned();
        out.push(StreamEvent::Reasoning { delta });
    }
}
