//! Request bodies, whole.

use std::fmt::Write as _;

use navi::llm::model::{Arguments, ChatRequest, Message, Part, Replay, ToolCall, ToolSpec};
use navi::llm::wire::codec::Codec;
use navi::llm::wire::openai::codec::OpenAi;
use navi::llm::wire::openai::dialect::Dialect;
use serde_json::{Value, json};

use crate::llm_support::{anthropic, openai};

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
            Message::Assistant {
                text: String::new(),
                tool_calls: Vec::new(),
                replay: None,
            },
            Message::user("And?"),
        ],
        tools: [tool("read_file"), tool("search_files")].into(),
        max_output_tokens: Some(4_000),
        temperature: Some(0.5),
        effort: None,
        verbosity: None,
    }
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: Arguments::parse(arguments),
    }
}

fn tool(name: &'static str) -> ToolSpec {
    ToolSpec {
        name,
        description: "Does it.",
        parameters: json!({"type": "object", "properties": {}}),
    }
}

fn roles(body: &Value) -> Vec<&str> {
    let messages = body["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect()
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

#[test]
fn a_request_to_anthropic_has_the_shape_of_its_messages_api() {
    insta::assert_snapshot!(lines(&anthropic().body(&everything("claude-haiku-4-5"))), @r#"
    model "claude-haiku-4-5"
    max_tokens 4000
    stream true
    temperature 0.5
    system
      {"type":"text","text":"You are careful.","cache_control":{"type":"ephemeral"}}
    tools
      {"name":"read_file","description":"Does it.","input_schema":{"type":"object","properties":{}}}
      {"name":"search_files","description":"Does it.","input_schema":{"type":"object","properties":{}},"cache_control":{"type":"ephemeral"}}
    messages
      {"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0="},"cache_control":{"type":"ephemeral"}}]}
      {"role":"assistant","content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"call_1","name":"read_file","input":{"path":"a.rs"}},{"type":"tool_use","id":"call_535e86071f870d2fc5cdc865b17716ed","name":"functions_search","input":{"invalid_arguments":"{\"pattern\": "}}]}
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"fn main() {}"},{"type":"tool_result","tool_use_id":"call_535e86071f870d2fc5cdc865b17716ed","content":"the arguments are no JSON","is_error":true},{"type":"text","text":"<system>\nTwo minutes are left.\n</system>"},{"type":"text","text":"And?","cache_control":{"type":"ephemeral"}}]}
    "#);
}

#[test]
fn a_request_to_openai_has_the_shape_of_chat_completions() {
    insta::assert_snapshot!(lines(&openai().body(&everything("gpt-4o"))), @r#"
    model "gpt-4o"
    stream true
    stream_options {"include_usage":true}
    max_completion_tokens 4000
    temperature 0.5
    tools
      {"type":"function","function":{"name":"read_file","description":"Does it.","parameters":{"type":"object","properties":{}}}}
      {"type":"function","function":{"name":"search_files","description":"Does it.","parameters":{"type":"object","properties":{}}}}
    messages
      {"role":"system","content":"You are careful."}
      {"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0="}}]}
      {"role":"assistant","content":"I look.","tool_calls":[{"id":"call_1","type":"function","function":{"name":"read_file","arguments":"{\"path\":\"a.rs\"}"}},{"id":"call_535e86071f870d2fc5cdc865b17716ed","type":"function","function":{"name":"functions_search","arguments":"{\"invalid_arguments\":\"{\\\"pattern\\\": \"}"}}]}
      {"role":"tool","tool_call_id":"call_1","content":"fn main() {}"}
      {"role":"tool","tool_call_id":"call_535e86071f870d2fc5cdc865b17716ed","content":"the arguments are no JSON"}
      {"role":"system","content":"Two minutes are left."}
      {"role":"user","content":"And?"}
    "#);
}

#[test]
fn models_get_the_parameters_they_accept() {
    let mut table = String::new();
    for (dialect, model) in [
        (Dialect::OPENAI, "gpt-4o"),
        (Dialect::OPENAI, "gpt-5.2"),
        (Dialect::OPENAI, "gpt-5.6-terra"),
        (Dialect::OPENAI, "gpt-6-luna"),
        (Dialect::OPENAI, "o4-mini"),
        (Dialect::OPENAI, "gpt-oss-20b"),
        (Dialect::OPENAI, "qwen2.5-coder"),
        (Dialect::GROQ, "openai/gpt-oss-120b"),
        (Dialect::OPENROUTER, "openai/gpt-6.1-terra"),
        (Dialect::SELF_HOSTED, "gpt-5-clone"),
    ] {
        let body = OpenAi(dialect).body(&everything(model));
        let has = |name: &'static str| if body.get(name).is_some() { name } else { "-" };
        writeln!(
            table,
            "{} {model}: {} {} {} {}",
            dialect.provider,
            has("max_completion_tokens"),
            has("max_tokens"),
            has("temperature"),
            has("reasoning_effort"),
        )
        .unwrap();
    }
    for model in [
        "claude-haiku-4-5",
        "claude-sonnet-4-20250514",
        "claude-sonnet-5-5",
        "claude-opus-5",
    ] {
        let body = anthropic().body(&everything(model));
        writeln!(
            table,
            "anthropic {model}: {} {}",
            body["temperature"], body["thinking"]
        )
        .unwrap();
    }
    insta::assert_snapshot!(table, @r#"
    openai gpt-4o: max_completion_tokens - temperature -
    openai gpt-5.2: max_completion_tokens - - -
    openai gpt-5.6-terra: max_completion_tokens - - reasoning_effort
    openai gpt-6-luna: max_completion_tokens - - reasoning_effort
    openai o4-mini: max_completion_tokens - - -
    openai gpt-oss-20b: - max_tokens temperature -
    openai qwen2.5-coder: - max_tokens temperature -
    groq openai/gpt-oss-120b: max_completion_tokens - temperature -
    openrouter openai/gpt-6.1-terra: - max_tokens temperature -
    self_hosted gpt-5-clone: - max_tokens temperature -
    anthropic claude-haiku-4-5: 0.5 null
    anthropic claude-sonnet-4-20250514: 0.5 null
    anthropic claude-sonnet-5-5: null {"type":"adaptive","display":"summarized"}
    anthropic claude-opus-5: null {"type":"adaptive","display":"summarized"}
    "#);
}

#[test]
fn without_tools_reasoning_is_left_to_the_model() {
    let mut request = everything("gpt-6.1-terra");
    request.tools = std::sync::Arc::default();
    let body = openai().body(&request);
    assert!(body.get("reasoning_effort").is_none() && body.get("tools").is_none());
}

#[test]
fn an_instruction_in_the_middle_stays_in_its_place_where_templates_allow_no_system_there() {
    let body = OpenAi(Dialect::SELF_HOSTED).body(&everything("qwen2.5-coder"));
    assert_eq!(
        roles(&body),
        [
            "system",
            "user",
            "assistant",
            "tool",
            "tool",
            "user",
            "user"
        ]
    );
    assert!(
        body["messages"][5]["content"]
            .as_str()
            .unwrap()
            .contains("Two minutes")
    );
}

#[test]
fn anthropic_gets_turns_that_alternate_and_begin_and_end_with_the_user() {
    let said = |text: &str| Message::Assistant {
        text: text.to_owned(),
        tool_calls: Vec::new(),
        replay: None,
    };
    let request = ChatRequest {
        messages: vec![
            said("left over"),
            said("from before "),
            Message::user("a"),
            Message::user("b"),
            Message::System {
                text: "c".to_owned(),
            },
            said("d  "),
        ],
        ..ChatRequest::default()
    };
    let body = anthropic().body(&request);
    assert_eq!(
        roles(&body),
        ["user", "assistant", "user", "assistant", "user"]
    );
    assert_eq!(body["messages"][3]["content"][0]["text"], "d");
}

#[test]
fn at_most_four_cache_breakpoints_are_set_and_they_stand_at_the_ends() {
    let body = anthropic().body(&everything("claude-haiku-4-5"));
    let text = body.to_string();
    assert_eq!(text.matches("cache_control").count(), 4);
    assert!(body["tools"][1].get("cache_control").is_some());
    assert!(body["system"][0].get("cache_control").is_some());
    let mut longer = everything("claude-haiku-4-5");
    longer.messages.extend(everything("").messages);
    let text = anthropic().body(&longer).to_string();
    assert_eq!(text.matches("cache_control").count(), 4);
}

#[test]
fn recorded_reasoning_goes_back_to_its_own_model_alone() {
    let blocks = json!([
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {}},
    ]);
    let request = |model: &str, id: &str| ChatRequest {
        model: model.to_owned(),
        messages: vec![
            Message::user("a"),
            Message::Assistant {
                text: String::new(),
                tool_calls: vec![call(id, "read_file", "{}")],
                replay: Some(Replay {
                    provider: "anthropic".to_owned(),
                    model: "claude-sonnet-5-5".to_owned(),
                    content: blocks.clone(),
                }),
            },
        ],
        ..ChatRequest::default()
    };
    let sent = |model: &str, id: &str| {
        let body = anthropic().body(&request(model, id));
        body["messages"][1]["content"].clone()
    };
    assert_eq!(sent("claude-sonnet-5-5", "toolu_1"), blocks);
    assert_eq!(
        sent("claude-opus-5-5", "toolu_1").as_array().unwrap().len(),
        1
    );
    assert_eq!(
        sent("claude-sonnet-5-5", "another")
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let body = openai().body(&request("claude-sonnet-5-5", "toolu_1"));
    assert!(!body.to_string().contains("signature"));
}

#[test]
fn a_signed_call_goes_back_to_google_with_its_signature() {
    let request = ChatRequest {
        model: "gemini-3.8-flash".to_owned(),
        messages: vec![Message::Assistant {
            text: String::new(),
            tool_calls: vec![call("c1", "read_file", "{}"), call("c2", "read_file", "{}")],
            replay: Some(Replay {
                provider: "google".to_owned(),
                model: "gemini-3.8-flash".to_owned(),
                content: json!({"c1": {"google": {"thought_signature": "s"}}}),
            }),
        }],
        ..ChatRequest::default()
    };
    let body = OpenAi(Dialect::GOOGLE).body(&request);
    let calls = &body["messages"][0]["tool_calls"];
    assert_eq!(
        calls[0]["extra_content"]["google"]["thought_signature"],
        "s"
    );
    assert!(calls[1].get("extra_content").is_none());
}

#[test]
fn the_same_conversation_makes_the_same_bytes_and_a_longer_one_begins_with_them() {
    let short = everything("gpt-4o");
    let mut long = short.clone();
    long.messages.push(Message::user("more"));
    let body = |request: &ChatRequest| openai().body(request).to_string();
    assert_eq!(body(&short), body(&short.clone()));
    let prefix = body(&short);
    let prefix = prefix.strip_suffix("]}").unwrap();
    assert!(body(&long).starts_with(prefix));
}
