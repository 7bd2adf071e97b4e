//! Tool calls that arrive in pieces.

use std::collections::HashSet;

use crate::llm::model::{Arguments, ChatRequest, Message, ToolCall};
use crate::llm::wire::failure::Broken;

/// More calls than this in one answer are refused.
pub const MAX_CALLS: usize = 128;
/// All arguments of one answer together; in bytes.
pub const MAX_ARGUMENT_BYTES: usize = 8 * 1024 * 1024;

/// A piece of a call: a provider repeats what it likes and leaves out what it likes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Piece<'a> {
    /// Which call it belongs to, when the provider counts.
    pub index: Option<u64>,
    /// The call's id; empty when absent.
    pub id: &'a str,
    /// The tool's name; empty when absent.
    pub name: &'a str,
    /// More of the arguments' text.
    pub arguments: &'a str,
}

#[derive(Debug)]
struct Partial {
    index: u64,
    id: String,
    name: String,
    arguments: String,
}

/// The calls of one answer, gathered until it is complete.
#[derive(Debug)]
pub(super) struct Calls {
    /// Ids that the conversation already uses.
    taken: HashSet<String>,
    turn: usize,
    partial: Vec<Partial>,
    bytes: usize,
}

impl Calls {
    /// No calls yet, in the answer to `request`.
    pub(super) fn new(request: &ChatRequest) -> Self {
        let mut taken = HashSet::new();
        let mut turn = 0;
        for message in &request.messages {
            if let Message::Assistant { tool_calls, .. } = message {
                turn += 1;
                taken.extend(tool_calls.iter().map(|call| call.id.clone()));
            }
        }
        Self {
            taken,
            turn,
            partial: Vec::new(),
            bytes: 0,
        }
    }

    /// Whether no call has begun.
    pub(super) fn is_empty(&self) -> bool {
        self.partial.is_empty()
    }

    /// Adds a piece to its call, or begins one. Indexes are keys and never sizes: a hostile one
    /// costs nothing and is refused.
    pub(super) fn add(&mut self, piece: Piece<'_>) -> Result<(), Broken> {
        if piece.index.is_some_and(|index| index >= MAX_CALLS as u64) {
            return Err(Broken::new("a tool call's index is out of range"));
        }
        self.bytes += piece.arguments.len() + piece.name.len() + piece.id.len();
        if self.bytes > MAX_ARGUMENT_BYTES {
            return Err(Broken::new("the arguments of tool calls exceed 8 MiB"));
        }
        let place = match piece.index {
            Some(index) => self.partial.iter().rposition(|call| call.index == index),
            None => self.partial.len().checked_sub(1),
        };
        match place {
            Some(at) if !begins_another(&self.partial[at], piece) => {
                let call = &mut self.partial[at];
                if call.id.is_empty() {
                    piece.id.clone_into(&mut call.id);
                }
                if call.name.is_empty() {
                    piece.name.clone_into(&mut call.name);
                }
                call.arguments.push_str(piece.arguments);
            }
            Some(_) | None => {
                if self.partial.len() >= MAX_CALLS {
                    return Err(Broken::new("more than 128 tool calls in one answer"));
                }
                let index = piece.index.unwrap_or(self.partial.len() as u64);
                self.partial.push(Partial {
                    index,
                    id: piece.id.to_owned(),
                    name: piece.name.to_owned(),
                    arguments: piece.arguments.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// The calls in the order of their indexes, each with an id of its own.
    ///
    /// In an answer that was `cut_off` by the limit of output tokens, a call whose arguments are
    /// empty may have lost them and is invalid: running a tool without its arguments is worse
    /// than telling the model.
    pub(super) fn finish(&mut self, cut_off: bool) -> Vec<ToolCall> {
        let mut partial = std::mem::take(&mut self.partial);
        partial.sort_by_key(|call| call.index);
        let mut calls = Vec::with_capacity(partial.len());
        for (place, call) in partial.into_iter().enumerate() {
            let id = if call.id.is_empty() || self.taken.contains(&call.id) {
                self.unused_id(place)
            } else {
                call.id
            };
            self.taken.insert(id.clone());
            let arguments = if cut_off && call.arguments.trim().is_empty() {
                Arguments::Invalid {
                    raw: call.arguments,
                    reason: "the answer ended before the arguments".to_owned(),
                }
            } else {
                Arguments::parse(&call.arguments)
            };
            calls.push(ToolCall {
                id,
                name: call.name,
                arguments,
            });
        }
        calls
    }

    fn unused_id(&self, place: usize) -> String {
        let turn = self.turn;
        let mut id = format!("call_{turn}_{place}");
        while self.taken.contains(&id) {
            id.push('x');
        }
        id
    }
}

/// Some servers send every call whole and with the same index. A new call then shows itself by a
/// name together with another id or, without ids, by arguments after arguments that are complete.
fn begins_another(call: &Partial, piece: Piece<'_>) -> bool {
    if piece.name.is_empty() || call.name.is_empty() {
        return false;
    }
    if piece.id.is_empty() || call.id.is_empty() {
        return !piece.arguments.is_empty()
            && !call.arguments.is_empty()
            && matches!(Arguments::parse(&call.arguments), Arguments::Object { .. });
    }
    piece.id != call.id
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn calls() -> Calls {
        Calls::new(&ChatRequest::default())
    }

    fn piece<'a>(index: u64, id: &'a str, name: &'a str, arguments: &'a str) -> Piece<'a> {
        Piece {
            index: Some(index),
            id,
            name,
            arguments,
        }
    }

    fn object(call: &ToolCall) -> serde_json::Value {
        match &call.arguments {
            Arguments::Object { object } => serde_json::Value::Object(object.clone()),
            Arguments::Invalid { raw, .. } => serde_json::Value::String(raw.clone()),
        }
    }

    #[test]
    fn interleaved_pieces_find_their_calls() {
        let mut calls = calls();
        for part in [
            piece(1, "b", "write", ""),
            piece(0, "a", "read", "{\"p\""),
            piece(1, "", "", "{}"),
            piece(0, "", "", ":1}"),
        ] {
            calls.add(part).unwrap();
        }
        let found = calls.finish(false);
        assert_eq!(found[0].name, "read");
        assert_eq!(object(&found[0]), json!({"p": 1}));
        assert_eq!(found[1].name, "write");
    }

    #[test]
    fn repeated_names_and_ids_do_not_begin_another_call() {
        let mut calls = calls();
        calls.add(piece(0, "a", "read", "{")).unwrap();
        calls.add(piece(0, "a", "read", "}")).unwrap();
        calls.add(piece(0, "a", "read", "")).unwrap();
        assert_eq!(calls.finish(false).len(), 1);
    }

    #[test]
    fn whole_calls_that_share_an_index_are_kept_apart() {
        let mut with_ids = calls();
        with_ids.add(piece(0, "a", "read", "{}")).unwrap();
        with_ids.add(piece(0, "b", "read", "{}")).unwrap();
        assert_eq!(with_ids.finish(false).len(), 2);
        let mut without_ids = calls();
        without_ids.add(piece(0, "", "read", "{\"p\":1}")).unwrap();
        without_ids.add(piece(0, "", "read", "{\"p\":2}")).unwrap();
        let found = without_ids.finish(false);
        assert_eq!(found[0].id, "call_0_0");
        assert_eq!(found[1].id, "call_0_1");
    }

    #[test]
    fn an_id_that_the_conversation_already_uses_is_replaced() {
        let mut request = ChatRequest::default();
        request.messages.push(Message::Assistant {
            text: String::new(),
            tool_calls: vec![ToolCall {
                id: "call_1_0".to_owned(),
                name: "read".to_owned(),
                arguments: Arguments::parse(""),
            }],
            replay: None,
        });
        let mut calls = Calls::new(&request);
        calls.add(piece(0, "call_1_0", "read", "{}")).unwrap();
        calls.add(piece(1, "same", "read", "{}")).unwrap();
        calls.add(piece(2, "same", "read", "{}")).unwrap();
        let ids: HashSet<_> = calls
            .finish(false)
            .into_iter()
            .map(|call| call.id)
            .collect();
        assert_eq!(ids.len(), 3);
        assert!(!ids.contains("call_1_0"));
    }

    #[test]
    fn hostile_indexes_counts_and_sizes_are_refused() {
        assert!(calls().add(piece(2_000_000, "a", "b", "")).is_err());
        assert!(calls().add(piece(u64::MAX, "a", "b", "")).is_err());
        let mut many = calls();
        let ids: Vec<String> = (0..=MAX_CALLS).map(|id| id.to_string()).collect();
        let refused = ids
            .iter()
            .filter(|id| many.add(piece(0, id, "b", "{}")).is_err())
            .count();
        assert_eq!(refused, 1);
        let mut large = calls();
        let part = "x".repeat(1024 * 1024);
        assert!((0..9).any(|_| large.add(piece(0, "a", "b", &part)).is_err()));
    }

    #[test]
    fn a_call_that_was_cut_off_before_its_arguments_is_invalid() {
        let mut calls = calls();
        calls.add(piece(0, "a", "delete", "")).unwrap();
        assert!(matches!(
            calls.finish(true)[0].arguments,
            Arguments::Invalid { .. }
        ));
    }
}
