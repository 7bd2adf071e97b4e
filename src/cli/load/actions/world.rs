//! The world that all users of a load share: the servers, their names, and the acknowledged things.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use url::Url;

use crate::cli::load::actions::error::ActionError;
use crate::cli::load::measure::acknowledged::{Acknowledged, KeptThing};
use crate::platform::outbound::client::Client;
use crate::platform::secret::{ExposeSecret, SecretString};
use crate::platform::sync::lock;

/// The pause before a request is sent again to a server that was gone.
const PAUSE: Duration = Duration::from_millis(50);

/// The answer of users to a server that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// A request is sent once.
    Once,
    /// A request that may be sent twice is sent until it is answered.
    UntilAnswered,
}

/// The shape of requests for the model.
#[derive(Clone, Debug, Default)]
pub struct TaskShape {
    /// The model, when not the default.
    pub model: Option<String>,
    /// The folders to work in, on the server's machine, one after the other for each organisation; none if
    /// runs have no tools.
    pub workspaces: Vec<String>,
    /// The people of an organisation.
    pub in_organisation: usize,
}

/// The parts that a world is made of.
#[derive(Debug)]
pub struct WorldParts {
    /// The client.
    pub client: Client,
    /// The servers, which are asked in turn.
    pub servers: Vec<Url>,
    /// The tokens of the users.
    pub people: Vec<SecretString>,
    /// The shape of requests for the model.
    pub task: TaskShape,
    /// The answer of users to a server that is gone.
    pub persistence: Persistence,
    /// The beginning of all names of this load.
    pub name: String,
}

/// The world that all users of a load share.
#[derive(Debug)]
pub struct LoadWorld {
    parts: WorldParts,
    numbers: AtomicU64,
    turn: AtomicUsize,
    acknowledged: Mutex<Acknowledged>,
    rateable: Mutex<Vec<(usize, i64)>>,
    models: Mutex<BTreeSet<String>>,
}

/// One request.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The method.
    pub method: Method,
    /// The path below the server's address.
    pub path: &'a str,
    /// The number of the person who asks.
    pub person: usize,
    /// The JSON body.
    pub body: Option<String>,
    /// A header beside the usual ones.
    pub header: Option<(&'static str, String)>,
    /// True if sending it twice does no more than sending it once.
    pub repeatable: bool,
    /// The things that it leaves behind.
    pub leaves: &'a [(KeptThing, u64)],
}

impl LoadWorld {
    /// A world in which nothing has happened.
    pub fn new(parts: WorldParts) -> Self {
        Self {
            parts,
            numbers: AtomicU64::new(1),
            turn: AtomicUsize::new(0),
            acknowledged: Mutex::default(),
            rateable: Mutex::default(),
            models: Mutex::default(),
        }
    }

    /// A name that nothing else has.
    pub fn fresh_name(&self) -> String {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.parts.name)
    }

    /// The number of people.
    pub fn people(&self) -> usize {
        self.parts.people.len()
    }

    /// The body of a question to the model.
    pub fn question(&self, message: &str) -> Value {
        json!({"message": message, "model": self.parts.task.model})
    }

    /// The body of a request for work, in the folder of the person's organisation.
    pub fn task(&self, message: &str, person: usize) -> Value {
        let TaskShape {
            model,
            workspaces,
            in_organisation,
        } = &self.parts.task;
        let organisation = person / in_organisation.max(&1);
        json!({
            "message": message,
            "model": model,
            "workspace_path": workspaces.get(organisation),
            "run_verification": false,
        })
    }

    /// Notes something that was acknowledged.
    pub fn note(&self, change: impl FnOnce(&mut Acknowledged)) {
        change(&mut lock(&self.acknowledged));
    }

    /// The things that were acknowledged so far.
    pub fn acknowledged(&self) -> Acknowledged {
        lock(&self.acknowledged).clone()
    }

    /// Notes an answer that its person may rate.
    pub fn offer_to_rate(&self, person: usize, answer: i64) {
        lock(&self.rateable).push((person, answer));
    }

    /// An answer that was not rated yet, and its person.
    pub fn take_rateable(&self) -> Option<(usize, i64)> {
        lock(&self.rateable).pop()
    }

    /// The number of answers that were not rated yet.
    pub fn rateable(&self) -> usize {
        lock(&self.rateable).len()
    }

    /// Notes the model that answered.
    pub fn met_model(&self, frame: &Value) {
        if let Some(model) = frame["router_info"]["effectiveModelId"].as_str() {
            lock(&self.models).insert(model.to_owned());
        }
    }

    /// The models that answered.
    pub fn models(&self) -> BTreeSet<String> {
        lock(&self.models).clone()
    }

    /// Sends a request. Everything but success is an error.
    pub async fn send(&self, ask: &Ask<'_>) -> Result<Response, ActionError> {
        let again = ask.repeatable && self.parts.persistence == Persistence::UntilAnswered;
        loop {
            let outcome = self.send_once(ask).await;
            let gone = match &outcome {
                Err(ActionError::Refused { status, .. }) => matches!(status, 502..=504),
                Err(ActionError::Connection) => true,
                Ok(_) | Err(_) => false,
            };
            if !(gone && again) {
                return outcome;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The same, and reads the answer, which must be JSON.
    pub async fn send_and_read(&self, ask: &Ask<'_>) -> Result<Value, ActionError> {
        let again = ask.repeatable && self.parts.persistence == Persistence::UntilAnswered;
        loop {
            let response = self.send(ask).await?;
            match response.bytes().await {
                Ok(body) => {
                    let value = serde_json::from_slice(&body).map_err(|_| ActionError::Garbled)?;
                    return Ok(value);
                }
                Err(_) if again => tokio::time::sleep(PAUSE).await,
                Err(_) => return Err(ActionError::Connection),
            }
        }
    }

    async fn send_once(&self, ask: &Ask<'_>) -> Result<Response, ActionError> {
        let request = self.request(ask)?;
        self.note(|all| {
            for (thing, count) in ask.leaves {
                all.asked(*thing, *count);
            }
        });
        let response = request.send().await.map_err(|_| ActionError::Connection)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.headers().get("x-error-code");
        let code = code.and_then(|code| code.to_str().ok()).unwrap_or_default();
        Err(ActionError::Refused {
            status: response.status().as_u16(),
            code: code.to_owned(),
        })
    }

    fn request(&self, ask: &Ask<'_>) -> Result<RequestBuilder, ActionError> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let server = &self.parts.servers[turn % self.parts.servers.len()];
        let url = server.join(ask.path).map_err(|_| ActionError::Garbled)?;
        let request = self.parts.client.request(ask.method.clone(), url);
        let token = &self.parts.people[ask.person % self.parts.people.len()];
        let mut request = request
            .map_err(|_| ActionError::Connection)?
            .bearer_auth(token.expose_secret());
        if let Some((name, value)) = &ask.header {
            request = request.header(*name, value);
        }
        if let Some(body) = &ask.body {
            request = request
                .header("content-type", "application/json")
                .body(body.clone());
        }
        Ok(request)
    }
}
