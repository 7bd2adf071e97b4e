//! A service with a scripted model and a workspace, and the transcripts of its runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use chrono::DateTime;
use navi::auth::principal::Role;
use navi::config::settings::Config;
use navi::exec::environment::for_commands;
use navi::llm::model::ChatRequest;
use navi::llm::script::{Script, ScriptedCall, Turn};
use navi::platform::clock::Clock;
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use tempfile::TempDir;

use crate::runs::rules;
use crate::runs::stream::{EventStream, Frame};
use crate::support::app::TestApp;
use crate::support::client::{Client, json_request};
use crate::support::model::Model;

/// A service, its model and a workspace.
pub(crate) struct Stage {
    pub(crate) app: TestApp,
    pub(crate) db: PgPool,
    model: Model,
    folder: TempDir,
}

impl Stage {
    /// A model that plays `script`.
    pub(crate) async fn new(db: PgPool, script: Script) -> Self {
        Self::with(db, script, &[]).await
    }

    /// The same, with flags.
    pub(crate) async fn with(db: PgPool, script: Script, flags: &[&str]) -> Self {
        let model = Model::new(script);
        let mut config = TestApp::config(flags);
        config.scripted = Some(Arc::new(model.clone()));
        let app = Box::pin(service(db.clone(), config)).await;
        Self {
            app,
            db,
            model,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A service that has these settings and no scripted model.
    pub(crate) async fn without_script(db: PgPool, flags: &[&str]) -> Self {
        let app = Box::pin(service(db.clone(), TestApp::config(flags))).await;
        Self {
            app,
            db,
            model: Model::new(Script::default()),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A file in the workspace.
    pub(crate) fn put(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn content(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn workspace(&self) -> String {
        self.folder.path().to_str().unwrap().to_owned()
    }

    /// A project whose only check is `make test`, which runs this shell script.
    pub(crate) fn project(&self, check: &str) {
        self.put("Makefile", "test:\n\t@sh ./check.sh\n");
        self.put("check.sh", check);
    }

    /// The requests to the model so far.
    pub(crate) fn requests(&self) -> Vec<ChatRequest> {
        self.model.requests()
    }

    /// The turns that were asked for, the plan's request left out.
    pub(crate) fn turns(&self) -> Vec<ChatRequest> {
        let requests = self.requests().into_iter();
        requests
            .filter(|request| !request.tools.is_empty())
            .collect()
    }

    pub(crate) fn planner(&self) -> Client {
        self.app.client(Role::Planner)
    }

    /// A body that asks for work in the workspace.
    pub(crate) fn body(&self, message: &str) -> Value {
        json!({ "message": message, "workspace_path": self.workspace() })
    }

    /// Begins a run.
    pub(crate) async fn begin(&self, client: &Client, body: &Value) -> EventStream {
        let request = json_request(Method::POST, "/api/navi/chat/autonomous", body);
        let response = client.send(request).await;
        assert_eq!(response.status(), StatusCode::OK, "{body}");
        EventStream::new(response.into_body().into_data_stream())
    }

    /// A run that is refused before it begins.
    pub(crate) async fn refused(&self, body: Value) -> (u16, Value) {
        let (status, problem) = self.planner().post("/api/navi/chat/autonomous", body).await;
        (status.as_u16(), problem)
    }

    /// A whole run of a planner in the workspace.
    pub(crate) async fn run(&self, message: &str) -> Transcript {
        self.run_with(&self.planner(), self.body(message)).await
    }

    /// A whole run of anybody.
    pub(crate) async fn run_with(&self, client: &Client, body: Value) -> Transcript {
        let mut stream = self.begin(client, &body).await;
        stream.rest().await;
        self.ended(stream).await
    }

    /// The events of a stream that was read to its end, checked against the rules.
    pub(crate) async fn ended(&self, stream: EventStream) -> Transcript {
        let transcript = Transcript::of(&stream);
        self.app
            .app
            .ledger
            .flush(Duration::from_secs(5))
            .await
            .unwrap();
        rules::hold(&self.db, &transcript.frames, stream.done).await;
        transcript
    }

    /// The log of a run whose client went away, checked against the rules.
    pub(crate) async fn logged(&self, run_id: &str) -> Transcript {
        let frames = rules::end_of(&self.db, run_id).await;
        self.app
            .app
            .ledger
            .flush(Duration::from_secs(5))
            .await
            .unwrap();
        rules::hold(&self.db, &frames, true).await;
        Transcript { frames }
    }

    /// A number from the database.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.db).await.unwrap()
    }

    /// `status`, `phase` and whether tokens and cost are known, of every call to a model.
    pub(crate) async fn calls(&self) -> Vec<String> {
        self.app
            .app
            .ledger
            .flush(Duration::from_secs(5))
            .await
            .unwrap();
        sqlx::query_scalar(
            "select concat_ws(' ', phase, status, case when total_tokens > 0 then 'tokens' end,
                              case when total_cost is not null then 'cost' end)
             from llm_metrics order by created_at, id",
        )
        .fetch_all(&self.db)
        .await
        .unwrap()
    }
}

async fn service(db: PgPool, mut config: Config) -> TestApp {
    config.surroundings.supervisor = Some(PathBuf::from(env!("CARGO_BIN_EXE_navi")));
    config.surroundings.command_environment = environment();
    let at = DateTime::from_timestamp(1_767_323_045, 0).unwrap();
    TestApp::of(db, Clock::fixed(at), config).await
}

/// The variables that commands need to find their programs.
pub(crate) fn environment() -> BTreeMap<String, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the toolchain is found by the environment"
    )]
    for_commands(std::env::vars())
}

/// A turn that asks for several tools at once.
pub(crate) fn calls(calls: &[(&str, Value)]) -> Turn {
    let call = |(name, arguments): &(&str, Value)| ScriptedCall {
        name: (*name).to_owned(),
        arguments: arguments.as_object().cloned().unwrap_or_default(),
        raw_arguments: None,
    };
    Turn {
        calls: calls.iter().map(call).collect(),
        ..Turn::default()
    }
}

/// A script of these turns.
pub(crate) fn script(turns: impl IntoIterator<Item = Turn>) -> Script {
    Script {
        plan: Some(plan(&["Do it"])),
        turns: turns.into_iter().collect(),
        ..Script::default()
    }
}

/// The planner's answer.
pub(crate) fn plan(labels: &[&str]) -> String {
    let step = |label: &&str| json!({ "label": label, "description": "" });
    let steps: Vec<_> = labels.iter().map(step).collect();
    json!({ "steps": steps }).to_string()
}

/// A turn that says something and asks for nothing.
pub(crate) fn says(text: &str) -> Turn {
    Turn {
        say: vec![text.to_owned()],
        ..Turn::default()
    }
}

/// The frames of a run that a client has seen.
#[derive(Debug)]
pub(crate) struct Transcript {
    pub(crate) frames: Vec<Frame>,
}

impl Transcript {
    fn of(stream: &EventStream) -> Self {
        Self {
            frames: stream.frames.clone(),
        }
    }

    pub(crate) fn events(&self, kind: &str) -> Vec<&Value> {
        let events = self.frames.iter().map(|frame| &frame.data);
        events.filter(|event| event["type"] == kind).collect()
    }

    pub(crate) fn run_id(&self) -> String {
        let status = self.events("status")[0];
        status["task_id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn summary(&self) -> &Value {
        &self.frames.last().unwrap().data["summary"]
    }

    /// `success`, `stopped_reason` and `verification` in one line.
    pub(crate) fn outcome(&self) -> String {
        let summary = self.summary();
        let text = |key: &str| summary[key].as_str().unwrap().to_owned();
        format!(
            "success={} {} verification={}",
            summary["success"],
            text("stopped_reason"),
            text("verification")
        )
    }

    /// The results of the tools, in order.
    pub(crate) fn results(&self) -> Vec<Map<String, Value>> {
        let results = self.events("tool_result").into_iter();
        results
            .map(|event| event["tool_result"]["result"].as_object().unwrap().clone())
            .collect()
    }

    /// The codes of the errors that were shown.
    pub(crate) fn errors(&self) -> Vec<String> {
        let errors = self.events("error").into_iter();
        errors
            .map(|event| event["code"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The whole transcript, a line for each event: ids, times and paths are replaced, pieces of one
    /// text or output are joined.
    pub(crate) fn story(&self, stage: &Stage) -> String {
        let run_id = self.run_id();
        let mut events: Vec<Value> = Vec::new();
        for frame in &self.frames {
            let mut event = frame.data.clone();
            event.as_object_mut().unwrap().remove("timestamp");
            if let Some(info) = event.get_mut("router_info").and_then(Value::as_object_mut) {
                // Its strength depends on the machine; chats have none.
                info.shift_remove("sandbox");
            }
            let key = match event["type"].as_str() {
                Some("text") => "text",
                Some("command_output" | "check_output") => "line",
                _ => "",
            };
            match events.last_mut() {
                Some(last)
                    if !key.is_empty()
                        && ["type", "stream", "tool_call_id", "check_id", "command"]
                            .iter()
                            .all(|same| last[same] == event[same]) =>
                {
                    let glue = if key == "line" { "\n" } else { "" };
                    let joined = [&last[key], &event[key]].map(|text| text.as_str().unwrap());
                    last[key] = json!(joined.join(glue));
                }
                _ => events.push(event),
            }
        }
        let mut lines = Vec::new();
        for mut event in events {
            for path in ["/summary/elapsed_ms", "/summary/tokens", "/gen_id"] {
                if let Some(value) = event.pointer_mut(path) {
                    *value = json!("…");
                }
            }
            if let Some(message) = event.pointer_mut("/tool_result/result/message") {
                let said = message.as_str().unwrap();
                *message = json!(said.split(" in ").next());
            }
            // Which order the keys have depends on whether the log or the run itself was faster.
            let event = event.as_object_mut().unwrap();
            event.values_mut().for_each(Value::sort_all_objects);
            lines.push(json!(event).to_string());
        }
        let simple = run_id.replace('-', "");
        lines
            .join("\n")
            .replace(&run_id, "RUN")
            .replace(&simple, "RUN")
            .replace(&stage.workspace(), "WORKSPACE")
    }
}

/// A request body that is no JSON value of ours.
pub(crate) fn raw(path: &str, body: impl Into<Body>) -> axum::http::Request<Body> {
    axum::http::Request::post(path)
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap()
}
