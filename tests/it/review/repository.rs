//! A stage whose workspace is a repository, and the reviews of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use axum::http::{Method, Request};
use navi::llm::script::{Script, Turn};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{Stage, says};
use crate::runs::stream::EventStream;
use crate::support::client::{Client, json_request};

pub(crate) const REVIEW: &str = "/api/navi/analyze-changes";

/// A model that gives every question this answer.
pub(crate) fn answers(answer: &Value) -> Script {
    plays([says(&answer.to_string())])
}

/// A model that plays these turns.
pub(crate) fn plays(turns: impl IntoIterator<Item = Turn>) -> Script {
    Script {
        plan: None,
        turns: turns.into_iter().collect(),
        ..Script::default()
    }
}

/// A review without findings.
pub(crate) fn content() -> Script {
    answers(&json!({"summary": "Something changed.", "findings": []}))
}

/// A workspace that is a repository with one commit.
pub(crate) struct Project {
    pub(crate) stage: Stage,
}

impl Project {
    /// A repository with these files committed.
    pub(crate) async fn new(db: PgPool, script: Script, files: &[(&str, &str)]) -> Self {
        Self::with(db, script, files, &[]).await
    }

    /// The same, with flags.
    pub(crate) async fn with(
        db: PgPool,
        script: Script,
        files: &[(&str, &str)],
        flags: &[&str],
    ) -> Self {
        Self::on(Stage::with(db, script, flags).await, files)
    }

    /// The same, on this stage.
    pub(crate) fn on(stage: Stage, files: &[(&str, &str)]) -> Self {
        let project = Self { stage };
        project.git(&["init", "--quiet", "--initial-branch=main"]);
        for (path, text) in files {
            project.stage.put(path, text);
        }
        project.git(&["add", "--all"]);
        project.git(&["commit", "--quiet", "--allow-empty", "--message=first"]);
        project
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.stage.path("")
    }

    /// Runs git in the workspace; it must succeed.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(&self.root(), arguments)
    }

    /// The stream of a review that a planner asks for.
    pub(crate) async fn begin(&self, body: &Value) -> EventStream {
        self.begin_as(&self.stage.planner(), body).await
    }

    pub(crate) async fn begin_as(&self, client: &Client, body: &Value) -> EventStream {
        let response = client.send(json_request(Method::POST, REVIEW, body)).await;
        assert_eq!(response.status(), 200, "{body}");
        EventStream::new(response.into_body().into_data_stream())
    }

    /// A body that names the workspace.
    pub(crate) fn body(&self) -> Value {
        json!({ "workspace_root": self.stage.workspace() })
    }

    /// The frames of a whole review of the workspace.
    pub(crate) async fn frames(&self) -> Vec<Value> {
        let mut stream = self.begin(&self.body()).await;
        stream.rest().await;
        assert!(stream.done);
        frames(&stream)
    }

    /// The last frame of a review that succeeds.
    pub(crate) async fn reviewed(&self) -> Value {
        let frames = self.frames().await;
        let last = frames.last().unwrap().clone();
        assert_eq!(last["type"], "complete", "{frames:#?}");
        last
    }

    /// The whole review as JSON.
    pub(crate) async fn whole(&self, body: &Value) -> (u16, Value) {
        let mut request = json_request(Method::POST, REVIEW, body);
        accept_json(&mut request);
        let answer = self.stage.planner().answer(request).await;
        (answer.status.as_u16(), answer.body)
    }

    /// Everything that the model was shown.
    pub(crate) fn asked(&self) -> String {
        let requests = self.stage.requests();
        let texts = requests
            .iter()
            .map(|request| serde_json::to_string(&request.messages).unwrap());
        texts.collect()
    }
}

pub(crate) fn accept_json<B>(request: &mut Request<B>) {
    let headers = request.headers_mut();
    headers.insert("accept", "application/json".parse().unwrap());
}

pub(crate) fn frames(stream: &EventStream) -> Vec<Value> {
    let frames = stream.frames.iter();
    frames.map(|frame| frame.data.clone()).collect()
}

/// `path change severity` of every result, one a line.
pub(crate) fn listed(review: &Value) -> String {
    let results = review["results"].as_array().unwrap().iter();
    let lines = results.map(|file| {
        let from = file["from"].as_str().map(|from| format!(" from {from:?}"));
        format!(
            "{:?} {}{} {}",
            file["path"].as_str().unwrap(),
            file["change"].as_str().unwrap(),
            from.unwrap_or_default(),
            file["severity"].as_str().unwrap(),
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Runs git in a folder, without the configuration of the developer's machine.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// The same, whatever comes of it.
pub(crate) fn attempt(folder: &Path, arguments: &[&str]) -> Option<i32> {
    run(folder, arguments).status.code()
}

#[expect(clippy::disallowed_methods, reason = "the tests make repositories")]
fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("git")
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(folder)
        .envs([
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "Ada"),
            ("GIT_AUTHOR_EMAIL", "ada@example.test"),
            ("GIT_COMMITTER_NAME", "Ada"),
            ("GIT_COMMITTER_EMAIL", "ada@example.test"),
        ])
        .output()
        .unwrap()
}
