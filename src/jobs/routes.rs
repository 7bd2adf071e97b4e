//! Jobs over HTTP. Every route exists twice, below `/api/jobs` and below `/api/navi/jobs`, because
//! clients of both kinds are in use.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::agent::queue::cancel::run_streams;
use crate::audit::recording::clearance::Clearance;
use crate::audit::recording::layer::Made;
use crate::auth::principal::{Answerer, Principal};
use crate::jobs::error::Error;
use crate::jobs::model::StartOutcome;
use crate::jobs::request::{Approve, NewJobRequest};
use crate::jobs::service::{ConsentReply, Jobs, NewJob};
use crate::jobs::view::{JobAnswer, JobCreatedView, JobMoved, JobPage};
use crate::platform::extract::{Addressed, Id, Json, Query};
use crate::platform::idempotency::extract::Creation;
use crate::platform::idempotency::model::Created;
use crate::platform::ids::RunId;
use crate::platform::logging::TraceId;
use crate::platform::page::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::platform::problem::Problem;
use crate::runs::model::RunStatus;
use crate::runs::stream::respond;
use crate::runs::stream::schema::JobStream;

/// The header in which a client that reconnects names the last event that it has seen.
const LAST_EVENT_ID: &str = "last-event-id";

/// The state of the routes.
#[derive(Clone)]
struct JobRoutes {
    jobs: Jobs,
    /// Cancelled when this process ends, so that clients of long streams go elsewhere.
    streams_end: CancellationToken,
}

/// The routes of this slice.
pub fn routes(jobs: Jobs, streams_end: CancellationToken) -> OpenApiRouter {
    let state = JobRoutes { jobs, streams_end };
    OpenApiRouter::new()
        .nest("/api/jobs", both(state.clone()))
        .nest("/api/navi/jobs", both(state))
}

fn both(state: JobRoutes) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(create_job, list_jobs))
        .routes(routes!(get_job))
        .routes(routes!(follow_job))
        .routes(routes!(start_job))
        .routes(routes!(resume_job))
        .routes(routes!(cancel_job))
        .routes(routes!(approve_job))
        .with_state(state)
}

/// Ask for work in the background.
///
/// The job goes on when its client disconnects. With an `Idempotency-Key` the same request makes one
/// job, however often it is sent.
#[utoipa::path(
    post, path = "/", tag = "jobs", request_body = NewJobRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "The request's idempotency key")),
    responses(
        (status = 200, description = "The job", body = JobCreatedView),
        (status = 400, description = "No model is available for the request"),
        (status = 404, description = "Conversation or workspace not found"),
        (status = 409, description = "A request with this key is in progress"),
        (status = 422, description = "The request is not valid"),
        (status = 503, description = "The server is shutting down"),
    )
)]
async fn create_job(
    State(JobRoutes { jobs, .. }): State<JobRoutes>,
    principal: Principal,
    Extension(trace_id): Extension<TraceId>,
    Extension(clearance): Extension<Clearance>,
    Creation { body, key }: Creation<NewJobRequest>,
) -> Result<(Option<Extension<Made>>, Created<JobCreatedView>), Problem> {
    let new = NewJob {
        trace_id,
        request: body.task,
        auto_start: body.options.auto_start.unwrap_or(true),
        metadata: body.options.metadata.map(Value::Object),
    };
    let created = jobs
        .create(&principal, new, key.as_ref(), clearance)
        .await?;
    let made = created.id("/job/job_id").map(|id| Extension(Made(id)));
    Ok((made, created))
}

/// Selects jobs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct WhichJobs {
    /// At most this many, 1 to 100; 50 when absent.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Those with this status alone.
    status: Option<RunStatus>,
}

/// Your jobs, newest first, page by page.
#[utoipa::path(
    get, path = "/", tag = "jobs", params(WhichJobs),
    responses(
        (status = 200, description = "A page", body = JobPage),
        (status = 422, description = "`cursor` or `status` is not valid"),
    )
)]
async fn list_jobs(
    State(JobRoutes { jobs, .. }): State<JobRoutes>,
    principal: Principal,
    Query(which): Query<WhichJobs>,
) -> Result<Json<JobPage>, Problem> {
    let limit = which.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let (status, cursor) = (which.status, which.cursor.as_deref());
    let page = jobs
        .list(&principal, status, cursor, i64::from(limit))
        .await?;
    Ok(Json(page))
}

/// One job of yours.
#[utoipa::path(
    get, path = "/{job_id}", tag = "jobs",
    params(("job_id" = uuid::Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "The job", body = JobAnswer),
        (status = 404, description = "Job not found"),
    )
)]
async fn get_job(
    State(JobRoutes { jobs, .. }): State<JobRoutes>,
    principal: Principal,
    Id(id): Id<RunId>,
) -> Result<Json<JobAnswer>, Problem> {
    let job = jobs.find(&principal, id).await?;
    Ok(Json(JobAnswer { success: true, job }))
}

/// The place in the log at which a stream begins.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Since {
    /// Only events after this one; all of them when absent. The header `Last-Event-ID` says the same
    /// and goes before it.
    #[param(minimum = 0)]
    after_sequence: Option<i64>,
}

/// Follow a job, from its beginning or from where you were.
///
/// Leaving changes nothing; come back with `Last-Event-ID` or `after_sequence`, to any server.
#[utoipa::path(
    get, path = "/{job_id}/events", tag = "jobs",
    params(
        ("job_id" = uuid::Uuid, Path, description = "The job"),
        Since,
        ("Last-Event-ID" = Option<String>, Header, description = "the last event that was seen"),
    ),
    responses(
        (status = 200, description = "The job's events", content_type = "text/event-stream",
         body = JobStream),
        (status = 404, description = "Job not found"),
        (status = 422, description = "`after_sequence` or `Last-Event-ID` is not valid"),
    )
)]
async fn follow_job(
    State(JobRoutes { jobs, streams_end }): State<JobRoutes>,
    principal: Principal,
    Id(id): Id<RunId>,
    Query(since): Query<Since>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = place(since.after_sequence, &headers).map_err(|what| {
        let detail = format!("{what} is the number of an event, or 0 for all of them");
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-error", detail)
    })?;
    let head = jobs.head(&principal, id).await?;
    Ok(respond::job(
        run_streams(jobs.agent()),
        head,
        after,
        streams_end,
    ))
}

/// The event after which to begin, or the name of the field that is not valid.
fn place(asked: Option<i64>, headers: &HeaderMap) -> Result<i64, &'static str> {
    if let Some(seen) = headers.get(LAST_EVENT_ID) {
        let seen = seen.to_str().ok().and_then(|text| text.trim().parse().ok());
        return seen.filter(|seen| *seen >= 0).ok_or("`Last-Event-ID`");
    }
    match asked.unwrap_or(0) {
        after if after >= 0 => Ok(after),
        _ => Err("`after_sequence`"),
    }
}

/// Start a job that was created without starting it.
#[utoipa::path(
    post, path = "/{job_id}/start", tag = "jobs",
    params(("job_id" = uuid::Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "The job was started, now or before", body = JobMoved),
        (status = 404, description = "Job not found"),
        (status = 409, description = "The job has ended, or is waiting for your answer"),
    )
)]
async fn start_job(
    State(JobRoutes { jobs, .. }): State<JobRoutes>,
    principal: Principal,
    Id(id): Id<RunId>,
) -> Result<Json<JobMoved>, Problem> {
    let started = jobs.start(&principal, id).await?;
    let message = "the job begins as soon as a worker is free";
    moved(jobs, &principal, id, started, message).await
}

/// Let a job go on.
///
/// A job that paused before an obstacle goes on where it was. Others go on by themselves; for them this is
/// for clients that want to be sure.
#[utoipa::path(
    post, path = "/{job_id}/resume", tag = "jobs",
    params(("job_id" = uuid::Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "The job was resumed, now or before", body = JobMoved),
        (status = 404, description = "Job not found"),
        (status = 409, description = "The job has ended, or is waiting for your answer"),
    )
)]
async fn resume_job(
    State(JobRoutes { jobs, .. }): State<JobRoutes>,
    principal: Principal,
    Id(id): Id<RunId>,
) -> Result<Json<JobMoved>, Problem> {
    let resumed = jobs.resume(&principal, id).await?;
    let message = "the job continues as soon as a worker is free";
    moved(jobs, &principal, id, resumed, message).await
}

async fn moved(
    jobs: Jobs,
    principal: &Principal,
    id: RunId,
    outcome: StartOutcome,
    started: &str,
) -> Result<Json<JobMoved>, Problem> {
    Ok(Json(JobMoved {
        success: true,
        started: outcome == StartOutcome::Started,
        job: jobs.find(principal, id).await?,
        approval: None,
        message: match outcome {
            StartOutcome::Started => started.to_owned(),
            StartOutcome::Already(why) => why.to_owned(),
        },
    }))
}

/// End a job.
#[utoipa::path(
    post, path = "/{job_id}/cancel", tag = "jobs",
    params(("job_id" = uuid::Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "The job was cancelled, now or before", body = JobMoved),
        (status = 404, description = "Job not found"),
        (status = 409, description = "The job has ended"),
    )
)]
async fn cancel_job(
    State(JobRoutes { jobs, .. }): State<JobRoutes>,
    principal: Principal,
    Id(id): Id<RunId>,
) -> Result<Json<JobMoved>, Problem> {
    jobs.cancel(&principal, id).await?;
    Ok(Json(JobMoved {
        success: true,
        started: false,
        job: jobs.find(&principal, id).await?,
        approval: None,
        message: "the job ends".to_owned(),
    }))
}

/// Answer the consent that a job waits for.
///
/// The same as answering its consent; nothing supplied is an error, never an approval.
#[utoipa::path(
    post, path = "/{job_id}/approve", tag = "jobs", request_body = Approve,
    security(("bearer" = ["planner"])),
    params(("job_id" = uuid::Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "The answer was recorded", body = JobMoved),
        (status = 400, description = "`choice` is missing, or its `alternative_command`"),
        (status = 404, description = "Job or consent not found"),
        (status = 409, description = "The job is not waiting for approval, or has another answer"),
    )
)]
async fn approve_job(
    State(JobRoutes { jobs, .. }): State<JobRoutes>,
    Answerer(principal): Answerer,
    Id(id): Id<RunId>,
    Json(approve): Json<Approve>,
) -> Result<Json<JobMoved>, Problem> {
    let approval = ConsentReply {
        consent_id: approve.which.consent_id,
        answer: approve.answer.given()?,
    };
    let recorded = jobs.approve(&principal, id, approval).await?;
    Ok(Json(JobMoved {
        success: true,
        started: true,
        job: jobs.find(&principal, id).await?,
        approval: Some(recorded),
        message: "the answer was recorded, and the job continues".to_owned(),
    }))
}

impl Addressed for RunId {
    fn missing(name: String) -> Problem {
        Error::NotFound(name).into()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "job-not-found", detail),
            Error::Over(_) => Self::new(StatusCode::CONFLICT, "job-over", detail),
            Error::WaitsForApproval | Error::Paused => {
                Self::new(StatusCode::CONFLICT, "job-waits-for-approval", detail)
            }
            Error::WaitsForNothing => Self::new(StatusCode::CONFLICT, "job-not-paused", detail),
            Error::OtherConsent(_) => Self::new(StatusCode::NOT_FOUND, "consent-not-found", detail),
            Error::BadCursor(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-error", detail)
            }
            Error::MetadataTooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", detail)
            }
            Error::Consent(error) => error.into(),
            Error::Agent(error) => error.into(),
            Error::Idempotency(error) => error.into(),
            Error::Database(error) => Self::internal(&error),
        }
    }
}
