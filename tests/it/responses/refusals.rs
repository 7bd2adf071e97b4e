//! Requests that are refused: reasoning that is not accepted any more, and fields that a model does not take.

use navi::llm::model::{ChatRequest, Message, Replay};
use navi::llm::provider::Provider as _;
use serde_json::{Value, json};

use super::support::{
    asked, body_of, completed, done, function_call, message, reasoning, responses, stream_of,
};
use crate::llm_support::{RawServer, Step, answer, drain, patience, provider, sse};

fn refuses(error: &Value) -> Vec<Step> {
    let body = json!({"error": error}).to_string();
    vec![Step::Send(answer(400, "", &body))]
}

fn answers() -> Vec<Step> {
    let stream = stream_of(&[done(0, &message("msg_1", "hi")), completed()]);
    vec![Step::Send(sse(stream))]
}

/// A conversation in which the model thought twice.
fn with_reasoning() -> ChatRequest {
    let mut request = asked("gpt-5.4");
    for turn in ["1", "2"] {
        let call_id = format!("call_{turn}");
        let call = function_call(&format!("fc_{turn}"), &call_id, "{}");
        request.messages.push(Message::Assistant {
            text: String::new(),
            tool_calls: vec![navi::llm::model::ToolCall {
                id: call_id.clone(),
                name: "read_file".to_owned(),
                arguments: navi::llm::model::Arguments::parse("{}"),
            }],
            replay: Some(Replay {
                provider: "openai".to_owned(),
                model: "gpt-5.4".to_owned(),
                content: json!([reasoning(&format!("rs_{turn}")), call]),
            }),
        });
        request.messages.push(Message::ToolResult {
            call_id,
            content: "fn main() {}".to_owned(),
            is_error: false,
        });
    }
    request
}

/// Asks as often as said, and returns the bodies that were sent.
async fn bodies(replies: Vec<Vec<Step>>, request: &ChatRequest, times: usize) -> Vec<Value> {
    let server = RawServer::start(replies).await;
    let provider = provider(responses(), &server, patience(5_000));
    for _ in 0..times {
        let events = provider.stream(request).await.unwrap();
        let (_, error) = drain(events).await;
        assert_eq!(error, None);
    }
    server.requests().iter().map(|text| body_of(text)).collect()
}

fn reasoning_in(body: &Value) -> Vec<&str> {
    let items = body["input"].as_array().unwrap().iter();
    let reasoning = items.filter(|item| item["type"] == "reasoning");
    reasoning.map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn reasoning_that_the_server_refuses_is_dropped_once_and_never_sent_again() {
    let refusal = json!({
        "message": "The encrypted content gAAA...DQ== could not be verified.",
        "type": "invalid_request_error", "param": null, "code": "invalid_encrypted_content",
    });
    let sent = bodies(vec![refuses(&refusal), answers()], &with_reasoning(), 2).await;
    let reasoning: Vec<_> = sent.iter().map(reasoning_in).collect();
    assert_eq!(reasoning, [vec!["rs_1", "rs_2"], vec![], vec![]]);
    let items = sent[1]["input"].as_array().unwrap();
    assert_eq!(items.len(), 5, "the calls and their results stay");
    assert!(items.iter().all(|item| item.get("id").is_none()));
}

#[tokio::test]
async fn only_the_item_that_the_server_names_is_dropped() {
    let refusal = json!({
        "message": "Item 'rs_1' of type 'reasoning' was provided without its required following item.",
        "type": "invalid_request_error", "param": "input", "code": null,
    });
    let sent = bodies(vec![refuses(&refusal), answers()], &with_reasoning(), 1).await;
    assert_eq!(reasoning_in(&sent[1]), ["rs_2"]);
}

#[tokio::test]
async fn a_refusal_of_reasoning_within_the_stream_counts_as_well() {
    let event = json!({"type": "response.failed", "response": {"status": "failed", "error": {
        "code": "invalid_encrypted_content",
        "message": "The encrypted content for item rs_2 could not be verified.",
    }}});
    let refusal = vec![Step::Send(sse(stream_of(&[event])))];
    let sent = bodies(vec![refusal, answers()], &with_reasoning(), 1).await;
    assert_eq!(reasoning_in(&sent[1]), ["rs_1"]);
}

#[tokio::test]
async fn a_server_that_refuses_whatever_is_dropped_is_asked_a_few_times_only() {
    let refusal = json!({"message": "reasoning is broken", "code": null});
    let server = RawServer::start(vec![refuses(&refusal)]).await;
    let provider = provider(responses(), &server, patience(5_000));
    let error = provider.stream(&with_reasoning()).await.err().unwrap();
    assert_eq!(error.code(), "MODEL_REQUEST_REJECTED");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn fields_that_a_model_does_not_take_are_left_out_and_the_rest_stays() {
    let refusal = |param: &str, message: &str| {
        refuses(
            &json!({"message": message, "type": "invalid_request_error", "param": param, "code": "unsupported_value"}),
        )
    };
    let replies = vec![
        refusal(
            "reasoning.summary",
            "Your organization must be verified to generate reasoning summaries.",
        ),
        refusal(
            "include",
            "Encrypted content is not supported with this model.",
        ),
        answers(),
    ];
    let request = ChatRequest {
        effort: Some(navi::llm::effort::Effort::Low),
        ..asked("gpt-5.4")
    };
    let sent = bodies(replies, &request, 2).await;
    assert_eq!(sent.len(), 4);
    assert_eq!(sent[0]["reasoning"]["summary"], "auto");
    for body in &sent[2..] {
        assert_eq!(body["reasoning"], json!({"effort": "low"}));
        assert!(body.get("include").is_none());
        assert_eq!(body["store"], false);
    }
}

#[tokio::test]
async fn an_answer_limit_that_is_too_large_is_lowered() {
    let refusal = json!({"message": "max_output_tokens is too large: 9000. This model supports at most 4096 completion tokens, whereas you provided 9000.", "param": "max_output_tokens"});
    let request = ChatRequest {
        max_output_tokens: Some(9_000),
        ..asked("gpt-5.4")
    };
    let sent = bodies(vec![refuses(&refusal), answers()], &request, 1).await;
    assert_eq!(sent[1]["max_output_tokens"], 4_096);
}
