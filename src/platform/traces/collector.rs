//! The way to the collector: through the door for outbound HTTP, to that one address.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use url::Url;

use crate::platform::outbound::client::{Client, innermost};
use crate::platform::outbound::error::OutboundError;
use crate::platform::outbound::reach::Reach;

/// The longest that a connection to the collector may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The most of an answer that is read; a collector has little to say.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// A collector.
pub(super) struct Collector {
    client: Client,
    timeout: Duration,
}

impl Collector {
    /// The collector at this address, which a setting names, so that it may be in a private network.
    pub(super) fn new(endpoint: &Url, timeout: Duration) -> Result<Self, OutboundError> {
        let reach = Reach::default().and_named(endpoint);
        let client = Client::new(reach, CONNECT_TIMEOUT.min(timeout))?;
        Ok(Self { client, timeout })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string())?;
        let sending = self.client.request(parts.method, url)?;
        let sending = sending.headers(parts.headers).body(body);
        let mut answer = sending.send().await?;
        let mut response = Response::builder().status(answer.status());
        if let Some(wait) = answer.headers().get("retry-after") {
            response = response.header("retry-after", wait);
        }
        let mut read = Vec::new();
        while let Some(packet) = answer.chunk().await? {
            read.extend_from_slice(&packet);
            if read.len() > MAX_ANSWER_BYTES {
                read.clear();
                break;
            }
        }
        Ok(response.body(read.into())?)
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

impl HttpClient for Collector {
    // As a macro of the trait's authors would write it, for one function.
    fn send_bytes<'a, 'f>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        'a: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let answer = match tokio::time::timeout(self.timeout, self.send(request)).await {
                Ok(answer) => answer,
                Err(late) => Err(late.into()),
            };
            answer.inspect_err(|error| {
                tracing::debug!(
                    error = innermost(&**error),
                    "the collector cannot be reached"
                );
            })
        })
    }
}
