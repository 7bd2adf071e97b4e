//! The description of the API: what handlers declare, and what holds for all of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, Info, OpenApi, Ref, RefOr, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::layer::AccessRules;
use crate::http::description::examples::Examples;
use crate::http::description::{codes, words};
use crate::platform::problem::{ERROR_CODE, Problem};

/// The name of the security scheme that handlers refer to.
pub const BEARER: &str = "bearer";
/// The name of that of streams, beside it.
const TICKET: &str = "stream_ticket";

/// The route that serves the document; itself a part of it.
pub fn routes(document: Arc<[u8]>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(get_openapi))
        .with_state(document)
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operations",
    responses((status = 200, description = "the OpenAPI 3.1 document", content_type = "application/json")),
)]
async fn get_openapi(State(document): State<Arc<[u8]>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, document.to_vec()).into_response()
}

/// One operation of the document.
pub struct Route<'a> {
    /// The method, in capitals.
    pub method: &'static str,
    /// The route template.
    pub path: &'a str,
    /// The handler's declaration.
    pub operation: &'a Operation,
}

impl Route<'_> {
    /// The statuses that are documented.
    pub fn statuses(&self) -> impl Iterator<Item = &str> {
        self.operation
            .responses
            .responses
            .keys()
            .map(String::as_str)
    }
}

/// Every operation of a document.
pub fn walk(document: &OpenApi) -> Vec<Route<'_>> {
    let mut found = Vec::new();
    for (path, item) in &document.paths.paths {
        let operations = [
            ("GET", &item.get),
            ("PUT", &item.put),
            ("POST", &item.post),
            ("DELETE", &item.delete),
            ("OPTIONS", &item.options),
            ("HEAD", &item.head),
            ("PATCH", &item.patch),
            ("TRACE", &item.trace),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                found.push(Route {
                    method,
                    path,
                    operation,
                });
            }
        }
    }
    found
}

/// Adds what holds for all operations: the title, the security scheme, the problems that the
/// middleware and the extractors answer with, that an error without a body of its own is a problem, the
/// codes of problems, and examples.
pub fn complete(document: &mut OpenApi, access: AccessRules) {
    document.info = Info::new("NAVI", env!("CARGO_PKG_VERSION"));
    document.info.description =
        Some("The backend of an autonomous engineering assistant.".to_owned());
    // Relative to where the document was read, so that it is right behind any name and proxy.
    document.servers = Some(vec![
        ServerBuilder::new()
            .url("/")
            .description(Some("The server that this document comes from."))
            .build(),
    ]);
    let mut components = document
        .components
        .take()
        .unwrap_or_else(|| ComponentsBuilder::new().build());
    components.add_security_scheme(
        BEARER,
        SecurityScheme::Http(
            Http::builder()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("JWT")
                .build(),
        ),
    );
    let ticket = ApiKeyValue::with_description("ticket", "from `POST /api/auth/stream-ticket`");
    components.add_security_scheme(TICKET, SecurityScheme::ApiKey(ApiKey::Query(ticket)));
    let problem = Problem::name().into_owned();
    components.schemas.insert(problem, Problem::schema());
    components
        .schemas
        .insert(ERROR_CODE.to_owned(), codes::schema());
    words::enumerate(&mut components.schemas);
    document.components = Some(components);
    let mut names = BTreeSet::new();
    let examples = Examples::new();
    for (path, item) in &mut document.paths.paths {
        let open = access.public.contains(&path.as_str());
        let takes_tickets = access.streams.contains(&path.as_str());
        for (method, operation) in operations(item) {
            complete_operation(operation, &method, open);
            examples.show(method_name(&method), path, operation);
            if takes_tickets && method == HttpMethod::Get {
                let ticket = SecurityRequirement::new(TICKET, [""; 0]);
                operation.security.get_or_insert_default().push(ticket);
            }
            name_once(operation, &mut names);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Delete, &mut item.delete),
        (HttpMethod::Patch, &mut item.patch),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn method_name(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Put => "PUT",
        HttpMethod::Post => "POST",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Options => "OPTIONS",
        HttpMethod::Head => "HEAD",
        HttpMethod::Trace => "TRACE",
    }
}

/// Gives an operation at two addresses two names: generated clients make a method of each.
fn name_once(operation: &mut Operation, names: &mut BTreeSet<String>) {
    let Some(name) = &mut operation.operation_id else {
        return;
    };
    if !names.insert(name.clone()) {
        name.insert_str(0, "navi_");
        names.insert(name.clone());
    }
}

fn complete_operation(operation: &mut Operation, method: &HttpMethod, open: bool) {
    let mut problems = vec![
        ("500", "something failed on the server"),
        ("503", "the request timed out"),
    ];
    if !open {
        problems.push(("401", "the bearer token is missing or was refused"));
        problems.push(("403", "the token's role is too low"));
        if !matches!(method, HttpMethod::Get) {
            problems.push(("429", "too many changing requests"));
        }
        // An operation without a declared role is for everybody with a token.
        operation
            .security
            .get_or_insert_with(|| vec![SecurityRequirement::new(BEARER, ["viewer"])]);
    }
    if operation.request_body.is_some() {
        problems.push(("400", "the body is not valid JSON"));
        problems.push(("408", "the body was not received in time"));
        problems.push(("413", "the body is too large"));
        problems.push((
            "415",
            "the body is not declared as JSON, or its encoding is not supported",
        ));
    }
    if operation.request_body.is_some() || operation.parameters.is_some() {
        problems.push(("422", "a value is not valid"));
    }
    let responses = &mut operation.responses.responses;
    for (status, description) in problems {
        let response = ResponseBuilder::new().description(description).build();
        responses
            .entry(status.to_owned())
            .or_insert(RefOr::T(response));
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && response.content.is_empty()
            && status.starts_with(['4', '5'])
        {
            let problem = RefOr::Ref(Ref::from_schema_name(Problem::name()));
            let content = ContentBuilder::new().schema(Some(problem)).build();
            let kind = "application/problem+json".to_owned();
            response.content.insert(kind, RefOr::T(content));
        }
    }
}
