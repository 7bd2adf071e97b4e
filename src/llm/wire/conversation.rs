//! A conversation in the order that every provider accepts. Pure.
//!
//! Providers refuse a request when a call has no result, a result no call, a text no text, or an
//! id a character they do not like. Interrupted runs and shortened histories have all of that, so
//! it is mended here once, for all wire formats.

use std::borrow::Cow;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::llm::model::{Arguments, Message, Part, Replay, ToolCall};
use crate::platform::hex::hex;
use crate::platform::text::first_bytes;

/// The longest tool name that all providers accept.
const MAX_NAME: usize = 64;
/// The longest call id that all providers accept.
const MAX_ID: usize = 40;
/// The most of unreadable arguments that goes back to the model, in bytes.
const MAX_RAW: usize = 2_000;

/// One entry of a mended conversation.
#[derive(Debug, PartialEq)]
pub(super) enum Entry<'a> {
    /// An instruction in the middle of the conversation.
    System(&'a str),
    /// The words of the user; never empty.
    User(Vec<&'a Part>),
    /// A text that stands where a message could not.
    Note(String),
    /// The answer of the model; text or calls are there.
    Assistant {
        text: &'a str,
        calls: Vec<Call<'a>>,
        replay: Option<&'a Replay>,
    },
    /// A result for each call of the assistant entry before, in the order of the calls.
    Results(Vec<Outcome<'a>>),
}

/// A call with an id and a name that can be sent.
#[derive(Debug, PartialEq)]
pub(super) struct Call<'a> {
    pub id: Cow<'a, str>,
    pub name: Cow<'a, str>,
    pub arguments: &'a Arguments,
}

/// The result of a call.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome<'a> {
    pub id: Cow<'a, str>,
    pub content: &'a str,
    pub is_error: bool,
}

/// Mends a conversation.
pub(super) fn mend(messages: &[Message]) -> Vec<Entry<'_>> {
    let mut entries = Vec::with_capacity(messages.len());
    let mut at = 0;
    while let Some(message) = messages.get(at) {
        at += 1;
        match message {
            Message::System { text } if !is_blank(text) => entries.push(Entry::System(text)),
            Message::User { content } => {
                let parts: Vec<&Part> = content
                    .iter()
                    .filter(|part| !matches!(part, Part::Text { text } if is_blank(text)))
                    .collect();
                if !parts.is_empty() {
                    entries.push(Entry::User(parts));
                }
            }
            Message::Assistant {
                text,
                tool_calls,
                replay,
            } if !(is_blank(text) && tool_calls.is_empty()) => {
                entries.push(Entry::Assistant {
                    text,
                    calls: tool_calls.iter().map(call).collect(),
                    replay: replay.as_ref(),
                });
                if !tool_calls.is_empty() {
                    at += results(tool_calls, &messages[at..], &mut entries);
                }
            }
            Message::ToolResult { content, .. } => entries.push(orphan(content)),
            Message::System { .. } | Message::Assistant { .. } => {}
        }
    }
    entries
}

/// Takes the results of `calls` from the messages that follow, up to the next turn, and answers
/// how many messages were used. Instructions between the results move behind them.
fn results<'a>(
    calls: &'a [ToolCall],
    following: &'a [Message],
    entries: &mut Vec<Entry<'a>>,
) -> usize {
    let mut outcomes: Vec<Option<Outcome<'a>>> = calls.iter().map(|_| None).collect();
    let mut behind = Vec::new();
    let mut used = 0;
    for message in following {
        match message {
            Message::ToolResult {
                call_id,
                content,
                is_error,
            } => {
                let place = calls
                    .iter()
                    .zip(&outcomes)
                    .position(|(call, outcome)| call.id == *call_id && outcome.is_none());
                match place {
                    Some(place) => {
                        outcomes[place] = Some(Outcome {
                            id: safe_id(call_id),
                            content,
                            is_error: *is_error,
                        });
                    }
                    None => behind.push(orphan(content)),
                }
            }
            Message::System { text } if is_blank(text) => {}
            Message::System { text } => behind.push(Entry::System(text)),
            Message::User { .. } | Message::Assistant { .. } => break,
        }
        used += 1;
    }
    let outcomes = calls
        .iter()
        .zip(outcomes)
        .map(|(call, outcome)| {
            outcome.unwrap_or_else(|| Outcome {
                id: safe_id(&call.id),
                content: "no result was recorded: the call was interrupted",
                is_error: true,
            })
        })
        .collect();
    entries.push(Entry::Results(outcomes));
    entries.append(&mut behind);
    used
}

fn orphan<'a>(content: &str) -> Entry<'a> {
    Entry::Note(format!("The result of an earlier tool call:\n{content}"))
}

fn call(call: &ToolCall) -> Call<'_> {
    Call {
        id: safe_id(&call.id),
        name: safe_name(&call.name),
        arguments: &call.arguments,
    }
}

/// A text that providers refuse because it holds nothing.
pub(super) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn is_plain(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The id itself if every provider accepts it, else a digest of it: the same for a call and its
/// result, and different for different ids.
pub(super) fn safe_id(id: &str) -> Cow<'_, str> {
    if is_plain(id, MAX_ID) {
        return Cow::Borrowed(id);
    }
    let digest = Sha256::digest(id.as_bytes());
    Cow::Owned(format!("call_{}", hex(&digest[..16])))
}

/// A tool name as providers accept it; models invent names, and the history repeats them.
fn safe_name(name: &str) -> Cow<'_, str> {
    if is_plain(name, MAX_NAME) {
        return Cow::Borrowed(name);
    }
    let plain: String = name
        .chars()
        .take(MAX_NAME)
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect();
    Cow::Owned(if plain.is_empty() {
        "unknown".to_owned()
    } else {
        plain
    })
}

/// The arguments as the object that providers insist on, even for a call that had none.
pub(super) fn input(arguments: &Arguments) -> Map<String, Value> {
    match arguments {
        Arguments::Object { object } => object.clone(),
        Arguments::Invalid { raw, .. } => {
            let raw = first_bytes(raw, MAX_RAW);
            Map::from_iter([("invalid_arguments".to_owned(), Value::from(raw))])
        }
    }
}

/// The text of parts, line by line; none when there is an image among them.
pub(super) fn text_alone(parts: &[&Part]) -> Option<String> {
    let texts: Option<Vec<&str>> = parts
        .iter()
        .map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            Part::Image { .. } => None,
        })
        .collect();
    Some(texts?.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assistant(ids: &[&str]) -> Message {
        Message::Assistant {
            text: String::new(),
            tool_calls: ids
                .iter()
                .map(|id| ToolCall {
                    id: (*id).to_owned(),
                    name: "read_file".to_owned(),
                    arguments: Arguments::parse("{}"),
                })
                .collect(),
            replay: None,
        }
    }

    fn result(id: &str) -> Message {
        Message::ToolResult {
            call_id: id.to_owned(),
            content: format!("result of {id}"),
            is_error: false,
        }
    }

    fn system(text: &str) -> Message {
        Message::System {
            text: text.to_owned(),
        }
    }

    fn outcomes<'a>(entry: &'a Entry<'_>) -> Vec<(&'a str, &'a str, bool)> {
        match entry {
            Entry::Results(outcomes) => outcomes
                .iter()
                .map(|outcome| (outcome.id.as_ref(), outcome.content, outcome.is_error))
                .collect(),
            Entry::System(_) | Entry::User(_) | Entry::Note(_) | Entry::Assistant { .. } => {
                Vec::new()
            }
        }
    }

    #[test]
    fn results_stand_in_the_order_of_their_calls_and_missing_ones_are_said() {
        let messages = [
            assistant(&["a", "b", "c"]),
            result("c"),
            system("hurry"),
            result("a"),
            Message::user("next"),
        ];
        let entries = mend(&messages);
        assert_eq!(
            outcomes(&entries[1]),
            [
                ("a", "result of a", false),
                (
                    "b",
                    "no result was recorded: the call was interrupted",
                    true
                ),
                ("c", "result of c", false),
            ]
        );
        assert_eq!(entries[2], Entry::System("hurry"));
        assert_eq!(entries.len(), 4);
    }

    #[test]
    fn a_result_without_its_call_becomes_a_note() {
        let messages = [result("gone"), assistant(&["a"]), result("a"), result("a")];
        let entries = mend(&messages);
        assert!(matches!(&entries[0], Entry::Note(text) if text.contains("result of gone")));
        assert!(matches!(&entries[3], Entry::Note(_)));
    }

    #[test]
    fn messages_with_nothing_in_them_are_dropped() {
        let messages = [
            Message::user("  \n"),
            system(" "),
            assistant(&[]),
            Message::user("hello"),
        ];
        assert_eq!(mend(&messages).len(), 1);
    }

    #[test]
    fn ids_and_names_that_providers_refuse_are_replaced_alike() {
        let messages = [assistant(&["call:1/ä"]), result("call:1/ä")];
        let entries = mend(&messages);
        let Entry::Assistant { calls, .. } = &entries[0] else {
            panic!("{entries:?}");
        };
        assert!(is_plain(&calls[0].id, MAX_ID));
        assert_eq!(outcomes(&entries[1])[0].0, calls[0].id);
        assert_ne!(safe_id("call:1"), safe_id("call:2"));
        assert_eq!(safe_name("functions.read file"), "functions_read_file");
        assert_eq!(safe_name(""), "unknown");
    }

    #[test]
    fn unreadable_arguments_go_back_as_an_object() {
        let arguments = Arguments::parse(&format!("{{\"path\": \"{}", "ä".repeat(3_000)));
        let sent = input(&arguments);
        assert!(sent["invalid_arguments"].as_str().unwrap().len() <= MAX_RAW);
    }

    fn message() -> impl Strategy<Value = Message> {
        let id = prop::sample::select(vec!["a", "b", "c:1", ""]);
        prop_oneof![
            prop::collection::vec(id.clone(), 0..3).prop_map(|ids| assistant(&ids)),
            id.prop_map(result),
            "[ x]{0,2}".prop_map(|text| system(&text)),
            "[ x]{0,2}".prop_map(Message::user),
        ]
    }

    proptest! {
        #[test]
        fn every_call_is_followed_by_exactly_its_results(
            messages in prop::collection::vec(message(), 0..12),
        ) {
            let entries = mend(&messages);
            for (at, entry) in entries.iter().enumerate() {
                match entry {
                    Entry::Assistant { text, calls, .. } => {
                        prop_assert!(!calls.is_empty() || !is_blank(text));
                        if !calls.is_empty() {
                            let ids: Vec<&str> = calls.iter().map(|call| call.id.as_ref()).collect();
                            let answered: Vec<&str> =
                                outcomes(&entries[at + 1]).iter().map(|outcome| outcome.0).collect();
                            prop_assert_eq!(ids, answered);
                        }
                    }
                    Entry::Results(_) => {
                        let after_calls = at > 0
                            && matches!(&entries[at - 1], Entry::Assistant { calls, .. } if !calls.is_empty());
                        prop_assert!(after_calls);
                    }
                    Entry::System(text) => prop_assert!(!is_blank(text)),
                    Entry::User(parts) => prop_assert!(!parts.is_empty()),
                    Entry::Note(_) => {}
                }
            }
        }
    }
}
