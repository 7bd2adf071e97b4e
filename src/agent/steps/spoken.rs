//! Answers whose calls are not calls yet, or not whole: written as text, or cut off at the limit of an
//! answer's length.
//!
//! Nothing is run here. A text that is a call becomes one and goes the way of all calls; of any other the
//! model is told, a few times, and then the run ends: an answer of a call that never ran is no success.

use crate::agent::model_call::Answer;
use crate::agent::runner::primitives::{Halt, Runner};
use crate::agent::steps::offered::tool_specs;
use crate::llm::model::{Arguments, Message, StopReason, ToolCall, ToolSpec};
use crate::llm::spoken::read::{Spoken, read};
use crate::runs::outcome::Stopped;
use crate::tools::tool::Access;

/// The most times in a row that the model is told that what it wrote is no call.
const MAX_TOLD: u32 = 2;
const CUT_OFF: &str = "the answer was cut off at its length limit, so they may be incomplete; do less in one \
                       call, such as a part of the file";

/// True if the text of an answer was meant to call tools, and so is none to show.
pub(crate) fn is_meant_as_call(runner: &Runner, tools: &[ToolSpec], answer: &Answer) -> bool {
    reading(runner, tools, answer) != Spoken::Words
}

fn reading(runner: &Runner, tools: &[ToolSpec], answer: &Answer) -> Spoken {
    if answer.tool_calls.is_empty() {
        read(&answer.text, tools, runner.state.calls_natively)
    } else {
        Spoken::Words
    }
}

/// Makes calls of a text that is one, and takes the effect from those that may be cut off. Answers with what
/// the model is told, if it has to be told something.
pub(crate) async fn settle(
    runner: &mut Runner,
    answer: &mut Answer,
) -> Result<Option<Message>, Halt> {
    let is_cut_off = answer
        .completion
        .as_ref()
        .is_some_and(|completion| completion.stop == StopReason::MaxTokens);
    if !answer.tool_calls.is_empty() {
        runner.state.calls_natively = true;
        runner.state.told_how_to_call = 0;
        if is_cut_off {
            disarm(runner, &mut answer.tool_calls);
        }
        return Ok(None);
    }
    let why = match reading(runner, &tool_specs(runner), answer) {
        Spoken::Words => return Ok(None),
        Spoken::Calls { .. } if is_cut_off => {
            "the answer was cut off at its length limit".to_owned()
        }
        Spoken::Calls { before, calls } => {
            runner.state.told_how_to_call = 0;
            answer.text = before;
            let position = runner.transcript.position;
            let calls = calls.into_iter().enumerate();
            answer.tool_calls = calls
                .map(|(place, call)| ToolCall {
                    id: format!("text_{position}_{place}"),
                    name: call.name,
                    arguments: Arguments::Object {
                        object: call.arguments,
                    },
                })
                .collect();
            if let Some(completion) = &mut answer.completion {
                // The provider's record of the turn knows of no calls.
                completion.replay = None;
            }
            return Ok(None);
        }
        Spoken::Unclear { why } => why,
    };
    tell(runner, &why).await.map(Some)
}

/// A call that was cut off may have lost a part of its arguments, and some servers close what is open: only
/// reading is harmless then.
fn disarm(runner: &Runner, calls: &mut [ToolCall]) {
    for call in calls {
        let tool = runner.deps.tools.set.named(&call.name);
        let reads = tool.is_some_and(|tool| tool.access() == Access::Read);
        if let (Arguments::Object { object }, false) = (&call.arguments, reads) {
            call.arguments = Arguments::Invalid {
                raw: serde_json::to_string(object).unwrap_or_default(),
                reason: CUT_OFF.to_owned(),
            };
        }
    }
}

async fn tell(runner: &mut Runner, why: &str) -> Result<Message, Halt> {
    if runner.state.told_how_to_call == MAX_TOLD {
        let error = "the model writes calls of tools as text, and nothing was run; have its server read \
                     tool calls (llama.cpp: --jinja, vLLM: --enable-auto-tool-choice and \
                     --tool-call-parser), or choose another model";
        runner.error(error, "MODEL_CALL_AS_TEXT").await?;
        return Err(Halt::Stopped(Stopped::ModelError));
    }
    runner.state.told_how_to_call += 1;
    runner
        .thinking("The model wrote a tool call as text, which was not run; it receives instructions for tool calls")
        .await?;
    Ok(Message::user(format!(
        "Nothing was run: your answer holds a tool call as text, and {why}. Call the tool through the \
         interface for tool calls, by its exact name and with one JSON object as its arguments. If you \
         only meant to show a call, answer again and put it within a sentence, in backquotes."
    )))
}
