//! A provider that plays a script: for the demo and for tests.
//!
//! The progress of a conversation is read from the conversation itself, so any number of runs play the same
//! script at once, each from its start, and a run that is resumed in another process goes on where it was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};

use crate::llm::error::LlmError;
use crate::llm::model::{
    Arguments, ChatRequest, Completion, Message, Part, StopReason, StreamEvent, ToolCall, Usage,
};
use crate::llm::provider::{EventStream, Provider};
use crate::llm::script::{Script, ScriptedCall, Turn};

/// The provider's configured name.
pub const NAME: &str = "scripted";
/// The ids of scripted calls begin like this and go on with the number of their turn.
const CALL_PREFIX: &str = "scripted_";

/// Plays a script. Cheap to clone; clones share the count of failures.
#[derive(Clone, Debug)]
pub struct ScriptedProvider {
    script: Arc<Script>,
    failures: Arc<BTreeMap<usize, AtomicU32>>,
}

impl ScriptedProvider {
    /// Plays `script`.
    pub fn new(script: Script) -> Self {
        let failures = script
            .turns
            .iter()
            .enumerate()
            .filter(|(_, turn)| turn.fail.is_some())
            .map(|(at, _)| (at, AtomicU32::new(0)))
            .collect();
        Self {
            script: Arc::new(script),
            failures: Arc::new(failures),
        }
    }

    /// True if the failure of a turn happens this time.
    fn fails(&self, at: usize, turn: &Turn) -> bool {
        match (
            turn.fail.and_then(|fail| fail.times),
            self.failures.get(&at),
        ) {
            (Some(times), Some(count)) => count.fetch_add(1, Ordering::SeqCst) < times,
            (_, _) => turn.fail.is_some(),
        }
    }

    /// The answer to what was asked last, if the script has one.
    fn answer(&self, request: &ChatRequest) -> Option<&String> {
        let Some(Message::User { content }) = request.messages.last() else {
            return None;
        };
        let asked = |text: &str| {
            content
                .iter()
                .any(|part| matches!(part, Part::Text { text: said } if said.contains(text)))
        };
        let mut answers = self.script.answers.iter();
        answers.find_map(|(text, answer)| asked(text).then_some(answer))
    }

    fn play(&self, request: &ChatRequest) -> (Turn, usize, bool) {
        if request.tools.is_empty()
            && let Some(text) = self.answer(request).or(self.script.plan.as_ref())
        {
            return (said(text), 0, false);
        }
        let at = progress(&request.messages);
        match self.script.turns.get(at) {
            Some(turn) => (turn.clone(), at, self.fails(at, turn)),
            None => (said(&self.script.closing), at, false),
        }
    }
}

impl Provider for ScriptedProvider {
    fn name(&self) -> &'static str {
        NAME
    }

    fn takes_temperature(&self, _model: &str) -> bool {
        true
    }

    fn stream<'a>(
        &'a self,
        request: &'a ChatRequest,
    ) -> BoxFuture<'a, Result<EventStream, LlmError>> {
        async move {
            let (turn, at, fails) = self.play(request);
            let silent = turn.reason.is_empty() && turn.say.is_empty();
            if fails && silent {
                return Err(fail(&turn, &request.model).await);
            }
            Ok(events(turn, at, fails, request))
        }
        .boxed()
    }
}

/// The turn's failure; never answers when the turn hangs.
async fn fail(turn: &Turn, model: &str) -> LlmError {
    pause(turn).await;
    match turn.fail.and_then(|fail| fail.error(NAME, model)) {
        Some(error) => error,
        None => std::future::pending().await,
    }
}

async fn pause(turn: &Turn) {
    if turn.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(turn.delay_ms)).await;
    }
}

fn events(turn: Turn, at: usize, fails: bool, request: &ChatRequest) -> EventStream {
    let model = request.model.clone();
    let asked = estimate(request);
    async_stream::stream! {
        for delta in turn.reason.clone() {
            pause(&turn).await;
            yield Ok(StreamEvent::Reasoning { delta });
        }
        for delta in turn.say.clone() {
            pause(&turn).await;
            yield Ok(StreamEvent::Text { delta });
        }
        if fails {
            yield Err(fail(&turn, &model).await);
            return;
        }
        for (place, call) in turn.calls.iter().enumerate() {
            pause(&turn).await;
            yield Ok(StreamEvent::ToolCall(tool_call(call, at, place)));
        }
        yield Ok(StreamEvent::Done(completion(&turn, asked, model)));
    }
    .boxed()
}

fn completion(turn: &Turn, asked: u64, model: String) -> Completion {
    let counted = Usage {
        input: asked,
        output: tokens(
            turn.say.iter().map(String::len).sum::<usize>()
                + turn.calls.iter().map(length).sum::<usize>(),
        ),
        ..Usage::default()
    };
    Completion {
        stop: match (turn.cut_off, turn.calls.is_empty()) {
            (true, _) => StopReason::MaxTokens,
            (false, true) => StopReason::End,
            (false, false) => StopReason::ToolCalls,
        },
        usage: (!turn.omit_usage).then(|| turn.usage.unwrap_or(counted)),
        model: Some(model),
        replay: None,
    }
}

fn said(text: &str) -> Turn {
    Turn {
        say: vec![text.to_owned()],
        ..Turn::default()
    }
}

fn tool_call(call: &ScriptedCall, at: usize, place: usize) -> ToolCall {
    ToolCall {
        id: format!("{CALL_PREFIX}{at}_{place}"),
        name: call.name.clone(),
        arguments: match &call.raw_arguments {
            Some(raw) => Arguments::parse(raw),
            None => Arguments::Object {
                object: call.arguments.clone(),
            },
        },
    }
}

/// The number of the next turn. A call's id says which turn it was, so a history that was
/// shortened or that begins with an older conversation does not matter; after the last such call,
/// and where there is none, the assistant's messages are counted.
fn progress(messages: &[Message]) -> usize {
    let mut next = 0;
    for message in messages {
        if let Message::Assistant { tool_calls, .. } = message {
            next = tool_calls
                .iter()
                .find_map(turn_of)
                .map_or(next, |turn| turn)
                .saturating_add(1);
        }
    }
    next
}

fn turn_of(call: &ToolCall) -> Option<usize> {
    let rest = call.id.strip_prefix(CALL_PREFIX)?;
    rest.split('_').next()?.parse().ok()
}

fn length(call: &ScriptedCall) -> usize {
    call.name.len() + serde_json::to_string(&call.arguments).map_or(0, |text| text.len())
}

/// Four bytes are about a token.
fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}

fn estimate(request: &ChatRequest) -> u64 {
    let messages: usize = request
        .messages
        .iter()
        .map(|message| match message {
            Message::System { text } => text.len(),
            Message::User { content } => content
                .iter()
                .map(|part| match part {
                    Part::Text { text } => text.len(),
                    Part::Image { data, .. } => data.len() / 100,
                })
                .sum(),
            Message::Assistant {
                text, tool_calls, ..
            } => text.len() + tool_calls.len() * 40,
            Message::ToolResult { content, .. } => content.len(),
        })
        .sum();
    let tools: usize = request
        .tools
        .iter()
        .map(|tool| tool.name.len() + tool.description.len() + 100)
        .sum();
    tokens(request.system.len() + messages + tools)
}
