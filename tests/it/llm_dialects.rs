//! Reasoning that goes back to the server it came from, server by server.

use navi::llm::model::{ChatRequest, Completion, Message, StreamEvent, ToolCall, ToolSpec};
use navi::llm::provider::Provider;
use navi::llm::wire::codec::Codec;
use navi::llm::wire::openai::codec::OpenAi;
use navi::llm::wire::openai::dialect::Dialect;
use serde_json::{Value, json};

use crate::llm_support::{
    RawServer, Step, answer, anthropic, drain, patience, provider, request, sse,
};

const DONE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

fn chunk(delta: &Value) -> String {
    format!(
        "data: {}\n\n",
        json!({"choices": [{"index": 0, "delta": delta}]})
    )
}

/// An answer that reasons with these deltas and calls a tool.
fn reasons(deltas: &[Value], id: &str) -> String {
    let call = json!({"tool_calls": [{"index": 0, "id": id, "type": "function",
        "function": {"name": "read_file", "arguments": "{\"path\":\"a.rs\"}"}}]});
    let mut stream: String = deltas.iter().map(chunk).collect();
    stream.push_str(&chunk(&call));
    stream.push_str("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n");
    stream
}

fn at(dialect: Dialect, host: &str) -> Box<dyn Codec> {
    Box::new(OpenAi(dialect.at(Some(host))))
}

fn read_file() -> ToolSpec {
    ToolSpec {
        name: "read_file",
        description: "Reads a file.",
        parameters: json!({"type": "object", "properties": {}}),
    }
}

/// Takes an answer into the conversation, and the results of its calls.
fn take(request: &mut ChatRequest, events: Vec<StreamEvent>) {
    let (mut text, mut tool_calls, mut replay) = (String::new(), Vec::<ToolCall>::new(), None);
    for event in events {
        match event {
            StreamEvent::Text { delta } => text.push_str(&delta),
            StreamEvent::ToolCall(call) => tool_calls.push(call),
            StreamEvent::Done(Completion { replay: kept, .. }) => replay = kept,
            StreamEvent::Reasoning { .. } => {}
        }
    }
    let ids: Vec<String> = tool_calls.iter().map(|call| call.id.clone()).collect();
    request.messages.push(Message::Assistant {
        text,
        tool_calls,
        replay,
    });
    let results = ids.into_iter().map(|call_id| Message::ToolResult {
        call_id,
        content: "fn main() {}".to_owned(),
        is_error: false,
    });
    request.messages.extend(results);
}

/// Plays answers one after the other, each taken into the conversation, and answers with the bodies that
/// were sent as text.
async fn turns(codec: Box<dyn Codec>, model: &str, answers: &[String]) -> Vec<String> {
    let replies = answers.iter().map(|stream| vec![Step::Send(sse(stream))]);
    let server = RawServer::start(replies.collect()).await;
    let provider = provider(codec, &server, patience(5_000));
    let mut request = ChatRequest {
        tools: [read_file()].into(),
        system: "You are careful.".to_owned(),
        ..request(model)
    };
    for _ in answers {
        let events = provider.stream(&request).await.unwrap();
        let (events, error) = drain(events).await;
        assert_eq!(error, None);
        take(&mut request, events);
    }
    sent(&server)
}

fn sent(server: &RawServer) -> Vec<String> {
    let requests = server.requests().into_iter();
    let body = |text: String| text.split_once("\r\n\r\n").unwrap().1.to_owned();
    requests.map(body).collect()
}

fn parsed(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

/// The turn of the model that goes back with the second request.
async fn returned(codec: Box<dyn Codec>, model: &str, deltas: &[Value]) -> Value {
    let bodies = turns(codec, model, &[reasons(deltas, "call_a"), DONE.to_owned()]).await;
    parsed(&bodies[1])["messages"][2].clone()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of servers")]
async fn reasoning_goes_back_where_the_server_wants_it_and_only_there() {
    let content = [
        json!({"reasoning_content": "I "}),
        json!({"reasoning_content": "look."}),
    ];
    let reasoning = [json!({"reasoning": "I look."})];
    let details = [json!({"reasoning": "I look.", "reasoning_details": [
        {"type": "reasoning.text", "text": "I look.", "signature": "c2ln", "index": 0}]})];
    let own = Dialect::SELF_HOSTED;
    for (dialect, host, model, deltas, expected) in [
        (
            own,
            "api.deepseek.com",
            "deepseek-v4-pro",
            &content[..],
            Some("reasoning_content"),
        ),
        (
            own,
            "10.0.0.7",
            "deepseek-v4-pro",
            &content,
            Some("reasoning_content"),
        ),
        (
            own,
            "dashscope.aliyuncs.com",
            "qwen3.8-max",
            &content,
            Some("reasoning_content"),
        ),
        (
            own,
            "api.moonshot.ai",
            "kimi-k3",
            &content,
            Some("reasoning_content"),
        ),
        (
            own,
            "api.z.ai",
            "glm-5",
            &content,
            Some("reasoning_content"),
        ),
        (
            own,
            "api.xiaomimimo.com",
            "mimo-v2.5",
            &content,
            Some("reasoning_content"),
        ),
        (
            own,
            "api.minimax.io",
            "MiniMax-M3",
            &details,
            Some("reasoning_details"),
        ),
        (
            own,
            "10.0.0.7",
            "Qwen/Qwen3.6-27B",
            &reasoning,
            Some("reasoning_content"),
        ),
        (own, "10.0.0.7", "our-own", &reasoning, Some("reasoning")),
        (
            own,
            "10.0.0.7",
            "our-own",
            &content,
            Some("reasoning_content"),
        ),
        (
            own,
            "api.cerebras.ai",
            "gpt-oss-120b",
            &reasoning,
            Some("reasoning"),
        ),
        (
            Dialect::OPENROUTER,
            "openrouter.ai",
            "google/gemini-3.8-flash",
            &details,
            Some("reasoning_details"),
        ),
        (
            Dialect::OPENROUTER,
            "openrouter.ai",
            "z-ai/glm-5",
            &reasoning,
            Some("reasoning"),
        ),
        (Dialect::OPENAI, "api.openai.com", "gpt-5.2", &content, None),
        (
            Dialect::OPENAI,
            "gateway.acme.test",
            "gpt-5.2",
            &content,
            None,
        ),
        (
            Dialect::GROQ,
            "api.groq.com",
            "openai/gpt-oss-120b",
            &reasoning,
            None,
        ),
        (own, "api.mistral.ai", "magistral-medium", &content, None),
        (
            Dialect::GOOGLE,
            "generativelanguage.googleapis.com",
            "gemini-3.8-flash",
            &content,
            None,
        ),
    ] {
        let turn = returned(at(dialect, host), model, deltas).await;
        let fields = ["reasoning_content", "reasoning", "reasoning_details"];
        let given = fields.into_iter().filter(|field| turn.get(field).is_some());
        let given: Vec<_> = given.collect();
        assert_eq!(given, Vec::from_iter(expected), "{host} {model}");
        if let Some(field) = expected.filter(|field| *field != "reasoning_details") {
            assert_eq!(turn[field], "I look.", "{host} {model}");
        }
    }
}

#[tokio::test]
async fn encrypted_and_signed_details_go_back_as_they_came() {
    let encrypted = json!([
        {"type": "reasoning.summary", "summary": "I look.", "format": "google-gemini-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "QUFB", "id": "call_a", "format": "google-gemini-v1", "index": 0},
    ]);
    let deltas = [json!({"content": "", "reasoning_details": encrypted})];
    let codec = at(Dialect::OPENROUTER, "openrouter.ai");
    let turn = returned(codec, "google/gemini-3.8-flash", &deltas).await;
    assert_eq!(turn["reasoning_details"], encrypted);
}

#[tokio::test]
async fn reasoning_that_was_not_kept_is_stood_for_where_the_server_insists() {
    for (host, model, field) in [
        ("api.deepseek.com", "deepseek-v4-pro", "reasoning_content"),
        ("api.moonshot.ai", "kimi-k3", "reasoning_content"),
        ("dashscope.aliyuncs.com", "qwen3.8-max", ""),
    ] {
        let turn = returned(at(Dialect::SELF_HOSTED, host), model, &[]).await;
        let text = turn["reasoning_content"].as_str().unwrap_or_default();
        assert_eq!(text.is_empty(), field.is_empty(), "{host}");
    }
    let signature = |turn: Value| turn["tool_calls"][0]["extra_content"]["google"].clone();
    let google = || at(Dialect::GOOGLE, "generativelanguage.googleapis.com");
    let turn = returned(google(), "gemini-3.8-flash", &[]).await;
    assert!(signature(turn)["thought_signature"].is_string());
    let turn = returned(google(), "gemini-2.5-flash", &[]).await;
    assert!(signature(turn).is_null());
}

#[tokio::test]
async fn a_signature_belongs_to_its_call_even_where_ids_repeat() {
    let signed = |signature: &str| {
        let call = json!({"tool_calls": [{"index": 0, "id": "", "type": "function",
            "function": {"name": "read_file", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": signature}}}]});
        let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        format!("{}{end}", chunk(&call))
    };
    let codec = at(Dialect::GOOGLE, "generativelanguage.googleapis.com");
    let answers = [signed("one"), signed("two"), DONE.to_owned()];
    let bodies = turns(codec, "gemini-3.8-flash", &answers).await;
    let messages = parsed(&bodies[2])["messages"].clone();
    let signature = |turn: usize| {
        messages[turn]["tool_calls"][0]["extra_content"]["google"]["thought_signature"].clone()
    };
    assert_eq!((signature(2), signature(4)), (json!("one"), json!("two")));
}

/// A request with a turn that called a tool, and what its model had reasoned.
async fn with_a_turn(codec: Box<dyn Codec>, model: &str) -> ChatRequest {
    let stream = reasons(&[json!({"reasoning_content": "I look."})], "call_a");
    let server = RawServer::with(sse(stream)).await;
    let provider = provider(codec, &server, patience(5_000));
    let mut request = request(model);
    let (events, _) = drain(provider.stream(&request).await.unwrap()).await;
    take(&mut request, events);
    request
}

/// Asks twice a server that refuses once, and answers with the model's turns as they were sent.
async fn refused_once(codec: fn() -> Box<dyn Codec>, model: &str, refusal: &str) -> Vec<Value> {
    let asked = with_a_turn(codec(), model).await;
    let error = json!({"error": {"message": refusal, "type": "invalid_request_error"}});
    let refuses = vec![Step::Send(answer(400, "", &error.to_string()))];
    let server = RawServer::start(vec![refuses, vec![Step::Send(sse(DONE))]]).await;
    let provider = provider(codec(), &server, patience(5_000));
    for _ in 0..2 {
        let (_, error) = drain(provider.stream(&asked).await.unwrap()).await;
        assert_eq!(error, None);
    }
    let bodies = sent(&server);
    bodies
        .iter()
        .map(|body| parsed(body)["messages"][1].clone())
        .collect()
}

#[tokio::test]
async fn what_a_server_refuses_is_left_out_and_what_it_insists_on_is_put_back_and_both_are_remembered()
 {
    let has = |turns: Vec<Value>| -> Vec<bool> {
        let turns = turns.iter();
        turns
            .map(|turn| turn.get("reasoning_content").is_some())
            .collect()
    };
    let unknown = || at(Dialect::SELF_HOSTED, "10.0.0.7");
    let refusal = "messages.1.assistant.reasoning_content: property 'messages.1.assistant.reasoning_content' is unsupported";
    let turns = refused_once(unknown, "our-own", refusal).await;
    assert_eq!(has(turns), [true, false, false]);

    let named = || at(Dialect::OPENAI, "gateway.acme.test");
    let refusal = "The `reasoning_content` in the thinking mode must be passed back to the API.";
    let turns = refused_once(named, "gpt-5.2", refusal).await;
    assert_eq!(has(turns), [false, true, true]);
}

#[tokio::test]
async fn reasoning_that_a_server_cannot_read_any_more_is_sent_once() {
    let unknown = || at(Dialect::SELF_HOSTED, "10.0.0.7");
    let turns = refused_once(unknown, "our-own", "the reasoning is of another session").await;
    let has = |turn: &Value| turn.get("reasoning_content").is_some();
    assert_eq!(
        turns.iter().map(has).collect::<Vec<_>>(),
        [true, false, false]
    );
}

#[tokio::test]
async fn the_reasoning_of_another_model_does_not_go_back() {
    let codec = || at(Dialect::SELF_HOSTED, "api.deepseek.com");
    let mut asked = with_a_turn(codec(), "deepseek-v4-pro").await;
    let turn = |request: &ChatRequest| codec().body(request)["messages"][1].clone();
    assert_eq!(turn(&asked)["reasoning_content"], "I look.");
    "deepseek-v4-flash".clone_into(&mut asked.model);
    assert_ne!(turn(&asked)["reasoning_content"], "I look.");
}

/// The part of the messages that does not differ from turn to turn, with the markers of the cache taken
/// out: they say where a prefix ends and are no part of it.
fn prefix(body: &str) -> String {
    let mut body = parsed(body);
    for message in body["messages"].as_array_mut().unwrap() {
        for block in message["content"].as_array_mut().into_iter().flatten() {
            block.as_object_mut().unwrap().remove("cache_control");
        }
    }
    body.to_string()
}

#[tokio::test]
async fn a_turn_begins_with_the_bytes_of_the_turn_before_it_with_reasoning_handed_back() {
    let answers: Vec<String> = ["a", "b", "c", "d"]
        .iter()
        .map(|id| {
            reasons(
                &[json!({"reasoning_content": format!("I look at {id}.")})],
                id,
            )
        })
        .collect();
    for (dialect, host, model) in [
        (Dialect::SELF_HOSTED, "api.deepseek.com", "deepseek-v4-pro"),
        (Dialect::OPENAI, "api.openai.com", "gpt-5.2"),
        (
            Dialect::OPENROUTER,
            "openrouter.ai",
            "anthropic/claude-sonnet-5.5",
        ),
    ] {
        let bodies = turns(at(dialect, host), model, &answers).await;
        for pair in bodies.windows(2) {
            let before = pair[0].strip_suffix("]}").unwrap();
            assert!(
                pair[1].starts_with(before),
                "{model}\n{}\n{}",
                pair[0],
                pair[1]
            );
        }
    }
    let event = |name: &str, data: Value| format!("event: {name}\ndata: {data}\n\n");
    let thinks = |id: &str| {
        let block = |index: u64, block: Value| {
            let start =
                json!({"type": "content_block_start", "index": index, "content_block": block});
            event("content_block_start", start)
        };
        let thought = json!({"type": "thinking", "thinking": format!("I look at {id}."), "signature": "c2ln"});
        let call =
            json!({"type": "tool_use", "id": id, "name": "read_file", "input": {"path": "a.rs"}});
        let end =
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {}});
        let parts = [
            event(
                "message_start",
                json!({"type": "message_start", "message": {"model": "m", "usage": {}}}),
            ),
            block(0, thought),
            block(1, call),
            event("message_delta", end),
            event("message_stop", json!({"type": "message_stop"})),
        ];
        parts.concat()
    };
    let answers: Vec<String> = ["a", "b", "c", "d"].map(thinks).to_vec();
    let bodies = turns(anthropic(), "claude-opus-5-5", &answers).await;
    for pair in bodies.windows(2) {
        let (before, after) = (prefix(&pair[0]), prefix(&pair[1]));
        assert!(
            after.starts_with(before.strip_suffix("]}").unwrap()),
            "{before}\n{after}"
        );
    }
    assert!(bodies[3].contains("I look at a."));
    let marks = |body: &String| body.matches("\"cache_control\"").count();
    assert_eq!(bodies.iter().map(marks).collect::<Vec<_>>(), [3, 4, 4, 4]);
}

#[test]
fn reasoning_without_a_signature_goes_back_to_models_that_are_not_claude() {
    let stream = [
        "{\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"usage\":{}}}",
        "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"I look.\"}}",
        "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"Done.\"}}",
        "{\"type\":\"message_stop\"}",
    ];
    let stream: String = stream.map(|data| format!("data: {data}\n\n")).concat();
    for (model, goes_back) in [("kimi-k3", true), ("claude-opus-5-5", false)] {
        let codec = anthropic();
        let asked = request(model);
        let mut decoder = codec.decoder(&asked);
        let mut reader = navi::llm::wire::sse::FrameReader::default();
        let (mut input, mut events) = (stream.as_bytes(), Vec::new());
        while let Some(frame) = reader.next_frame(&mut input).unwrap() {
            decoder.frame(&frame, &mut events).unwrap();
        }
        let mut next = asked.clone();
        take(&mut next, events);
        next.messages.push(Message::user("more"));
        let turn = codec.body(&next)["messages"][1]["content"].clone();
        assert_eq!(turn.to_string().contains("I look."), goes_back, "{model}");
    }
}
