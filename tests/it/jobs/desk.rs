//! A service with a worker, and a client that asks it for jobs.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use navi::auth::principal::Role;
use navi::llm::script::Script;
use serde_json::{Map, Value, json};
use sqlx::PgPool;

use crate::runs::rules;
use crate::runs::stage::Stage;
use crate::runs::stream::EventStream;
use crate::support::client::{Client, json_request};

/// The most time that a condition is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// A stage whose background work runs, and a planner.
pub(crate) struct Desk {
    pub(crate) stage: Stage,
    pub(crate) client: Client,
}

impl Desk {
    /// A worker whose model plays `script`.
    pub(crate) async fn new(db: PgPool, script: Script) -> Self {
        Self::with(db, script, &[]).await
    }

    /// The same, with flags.
    pub(crate) async fn with(db: PgPool, script: Script, flags: &[&str]) -> Self {
        let stage = Stage::with(db, script, flags).await;
        stage.app.app.start_background();
        let client = stage.app.client(Role::Planner);
        Self { stage, client }
    }

    /// Asks for a job in the workspace, with these fields beside the task.
    pub(crate) async fn create(&self, fields: Value) -> String {
        self.create_as(&self.client, fields).await
    }

    pub(crate) async fn create_as(&self, client: &Client, fields: Value) -> String {
        let (status, answer) = client.post("/api/jobs", self.body(fields)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["job"]["job_id"].as_str().unwrap().to_owned()
    }

    /// A request for a job in the workspace.
    pub(crate) fn body(&self, fields: Value) -> Value {
        let mut body = self.stage.body("do it");
        let Value::Object(fields) = fields else {
            panic!("{fields}");
        };
        body.as_object_mut().unwrap().extend(fields);
        body
    }

    pub(crate) async fn job(&self, id: &str) -> Value {
        let (status, answer) = self.client.get(&format!("/api/jobs/{id}")).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["job"].clone()
    }

    /// The page of jobs that wait.
    pub(crate) async fn paused(&self) -> Value {
        let path = "/api/jobs?status=paused_for_approval";
        self.client.get(path).await.1["jobs"].clone()
    }

    /// Starts, resumes or cancels a job, or answers what it waits for.
    pub(crate) async fn ask(&self, id: &str, what: &str, body: Value) -> (u16, Value) {
        let path = format!("/api/jobs/{id}/{what}");
        let (status, answer) = self.client.post(&path, body).await;
        (status.as_u16(), answer)
    }

    pub(crate) async fn follow(&self, id: &str, after: i64) -> EventStream {
        follow(&self.client, id, after).await
    }

    /// Follows a job until an event of this type comes, which is answered.
    pub(crate) async fn until(&self, id: &str, kind: &str) -> Value {
        let mut stream = self.follow(id, 0).await;
        stream.until(|event| event["type"] == kind).await
    }

    /// Waits until a job stands here.
    pub(crate) async fn until_status(&self, id: &str, status: &str) -> Value {
        let began = Instant::now();
        loop {
            let job = self.job(id).await;
            if job["status"] == status {
                return job;
            }
            assert!(began.elapsed() < PATIENCE, "never {status}: {job}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Everything a job told, once it is over.
    pub(crate) async fn ended(&self, id: &str) -> Told {
        let mut stream = self.follow(id, 0).await;
        stream.rest().await;
        let ledger = &self.stage.app.app.ledger;
        ledger.flush(Duration::from_secs(5)).await.unwrap();
        rules::hold_job(&self.stage.db, &stream).await;
        Told::of(&stream)
    }
}

/// Follows a job after an event.
pub(crate) async fn follow(client: &Client, id: &str, after: i64) -> EventStream {
    let path = format!("/api/jobs/{id}/events?after_sequence={after}");
    let response = client
        .send(json_request(Method::GET, &path, &Value::Null))
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    EventStream::new(response.into_body().into_data_stream())
}

/// The events of a job.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) events: Vec<Value>,
}

impl Told {
    pub(crate) fn of(stream: &EventStream) -> Self {
        Self {
            events: stream
                .frames
                .iter()
                .map(|frame| frame.data.clone())
                .collect(),
        }
    }

    pub(crate) fn all(&self, kind: &str) -> Vec<&Value> {
        let events = self.events.iter();
        events.filter(|event| event["type"] == kind).collect()
    }

    /// The last types, oldest first.
    pub(crate) fn last(&self, count: usize) -> Vec<&str> {
        let from = self.events.len().saturating_sub(count);
        let last = self.events[from..].iter();
        last.map(|event| event["type"].as_str().unwrap()).collect()
    }

    pub(crate) fn stopped_reason(&self) -> &str {
        let complete = self.all("complete");
        complete[0]["summary"]["stopped_reason"].as_str().unwrap()
    }

    /// The results of the tools, in order.
    pub(crate) fn results(&self) -> Vec<&Map<String, Value>> {
        let results = self.all("tool_result").into_iter();
        results
            .map(|event| event["tool_result"]["result"].as_object().unwrap())
            .collect()
    }
}

/// A body without anything in it.
pub(crate) fn nothing() -> Value {
    json!({})
}
