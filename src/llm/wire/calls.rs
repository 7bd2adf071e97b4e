//! Tool calls that arrive in pieces.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::llm::failure::broken::Broken;
use crate::llm::model::{Arguments, ChatRequest, Message, ToolCall};
use crate::llm::wire::conversation::safe_id;
use crate::llm::wire::halves::joined;

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
    /// Its place among the calls; no two have the same.
    index: u64,
    /// The index that the provider gave it when it began.
    declared: Option<u64>,
    id: String,
    name: String,
    arguments: String,
    /// Data that the provider wants back with it.
    extra: Option<Value>,
}

/// The calls of one answer, gathered until it is complete.
#[derive(Debug)]
pub(super) struct Calls {
    /// Ids that the conversation already uses.
    taken: HashSet<String>,
    /// The tools that were offered.
    offered: HashSet<&'static str>,
    turn: usize,
    partial: Vec<Partial>,
    /// The data that goes back with calls, by the ids that they ended up with.
    extras: Map<String, Value>,
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
            offered: request.tools.iter().map(|tool| tool.name).collect(),
            turn,
            partial: Vec::new(),
            extras: Map::new(),
            bytes: 0,
        }
    }

    /// True if no call has begun.
    pub(super) fn is_empty(&self) -> bool {
        self.partial.is_empty()
    }

    /// Adds a piece to its call, or begins one, and answers with the call's place. Indexes are keys and
    /// never sizes: a hostile one costs nothing and is refused.
    pub(super) fn add(&mut self, piece: Piece<'_>) -> Result<usize, Broken> {
        if piece.index.is_some_and(|index| index >= MAX_CALLS as u64) {
            return Err(Broken::new("a tool call's index is out of range"));
        }
        self.bytes += piece.arguments.len() + piece.name.len() + piece.id.len();
        if self.bytes > MAX_ARGUMENT_BYTES {
            return Err(Broken::new("the arguments of tool calls exceed 8 MiB"));
        }
        if let Some(at) = self.place_of(piece) {
            self.partial[at].grow(piece);
            return Ok(at);
        }
        self.begin(piece)?;
        Ok(self.partial.len() - 1)
    }

    /// Keeps what the provider wants back with the call at a place.
    pub(super) fn keep(&mut self, place: usize, extra: Value) -> Result<(), Broken> {
        self.bytes += extra.to_string().len();
        if self.bytes > MAX_ARGUMENT_BYTES {
            return Err(Broken::new("the data of tool calls exceeds 8 MiB"));
        }
        if let Some(call) = self.partial.get_mut(place) {
            call.extra = Some(extra);
        }
        Ok(())
    }

    /// The data that goes back with the calls of an answer that is complete, by their ids.
    pub(super) fn extras(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.extras)
    }

    /// The call that a piece belongs to; none when it begins one.
    ///
    /// Servers count in every way there is: the same index for all calls, none, or one in the head of a
    /// call and another in its rest. So an id counts more than an index, and a piece that has neither id
    /// nor name never begins a call beside one that is there.
    fn place_of(&self, piece: Piece<'_>) -> Option<usize> {
        let last = self.partial.len().checked_sub(1)?;
        let by_index = match piece.index {
            Some(index) => self.partial.iter().rposition(|call| call.index == index),
            None => Some(last),
        };
        let has_id = |call: &Partial| {
            let is_same = piece.name.is_empty() || call.declared == piece.index;
            !piece.id.is_empty() && call.id == piece.id && is_same
        };
        if let Some(at) = self.partial.iter().rposition(has_id) {
            return Some(at);
        }
        match by_index {
            Some(at) if piece.name.is_empty() => {
                let is_full = at != last && is_whole(&self.partial[at].arguments);
                let is_rest = piece.id.is_empty() && !piece.arguments.trim().is_empty();
                Some(if is_full && is_rest { last } else { at })
            }
            Some(at) => (!self.begins_another(&self.partial[at], piece)).then_some(at),
            None if piece.id.is_empty() && piece.name.is_empty() => Some(last),
            None if piece.id.is_empty() && self.goes_on(&self.partial[last], piece) => Some(last),
            None => None,
        }
    }

    fn begin(&mut self, piece: Piece<'_>) -> Result<(), Broken> {
        if self.partial.len() >= MAX_CALLS {
            return Err(Broken::new("more than 128 tool calls in one answer"));
        }
        let is_free = |index: &u64| self.partial.iter().all(|call| call.index != *index);
        let next = self.partial.iter().map(|call| call.index + 1).max();
        let index = piece.index.filter(is_free).or(next).unwrap_or(0);
        self.partial.push(Partial {
            index,
            declared: piece.index,
            id: piece.id.to_owned(),
            name: piece.name.to_owned(),
            arguments: piece.arguments.to_owned(),
            extra: None,
        });
        Ok(())
    }

    /// True if a piece holds the rest of a call's name: together they are a tool, or the beginning of
    /// one, and alone the call's name is none.
    fn goes_on(&self, call: &Partial, piece: Piece<'_>) -> bool {
        let whole = format!("{}{}", call.name, piece.name);
        call.arguments.is_empty()
            && !call.name.is_empty()
            && !self.offered.contains(call.name.as_str())
            && self.offered.iter().any(|name| name.starts_with(&whole))
    }

    /// Some servers send every call whole and with the same index. A new call then shows itself by a
    /// name together with another id or, without ids, by arguments after arguments that are complete,
    /// or by the name of another tool.
    fn begins_another(&self, call: &Partial, piece: Piece<'_>) -> bool {
        if piece.name.is_empty() || call.name.is_empty() {
            return false;
        }
        if piece.id.is_empty() || call.id.is_empty() {
            let is_other = piece.name != call.name
                && self.offered.contains(piece.name)
                && self.offered.contains(call.name.as_str());
            return is_other || !piece.arguments.is_empty() && is_whole(&call.arguments);
        }
        piece.id != call.id
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
            if let Some(extra) = call.extra {
                self.extras.insert(safe_id(&id).into_owned(), extra);
            }
            let raw = joined(&call.arguments);
            let arguments = if cut_off && raw.trim().is_empty() {
                Arguments::Invalid {
                    raw: raw.into_owned(),
                    reason: "the answer ended before the arguments".to_owned(),
                }
            } else {
                Arguments::parse(&raw)
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

impl Partial {
    fn grow(&mut self, piece: Piece<'_>) {
        if self.id.is_empty() {
            piece.id.clone_into(&mut self.id);
        }
        // A name comes once, again with every piece, in pieces, or longer each time.
        if piece.name.starts_with(self.name.as_str()) {
            piece.name.clone_into(&mut self.name);
        } else if self.arguments.is_empty() {
            self.name.push_str(piece.name);
        }
        self.arguments.push_str(piece.arguments);
    }
}

/// True if arguments are complete.
fn is_whole(arguments: &str) -> bool {
    !arguments.is_empty() && matches!(Arguments::parse(arguments), Arguments::Object { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::model::ToolSpec;
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

    fn object(call: &ToolCall) -> Value {
        match &call.arguments {
            Arguments::Object { object } => Value::Object(object.clone()),
            Arguments::Invalid { raw, .. } => Value::String(raw.clone()),
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

    fn offering(names: &[&'static str]) -> Calls {
        let tool = |name: &&'static str| ToolSpec {
            name,
            description: "",
            parameters: json!({}),
        };
        Calls::new(&ChatRequest {
            tools: names.iter().map(tool).collect(),
            ..ChatRequest::default()
        })
    }

    fn gathered(calls: &mut Calls, pieces: &[Piece<'_>]) -> Vec<(String, Value)> {
        for piece in pieces {
            calls.add(*piece).unwrap();
        }
        let found = calls.finish(false);
        found
            .iter()
            .map(|call| (call.name.clone(), object(call)))
            .collect()
    }

    #[test]
    fn an_index_that_cannot_be_relied_on_mixes_no_calls_up() {
        let both = [
            ("read".to_owned(), json!({"p": 1})),
            ("write".to_owned(), json!({"q": 2})),
        ];
        let unnumbered = |id, name, arguments| Piece {
            index: None,
            ..piece(0, id, name, arguments)
        };
        for pieces in [
            // The head of the second call has the index of the first, its rest one of its own.
            vec![
                piece(0, "a", "read", "{\"p\":1}"),
                piece(0, "b", "write", ""),
                piece(1, "", "", "{\"q\""),
                piece(1, "", "", ":2}"),
            ],
            // Both heads come first.
            vec![
                piece(0, "a", "read", ""),
                piece(0, "b", "write", ""),
                piece(0, "", "", "{\"p\":1}"),
                piece(1, "", "", "{\"q\":2}"),
            ],
            // Every piece has the index 0.
            vec![
                piece(0, "a", "read", "{\"p\""),
                piece(0, "", "", ":1}"),
                piece(0, "b", "write", "{\"q\""),
                piece(0, "", "", ":2}"),
            ],
            // Every piece has its id and no index that counts.
            vec![
                piece(0, "a", "read", ""),
                piece(0, "b", "write", ""),
                piece(0, "b", "", "{\"q\":2}"),
                piece(0, "a", "", "{\"p\":1}"),
            ],
            vec![
                unnumbered("a", "read", "{\"p\":1}"),
                unnumbered("b", "write", "{\"q\""),
                unnumbered("", "", ":2}"),
            ],
            vec![
                unnumbered("", "read", "{\"p\":1}"),
                unnumbered("", "write", "{\"q\":2}"),
            ],
        ] {
            let mut calls = offering(&["read", "write"]);
            assert_eq!(gathered(&mut calls, &pieces), both, "{pieces:?}");
        }
    }

    #[test]
    fn a_name_in_pieces_is_one_name() {
        for pieces in [
            vec![
                piece(0, "a", "edit_", ""),
                piece(0, "", "file", ""),
                piece(0, "", "", "{}"),
            ],
            vec![piece(0, "a", "edit_", ""), piece(1, "", "file", "{}")],
            vec![piece(0, "a", "edit_", ""), piece(0, "a", "edit_file", "{}")],
            vec![piece(0, "a", "", ""), piece(0, "", "edit_file", "{}")],
        ] {
            let mut calls = offering(&["edit_file", "file"]);
            let found = gathered(&mut calls, &pieces);
            assert_eq!(found, [("edit_file".to_owned(), json!({}))], "{pieces:?}");
        }
        let mut calls = offering(&["read", "write"]);
        let two = [piece(0, "", "read", ""), piece(0, "", "write", "{}")];
        assert_eq!(gathered(&mut calls, &two).len(), 2);
    }

    #[test]
    fn half_a_character_in_arguments_does_not_cost_the_call() {
        let mut calls = calls();
        calls
            .add(piece(0, "a", "read", r#"{"p": "\ud83d"}"#))
            .unwrap();
        assert_eq!(object(&calls.finish(false)[0]), json!({"p": "\u{fffd}"}));
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
