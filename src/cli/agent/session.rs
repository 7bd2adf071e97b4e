//! A server as the commands talk to it: over HTTP, like any other client.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::cli::agent::frames::Frames;
use crate::cli::failure::Failure;
use crate::llm::effort::{Effort, Verbosity};
use crate::platform::ids::{ConversationId, RunId};
use crate::platform::outbound::client::{CONNECT_TIMEOUT, Client, Method, innermost};
use crate::platform::outbound::reach::Reach;
use crate::platform::secret::{ExposeSecret, SecretString};

/// The most of an error's body that is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// A server and the token to talk to it.
pub struct Session {
    client: Client,
    base: Url,
    token: SecretString,
}

/// A task as a command gives it.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The task.
    pub message: String,
    /// The folder to work in, absolute.
    pub workspace: String,
    /// The conversation that it belongs to.
    pub conversation: ConversationId,
    /// The model, when not the default.
    pub model: Option<String>,
    /// True if the project's checks run.
    pub verify: bool,
    /// The most rounds.
    pub max_iterations: Option<u32>,
    /// The amount of reasoning, when not the default.
    pub effort: Option<Effort>,
    /// The length of the answers, when not the default.
    pub verbosity: Option<Verbosity>,
}

impl Errand {
    fn body(&self) -> Value {
        json!({
            "message": self.message,
            "workspace_path": self.workspace,
            "conversation_id": self.conversation,
            "model": self.model,
            "run_verification": self.verify,
            "max_iterations": self.max_iterations,
            "reasoning_effort": self.effort,
            "verbosity": self.verbosity,
        })
    }
}

impl Session {
    /// A session with the server at `base`.
    pub fn new(base: &Url, token: SecretString) -> Result<Self, Failure> {
        let reach = Reach::loopback().and_named(base);
        let client = Client::new(reach, CONNECT_TIMEOUT)?;
        let base = base.clone();
        Ok(Self {
            client,
            base,
            token,
        })
    }

    /// The server's address, as people write it.
    pub fn server(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Begins a run and answers with its frames.
    pub async fn begin(&self, errand: &Errand) -> Result<Frames, Failure> {
        let body = errand.body();
        let response = self.send(Method::POST, "api/navi/chat/autonomous", Some(&body));
        self.frames(response.await?)
    }

    /// Begins a job, which needs no one to follow it, and answers with its frames.
    pub async fn begin_job(&self, errand: &Errand) -> Result<Frames, Failure> {
        let body = errand.body();
        let response = self.send(Method::POST, "api/jobs", Some(&body)).await?;
        let answer = self.read(response).await?;
        let id = answer["job"]["job_id"].as_str().unwrap_or_default();
        let path = format!("api/jobs/{id}/events");
        let events = self.send(Method::GET, &path, None).await?;
        self.frames(events)
    }

    /// The frames of a run from after an event on.
    pub async fn events(&self, id: RunId, after: i64) -> Result<Frames, Failure> {
        let path = format!("api/jobs/{id}/events?after_sequence={after}");
        let response = self.send(Method::GET, &path, None).await?;
        self.frames(response)
    }

    fn frames(&self, response: reqwest::Response) -> Result<Frames, Failure> {
        let kind = response.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(self.stranger(response.status().as_u16()));
        }
        Ok(Frames::new(self.server(), response))
    }

    /// One run, as jobs are shown.
    pub async fn job(&self, id: RunId) -> Result<Value, Failure> {
        match self.get(&format!("api/jobs/{id}")).await {
            Ok(mut answer) => Ok(answer["job"].take()),
            Err(Failure::Answered { status: 404, .. }) => Err(Failure::NoRun(id.to_string())),
            Err(failure) => Err(failure),
        }
    }

    /// A page of the runs, newest first, from a cursor on.
    pub async fn runs(&self, limit: u32, cursor: Option<&str>) -> Result<Value, Failure> {
        let mut path = format!("api/jobs?limit={limit}");
        if let Some(cursor) = cursor {
            path.push_str("&cursor=");
            path.extend(byte_serialize(cursor.as_bytes()));
        }
        self.get(&path).await
    }

    /// The registry of models, with what a request gets that names this one.
    pub async fn models(&self, name: &str) -> Result<Value, Failure> {
        let name: String = byte_serialize(name.as_bytes()).collect();
        self.get(&format!("api/models?name={name}")).await
    }

    /// Asks for a NAVI server at an address, without a token.
    pub async fn look(base: &Url) -> Result<(), Failure> {
        let nobody = Self::new(base, SecretString::from(String::new()))?;
        match nobody.get("health/live").await {
            // A proxy may close it; what matters is who answers.
            Ok(_) | Err(Failure::TokenRefused { .. } | Failure::Answered { .. }) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Ends a run. That it is over already is as good.
    pub async fn cancel(&self, id: RunId) -> Result<(), Failure> {
        self.tell(&format!("api/jobs/{id}/cancel"), &json!({}))
            .await
    }

    /// Lets a run go on that waits for it. That it goes on already, or waits for an answer, is as good.
    pub async fn resume(&self, id: RunId) -> Result<(), Failure> {
        self.tell(&format!("api/jobs/{id}/resume"), &json!({}))
            .await
    }

    /// Sends an answer. That it comes too late is told by the run itself.
    pub async fn tell(&self, path: &str, body: &Value) -> Result<(), Failure> {
        match self.send(Method::POST, path, Some(body)).await {
            Err(Failure::Answered {
                status: 404 | 409, ..
            })
            | Ok(_) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// The answer of a route.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        let response = self.send(Method::GET, path, None).await?;
        self.read(response).await
    }

    async fn read(&self, response: reqwest::Response) -> Result<Value, Failure> {
        let status = response.status().as_u16();
        let body = response
            .bytes()
            .await
            .map_err(|error| self.unreached(&error))?;
        serde_json::from_slice(&body).map_err(|_| self.stranger(status))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<reqwest::Response, Failure> {
        let url = self
            .base
            .join(path)
            .map_err(|error| Failure::Usage(format!("`{path}` is no address: {error}")))?;
        let mut request = self
            .client
            .request(method, url)?
            .bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await;
        let response = response.map_err(|error| self.unreached(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let body = response.bytes().await.unwrap_or_default();
        let body = &body[..body.len().min(MAX_ERROR_BYTES)];
        let problem: Value = serde_json::from_slice(body).unwrap_or_default();
        match problem["detail"].as_str() {
            Some(detail) => Err(self.refused(status, detail)),
            None => Err(self.stranger(status)),
        }
    }

    /// An answer that no NAVI gives.
    fn stranger(&self, status: u16) -> Failure {
        Failure::NotNavi {
            server: self.server().to_owned(),
            status,
        }
    }

    fn refused(&self, status: u16, detail: &str) -> Failure {
        let detail = detail.to_owned();
        if status == 401 {
            let server = self.server().to_owned();
            return Failure::TokenRefused { server, detail };
        }
        Failure::Answered { status, detail }
    }

    fn unreached(&self, error: &reqwest::Error) -> Failure {
        let server = self.server().to_owned();
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(one) = cause {
            let found = one.downcast_ref::<std::io::Error>();
            if found.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
                return Failure::NothingListens(server);
            }
            cause = one.source();
        }
        let reason = if error.is_timeout() {
            "it did not answer in time".to_owned()
        } else {
            innermost(error)
        };
        Failure::Unreached { server, reason }
    }
}
