//! Json, Query, Path and Id whose rejections are Problems.
//!
//! Unknown fields are ignored, because old clients send extras; known fields are strict about
//! their types. A body that is no JSON is a 400, one that is no object or has the wrong shape a 422
//! that names the field, one that is too large a 413, one that is not declared as JSON a 415, one that
//! does not come in time a 408.

#![expect(
    clippy::disallowed_types,
    reason = "this is where axum's extractors are wrapped"
)]

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::path::ErrorKind;
use axum::extract::rejection::{
    BytesRejection, PathRejection, QueryRejection, RawPathParamsRejection,
};
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use tokio::time::timeout;

use crate::platform::body::BodyError;
use crate::platform::json::mended;
use crate::platform::problem::Problem;
use crate::platform::reading::misfit::{broken_json, expected, misfit, misfit_query};
use crate::platform::text::{cut_chars, first_chars, marked, visible};

/// The longest explanation in characters: what a client sent wrongly may be repeated in it.
const MAX_DETAIL_CHARS: usize = 300;
/// The most that is repeated of a text in the place of an id, in characters.
const MAX_NAME_CHARS: usize = 64;

/// A JSON body, in a request or an answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json<T>(pub T);

/// The parameters after `?` in the address.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<T>(pub T);

/// The parameters within the path of the address.
#[derive(Clone, Copy, Debug, Default)]
pub struct Path<T>(pub T);

/// An id within the path of the address: the first, unless `AT` counts further from 0. A text that is no
/// id names nothing, so it is answered as an id that nothing has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Id<T, const AT: usize = 0>(pub T);

/// The id of something that paths name.
pub trait Addressed: FromStr {
    /// The problem that nothing has this name, in the words of the resource.
    fn missing(name: String) -> Problem;
}

/// A type that the JSON of a body can be read as.
pub trait FromJson: Sized {
    /// Reads it.
    #[expect(
        clippy::result_large_err,
        reason = "a request has one problem at most, which goes straight into the answer"
    )]
    fn from_json(json: &[u8]) -> Result<Self, Problem>;
}

impl<T: DeserializeOwned> FromJson for T {
    fn from_json(json: &[u8]) -> Result<Self, Problem> {
        let json = &*mended(json);
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let read = serde_path_to_error::deserialize(&mut deserializer);
        let Object(value) = read.map_err(|error| json_problem(&error, json))?;
        let rest = deserializer.end();
        rest.map_err(|error| syntax(&error))?;
        Ok(value)
    }
}

impl<T, S> FromRequest<S> for Json<T>
where
    T: FromJson,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = json_bytes(request, state).await?;
        T::from_json(&json).map(Self)
    }
}

/// The bytes of a body that is declared as JSON.
pub(crate) async fn json_bytes<S>(request: Request, state: &S) -> Result<Bytes, Problem>
where
    S: Send + Sync,
{
    let declared = request.headers().get(header::CONTENT_TYPE);
    if !declared.is_some_and(|kind| is_json(kind.as_bytes())) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "send the body as JSON, with the header `Content-Type: application/json`",
        ));
    }
    let read = Bytes::from_request(request, state).await;
    read.map_err(|rejection: BytesRejection| unread(&rejection).into())
}

/// The reason why a body cannot be read. The rejection of one that is too large does not name the error
/// behind it.
fn unread(rejection: &BytesRejection) -> BodyError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => BodyError::TooLarge,
        _ => BodyError::of(rejection),
    }
}

/// Recognises a `Content-Type` of `application/json`, or of a format that is written in JSON.
pub(crate) fn is_json(declared: &[u8]) -> bool {
    let kind = declared.split(|byte| *byte == b';').next();
    let kind = kind.unwrap_or_default().trim_ascii().to_ascii_lowercase();
    kind == b"application/json" || (kind.starts_with(b"application/") && kind.ends_with(b"+json"))
}

/// A body that may be left out.
impl<T, S> OptionalFromRequest<S> for Json<T>
where
    T: FromJson,
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
            .map_err(|rejection: QueryRejection| invalid(&misfit_query(&rejection.body_text())))
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
            .map_err(|rejection: PathRejection| path_problem(&rejection))
    }
}

impl<T, S, const AT: usize> FromRequestParts<S> for Id<T, AT>
where
    T: Addressed + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let segments = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(
                |rejection: RawPathParamsRejection| match rejection.status() {
                    StatusCode::INTERNAL_SERVER_ERROR => Problem::internal(&rejection),
                    _ => invalid("an id in the path is not UTF-8"),
                },
            )?;
        let (_, name) = segments.iter().nth(AT).unwrap_or_default();
        let missing = |_| T::missing(cut_chars(&visible(name), MAX_NAME_CHARS));
        name.parse().map(Self).map_err(missing)
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

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let (status, slug) = match error {
            BodyError::Slow => (StatusCode::REQUEST_TIMEOUT, "body-too-slow"),
            BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large"),
            BodyError::Damaged(_) | BodyError::CutShort => {
                (StatusCode::BAD_REQUEST, "invalid-request")
            }
        };
        Self::new(status, slug, error.to_string())
    }
}

/// The problem of a text that could not be read as what the route takes.
fn json_problem(error: &serde_path_to_error::Error<serde_json::Error>, json: &[u8]) -> Problem {
    let (path, inner) = (error.path().to_string(), error.inner());
    if inner.is_data() {
        return invalid(&misfit(&path, &inner.to_string()));
    }
    // The parser also calls it a mistake in the text when a word is expected and something else is
    // there, or a number is beyond all bounds.
    let is_json =
        std::str::from_utf8(json).is_ok() && serde_json::from_slice::<IgnoredAny>(json).is_ok();
    if !is_json {
        return syntax(inner);
    }
    let words = inner.to_string();
    if words.starts_with("expected value") {
        return invalid(&format!("`{path}` must be a text"));
    }
    invalid(&misfit(&path, &words))
}

fn syntax(error: &serde_json::Error) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "invalid-request",
        shortened(&broken_json(error)),
    )
}

/// The problem of a path whose parameters are not what the route takes.
fn path_problem(rejection: &PathRejection) -> Problem {
    if let PathRejection::FailedToDeserializePathParams(error) = rejection
        && rejection.status() != StatusCode::INTERNAL_SERVER_ERROR
    {
        return invalid(&misfit_path(error.kind()));
    }
    Problem::internal(rejection)
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
    marked(text, first_chars(text, MAX_DETAIL_CHARS), " …")
}
/// Says why a segment of the path cannot be taken.
fn misfit_path(kind: &ErrorKind) -> String {
    if let ErrorKind::ParseErrorAtKey {
        key, expected_type, ..
    } = kind
    {
        return format!("`{key}` in the path must be {}", expected(expected_type));
    }
    if let ErrorKind::ParseError { expected_type, .. }
    | ErrorKind::ParseErrorAtIndex { expected_type, .. } = kind
    {
        let wanted = expected(expected_type);
        return format!("the last part of the path must be {wanted}");
    }
    if let ErrorKind::InvalidUtf8InPathParam { key } = kind {
        return format!("`{key}` in the path is not UTF-8");
    }
    if let ErrorKind::DeserializeError { key, message, .. } = kind {
        return misfit(key, message);
    }
    format!("the path cannot be read: {kind}")
}
