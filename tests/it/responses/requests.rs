//! Request bodies, whole; and what of a conversation stays the same from turn to turn.

use std::fmt::Write as _;

use navi::llm::effort::{Effort, Verbosity};
use navi::llm::model::{Arguments, ChatRequest, Message, Part, Replay, StreamEvent, ToolCall};
use serde_json::{Value, json};

use super::support::{
    TWO_CALLS, answer_to, asked, calls, completed, completion, done, function_call, message,
    reasoning, responses, stream_of, tool,
};

/// A conversation with everything in it.
fn everything(model: &str) -> ChatRequest {
    ChatRequest {
        model: model.to_owned(),
        system: "You are careful.".to_owned(),
        messages: vec![
            Message::User {
                content: vec![
                    Part::Text {
                        text: "What is this?".to_owned(),
                    },
                    Part::Image {
                        media_type: "image/png".to_owned(),
                        data: "iVBORw0=".to_owned(),
                    },
                ],
            },
            Message::Assistant {
                text: "I look.".to_owned(),
                tool_calls: vec![
                    call("call_1", "read_file", r#"{"path": "a.rs"}"#),
                    call("functions.search:2", "functions.search", r#"{"pattern": "#),
                ],
                replay: None,
            },
            Message::ToolResult {
                call_id: "functions.search:2".to_owned(),
                content: "the arguments are no JSON".to_owned(),
                is_error: true,
            },
            Message::System {
                text: "Two minutes are left.".to_owned(),
            },
            Message::ToolResult {
                call_id: "call_1".to_owned(),
                content: "fn main() {}".to_owned(),
                is_error: false,
            },
            Message::user("And?"),
        ],
        tools: [tool("read_file")].into(),
        max_output_tokens: Some(4_000),
        temperature: Some(0.5),
        effort: Some(Effort::High),
        verbosity: Some(Verbosity::Low),
    }
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: Arguments::parse(arguments),
    }
}

/// A body with a line for each member, and for each element of a list.
fn lines(body: &Value) -> String {
    let mut lines = String::new();
    for (name, value) in body.as_object().unwrap() {
        if let Some(elements) = value.as_array() {
            writeln!(lines, "{name}").unwrap();
            for element in elements {
                writeln!(lines, "  {element}").unwrap();
            }
        } else {
            writeln!(lines, "{name} {value}").unwrap();
        }
    }
    lines
}

/// The conversation with an answer and the results of its calls at its end.
fn with_turn(request: &ChatRequest, answer: &[StreamEvent]) -> ChatRequest {
    let mut request = request.clone();
    let tool_calls: Vec<ToolCall> = calls(answer).into_iter().cloned().collect();
    let results: Vec<Message> = tool_calls
        .iter()
        .map(|call| Message::ToolResult {
            call_id: call.id.clone(),
            content: format!("result of {}", call.name),
            is_error: false,
        })
        .collect();
    request.messages.push(Message::Assistant {
        text: super::support::text(answer),
        tool_calls,
        replay: completion(answer).replay.clone(),
    });
    request.messages.extend(results);
    request
}

#[test]
fn a_request_has_the_shape_of_the_responses_api() {
    insta::assert_snapshot!(lines(&responses().body(&everything("gpt-5.4"))), @r#"
    model "gpt-5.4"
    stream true
    store false
    include
      "reasoning.encrypted_content"
    reasoning {"effort":"high","summary":"auto"}
    text {"verbosity":"low"}
    max_output_tokens 4000
    prompt_cache_key "5b4e76c9b5ea8b8801e9092fafbc289e"
    instructions "You are careful."
    tools
      {"type":"function","name":"read_file","description":"Does it.","parameters":{"type":"object","properties":{}},"strict":false}
    input
      {"type":"message","role":"user","content":[{"type":"input_text","text":"What is this?"},{"type":"input_image","detail":"auto","image_url":"data:image/png;base64,iVBORw0="}]}
      {"type":"message","role":"assistant","content":"I look."}
      {"type":"function_call","call_id":"call_1","name":"read_file","arguments":"{\"path\":\"a.rs\"}"}
      {"type":"function_call","call_id":"call_535e86071f870d2fc5cdc865b17716ed","name":"functions_search","arguments":"{\"invalid_arguments\":\"{\\\"pattern\\\": \"}"}
      {"type":"function_call_output","call_id":"call_1","output":"fn main() {}"}
      {"type":"function_call_output","call_id":"call_535e86071f870d2fc5cdc865b17716ed","output":"the arguments are no JSON"}
      {"type":"message","role":"system","content":"Two minutes are left."}
      {"type":"message","role":"user","content":"And?"}
    "#);
}

#[test]
fn models_get_the_parameters_they_accept() {
    let mut table = String::new();
    for model in [
        "gpt-4.1",
        "gpt-5",
        "gpt-5.4",
        "gpt-6.1-sol",
        "o4-mini",
        "gpt-5-chat-latest",
        "our-deployment",
    ] {
        let body = responses().body(&everything(model));
        writeln!(
            table,
            "{model}: {} {} {} {}",
            body["temperature"], body["reasoning"], body["include"], body["text"]
        )
        .unwrap();
    }
    insta::assert_snapshot!(table, @r#"
    gpt-4.1: 0.5 null null null
    gpt-5: null {"effort":"high","summary":"auto"} ["reasoning.encrypted_content"] {"verbosity":"low"}
    gpt-5.4: null {"effort":"high","summary":"auto"} ["reasoning.encrypted_content"] {"verbosity":"low"}
    gpt-6.1-sol: null {"effort":"high","summary":"auto"} ["reasoning.encrypted_content"] {"verbosity":"low"}
    o4-mini: null {"effort":"high","summary":"auto"} ["reasoning.encrypted_content"] null
    gpt-5-chat-latest: 0.5 {"effort":"high"} ["reasoning.encrypted_content"] {"verbosity":"low"}
    our-deployment: 0.5 {"effort":"high"} ["reasoning.encrypted_content"] {"verbosity":"low"}
    "#);
}

#[test]
fn nothing_is_asked_of_the_model_that_was_not_asked_of_us() {
    let body = responses().body(&ChatRequest {
        model: "gpt-5.4".to_owned(),
        messages: vec![Message::user("hello")],
        max_output_tokens: Some(1),
        ..ChatRequest::default()
    });
    let members: Vec<&str> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        members,
        [
            "model",
            "stream",
            "store",
            "include",
            "reasoning",
            "max_output_tokens",
            "prompt_cache_key",
            "input"
        ]
    );
    assert_eq!(body["reasoning"], json!({"summary": "auto"}));
    assert_eq!(body["max_output_tokens"], 16, "the least that is accepted");
}

#[tokio::test]
async fn reasoning_goes_back_before_the_calls_it_led_to() {
    let question = asked("gpt-5.4");
    let (answer, _) = answer_to(&question, TWO_CALLS).await;
    let body = responses().body(&with_turn(&question, &answer));
    let sent: Vec<String> = body["input"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let ids = [&item["id"], &item["call_id"]].map(|id| id.as_str().unwrap_or("-"));
            format!("{} {} {}", item["type"].as_str().unwrap(), ids[0], ids[1])
        })
        .collect();
    assert_eq!(
        sent,
        [
            "message - -",
            "reasoning rs_01 -",
            "message msg_01 -",
            "function_call fc_01 call_aaa",
            "function_call fc_02 call_bbb",
            "function_call_output - call_aaa",
            "function_call_output - call_bbb",
        ]
    );
    assert_eq!(
        body["input"][1]["encrypted_content"],
        "gAAAA-the-whole-of-it"
    );
    assert_eq!(body["input"][2]["phase"], "commentary");
}

#[tokio::test]
async fn reasoning_goes_back_to_its_own_model_and_with_exactly_its_calls() {
    let question = asked("gpt-5.4");
    let (answer, _) = answer_to(&question, TWO_CALLS).await;
    let turn = with_turn(&question, &answer);
    let reasons = |request: &ChatRequest| {
        responses()
            .body(request)
            .to_string()
            .contains("encrypted_content\":\"gAAAA")
    };
    assert!(reasons(&turn));
    let mut other_model = turn.clone();
    other_model.model = "gpt-6.1-sol".to_owned();
    assert!(!reasons(&other_model));
    let mut fewer_calls = turn.clone();
    for message in &mut fewer_calls.messages {
        if let Message::Assistant { tool_calls, .. } = message {
            tool_calls.pop();
        }
    }
    assert!(!reasons(&fewer_calls));
    let mut other_record = turn;
    for message in &mut other_record.messages {
        if let Message::Assistant { replay, .. } = message {
            *replay = Some(Replay {
                provider: "openai".to_owned(),
                model: "gpt-5.4".to_owned(),
                content: json!({"call_aaa": {"of": "Chat Completions"}}),
            });
        }
    }
    let body = responses().body(&other_record);
    assert_eq!(
        body["input"][2]["call_id"], "call_aaa",
        "it was built again"
    );
}

#[tokio::test]
async fn an_id_that_is_replaced_is_replaced_in_the_record_too() {
    let question = asked("gpt-5.4");
    let stream = stream_of(&[
        done(0, &reasoning("rs_1")),
        done(
            1,
            &function_call("fc_1", "call:1/ä", "{ \"path\" : \"a\" }"),
        ),
        completed(),
    ]);
    let (answer, _) = answer_to(&question, stream).await;
    let body = responses().body(&with_turn(&question, &answer));
    let (call, result) = (&body["input"][2], &body["input"][3]);
    assert_eq!(call["call_id"], result["call_id"]);
    assert_eq!(
        call["arguments"], "{ \"path\" : \"a\" }",
        "as the model wrote them"
    );
    assert_eq!(body["input"][1]["id"], "rs_1");
}

#[tokio::test]
async fn reasoning_that_cannot_go_back_takes_nothing_with_it() {
    let question = asked("gpt-5.4");
    let mut unencrypted = reasoning("rs_1");
    unencrypted["encrypted_content"] = Value::Null;
    let mut unfinished = reasoning("rs_1");
    unfinished["status"] = json!("incomplete");
    for item in [unencrypted, unfinished] {
        let stream = stream_of(&[
            done(0, &item),
            done(1, &function_call("fc_1", "call_1", "{}")),
            completed(),
        ]);
        let (answer, _) = answer_to(&question, stream).await;
        let body = responses().body(&with_turn(&question, &answer));
        assert_eq!(body["input"][1]["type"], "function_call");
        assert!(body["input"][1].get("id").is_none());
    }
    let stream = stream_of(&[
        done(0, &message("msg_1", "hi")),
        done(1, &reasoning("rs_1")),
        completed(),
    ]);
    let (answer, _) = answer_to(&question, stream).await;
    let replay = completion(&answer).replay.clone().unwrap();
    assert_eq!(
        replay.content.as_array().unwrap().len(),
        1,
        "nothing follows it"
    );
}

#[tokio::test]
async fn every_turn_begins_with_the_bytes_of_the_turn_before() {
    let mut request = ChatRequest {
        system: "You are careful.".to_owned(),
        effort: Some(Effort::Medium),
        ..asked("gpt-5.4")
    };
    let mut before = responses().body(&request).to_string();
    for turn in 0..4 {
        let stream = TWO_CALLS
            .replace("rs_01", &format!("rs_{turn}"))
            .replace("call_aaa", &format!("call_a{turn}"))
            .replace("call_bbb", &format!("call_b{turn}"));
        let (answer, error) = answer_to(&request, stream).await;
        assert_eq!(error, None);
        request = with_turn(&request, &answer);
        let now = responses().body(&request).to_string();
        let prefix = before.strip_suffix("]}").unwrap();
        assert!(now.starts_with(prefix), "turn {turn}:\n{before}\n{now}");
        before = now;
    }
}

#[tokio::test]
async fn a_record_that_a_database_has_put_into_its_own_order_makes_the_same_bytes() {
    let question = asked("gpt-5.4");
    let (answer, _) = answer_to(&question, TWO_CALLS).await;
    let turn = with_turn(&question, &answer);
    let stored = |message: &Message| {
        let mut value = serde_json::to_value(message).unwrap();
        value.sort_all_objects();
        serde_json::from_value(value).unwrap()
    };
    let kept = ChatRequest {
        messages: turn.messages.iter().map(stored).collect(),
        ..turn.clone()
    };
    assert_eq!(
        responses().body(&kept).to_string(),
        responses().body(&turn).to_string()
    );
}

#[test]
fn conversations_have_cache_keys_of_their_own() {
    let key = |request: &ChatRequest| responses().body(request)["prompt_cache_key"].clone();
    let question = everything("gpt-5.4");
    let mut longer = question.clone();
    longer.messages.push(Message::user("more"));
    let mut other = question.clone();
    other.messages[0] = Message::user("another question");
    assert_eq!(key(&question), key(&longer));
    assert_ne!(key(&question), key(&other));
    assert!(key(&question).as_str().unwrap().len() <= 64);
}
