//! Turns that do the same again and again, and pay for it each time.
//!
//! A model that makes the same calls and gets the same results is told so once, and stopped when that
//! changes nothing. A run that waits for something does the same as well, so what waits does not count: while a
//! server of the run's own is up, and where a call says that it waits.

use serde_json::Value;

use crate::agent::runner::primitives::{Halt, Runner};
use crate::llm::model::{Arguments, Message, ToolCall};
use crate::runs::outcome::Stopped;

/// The equal turns after which the model is told.
const TOLD_AT: usize = 4;
/// The equal turns after which it is stopped.
const STOPPED_AT: usize = 12;
/// The words to the model.
const TOLD: &str = "You made the same tool calls several times and got the same results. Doing it \
                    again changes nothing: do something else, or say what stands in the way.";
/// Parts of calls that wait.
const WAITING: [&str; 3] = ["sleep", "wait", "watch"];
/// The tool that looks whether a server answers yet.
const LOOKS_AT_SERVER: &str = "check_endpoint";

/// Tells the model, or stops the run, when its last turns were the same.
pub(crate) async fn check(runner: &mut Runner) -> Result<(), Halt> {
    if !runner.ports().is_empty() {
        return Ok(());
    }
    let messages = runner.transcript.since_goal();
    let count = equal_turns(messages);
    if count >= STOPPED_AT {
        let error = "the model made the same tool calls with the same results again and again, also \
                     after it was told; try again, or choose another model";
        runner.error(error, "MODEL_ANSWER_REPEATS").await?;
        return Err(Halt::Stopped(Stopped::ModelError));
    }
    if count == TOLD_AT && !messages.last().is_some_and(is_told) {
        runner.append(Message::user(TOLD)).await?;
    }
    Ok(())
}

/// The number of turns at the end that made the same calls with the same results. What the model said beside
/// its calls does not matter, and neither does that it was told.
fn equal_turns(messages: &[Message]) -> usize {
    let mut last: Option<Deeds<'_>> = None;
    let mut count = 0;
    let mut results = Vec::new();
    for message in messages.iter().rev() {
        match message {
            Message::ToolResult {
                content, is_error, ..
            } => results.push((timeless(content), *is_error)),
            Message::Assistant { tool_calls, .. } if tool_calls.is_empty() => break,
            Message::Assistant { tool_calls, .. } => {
                let deeds = Deeds {
                    calls: tool_calls,
                    results: std::mem::take(&mut results),
                };
                if tool_calls.iter().any(waits) || last.as_ref().is_some_and(|it| *it != deeds) {
                    break;
                }
                count += 1;
                last = Some(deeds);
            }
            told if is_told(told) => {}
            Message::User { .. } | Message::System { .. } => break,
        }
    }
    count
}

/// The calls of a turn and their results.
struct Deeds<'a> {
    calls: &'a [ToolCall],
    results: Vec<(Value, bool)>,
}

/// Providers give each call an id of its own, so that is left out.
impl PartialEq for Deeds<'_> {
    fn eq(&self, other: &Self) -> bool {
        let same = |(one, other): (&ToolCall, &ToolCall)| {
            one.name == other.name && one.arguments == other.arguments
        };
        self.calls.len() == other.calls.len()
            && self.calls.iter().zip(other.calls).all(same)
            && self.results == other.results
    }
}

/// A result without its sentence for people, which says how long a command took. Where it failed, its `error` is
/// the same sentence.
fn timeless(content: &str) -> Value {
    let mut result = serde_json::from_str(content).unwrap_or_else(|_| Value::from(content));
    if let Some(object) = result.as_object_mut() {
        let message = object.remove("message");
        if message.is_some() && object.get("error") == message.as_ref() {
            object.remove("error");
        }
    }
    result
}

fn is_told(message: &Message) -> bool {
    *message == Message::user(TOLD)
}

fn waits(call: &ToolCall) -> bool {
    let says_so = |text: &str| WAITING.iter().any(|word| text.contains(word));
    let arguments_say_so = match &call.arguments {
        Arguments::Object { object } => object
            .values()
            .filter_map(|value| value.as_str())
            .any(says_so),
        Arguments::Invalid { .. } => false,
    };
    call.name == LOOKS_AT_SERVER || arguments_say_so
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn turn(number: usize, tool: &str, argument: &str, result: &str) -> [Message; 2] {
        let id = format!("call-{number}");
        let arguments = Arguments::parse(&json!({ "command": argument }).to_string());
        let call = ToolCall {
            id: id.clone(),
            name: tool.to_owned(),
            arguments,
        };
        let asked = Message::Assistant {
            text: format!("attempt {number}"),
            tool_calls: vec![call],
            replay: None,
        };
        let answered = Message::ToolResult {
            call_id: id,
            content: result.to_owned(),
            is_error: false,
        };
        [asked, answered]
    }

    fn turns(count: usize, tool: &str, argument: &str) -> Vec<Message> {
        let all = (0..count).flat_map(|number| turn(number, tool, argument, "same"));
        std::iter::once(Message::user("goal")).chain(all).collect()
    }

    #[test]
    fn turns_are_equal_by_their_calls_and_results() {
        let mut messages = turns(3, "run_command", "ls");
        assert_eq!(equal_turns(&messages), 3);
        messages.push(Message::user(TOLD));
        messages.extend(turn(4, "run_command", "ls", "same"));
        assert_eq!(equal_turns(&messages), 4);
        messages.extend(turn(5, "run_command", "ls", "another"));
        assert_eq!(equal_turns(&messages), 1);
        messages.extend(turn(6, "run_command", "ls -a", "another"));
        assert_eq!(equal_turns(&messages), 1);
        messages.push(Message::user("What else?"));
        assert_eq!(equal_turns(&messages), 0);
    }

    #[test]
    fn how_long_a_command_took_makes_no_other_result_and_an_error_does() {
        let failed = |said: &str, error: &str| {
            timeless(&json!({"exit_code": 1, "message": said, "error": error}).to_string())
        };
        let (one, two) = ("failed after 0.1 s", "failed after 0.2 s");
        assert_eq!(failed(one, one), failed(two, two));
        assert_ne!(failed(one, "no such file"), failed(one, "not allowed"));
        assert_ne!(timeless("one"), timeless("two"));
    }

    #[test]
    fn who_waits_does_the_same_for_a_reason() {
        for (tool, argument) in [
            ("run_command", "sleep 5; cat build.log"),
            ("run_command", "kubectl wait --for=condition=ready pod/x"),
            ("check_endpoint", "http://127.0.0.1:3000"),
        ] {
            assert_eq!(equal_turns(&turns(9, tool, argument)), 0, "{argument}");
        }
    }
}
