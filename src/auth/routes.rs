//! The caller's identity, as the server sees it, and tickets for streams.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::layer::NO_REFERRER;
use crate::auth::principal::{Principal, Role};
use crate::auth::ticket::{NoStream, StreamPath, TTL_SECONDS, Tickets};
use crate::platform::extract::Json;
use crate::platform::problem::Problem;

/// The state of these routes.
#[derive(Clone)]
struct TicketState {
    tickets: Tickets,
    /// The templates of the routes that a ticket may open.
    streams: &'static [&'static str],
}

/// The routes of this slice. Tickets are for the routes with the templates `streams`.
pub fn routes(tickets: Tickets, streams: &'static [&'static str]) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(get_me))
        .routes(routes!(issue_stream_ticket))
        .with_state(TicketState { tickets, streams })
}

/// The verified caller.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Me {
    /// The organisation that the token names.
    org_id: String,
    /// The person that the token names.
    user_id: String,
    /// Role of the caller.
    role: Role,
}

/// Says who the caller is.
#[utoipa::path(
    get,
    path = "/api/auth/me",
    tag = "auth",
    security(("bearer" = ["viewer"])),
    responses((status = 200, description = "The user and the organisation of the token", body = Me)),
)]
async fn get_me(principal: Principal) -> Json<Me> {
    Json(Me {
        org_id: principal.org_id.into(),
        user_id: principal.user_id.into(),
        role: principal.role,
    })
}

/// The stream that is to be opened.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct StreamTicketRequest {
    /// The path of the stream, such as `/api/jobs/{job_id}/events`, without a query.
    #[schema(example = "/api/jobs/01890a5d-ac96-774b-bcce-b302099a8057/events")]
    path: String,
}

/// A ticket that opens a stream.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct StreamTicket {
    /// For the parameter `ticket` of the stream's address.
    ticket: String,
    /// The path that it opens, as `GET` and as often as you like.
    #[schema(value_type = String)]
    path: StreamPath,
    /// Seconds until it expires. A stream that is open by then stays open.
    expires_in: u32,
    /// When it expires.
    expires_at: DateTime<Utc>,
}

/// A ticket that no cache on the way keeps.
type NoStore<T> = ([(HeaderName, HeaderValue); 2], Json<T>);

/// Get a ticket for a stream.
///
/// For clients that cannot send a header, such as a browser's `EventSource`: the ticket goes into the
/// address in place of the token, which must never stand there. It opens the stream that it was asked
/// for and nothing else, for its bearer as they are now.
#[utoipa::path(
    post,
    path = "/api/auth/stream-ticket",
    tag = "auth",
    security(("bearer" = ["viewer"])),
    request_body = StreamTicketRequest,
    responses(
        (status = 200, description = "the ticket", body = StreamTicket),
        (status = 422, description = "No stream that accepts tickets has this path"),
    ),
)]
async fn issue_stream_ticket(
    State(office): State<TicketState>,
    principal: Principal,
    Json(request): Json<StreamTicketRequest>,
) -> Result<NoStore<StreamTicket>, Problem> {
    let path = StreamPath::parse(&request.path, office.streams).map_err(|reason| {
        let streams = office.streams.join(", ");
        let detail = match reason {
            NoStream::NoId => format!(
                "the id in `path` is no UUID; put an id, such as the `job_id` of a job, into the path of a stream: {streams}"
            ),
            NoStream::OtherPath => {
                format!("`path` is the path of a stream, without a query: {streams}")
            }
        };
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-error", detail)
    })?;
    let ticket = office.tickets.issue(&principal, path.clone());
    let ticket = ticket.map_err(|error| Problem::internal(&error))?;
    let unkept = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, NO_REFERRER),
    ];
    let answer = StreamTicket {
        ticket: ticket.text,
        path,
        expires_in: TTL_SECONDS,
        expires_at: ticket.expires_at,
    };
    Ok((unkept, Json(answer)))
}
