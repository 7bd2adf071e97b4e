//! Every request that the extension was recorded to send, played against the real binary in its order.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test is the client, and stops at the first surprise"
)]

use navi::llm::script::{Script, Turn};
use navi::platform::clock::Clock;
use navi::platform::ids::uuid_v7;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{calls, plan, says};
use crate::runs::stream::EventStream;
use crate::support::served::{Served, url};

/// The origin of a webview of VS Code; its web page fetches with it.
const WEBVIEW: &str = "vscode-webview://0k3j2h1g4f5d6s7a8";

/// A request as it was recorded: `{WORKSPACE}` stands for a folder.
struct Recorded {
    method: String,
    path: String,
    body: Value,
}

fn recorded(workspace: &str) -> Vec<Recorded> {
    let lines = include_str!("requests.jsonl").replace("{WORKSPACE}", workspace);
    let request = |line: &str| {
        let request: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| request[key].as_str().unwrap().to_owned();
        Recorded {
            method: text("method"),
            path: text("path"),
            body: request["body"].clone(),
        }
    };
    lines.lines().map(request).collect()
}

/// The answer that a route must give.
enum Expected {
    /// JSON with this status, of which the closure is true.
    Json(u16, fn(&Value) -> bool),
    /// A stream to its `[DONE]`, with a frame of which the closure is true.
    Stream(fn(&Value) -> bool),
    /// A problem with this status whose detail names the closest thing that there is.
    Names(u16, &'static str),
    /// A preflight that lets the webview fetch.
    Preflight,
}

/// The table: what each recorded request is answered.
fn expected(method: &str, path: &str, body: &Value) -> Expected {
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    let is_probe = body["message"] == "health_check";
    match (method, path) {
        ("OPTIONS", _) => Expected::Preflight,
        ("GET", "/api/orgs") => Expected::Json(200, |orgs| orgs[0]["id"] == "org-1"),
        ("GET", "/api/navi-memory/conversations") => Expected::Json(200, Value::is_array),
        ("POST", "/api/navi/chat") if is_probe => {
            Expected::Json(200, |answer| answer["status"] == "ok")
        }
        ("POST", "/api/navi/chat") => Expected::Json(200, |answer| {
            answer["content"].is_string() && answer.get("status").is_none()
        }),
        ("GET", "/api/navi/memory/recent") => {
            Expected::Names(404, "/api/navi-memory/conversations")
        }
        ("POST", "/api/events/ingest") => Expected::Names(404, "/api/telemetry"),
        ("POST", "/api/navi/chat/autonomous") => {
            Expected::Stream(|frame| frame["summary"]["success"] == true)
        }
        ("POST", "/api/navi/chat/stream/v2") => Expected::Stream(|frame| frame["type"] == "text"),
        ("POST", "/api/navi/chat/stream") => Expected::Stream(|frame| frame["content"].is_string()),
        ("POST", "/api/jobs") => Expected::Json(200, |answer| answer["started"] == true),
        ("GET", "/api/jobs/undefined") => Expected::Names(404, "job `undefined` not found"),
        ("GET", _) if path.ends_with("/events") => {
            Expected::Stream(|frame| frame["type"] == "job_terminal")
        }
        // By then it is over.
        ("POST", _) if path.ends_with("/resume") => Expected::Names(409, "has ended"),
        // Those that were answered are of another server; see `crate::old_clients::events`.
        ("POST", _) if path.starts_with("/api/navi/consent/") => Expected::Names(404, "consent"),
        ("POST", _) if path.starts_with("/api/navi/prompt/") => Expected::Names(404, "prompt"),
        // No folder was open.
        ("POST", "/api/navi/analyze-changes") => Expected::Stream(|frame| {
            let message = frame["message"].as_str().unwrap_or_default();
            frame["type"] == "error" && message.contains("folder")
        }),
        ("GET", "/api/org/scan/status") | ("POST", "/api/org/scan/run") => {
            Expected::Names(501, "in the chat")
        }
        ("POST", "/api/navi/plan") => Expected::Json(200, |answer| {
            answer["success"] == true && answer["plan"]["steps"].is_array()
        }),
        _ => panic!("nothing is expected of {method} {path}"),
    }
}

/// Sends a request as the extension does: with its token, the organisation and user that it makes up,
/// and the conversation of the session.
async fn send(server: &Served, request: &Recorded, conversation: &str) -> reqwest::Response {
    let method: Method = request.method.parse().unwrap();
    let client = reqwest::Client::new();
    let built = client.request(method.clone(), format!("{}{}", server.url, request.path));
    if method == Method::OPTIONS {
        let built = built
            .header("origin", WEBVIEW)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type,x-org-id",
            );
        return built.send().await.unwrap();
    }
    let mut built = built
        .bearer_auth(&server.token)
        .header("origin", WEBVIEW)
        .header("x-org-id", "default_org")
        .header("x-user-id", "default_user");
    if !request.body.is_null() {
        let mut body = request.body.clone();
        if body["message"].is_string() && body["message"] != "health_check" {
            body["conversation_id"] = json!(conversation);
        }
        built = built.json(&body);
    }
    built.send().await.unwrap()
}

async fn check(response: reqwest::Response, what: &str, expected: Expected) -> Value {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    assert_eq!(headers["access-control-allow-origin"], WEBVIEW, "{what}");
    match expected {
        Expected::Preflight => {
            assert!(matches!(status, 200 | 204), "{what}: {status}");
            assert!(
                headers.contains_key("access-control-allow-headers"),
                "{what}"
            );
            Value::Null
        }
        Expected::Stream(shows) => {
            assert_eq!(status, 200, "{what}: {:?}", response.text().await);
            let mut stream = EventStream::new(response.bytes_stream());
            stream.rest().await;
            assert!(stream.done, "{what}");
            let mut frames = stream.frames.iter().map(|frame| &frame.data);
            assert!(frames.any(shows), "{what}: {:#?}", stream.frames);
            Value::Null
        }
        Expected::Json(wanted, is) => {
            let answer: Value = response.json().await.unwrap();
            assert!(status == wanted && is(&answer), "{what}: {status} {answer}");
            answer
        }
        Expected::Names(wanted, name) => {
            let problem: Value = response.json().await.unwrap();
            assert_eq!(status, wanted, "{what}: {problem}");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(name), "{what}: {detail}");
            problem
        }
    }
}

fn script() -> Script {
    let edit = json!({"path": "stats.py", "old_text": "(len(xs) - 1)", "new_text": "len(xs)"});
    let turns = [
        Turn {
            say: vec!["I'll look at the file first. ".to_owned()],
            ..calls(&[("read_file", json!({"path": "stats.py"}))])
        },
        calls(&[("edit_file", edit)]),
        says("Fixed the mean: it divided by one too few."),
    ];
    Script {
        plan: Some(plan(&["Fix the mean"])),
        turns: turns.into(),
        ..Script::default()
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_recorded_request_is_answered_as_its_client_needs_it(db: PgPool) {
    let server = Served::start(&script(), Some(&url(&db.connect_options()))).await;
    let file = server.workspace().join("stats.py");
    let conversation = uuid_v7(&Clock::System).to_string();
    let mut job = String::new();
    for mut request in recorded(server.workspace().to_str().unwrap()) {
        std::fs::write(&file, "def mean(xs):\n    return sum(xs) / (len(xs) - 1)\n").unwrap();
        let is_of_a_job = request.path.starts_with("/api/jobs/01");
        if is_of_a_job {
            let (_, rest) = request.path["/api/jobs/".len()..].split_once('/').unwrap();
            request.path = format!("/api/jobs/{job}/{rest}");
        }
        let what = format!("{} {}", request.method, request.path);
        let expected = expected(&request.method, &request.path, &request.body);
        let response = send(&server, &request, &conversation).await;
        let answer = check(response, &what, expected).await;
        if request.path == "/api/jobs" && request.method == "POST" {
            answer["job"]["job_id"]
                .as_str()
                .unwrap()
                .clone_into(&mut job);
        }
    }
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
}
