//! The headers that keep browsers and caches from doing more with an answer than it is for.

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::auth::layer::NO_REFERRER;
use crate::http::cors::is_preflight;

/// The prefix of addresses whose answers are for the one who asks.
const API: &str = "/api/";

/// Says of every answer that it is nothing but what its type says, and that its address is told to nobody;
/// and of one that is for a person that it is kept nowhere, unless it says itself how it may be kept.
pub async fn protect<F: Future<Output = Response>>(
    public: &[&str],
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let path = request.uri().path();
    let is_private = path.starts_with(API) && !public.contains(&path);
    let is_preflight = is_preflight(&request);
    let mut response = next(request).await;
    // How long a browser may keep the answer to a preflight stands in a header of its own; a refusal has
    // none.
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
