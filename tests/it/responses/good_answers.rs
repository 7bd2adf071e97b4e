//! Answers as the specification has them, and as servers nearly do.

use navi::llm::model::{Arguments, StopReason, Usage};
use serde_json::json;

use super::support::{
    TWO_CALLS, added, answer_of, answer_to, asked, calls, completed, completion, done,
    function_call, message, reasoning, responses, stream_of, text, thoughts, whole_answer_of,
};
use crate::llm_support::{RawServer, answer, ask, patience, provider};

#[tokio::test]
async fn reasoning_a_text_and_two_interleaved_calls_come_out_whole() {
    let (events, error) = answer_of(TWO_CALLS).await;
    assert_eq!(error, None);
    assert_eq!(text(&events), "Grüße, I look at both files 😀.");
    assert_eq!(
        thoughts(&events),
        "**Reading** the failing test\n\nTwo files matter."
    );
    let asked: Vec<_> = calls(&events)
        .into_iter()
        .map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.clone()))
        .collect();
    let with = |text: &str| Arguments::parse(text);
    assert_eq!(
        asked,
        [
            ("call_aaa", "read_file", with(r#"{"path": "src/lib.rs"}"#)),
            ("call_bbb", "search_files", with(r#"{"pattern": "ä"}"#)),
        ]
    );
    let end = completion(&events);
    assert_eq!(end.stop, StopReason::ToolCalls);
    assert_eq!(end.model.as_deref(), Some("gpt-5.4-2026-03-05"));
    assert_eq!(
        end.usage,
        Some(Usage {
            input: 1_200,
            cache_read: 1_024,
            cache_write: 128,
            output: 90,
            reasoning: 64,
        })
    );
}

#[tokio::test]
async fn the_record_of_an_answer_holds_its_items_as_they_were_at_their_end() {
    let (events, _) = answer_of(TWO_CALLS).await;
    let replay = completion(&events).replay.as_ref().unwrap();
    assert_eq!(
        (replay.provider.as_str(), replay.model.as_str()),
        ("openai", "gpt-5.4")
    );
    insta::assert_json_snapshot!(replay.content, @r#"
    [
      {
        "id": "rs_01",
        "type": "reasoning",
        "summary": [
          {
            "type": "summary_text",
            "text": "**Reading** the failing test"
          },
          {
            "type": "summary_text",
            "text": "Two files matter."
          }
        ],
        "encrypted_content": "gAAAA-the-whole-of-it"
      },
      {
        "id": "msg_01",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "phase": "commentary",
        "content": [
          {
            "type": "output_text",
            "annotations": [],
            "logprobs": [],
            "text": "Grüße, I look at both files 😀."
          }
        ]
      },
      {
        "id": "fc_01",
        "type": "function_call",
        "status": "completed",
        "arguments": "{\"path\":\"src/lib.rs\"}",
        "call_id": "call_aaa",
        "name": "read_file"
      },
      {
        "id": "fc_02",
        "type": "function_call",
        "status": "completed",
        "arguments": "{\"pattern\":\"ä\"}",
        "call_id": "call_bbb",
        "name": "search_files"
      }
    ]
    "#);
}

#[tokio::test]
async fn packets_that_cut_characters_and_lines_change_nothing() {
    let (whole, _) = answer_of(TWO_CALLS).await;
    let (cut, error) = answer_of(TWO_CALLS.replace('\n', "\r\n")).await;
    assert_eq!(error, None);
    assert_eq!(cut, whole);
}

#[tokio::test]
async fn an_answer_that_is_not_streamed_is_read_whole() {
    let body = json!({
        "id": "resp_1", "object": "response", "status": "completed", "model": "m", "error": null,
        "output": [
            reasoning("rs_1"), message("msg_1", "hi"), function_call("fc_1", "call_1", "{\"path\":\"a\"}"),
        ],
        "usage": {"input_tokens": 3, "output_tokens": 4},
    });
    let server = RawServer::with(answer(200, "", &body.to_string())).await;
    let (events, error) = ask(&provider(responses(), &server, patience(5_000))).await;
    assert_eq!(error, None);
    assert_eq!(text(&events), "hi");
    assert_eq!(
        calls(&events)[0].arguments,
        Arguments::parse(r#"{"path":"a"}"#)
    );
    let end = completion(&events);
    assert_eq!(end.usage.unwrap().total(), 7);
    let replay = end.replay.as_ref().unwrap();
    assert_eq!(replay.content.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn an_answer_without_reasoning_or_phases_needs_no_record() {
    let events = whole_answer_of(&[
        done(0, &message("msg_1", "hi")),
        done(1, &function_call("fc_1", "call_1", "{}")),
        completed(),
    ])
    .await;
    assert_eq!(completion(&events).replay, None);
    assert_eq!(completion(&events).stop, StopReason::ToolCalls);
}

#[tokio::test]
async fn two_texts_in_one_answer_stand_apart() {
    let events = whole_answer_of(&[
        done(0, &message("msg_1", "First.")),
        done(1, &message("msg_2", "Then.")),
        completed(),
    ])
    .await;
    assert_eq!(text(&events), "First.\n\nThen.");
}

#[tokio::test]
async fn servers_that_announce_no_items_or_repeat_them_only_at_the_end_are_understood() {
    let delta = |piece| json!({"type": "response.output_text.delta", "item_id": "x", "output_index": 0, "delta": piece});
    let end = json!({"type": "response.completed", "response": {
        "status": "completed",
        "output": [message("x", "hello"), function_call("fc_1", "call_1", "{}")],
    }});
    let events = whole_answer_of(&[delta("hel"), delta("l"), end]).await;
    assert_eq!(text(&events), "hello");
    assert_eq!(calls(&events).len(), 1);
}

#[tokio::test]
async fn arguments_that_are_an_object_and_calls_with_one_id_alone_are_understood() {
    let mut object = function_call("fc_1", "", "");
    object["arguments"] = json!({"path": "a"});
    let events = whole_answer_of(&[done(0, &object), completed()]).await;
    assert_eq!(calls(&events)[0].id, "fc_1");
    assert_eq!(
        calls(&events)[0].arguments,
        Arguments::parse(r#"{"path":"a"}"#)
    );
}

#[tokio::test]
async fn kinds_of_events_and_items_that_are_not_known_do_not_disturb() {
    let events = whole_answer_of(&[
        json!({"type": "response.audio.delta", "delta": "UklG"}),
        added(0, &json!({"type": "hologram", "id": "h_1"})),
        json!({"type": "response.hologram.delta", "item_id": "h_1", "delta": "x"}),
        done(0, &json!({"type": "hologram", "id": "h_1"})),
        done(1, &message("msg_1", "hi")),
        completed(),
    ])
    .await;
    assert_eq!(text(&events), "hi");
    assert!(calls(&events).is_empty());
}

#[tokio::test]
async fn a_refusal_is_the_text_of_an_answer_that_was_withheld() {
    let refusal = json!({
        "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{"type": "refusal", "refusal": "I cannot help with that."}],
    });
    let delta = json!({"type": "response.refusal.delta", "item_id": "msg_1", "output_index": 0, "delta": "I cannot"});
    let events = whole_answer_of(&[
        added(0, &message("msg_1", "")),
        delta,
        done(0, &refusal),
        completed(),
    ])
    .await;
    assert_eq!(text(&events), "I cannot help with that.");
    assert_eq!(completion(&events).stop, StopReason::Refused);
}

#[tokio::test]
async fn a_record_with_a_lone_half_of_a_character_can_be_sent_back() {
    let half = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"\ud83d"}],"encrypted_content":"x","content":null}}"#;
    let rest = stream_of(&[done(1, &message("msg_1", "hi")), completed()]);
    let (events, error) = answer_to(&asked("gpt-5.4"), format!("data: {half}\n\n{rest}")).await;
    assert_eq!(error, None);
    let replay = completion(&events).replay.as_ref().unwrap();
    assert_eq!(replay.content[0]["summary"][0]["text"], "\u{fffd}");
    assert!(replay.content[0].get("content").is_none());
}
