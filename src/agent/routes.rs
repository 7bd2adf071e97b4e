//! Runs and chats over HTTP.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::agent::chat::schema::{ChatStream, PlainChatStream};
use crate::agent::chat::service::{HEALTH_CHECK, prepare};
use crate::agent::chat::shortfall::Shortfall;
use crate::agent::chat::stream as chat_stream;
use crate::agent::error::Error;
use crate::agent::intake::request::{OnDisconnect, TaskRequest};
use crate::agent::queue::cancel::run_streams;
use crate::agent::queue::start::start;
use crate::agent::service::AgentService;
use crate::audit::recording::clearance::Clearance;
use crate::audit::recording::layer::Made;
use crate::auth::principal::Principal;
use crate::llm::route::RouteError;
use crate::platform::extract::Json;
use crate::platform::logging::TraceId;
use crate::platform::problem::Problem;
use crate::runs::stream::respond;
use crate::runs::stream::schema::RunStream;
use crate::runs::stream::shapes::RouterInfo;
use crate::workspaces;

/// The agent's routes. Chat bodies may hold images, so they have a limit of their own.
pub fn routes(service: AgentService) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(run_autonomous))
        .routes(routes!(stream_chat))
        .routes(routes!(stream_plain_chat))
        .routes(routes!(answer_chat))
        .with_state(service)
}

/// Start a run and follow it.
///
/// Answers with the run's events as a stream. Closing the connection ends the run, unless
/// `on_disconnect` says `continue`; it is then followed as a job.
#[utoipa::path(
    post, path = "/api/navi/chat/autonomous", tag = "agent", request_body = TaskRequest,
    responses(
        (status = 200, description = "The run's events", content_type = "text/event-stream",
         body = RunStream),
        (status = 400, description = "No model is available for the request"),
        (status = 404, description = "Conversation or workspace not found"),
        (status = 422, description = "The request is not valid"),
        (status = 503, description = "Too many runs, or the server is shutting down"),
    )
)]
async fn run_autonomous(
    State(service): State<AgentService>,
    principal: Principal,
    Extension(trace_id): Extension<TraceId>,
    Extension(clearance): Extension<Clearance>,
    Json(request): Json<TaskRequest>,
) -> Result<(Extension<Made>, Response), Problem> {
    let may_leave = request.on_disconnect == Some(OnDisconnect::Continue);
    let started = start(&service, &principal, trace_id, request, clearance).await?;
    let made = Made(started.run_id.to_string());
    Ok((
        Extension(made),
        respond::interactive(
            run_streams(&service),
            started.principal,
            started.run_id,
            may_leave,
        ),
    ))
}

/// Ask for an answer in text and follow it.
#[utoipa::path(
    post, path = "/api/navi/chat/stream/v2", tag = "agent", request_body = TaskRequest,
    responses(
        (status = 200, description = "The answer as it arrives",
         content_type = "text/event-stream", body = ChatStream),
        (status = 400, description = "No model is available for the request"),
        (status = 404, description = "Conversation or workspace not found"),
        (status = 422, description = "The request is not valid"),
        (status = 503, description = "The server is shutting down"),
    )
)]
async fn stream_chat(
    State(service): State<AgentService>,
    principal: Principal,
    Extension(trace_id): Extension<TraceId>,
    Extension(clearance): Extension<Clearance>,
    Json(request): Json<TaskRequest>,
) -> Result<Response, Problem> {
    let chat = prepare(&service, &principal, trace_id, request, clearance).await?;
    Ok(chat_stream::typed(chat))
}

/// Ask for an answer in text and follow it, in the frames of the oldest clients.
///
/// The chat is the same; most of its frames are known by their keys and have no `type`.
#[utoipa::path(
    post, path = "/api/navi/chat/stream", tag = "agent", request_body = TaskRequest,
    responses(
        (status = 200, description = "The answer as it arrives",
         content_type = "text/event-stream", body = PlainChatStream),
        (status = 400, description = "No model is available for the request"),
        (status = 404, description = "Conversation or workspace not found"),
        (status = 422, description = "The request is not valid"),
        (status = 503, description = "The server is shutting down"),
    )
)]
async fn stream_plain_chat(
    State(service): State<AgentService>,
    principal: Principal,
    Extension(trace_id): Extension<TraceId>,
    Extension(clearance): Extension<Clearance>,
    Json(request): Json<TaskRequest>,
) -> Result<Response, Problem> {
    let chat = prepare(&service, &principal, trace_id, request, clearance).await?;
    Ok(chat_stream::plain(chat))
}

/// An answer in text, whole.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ChatAnswer {
    /// The answer.
    content: String,
    /// The same, under the name that some clients read.
    reply: String,
    /// `ok` in the answer to the health check, and absent from others: old clients print it under the
    /// answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// A sentence about what the answer lacks when it was cut off; absent from whole ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete: Option<String>,
    /// Always empty: this answer never asks the client to act.
    actions: Vec<Value>,
    /// Always empty.
    sources: Vec<Value>,
    /// Always empty.
    edits: Vec<Value>,
    /// The model that answered; absent for the health check, which asks none.
    model: Option<String>,
    /// The choice of the model, as the first frame of streams has it, another one asked for included. Absent from the answer
    /// to the health check.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RouterInfo>)]
    router_info: Option<Map<String, Value>>,
    /// The id to rate the answer by.
    gen_id: Option<i64>,
}

impl ChatAnswer {
    fn new(content: String, model: Option<String>, gen_id: Option<i64>) -> Self {
        Self {
            reply: content.clone(),
            content,
            status: None,
            incomplete: None,
            actions: Vec::new(),
            sources: Vec::new(),
            edits: Vec::new(),
            model,
            router_info: None,
            gen_id,
        }
    }
}

/// Ask for an answer in text, whole.
///
/// The message `health_check` is answered without asking a model.
#[utoipa::path(
    post, path = "/api/navi/chat", tag = "agent", request_body = TaskRequest,
    responses(
        (status = 200, description = "The answer", body = ChatAnswer),
        (status = 400, description = "No model is available for the request"),
        (status = 404, description = "Conversation or workspace not found"),
        (status = 422, description = "The request is not valid"),
        (status = 502, description = "The model failed, or its answer was withheld or empty"),
        (status = 503, description = "The model or this server is busy"),
    )
)]
async fn answer_chat(
    State(service): State<AgentService>,
    principal: Principal,
    Extension(trace_id): Extension<TraceId>,
    Extension(clearance): Extension<Clearance>,
    Json(request): Json<TaskRequest>,
) -> Result<Json<ChatAnswer>, Problem> {
    if request.message == HEALTH_CHECK {
        return Ok(Json(ChatAnswer {
            status: Some("ok"),
            ..ChatAnswer::new("NAVI is running.".to_owned(), None, None)
        }));
    }
    let chat = prepare(&service, &principal, trace_id, request, clearance).await?;
    let answer = chat.ask_whole().await.map_err(Error::Model)?;
    let stop = answer.completion.map(|completion| completion.stop);
    let shortfall = Shortfall::of(stop, &answer.text);
    if let Some(shortfall) = shortfall.filter(|lack| !lack.is_worth_keeping(&answer.text)) {
        return Err(shortfall.into());
    }
    let gen_id = chat.keep(&answer.text).await;
    Ok(Json(ChatAnswer {
        incomplete: shortfall.map(|lack| lack.to_string()),
        router_info: Some(chat.router_info.clone()),
        ..ChatAnswer::new(answer.text, Some(chat.model_id()), gen_id)
    }))
}

impl From<Shortfall> for Problem {
    fn from(shortfall: Shortfall) -> Self {
        let detail = shortfall.to_string();
        let mut problem = Self::new(StatusCode::BAD_GATEWAY, "model-failed", detail);
        shortfall.code().clone_into(&mut problem.error_code);
        problem
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Invalid(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail),
            Error::TooLong { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "text-too-long", detail)
            }
            Error::Workspace(_) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "workspace-unusable",
                detail,
            ),
            Error::Unopened(error) => unopened_problem(error),
            Error::Route(error) => route_problem(&error),
            Error::TooManyRuns { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-runs", detail).retry_after(5)
            }
            Error::OrgIsBusy { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "organisation-busy", detail).retry_after(5)
            }
            Error::NoLease => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-lease", detail).retry_after(2)
            }
            Error::ShuttingDown => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "shutting-down", detail).retry_after(5)
            }
            Error::Model(error) => model_problem(&error),
            Error::Conversation(error) => error.into(),
            Error::Database(error) => Self::internal(&error),
        }
    }
}

fn unopened_problem(error: workspaces::error::Error) -> Problem {
    use workspaces::error::Error;
    let detail = error.to_string();
    match error {
        Error::NotFound(_) => Problem::new(StatusCode::NOT_FOUND, "workspace-not-found", detail),
        Error::Closed(_)
        | Error::Unusable(_)
        | Error::Unbound(_)
        | Error::Within { .. }
        | Error::AtWork { .. } => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "workspace-unusable",
            detail,
        ),
        Error::Audit(error) => error.into(),
        Error::Database(error) => Problem::internal(&error),
    }
}

fn route_problem(error: &RouteError) -> Problem {
    if let Some(outage) = error.outage() {
        return model_problem(outage);
    }
    let mut problem = Problem::new(StatusCode::BAD_REQUEST, "no-model", error.to_string());
    // Old clients compare this code with the router's own.
    error.code().clone_into(&mut problem.error_code);
    problem
}

fn model_problem(error: &crate::llm::error::LlmError) -> Problem {
    let detail = error.to_string();
    let mut problem = if error.is_retryable() {
        let seconds = error.retry_after().map_or(5, |wait| wait.as_secs().max(1));
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "model-unavailable", detail)
            .retry_after(seconds)
    } else {
        Problem::new(StatusCode::BAD_GATEWAY, "model-failed", detail)
    };
    error.code().clone_into(&mut problem.error_code);
    problem
}
