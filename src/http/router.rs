//! The whole API, and the middleware around it.

use std::future::ready;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::Uri;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::audit::recording::layer::{Failures, Recorder, failed_logins, record};
use crate::auth::development::DevelopmentIdentity;
use crate::auth::layer::{AccessRules, Gate, authenticate};
use crate::auth::rate_limit::RateLimiter;
use crate::http::guard::{headers, host};
use crate::http::limits::Rates;
use crate::http::measure::{Requests, measure};
use crate::http::missing::Served;
use crate::http::pages::{docs, welcome};
use crate::http::patience::reads::{self, ReadLimits};
use crate::http::sockets::peers;
use crate::http::unpack::unpack;
use crate::http::{cors, failures, identity, limits, models, openapi, ops, security, unbuilt};
use crate::jobs::plans::service::Plans;
use crate::jobs::service::Jobs;
use crate::platform::clock::Clock;
use crate::platform::origin::AllowedOrigins;
use crate::platform::traces::service::Traces;

/// Every route that needs no token. All others need one.
pub const PUBLIC: &[&str] = &[
    "/",
    "/api/telemetry/health",
    "/docs",
    "/docs/{file}",
    "/health",
    "/health-fast",
    "/health/live",
    "/health/ready",
    "/health/startup",
    "/metrics",
    "/openapi.json",
    "/ping",
    "/version",
];

/// Every stream that a ticket opens in place of a token, by `GET`. Their parameters are ids.
pub const STREAMS: &[&str] = &[
    "/api/jobs/{job_id}/events",
    "/api/navi/analyze-changes",
    "/api/navi/jobs/{job_id}/events",
];

const ACCESS: AccessRules = AccessRules {
    public: PUBLIC,
    streams: STREAMS,
};

/// The routes of every slice, with their description; those of operators apart. Slices register routes by `routes!` alone,
/// so that a route without a description cannot exist.
fn api(app: &App) -> OpenApiRouter {
    let jobs = Jobs::new(app.agent.clone());
    OpenApiRouter::new()
        .merge(docs::routes())
        .merge(welcome::routes())
        .merge(crate::auth::routes::routes(app.tickets.clone(), STREAMS))
        .merge(crate::auth::orgs::routes::routes())
        .merge(models::routes(app))
        .merge(security::routes(app))
        .merge(unbuilt::routes())
        .merge(
            crate::agent::routes::routes(app.agent.clone())
                .layer(DefaultBodyLimit::max(limits::AGENT_BODY_BYTES)),
        )
        .merge(
            crate::approvals::questions::routes::routes(app.agent.deps().questions.clone())
                .layer(DefaultBodyLimit::max(limits::AGENT_BODY_BYTES))
                .layer(from_fn(peers::refuse_own_processes)),
        )
        .merge(crate::jobs::plans::routes::routes(Plans::new(jobs.clone())))
        .merge(crate::review::routes::routes(app.agent.clone()))
        .merge(
            crate::jobs::routes::routes(jobs, app.streams_end.clone())
                .layer(DefaultBodyLimit::max(limits::AGENT_BODY_BYTES))
                .layer(from_fn(peers::refuse_own_processes)),
        )
        .merge(crate::conversations::routes::routes(
            app.conversations.clone(),
        ))
        .merge(
            crate::approvals::consents::routes::routes(app.consents.clone())
                .layer(from_fn(peers::refuse_own_processes)),
        )
        .merge(crate::audit::routes::routes(app.audit.clone()))
        .merge(crate::audit::listing::routes::routes(app.audit.clone()))
        .merge(crate::connectors::routes::routes(app.connectors.clone()))
        .merge(crate::connectors::panel::routes::routes(
            app.connectors.clone(),
        ))
        .merge(crate::notices::routes::routes(app.notices.webhooks.clone()))
        .merge(crate::telemetry::routes::routes(app.telemetry.clone()))
        .merge(crate::telemetry::errors::routes::routes(app.errors.clone()))
        .merge(crate::telemetry::rates::routes::routes(app.rates.clone()))
        .merge(crate::feedback::routes::routes(app.feedback.clone()))
        .merge(crate::feedback::insights::routes::routes(
            app.insights.clone(),
        ))
}

/// The description of the API, complete.
pub fn document(app: &App) -> OpenApi {
    let mut router = api(app)
        .merge(ops::routes(app))
        .merge(openapi::routes(Arc::new([])));
    let mut document = router.to_openapi();
    openapi::complete(&mut document, ACCESS);
    document
}

/// The server. Answers every request with what a route says, or with a problem.
pub fn router(app: &App) -> Router {
    let document = document(app);
    let requests = Requests::new(app.metrics.clone(), &document);
    let served = Arc::new(Served::new(&document));
    let text = serde_json::to_vec(&document).unwrap_or_default();
    let (router, _) = api(app)
        .merge(openapi::routes(text.into()))
        .split_for_parts();
    let pages = app.config.browsers.allowed();
    let development = app
        .config
        .development_identity()
        .map(|identity| DevelopmentIdentity {
            identity,
            pages: pages.clone(),
        });
    let gate = Gate::new(
        app.verifier.clone(),
        app.tickets.clone(),
        development,
        ACCESS,
    );
    let limiter = |per_minute, burst| {
        let limiter = Arc::new(RateLimiter::new(per_minute).with_burst(burst));
        limiter.forget_the_quiet(&app.tasks);
        limiter
    };
    let rates = Rates {
        writes: limiter(app.config.server.writes_per_minute, 0),
        tickets: limiter(app.config.server.writes_per_minute, 0),
        telemetry: limiter(app.config.telemetry.telemetry_batches_per_minute, 0),
        feedback: limiter(
            app.config.feedback.feedback_per_minute,
            app.config.feedback.feedback_burst,
        ),
    };

    let inner = Inner {
        gate,
        rates,
        reads: ReadLimits::over(app.config.database.database_connections),
        logins: Failures::new(app.audit.clone()),
        recorder: Recorder::new(app.audit.clone(), app.spans.clone()),
    };
    let outer = Outer {
        clock: app.clock.clone(),
        traces: app.traces.clone(),
        requests,
        pages,
        failures: failures::Recorder::new(app.telemetry.clone(), app.clock.clone()),
    };
    let (probes, _) = ops::routes(app).split_for_parts();
    // Operators' routes are public, read no body and wait for nothing.
    let probes = probes
        .method_not_allowed_fallback(limits::method_not_allowed)
        .layer(CatchPanicLayer::custom(limits::panicked));
    // The innermost comes first.
    router
        .fallback(move |address: Uri| ready(served.not_found(address.path())))
        .method_not_allowed_fallback(limits::method_not_allowed)
        .layer(from_fn_with_state(Arc::new(inner), within))
        // The agent's routes take more, see above.
        .layer(DefaultBodyLimit::max(limits::DEFAULT_BODY_BYTES))
        // Inside what must see the answer: a panic is counted and has its id.
        .layer(CatchPanicLayer::custom(limits::panicked))
        .merge(probes)
        .layer(from_fn_with_state(Arc::new(outer), around))
}

/// The layers around every answer.
struct Outer {
    clock: Clock,
    traces: Traces,
    requests: Requests,
    pages: AllowedOrigins,
    failures: failures::Recorder,
}

/// Runs a request inside what surrounds every answer. One layer for all of it: a request copies everything
/// that stands behind each layer.
async fn around(State(outer): State<Arc<Outer>>, request: Request, next: Next) -> Response {
    let Outer {
        clock,
        traces,
        requests,
        pages,
        failures,
    } = &*outer;
    // Sees every failure, panics included.
    let recorded = |request| failures::record(failures, request, |request| next.run(request));
    // Before anything is decided by the name of the host.
    let hosted = |request| host::require_host(request, recorded);
    // Browsers must be able to read every answer, refusals too, and they send no token with what they ask
    // beforehand.
    let shared = |request| cors::cors(pages, request, hosted);
    // Sees every answer, those of what stands inside it included.
    let measured = |request| measure(requests, request, shared);
    // Every answer and every line of the log has the request's id.
    let named = |request| identity::identify((clock, traces), request, measured);
    // Outermost: no answer goes without it.
    headers::protect(PUBLIC, request, named).await
}

/// The layers between a request and its handler.
struct Inner {
    gate: Gate,
    rates: Rates,
    reads: ReadLimits,
    logins: Failures,
    recorder: Recorder,
}

/// Runs a request behind what it has to pass.
async fn within(State(inner): State<Arc<Inner>>, request: Request, next: Next) -> Response {
    let Inner {
        gate,
        rates,
        reads,
        logins,
        recorder,
    } = &*inner;
    // Innermost: only what would run is audited, and nothing runs before it is.
    let audited = |request| record(recorder, request, |request| next.run(request));
    // Before the audit log, which keeps the unpacked text, and behind layers that refuse without reading.
    let unpacked = |request| unpack(request, audited);
    // Requests that only read take their turn, behind the layers that refuse and before a connection is
    // taken.
    let read = |request| reads::read(reads, request, unpacked);
    // Counts by principal, so it stands behind authentication.
    let counted = |request| limits::rate(rates, request, read);
    // Before any handler and any reading of a body: strangers cost as little as possible.
    let authenticated = |request| authenticate(gate, request, counted);
    // Sees the answers of the one above.
    let noted = |request| failed_logins(logins, request, authenticated);
    // Around all that may wait: for a body, a connection, a model.
    Box::pin(limits::deadline(request, noted)).await
}
