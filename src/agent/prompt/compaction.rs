//! Keeping the conversation within the model's window.
//!
//! Compaction is done without a model: it cannot fail, costs nothing, and what it keeps can be
//! tested. The first message (goal, plan, the user's rules) stays as it is; the newest messages
//! stay as they are; of what lies between stay the facts ([`crate::agent::prompt::facts`]), also when it is
//! shortened again. A call and its result are never separated, because providers refuse a conversation in
//! which they are.

use crate::agent::prompt::facts::Facts;
use crate::llm::model::{Arguments, Message, Part, ToolSpec};
use crate::llm::route::Route;
use crate::platform::text::head_and_tail;

/// The share of the model's window that the conversation may take, in percent, when the rest is
/// left for the answer and for errors of the estimate.
const WINDOW_PERCENT: usize = 75;

/// Characters per token when the provider has not counted: deliberately few, so that the estimate
/// is high rather than low for code.
const CHARS_PER_TOKEN: usize = 3;
/// The estimate for an image, in tokens.
const IMAGE_TOKENS: usize = 1_600;
/// A compaction that leaves more than this share of the budget would soon have to run again.
const TARGET_SHARE: f64 = 0.5;
/// The least that remains of a single tool result when even the newest messages do not fit.
const CUT_RESULT_CHARS: usize = 2_000;
/// The most that the note between the halves of a cut text takes, in bytes: less than that is not cut off.
const CUT_NOTE_BYTES: usize = 64;
/// The facts of what is gone take one part in this many of what is left at most.
const FACTS_SHARE: usize = 3;
/// And may take this much in any case.
const MIN_FACTS_BYTES: usize = 2_000;

/// Roughly how many tokens a conversation takes.
pub fn estimate(system: &str, tools: &[ToolSpec], messages: &[Message]) -> usize {
    let tools: usize = tools
        .iter()
        .map(|tool| tool.name.len() + tool.description.len() + tool.parameters.to_string().len())
        .sum();
    let chars = system.len() + tools;
    chars / CHARS_PER_TOKEN + messages.iter().map(tokens).sum::<usize>()
}

fn tokens(message: &Message) -> usize {
    let part = |part: &Part| match part {
        Part::Text { text } => text.len() / CHARS_PER_TOKEN,
        Part::Image { .. } => IMAGE_TOKENS,
    };
    let arguments = |arguments: &Arguments| match arguments {
        Arguments::Object { object } => object.iter().map(|(k, v)| k.len() + json_len(v)).sum(),
        Arguments::Invalid { raw, .. } => raw.len(),
    };
    4 + match message {
        Message::System { text } => text.len() / CHARS_PER_TOKEN,
        Message::User { content } => content.iter().map(part).sum(),
        Message::Assistant {
            text,
            tool_calls,
            replay,
        } => {
            let replayed = replay
                .as_ref()
                .map_or(0, |replay| json_len(&replay.content));
            let calls: usize = tool_calls
                .iter()
                .map(|call| call.name.len() + arguments(&call.arguments))
                .sum();
            (text.len() + calls + replayed) / CHARS_PER_TOKEN
        }
        Message::ToolResult { content, .. } => content.len() / CHARS_PER_TOKEN,
    }
}

fn json_len(value: &serde_json::Value) -> usize {
    value
        .as_str()
        .map_or_else(|| value.to_string().len(), str::len)
}

/// Shortens `messages` so that they take about half of `budget` tokens. The message at `goal` and
/// everything before it is kept. Answers whether anything changed.
pub fn compact(messages: &mut Vec<Message>, goal: usize, budget: usize) -> bool {
    let target = share(budget);
    let before: usize = messages.iter().map(tokens).sum();
    if before <= target || messages.len() <= goal + 1 {
        return false;
    }
    let pinned: usize = messages[..=goal].iter().map(tokens).sum();
    let keep_from = newest_that_fit(messages, goal, target.saturating_sub(pinned) * 2 / 3);
    if keep_from > goal + 1 {
        let facts = Facts::of(&messages[goal + 1..keep_from]);
        let room = (target * CHARS_PER_TOKEN / FACTS_SHARE).max(MIN_FACTS_BYTES);
        let facts = Message::user(facts.text_within(room));
        messages.splice(goal + 1..keep_from, [facts]);
    }
    cut_results(messages, goal, target);
    forget_replays(&mut messages[goal + 1..]);
    true
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a token budget; both are far below 2^52"
)]
fn share(budget: usize) -> usize {
    (budget as f64 * TARGET_SHARE) as usize
}

/// The first index after `goal` from which the messages fit into `budget`, moved so that no tool
/// result is kept without the call it answers.
fn newest_that_fit(messages: &[Message], goal: usize, budget: usize) -> usize {
    let mut from = messages.len();
    let mut used = 0;
    // A model that never saw what its last calls returned would make them again, for ever.
    let last_turn = last_turn(messages, goal);
    while from > goal + 1 {
        used += tokens(&messages[from - 1]);
        if used > budget && from <= last_turn {
            break;
        }
        from -= 1;
    }
    while from < messages.len() && matches!(messages[from], Message::ToolResult { .. }) {
        from += 1;
    }
    from
}

/// Where the newest turn with its results begins, when the conversation ends with them.
fn last_turn(messages: &[Message], goal: usize) -> usize {
    let results = messages
        .iter()
        .rev()
        .take_while(|message| matches!(message, Message::ToolResult { .. }))
        .count();
    match results {
        0 => messages.len(),
        _ => (messages.len() - results).saturating_sub(1).max(goal + 1),
    }
}

/// Drops the oldest messages of a history until the rest fits into `budget` tokens.
pub fn keep_newest(history: &mut Vec<Message>, budget: usize) {
    let mut used = 0;
    let fitting = history
        .iter()
        .rev()
        .take_while(|message| {
            used += tokens(message);
            used <= budget
        })
        .count();
    history.drain(..history.len() - fitting);
}

/// Cuts long tool results, oldest first and no more than needed, until the conversation fits.
fn cut_results(messages: &mut [Message], goal: usize, target: usize) {
    let mut total: usize = messages.iter().map(tokens).sum();
    for message in messages.iter_mut().skip(goal + 1) {
        if total <= target {
            break;
        }
        let before = tokens(message);
        if let Message::ToolResult { content, .. } = message
            && content.len() > CUT_RESULT_CHARS + CUT_NOTE_BYTES
        {
            let excess = (total - target) * CHARS_PER_TOKEN + CUT_NOTE_BYTES;
            let limit = content.len().saturating_sub(excess).max(CUT_RESULT_CHARS);
            *content = head_and_tail(content, limit);
            total = total - before + tokens(message);
        }
    }
}

/// A provider's record of a turn is bound to what came before it, which is rewritten now.
fn forget_replays(messages: &mut [Message]) {
    for message in messages {
        if let Message::Assistant { replay, .. } = message {
            *replay = None;
        }
    }
}

/// Tokens that a request to a model may take.
pub fn window_budget(route: &Route) -> usize {
    let window = usize::try_from(route.context_window).unwrap_or(usize::MAX);
    window / 100 * WINDOW_PERCENT
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;
    use crate::llm::model::ToolCall;

    fn call(id: &str, path: &str) -> Message {
        let object: Map<_, _> = [("path".to_owned(), json!(path))].into_iter().collect();
        Message::Assistant {
            replay: None,
            text: format!("Reading {path}"),
            tool_calls: vec![ToolCall {
                id: id.to_owned(),
                name: "read_file".to_owned(),
                arguments: Arguments::Object { object },
            }],
        }
    }

    fn result(id: &str, length: usize) -> Message {
        Message::ToolResult {
            call_id: id.to_owned(),
            content: "x".repeat(length),
            is_error: false,
        }
    }

    fn conversation(lengths: &[usize]) -> Vec<Message> {
        let mut messages = vec![Message::user("the goal and the plan")];
        for (index, length) in lengths.iter().enumerate() {
            let id = format!("call_{index}");
            messages.push(call(&id, &format!("src/{index}.rs")));
            messages.push(result(&id, *length));
        }
        messages
    }

    /// Every result follows the call it answers, and every call has its result.
    fn pairs_are_whole(messages: &[Message]) -> bool {
        let mut open: Vec<String> = Vec::new();
        for message in messages {
            match message {
                Message::Assistant { tool_calls, .. } => {
                    if !open.is_empty() {
                        return false;
                    }
                    open.extend(tool_calls.iter().map(|call| call.id.clone()));
                }
                Message::ToolResult { call_id, .. } => {
                    let Some(place) = open.iter().position(|id| id == call_id) else {
                        return false;
                    };
                    open.remove(place);
                }
                Message::User { .. } | Message::System { .. } => {
                    if !open.is_empty() {
                        return false;
                    }
                }
            }
        }
        open.is_empty()
    }

    proptest! {
        #[test]
        fn compaction_keeps_the_goal_and_every_pair_and_fits(
            lengths in prop::collection::vec(0usize..40_000, 1..40),
            budget in 6_000usize..60_000,
        ) {
            let mut messages = conversation(&lengths);
            let goal = messages[0].clone();
            let before = estimate("", &[], &messages);
            let changed = compact(&mut messages, 0, budget);
            let after = estimate("", &[], &messages);
            prop_assert_eq!(&messages[0], &goal);
            prop_assert!(pairs_are_whole(&messages));
            prop_assert!(after <= before);
            prop_assert!(after <= budget, "{} of {}", after, budget);
            prop_assert!(changed || before <= budget / 2);
        }
    }

    #[test]
    fn the_facts_of_what_is_gone_stay_however_often_it_is_shortened() {
        let mut messages = conversation(&[30_000, 30_000, 10]);
        assert!(compact(&mut messages, 0, 8_000));
        let Message::User { content } = &messages[1] else {
            panic!("facts")
        };
        let Part::Text { text } = &content[0] else {
            panic!("text")
        };
        assert!(text.contains("Looked at:\n- src/0.rs"), "{text}");
        for number in 10..40 {
            let id = format!("call_{number}");
            messages.push(call(&id, &format!("src/{number}.rs")));
            messages.push(result(&id, 3_000));
            compact(&mut messages, 0, 8_000);
        }
        let Message::User { content } = &messages[1] else {
            panic!("facts")
        };
        let Part::Text { text } = &content[0] else {
            panic!("text")
        };
        assert!(text.contains("- src/0.rs\n"), "{text}");
        assert_eq!(text.matches("Earlier turns").count(), 1, "{text}");
        let shortened = messages
            .iter()
            .filter(|one| matches!(one, Message::User { .. }));
        assert_eq!(shortened.count(), 2);
    }

    #[test]
    fn a_result_that_is_hardly_too_long_does_not_grow_by_the_note_that_it_was_cut() {
        let mut messages = conversation(&[31_080]);
        let before = estimate("", &[], &messages);
        assert!(compact(&mut messages, 0, 20_766));
        assert!(estimate("", &[], &messages) < before);
    }

    #[test]
    fn a_conversation_that_fits_is_left_alone() {
        let mut messages = conversation(&[10, 10]);
        let before = messages.clone();
        assert!(!compact(&mut messages, 0, 100_000));
        assert_eq!(messages, before);
    }
}
