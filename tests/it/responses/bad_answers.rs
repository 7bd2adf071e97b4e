//! Answers that break off, repeat themselves, mix ids up, or ask for what was not offered.

use navi::llm::error::LlmError;
use navi::llm::model::{Arguments, StopReason};
use serde_json::{Value, json};

use super::support::{
    TWO_CALLS, added, answer_of, calls, completed, completion, done, function_call, message,
    reasoning, stream_of, text, whole_answer_of,
};

const TRUNCATED: LlmError = LlmError::Truncated { provider: "openai" };

#[tokio::test]
async fn a_stream_that_is_cut_anywhere_hands_out_no_call_and_no_end() {
    let frames: Vec<&str> = TWO_CALLS.split_inclusive("\n\n").collect();
    for cut in 0..frames.len() - 1 {
        let (events, error) = answer_of(frames[..cut].concat()).await;
        assert_eq!(error, Some(TRUNCATED), "after {cut} frames");
        assert!(calls(&events).is_empty());
    }
    let within = TWO_CALLS.rfind("\"usage\":{").unwrap();
    let (_, error) = answer_of(&TWO_CALLS[..within]).await;
    assert_eq!(error, Some(TRUNCATED));
}

#[tokio::test]
async fn the_end_of_chat_completions_is_no_end_here() {
    let stream = stream_of(&[done(0, &message("msg_1", "hi"))]);
    let (_, error) = answer_of(format!("{stream}data: [DONE]\n\n")).await;
    assert_eq!(error, Some(TRUNCATED));
}

#[tokio::test]
async fn a_stream_that_sends_every_event_twice_says_everything_once() {
    let (once, _) = answer_of(TWO_CALLS).await;
    let frames = TWO_CALLS.split_inclusive("\n\n");
    let twice: String = frames.flat_map(|frame| [frame, frame]).collect();
    let (events, error) = answer_of(twice).await;
    assert_eq!(error, None);
    assert_eq!(events, once);
}

#[tokio::test]
async fn an_item_that_is_repeated_is_one_item() {
    let call = function_call("fc_1", "call_1", "{\"path\":\"a\"}");
    let begun = function_call("fc_1", "call_1", "");
    let under_another_id = function_call("fc_9", "call_1", "{\"path\":\"a\"}");
    let said = message("msg_1", "hi");
    let events = whole_answer_of(&[
        added(0, &begun),
        added(0, &begun),
        done(0, &call),
        done(0, &call),
        done(1, &under_another_id),
        done(2, &said),
        done(2, &said),
        completed(),
    ])
    .await;
    assert_eq!(calls(&events).len(), 1);
    assert_eq!(text(&events), "hi");
}

#[tokio::test]
async fn two_calls_that_share_an_id_are_two_calls_with_ids_of_their_own() {
    let events = whole_answer_of(&[
        done(0, &function_call("fc_1", "call_1", "{\"path\":\"a\"}")),
        done(1, &function_call("fc_2", "call_1", "{\"path\":\"b\"}")),
        completed(),
    ])
    .await;
    let found = calls(&events);
    assert_eq!(found.len(), 2);
    assert_ne!(found[0].id, found[1].id);
}

#[tokio::test]
async fn pieces_that_name_the_call_in_place_of_its_item_find_their_call() {
    let piece = |id: &str, index: Value, delta: &str| json!({"type": "response.function_call_arguments.delta", "item_id": id, "output_index": index, "delta": delta});
    let events = whole_answer_of(&[
        added(0, &function_call("fc_1", "call_1", "")),
        added(1, &function_call("fc_2", "call_2", "")),
        piece("call_2", json!(0), "{\"path\":"),
        piece("fc_1", json!(1), "{\"path\":\"a\"}"),
        piece("call_2", Value::Null, "\"b\"}"),
        completed(),
    ])
    .await;
    let found: Vec<_> = calls(&events)
        .iter()
        .map(|call| (call.id.as_str(), call.arguments.clone()))
        .collect();
    assert_eq!(
        found,
        [
            ("call_1", Arguments::parse(r#"{"path":"a"}"#)),
            ("call_2", Arguments::parse(r#"{"path":"b"}"#)),
        ]
    );
}

#[tokio::test]
async fn items_whose_ids_change_with_every_event_are_told_apart_by_their_positions() {
    let piece = |id: &str, index: u64, delta: &str| json!({"type": "response.function_call_arguments.delta", "item_id": id, "output_index": index, "delta": delta});
    let events = whole_answer_of(&[
        added(0, &function_call("a1", "call_1", "")),
        added(1, &function_call("b1", "call_2", "")),
        piece("b2", 1, "{\"path\":"),
        piece("a2", 0, "{\"path\":\"a\"}"),
        piece("b3", 1, "\"b\"}"),
        done(0, &function_call("a4", "call_1", "")),
        done(1, &function_call("b4", "call_2", "")),
        completed(),
    ])
    .await;
    let found = calls(&events);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].arguments, Arguments::parse(r#"{"path":"b"}"#));
}

#[tokio::test]
async fn an_answer_that_ends_for_its_length_is_cut_off_and_its_half_call_is_never_run() {
    let begun = function_call("fc_1", "call_1", "");
    let piece = json!({"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 1, "delta": "{\"path\": \"a"});
    let end = json!({"type": "response.incomplete", "response": {
        "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"},
        "usage": {"input_tokens": 3, "output_tokens": 16},
    }});
    let events =
        whole_answer_of(&[done(0, &reasoning("rs_1")), added(1, &begun), piece, end]).await;
    let last = completion(&events);
    assert_eq!(last.stop, StopReason::MaxTokens);
    assert_eq!(last.usage.unwrap().output, 16);
    assert_eq!(last.replay, None, "reasoning without its call is refused");
    assert!(matches!(
        calls(&events)[0].arguments,
        Arguments::Invalid { .. }
    ));
}

#[tokio::test]
async fn an_answer_that_ends_for_a_filter_is_withheld() {
    for (kind, status) in [
        ("response.incomplete", "incomplete"),
        ("response.completed", "incomplete"),
    ] {
        let end = json!({"type": kind, "response": {
            "status": status, "incomplete_details": {"reason": "content_filter"},
        }});
        let events = whole_answer_of(&[done(0, &message("msg_1", "half")), end]).await;
        assert_eq!(completion(&events).stop, StopReason::Refused);
        assert_eq!(text(&events), "half");
    }
}

#[tokio::test]
async fn a_tool_that_was_not_offered_is_never_called_by_the_name_of_one_that_was() {
    let custom = json!({"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "run_command", "input": "rm -r ."});
    let shell = json!({"type": "local_shell_call", "id": "lsh_1", "call_id": "call_2", "action": {"type": "exec", "command": ["rm", "-r", "."]}});
    let events = whole_answer_of(&[
        done(0, &reasoning("rs_1")),
        done(1, &custom),
        done(2, &shell),
        done(3, &function_call("fc_1", "call_3", "{}")),
        completed(),
    ])
    .await;
    let names: Vec<&str> = calls(&events)
        .iter()
        .map(|call| call.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "read_file",
            "custom_tool_call.run_command",
            "local_shell_call"
        ]
    );
    let end = completion(&events);
    assert_eq!(end.stop, StopReason::ToolCalls);
    assert_eq!(end.replay, None);
}

#[tokio::test]
async fn a_tool_of_the_servers_own_is_told_only_where_nothing_else_was_said() {
    for kind in [
        "web_search_call",
        "mcp_call",
        "code_interpreter_call",
        "file_search_call",
        "image_generation_call",
    ] {
        let item =
            json!({"type": kind, "id": "x_1", "status": "completed", "action": {"query": "rust"}});
        let alone = whole_answer_of(&[done(0, &item), completed()]).await;
        assert_eq!(calls(&alone)[0].name, kind);
        let said = [
            done(0, &item),
            done(1, &message("msg_1", "hi")),
            completed(),
        ];
        let said = whole_answer_of(&said).await;
        assert!(calls(&said).is_empty(), "{kind}");
        assert_eq!(completion(&said).stop, StopReason::End);
    }
}

#[tokio::test]
async fn a_failure_in_the_stream_is_sorted_by_its_code() {
    for (code, expected) in [
        ("server_error", "MODEL_UNAVAILABLE"),
        ("rate_limit_exceeded", "MODEL_RATE_LIMITED"),
        ("context_length_exceeded", "MODEL_CONTEXT_TOO_LONG"),
        ("insufficient_quota", "MODEL_QUOTA_EXHAUSTED"),
        ("server_is_overloaded", "MODEL_UNAVAILABLE"),
        ("invalid_prompt", "MODEL_REQUEST_REJECTED"),
        ("model_not_found", "MODEL_UNKNOWN"),
        ("vector_store_timeout", "MODEL_UNAVAILABLE"),
        ("invalid_image_format", "MODEL_REQUEST_REJECTED"),
    ] {
        let error = json!({"code": code, "message": "It went wrong."});
        for event in [
            json!({"type": "response.failed", "response": {"status": "failed", "error": error}}),
            json!({"type": "response.completed", "response": {"status": "failed", "error": error}}),
            json!({"type": "error", "code": code, "message": "It went wrong.", "param": null}),
            json!({"type": "error", "error": error}),
            json!({"error": error}),
        ] {
            let (_, error) = answer_of(stream_of(std::slice::from_ref(&event))).await;
            assert_eq!(error.unwrap().code(), expected, "{event}");
        }
    }
    let limit = json!({"type": "response.failed", "response": {"error": {
        "code": "rate_limit_exceeded",
        "message": "Rate limit reached for gpt-5.4 on tokens per min (TPM): Limit 30000, Used 22999, Requested 12528. Please try again in 11s.",
    }}});
    let (_, error) = answer_of(stream_of(&[limit])).await;
    assert_eq!(error.unwrap().retry_after().unwrap().as_secs(), 11);
    let unexplained = json!({"type": "response.failed", "response": {"status": "failed"}});
    let (_, error) = answer_of(stream_of(&[unexplained])).await;
    assert_eq!(error.unwrap().code(), "MODEL_UNAVAILABLE");
}

#[tokio::test]
async fn what_the_protocol_does_not_allow_is_an_error() {
    let lost = json!({"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 0, "delta": "{"});
    let no_item = json!({"type": "response.output_item.done", "output_index": 0, "item": "x"});
    for stream in [
        stream_of(&[lost]),
        stream_of(&[no_item]),
        "data: {\"no\":\"type\"}\n\n".to_owned(),
        "data: nonsense\n\n".to_owned(),
        "{\"status\": \"completed\"}".to_owned(),
    ] {
        let (_, error) = answer_of(&stream).await;
        let is_protocol = matches!(error, Some(LlmError::Protocol { .. }));
        assert!(is_protocol, "{stream}: {error:?}");
    }
}

#[tokio::test]
async fn endlessly_many_items_are_refused() {
    let items: Vec<Value> = (0..2_050)
        .map(|index| done(index, &message(&format!("m_{index}"), "")))
        .collect();
    let (_, error) = answer_of(stream_of(&items)).await;
    assert!(
        matches!(error, Some(LlmError::Protocol { .. })),
        "{error:?}"
    );
}
