//! Which model answers, and why.

use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches, Parser};
use navi::llm::catalog::Capabilities;
use navi::llm::config::LlmConfig;
use navi::llm::error::LlmError;
use navi::llm::model::{ChatRequest, StreamEvent};
use navi::llm::provider::Provider;
use navi::llm::route::{Route, RouteError};
use navi::llm::router::{Parts, Router};
use navi::llm::script::Script;
use navi::llm::scripted::ScriptedProvider;
use navi::platform::clock::Clock;

use crate::llm_support::{KEY, RawServer, drain, metrics, request, sse};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    llm: LlmConfig,
}

fn model() -> Arc<dyn Provider> {
    Arc::new(ScriptedProvider::new(Script::default()))
}

/// A router for settings as the command line gives them, without the machine's environment.
fn router(settings: &[&str], scripted: bool) -> Router {
    let matches = Line::command()
        .mut_args(|argument| argument.env(None::<&'static str>))
        .try_get_matches_from([&["navi"], settings].concat())
        .unwrap();
    let config = Line::from_arg_matches(&matches).unwrap().llm;
    let parts = Parts {
        clock: Clock::System,
        metrics: metrics(),
        scripted: scripted.then(model),
    };
    Router::new(&config, &parts).unwrap()
}

fn agent(router: &Router, model: &str) -> Result<Route, RouteError> {
    router.route(Some(model), None, Capabilities::AGENT)
}

const OPENAI: &str = "--openai-api-key=k";
const ANTHROPIC: &str = "--anthropic-api-key=k";
const OLLAMA: &str = "--ollama-base-url=http://localhost:11434";
const SELF_HOSTED: &str = "--self-hosted-api-base-url=http://localhost:8000/v1";

#[test]
fn a_named_model_answers_itself_under_any_of_its_names() {
    let router = router(
        &[OPENAI, ANTHROPIC, "--google-api-key=k", "--groq-api-key=k"],
        false,
    );
    for (name, id, provider_model) in [
        ("openai/gpt-4o", "openai/gpt-4o", "gpt-4o"),
        ("gpt-4o", "openai/gpt-4o", "gpt-4o"),
        ("o4-mini", "openai/o4-mini", "o4-mini"),
        (
            "anthropic/claude-opus-5.5",
            "anthropic/claude-opus-5.5",
            "claude-opus-5-5",
        ),
        (
            "claude-opus-5-5",
            "anthropic/claude-opus-5.5",
            "claude-opus-5-5",
        ),
        (
            "gemini-3.8-flash",
            "google/gemini-3.8-flash",
            "gemini-3.8-flash",
        ),
        (
            "groq/gpt-oss-120b",
            "groq/gpt-oss-120b",
            "openai/gpt-oss-120b",
        ),
        (
            " sonnet ",
            "anthropic/claude-sonnet-5.5",
            "claude-sonnet-5-5",
        ),
    ] {
        let route = agent(&router, name).unwrap();
        assert_eq!(route.effective_model_id, id, "{name}");
        assert_eq!(route.provider_model, provider_model, "{name}");
        assert!(!route.was_fallback, "{name}");
        assert_eq!(route.provider.name(), route.provider_id.as_str());
    }
}

#[test]
fn a_providers_hint_completes_a_bare_name() {
    let router = router(&[OPENAI, "--openrouter-api-key=k"], false);
    let hinted = |model, hint| {
        let route = router
            .route(model, Some(hint), Capabilities::AGENT)
            .unwrap();
        (route.effective_model_id, route.fallback_reason_code)
    };
    assert_eq!(
        hinted(Some("gpt-5.1"), "openai_navra"),
        ("openai/gpt-5.1".to_owned(), None)
    );
    assert_eq!(
        hinted(Some("gpt-5.1"), "OpenAI_BYOK"),
        ("openai/gpt-5.1".to_owned(), None)
    );
    assert_eq!(
        hinted(Some("meta-llama/llama-4"), "openrouter"),
        ("openrouter/meta-llama/llama-4".to_owned(), None)
    );
    assert_eq!(
        hinted(None, "openrouter"),
        ("openrouter/claude-sonnet-5.5".to_owned(), None)
    );
    assert_eq!(
        hinted(None, "groq"),
        ("openai/gpt-5.2".to_owned(), Some("PROVIDER_NOT_CONFIGURED"))
    );
    assert_eq!(hinted(None, "auto"), ("openai/gpt-5.2".to_owned(), None));
}

#[test]
fn a_mode_takes_its_first_model_that_can_answer_and_that_is_no_fallback() {
    let router = router(&[ANTHROPIC], false);
    for (mode, id) in [
        ("navi/intelligence", "anthropic/claude-sonnet-5.5"),
        ("auto", "anthropic/claude-sonnet-5.5"),
        ("navi/fast", "anthropic/claude-haiku-5.5"),
        ("navi/deep", "anthropic/claude-opus-5.5"),
    ] {
        let route = agent(&router, mode).unwrap();
        assert_eq!(route.effective_model_id, id);
        assert_eq!(
            (route.was_fallback, route.fallback_reason_code),
            (false, None)
        );
        assert_eq!(route.requested_model_id.as_deref(), Some(mode));
    }
    let route = router.route(None, None, Capabilities::AGENT).unwrap();
    assert_eq!(route.effective_model_id, "anthropic/claude-sonnet-5.5");
    assert_eq!(
        (route.requested_model_id, route.requested_mode_id),
        (None, None)
    );
}

#[test]
fn what_cannot_answer_falls_back_and_says_why() {
    let router = router(&[OPENAI, "--openai-protocol=chat"], false);
    let fallback = |model: &str, needs| {
        let route = router.route(Some(model), None, needs).unwrap();
        assert!(route.was_fallback, "{model}");
        format!(
            "{model} -> {}: {}: {}\n",
            route.effective_model_id,
            route.fallback_reason_code.unwrap(),
            route.fallback_reason.unwrap()
        )
    };
    let agent = Capabilities::AGENT;
    let table = [
        fallback("openai/gpt-99", agent),
        fallback("nobody-knows-this", agent),
        fallback("meta-llama/llama-4", agent),
        fallback("claude-opus-5-5", agent),
        fallback("navi/imaginary", agent),
        fallback("openai/gpt-3.5-turbo", agent),
        fallback("openai/gpt-6.1-sol", agent),
        fallback("scripted/demo", agent),
    ];
    insta::assert_snapshot!(table.concat(), @r#"
    openai/gpt-99 -> openai/gpt-5.2: UNKNOWN_MODEL_ID: `openai/gpt-99` is not in the model registry; `openai/gpt-5.2` answers instead
    nobody-knows-this -> openai/gpt-5.2: UNKNOWN_MODEL_ID: `nobody-knows-this` is not in the model registry; `openai/gpt-5.2` answers instead
    meta-llama/llama-4 -> openai/gpt-5.2: UNKNOWN_MODEL_ID: `meta-llama/llama-4` is not in the model registry; `openai/gpt-5.2` answers instead
    claude-opus-5-5 -> openai/gpt-5.2: PROVIDER_NOT_CONFIGURED: the provider of `anthropic/claude-opus-5-5` is not configured; `openai/gpt-5.2` answers instead
    navi/imaginary -> openai/gpt-5.2: UNKNOWN_MODE_ID: mode `navi/imaginary` not found; `openai/gpt-5.2` answers instead
    openai/gpt-3.5-turbo -> openai/gpt-6-luna: MODEL_RETIRED: the provider of `openai/gpt-3.5-turbo` no longer serves it; `openai/gpt-6-luna` answers instead
    openai/gpt-6.1-sol -> openai/gpt-5.2: MODEL_LACKS_CAPABILITY: `openai/gpt-6.1-sol` cannot do what the request needs (missing_capability:tools); `openai/gpt-5.2` answers instead
    scripted/demo -> openai/gpt-5.2: PROVIDER_NOT_CONFIGURED: the provider of `scripted/demo` is not configured; `openai/gpt-5.2` answers instead
    "#);
    assert!(!self::agent(&router, "openai/gpt-4o").unwrap().was_fallback);
    let chat = router.route(Some("openai/gpt-6.1-sol"), None, Capabilities::CHAT);
    assert!(!chat.unwrap().was_fallback);
}

#[test]
fn private_requests_never_reach_a_hosted_provider() {
    let hosted = router(&[OPENAI, ANTHROPIC], true);
    for model in [
        "navi/private",
        "private",
        "ollama/llama3.2",
        "self_hosted/any",
    ] {
        let error = agent(&hosted, model).unwrap_err();
        assert_eq!(error.code(), "PRIVATE_MODE_BLOCKED", "{model}");
    }
    let model = "--self-hosted-model=qwen2.5-coder";
    let own = router(&[OPENAI, SELF_HOSTED, model], false);
    let route = agent(&own, "navi/private").unwrap();
    assert_eq!(route.effective_model_id, "self_hosted/qwen2.5-coder");
    let route = agent(&own, "ollama/llama3.2").unwrap();
    assert_eq!(route.effective_model_id, "self_hosted/qwen2.5-coder");
    assert_eq!(route.fallback_reason_code, Some("PROVIDER_NOT_CONFIGURED"));
    let both = router(&[OLLAMA, SELF_HOSTED, "--ollama-model=qwen3"], false);
    assert_eq!(
        agent(&both, "navi/private").unwrap().effective_model_id,
        "ollama/qwen3"
    );
}

#[test]
fn models_of_the_operators_own_servers_pass_through_as_they_are() {
    let router = router(
        &[
            OLLAMA,
            SELF_HOSTED,
            "--openai-base-url=http://localhost:9/v1",
            "--assumed-context-window=8192",
        ],
        false,
    );
    for (name, provider_model) in [
        ("ollama/qwen3:8b", "qwen3:8b"),
        ("self_hosted/org/model-7b", "org/model-7b"),
        ("openai/my-finetune", "my-finetune"),
    ] {
        let route = agent(&router, name).unwrap();
        assert_eq!(route.effective_model_id, name);
        assert_eq!(route.provider_model, provider_model);
        assert_eq!(
            (route.context_window, route.max_output_tokens),
            (8_192, 2_048)
        );
    }
}

#[test]
fn with_only_a_server_of_ones_own_it_answers_and_with_nothing_the_script_does() {
    let own = router(&[SELF_HOSTED, "--self-hosted-model=my-model"], true);
    let route = own.route(None, None, Capabilities::AGENT).unwrap();
    assert_eq!(route.effective_model_id, "self_hosted/my-model");
    let development = router(&[], true);
    let route = development.route(None, None, Capabilities::AGENT).unwrap();
    assert_eq!(route.effective_model_id, "scripted/demo");
    assert_eq!(route.provider_id.as_str(), "scripted");
    let route = agent(&development, "gpt-4o").unwrap();
    assert_eq!(route.effective_model_id, "scripted/demo");
    assert_eq!(route.fallback_reason_code, Some("PROVIDER_NOT_CONFIGURED"));
    let production = router(&[], false);
    let error = production
        .route(None, None, Capabilities::AGENT)
        .unwrap_err();
    assert_eq!(error.code(), "NO_MODELS_AVAILABLE");
    assert!(error.to_string().contains("ANTHROPIC_API_KEY"));
}

#[test]
fn the_default_model_of_the_settings_comes_first() {
    let fast = router(&[OPENAI, "--default-model=navi/fast"], false);
    let route = fast.route(None, None, Capabilities::AGENT).unwrap();
    assert_eq!(route.effective_model_id, "openai/gpt-6-luna");
    let own = router(
        &[
            "--openai-base-url=http://localhost:9/v1",
            "--default-model=openai/local",
        ],
        false,
    );
    let route = own.route(None, None, Capabilities::AGENT).unwrap();
    assert_eq!(route.provider_model, "local");
    let unusable = router(
        &[OPENAI, "--default-model=anthropic/claude-opus-5.5"],
        false,
    );
    let route = unusable.route(None, None, Capabilities::AGENT).unwrap();
    assert_eq!(route.effective_model_id, "openai/gpt-5.2");
}

#[test]
fn the_listing_says_of_every_model_whether_it_can_be_used() {
    let router = router(&[ANTHROPIC, OLLAMA, "--ollama-model=llama3.2"], true);
    let listing = router.listing();
    let reason = |id: &str| {
        let entry = listing.iter().find(|entry| entry.id == id).unwrap();
        assert_eq!(entry.routable, entry.reason.is_none());
        entry.reason.clone()
    };
    assert_eq!(reason("scripted/demo"), None);
    // A key says nothing of whether there is an answer.
    for id in ["anthropic/claude-sonnet-5.5", "ollama/llama3.2"] {
        assert_eq!(reason(id).as_deref(), Some("not_asked"), "{id}");
    }
    assert_eq!(
        reason("openai/gpt-4o").as_deref(),
        Some("provider_not_configured")
    );
    assert_eq!(
        reason("anthropic/claude-sonnet-4").as_deref(),
        Some("model_retired")
    );
    assert_eq!(
        reason("self_hosted/default").as_deref(),
        Some("provider_not_configured")
    );
    let without = self::router(&[ANTHROPIC], false).listing();
    assert!(
        without
            .iter()
            .all(|entry| !entry.id.starts_with("scripted/"))
    );
}

#[tokio::test]
async fn a_route_answers_over_the_wire_and_keeps_keys_apart() {
    let good = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let server = RawServer::with(sse(good)).await;
    let router = router(
        &[
            &format!("--openai-api-key={KEY}"),
            &format!("--self-hosted-api-base-url={}", server.base),
        ],
        false,
    );
    let route = agent(&router, "self_hosted/m").unwrap();
    let asked = ChatRequest {
        model: route.provider_model.clone(),
        ..request("")
    };
    let (events, error) = drain(route.provider.stream(&asked).await.unwrap()).await;
    assert_eq!((events.len(), error), (2, None::<LlmError>));
    assert!(matches!(&events[0], StreamEvent::Text { delta } if delta == "hi"));
    let sent = &server.requests()[0];
    assert!(sent.starts_with("POST /v1/chat/completions"));
    assert!(!sent.contains(KEY) && !sent.to_lowercase().contains("authorization"));
}
