//! The scripted provider.

use std::time::Duration;

use navi::llm::error::LlmError;
use navi::llm::model::{
    Arguments, ChatRequest, Message, StopReason, StreamEvent, ToolCall, ToolSpec, Usage,
};
use navi::llm::provider::Provider;
use navi::llm::script::{FailKind, Script};
use navi::llm::scripted::ScriptedProvider;
use serde_json::json;

use crate::llm_support::{drain, request};
use crate::runs::stage::{calls, says, script as script_of};
use crate::support::model::Failing as _;

/// A request with a tool, as the agent's are.
fn asked(messages: Vec<Message>) -> ChatRequest {
    ChatRequest {
        messages,
        tools: [ToolSpec {
            name: "read_file",
            description: "Reads.",
            parameters: json!({"type": "object"}),
        }]
        .into(),
        ..request("demo")
    }
}

async fn play(
    provider: &ScriptedProvider,
    request: &ChatRequest,
) -> (Vec<StreamEvent>, Option<LlmError>) {
    match provider.stream(request).await {
        Ok(events) => drain(events).await,
        Err(error) => (Vec::new(), Some(error)),
    }
}

fn as_message(events: &[StreamEvent]) -> Message {
    let mut text = String::new();
    let mut tool_calls = Vec::new();
    for event in events {
        match event {
            StreamEvent::Text { delta } => text += delta,
            StreamEvent::ToolCall(call) => tool_calls.push(call.clone()),
            StreamEvent::Reasoning { .. } | StreamEvent::Done(_) => {}
        }
    }
    Message::Assistant {
        text,
        tool_calls,
        replay: None,
    }
}

fn script() -> Script {
    Script::from_json(
        r#"{
            "plan": "{\"steps\": []}",
            "turns": [
                {"reason": ["hm"], "say": ["I ", "look."], "calls": [{"name": "read_file", "arguments": {"path": "a"}}]},
                {"calls": [{"name": "read_file", "raw_arguments": "{\"path\""}]},
                {"say": ["Done."], "usage": {"input": 900, "cache_read": 800, "cache_write": 0, "output": 20, "reasoning": 0}},
                {"say": ["Cut"], "cut_off": true, "omit_usage": true}
            ],
            "closing": "Over."
        }"#,
    )
    .unwrap()
}

#[tokio::test]
async fn a_script_is_played_turn_by_turn_and_then_closed() {
    let provider = ScriptedProvider::new(script());
    let mut messages = vec![Message::user("fix it")];
    let mut said = Vec::new();
    for _ in 0..5 {
        let (events, error) = play(&provider, &asked(messages.clone())).await;
        assert_eq!(error, None);
        messages.push(as_message(&events));
        said.push(events);
    }
    let StreamEvent::ToolCall(call) = &said[0][3] else {
        panic!("{said:?}");
    };
    assert_eq!(call.id, "scripted_0_0");
    assert_eq!(call.arguments, Arguments::parse(r#"{"path":"a"}"#));
    let StreamEvent::ToolCall(call) = &said[1][0] else {
        panic!("{said:?}");
    };
    assert!(matches!(call.arguments, Arguments::Invalid { .. }));
    let done = |at: usize| match said[at].last() {
        Some(StreamEvent::Done(completion)) => completion.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(done(0).stop, StopReason::ToolCalls);
    assert!(done(0).usage.unwrap().input > 0, "counted from the texts");
    let usage = Usage {
        input: 900,
        cache_read: 800,
        output: 20,
        ..Usage::default()
    };
    assert_eq!(done(2).usage, Some(usage));
    assert_eq!((done(3).stop, done(3).usage), (StopReason::MaxTokens, None));
    assert!(matches!(&said[4][0], StreamEvent::Text { delta } if delta == "Over."));
}

#[tokio::test]
async fn a_request_without_tools_gets_the_plan() {
    let provider = ScriptedProvider::new(script());
    let (events, _) = play(&provider, &request("demo")).await;
    assert!(matches!(&events[0], StreamEvent::Text { delta } if delta == "{\"steps\": []}"));
}

#[tokio::test]
async fn conversations_play_side_by_side_and_go_on_after_shortening() {
    let provider = ScriptedProvider::new(script());
    let (first, _) = play(&provider, &asked(vec![Message::user("a")])).await;
    let (again, _) = play(&provider, &asked(vec![Message::user("b")])).await;
    assert_eq!(as_message(&first), as_message(&again));
    // Only the second turn is left of the history; its call says where the script is.
    let call = ToolCall {
        id: "scripted_1_0".to_owned(),
        name: "read_file".to_owned(),
        arguments: Arguments::parse("{}"),
    };
    let shortened = vec![
        Message::user("what came before, in short"),
        Message::Assistant {
            text: String::new(),
            tool_calls: vec![call],
            replay: None,
        },
    ];
    let (events, _) = play(&provider, &asked(shortened)).await;
    assert!(matches!(&events[0], StreamEvent::Text { delta } if delta == "Done."));
}

#[tokio::test]
async fn failures_come_before_or_after_the_text_and_may_pass() {
    let script = Script::from_json(
        r#"{"turns": [
            {"say": ["ok"], "fail": {"kind": "unavailable", "times": 2, "retry_after_ms": 5}},
            {"say": ["ok"], "fail": {"kind": "truncated"}},
            {"fail": {"kind": "hang"}}
        ]}"#,
    )
    .unwrap();
    let provider = ScriptedProvider::new(script);
    let at = |turns: usize| {
        let mut messages = vec![Message::user("a")];
        messages.extend((0..turns).map(|_| as_message(&[])));
        asked(messages)
    };
    for _ in 0..2 {
        let (events, error) = play(&provider, &at(0)).await;
        assert_eq!(events.len(), 1);
        assert_eq!(error.unwrap().retry_after(), Some(Duration::from_millis(5)));
    }
    assert_eq!(play(&provider, &at(0)).await.1, None);
    let (events, error) = play(&provider, &at(1)).await;
    assert_eq!(events.len(), 1);
    assert_eq!(error.unwrap().code(), "MODEL_ANSWER_TRUNCATED");
    let silent = at(2);
    let hang = tokio::time::timeout(Duration::from_millis(20), provider.stream(&silent)).await;
    assert!(hang.is_err());
}

#[tokio::test]
async fn every_kind_of_failure_has_its_error() {
    let kinds = [
        (FailKind::RateLimited, "MODEL_RATE_LIMITED"),
        (FailKind::Unavailable, "MODEL_UNAVAILABLE"),
        (FailKind::Network, "MODEL_UNREACHABLE"),
        (FailKind::TimedOut, "MODEL_TIMED_OUT"),
        (FailKind::Unauthorized, "MODEL_KEY_REFUSED"),
        (FailKind::QuotaExhausted, "MODEL_QUOTA_EXHAUSTED"),
        (FailKind::ContextTooLong, "MODEL_CONTEXT_TOO_LONG"),
        (FailKind::UnknownModel, "MODEL_UNKNOWN"),
        (FailKind::Rejected, "MODEL_REQUEST_REJECTED"),
        (FailKind::Protocol, "MODEL_PROTOCOL_ERROR"),
        (FailKind::Truncated, "MODEL_ANSWER_TRUNCATED"),
    ];
    for (kind, code) in kinds {
        let provider = ScriptedProvider::new(Script::default().fails(kind));
        let (_, error) = play(&provider, &asked(Vec::new())).await;
        assert_eq!(error.unwrap().code(), code);
    }
}

#[test]
fn a_script_written_in_code_survives_the_way_through_json() {
    let turns = [calls(&[("read_file", json!({"path": "a"}))]), says("Done.")];
    let script = script_of(turns).fails(FailKind::Hang);
    let text = serde_json::to_string(&script).unwrap();
    assert_eq!(Script::from_json(&text).unwrap(), script);
    assert!(Script::from_json(r#"{"turns": [{"sya": ["typo"]}]}"#).is_err());
}
