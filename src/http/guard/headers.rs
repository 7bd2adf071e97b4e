//! The headers that keep browsers and caches from doing more with an answer than it is for.

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::auth::layer::NO_REFERRER;
use crate::http::cors::is_preflight;

/// The prefix of addresses whose answers are for the one who asks.
const API: &str = "/api/";

/// Adds headers to every answer: browsers may not guess its type and may not pass its address on. An
/// answer for a person is not cached, unless it sets its own caching.
pub async fn protect<F: Future<Output = Response>>(
    public: &[&str],
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let path = request.uri().path();
    let is_private = path.starts_with(API) && !public.contains(&path);
    let is_preflight = is_preflight(&request);
    let mut response = next(request).await;
    // The answer to a preflight has a header of its own for its caching; a refusal has none.
    let is_private = is_private && !(is_preflight && response.status().is_success());
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::REFERRER_POLICY, NO_REFERRER);
    if is_private {
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    response
}
