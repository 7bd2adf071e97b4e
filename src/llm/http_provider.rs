//! A codec, a key and a connection: a provider that is reached over HTTP.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use reqwest::Response;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use url::Url;

use crate::llm::answer;
use crate::llm::answer::hide_key;
use crate::llm::error::LlmError;
use crate::llm::failure::broken::Broken;
use crate::llm::failure::classify::{Failure, classify};
use crate::llm::failure::learned::Lessons;
use crate::llm::failure::refused_replays::RefusedReplays;
use crate::llm::failure::unreached::{Address, unreached};
use crate::llm::failure::waiting::retry_after;
use crate::llm::model::ChatRequest;
use crate::llm::provider::{EventStream, Provider};
use crate::llm::wire::codec::Codec;
use crate::llm::wire::packing::{Packing, unpacked};
use crate::platform::clock::Clock;
use crate::platform::outbound::client::Client;
use crate::platform::secret::{ExposeSecret, SecretString};
use crate::platform::traces::context::TraceContext;
use crate::platform::traces::parent::TRACEPARENT;

/// The most of a refusal that is read, in bytes, and the time limit for reading it.
const MAX_ERROR_BYTES: usize = 64 * 1024;
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The most times that a request is changed to what its server takes before it is given up.
const MAX_CHANGES: usize = 8;

/// The longest silences of a provider. There is no limit on the whole answer.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until the answer begins.
    pub response: Duration,
    /// Between two packets of the answer.
    pub idle: Duration,
}

/// A provider over HTTP.
#[derive(Debug)]
pub struct HttpProvider {
    codec: Box<dyn Codec>,
    client: Client,
    url: Url,
    at: Address,
    key: Option<SecretString>,
    patience: Patience,
    clock: Clock,
    lessons: Lessons,
    refused: RefusedReplays,
}

impl HttpProvider {
    /// A provider whose endpoint is `base` with the codec's path behind it. Without a key no
    /// authorization is sent, as servers on one's own network want it.
    pub fn new(
        codec: Box<dyn Codec>,
        client: Client,
        base: &Url,
        key: Option<SecretString>,
        patience: Patience,
        clock: Clock,
    ) -> Self {
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(codec.path().split('/'));
        }
        Self {
            codec,
            client,
            url,
            at: Address::new(base, None),
            key,
            patience,
            clock,
            lessons: Lessons::default(),
            refused: RefusedReplays::default(),
        }
    }

    /// The same, whose errors say which setting names its base URL.
    #[must_use]
    pub fn at(mut self, at: Address) -> Self {
        self.at = at;
        self
    }

    /// Asks, and asks again without the recorded reasoning that the provider does not accept any more:
    /// it is bound to the conversation it came from, and to keys that change.
    async fn ask(&self, request: &ChatRequest) -> Result<EventStream, LlmError> {
        let mut changes = 0;
        loop {
            let request = self.refused.without(request);
            let error = match self.adapt(&request).await {
                Ok(events) => return Ok(events),
                Err(error) => error,
            };
            let dropped = self.refused.learn(&request, &error);
            if dropped == 0 || changes == MAX_CHANGES {
                return Err(error);
            }
            changes += 1;
            tracing::warn!(
                provider = self.name(),
                dropped,
                %error,
                "asking again without the recorded reasoning"
            );
        }
    }

    /// Asks, and asks again at once where a refusal says what the server would take instead.
    async fn adapt(&self, request: &ChatRequest) -> Result<EventStream, LlmError> {
        let mut changes = 0;
        loop {
            let mut body = self.codec.body(request);
            for field in self.lessons.put_back(&request.model) {
                self.codec.put_back(field, request, &mut body);
            }
            self.lessons.apply(&request.model, &mut body);
            let error = match self.send(request, &body).await {
                Ok(events) => return Ok(events),
                Err(error) => error,
            };
            let is_other = self.lessons.learn(&request.model, &body, &error);
            if !is_other || changes == MAX_CHANGES {
                return Err(error);
            }
            changes += 1;
            tracing::warn!(provider = self.name(), %error, "the request is changed and sent again");
        }
    }

    /// Sends a request and waits for the first event of its answer.
    async fn send(&self, request: &ChatRequest, body: &Value) -> Result<EventStream, LlmError> {
        let mut events = self.open(request, body).await?;
        match events.next().await {
            Some(Ok(first)) => Ok(stream::iter([Ok(first)]).chain(events).boxed()),
            Some(Err(error)) => Err(error),
            None => Err(LlmError::Truncated {
                provider: self.name(),
            }),
        }
    }

    async fn open(&self, request: &ChatRequest, body: &Value) -> Result<EventStream, LlmError> {
        let provider = self.name();
        let sending = self
            .client
            .request(reqwest::Method::POST, self.url.clone())
            .map_err(|error| LlmError::Network {
                provider,
                reason: format!("{} may not be reached: {error}", self.at),
            })?
            .headers(headers(self.codec.as_ref(), self.key.as_ref())?)
            .headers(trace_headers())
            .header("accept", "text/event-stream")
            // A compressed answer comes later than a plain one. A server that compresses anyway is read.
            .header("accept-encoding", "identity")
            .json(body);
        let response = tokio::time::timeout(self.patience.response, sending.send())
            .await
            .map_err(|_| LlmError::TimedOut {
                provider,
                waited: self.patience.response,
            })?
            .map_err(|error| unreached(provider, &self.at, error))?;
        if !response.status().is_success() {
            return Err(self.failure(request, response).await);
        }
        if header(response.headers(), "content-type").is_some_and(|kind| kind.contains("html")) {
            return Err(LlmError::Protocol {
                provider,
                reason: "a web page came back; check the provider's base URL".to_owned(),
            });
        }
        let packing = packing(response.headers()).map_err(|broken| broken.by(provider))?;
        let decoder = self.codec.decoder(request);
        let key = self.key.clone();
        Ok(answer::events(
            response,
            packing,
            decoder,
            provider,
            self.patience.idle,
            key,
            self.at.clone(),
        ))
    }

    async fn failure(&self, request: &ChatRequest, mut response: Response) -> LlmError {
        let status = response.status().as_u16();
        let wait = retry_after(
            header(response.headers(), "retry-after-ms"),
            header(response.headers(), "retry-after"),
            self.clock.now(),
        );
        let packing = packing(response.headers()).unwrap_or_default();
        let mut body = Vec::new();
        let read = async {
            while let Ok(Some(packet)) = response.chunk().await {
                body.extend_from_slice(&packet);
                if body.len() >= MAX_ERROR_BYTES {
                    break;
                }
            }
        };
        // The status says enough when the explanation does not arrive.
        let _ = tokio::time::timeout(ERROR_BODY_TIMEOUT, read).await;
        body.truncate(MAX_ERROR_BYTES);
        let body = unpacked(packing, &body, MAX_ERROR_BYTES);
        let error = classify(Failure {
            provider: self.name(),
            model: &request.model,
            status,
            retry_after: wait,
            body: &String::from_utf8_lossy(&body),
        });
        hide_key(error, self.key.as_ref())
    }
}

impl Provider for HttpProvider {
    fn name(&self) -> &'static str {
        self.codec.provider()
    }

    fn takes_temperature(&self, model: &str) -> bool {
        let request = ChatRequest {
            model: model.to_owned(),
            temperature: Some(0.0),
            ..ChatRequest::default()
        };
        let mut body = self.codec.body(&request);
        self.lessons.apply(model, &mut body);
        body.get("temperature").is_some()
    }

    fn window(&self, model: &str) -> Option<u32> {
        self.lessons.window(model)
    }

    fn stream<'a>(
        &'a self,
        request: &'a ChatRequest,
    ) -> BoxFuture<'a, Result<EventStream, LlmError>> {
        self.ask(request).boxed()
    }
}

/// The headers of every request of a wire format, the key among them.
pub(in crate::llm) fn headers(
    codec: &dyn Codec,
    key: Option<&SecretString>,
) -> Result<HeaderMap, LlmError> {
    let mut headers = HeaderMap::new();
    for (name, value) in codec.headers() {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    if let Some(key) = key {
        let (name, scheme) = codec.key_header();
        let mut value = HeaderValue::from_str(&format!("{scheme}{}", key.expose_secret()))
            .map_err(|_| LlmError::Unauthorized {
                provider: codec.provider(),
                status: 401,
            })?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

/// The position in the trace, where providers are told.
fn trace_headers() -> HeaderMap {
    let parent = TraceContext::current().parent_for_providers();
    let value = parent.and_then(|parent| HeaderValue::from_str(&parent.to_string()).ok());
    value
        .map(|value| (HeaderName::from_static(TRACEPARENT), value))
        .into_iter()
        .collect()
}

fn packing(headers: &HeaderMap) -> Result<Packing, Broken> {
    Packing::named(header(headers, "content-encoding").unwrap_or_default())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
