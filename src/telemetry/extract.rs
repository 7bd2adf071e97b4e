//! The body of a batch: let in when there is room, and read in time.

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

/// The longest time of a body, at whatever pace. Its room is not free until then.
const READ_PATIENCE: Duration = Duration::from_secs(10);
/// The room that a body takes whose size is not known, because it was packed or is sent in chunks; and
/// the steps in which it takes more.
const ROOM_BYTES: usize = 64 * 1024;

/// A body, and its room in memory.
pub struct BatchBody {
    /// The body.
    pub bytes: Vec<u8>,
    room: OwnedSemaphorePermit,
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
            telemetry.refused(error);
        }
        Ok(read?)
    }
}

async fn read(request: Request, telemetry: &Telemetry) -> Result<BatchBody, Error> {
    let headers = request.headers();
    if !is_taken(headers) {
        return Err(Error::MediaType);
    }
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > MAX_BODY_BYTES) {
        return Err(Error::BodyTooLarge);
    }
    let room = match telemetry.room(length.unwrap_or(ROOM_BYTES)).await {
        Ok(room) => room,
        Err(error) => {
            discard(request.into_body()).await;
            return Err(error);
        }
    };
    let mut body = BatchBody {
        bytes: Vec::with_capacity(length.unwrap_or_default()),
        room,
    };
    match timeout(READ_PATIENCE, body.fill(request, telemetry)).await {
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
            while self.bytes.len() > self.room.num_permits() * 1024 {
                self.room.merge(telemetry.room(ROOM_BYTES).await?);
            }
        }
        Ok(())
    }
}

/// Whether the body is declared as JSON, or as what `sendBeacon` declares a text as; undeclared bodies
/// are tried.
fn is_taken(headers: &HeaderMap) -> bool {
    let Some(declared) = headers.get(header::CONTENT_TYPE) else {
        return true;
    };
    let kind = declared.as_bytes().split(|byte| *byte == b';').next();
    let kind = kind.unwrap_or_default().trim_ascii();
    is_json(kind) || kind.eq_ignore_ascii_case(b"text/plain")
}
