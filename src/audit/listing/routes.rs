//! Lists and payloads over HTTP, for administrators of an organisation.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::entry::Entry;
use crate::audit::event::{self, Event};
use crate::audit::listing::model::{Format, Hints};
use crate::audit::listing::view::{ListView, LookView, rows};
use crate::audit::model::{EntryId, Filter, Log, Outcome};
use crate::audit::reader::Asker;
use crate::audit::service::Audit;
use crate::audit::view::PageView;
use crate::auth::principal::Admin;
use crate::platform::extract::{Id, Json, Query};
use crate::platform::logging::{RequestId, TraceId};
use crate::platform::problem::Problem;

/// The size of a page when the request names none.
const DEFAULT_LIMIT: u32 = 100;
/// The most entries of a page.
const MAX_LIMIT: u32 = 1_000;
/// The reason that is recorded for a page that asks without one.
const NO_REASON: &str = "none given: the audit page of an older client asks without a reason";
/// The headers that choose between the shapes, for caches.
const VARY: &str = "Accept, Sec-Fetch-Mode";

/// The routes of this part.
pub fn routes(audit: Audit) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_entries))
        .routes(routes!(look_at_payload))
        .with_state(audit)
}

/// Which entries.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The organisation, which can only be the caller's: there are no entries of another one.
    org: Option<String>,
    /// Only those of this person: the token's `sub`.
    actor: Option<String>,
    /// Only this event.
    #[serde(default, deserialize_with = "event::known")]
    event_type: Option<Event>,
    /// Only this route template.
    route: Option<String>,
    /// Only this outcome.
    outcome: Option<Outcome>,
    /// Not before, RFC 3339.
    since: Option<DateTime<Utc>>,
    /// Before, RFC 3339.
    until: Option<DateTime<Utc>>,
    /// At most this many; brought into 1 to 1000, 100 when absent.
    #[serde(default = "default_limit")]
    limit: u32,
    /// `next_cursor` of the page before.
    cursor: Option<i64>,
    /// The shape of the answer. Without one a browser's page that names no media type is sent the
    /// array, and every other client the object.
    #[param(inline)]
    format: Option<Format>,
}

fn default_limit() -> u32 {
    DEFAULT_LIMIT
}

/// Lists what was done in the caller's organisation, newest first.
#[utoipa::path(
    get,
    path = "/api/audit",
    tag = "audit",
    security(("bearer" = ["admin"])),
    params(ListQuery),
    responses((
        status = 200,
        description = "the entries",
        body = ListView,
        headers(("Link" = String, description = "the next page of an array, RFC 8288")),
    )),
)]
async fn list_entries(
    State(audit): State<Audit>,
    Admin(principal): Admin,
    headers: HeaderMap,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let format = negotiated(query.format, &headers);
    let org_id = principal.org_id.as_str();
    let named = query.org.as_deref().filter(|org| !org.is_empty());
    let elsewhere = named.is_some_and(|org| org != org_id);
    let limit = query.limit.clamp(1, MAX_LIMIT);
    let found = if elsewhere {
        Vec::new()
    } else {
        let log = Log::Org(principal.org_id.clone());
        let filter = Filter {
            actor: query.actor,
            event: query.event_type,
            route: query.route,
            outcome: query.outcome,
            since: query.since,
            until: query.until,
        };
        let more = i64::from(limit) + 1;
        audit.entries(&log, &filter, query.cursor, more).await?
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut response = match format {
        Format::Object => Json(ListView::Object(PageView::new(found, limit))).into_response(),
        Format::Array => array(org_id, &uri, found, limit),
    };
    let vary = HeaderValue::from_static(VARY);
    response.headers_mut().append(header::VARY, vary);
    Ok(response)
}

fn negotiated(named: Option<Format>, headers: &HeaderMap) -> Format {
    let values = headers.get_all(header::ACCEPT).iter();
    let accept: Vec<&str> = values.map(|value| value.to_str().unwrap_or("")).collect();
    let hints = Hints {
        accept: &accept,
        from_browser: headers.contains_key("sec-fetch-mode"),
    };
    Format::of(named, hints)
}

/// A page as a bare array, from one entry more than it shows.
fn array(org_id: &str, uri: &Uri, mut found: Vec<Entry>, limit: usize) -> Response {
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(|entry| entry.sequence);
    let link = last.and_then(|last| next_link(uri, last));
    let mut response = Json(ListView::Array(rows(org_id, found))).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// The address of the next page, which is an array for every client.
fn next_link(uri: &Uri, cursor: i64) -> Option<HeaderValue> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let sent = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    query.extend_pairs(sent.filter(|(name, _)| name != "cursor" && name != "format"));
    query.append_pair("format", "array");
    query.append_pair("cursor", &cursor.to_string());
    let link = format!("<{}?{}>; rel=\"next\"", uri.path(), query.finish());
    HeaderValue::from_str(&link).ok()
}

/// Parameters for a look at a payload.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct LookQuery {
    /// Open the payload; false when absent.
    #[serde(default)]
    decrypt: bool,
    /// The reason for opening it, 1 to 500 bytes; it is recorded before anything is opened. For the page
    /// of an older client, which gives none, that is recorded.
    reason: Option<String>,
}

/// Describes what an entry sealed, or opens it.
///
/// New clients open payloads with `POST /api/audit/{id}/decrypt`.
#[utoipa::path(
    get,
    path = "/api/audit/{id}/payload",
    tag = "audit",
    security(("bearer" = ["admin"])),
    params(("id" = uuid::Uuid, Path, description = "the entry"), LookQuery),
    responses(
        (status = 200, description = "the payload, or a description of it", body = LookView),
        (status = 404, description = "Audit entry not found"),
        (status = 409, description = "The audit key is not configured, or the entry was changed"),
        (status = 410, description = "The payload was erased"),
        (status = 422, description = "`reason` is missing or too long"),
    ),
)]
async fn look_at_payload(
    State(audit): State<Audit>,
    Admin(principal): Admin,
    Extension(request): Extension<RequestId>,
    Extension(trace): Extension<TraceId>,
    Id(id): Id<EntryId>,
    headers: HeaderMap,
    Query(query): Query<LookQuery>,
) -> Result<Response, Problem> {
    let log = Log::Org(principal.org_id.clone());
    let view = if query.decrypt {
        let asker = Asker::new(&principal, &request, &trace);
        let unstated = match negotiated(None, &headers) {
            Format::Array => NO_REASON,
            Format::Object => "",
        };
        let reason = query.reason.as_deref().unwrap_or(unstated);
        LookView::opened(id, audit.decrypt(&log, id, &asker, reason).await?)
    } else {
        LookView::sealed(id, &audit.sealed(&log, id).await?)
    };
    // It stands at an address that browsers would keep it under.
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((headers, Json(view)).into_response())
}
