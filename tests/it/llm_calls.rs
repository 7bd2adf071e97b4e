//! Calls over HTTP: what is sent, what failures become, how often it is tried, what is counted.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use navi::llm::error::LlmError;
use navi::llm::http_provider::{HttpProvider, Patience};
use navi::llm::model::{Message, Replay, StreamEvent};
use navi::llm::observe::Observed;
use navi::llm::provider::Provider;
use navi::platform::clock::Clock;
use navi::platform::outbound::client::{CONNECT_TIMEOUT, Client};
use navi::platform::outbound::reach::Reach;
use serde_json::json;

use crate::llm_support::{
    KEY, RawServer, Step, answer, anthropic, ask, metrics, openai, patience, provider, request, sse,
};

const GOOD: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

fn send(bytes: impl Into<Vec<u8>>) -> Vec<Step> {
    vec![Step::Send(bytes.into())]
}

#[tokio::test]
async fn the_key_travels_in_its_header_and_nowhere_else() {
    let server = RawServer::with(sse(GOOD)).await;
    ask(&provider(openai(), &server, patience(5_000))).await;
    ask(&provider(anthropic(), &server, patience(5_000))).await;
    let requests = server.requests();
    let [chat, messages] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    assert!(chat.starts_with("POST /chat/completions HTTP/1.1\r\n"));
    assert!(chat.contains(&format!("authorization: Bearer {KEY}\r\n")));
    assert!(chat.contains(concat!("user-agent: navi/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(chat.matches(KEY).count(), 1);
    assert!(messages.starts_with("POST /v1/messages HTTP/1.1\r\n"));
    assert!(messages.contains(&format!("x-api-key: {KEY}\r\n")));
    assert!(messages.contains("anthropic-version: 2023-06-01\r\n"));
    assert!(!messages.contains("authorization"));
}

#[tokio::test]
async fn without_a_key_no_authorization_is_sent() {
    let server = RawServer::with(sse(GOOD)).await;
    let client = Client::new(Reach::public().and_named(&server.base), CONNECT_TIMEOUT).unwrap();
    let keyless = HttpProvider::new(
        openai(),
        client,
        &server.base,
        None,
        patience(5_000),
        Clock::System,
    );
    ask(&keyless).await;
    assert!(
        !server.requests()[0]
            .to_lowercase()
            .contains("authorization")
    );
}

#[tokio::test]
async fn a_base_url_that_no_setting_names_is_not_reached() {
    let server = RawServer::with(sse(GOOD)).await;
    let client = Client::new(Reach::public(), CONNECT_TIMEOUT).unwrap();
    let strange = HttpProvider::new(
        openai(),
        client,
        &server.base,
        None,
        patience(5_000),
        Clock::System,
    );
    let (_, error) = ask(&strange).await;
    assert!(matches!(error, Some(LlmError::Network { .. })), "{error:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn refusals_become_errors_that_say_what_to_do() {
    let cases = [
        (
            401,
            "",
            r#"{"error":{"message":"bad key"}}"#,
            "MODEL_KEY_REFUSED",
            None,
        ),
        (
            429,
            "retry-after: 7\r\n",
            "{}",
            "MODEL_RATE_LIMITED",
            Some(7_000),
        ),
        (
            429,
            "retry-after-ms: 20\r\nretry-after: 7\r\n",
            "{}",
            "MODEL_RATE_LIMITED",
            Some(20),
        ),
        (500, "", "", "MODEL_UNAVAILABLE", None),
        (
            529,
            "retry-after: 1\r\n",
            "{}",
            "MODEL_UNAVAILABLE",
            Some(1_000),
        ),
        (
            404,
            "",
            r#"{"error":{"message":"The model `model-x` does not exist"}}"#,
            "MODEL_UNKNOWN",
            None,
        ),
        (
            302,
            "location: http://169.254.169.254/\r\n",
            "",
            "MODEL_REQUEST_REJECTED",
            None,
        ),
    ];
    for (status, headers, body, code, wait) in cases {
        let server = RawServer::with(answer(status, headers, body)).await;
        let (_, error) = ask(&provider(openai(), &server, patience(5_000))).await;
        let error = error.unwrap();
        assert_eq!(error.code(), code, "{status}");
        let waits = error.retry_after().map(|wait| wait.as_millis());
        assert_eq!(waits, wait, "{status}");
        assert_eq!(server.requests().len(), 1, "redirects are not followed");
    }
}

#[tokio::test]
async fn a_refusal_that_repeats_the_key_or_never_ends_is_handled() {
    let body = json!({"error": {"message": format!("no such project for {KEY}")}}).to_string();
    let server = RawServer::with(answer(400, "", &body)).await;
    let (_, error) = ask(&provider(openai(), &server, patience(5_000))).await;
    let error = error.unwrap();
    assert!(!format!("{error:?} {error}").contains(&KEY[..8]), "{error}");

    let endless = format!(
        "HTTP/1.1 400 X\r\ncontent-type: text/plain\r\n\r\n{}",
        "x".repeat(100 * 1024)
    );
    let server = RawServer::start(vec![vec![Step::Send(endless.into_bytes()), Step::Hang]]).await;
    let (_, error) = ask(&provider(openai(), &server, patience(5_000))).await;
    let error = error.unwrap();
    assert!(error.to_string().len() < 500, "{error}");
}

#[tokio::test]
async fn silence_before_and_within_an_answer_times_out() {
    let server = RawServer::start(vec![vec![Step::Hang]]).await;
    let (_, error) = ask(&provider(openai(), &server, patience(50))).await;
    assert!(
        matches!(error, Some(LlmError::TimedOut { .. })),
        "{error:?}"
    );

    let first = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";
    let server = RawServer::start(vec![vec![Step::Send(sse(first)), Step::Hang]]).await;
    let (events, error) = ask(&provider(openai(), &server, patience(50))).await;
    assert_eq!(events.len(), 1);
    assert!(
        matches!(error, Some(LlmError::TimedOut { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_slow_answer_may_take_longer_than_any_of_its_silences() {
    let mut steps = vec![Step::Send(sse(""))];
    for _ in 0..12 {
        steps.push(Step::Pause(Duration::from_millis(100)));
        steps.push(Step::Send(b": still here\n\n".to_vec()));
    }
    steps.push(Step::Send(GOOD.into()));
    let server = RawServer::start(vec![steps]).await;
    let waits = Patience {
        response: Duration::from_secs(5),
        idle: Duration::from_secs(1),
    };
    let (events, error) = ask(&provider(openai(), &server, waits)).await;
    assert_eq!((events.len(), error), (2, None));
}

#[tokio::test]
async fn nobody_listening_is_a_network_error_that_says_where() {
    let server = RawServer::with(sse(GOOD)).await;
    let mut gone = server.base.clone();
    gone.set_port(Some(1)).unwrap();
    let client = Client::new(Reach::public().and_named(&gone), CONNECT_TIMEOUT).unwrap();
    let dead = HttpProvider::new(
        openai(),
        client,
        &gone,
        None,
        patience(5_000),
        Clock::System,
    );
    let (_, error) = ask(&dead).await;
    let error = error.unwrap();
    assert!(matches!(error, LlmError::Network { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "http://127.0.0.1:1 refused the connection"
    );
}

#[tokio::test]
async fn every_request_is_counted_once_however_it_ends() {
    let metrics = metrics();
    let observed = |server: &RawServer, wait| {
        let inner = provider(openai(), server, patience(wait));
        Observed::new(Arc::new(inner), metrics.clone())
    };
    let good = RawServer::with(sse(GOOD)).await;
    ask(&observed(&good, 5_000)).await;
    let refused = RawServer::with(answer(401, "", "{}")).await;
    ask(&observed(&refused, 5_000)).await;
    let cut = RawServer::with(sse(
        "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n",
    ))
    .await;
    ask(&observed(&cut, 5_000)).await;
    let silent = RawServer::start(vec![vec![Step::Hang]]).await;
    ask(&observed(&silent, 30)).await;
    // Dropped after its first event, and dropped before the answer began.
    let mut events = {
        let provider = observed(&good, 5_000);
        provider.stream(&request("model-x")).await.unwrap()
    };
    assert!(matches!(
        events.next().await,
        Some(Ok(StreamEvent::Text { .. }))
    ));
    drop(events);
    let waiting = observed(&silent, 5_000);
    let asked = request("model-x");
    let dropped = tokio::time::timeout(Duration::from_millis(30), waiting.stream(&asked)).await;
    assert!(dropped.is_err());
    let shown: Vec<String> = metrics
        .render()
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("aep_provider_") && line.contains("\"openai\""))
        .filter(|line| !line.ends_with(" 0"))
        .map(str::to_owned)
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    aep_provider_calls_total{provider="openai",status="cancelled"} 2
    aep_provider_calls_total{provider="openai",status="error"} 2
    aep_provider_calls_total{provider="openai",status="success"} 1
    aep_provider_calls_total{provider="openai",status="timeout"} 1
    aep_provider_errors_total{error_type="auth",provider="openai"} 1
    aep_provider_errors_total{error_type="cancelled",provider="openai"} 2
    aep_provider_errors_total{error_type="protocol",provider="openai"} 1
    aep_provider_errors_total{error_type="timeout",provider="openai"} 1
    "#);
}

#[tokio::test]
async fn reasoning_that_the_provider_no_longer_accepts_is_left_out_and_asked_again() {
    let refusal = json!({"type": "error", "error": {
        "type": "invalid_request_error",
        "message": "messages.1.content.0: Invalid `signature` in `thinking` block",
    }});
    let end = "data: {\"type\":\"message_stop\"}\n\n";
    let server = RawServer::start(vec![
        send(answer(400, "", &refusal.to_string())),
        send(sse(end)),
    ])
    .await;
    let provider = provider(anthropic(), &server, patience(5_000));
    let mut asked = request("model-x");
    asked.messages.push(Message::Assistant {
        text: "I think.".to_owned(),
        tool_calls: Vec::new(),
        replay: Some(Replay {
            provider: "anthropic".to_owned(),
            model: "model-x".to_owned(),
            content: json!([{"type": "thinking", "thinking": "", "signature": "old"}]),
        }),
    });
    asked.messages.push(Message::user("go on"));
    let events = provider.stream(&asked).await.unwrap();
    let (events, error) = crate::llm_support::drain(events).await;
    assert_eq!((events.len(), error), (1, None));
    let requests = server.requests();
    assert!(requests[0].contains("\"signature\":\"old\""));
    assert!(!requests[1].contains("signature") && requests[1].contains("I think."));
}
