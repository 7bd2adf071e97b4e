//! Requests that create something, and their answers.

use axum::extract::{FromRequest, OriginalUri, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::platform::extract::{FromJson, Json, json_bytes};
use crate::platform::idempotency::error::Error;
use crate::platform::idempotency::model::{Created, IdempotencyKey};
use crate::platform::problem::Problem;

/// The header by which a client names its request.
const KEY: &str = "idempotency-key";
/// The header that marks an answer which was given before.
const REPLAYED: &str = "idempotent-replayed";

/// The JSON body of a request that creates something, and what the client calls the request. The
/// body is read as [`Json`] reads it.
#[derive(Clone, Debug)]
pub struct Creation<T> {
    /// The body.
    pub body: T,
    /// The key, if the client sent one.
    pub key: Option<IdempotencyKey>,
}

impl<T, S> FromRequest<S> for Creation<T>
where
    T: FromJson,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let name = name(request.headers())?;
        let method = request.method().clone();
        // A router that nests another takes its prefix off the address.
        let original = request.extensions().get::<OriginalUri>();
        let uri = original.map_or(request.uri(), |OriginalUri(uri)| uri);
        let path = uri.path().to_owned();
        let json = json_bytes(request, state).await?;
        let key = match name {
            None => None,
            Some(name) => {
                let key = IdempotencyKey::new(name.as_bytes(), method.as_str(), &path, &json);
                Some(key.ok_or(Error::Invalid)?)
            }
        };
        let body = T::from_json(&json)?;
        Ok(Self { body, key })
    }
}

/// The one value of the header. Two are refused: it is not known which of them was meant.
fn name(headers: &HeaderMap) -> Result<Option<HeaderValue>, Error> {
    let mut values = headers.get_all(KEY).iter();
    match (values.next(), values.next()) {
        (name, None) => Ok(name.cloned()),
        (_, Some(_)) => Err(Error::Invalid),
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Now(thing) => Json(thing).into_response(),
            Self::Before(stored) => {
                let status = StatusCode::from_u16(stored.status).unwrap_or_default();
                (status, [(REPLAYED, "true")], Json(stored.answer)).into_response()
            }
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Invalid => Self::new(StatusCode::BAD_REQUEST, "idempotency-key-invalid", detail),
            Error::Reused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                detail,
            ),
            Error::InFlight => {
                Self::new(StatusCode::CONFLICT, "idempotency-key-in-flight", detail).retry_after(1)
            }
            Error::Database(error) => Self::internal(&error),
        }
    }
}
