//! Reads the body of a batch within memory and time limits.

use std::time::Duration;

use axum::extract::{FromRef, FromRequest, Request};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::platform::body::BodyError;
use crate::platform::extract::{discard, is_json};
use crate::platform::problem::Problem;
use crate::telemetry::error::Error;
use crate::telemetry::model::MAX_BODY_BYTES;
use crate::telemetry::service::Telemetry;

/// Timeout of a body, at whatever pace. It holds its memory until then.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Memory reserved for a body of unknown size, compressed or chunked, and the step in which it grows.
const RESERVE_BYTES: usize = 64 * 1024;

/// A body, and its memory reservation.
pub struct BatchBody {
    /// Bytes of the body.
    pub bytes: Vec<u8>,
    memory: OwnedSemaphorePermit,
}

impl<S> FromRequest<S> for BatchBody
where
    Telemetry: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let telemetry = Telemetry::from_ref(state);
        let read = read(request, &telemetry).await;
        if let Err(error) = &read {
            telemetry.count_refused(error);
        }
        Ok(read?)
    }
}

async fn read(request: Request, telemetry: &Telemetry) -> Result<BatchBody, Error> {
    let headers = request.headers();
    if !is_accepted(headers) {
        return Err(Error::MediaType);
    }
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > MAX_BODY_BYTES) {
        return Err(Error::BodyTooLarge);
    }
    let memory = match telemetry
        .reserve_body(length.unwrap_or(RESERVE_BYTES))
        .await
    {
        Ok(memory) => memory,
        Err(error) => {
            discard(request.into_body()).await;
            return Err(error);
        }
    };
    let mut body = BatchBody {
        bytes: Vec::with_capacity(length.unwrap_or_default()),
        memory,
    };
    match timeout(READ_TIMEOUT, body.fill(request, telemetry)).await {
        Ok(filled) => filled.map(|()| body),
        Err(_) => Err(Error::Body(BodyError::Slow)),
    }
}

impl BatchBody {
    async fn fill(&mut self, request: Request, telemetry: &Telemetry) -> Result<(), Error> {
        let mut chunks = request.into_body().into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| BodyError::of(&error))?;
            if self.bytes.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(Error::BodyTooLarge);
            }
            self.bytes.extend_from_slice(&chunk);
            while self.bytes.len() > self.memory.num_permits() * 1024 {
                self.memory
                    .merge(telemetry.reserve_body(RESERVE_BYTES).await?);
            }
        }
        Ok(())
    }
}

/// True if the body is declared as JSON, as plain text, which `sendBeacon` sends, or not at all.
fn is_accepted(headers: &HeaderMap) -> bool {
    let Some(declared) = headers.get(header::CONTENT_TYPE) else {
        return true;
    };
    let kind = declared.as_bytes().split(|byte| *byte == b';').next();
    let kind = kind.unwrap_or_default().trim_ascii();
    is_json(kind) || kind.eq_ignore_ascii_case(b"text/plain")
}
