//! Streams as providers send them, well and badly: the cases that other clients were tried with.

use navi::llm::error::LlmError;
use navi::llm::model::{Arguments, Completion, StopReason, StreamEvent, ToolCall, Usage};
use serde_json::json;

use crate::llm_support::{
    RawServer, Step, anthropic, ask, decode, openai, patience, provider, sse,
};

const TWO_CALLS: &str = include_str!("wire/openai_two_calls.sse");
const THINKING: &str = include_str!("wire/anthropic_thinking_and_call.sse");
const SERVER_TOOL: &str = include_str!("wire/anthropic_server_tool_and_citations.sse");
const SIGNED: &str = include_str!("wire/gemini_signed_call.sse");

fn text(events: &[StreamEvent]) -> String {
    events
        .iter()
        .map(|event| match event {
            StreamEvent::Text { delta } => delta.as_str(),
            StreamEvent::Reasoning { .. } | StreamEvent::ToolCall(_) | StreamEvent::Done(_) => "",
        })
        .collect()
}

fn calls(events: &[StreamEvent]) -> Vec<&ToolCall> {
    events
        .iter()
        .filter_map(|event| match event {
            StreamEvent::ToolCall(call) => Some(call),
            StreamEvent::Text { .. } | StreamEvent::Reasoning { .. } | StreamEvent::Done(_) => None,
        })
        .collect()
}

fn done(events: &[StreamEvent]) -> &Completion {
    let Some(StreamEvent::Done(completion)) = events.last() else {
        unreachable!("the answer ended with {:?}", events.last());
    };
    completion
}

fn chunk(choice: &str) -> String {
    format!("data: {{\"choices\":[{choice}]}}\n\n")
}

async fn stream_openai(body: impl AsRef<[u8]>) -> (Vec<StreamEvent>, Option<LlmError>) {
    let server = RawServer::with(sse(body)).await;
    ask(&provider(openai(), &server, patience(5_000))).await
}

async fn stream_anthropic(body: impl AsRef<[u8]>) -> (Vec<StreamEvent>, Option<LlmError>) {
    let server = RawServer::with(sse(body)).await;
    ask(&provider(anthropic(), &server, patience(5_000))).await
}

#[tokio::test]
async fn case_a_two_interleaved_calls_come_out_whole_with_cached_and_reasoning_tokens() {
    let (events, error) = stream_openai(TWO_CALLS).await;
    assert_eq!(error, None);
    assert_eq!(text(&events), "Grüße, I look at both files 😀.");
    let found = calls(&events);
    assert_eq!(found.len(), 2);
    assert_eq!(
        (found[0].id.as_str(), found[0].name.as_str()),
        ("call_aaa", "read_file")
    );
    assert_eq!(
        found[0].arguments,
        Arguments::parse(r#"{"path":"src/lib.rs"}"#)
    );
    assert_eq!(found[1].arguments, Arguments::parse(r#"{"pattern":"ä"}"#));
    assert_eq!(
        done(&events),
        &Completion {
            stop: StopReason::ToolCalls,
            usage: Some(Usage {
                input: 1_200,
                cache_read: 1_024,
                cache_write: 0,
                output: 90,
                reasoning: 64,
            }),
            model: Some("gpt-5.2-2025-12-11".to_owned()),
            replay: None,
        }
    );
}

#[tokio::test]
async fn case_b_a_stream_without_its_last_event_is_truncated() {
    let (events, error) =
        stream_openai(chunk(r#"{"index":0,"delta":{"content":"half an ans"}}"#)).await;
    assert_eq!(text(&events), "half an ans");
    assert_eq!(error, Some(LlmError::Truncated { provider: "openai" }));
}

#[tokio::test]
async fn case_b_a_connection_that_breaks_inside_a_chunk_is_a_network_error() {
    let body = chunk(r#"{"index":0,"delta":{"content":"half"}}"#);
    let length = body.len();
    let reply = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n40\r\ndata: {{\"choi"
    );
    let server = RawServer::with(reply).await;
    let (events, error) = ask(&provider(openai(), &server, patience(5_000))).await;
    assert_eq!(text(&events), "half");
    let error = error.unwrap();
    assert!(matches!(error, LlmError::Network { .. }), "{error:?}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn case_c_a_hostile_index_is_refused_and_costs_nothing() {
    for index in ["2000000", "4294967295", "18446744073709551615"] {
        let call = format!(
            r#"{{"index":0,"delta":{{"tool_calls":[{{"index":{index},"id":"a","function":{{"name":"x","arguments":""}}}}]}}}}"#
        );
        let (_, error) = stream_openai(chunk(&call)).await;
        assert!(
            matches!(error, Some(LlmError::Protocol { .. })),
            "{error:?}"
        );
    }
    let block = r#"data: {"type":"content_block_start","index":2000000,"content_block":{"type":"text","text":""}}"#;
    let (_, error) = stream_anthropic(format!("{block}\n\n")).await;
    assert!(
        matches!(error, Some(LlmError::Protocol { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn case_d_signed_reasoning_cache_counts_and_a_call() {
    let (events, error) = stream_anthropic(THINKING).await;
    assert_eq!(error, None);
    assert_eq!(text(&events), "I read the tést.");
    let reasoning: String = events
        .iter()
        .filter_map(|event| match event {
            StreamEvent::Reasoning { delta } => Some(delta.as_str()),
            StreamEvent::Text { .. } | StreamEvent::ToolCall(_) | StreamEvent::Done(_) => None,
        })
        .collect();
    assert_eq!(reasoning, "The test fails, so read it.");
    assert_eq!(
        calls(&events)[0].arguments,
        Arguments::parse(r#"{"path":"tests/a.rs"}"#)
    );
    let completion = done(&events);
    assert_eq!(completion.stop, StopReason::ToolCalls);
    assert_eq!(
        completion.usage,
        Some(Usage {
            input: 2_312,
            cache_read: 2_000,
            cache_write: 300,
            output: 77,
            reasoning: 0,
        })
    );
    let replay = completion.replay.as_ref().unwrap();
    assert_eq!(
        (replay.provider.as_str(), replay.model.as_str()),
        ("anthropic", "model-x")
    );
    insta::assert_json_snapshot!(replay.content, @r#"
    [
      {
        "type": "thinking",
        "thinking": "The test fails, so read it.",
        "signature": "EqQBCgIYAhIM"
      },
      {
        "type": "text",
        "text": "I read the tést."
      },
      {
        "type": "tool_use",
        "id": "toolu_01A",
        "name": "read_file",
        "input": {
          "path": "tests/a.rs"
        }
      }
    ]
    "#);
}

#[tokio::test]
async fn case_e_an_anthropic_stream_without_message_stop_is_truncated() {
    let cut = THINKING.split("event: message_stop").next().unwrap();
    let (events, error) = stream_anthropic(cut).await;
    assert!(
        calls(&events).is_empty(),
        "a call is never handed out early"
    );
    assert_eq!(
        error,
        Some(LlmError::Truncated {
            provider: "anthropic"
        })
    );
}

#[tokio::test]
async fn case_f_server_tools_citations_and_unknown_kinds_do_not_disturb() {
    let (events, error) = stream_anthropic(SERVER_TOOL).await;
    assert_eq!(error, None);
    assert_eq!(text(&events), "Rust is a language.");
    assert!(calls(&events).is_empty(), "the server ran its own tool");
    assert_eq!(done(&events).stop, StopReason::End);
    let replay = done(&events).replay.clone().unwrap();
    assert_eq!(replay.content[0]["input"], json!({"query": "rust"}));
}

#[tokio::test]
async fn case_g_characters_split_over_packets_and_crlf_arrive_whole() {
    let stream = TWO_CALLS.replace('\n', "\r\n");
    let mut steps = vec![Step::Send(sse(""))];
    for packet in stream.as_bytes().chunks(37) {
        steps.push(Step::Send(packet.to_vec()));
        steps.push(Step::Pause(std::time::Duration::from_micros(200)));
    }
    let server = RawServer::start(vec![steps]).await;
    let (events, error) = ask(&provider(openai(), &server, patience(5_000))).await;
    assert_eq!(error, None);
    assert_eq!(text(&events), "Grüße, I look at both files 😀.");
    assert_eq!(calls(&events).len(), 2);
}

#[tokio::test]
async fn case_i_an_error_in_the_middle_of_a_stream_is_sorted_like_any_other() {
    let overloaded = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let start = THINKING.split("event: ping").next().unwrap();
    let (_, error) = stream_anthropic(format!("{start}{overloaded}")).await;
    assert_eq!(
        error,
        Some(LlmError::Unavailable {
            provider: "anthropic",
            status: 529,
            retry_after: None,
            reason: "Overloaded".to_owned(),
        })
    );
    for (frame, code) in [
        (
            r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#,
            "MODEL_RATE_LIMITED",
        ),
        (
            r#"{"error":{"message":"bad gateway","code":502},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#,
            "MODEL_UNAVAILABLE",
        ),
        (r#"{"error":"out of memory"}"#, "MODEL_UNAVAILABLE"),
        (
            r#"{"object":"error","message":"maximum context length is 4096","type":"BadRequestError","code":400}"#,
            "MODEL_CONTEXT_TOO_LONG",
        ),
    ] {
        let (_, error) = stream_openai(format!("data: {frame}\n\n")).await;
        assert_eq!(error.unwrap().code(), code, "{frame}");
    }
}

#[tokio::test]
async fn case_j_arguments_that_are_no_json_object_stay_what_they_are() {
    for raw in [r#"{\"path\": "#, "[1]", "null", "path=a"] {
        let call = format!(
            r#"{{"index":0,"delta":{{"tool_calls":[{{"index":0,"id":"a","function":{{"name":"x","arguments":"{raw}"}}}}]}},"finish_reason":"tool_calls"}}"#
        );
        let (events, error) = stream_openai(chunk(&call) + "data: [DONE]\n\n").await;
        assert_eq!(error, None);
        assert!(
            matches!(calls(&events)[0].arguments, Arguments::Invalid { .. }),
            "{events:?}"
        );
    }
}

#[tokio::test]
async fn zero_tokens_are_zero_and_no_usage_is_none() {
    let finish = chunk(r#"{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}"#);
    let zero = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0}}\n\n";
    let (events, _) = stream_openai(format!("{finish}{zero}data: [DONE]\n\n")).await;
    assert_eq!(done(&events).usage, Some(Usage::default()));
    let (events, _) = stream_openai(format!("{finish}data: [DONE]\n\n")).await;
    assert_eq!(done(&events).usage, None);
}

#[tokio::test]
async fn hostile_counts_keep_the_promises_of_usage() {
    let finish = chunk(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#);
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1e300,\"prompt_tokens_details\":{\"cached_tokens\":900},\"completion_tokens_details\":{\"reasoning_tokens\":-4}}}\n\n";
    let (events, error) = stream_openai(format!("{finish}{usage}data: [DONE]\n\n")).await;
    assert_eq!(error, None);
    let usage = done(&events).usage.unwrap();
    assert_eq!((usage.input, usage.cache_read, usage.reasoning), (5, 5, 0));
    assert_eq!(usage.output, u64::from(u32::MAX));
}

#[tokio::test]
async fn servers_that_are_nearly_compatible_are_understood() {
    let whole = r#"{"index":0,"delta":{"content":null,"tool_calls":[{"type":"function","function":{"name":"read_file","arguments":{"path":"a"}}}]},"finish_reason":"stop"}"#;
    let (events, error) = stream_openai(chunk(whole)).await;
    assert_eq!(error, None, "a finish without [DONE] is an end");
    assert_eq!(calls(&events)[0].id, "call_0_0");
    assert_eq!(
        calls(&events)[0].arguments,
        Arguments::parse(r#"{"path":"a"}"#)
    );
    assert_eq!(done(&events).stop, StopReason::ToolCalls);

    let odd = [
        ": OPENROUTER PROCESSING\n\n",
        "data: \n\n",
        "data: {\"choices\":null,\"prompt_filter_results\":[]}\n\n",
        &chunk(
            r#"{"index":0,"delta":{"role":"assistant","reasoning":"hm","content":[{"type":"text","text":"he"}]}}"#,
        ),
        &chunk(r#"{"index":1,"delta":{"content":"another answer"}}"#),
        &chunk(r#"{"delta":{"content":"llo"},"finish_reason":""}"#),
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"x_groq\":{\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}}\n\n",
        "data: [DONE]",
    ];
    let (events, error) = stream_openai(odd.concat()).await;
    assert_eq!(error, None);
    assert_eq!(text(&events), "hello");
    assert_eq!(done(&events).usage.unwrap().input, 7);
}

#[tokio::test]
async fn an_answer_that_is_not_streamed_is_read_whole() {
    let body = r#"{"id":"x","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi","tool_calls":[{"id":"a","type":"function","function":{"name":"read_file","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
    let server = RawServer::with(crate::llm_support::answer(200, "", body)).await;
    let (events, error) = ask(&provider(openai(), &server, patience(5_000))).await;
    assert_eq!(error, None);
    assert_eq!((text(&events).as_str(), calls(&events).len()), ("hi", 1));
    assert_eq!(done(&events).usage.unwrap().total(), 7);

    let body = r#"{"type":"message","model":"m","content":[{"type":"text","text":"hi"},{"type":"tool_use","id":"t","name":"read_file","input":{"path":"a"}}],"stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":4}}"#;
    let server = RawServer::with(crate::llm_support::answer(200, "", body)).await;
    let (events, error) = ask(&provider(anthropic(), &server, patience(5_000))).await;
    assert_eq!(error, None);
    assert_eq!(
        calls(&events)[0].arguments,
        Arguments::parse(r#"{"path":"a"}"#)
    );

    let (_, error) = stream_openai("{\"choices\": [{\"index\"").await;
    assert_eq!(error, Some(LlmError::Truncated { provider: "openai" }));
    let (_, error) = stream_openai("{\"choices\": 1}").await;
    assert!(
        matches!(error, Some(LlmError::Protocol { .. })),
        "{error:?}"
    );
    let (_, error) = stream_openai(r#"{"error":{"message":"no","code":503}}"#).await;
    assert!(matches!(
        error,
        Some(LlmError::Unavailable { status: 503, .. })
    ));
}

#[tokio::test]
async fn malformed_frames_are_errors_and_a_page_of_html_says_so() {
    let (_, error) = stream_openai("data: {\"choices\": nonsense}\n\n").await;
    assert!(
        matches!(error, Some(LlmError::Protocol { .. })),
        "{error:?}"
    );
    let (_, error) = stream_anthropic("data: {\"no\":\"type\"}\n\n").await;
    assert!(
        matches!(error, Some(LlmError::Protocol { .. })),
        "{error:?}"
    );
    let html = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html>";
    let server = RawServer::with(html).await;
    let (_, error) = ask(&provider(openai(), &server, patience(5_000))).await;
    assert!(error.unwrap().to_string().contains("base URL"));
}

#[tokio::test]
async fn an_endless_line_is_refused_before_it_fills_the_memory() {
    let line = format!("data: {}", "x".repeat(5 * 1024 * 1024));
    let (_, error) = stream_openai(line).await;
    assert!(
        matches!(error, Some(LlmError::Protocol { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_call_that_the_output_limit_cut_off_is_never_an_empty_one() {
    let cut = r#"{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"stop_server","arguments":""}}]},"finish_reason":"length"}"#;
    let (events, _) = stream_openai(chunk(cut) + "data: [DONE]\n\n").await;
    assert_eq!(done(&events).stop, StopReason::MaxTokens);
    assert!(matches!(
        calls(&events)[0].arguments,
        Arguments::Invalid { .. }
    ));
}

#[tokio::test]
async fn a_signed_call_is_recorded_for_its_return_and_hidden_reasoning_is_counted() {
    let google: Box<dyn navi::llm::wire::codec::Codec> = Box::new(
        navi::llm::wire::openai::codec::OpenAi(navi::llm::wire::openai::dialect::Dialect::GOOGLE),
    );
    let (events, end) = decode(google.as_ref(), &[SIGNED.as_bytes()]);
    end.unwrap();
    assert_eq!(
        done(&events).replay.as_ref().unwrap().content,
        json!({"calls": {"function-call-1": {"google": {"thought_signature": "CpwBAb4+9vt"}}}})
    );
    let usage = done(&events).usage.unwrap();
    assert_eq!((usage.output, usage.reasoning), (50, 40));
}

#[test]
fn wherever_a_stream_is_cut_into_packets_the_events_are_the_same() {
    for (codec, stream) in recorded() {
        let whole = decode(codec.as_ref(), &[stream.as_bytes()]);
        whole.1.clone().unwrap();
        for cut in 0..=stream.len() {
            let (head, tail) = stream.as_bytes().split_at(cut);
            assert_eq!(decode(codec.as_ref(), &[head, tail]), whole, "cut at {cut}");
        }
    }
}

#[test]
fn wherever_a_stream_ends_too_early_nothing_is_invented() {
    for (codec, stream) in recorded() {
        let (whole, _) = decode(codec.as_ref(), &[stream.as_bytes()]);
        for cut in 0..stream.len() {
            let (events, end) = decode(codec.as_ref(), &[&stream.as_bytes()[..cut]]);
            if let Err(error) = end {
                assert!(matches!(error, LlmError::Truncated { .. }), "{error:?}");
                assert!(calls(&events).is_empty(), "cut at {cut}");
                continue;
            }
            // The answer had said that it was complete; at most its usage is missing.
            let (before, after) = (events.len() - 1, whole.len() - 1);
            assert_eq!(events[..before], whole[..after], "cut at {cut}");
            assert_eq!(done(&events).stop, done(&whole).stop);
        }
    }
}

fn recorded() -> Vec<(Box<dyn navi::llm::wire::codec::Codec>, &'static str)> {
    vec![
        (openai(), TWO_CALLS),
        (openai(), SIGNED),
        (anthropic(), THINKING),
        (anthropic(), SERVER_TOOL),
    ]
}
