//! The body of a batch: let in when there is room, read in time, unpacked.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::platform::extract::discard;
use crate::platform::problem::Problem;
use crate::telemetry::error::Error;
use crate::telemetry::model::MAX_BODY_BYTES;
use crate::telemetry::service::Telemetry;
use crate::telemetry::unpack::Packing;

/// How long a body may take. Its room is somebody else's until then.
const READ_PATIENCE: Duration = Duration::from_secs(10);

/// A body as it came, and its room in memory.
pub struct Packed {
    bytes: Bytes,
    packing: Packing,
    _room: OwnedSemaphorePermit,
}

impl Packed {
    /// The body, unpacked.
    pub fn unpack(&self) -> Result<std::borrow::Cow<'_, [u8]>, Error> {
        self.packing.unpack(&self.bytes)
    }
}

impl<S> FromRequest<S> for Packed
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

async fn read(request: Request, telemetry: &Telemetry) -> Result<Packed, Error> {
    let headers = request.headers();
    if !is_json(headers) {
        return Err(Error::MediaType);
    }
    let packing = Packing::from_header(text(headers, &header::CONTENT_ENCODING))?;
    let length = text(headers, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    if length.is_some_and(|length: usize| length > MAX_BODY_BYTES) {
        return Err(Error::BodyTooLarge);
    }
    let room = match telemetry.room(length).await {
        Ok(room) => room,
        Err(error) => {
            discard(request.into_body()).await;
            return Err(error);
        }
    };
    let body = Limited::new(request.into_body(), MAX_BODY_BYTES);
    let bytes = match timeout(READ_PATIENCE, body.collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Error::BodyTooLarge),
        Ok(Err(_)) => return Err(Error::CutShort),
        Err(_) => return Err(Error::Slow),
    };
    Ok(Packed {
        bytes,
        packing,
        _room: room,
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    // What is no text is no known encoding either.
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// Whether the body is declared as JSON, or as what `sendBeacon` declares a text as; undeclared bodies
/// are tried.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(declared) = text(headers, &header::CONTENT_TYPE) else {
        return true;
    };
    let kind = declared.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    kind == "application/json"
        || kind == "text/plain"
        || (kind.starts_with("application/") && kind.ends_with("+json"))
}
