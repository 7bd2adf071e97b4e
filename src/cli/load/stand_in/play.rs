//! The playing of a script, turn by turn.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use serde_json::Value;

use crate::cli::load::measure::call_tally::CallTally;
use crate::cli::load::stand_in::frames;
use crate::llm::script::{Script, Turn};

/// The bytes of a token, about.
const TOKEN_BYTES: usize = 4;

/// A script and what was played of it.
#[derive(Clone, Debug)]
pub struct ScriptPlayer {
    /// The script.
    pub script: Arc<Script>,
    /// The calls so far.
    pub tally: Arc<CallTally>,
}

impl ScriptPlayer {
    /// The frames of the answer to a request of so many bytes.
    pub fn play(self, request: &Value, bytes: usize) -> impl Stream<Item = String> + Send + use<> {
        self.tally.begin();
        let (turn, number) = (turn(&self.script, request), progress(request));
        async_stream::stream! {
            let mut said = 0;
            for piece in &turn.say {
                pause(&turn).await;
                said += piece.len();
                yield frames::text(piece);
            }
            for (place, call) in turn.calls.iter().enumerate() {
                pause(&turn).await;
                said += call.name.len();
                yield frames::call(call, number, place);
            }
            let (asked, said) = (tokens(bytes), tokens(said));
            self.tally.answer(asked + said);
            yield frames::end(!turn.calls.is_empty(), (asked, said));
        }
    }
}

/// The turn that a request is answered with: a request without tools is for a plan or a chat.
fn turn(script: &Script, request: &Value) -> Turn {
    let tools = request["tools"].as_array();
    let has_tools = tools.is_some_and(|tools| !tools.is_empty());
    match &script.plan {
        Some(plan) if !has_tools => said(plan),
        Some(_) | None => {
            let turn = script.turns.get(progress(request));
            turn.cloned().unwrap_or_else(|| said(&script.closing))
        }
    }
}

fn said(text: &str) -> Turn {
    Turn {
        say: vec![text.to_owned()],
        ..Turn::default()
    }
}

/// The turns with calls that a conversation holds: any number of runs play the script at once.
fn progress(request: &Value) -> usize {
    let messages = request["messages"].as_array();
    let messages = messages.map(Vec::as_slice).unwrap_or_default().iter();
    messages
        .filter(|message| message["tool_calls"].is_array())
        .count()
}

async fn pause(turn: &Turn) {
    if turn.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(turn.delay_ms)).await;
    }
}

fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(TOKEN_BYTES)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_conversation_says_itself_how_far_it_has_come() {
        let script: Script = serde_json::from_value(json!({
            "plan": "First this.", "closing": "Over.",
            "turns": [{"say": ["I look."], "calls": [{"name": "read_file"}]}, {"say": ["Done."]}],
        }))
        .unwrap();
        let call = json!({"role": "assistant", "tool_calls": [{}]});
        for (messages, tools, expected) in [
            (vec![], json!([]), "First this."),
            (vec![], json!([{}]), "I look."),
            (vec![call.clone()], json!([{}]), "Done."),
            (vec![call.clone(), call.clone()], json!([{}]), "Over."),
        ] {
            let turn = turn(&script, &json!({"messages": messages, "tools": tools}));
            assert_eq!(turn.say, [expected]);
        }
    }
}
