//! Servers that are asked what they serve, and what follows from it.

use clap::{CommandFactory, FromArgMatches, Parser};
use futures_util::StreamExt;
use navi::auth::principal::Role;
use navi::llm::catalog::Capabilities;
use navi::llm::config::LlmConfig;
use navi::llm::error::LlmError;
use navi::llm::route::{Route, RouteError};
use navi::llm::router::{Parts, Router};
use navi::llm::served::findings::{ModelFinding, findings};
use navi::platform::clock::Clock;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::llm_support::{RawServer, Step, answer, metrics, request, sse};
use crate::support::app::TestApp;
use crate::support::client::json_request;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    llm: LlmConfig,
}

fn config(settings: &[&str]) -> LlmConfig {
    let matches = Line::command()
        .mut_args(|argument| argument.env(None::<&'static str>))
        .try_get_matches_from([&["navi"], settings].concat())
        .unwrap();
    Line::from_arg_matches(&matches).unwrap().llm
}

fn router(settings: &[&str]) -> Router {
    let parts = Parts {
        clock: Clock::System,
        metrics: metrics(),
        scripted: None,
    };
    Router::new(&config(settings), &parts).unwrap()
}

async fn choose(router: &Router, model: Option<&str>) -> Result<Route, RouteError> {
    router.choose(model, None, Capabilities::AGENT).await
}

/// An answer in one word, streamed.
fn hello() -> Vec<u8> {
    let chunk = json!({"choices": [{"delta": {"content": "hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2}});
    sse(format!("data: {chunk}\n\ndata: [DONE]\n\n"))
}

/// An address at which nothing listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/v1", listener.local_addr().unwrap())
}

#[tokio::test]
async fn the_only_model_of_a_server_is_taken_and_of_several_none() {
    let server = RawServer::with(hello()).await;
    server.serve_models(&["Qwen/Qwen3-8B", "nomic-embed-text"]);
    let own = router(&["--self-hosted-api-base-url", &server.v1()]);
    let route = choose(&own, None).await.unwrap();
    assert_eq!(route.effective_model_id, "self_hosted/Qwen/Qwen3-8B");
    assert_eq!(route.provider_model, "Qwen/Qwen3-8B");
    let private = choose(&own, Some("navi/private")).await.unwrap();
    assert_eq!(private.provider_model, "Qwen/Qwen3-8B");

    server.serve_models(&["a", "b"]);
    let own = router(&["--self-hosted-api-base-url", &server.v1()]);
    let error = choose(&own, None).await.unwrap_err();
    assert_eq!(error.code(), "NO_MODELS_AVAILABLE");
    let said = error.to_string();
    for part in [
        "no model is named: ",
        "serves `a`, `b`",
        "`self_hosted/a`",
        "SELF_HOSTED_MODEL",
        &server.v1(),
    ] {
        assert!(said.contains(part), "{said}");
    }
    let misspelt = choose(&own, Some("self_hosted/bb")).await.unwrap_err();
    let said = misspelt.to_string();
    let words = "`self_hosted/bb` is not among the models that `self_hosted` serves, and no hosted provider \
                 may answer instead; ";
    assert!(said.starts_with(words), "{said}");
    let named = choose(&own, Some("self_hosted/b")).await.unwrap();
    assert_eq!(
        (named.provider_model.as_str(), named.was_fallback),
        ("b", false)
    );
    let set = router(&[
        "--self-hosted-api-base-url",
        &server.v1(),
        "--self-hosted-model=b",
    ]);
    assert_eq!(choose(&set, None).await.unwrap().provider_model, "b");
    assert!(server.requests().is_empty(), "no model was asked");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named_with_its_setting() {
    let base = nowhere();
    let own = router(&["--self-hosted-api-base-url", &base]);
    let place = format!("{base} (SELF_HOSTED_API_BASE_URL) refused the connection");
    let error = choose(&own, None).await.unwrap_err().to_string();
    assert_eq!(error, format!("no model can answer: {place}"));
    let private = choose(&own, Some("private")).await.unwrap_err();
    assert_eq!(private.code(), "PRIVATE_MODE_BLOCKED");
    assert!(private.to_string().contains(&place), "{private}");
    let set = router(&["--ollama-base-url", &base, "--ollama-model=llama3.2"]);
    let route = choose(&set, None).await.unwrap();
    let error = route.provider.stream(&request("hi")).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        format!("{base} (OLLAMA_BASE_URL) refused the connection")
    );
    assert!(matches!(
        error,
        LlmError::Network {
            provider: "ollama",
            ..
        }
    ));
}

#[tokio::test]
async fn a_refused_name_makes_the_list_worth_another_look() {
    let refusal = r#"{"error": {"message": "no such model", "code": "model_not_found"}}"#;
    let server = RawServer::with(answer(404, "", refusal)).await;
    let own = router(&["--openai-base-url", &server.v1()]);
    let typed = choose(&own, Some("openai/early")).await.unwrap();
    assert!(!typed.was_fallback, "it has no list yet");
    server.serve_models(&["late"]);
    let refused = typed.provider.stream(&request("hi")).await.err().unwrap();
    assert!(
        matches!(refused, LlmError::UnknownModel { .. }),
        "{refused:?}"
    );
    let known = choose(&own, Some("openai/late")).await.unwrap();
    assert!(!known.was_fallback);
    let unknown = choose(&own, Some("openai/early")).await.unwrap();
    assert_eq!(unknown.fallback_reason_code, Some("UNKNOWN_MODEL_ID"));
}

#[tokio::test]
async fn a_name_that_a_server_does_not_list_falls_back_and_says_what_was_meant() {
    let server = RawServer::with(hello()).await;
    server.serve_models(&["gpt-5-mini", "qwen3:latest"]);
    let own = router(&[
        "--openai-base-url",
        &server.v1(),
        "--default-model=openai/gpt-5-mini",
    ]);
    for (typed, meant) in [
        ("openai/gtp-5-mini", Some("openai/gpt-5-mini")),
        ("openai/qwem3", Some("openai/qwen3:latest")),
        ("openai/something-else", None),
    ] {
        let route = choose(&own, Some(typed)).await.unwrap();
        assert_eq!(
            route.fallback_reason_code,
            Some("UNKNOWN_MODEL_ID"),
            "{typed}"
        );
        assert_eq!(route.effective_model_id, "openai/gpt-5-mini");
        assert_eq!(route.suggestion.as_deref(), meant, "{typed}");
        let why = route.fallback_reason.unwrap();
        assert!(
            why.contains("is not among the models that `openai` serves"),
            "{why}"
        );
        assert_eq!(why.contains("did you mean"), meant.is_some(), "{why}");
    }
    let known = choose(&own, Some("openai/qwen3")).await.unwrap();
    assert!(!known.was_fallback);
    // A server without a list takes names as they are.
    let silent = RawServer::with(hello()).await;
    let own = router(&["--openai-base-url", &silent.v1()]);
    let typed = choose(&own, Some("openai/gtp-5-mini")).await.unwrap();
    assert_eq!(
        (typed.provider_model.as_str(), typed.was_fallback),
        ("gtp-5-mini", false)
    );
}

#[tokio::test]
async fn a_slip_in_the_name_of_a_model_whose_provider_has_no_key_is_asked_about_too() {
    let hosted = router(&["--anthropic-api-key=k"]);
    for typed in ["openai/gtp-5-mini", "gtp-5-mini"] {
        let route = choose(&hosted, Some(typed)).await.unwrap();
        assert_eq!(route.suggestion.as_deref(), Some("openai/gpt-5-mini"));
        let why = route.fallback_reason.unwrap();
        let told =
            "(did you mean `openai/gpt-5-mini`?), and the provider `openai` is not configured";
        assert!(why.contains(told), "{why}");
    }
}

#[tokio::test]
async fn a_slip_in_the_name_of_a_hosted_model_is_asked_about() {
    let hosted = router(&["--openai-api-key=k", "--anthropic-api-key=k"]);
    for (typed, code, meant) in [
        (
            "openai/gtp-5-mini",
            "UNKNOWN_MODEL_ID",
            Some("openai/gpt-5-mini"),
        ),
        ("gtp-5-mini", "UNKNOWN_MODEL_ID", Some("openai/gpt-5-mini")),
        (
            "claude-sonet-5.5",
            "UNKNOWN_MODEL_ID",
            Some("anthropic/claude-sonnet-5.5"),
        ),
        ("navi/fats", "UNKNOWN_MODE_ID", Some("navi/fast")),
        ("openai/gpt-99", "UNKNOWN_MODEL_ID", None),
    ] {
        let route = choose(&hosted, Some(typed)).await.unwrap();
        assert_eq!(route.fallback_reason_code, Some(code), "{typed}");
        assert_eq!(route.suggestion.as_deref(), meant, "{typed}");
    }
    let known = choose(&hosted, Some("openai/gpt-5-mini")).await.unwrap();
    assert_eq!(known.suggestion, None);
}

#[tokio::test]
async fn the_listing_follows_the_last_word_of_each_provider() {
    let refusing = RawServer::with(answer(401, "", r#"{"error": {"message": "bad key"}}"#)).await;
    let serving = RawServer::with(hello()).await;
    serving.serve_models(&["qwen3:8b", "other"]);
    let nowhere = nowhere();
    let own = router(&[
        "--anthropic-api-key=k",
        "--anthropic-base-url",
        refusing.base.as_str(),
        "--self-hosted-api-base-url",
        &serving.v1(),
        "--ollama-base-url",
        &nowhere,
        "--ollama-model=llama3.2",
    ]);
    let reason = |id: &str| {
        let listing = own.listing();
        let entry = listing.iter().find(|entry| entry.id == id);
        let entry = entry.unwrap_or_else(|| panic!("{id} is not listed"));
        assert_eq!(entry.routable, entry.reason.is_none());
        entry.reason.clone().unwrap_or_default()
    };
    assert_eq!(reason("anthropic/claude-sonnet-5.5"), "not_asked");
    assert_eq!(reason("self_hosted/default"), "not_asked");
    own.ask_all().await;
    assert_eq!(reason("self_hosted/qwen3:8b"), "");
    assert_eq!(reason("self_hosted/other"), "");
    assert_eq!(reason("ollama/llama3.2"), "unreachable");
    assert_eq!(
        reason("anthropic/claude-sonnet-5.5"),
        "",
        "it has no list, and is there"
    );
    assert_eq!(reason("openai/gpt-4o"), "provider_not_configured");
    let route = choose(&own, Some("anthropic/claude-sonnet-5.5"))
        .await
        .unwrap();
    let refused = route.provider.stream(&request("hi")).await.err().unwrap();
    assert!(
        matches!(refused, LlmError::Unauthorized { .. }),
        "{refused:?}"
    );
    assert_eq!(reason("anthropic/claude-sonnet-5.5"), "key_refused");
    assert_eq!(reason("anthropic/claude-opus-5.5"), "key_refused");
}

#[tokio::test]
async fn what_looks_after_a_machine_is_told_of_every_provider() {
    let told = |found: &[ModelFinding]| {
        let line = |it: &ModelFinding| format!("{}: {} | {:?}\n", it.about, it.detail, it.mend);
        found.iter().map(line).collect::<String>()
    };
    let serving = RawServer::with(hello()).await;
    serving.serve_models(&["qwen3:8b", "other"]);
    let (base, dead) = (serving.v1(), nowhere());
    let settings = [
        "--self-hosted-api-base-url",
        &base,
        "--ollama-base-url",
        &dead,
    ];
    let set = config(&settings);
    let offline = told(&findings(&router(&settings), &set, false).await);
    assert!(
        offline.contains("set: ollama, self_hosted; not set: ANTHROPIC_API_KEY"),
        "{offline}"
    );
    assert!(
        offline.contains("--online") && offline.ends_with("| None\n"),
        "{offline}"
    );
    let online = findings(&router(&settings), &set, true).await;
    let online_text = told(&online);
    assert!(online[0].mend.is_some() && online[0].detail.contains("NO_MODELS_AVAILABLE"));
    for part in [
        format!(
            "ollama: {dead} (OLLAMA_BASE_URL) refused the connection | Some(\"start the server"
        ),
        format!(
            "self_hosted: {base} (SELF_HOSTED_API_BASE_URL) answers, and serves `qwen3:8b`, `other` | None"
        ),
    ] {
        assert!(online_text.contains(&part), "{online_text}");
    }
    let wrong = [&settings[..], &["--self-hosted-model=qwen3:7b"]].concat();
    let online = told(&findings(&router(&wrong), &config(&wrong), true).await);
    assert!(
        online.contains("SELF_HOSTED_MODEL names `qwen3:7b`, which is not among them"),
        "{online}"
    );
    let nothing = told(&findings(&router(&[]), &config(&[]), false).await);
    assert!(
        nothing.contains("NO_MODELS_AVAILABLE") && nothing.contains("set: nothing"),
        "{nothing}"
    );
}

/// The events of a stream's body.
fn frames(body: &str) -> Vec<Value> {
    let data = body.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

async fn stream(app: &TestApp, body: Value) -> Vec<Value> {
    let request = json_request(axum::http::Method::POST, "/api/navi/chat/stream/v2", &body);
    let response = app.client(Role::Planner).send(request).await;
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    frames(&String::from_utf8_lossy(&bytes))
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_real_name_of_a_servers_model_is_shown_and_written_to_the_ledger(db: PgPool) {
    let server = RawServer::with(hello()).await;
    server.serve_models(&["Qwen/Qwen3-8B"]);
    let flags = ["--self-hosted-api-base-url", &server.v1()];
    let app = TestApp::with(db.clone(), Clock::System, &flags).await;
    let told = stream(&app, json!({"message": "hi"})).await;
    let info = &told[0]["router_info"];
    assert_eq!(info["effectiveModelId"], "self_hosted/Qwen/Qwen3-8B");
    assert_eq!(
        (&info["wasFallback"], info.get("didYouMean")),
        (&json!(false), None)
    );
    let kept: Vec<String> = sqlx::query_scalar("SELECT model FROM llm_metrics")
        .fetch_all(&db)
        .await
        .unwrap();
    assert_eq!(kept, ["Qwen/Qwen3-8B"]);
    let (_, models) = app.client(Role::Viewer).get("/api/models").await;
    let models = models["models"].as_array().unwrap().iter();
    let routable = models.filter(|model| model["routable"] == true);
    let routable: Vec<_> = routable
        .map(|model| model["id"].as_str().unwrap())
        .collect();
    assert_eq!(routable, ["self_hosted/Qwen/Qwen3-8B"]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_typed_name_that_nothing_serves_is_told_of_in_the_first_frame(db: PgPool) {
    let server = RawServer::with(hello()).await;
    server.serve_models(&["gpt-5-mini"]);
    let flags = [
        "--openai-base-url",
        &server.v1(),
        "--default-model=openai/gpt-5-mini",
    ];
    let app = TestApp::with(db, Clock::System, &flags).await;
    let told = stream(&app, json!({"message": "hi", "model": "openai/gtp-5-mini"})).await;
    let info = &told[0]["router_info"];
    assert_eq!(info["requestedModelId"], "openai/gtp-5-mini");
    assert_eq!(info["fallbackReasonCode"], "UNKNOWN_MODEL_ID");
    assert_eq!(info["didYouMean"], "openai/gpt-5-mini");
    assert_eq!(
        info["fallbackReason"],
        "`openai/gtp-5-mini` is not among the models that `openai` serves (did you mean \
         `openai/gpt-5-mini`?); `openai/gpt-5-mini` answers instead"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_no_server_can_answer_is_refused_with_what_to_do(db: PgPool) {
    let server = RawServer::with(hello()).await;
    server.serve_models(&["a", "b"]);
    let flags = ["--self-hosted-api-base-url", &server.v1()];
    let app = TestApp::with(db, Clock::System, &flags).await;
    let body = json!({"message": "hi"});
    let (status, problem) = app.client(Role::Planner).post("/api/navi/chat", body).await;
    assert_eq!(
        (status.as_u16(), &problem["error_code"]),
        (400, &json!("NO_MODELS_AVAILABLE"))
    );
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("serves `a`, `b`") && detail.contains("SELF_HOSTED_MODEL"),
        "{detail}"
    );
    let (status, ready) = app.stranger().get("/health/ready").await;
    assert_eq!((status.as_u16(), &ready["ok"]), (200, &json!(true)));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_that_is_away_is_waited_for_whether_its_model_is_known_or_not(db: PgPool) {
    let base = nowhere();
    let flags = [
        "--self-hosted-api-base-url",
        &base,
        "--model-patience-seconds-interactive",
        "0",
    ];
    let app = TestApp::with(db, Clock::System, &flags).await;
    let client = app.client(Role::Planner);
    let private = json!({"message": "hi", "model": "private"});
    for (path, body) in [
        ("/api/navi/chat", json!({"message": "hi"})),
        ("/api/navi/chat", json!({"message": "hi"})),
        ("/api/jobs", json!({"message": "hi"})),
        ("/api/navi/chat", private),
    ] {
        let (status, problem) = client.post(path, body).await;
        let seen = (status.as_u16(), &problem["error_code"]);
        assert_eq!(
            seen,
            (503, &json!("MODEL_UNREACHABLE")),
            "{path}: {problem}"
        );
        assert!(problem["retry_after"].as_u64() >= Some(1), "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("refused the connection"), "{detail}");
    }
}

/// A model that repeats a sentence until it is stopped.
fn looping() -> Vec<Step> {
    let chunk =
        json!({"choices": [{"delta": {"content": "Wait, let me look at the file again. "}}]});
    let body = format!("data: {chunk}\n\n").repeat(2_000);
    vec![Step::Send(sse(body)), Step::Hang]
}

#[tokio::test]
async fn a_model_that_loops_is_stopped_and_the_reason_is_told() {
    let server = RawServer::start(vec![looping()]).await;
    let own = router(&[
        "--self-hosted-api-base-url",
        &server.v1(),
        "--self-hosted-model=small",
    ]);
    let route = choose(&own, None).await.unwrap();
    let events: Vec<_> = route
        .provider
        .stream(&request("hi"))
        .await
        .unwrap()
        .collect()
        .await;
    let (last, before) = events.split_last().unwrap();
    assert!(
        before.iter().all(Result::is_ok) && before.len() < 250,
        "{}",
        before.len()
    );
    let error = last.as_ref().unwrap_err();
    assert_eq!(error.code(), "MODEL_ANSWER_REPEATS");
    assert!(
        error.to_string().contains("let me look at the file again."),
        "{error}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_chat_with_a_model_that_loops_ends_and_says_why(db: PgPool) {
    let server = RawServer::start(vec![looping()]).await;
    let flags = [
        "--self-hosted-api-base-url",
        &server.v1(),
        "--self-hosted-model=small",
        "--model-patience-seconds-interactive",
        "0",
    ];
    let app = TestApp::with(db, Clock::System, &flags).await;
    let told = stream(&app, json!({"message": "hi"})).await;
    let error = told.iter().find(|frame| frame["type"] == "error").unwrap();
    assert_eq!(error["code"], "MODEL_ANSWER_REPEATS", "{error}");
    assert!(
        error["error"]
            .as_str()
            .unwrap()
            .contains("kept repeating itself")
    );
    assert_eq!(server.requests().len(), 1);
}
