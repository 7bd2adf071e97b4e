//! Requests that are refused and sent again as the server takes them; and answers that come in odd ways.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use navi::llm::model::{ChatRequest, StreamEvent};
use navi::llm::provider::Provider;
use serde_json::{Value, json};

use crate::llm_support::{
    RawServer, Step, answer, anthropic, drain, openai, patience, provider, request, sse,
};

const GOOD: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

fn send(bytes: impl Into<Vec<u8>>) -> Vec<Step> {
    vec![Step::Send(bytes.into())]
}

fn refuses(body: &Value) -> Vec<Step> {
    send(answer(400, "", &body.to_string()))
}

fn asked(limit: u32) -> ChatRequest {
    ChatRequest {
        max_output_tokens: Some(limit),
        temperature: Some(0.2),
        ..request("model-x")
    }
}

/// Asks twice, and returns the bodies that were sent.
async fn bodies(replies: Vec<Vec<Step>>, limit: u32) -> Vec<Value> {
    let server = RawServer::start(replies).await;
    let provider = provider(openai(), &server, patience(5_000));
    for _ in 0..2 {
        let events = provider.stream(&asked(limit)).await.unwrap();
        let (events, error) = drain(events).await;
        assert_eq!((events.len(), error), (2, None));
    }
    let requests = server.requests();
    let bodies = requests.iter().map(|text| {
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    });
    bodies.collect()
}

#[tokio::test]
async fn a_field_that_the_server_does_not_know_is_left_out_and_never_sent_again() {
    let refusal = json!({"detail": [{
        "type": "extra_forbidden", "loc": ["body", "stream_options"],
        "msg": "Extra inputs are not permitted", "input": {"include_usage": true},
    }]});
    let bodies = bodies(vec![refuses(&refusal), send(sse(GOOD))], 100).await;
    let sent: Vec<bool> = bodies
        .iter()
        .map(|body| body.get("stream_options").is_some())
        .collect();
    assert_eq!(sent, [true, false, false]);
    assert!(bodies.iter().all(|body| body["temperature"].is_number()));
}

#[tokio::test]
async fn a_server_that_refuses_several_fields_one_after_the_other_is_asked_without_all() {
    let refusal = |field| {
        let message = format!("Unsupported parameter: '{field}' is not supported with this model.");
        json!({"error": {"message": message, "param": field, "code": "unsupported_parameter"}})
    };
    let replies = vec![
        refuses(&refusal("max_tokens")),
        refuses(&refusal("temperature")),
        refuses(&refusal("stream_options")),
        send(sse(GOOD)),
    ];
    let bodies = bodies(replies, 100).await;
    assert_eq!(bodies.len(), 5);
    let last = bodies[4].as_object().unwrap();
    assert_eq!(last["max_completion_tokens"], 100);
    for field in ["max_tokens", "temperature", "stream_options"] {
        assert!(!last.contains_key(field), "{field}");
    }
}

#[tokio::test]
async fn an_answer_limit_that_is_too_large_is_lowered_and_remembered() {
    let refusal = json!({"error": {"message": "max_tokens is too large: 9000. This model supports at most 4096 completion tokens, whereas you provided 9000."}});
    let bodies = bodies(vec![refuses(&refusal), send(sse(GOOD))], 9_000).await;
    let limits: Vec<_> = bodies
        .iter()
        .map(|body| body["max_tokens"].as_u64())
        .collect();
    assert_eq!(limits, [Some(9_000), Some(4_096), Some(4_096)]);
}

#[tokio::test]
async fn a_refusal_within_a_stream_is_answered_like_any_other() {
    let refusal = "data: {\"error\":{\"message\":\"Unrecognized request argument supplied: stream_options\",\"code\":400}}\n\n";
    let bodies = bodies(vec![send(sse(refusal)), send(sse(GOOD))], 100).await;
    assert_eq!(bodies.len(), 3);
}

#[tokio::test]
async fn a_refusal_that_nothing_can_be_done_about_is_told_once() {
    let refusal = json!({"error": {"message": "Provider returned error", "code": 400, "metadata": {
        "provider_name": "Somebody",
        "raw": "{\"error\":{\"message\":\"at most 1 image per prompt is supported\"}}",
    }}});
    let server = RawServer::start(vec![refuses(&refusal)]).await;
    let provider = provider(openai(), &server, patience(5_000));
    let error = provider.stream(&asked(100)).await.err().unwrap();
    assert!(error.to_string().contains("at most 1 image"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_packed_stream_is_read_whether_it_says_so_or_not() {
    for header in ["content-encoding: gzip\r\n", ""] {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{header}connection: close\r\n\r\n"
        );
        let packed = gzip(GOOD);
        let (first, rest) = packed.split_at(20);
        let replies = vec![vec![
            Step::Send([head.as_bytes(), first].concat()),
            Step::Send(rest.to_vec()),
        ]];
        let server = RawServer::start(replies).await;
        let provider = provider(openai(), &server, patience(5_000));
        let (events, error) = drain(provider.stream(&asked(9)).await.unwrap()).await;
        assert_eq!((events.len(), error), (2, None), "{header:?}");
    }
    let body = gzip(r#"{"error":{"message":"too hot"}}"#);
    let head = format!(
        "HTTP/1.1 400 X\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let server = RawServer::start(vec![send([head.as_bytes(), &body].concat())]).await;
    let provider = provider(openai(), &server, patience(5_000));
    let error = provider.stream(&asked(9)).await.err().unwrap();
    assert!(error.to_string().ends_with("too hot"), "{error}");
}

fn text(events: &[StreamEvent]) -> String {
    let texts = events.iter().filter_map(|event| match event {
        StreamEvent::Text { delta } => Some(delta.as_str()),
        StreamEvent::Reasoning { .. } | StreamEvent::ToolCall(_) | StreamEvent::Done(_) => None,
    });
    texts.collect()
}

#[tokio::test]
async fn a_character_that_comes_in_two_halves_is_whole_again() {
    let chat = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Editing \\ud83d\"}}]}\n\n\
        data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\ude00 now \\ud83d\"},\"finish_reason\":\"stop\"}]}\n\n\
        data: [DONE]\n\n";
    let delta = |text| {
        format!(
            "data: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
        )
    };
    let start = "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
    let messages = format!(
        "{start}{}{}data: {{\"type\":\"message_stop\"}}\n\n",
        delta("Editing \\ud83d"),
        delta("\\ude00 now \\ud83d")
    );
    for (codec, stream) in [(openai(), chat), (anthropic(), messages.as_str())] {
        let server = RawServer::with(sse(stream)).await;
        let provider = provider(codec, &server, patience(5_000));
        let (events, error) = drain(provider.stream(&asked(9)).await.unwrap()).await;
        assert_eq!(error, None);
        assert_eq!(text(&events), "Editing 😀 now \u{fffd}");
    }
}

#[tokio::test]
async fn an_answer_that_its_provider_could_not_read_is_an_error_and_not_an_end() {
    let finish = |reason: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"{reason}\"}}]}}\n\ndata: [DONE]\n\n"
        )
    };
    for (reason, code) in [
        ("MALFORMED_FUNCTION_CALL", "MODEL_ANSWER_MALFORMED"),
        (
            "function_call_filter: MALFORMED_FUNCTION_CALL",
            "MODEL_ANSWER_MALFORMED",
        ),
        ("abort", "MODEL_ANSWER_TRUNCATED"),
        ("insufficient_system_resource", "MODEL_ANSWER_TRUNCATED"),
    ] {
        let server = RawServer::with(sse(finish(reason))).await;
        let provider = provider(openai(), &server, patience(5_000));
        let error = provider.stream(&asked(9)).await.err().unwrap();
        assert_eq!(error.code(), code, "{reason}");
    }
}
