//! Tool calls that come in every way there is: the same two calls come out.

use navi::llm::model::{Arguments, ChatRequest, StreamEvent, ToolSpec};
use navi::llm::wire::sse::Frame;
use serde_json::{Value, json};

use crate::llm_support::{openai, request};

fn tool(name: &'static str) -> ToolSpec {
    ToolSpec {
        name,
        description: "Does it.",
        parameters: json!({"type": "object", "properties": {}}),
    }
}

/// The calls of an answer whose deltas hold these `tool_calls`, as JSON texts of chunks.
fn calls(chunks: &[String]) -> Vec<(String, String, Value)> {
    let asked = ChatRequest {
        tools: [tool("read_file"), tool("edit_file")].into(),
        ..request("model-x")
    };
    let codec = openai();
    let mut decoder = codec.decoder(&asked);
    let mut events = Vec::new();
    let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#.to_owned();
    let data = chunks
        .iter()
        .chain([&end])
        .cloned()
        .chain(["[DONE]".to_owned()]);
    for data in data {
        let frame = Frame {
            data,
            ..Frame::default()
        };
        decoder.frame(&frame, &mut events).unwrap();
    }
    let call = |event| match event {
        StreamEvent::ToolCall(call) => Some(match call.arguments {
            Arguments::Object { object } => (call.id, call.name, Value::Object(object)),
            Arguments::Invalid { raw, .. } => (call.id, call.name, json!(raw)),
        }),
        StreamEvent::Text { .. } | StreamEvent::Reasoning { .. } | StreamEvent::Done(_) => None,
    };
    events.into_iter().filter_map(call).collect()
}

fn delta(calls: &Value) -> String {
    json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]}).to_string()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of streams")]
fn calls_come_out_whole_however_their_indexes_and_ids_are_written() {
    let call = |index: Value, id: Value, name: Value, arguments: Value| {
        let mut call = json!({"type": "function", "function": {}});
        for (place, value) in [("index", index), ("id", id)] {
            if !value.is_null() {
                call[place] = value;
            }
        }
        for (place, value) in [("name", name), ("arguments", arguments)] {
            if !value.is_null() {
                call["function"][place] = value;
            }
        }
        call
    };
    let no = Value::Null;
    let (a, b) = (json!(r#"{"path":"a"}"#), json!(r#"{"path":"b","n":1}"#));
    let (a1, a2) = (json!(r#"{"path""#), json!(r#":"a"}"#));
    let (b1, b2) = (json!(r#"{"path":"b""#), json!(r#","n":1}"#));
    let (read, edit) = (json!("read_file"), json!("edit_file"));
    let n = |index: u64| json!(index);
    let id = |id: &str| json!(id);
    for (what, deltas) in [
        (
            "interleaved",
            vec![
                json!([call(n(0), id("x"), read.clone(), no.clone())]),
                json!([call(n(1), id("y"), edit.clone(), no.clone())]),
                json!([call(n(0), no.clone(), no.clone(), a1.clone())]),
                json!([call(n(1), no.clone(), no.clone(), b1.clone())]),
                json!([call(n(0), no.clone(), no.clone(), a2.clone())]),
                json!([call(n(1), no.clone(), no.clone(), b2.clone())]),
            ],
        ),
        (
            "both in one delta, interleaved",
            vec![
                json!([
                    call(n(0), id("x"), read.clone(), a1.clone()),
                    call(n(1), id("y"), edit.clone(), b1.clone())
                ]),
                json!([
                    call(n(1), no.clone(), no.clone(), b2.clone()),
                    call(n(0), no.clone(), no.clone(), a2.clone())
                ]),
            ],
        ),
        (
            "ids and names again with every piece",
            vec![
                json!([call(n(0), id("x"), read.clone(), a1.clone())]),
                json!([call(n(0), id("x"), read.clone(), a2.clone())]),
                json!([call(n(1), id("y"), edit.clone(), b1.clone())]),
                json!([call(n(1), id("y"), edit.clone(), b2.clone())]),
            ],
        ),
        (
            "no ids",
            vec![
                json!([call(n(0), no.clone(), read.clone(), a1.clone())]),
                json!([call(n(0), no.clone(), no.clone(), a2.clone())]),
                json!([call(n(1), no.clone(), edit.clone(), b1.clone())]),
                json!([call(n(1), no.clone(), no.clone(), b2.clone())]),
            ],
        ),
        (
            "empty ids after the first piece",
            vec![
                json!([call(n(0), id("x"), read.clone(), json!(""))]),
                json!([call(n(0), id(""), id(""), a.clone())]),
                json!([call(n(1), id("y"), edit.clone(), json!(""))]),
                json!([call(n(1), id(""), id(""), b.clone())]),
            ],
        ),
        (
            "no indexes, ids in the first piece",
            vec![
                json!([call(no.clone(), id("x"), read.clone(), no.clone())]),
                json!([call(no.clone(), no.clone(), no.clone(), a1.clone())]),
                json!([call(no.clone(), no.clone(), no.clone(), a2.clone())]),
                json!([call(no.clone(), id("y"), edit.clone(), no.clone())]),
                json!([call(no.clone(), no.clone(), no.clone(), b.clone())]),
            ],
        ),
        (
            "no indexes, interleaved by ids",
            vec![
                json!([call(no.clone(), id("x"), read.clone(), a1.clone())]),
                json!([call(no.clone(), id("y"), edit.clone(), b1.clone())]),
                json!([call(no.clone(), id("x"), no.clone(), a2.clone())]),
                json!([call(no.clone(), id("y"), no.clone(), b2.clone())]),
            ],
        ),
        (
            "whole, all with the index 0",
            vec![
                json!([call(n(0), id("x"), read.clone(), a.clone())]),
                json!([call(n(0), id("y"), edit.clone(), b.clone())]),
            ],
        ),
        (
            "whole, without index and id",
            vec![json!([
                call(no.clone(), no.clone(), read.clone(), a.clone()),
                call(no.clone(), no.clone(), edit.clone(), b.clone())
            ])],
        ),
        (
            "the same id twice",
            vec![
                json!([call(n(0), id("x"), read.clone(), a.clone())]),
                json!([call(n(1), id("x"), edit.clone(), b.clone())]),
            ],
        ),
        (
            "objects for arguments",
            vec![
                json!([call(n(0), id("x"), read.clone(), json!({"path": "a"}))]),
                json!([call(
                    n(1),
                    id("y"),
                    edit.clone(),
                    json!({"path": "b", "n": 1})
                )]),
            ],
        ),
        (
            "indexes as texts",
            vec![
                json!([call(id("0"), id("x"), read.clone(), a1.clone())]),
                json!([call(id("1"), id("y"), edit.clone(), b1.clone())]),
                json!([call(id("0"), no.clone(), no.clone(), a2.clone())]),
                json!([call(id("1"), no.clone(), no.clone(), b2.clone())]),
            ],
        ),
        (
            "indexes from 1 on",
            vec![
                json!([call(n(1), id("x"), read.clone(), a.clone())]),
                json!([call(n(2), id("y"), edit.clone(), b.clone())]),
            ],
        ),
        (
            "the id after the name",
            vec![
                json!([call(n(0), no.clone(), read.clone(), no.clone())]),
                json!([call(n(0), id("x"), no.clone(), a.clone())]),
                json!([call(n(1), no.clone(), edit.clone(), no.clone())]),
                json!([call(n(1), id("y"), no.clone(), b.clone())]),
            ],
        ),
    ] {
        let chunks: Vec<String> = deltas.iter().map(delta).collect();
        let seen = calls(&chunks);
        let told: Vec<_> = seen
            .iter()
            .map(|(_, name, arguments)| (name.as_str(), arguments.clone()))
            .collect();
        let expected = [
            ("read_file", json!({"path": "a"})),
            ("edit_file", json!({"path": "b", "n": 1})),
        ];
        assert_eq!(told, expected, "{what}");
        assert_ne!(seen[0].0, seen[1].0, "{what}: each has an id of its own");
    }
}

#[test]
fn a_character_in_halves_is_whole_in_arguments_and_reasoning() {
    let piece = |arguments: &str| {
        format!(
            r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":0,"id":"x","function":{{"name":"read_file","arguments":"{arguments}"}}}}]}}}}]}}"#
        )
    };
    let chunks = [piece(r#"{\"path\":\"\ud83d"#), piece(r#"\ude00\"}"#)];
    assert_eq!(calls(&chunks)[0].2, json!({"path": "😀"}));
    let escaped = [piece(r#"{\"path\":\"\\ud83d"#), piece(r#"\\ude00\"}"#)];
    assert_eq!(calls(&escaped)[0].2, json!({"path": "😀"}));
}

#[test]
fn reasoning_whose_character_came_in_halves_is_kept_whole() {
    let piece = |text: &str| {
        format!(r#"{{"choices":[{{"index":0,"delta":{{"reasoning_content":"{text}"}}}}]}}"#)
    };
    let end = r#"{"choices":[{"index":0,"delta":{"content":"Done."},"finish_reason":"stop"}]}"#;
    let asked = request("model-x");
    let codec = openai();
    let mut decoder = codec.decoder(&asked);
    let mut events = Vec::new();
    for data in [
        piece(r"I look \ud83d"),
        piece(r"\ude00."),
        end.to_owned(),
        "[DONE]".to_owned(),
    ] {
        let frame = Frame {
            data,
            ..Frame::default()
        };
        decoder.frame(&frame, &mut events).unwrap();
    }
    let Some(StreamEvent::Done(done)) = events.last() else {
        panic!("{events:?}");
    };
    let replay = done.replay.as_ref().unwrap();
    assert_eq!(replay.content["reasoning_content"], "I look 😀.");
}
