//! A run followed over HTTP, as any client would: the request, the frames, the answers to
//! questions.

use std::io::{BufRead, IsTerminal};

use futures_util::StreamExt;
use serde_json::{Value, json};
use url::Url;

use crate::cli::failure::Failure;
use crate::llm::effort::{Effort, Verbosity};
use crate::llm::wire::sse::FrameReader;
use crate::platform::outbound::client::{CONNECT_TIMEOUT, Client};
use crate::platform::outbound::reach::Reach;
use crate::platform::secret::{ExposeSecret, SecretString};

/// The frame that ends every stream.
const DONE: &str = "[DONE]";
/// The most of an error's body that is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// The one who is asked while a run is under way.
pub trait Attendant: Send {
    /// The answer to a question, as the server takes it.
    fn answer(&mut self, question: &Value) -> impl Future<Output = Value> + Send;

    /// The decision about something that needs consent, as the server takes it.
    fn decide(&mut self, consent: &Value) -> impl Future<Output = Value> + Send;
}

/// The person at the terminal. Without a terminal questions are declined, and nothing is allowed.
#[derive(Clone, Copy, Debug)]
pub struct AtTerminal;

impl Attendant for AtTerminal {
    async fn answer(&mut self, _question: &Value) -> Value {
        match read_line_aside().await {
            Some(line) => json!({ "response": line }),
            None => json!({ "cancelled": true }),
        }
    }

    async fn decide(&mut self, _consent: &Value) -> Value {
        decision(read_line_aside().await.as_deref())
    }
}

/// A server and the token to talk to it.
pub struct Session {
    client: Client,
    base: Url,
    token: SecretString,
}

/// What a command wants done.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The task.
    pub message: String,
    /// The folder to work in, absolute.
    pub workspace: String,
    /// The model, when not the default.
    pub model: Option<String>,
    /// Whether the project's checks run.
    pub verify: bool,
    /// The most rounds.
    pub max_iterations: Option<u32>,
    /// The amount of reasoning, when not the default.
    pub effort: Option<Effort>,
    /// The length of the answers, when not the default.
    pub verbosity: Option<Verbosity>,
}

impl Session {
    /// A session with the server at `base`.
    pub fn new(base: &str, token: SecretString) -> Result<Self, Failure> {
        let base = Url::parse(base).map_err(|error| Failure::Connection(error.to_string()))?;
        let reach = Reach::loopback().and_named(&base);
        let client = Client::new(reach, CONNECT_TIMEOUT)?;
        Ok(Self {
            client,
            base,
            token,
        })
    }

    /// Runs an errand and hands over its frames as they arrive. Returns the summary of its last.
    pub async fn run(
        &self,
        errand: &Errand,
        person: &mut impl Attendant,
        on_frame: impl FnMut(&Value) -> std::io::Result<()>,
    ) -> Result<Value, Failure> {
        let response = self
            .post("api/navi/chat/autonomous", &errand.body())
            .await?;
        self.follow(response, person, on_frame).await
    }

    /// The same as a job, which needs no one to follow it.
    pub async fn run_job(
        &self,
        errand: &Errand,
        person: &mut impl Attendant,
        on_frame: impl FnMut(&Value) -> std::io::Result<()>,
    ) -> Result<Value, Failure> {
        let response = self.post("api/jobs", &errand.body()).await?;
        let answer = response.bytes().await;
        let answer = answer.map_err(|error| Failure::Connection(error.to_string()))?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let id = answer["job"]["job_id"].as_str().unwrap_or_default();
        let response = self.get(&format!("api/jobs/{id}/events")).await?;
        self.follow(response, person, on_frame).await
    }

    /// A job, or any run, as the server describes it.
    pub async fn job(&self, id: &str) -> Result<Value, Failure> {
        let response = self.get(&format!("api/jobs/{id}")).await?;
        let answer = response.bytes().await;
        let answer = answer.map_err(|error| Failure::Connection(error.to_string()))?;
        Ok(serde_json::from_slice(&answer).unwrap_or_default())
    }

    /// Ends a job, or any run.
    pub async fn cancel(&self, id: &str) -> Result<(), Failure> {
        self.post(&format!("api/jobs/{id}/cancel"), &json!({}))
            .await?;
        Ok(())
    }

    async fn follow(
        &self,
        response: reqwest::Response,
        person: &mut impl Attendant,
        mut on_frame: impl FnMut(&Value) -> std::io::Result<()>,
    ) -> Result<Value, Failure> {
        let mut bytes = response.bytes_stream();
        let mut reader = FrameReader::default();
        let mut summary = None;
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk.map_err(|error| Failure::Connection(error.to_string()))?;
            let mut input = &chunk[..];
            let broken = |_| Failure::Connection("a frame is too large".to_owned());
            while let Some(frame) = reader.next_frame(&mut input).map_err(broken)? {
                if frame.data == DONE {
                    return summary.ok_or(Failure::Unfinished);
                }
                let Ok(frame) = serde_json::from_str::<Value>(&frame.data) else {
                    continue;
                };
                on_frame(&frame)?;
                match frame["type"].as_str() {
                    Some("complete") => summary = Some(frame["summary"].clone()),
                    Some("prompt_request") => self.answer(&frame["data"], person).await?,
                    Some("command.consent_required") => {
                        self.decide(&frame["data"], person).await?;
                    }
                    _ => {}
                }
            }
        }
        Err(Failure::Connection(
            "the stream ended before the run did".to_owned(),
        ))
    }

    async fn answer(&self, question: &Value, person: &mut impl Attendant) -> Result<(), Failure> {
        let id = question["prompt_id"].as_str().unwrap_or_default();
        let body = person.answer(question).await;
        self.reply(&format!("api/navi/prompt/{id}"), &body).await
    }

    async fn decide(&self, consent: &Value, person: &mut impl Attendant) -> Result<(), Failure> {
        let id = consent["consent_id"].as_str().unwrap_or_default();
        let body = person.decide(consent).await;
        self.reply(&format!("api/navi/consent/{id}"), &body).await
    }

    /// Sends an answer. That it comes too late is told by the run itself.
    async fn reply(&self, path: &str, body: &Value) -> Result<(), Failure> {
        match self.post(path, body).await {
            Err(Failure::Answered {
                status: 404 | 409, ..
            })
            | Ok(_) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Result<reqwest::Response, Failure> {
        self.send(reqwest::Method::POST, path, Some(body)).await
    }

    async fn get(&self, path: &str) -> Result<reqwest::Response, Failure> {
        self.send(reqwest::Method::GET, path, None).await
    }

    async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<reqwest::Response, Failure> {
        let url = self
            .base
            .join(path)
            .map_err(|error| Failure::Connection(error.to_string()))?;
        let mut request = self
            .client
            .request(method, url)?
            .bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request
            .send()
            .await
            .map_err(|error| Failure::Connection(error.to_string()))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let body = response.bytes().await.unwrap_or_default();
        let body = &body[..body.len().min(MAX_ERROR_BYTES)];
        let problem: Value = serde_json::from_slice(body).unwrap_or_default();
        let detail = problem["detail"]
            .as_str()
            .unwrap_or("no explanation")
            .to_owned();
        Err(Failure::Answered { status, detail })
    }
}

impl Errand {
    fn body(&self) -> Value {
        json!({
            "message": self.message,
            "workspace_path": self.workspace,
            "model": self.model,
            "run_verification": self.verify,
            "max_iterations": self.max_iterations,
            "reasoning_effort": self.effort,
            "verbosity": self.verbosity,
        })
    }
}

/// What a line at the terminal says about a consent. Nothing is a no, and what is none of the letters
/// is a command to run instead.
fn decision(line: Option<&str>) -> Value {
    match line {
        None | Some("n" | "no") => json!({ "choice": "deny" }),
        Some("y" | "yes") => json!({ "choice": "allow_once" }),
        Some("a") => json!({ "choice": "allow_always_exact" }),
        Some("t") => json!({ "choice": "allow_always_type" }),
        Some(command) => json!({ "choice": "alternative", "alternative_command": command }),
    }
}

async fn read_line_aside() -> Option<String> {
    tokio::task::spawn_blocking(read_line)
        .await
        .unwrap_or_default()
}

fn read_line() -> Option<String> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return None;
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line).ok()?;
    let line = line.trim_end().to_owned();
    (!line.is_empty()).then_some(line)
}
