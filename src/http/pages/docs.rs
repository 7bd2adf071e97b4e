//! The API page: every operation of `/openapi.json`, to be read and tried.

use std::io;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::pages::assets::{Assets, takes_gzip};
use crate::platform::extract::Path;
use crate::platform::problem::Problem;

/// The policy of the page: it loads and runs only files of this server. Its script writes styles of its own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// The routes of the API page.
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(get_docs))
        .routes(routes!(get_docs_file))
        // The files are part of the program; a test finds defects in them.
        .with_state(Arc::new(Assets::new()))
}

type Built = Arc<io::Result<Assets>>;

fn built(assets: &Built) -> Result<&Assets, &io::Error> {
    assets.as_ref().as_ref()
}

/// The description of this API as a page.
///
/// Needs no token and nothing from elsewhere. With a token of yours it sends requests too.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "operations",
    responses((status = 200, description = "the page", body = String, content_type = "text/html")),
)]
async fn get_docs(State(assets): State<Built>) -> Result<Response, Problem> {
    let page = built(&assets)
        .map_err(|error| Problem::internal(error))?
        .page
        .clone();
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    // The names in it change with every version, and the page is small.
    Ok((kind, policy(POLICY), page).into_response())
}

/// A file of that page.
///
/// Its name changes with its content, so it may be kept without limit.
#[utoipa::path(
    get,
    path = "/docs/{file}",
    tag = "operations",
    params(("file" = String, Path, description = "the name, as the page has it")),
    responses(
        (status = 200, description = "the file, with gzip where the client accepts it",
         content((String = "text/javascript"), (String = "text/css"))),
        (status = 404, description = "no such file"),
    ),
)]
async fn get_docs_file(
    State(assets): State<Built>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let file = built(&assets)
        .map_err(|error| Problem::internal(error))?
        .named(&name)
        .ok_or_else(no_file)?;
    let kept = [
        (header::CONTENT_TYPE, file.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "accept-encoding"),
    ];
    if takes_gzip(&headers) {
        let packed = [(header::CONTENT_ENCODING, "gzip")];
        return Ok((kept, packed, file.packed.clone()).into_response());
    }
    let bytes = file.unpacked().map_err(|error| Problem::internal(&error))?;
    Ok((kept, bytes).into_response())
}

fn no_file() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not-found",
        "the API page has no such file; it may be of another version, load the page again",
    )
}

/// The headers of a page: its policy, and that it is not cached.
pub(super) fn policy(policy: &'static str) -> [(HeaderName, HeaderValue); 2] {
    [
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(policy),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ]
}
