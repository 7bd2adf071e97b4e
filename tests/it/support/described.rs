//! Holds every answer that a test gets against the description of the API.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::Response;
use navi::http::openapi::{BEARER, Route};
use serde_json::Value;

/// Fails the test when a route answers with a status or a content type that `/openapi.json` does
/// not list.
pub(crate) async fn as_described(
    State(document): State<Arc<Value>>,
    request: Request,
    next: Next,
) -> Response {
    let template = request.extensions().get::<MatchedPath>().cloned();
    let method = match *request.method() {
        Method::HEAD => "get".to_owned(),
        ref method => method.as_str().to_ascii_lowercase(),
    };
    let response = next.run(request).await;
    let Some(template) = template else {
        return response;
    };
    let item = &document["paths"][template.as_str()];
    let Some(operation) = item.get(&method) else {
        return response;
    };
    let at = format!("{method} {}", template.as_str());
    let status = response.status();
    let described = &operation["responses"][status.as_str()];
    assert!(described.is_object(), "{at}: {status} is not described");
    if let Some(content) = described["content"].as_object() {
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
        let kind = kind.split(';').next().unwrap();
        assert!(
            content.contains_key(kind),
            "{at} {status}: {kind} is not described"
        );
    }
    response
}

/// The role that the description of a route wants, by name; none for a public route.
pub(crate) fn role_needed(route: &Route<'_>) -> Option<String> {
    let needed = route.operation.security.as_ref()?.first()?;
    let value = serde_json::to_value(needed).unwrap();
    let role = value[BEARER][0].as_str().unwrap();
    Some(role.to_owned())
}
