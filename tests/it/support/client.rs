//! A client of the service.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// The silence after which a test gives up on a stream.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends requests into the router, with or without a token.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
    token: Option<String>,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body; a string when it is no JSON, null when it is empty.
    pub(crate) body: Value,
}

/// A frame of an event stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The field `id`.
    pub(crate) id: Option<String>,
    /// The lines of `data`, joined.
    pub(crate) data: String,
}

impl Client {
    pub(crate) fn new(router: Router, token: Option<String>) -> Self {
        Self { router, token }
    }

    /// Sends a request as it is, with the token unless it has an `Authorization` of its own.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Response {
        if let Some(token) = &self.token {
            let value = format!("Bearer {token}").parse().unwrap();
            request
                .headers_mut()
                .entry(header::AUTHORIZATION)
                .or_insert(value);
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request and reads the answer to its end.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.send(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes)))
        };
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Sends JSON, or nothing when `body` is null.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let answer = self.answer(json_request(method, path, body)).await;
        (answer.status, answer.body)
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, &Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.call(Method::POST, path, &body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.call(Method::PATCH, path, &body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::DELETE, path, &Value::Null).await
    }
}

/// A request with a JSON body, or with none when `body` is null.
pub(crate) fn json_request(method: Method, path: &str, body: &Value) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    if body.is_null() {
        request.body(Body::empty()).unwrap()
    } else {
        request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap()
    }
}

/// Reads an event stream until its end, or until `last` says that a frame is the last one wanted.
/// Comments and `retry` are skipped.
pub(crate) async fn frames(response: Response, last: impl Fn(&Frame) -> bool) -> Vec<Frame> {
    let mut bytes = response.into_body().into_data_stream();
    let mut text = String::new();
    let mut found = Vec::new();
    loop {
        while let Some(end) = text.find("\n\n") {
            let block: String = text.drain(..end + 2).collect();
            if let Some(frame) = frame(&block) {
                let done = last(&frame);
                found.push(frame);
                if done {
                    return found;
                }
            }
        }
        let next = tokio::time::timeout(PATIENCE, bytes.next()).await;
        match next.unwrap() {
            Some(chunk) => text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap()),
            None => return found,
        }
    }
}

fn frame(block: &str) -> Option<Frame> {
    let mut frame = Frame::default();
    let mut data = Vec::new();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => frame.id = Some(value.to_owned()),
            "data" => data.push(value),
            _ => {}
        }
    }
    frame.data = data.join("\n");
    (!data.is_empty()).then_some(frame)
}

#[tokio::test]
async fn frames_are_read_whatever_the_chunks() {
    let chunks = [
        ": hi\n\nid: 1\nda",
        "ta: {\"a\":1}\n\n",
        "retry: 5\n\ndata: [DONE]\n\n",
    ];
    let chunks = chunks.map(Ok::<_, std::io::Error>);
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    let found = frames(Response::new(body), |_| false).await;
    let expected = [(Some("1"), "{\"a\":1}"), (None, "[DONE]")];
    let expected = expected.map(|(id, data)| Frame {
        id: id.map(str::to_owned),
        data: data.to_owned(),
    });
    assert_eq!(found, expected);
}
