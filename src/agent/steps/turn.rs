//! One question to the model and its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::agent::execution::run_loop::{Halt, Runner};
use crate::agent::model_call::{Answer, ModelCall};
use crate::agent::prompt::compaction;
use crate::agent::prompt::messages;
use crate::agent::prompt::messages::Reach;
use crate::ledger::model::Phase as CallPhase;
use crate::ledger::money::Nanos;
use crate::llm::error::LlmError;
use crate::llm::model::{ChatRequest, StreamEvent, ToolSpec};
use crate::llm::route::Route;
use crate::platform::redact::gate::Gate;
use crate::runs::event::Event;
use crate::runs::model::Stopped;
use crate::tools::tool::{Access, Tool};

/// A piece of text becomes an event when it is this long, or ends a sentence, or waited.
const TEXT_CHARS: usize = 30;
/// How long a piece of text may wait for more.
const TEXT_WAIT: Duration = Duration::from_millis(100);
/// The share of the model's window that the conversation may take, in percent, when the rest is
/// left for the answer and for errors of the estimate.
const WINDOW_PERCENT: usize = 75;

impl Runner {
    /// One question to the model and its answer, its text shown as it arrives.
    pub(crate) async fn turn(&mut self) -> Result<Answer, Halt> {
        self.check_limits()?;
        let tools = self.tool_specs();
        let budget = self.window_budget();
        let mut compacted = false;
        if compaction::estimate(messages::system(self.reach), &tools, &self.messages) > budget {
            compacted = compaction::compact(&mut self.messages, self.goal, budget);
        }
        loop {
            let request = self.request(tools.clone());
            match self.ask(&request).await? {
                Ok(answer) => return Ok(answer),
                Err(LlmError::ContextTooLong { .. }) if !compacted => {
                    compacted = compaction::compact(&mut self.messages, self.goal, budget / 2);
                    if compacted {
                        continue;
                    }
                    let provider = self.route.provider.name();
                    return self
                        .model_failed(&LlmError::ContextTooLong { provider })
                        .await;
                }
                Err(error) => return self.model_failed(&error).await,
            }
        }
    }

    fn request(&self, tools: Vec<ToolSpec>) -> ChatRequest {
        ChatRequest {
            model: self.route.provider_model.clone(),
            system: messages::system(self.reach).to_owned(),
            messages: self.messages.clone(),
            tools,
            max_output_tokens: Some(self.route.max_output_tokens),
            temperature: self.run.task.temperature(),
        }
    }

    /// Sends a request and shows the text of its answer. The outer error ends the run, the inner
    /// one is the model's.
    async fn ask(&mut self, request: &ChatRequest) -> Result<Result<Answer, LlmError>, Halt> {
        let began = Instant::now();
        let answer = self.stream_answer(request).await?;
        self.tally.llm_time += began.elapsed();
        self.tally.llm_calls += 1;
        Ok(answer)
    }

    async fn stream_answer(
        &mut self,
        request: &ChatRequest,
    ) -> Result<Result<Answer, LlmError>, Halt> {
        let caller = self.caller();
        let start = ModelCall::start(&caller, CallPhase::Autonomous, request);
        let mut call = match self.unless_halted(start).await? {
            Ok(call) => call,
            Err(error) => return Ok(Err(error)),
        };
        let mut answer = Answer::default();
        let mut gate = Gate::default();
        loop {
            // The future of the next event is kept over the wait for more text: dropping it could
            // lose an event that was already taken from the stream.
            let mut next = std::pin::pin!(call.next());
            let event = loop {
                let waits = !gate.waiting().is_empty();
                tokio::select! {
                    event = &mut next => break event,
                    () = self.halted.cancelled() => {
                        self.show_rest(&mut gate).await?;
                        return Err(Halt::Stopped(Stopped::Cancelled));
                    }
                    () = sleep(TEXT_WAIT), if waits => {
                        self.show(gate.take()).await?;
                    }
                }
            };
            match event {
                Some(Ok(StreamEvent::Text { delta })) => {
                    answer.text.push_str(&delta);
                    gate.push(&delta);
                    if is_worth_showing(gate.waiting()) {
                        self.show(gate.take()).await?;
                    }
                }
                Some(Ok(StreamEvent::Reasoning { .. })) => {}
                Some(Ok(StreamEvent::ToolCall(tool_call))) => answer.tool_calls.push(tool_call),
                Some(Ok(StreamEvent::Done(completion))) => {
                    answer.completion = Some(completion);
                    self.show_rest(&mut gate).await?;
                    return Ok(Ok(answer));
                }
                Some(Err(error)) => {
                    self.show_rest(&mut gate).await?;
                    return Ok(Err(error));
                }
                None => {
                    self.show_rest(&mut gate).await?;
                    return Ok(Err(LlmError::Truncated {
                        provider: self.route.provider.name(),
                    }));
                }
            }
        }
    }

    /// Writes a piece of the text as an event, if there is any.
    async fn show(&mut self, text: String) -> Result<(), Halt> {
        match self.pieces.push(&text) {
            Some(piece) => self.write_text(piece).await,
            None => Ok(()),
        }
    }

    /// Writes what is left of a text that is over.
    async fn show_rest(&mut self, gate: &mut Gate) -> Result<(), Halt> {
        self.show(gate.finish()).await?;
        for piece in self.pieces.finish() {
            self.write_text(piece).await?;
        }
        Ok(())
    }

    async fn write_text(&self, text: String) -> Result<(), Halt> {
        let timestamp = self.services.clock.millis();
        Ok(self.journal.event(Event::Text { text, timestamp }).await?)
    }

    fn check_limits(&self) -> Result<(), Halt> {
        let spent = self.tally.spending.spent();
        let cost = spent.cost.map_or(0.0, Nanos::to_metric);
        if spent.usage.total() >= self.limits.tokens || cost >= self.limits.cost_usd {
            return Err(Halt::Stopped(Stopped::CostLimit));
        }
        if self.tally.tool_calls >= self.limits.tool_calls {
            return Err(Halt::Stopped(Stopped::ToolCallLimit));
        }
        Ok(())
    }

    fn tool_specs(&self) -> Vec<ToolSpec> {
        let offered = |tool: &&Arc<dyn Tool>| match self.reach {
            Reach::Full => true,
            Reach::ReadOnly => tool.access() == Access::Read,
            Reach::NoWorkspace => false,
        };
        let tools = self.services.tools.iter().filter(offered);
        tools.map(|tool| tool.spec()).collect()
    }

    pub(crate) fn window_budget(&self) -> usize {
        window_budget(&self.route)
    }
}

/// How many tokens a request to a model may take.
pub(crate) fn window_budget(route: &Route) -> usize {
    let window = usize::try_from(route.context_window).unwrap_or(usize::MAX);
    window / 100 * WINDOW_PERCENT
}

fn is_worth_showing(text: &str) -> bool {
    text.len() >= TEXT_CHARS
        || text
            .trim_end_matches(' ')
            .ends_with(['.', '!', '?', ':', '\n'])
}
