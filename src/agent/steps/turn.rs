//! One question to the model and its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::agent::model_call::{Answer, ModelCall};
use crate::agent::prompt::{compaction, messages};
use crate::agent::runner::primitives::{Halt, Runner};
use crate::agent::runner::state::ToldInstructions;
use crate::agent::steps::offered::tool_specs;
use crate::agent::steps::patience::{RetryBudget, discard};
use crate::agent::steps::spoken;
use crate::ledger::model::CallPhase;
use crate::ledger::money::Nanos;
use crate::llm::error::{LlmError, Remedy};
use crate::llm::model::{ChatRequest, Message, StreamEvent, ToolSpec};
use crate::llm::spoken::held::HeldText;
use crate::platform::redact::gate::Gate;
use crate::runs::event::Event;
use crate::runs::log::entry::Entry;
use crate::runs::outcome::Stopped;

/// A piece of text becomes an event when it is this long, or ends a sentence, or waited.
const TEXT_CHARS: usize = 30;
/// The longest that a piece of text waits for more; one that comes after as long a silence waits for nothing.
const TEXT_WAIT: Duration = Duration::from_millis(50);
/// The most times that a conversation is shortened because the provider says that it is too long still.
const MAX_SHORTENED: u32 = 4;
/// Shortening leaves about half of a budget; the budget is less than what was too long.
const STILL_TOO_LONG_PERCENT: usize = 90;

/// Takes a turn: one question to the model, and its answer kept.
pub(crate) async fn take(runner: &mut Runner) -> Result<(), Halt> {
    let mut answer = answer(runner).await?;
    let told = spoken::settle(runner, &mut answer).await?;
    if !answer.text.trim().is_empty() {
        runner.transcript.last_text.clone_from(&answer.text);
    }
    if !answer.text.trim().is_empty() || !answer.tool_calls.is_empty() {
        runner.state.nudges = 0;
    }
    let moved = match &mut runner.state.progress {
        Some(progress) => progress.read(&answer.text),
        None => Vec::new(),
    };
    runner.state.stop = answer.completion.as_ref().map(|completion| completion.stop);
    let message = Message::Assistant {
        text: answer.text,
        tool_calls: answer.tool_calls,
        replay: answer.completion.and_then(|completion| completion.replay),
    };
    let mut entries = vec![runner.ledger()];
    entries.extend(moved.into_iter().map(Entry::Event));
    for message in [Some(message), told].into_iter().flatten() {
        entries.push(runner.transcript.entry(&message));
        runner.transcript.push(message);
    }
    runner.record(entries).await
}

/// One question to the model and its answer, its text shown as it arrives. An answer that breaks before
/// it is complete is asked for again, whatever was shown of it.
async fn answer(runner: &mut Runner) -> Result<Answer, Halt> {
    let tools = tool_specs(runner);
    make_room(runner, &tools);
    let mut patience = RetryBudget::of(runner);
    let mut shortened = 0;
    loop {
        check_limits(runner)?;
        let request = request(runner, tools.clone());
        let broken = match ask(runner, &request).await? {
            Ok(answer) => return Ok(answer),
            Err(broken) => broken,
        };
        if is_too_long(&broken.error) && shortened < MAX_SHORTENED && shorten(runner, &tools) {
            shortened += 1;
            if broken.was_shown {
                discard(runner, &broken.error).await?;
            }
            continue;
        }
        patience
            .after(runner, &broken.error, broken.was_shown)
            .await?;
    }
}

/// True if the conversation has to become shorter: it does not fit, or leaves no room for an answer.
fn is_too_long(error: &LlmError) -> bool {
    matches!(error.remedy(), Remedy::Compact | Remedy::ShortenAnswer)
}

/// Shortens a conversation that outgrows the model's window. The instructions of folders may be gone then,
/// and are told again.
fn make_room(runner: &mut Runner, tools: &[ToolSpec]) {
    let budget = runner.window_budget();
    if estimate(runner, tools) > budget {
        let transcript = &mut runner.transcript;
        if compaction::compact(&mut transcript.messages, transcript.goal, budget) {
            runner.state.told = ToldInstructions::default();
        }
    }
}

/// Shortens a conversation that the provider calls too long, whatever we take it for. Answers whether
/// it could be shortened.
fn shorten(runner: &mut Runner, tools: &[ToolSpec]) -> bool {
    let now = estimate(runner, tools);
    let budget = runner.window_budget().min(now) * STILL_TOO_LONG_PERCENT / 100;
    let transcript = &mut runner.transcript;
    let before = transcript.messages.clone();
    if compaction::compact(&mut transcript.messages, transcript.goal, budget) {
        runner.state.told = ToldInstructions::default();
    }
    runner.transcript.messages != before
}

fn estimate(runner: &Runner, tools: &[ToolSpec]) -> usize {
    let system = messages::system(runner.access);
    compaction::estimate(system, tools, &runner.transcript.messages)
}

fn request(runner: &Runner, tools: Arc<[ToolSpec]>) -> ChatRequest {
    ChatRequest {
        model: runner.route.provider_model.clone(),
        system: messages::system(runner.access).to_owned(),
        messages: runner.transcript.messages.clone(),
        tools,
        max_output_tokens: Some(runner.route.max_output_tokens),
        temperature: runner.run.task.temperature(),
        effort: runner.run.task.effort,
        verbosity: runner.run.task.verbosity,
    }
}

/// An answer that ended before it was complete.
struct BrokenAnswer {
    error: LlmError,
    /// True if some of its text was shown.
    was_shown: bool,
}

/// Sends a request and shows the text of its answer. The outer error ends the run, the inner
/// one is the model's.
async fn ask(
    runner: &mut Runner,
    request: &ChatRequest,
) -> Result<Result<Answer, BrokenAnswer>, Halt> {
    let began = Instant::now();
    let answer = stream_answer(runner, request).await?;
    runner.state.usage.llm_time += began.elapsed();
    runner.state.usage.llm_calls += 1;
    Ok(answer)
}

async fn stream_answer(
    runner: &mut Runner,
    request: &ChatRequest,
) -> Result<Result<Answer, BrokenAnswer>, Halt> {
    let caller = runner.call_context();
    let start = ModelCall::start(&caller, CallPhase::Autonomous, request);
    let mut call = match runner.unless_halted(start).await? {
        Ok(call) => call,
        Err(error) => {
            let was_shown = false;
            return Ok(Err(BrokenAnswer { error, was_shown }));
        }
    };
    let mut answer = Answer::default();
    let mut gate = Gate::default();
    let mut held = HeldText::new(&request.tools);
    let mut silent_since = None;
    let error = loop {
        let event = {
            // The future of the next event is kept over the wait for more text: dropping it could
            // lose an event that was already taken from the stream.
            let mut next = std::pin::pin!(call.next());
            loop {
                let waits = !gate.waiting().is_empty();
                tokio::select! {
                    event = &mut next => break event,
                    () = runner.halted.cancelled() => {
                        show_rest(runner, &mut gate).await?;
                        return Err(Halt::Stopped(Stopped::Cancelled));
                    }
                    () = sleep(TEXT_WAIT), if waits => {
                        show(runner, gate.take()).await?;
                    }
                }
            }
        };
        match event {
            Some(Ok(StreamEvent::Text { mut delta })) => {
                let is_after_silence = is_silent(silent_since);
                if !is_after_silence {
                    delta.push_str(&call.ready_text());
                }
                answer.text.push_str(&delta);
                gate.push(&held.push(&delta));
                if is_after_silence || is_worth_showing(gate.waiting()) {
                    show(runner, gate.take()).await?;
                }
                silent_since = Some(Instant::now());
            }
            Some(Ok(StreamEvent::Reasoning { .. })) => {}
            Some(Ok(StreamEvent::ToolCall(tool_call))) => answer.tool_calls.push(tool_call),
            Some(Ok(StreamEvent::Done(completion))) => {
                answer.completion = Some(completion);
                if !spoken::is_meant_as_call(runner, &request.tools, &answer) {
                    gate.push(&held.finish());
                }
                show_rest(runner, &mut gate).await?;
                return Ok(Ok(answer));
            }
            Some(Err(error)) => break error,
            None => {
                break LlmError::Truncated {
                    provider: runner.route.provider.name(),
                };
            }
        }
    };
    show_rest(runner, &mut gate).await?;
    let was_shown = !answer.text.is_empty();
    Ok(Err(BrokenAnswer { error, was_shown }))
}

/// Writes a piece of the text as an event, if there is any.
pub(crate) async fn show(runner: &mut Runner, text: String) -> Result<(), Halt> {
    match runner.pieces.push(&text) {
        Some(piece) => write_text(runner, piece).await,
        None => Ok(()),
    }
}

/// Writes what is left of a text that is over.
async fn show_rest(runner: &mut Runner, gate: &mut Gate) -> Result<(), Halt> {
    show(runner, gate.finish()).await?;
    for piece in runner.pieces.finish() {
        write_text(runner, piece).await?;
    }
    Ok(())
}

async fn write_text(runner: &Runner, text: String) -> Result<(), Halt> {
    let timestamp = runner.deps.clock.millis();
    Ok(runner
        .journal
        .event(Event::Text { text, timestamp })
        .await?)
}

fn check_limits(runner: &Runner) -> Result<(), Halt> {
    let spent = runner.state.usage.spent.total();
    let cost = spent.cost.map_or(0.0, Nanos::to_metric);
    if spent.usage.total() >= runner.limits.tokens || cost >= runner.limits.cost_usd {
        return Err(Halt::Stopped(Stopped::CostLimit));
    }
    if runner.state.usage.tool_calls >= runner.limits.tool_calls {
        return Err(Halt::Stopped(Stopped::ToolCallLimit));
    }
    Ok(())
}

/// True for the first piece of an answer, and for one after which the reader had time to read.
fn is_silent(since: Option<Instant>) -> bool {
    since.is_none_or(|since| since.elapsed() >= TEXT_WAIT)
}

fn is_worth_showing(text: &str) -> bool {
    text.len() >= TEXT_CHARS
        || text
            .trim_end_matches(' ')
            .ends_with(['.', '!', '?', ':', '\n'])
}
