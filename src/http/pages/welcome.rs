//! The server's own address: its name, its version, and where to go on.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::pages::docs::policy;
use crate::platform::extract::Json;

/// The page loads nothing, but an empty icon that it holds itself, and runs nothing.
const POLICY: &str = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// The route of the server's own address.
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(get_root))
}

/// The program that answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Welcome {
    /// Always `navi`.
    name: &'static str,
    /// The version of the program.
    version: &'static str,
    /// Where to go on.
    links: WelcomeLinks,
}

/// Where to go on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct WelcomeLinks {
    /// The API as a page.
    docs: &'static str,
    /// The API as an OpenAPI document.
    openapi: &'static str,
    /// Readiness for requests.
    health: &'static str,
    /// Its metrics, for Prometheus.
    metrics: &'static str,
}

const WELCOME: Welcome = Welcome {
    name: "navi",
    version: env!("CARGO_PKG_VERSION"),
    links: WelcomeLinks {
        docs: "/docs",
        openapi: "/openapi.json",
        health: "/health/ready",
        metrics: "/metrics",
    },
};

const PAGE: &str = concat!(
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
    "<title>NAVI</title>\n<link rel=\"icon\" href=\"data:,\">\n</head>\n<body>\n",
    "<h1>NAVI ",
    env!("CARGO_PKG_VERSION"),
    "</h1>\n<ul>\n",
    "<li><a href=\"docs\">The API as a page</a></li>\n",
    "<li><a href=\"openapi.json\">The API as an OpenAPI document</a></li>\n",
    "<li><a href=\"health/ready\">Health</a></li>\n",
    "<li><a href=\"metrics\">Metrics</a></li>\n",
    "</ul>\n</body>\n</html>\n"
);

/// Says what answers here, and where to go on: as a page for browsers, else as JSON.
#[utoipa::path(
    get,
    path = "/",
    tag = "operations",
    responses((status = 200, description = "name, version and links",
               content((Welcome = "application/json"), (String = "text/html")))),
)]
async fn get_root(headers: HeaderMap) -> Response {
    let by_accept = [(header::VARY, "accept")];
    if wants_page(&headers) {
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        return (by_accept, kind, policy(POLICY), PAGE).into_response();
    }
    (by_accept, Json(WELCOME)).into_response()
}

/// True for a client that names HTML, as browsers do and programs do not.
fn wants_page(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter();
    let mut texts = values.filter_map(|value| value.to_str().ok());
    texts.any(|text| text.to_ascii_lowercase().contains("text/html"))
}
