//! The audit log over HTTP, for administrators of an organisation.

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures_util::stream;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::csv_export;
use crate::audit::error::Error;
use crate::audit::export::Line;
use crate::audit::model::{EntryId, Filter, Log};
use crate::audit::reader::Asker;
use crate::audit::service::Audit;
use crate::audit::view::{CheckpointView, EntryView, OpenedView, ProofView};
use crate::auth::principal::Admin;
use crate::platform::extract::{Addressed, Id, Json, Query};
use crate::platform::logging::{RequestId, TraceId};
use crate::platform::problem::Problem;

/// The number of records of an export read at once.
const EXPORT_PAGE: i64 = 500;

/// The routes of the audit log.
pub fn routes(audit: Audit) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(export_entries))
        .routes(routes!(get_checkpoint))
        .routes(routes!(get_entry))
        .routes(routes!(decrypt_entry))
        .routes(routes!(prove_entry))
        .with_state(audit)
}

impl Addressed for EntryId {
    fn missing(name: String) -> Problem {
        Error::NotFound(name).into()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        let (status, slug) = match &error {
            Error::Unavailable | Error::Full | Error::Closed => {
                let problem =
                    Self::new(StatusCode::SERVICE_UNAVAILABLE, "audit-unavailable", detail);
                return problem.retry_after(error.seconds_to_wait());
            }
            Error::Tampered(_)
            | Error::UnknownSeal { .. }
            | Error::EndMissing(_)
            | Error::TwoEnds(_)
            | Error::Reshaped(_)
            | Error::Dropped
            | Error::CheckpointGone { .. }
            | Error::Unfit { .. }
            | Error::BrokenTree(_)
            | Error::RolledBack { .. } => {
                tracing::error!(error = %detail, "an audit log is broken");
                (StatusCode::CONFLICT, "audit-broken")
            }
            Error::NotFound(_) | Error::NoLog(_) => (StatusCode::NOT_FOUND, "not-found"),
            Error::Reason(_) | Error::NoSuchSize { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "validation-error")
            }
            Error::Erased => (StatusCode::GONE, "audit-erased"),
            Error::UnknownKey(_) | Error::Unsealable => (StatusCode::CONFLICT, "audit-unreadable"),
            Error::DevelopmentKeyLost(_)
            | Error::OtherKey(_)
            | Error::Key(_)
            | Error::NoRandomness(_)
            | Error::Signing
            | Error::Database(_) => return Self::internal(&error),
        };
        Self::new(status, slug, detail)
    }
}

fn log(admin: &Admin) -> Log {
    Log::Org(admin.0.org_id.clone())
}

/// One entry of the caller's organisation.
#[utoipa::path(
    get,
    path = "/api/audit/{id}",
    tag = "audit",
    security(("bearer" = ["admin"])),
    params(("id" = uuid::Uuid, Path, description = "the entry")),
    responses(
        (status = 200, description = "the entry", body = EntryView),
        (status = 404, description = "Audit entry not found"),
    ),
)]
async fn get_entry(
    State(audit): State<Audit>,
    admin: Admin,
    Id(id): Id<EntryId>,
) -> Result<Json<EntryView>, Problem> {
    Ok(Json(audit.entry(&log(&admin), id).await?.into()))
}

/// Why something is decrypted.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct DecryptEntry {
    /// The reason, 1 to 500 bytes; it is noted in the log before anything is opened.
    reason: String,
}

/// Opens what an entry sealed.
#[utoipa::path(
    post,
    path = "/api/audit/{id}/decrypt",
    tag = "audit",
    security(("bearer" = ["admin"])),
    params(("id" = uuid::Uuid, Path, description = "the entry")),
    request_body = DecryptEntry,
    responses(
        (status = 200, description = "The payload", body = OpenedView),
        (status = 404, description = "Audit entry not found"),
        (status = 409, description = "The audit key is not configured, or the entry was changed"),
        (status = 410, description = "The payload was erased"),
    ),
)]
async fn decrypt_entry(
    State(audit): State<Audit>,
    admin: Admin,
    Extension(request): Extension<RequestId>,
    Extension(trace): Extension<TraceId>,
    Id(id): Id<EntryId>,
    Json(body): Json<DecryptEntry>,
) -> Result<Json<OpenedView>, Problem> {
    let asker = Asker::new(&admin.0, &request, &trace);
    let opened = audit
        .decrypt(&log(&admin), id, &asker, &body.reason)
        .await?;
    Ok(Json(OpenedView::new(id, opened)))
}

/// The form of an export.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// JSON Lines: every record with what verification needs.
    #[default]
    Jsonl,
    /// A table for people: one line for an entry, without what is sealed.
    Csv,
}

/// The export that is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// The form; `jsonl` when absent.
    #[serde(default)]
    #[param(inline)]
    format: Format,
    /// Not before, RFC 3339.
    since: Option<DateTime<Utc>>,
    /// Before, RFC 3339.
    until: Option<DateTime<Utc>>,
}

/// Exports the log of the caller's organisation: what `navi audit verify --export` verifies, or a table.
#[utoipa::path(
    get,
    path = "/api/audit/export",
    tag = "audit",
    security(("bearer" = ["admin"])),
    params(ExportQuery),
    responses(
        (
            status = 200,
            description = "The log; a failed export ends in the middle of a chunk",
            content((String = "application/jsonl"), (String = "text/csv")),
        ),
        (status = 409, description = "The log is damaged; `navi audit verify` says where"),
    ),
)]
async fn export_entries(
    State(audit): State<Audit>,
    admin: Admin,
    Extension(request): Extension<RequestId>,
    Extension(trace): Extension<TraceId>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let (log, asker) = (log(&admin), Asker::new(&admin.0, &request, &trace));
    let filter = Filter {
        since: query.since,
        until: query.until,
        ..Filter::default()
    };
    let (name, kind) = match query.format {
        Format::Jsonl => ("jsonl", "application/jsonl"),
        Format::Csv => ("csv", "text/csv; charset=utf-8"),
    };
    audit.begin_export(&log, &asker, &filter, name).await?;
    let body = match query.format {
        Format::Jsonl => jsonl(audit, log, filter).await?,
        Format::Csv => table(audit, log, filter),
    };
    let disposition = format!("attachment; filename=\"audit-log.{name}\"");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, body).into_response())
}

async fn jsonl(audit: Audit, log: Log, filter: Filter) -> Result<Body, Problem> {
    let (header, after) = audit.export_header(&log, &filter).await?;
    let first = written(&[header]).map_err(|error| Problem::internal(&error))?;
    let pages = stream::try_unfold(Some((first, after)), move |state| {
        let (audit, log, filter) = (audit.clone(), log.clone(), filter.clone());
        async move {
            let Some((text, after)) = state else {
                return Ok::<_, Error>(None);
            };
            let (lines, last) = audit.export_page(&log, &filter, after, EXPORT_PAGE).await?;
            if lines.is_empty() {
                return Ok(Some((text, None)));
            }
            let next = written(&lines).unwrap_or_default();
            Ok(Some((text, Some((next, last)))))
        }
    });
    Ok(Body::from_stream(pages))
}

fn written(lines: &[Line]) -> serde_json::Result<Bytes> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    Ok(Bytes::from(text))
}

fn table(audit: Audit, log: Log, filter: Filter) -> Body {
    let first = Some((csv_export::heading(), None));
    let pages = stream::try_unfold(first, move |state| {
        let (audit, log, filter) = (audit.clone(), log.clone(), filter.clone());
        async move {
            let Some((text, before)) = state else {
                return Ok::<_, Error>(None);
            };
            let page = audit.entries(&log, &filter, before, EXPORT_PAGE).await?;
            let Some(last) = page.last().map(|entry| entry.sequence) else {
                return Ok(Some((text, None)));
            };
            Ok(Some((text, Some((csv_export::rows(page), Some(last))))))
        }
    });
    Body::from_stream(pages)
}

/// The checkpoint that the caller already has.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct CheckpointQuery {
    /// The size of a checkpoint that the caller has; the answer proves that the log continues it.
    since: Option<i64>,
}

/// Signs the log of the caller's organisation as it is now.
#[utoipa::path(
    get,
    path = "/api/audit/checkpoint",
    tag = "audit",
    security(("bearer" = ["admin"])),
    params(CheckpointQuery),
    responses(
        (status = 200, description = "the checkpoint", body = CheckpointView),
        (status = 404, description = "The organisation has no audit records yet"),
        (status = 409, description = "The log is damaged; `navi audit verify` says where"),
    ),
)]
async fn get_checkpoint(
    State(audit): State<Audit>,
    admin: Admin,
    Query(query): Query<CheckpointQuery>,
) -> Result<Json<CheckpointView>, Problem> {
    let log = log(&admin);
    let found = match query.since {
        None => {
            let signed = audit.checkpoint(&log).await?;
            audit.name_soon().await;
            signed.map(|signed| (signed, None))
        }
        Some(since) => {
            let found = audit.checkpoint_since(&log, since).await?;
            found.map(|(signed, path)| (signed, Some(path)))
        }
    };
    let Some((signed, path)) = found else {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "the organisation has no audit records yet",
        ));
    };
    let keys = audit.verifying_keys();
    Ok(Json(CheckpointView::new(&signed, &keys, path)))
}

/// Proves that an entry stands in the log.
#[utoipa::path(
    get,
    path = "/api/audit/{id}/proof",
    tag = "audit",
    security(("bearer" = ["admin"])),
    params(("id" = uuid::Uuid, Path, description = "the entry")),
    responses(
        (status = 200, description = "the proof", body = ProofView),
        (status = 404, description = "Audit entry not found"),
        (status = 409, description = "The log is damaged; `navi audit verify` says where"),
    ),
)]
async fn prove_entry(
    State(audit): State<Audit>,
    admin: Admin,
    Id(id): Id<EntryId>,
) -> Result<Json<ProofView>, Problem> {
    let (signed, found) = audit.prove(&log(&admin), id).await?;
    let keys = audit.verifying_keys();
    Ok(Json(ProofView::new(id, &signed, &keys, &found)))
}
