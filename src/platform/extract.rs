//! Json, Query and Path whose rejections are Problems.
//!
//! Unknown fields are ignored, because old clients send extras; known fields are strict about
//! their types. A body that is no JSON is a 400, one that is no object or has the wrong shape a 422
//! that names the field, one that is too large a 413, one that is not declared as JSON a 415.

#![expect(
    clippy::disallowed_types,
    reason = "this is where axum's extractors are wrapped"
)]

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use tokio::time::timeout;

use crate::platform::problem::Problem;

/// The longest explanation in characters: what a client sent wrongly may be repeated in it.
const MAX_DETAIL_CHARS: usize = 300;

/// A JSON body, in a request or an answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json<T>(pub T);

/// The parameters after `?` in the address.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<T>(pub T);

/// The parameters within the path of the address.
#[derive(Clone, Copy, Debug, Default)]
pub struct Path<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match <axum::Json<Object<T>> as FromRequest<S>>::from_request(request, state).await {
            Ok(axum::Json(Object(value))) => Ok(Self(value)),
            Err(rejection) => Err(json_problem(&rejection)),
        }
    }
}

/// A body that may be left out.
impl<T, S> OptionalFromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        if request.body().is_end_stream() {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state)
            .await
            .map(Some)
    }
}

/// A body that is a JSON object. Without this a list would be taken too, its items as the fields
/// in the order in which the program happens to declare them.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not as a map: asked for one, the parser repeats the text that it found instead.
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    /// A bare text may be the secret that belongs into a field, so it is not repeated.
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Err(E::invalid_type(Unexpected::Other("a text"), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // No text in the database has one, so nothing could be meant by it.
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(invalid("the query has a NUL character"));
        }
        axum::extract::Query::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection: QueryRejection| invalid(&rejection.body_text()))
    }
}

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|rejection: PathRejection| match rejection.status() {
                StatusCode::INTERNAL_SERVER_ERROR => Problem::internal(&rejection),
                _ => invalid(&rejection.body_text()),
            })
    }
}

/// The most that is read of a body only to be thrown away, in bytes, and how long that may take.
const DISCARDED_BYTES: usize = 1024 * 1024;
const DISCARD_PATIENCE: Duration = Duration::from_secs(10);

/// Reads a body and throws it away, within bounds. A connection that is closed while its client still
/// sends is reset, and the client may never see why it was refused.
pub async fn discard(body: Body) {
    let mut left = DISCARDED_BYTES;
    let reading = async {
        let mut chunks = body.into_data_stream();
        while let Some(Ok(chunk)) = chunks.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                return;
            }
        }
    };
    let _in_time = timeout(DISCARD_PATIENCE, reading).await;
}

/// The problem of a body that cannot be read.
pub(crate) fn json_problem(rejection: &JsonRejection) -> Problem {
    match rejection.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "send the body as JSON, with the header `Content-Type: application/json`",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload-too-large",
            "the body is larger than this route takes",
        ),
        StatusCode::UNPROCESSABLE_ENTITY => invalid(&rejection.body_text()),
        _ => Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid-request",
            shortened(&rejection.body_text()),
        ),
    }
}

/// A request that can be read and whose values are not what the route takes.
fn invalid(text: &str) -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "validation-error",
        shortened(text),
    )
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_DETAIL_CHARS) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}
