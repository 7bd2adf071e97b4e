//! Routes of older clients for features that are not built. Each answers 501 with a sentence that a
//! client can show as it is: the missing feature, and its replacement.

use axum::http::StatusCode;
use axum::routing::{MethodFilter, on};
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, Paths};
use utoipa::openapi::{HttpMethod, ObjectBuilder, Required, ResponseBuilder, Type};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::platform::problem::Problem;

/// A feature that is not built.
struct Feature {
    /// The feature and its replacement, in words for the person at the client.
    detail: &'static str,
    /// Its routes, each with a name of its own for generated clients.
    routes: &'static [Route],
}

/// A route of such a feature.
struct Route {
    name: &'static str,
    method: Method,
    path: &'static str,
}

/// A method that these routes are called with.
#[derive(Clone, Copy)]
enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

const FEATURES: &[Feature] = &[
    Feature {
        detail: "background scans of repositories are not built; ask about the repository in the chat \
                 instead, where the agent reads and searches the workspace as it is",
        routes: &[
            Route::get("scan_status", "/api/org/scan/status"),
            Route::post("scan_run", "/api/org/scan/run"),
            Route::post("scan_consent", "/api/org/scan/consent"),
            Route::post("scan_pause", "/api/org/scan/pause"),
            Route::post("scan_resume", "/api/org/scan/resume"),
            Route::post("scan_revoke", "/api/org/scan/revoke"),
        ],
    },
    Feature {
        detail: "MCP servers and their tools are not built; ask the agent in the chat instead, which \
                 has tools of its own for files, searches and commands",
        routes: &[
            Route::get("mcp_tools", "/api/advanced/mcp/tools"),
            Route::post("mcp_execute", "/api/advanced/mcp/execute"),
            Route::get("mcp_servers", "/api/advanced/mcp/servers"),
            Route::post("mcp_add_server", "/api/advanced/mcp/servers"),
            Route {
                name: "mcp_change_server",
                method: Method::Patch,
                path: "/api/advanced/mcp/servers/{id}",
            },
            Route {
                name: "mcp_remove_server",
                method: Method::Delete,
                path: "/api/advanced/mcp/servers/{id}",
            },
            Route::post("mcp_test_server", "/api/advanced/mcp/servers/{id}/test"),
        ],
    },
    Feature {
        detail: "connecting by a sign-in at the provider (OAuth) is not built; for github, jira and \
                 slack make a personal token there instead and store it with PUT \
                 /api/connectors/{provider} or POST /api/connectors/save",
        routes: &[Route::get(
            "oauth_start",
            "/api/connectors/{provider}/oauth/start",
        )],
    },
    Feature {
        detail: "reports of usage and cost are not built in this version; each model call is recorded \
                 with its tokens and cost instead, and your operator can query them in the table \
                 llm_metrics",
        routes: &[
            Route::get("usage_report", "/api/analytics/usage"),
            Route::get("organisation_report", "/api/analytics/org"),
        ],
    },
];

/// True for a route of a feature that is not built.
pub fn is_unbuilt(template: &str) -> bool {
    let mut routes = FEATURES.iter().flat_map(|feature| feature.routes);
    routes.any(|route| route.path == template)
}

/// The routes of all features that are not built.
pub fn routes() -> OpenApiRouter {
    let all = FEATURES.iter().flat_map(|feature| {
        let routes = feature.routes.iter();
        routes.map(|route| route.described(feature.detail))
    });
    all.fold(OpenApiRouter::new(), OpenApiRouter::routes)
}

impl Route {
    const fn get(name: &'static str, path: &'static str) -> Self {
        Self {
            name,
            method: Method::Get,
            path,
        }
    }

    const fn post(name: &'static str, path: &'static str) -> Self {
        Self {
            name,
            method: Method::Post,
            path,
        }
    }

    /// The route with its description: the pair that `routes!` makes of a handler's attribute, made
    /// here of the table instead.
    fn described(&self, detail: &'static str) -> UtoipaMethodRouter {
        let (filter, method) = match self.method {
            Method::Get => (MethodFilter::GET, HttpMethod::Get),
            Method::Post => (MethodFilter::POST, HttpMethod::Post),
            Method::Patch => (MethodFilter::PATCH, HttpMethod::Patch),
            Method::Delete => (MethodFilter::DELETE, HttpMethod::Delete),
        };
        let refused = ResponseBuilder::new().description(detail).build();
        let mut operation = OperationBuilder::new()
            .tag("not built")
            .operation_id(Some(self.name))
            .summary(Some("Not built: answers with the problem `not-built`."))
            .response("501", refused);
        for name in self.parameters() {
            let text = ObjectBuilder::new().schema_type(Type::String).build();
            let parameter = ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(text));
            operation = operation.parameter(parameter);
        }
        let mut paths = Paths::new();
        paths.add_path_operation(self.path, vec![method], operation.build());
        let handler =
            move || async move { Problem::new(StatusCode::NOT_IMPLEMENTED, "not-built", detail) };
        (Vec::new(), paths, on(filter, handler))
    }

    /// The names of the parameters in the path.
    fn parameters(&self) -> impl Iterator<Item = &'static str> {
        let segments = self.path.split('/');
        segments.filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
    }
}
