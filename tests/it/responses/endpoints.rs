//! Endpoints that are asked by Responses, and those that are not.

use clap::{CommandFactory, FromArgMatches, Parser};
use navi::llm::catalog::Capabilities;
use navi::llm::config::LlmConfig;
use navi::llm::model::ChatRequest;
use navi::llm::route::Route;
use navi::llm::router::{Parts, Router};
use navi::llm::wire::codec::Codec as _;
use navi::llm::wire::responses::codec::{KeyHeader, Responses};
use navi::platform::clock::Clock;

use super::support::{asked, completed, done, message, stream_of};
use crate::llm_support::{
    KEY, RawServer, Step, answer, drain, metrics, patience, provider, request, sse,
};

const CHAT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
const NO_PATH: &str = r#"{"error":{"message":"Invalid URL (POST /v1/responses)","type":"invalid_request_error","param":null,"code":null}}"#;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    llm: LlmConfig,
}

fn router(settings: &[&str]) -> Router {
    let matches = Line::command()
        .mut_args(|argument| argument.env(None::<&'static str>))
        .try_get_matches_from([&["navi"], settings].concat())
        .unwrap();
    let config = Line::from_arg_matches(&matches).unwrap().llm;
    let parts = Parts {
        clock: Clock::System,
        metrics: metrics(),
        scripted: None,
    };
    Router::new(&config, &parts).unwrap()
}

fn route(server: &RawServer, protocol: &str) -> Route {
    let base = format!("--openai-base-url={}", server.base);
    let router = router(&[
        "--openai-api-key",
        KEY,
        &base,
        "--openai-protocol",
        protocol,
    ]);
    router
        .route(Some("openai/gpt-5.4"), None, Capabilities::AGENT)
        .unwrap()
}

async fn ask(route: &Route, asked: &ChatRequest) -> Option<&'static str> {
    match route.provider.stream(asked).await {
        Ok(events) => drain(events).await.1.map(|error| error.code()),
        Err(error) => Some(error.code()),
    }
}

/// The paths that were asked, in order.
fn paths(server: &RawServer) -> Vec<String> {
    let requests = server.requests();
    let heads = requests.iter().map(|text| text.split(' ').nth(1).unwrap());
    heads.map(str::to_owned).collect()
}

fn answers() -> Vec<Step> {
    let stream = stream_of(&[done(0, &message("msg_1", "hi")), completed()]);
    vec![Step::Send(sse(stream))]
}

fn refuses(status: u16, body: &str) -> Vec<Step> {
    vec![Step::Send(answer(status, "", body))]
}

#[tokio::test]
async fn an_endpoint_of_others_is_asked_by_chat_completions_unless_the_setting_says_otherwise() {
    for (protocol, reply, path) in [
        ("auto", vec![Step::Send(sse(CHAT))], "/chat/completions"),
        ("chat", vec![Step::Send(sse(CHAT))], "/chat/completions"),
        ("responses", answers(), "/responses"),
    ] {
        let server = RawServer::start(vec![reply]).await;
        assert_eq!(
            ask(&route(&server, protocol), &asked("gpt-5.4")).await,
            None
        );
        assert_eq!(paths(&server), [path], "{protocol}");
    }
}

#[tokio::test]
async fn an_endpoint_without_responses_is_asked_by_chat_completions_from_then_on() {
    for status in [404, 405, 501] {
        let replies = vec![refuses(status, NO_PATH), vec![Step::Send(sse(CHAT))]];
        let server = RawServer::start(replies).await;
        let route = route(&server, "responses");
        for _ in 0..2 {
            assert_eq!(ask(&route, &asked("gpt-5.4")).await, None);
        }
        assert_eq!(
            paths(&server),
            ["/responses", "/chat/completions", "/chat/completions"]
        );
    }
}

#[tokio::test]
async fn a_wrong_base_url_and_an_unknown_model_are_no_missing_protocol() {
    let server = RawServer::start(vec![refuses(404, NO_PATH)]).await;
    let route_of = route(&server, "responses");
    for _ in 0..2 {
        let error = ask(&route_of, &asked("gpt-5.4")).await;
        assert_eq!(error, Some("MODEL_REQUEST_REJECTED"));
    }
    assert_eq!(paths(&server)[2], "/responses", "it is tried again");

    let unknown = r#"{"error":{"message":"The model `gpt-5.4` does not exist or you do not have access to it.","code":"model_not_found"}}"#;
    let server = RawServer::start(vec![refuses(404, unknown)]).await;
    let error = ask(&route(&server, "responses"), &asked("gpt-5.4")).await;
    assert_eq!(error, Some("MODEL_UNKNOWN"));
    assert_eq!(paths(&server), ["/responses"]);
}

#[tokio::test]
async fn azure_gets_the_key_in_its_own_header() {
    let server = RawServer::start(vec![answers()]).await;
    for header in [KeyHeader::Bearer, KeyHeader::ApiKey] {
        let provider = provider(Box::new(Responses(header)), &server, patience(5_000));
        crate::llm_support::ask(&provider).await;
    }
    let requests = server.requests();
    assert!(requests[0].contains(&format!("authorization: Bearer {KEY}\r\n")));
    assert!(requests[1].contains(&format!("api-key: {KEY}\r\n")));
    assert!(!requests[1].contains("authorization"));
}

#[test]
fn the_strongest_model_has_tools_where_responses_are_spoken() {
    let tools = |settings: &[&str]| {
        let listing = router(settings).listing();
        let models = listing
            .into_iter()
            .filter(|model| model.provider == "openai");
        let mut models = models.filter(|model| model.provider_model == "gpt-6.1-sol");
        models.next().unwrap().capabilities.tools
    };
    assert!(tools(&["--openai-api-key=k"]));
    let azure = "--openai-base-url=https://acme.openai.azure.com";
    assert!(tools(&["--openai-api-key=k", azure]));
    assert!(!tools(&["--openai-api-key=k", "--openai-protocol=chat"]));
    assert!(!tools(&["--openai-base-url=http://localhost:8000/v1"]));
}

#[test]
fn a_model_with_tools_reasons_all_the_same() {
    let body = Responses(KeyHeader::Bearer).body(&ChatRequest {
        tools: asked("").tools,
        ..request("gpt-6.1-sol")
    });
    assert!(body["tools"].is_array());
    assert!(
        body["reasoning"].get("effort").is_none(),
        "the model decides"
    );
}
