//! HTTP routes of ratings, signals and statistics.

use std::num::ParseIntError;
use std::str::FromStr;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::recording::layer::Changed;
use crate::auth::principal::{Admin, Principal};
use crate::feedback::cursor::RatingCursor;
use crate::feedback::error::Error;
use crate::feedback::model::FeedbackSignal;
use crate::feedback::service::{Feedback, Submission, SubmittedRating};
use crate::feedback::view::{
    BanditReportView, NotedView, OwnRatingView, RatingView, RatingsPageView, StatsView, StoredView,
};
use crate::platform::extract::{Addressed, Id, Json, Query};
use crate::platform::page::CursorValue;
use crate::platform::problem::Problem;

/// The routes of this slice.
pub fn routes(feedback: Feedback) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(submit_rating))
        .routes(routes!(own_rating))
        .routes(routes!(note_signal))
        .routes(routes!(feedback_stats))
        .routes(routes!(recent_ratings))
        .routes(routes!(bandit_report))
        .with_state(feedback)
}

/// The number of an answer in an address.
struct GenId(i64);

impl FromStr for GenId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

impl Addressed for GenId {
    fn missing(_: String) -> Problem {
        Error::NotFound.into()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound => Self::new(StatusCode::NOT_FOUND, "generation-not-found", detail),
            Error::BadRating | Error::ReasonTooLong | Error::CommentTooLong => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-error", detail)
            }
            // Not a 422, for clients of the version before this one.
            Error::BadDays | Error::BadLimit => {
                Self::new(StatusCode::BAD_REQUEST, "invalid-request", detail)
            }
            Error::Database(error) => Self::internal(&error),
        }
    }
}

/// A rating of an answer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct SubmitRating {
    /// `gen_id` of the event `generation_logged`.
    gen_id: i64,
    /// -1 rejects, 1 accepts, 0 withdraws.
    #[schema(minimum = -1, maximum = 1)]
    rating: i64,
    /// Reason in a word, at most 64 characters.
    reason: Option<String>,
    /// Comment, at most 1000 characters.
    comment: Option<String>,
}

/// Rate an answer of yours, or change the rating.
///
/// A second rating replaces the first, with its reason and comment. The same rating again changes nothing.
/// The user is taken from the token; other fields are ignored.
#[utoipa::path(
    post, path = "/api/feedback/submit", tag = "feedback",
    security(("bearer" = ["viewer"])),
    request_body = SubmitRating,
    responses(
        (status = 200, description = "The rating as it is stored", body = StoredView),
        (status = 404, description = "Answer not found"),
        (status = 422, description = "The rating is out of range, or a text is too long"),
    )
)]
async fn submit_rating(
    State(feedback): State<Feedback>,
    principal: Principal,
    Json(body): Json<SubmitRating>,
) -> Result<(Extension<Changed>, Json<StoredView>), Problem> {
    let gen_id = body.gen_id;
    let submission = Submission {
        gen_id,
        rating: body.rating,
        reason: body.reason,
        comment: body.comment,
    };
    let SubmittedRating { before, after } = feedback.submit(&principal, submission).await?;
    let before = before.map(|before| RatingView::new(gen_id, before));
    let rating = RatingView::new(gen_id, after);
    let changed = Changed::between(before.as_ref(), Some(&rating));
    let stored = StoredView {
        success: true,
        message: "Feedback submitted successfully",
        rating,
    };
    Ok((Extension(changed), Json(stored)))
}

/// Your rating of an answer of yours.
#[utoipa::path(
    get, path = "/api/feedback/generations/{gen_id}", tag = "feedback",
    security(("bearer" = ["viewer"])),
    params(("gen_id" = i64, Path, description = "`gen_id` of the event `generation_logged`")),
    responses(
        (status = 200, description = "The rating, or nulls without one", body = OwnRatingView),
        (status = 404, description = "Answer not found"),
    )
)]
async fn own_rating(
    State(feedback): State<Feedback>,
    principal: Principal,
    Id(GenId(gen_id)): Id<GenId>,
) -> Result<Json<OwnRatingView>, Problem> {
    let rated = feedback.own_rating(&principal, gen_id).await?;
    Ok(Json(OwnRatingView::new(gen_id, rated)))
}

/// Signals that clients observe.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = SeenSignal)]
#[serde(rename_all = "lowercase")]
enum ClientSignal {
    /// The changes were kept.
    Kept,
    /// The changes were edited further.
    Edited,
    /// The changes were reverted.
    Reverted,
}

impl From<ClientSignal> for FeedbackSignal {
    fn from(signal: ClientSignal) -> Self {
        match signal {
            ClientSignal::Kept => Self::Kept,
            ClientSignal::Edited => Self::Edited,
            ClientSignal::Reverted => Self::Reverted,
        }
    }
}

/// A signal on an answer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct NoteSignal {
    /// `gen_id` of the event `generation_logged`.
    gen_id: i64,
    /// Signal.
    signal: ClientSignal,
}

/// Report a signal on an answer of yours.
///
/// Each signal is recorded once. It counts half as much as a rating, and only without one.
#[utoipa::path(
    post, path = "/api/feedback/signals", tag = "feedback",
    security(("bearer" = ["viewer"])),
    request_body = NoteSignal,
    responses(
        (status = 200, description = "The signal is recorded", body = NotedView),
        (status = 404, description = "Answer not found"),
    )
)]
async fn note_signal(
    State(feedback): State<Feedback>,
    principal: Principal,
    Json(body): Json<NoteSignal>,
) -> Result<(Extension<Changed>, Json<NotedView>), Problem> {
    let signal = body.signal.into();
    let is_new = feedback
        .record_signal(&principal, body.gen_id, signal)
        .await?;
    let noted = NotedView::new(body.gen_id, signal);
    let before = (!is_new).then_some(&noted);
    let changed = Changed::between(before, Some(&noted));
    Ok((Extension(changed), Json(noted)))
}

/// Period of the statistics.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct StatsQuery {
    /// Length of the period in days, 1 to 365; 30 when absent.
    days: Option<i64>,
}

/// Statistics of your organisation's answers and their ratings over the last days.
///
/// A rating belongs to the day of its answer.
#[utoipa::path(
    get, path = "/api/feedback/stats", tag = "feedback",
    security(("bearer" = ["viewer"])),
    params(StatsQuery),
    responses(
        (status = 200, description = "The statistics", body = StatsView),
        (status = 400, description = "`days` is out of bounds"),
    )
)]
async fn feedback_stats(
    State(feedback): State<Feedback>,
    principal: Principal,
    Query(query): Query<StatsQuery>,
) -> Result<Json<StatsView>, Problem> {
    let stats = feedback.stats(&principal, query.days.unwrap_or(30)).await?;
    Ok(Json(stats.into()))
}

/// Page of ratings.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct RecentQuery {
    /// Page size, 1 to 200; 50 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The ratings of your organisation, page by page.
#[utoipa::path(
    get, path = "/api/feedback/recent", tag = "feedback",
    security(("bearer" = ["admin"])),
    params(RecentQuery),
    responses(
        (status = 200, description = "A page", body = RatingsPageView),
        (status = 400, description = "`limit` is out of bounds"),
        (status = 422, description = "`cursor` is not valid"),
    )
)]
async fn recent_ratings(
    State(feedback): State<Feedback>,
    Admin(principal): Admin,
    Query(query): Query<RecentQuery>,
) -> Result<Json<RatingsPageView>, Problem> {
    let after = query
        .cursor
        .as_deref()
        .map(RatingCursor::decode)
        .transpose()?;
    let limit = query.limit.unwrap_or(50);
    let page = feedback.recent(&principal, limit, after).await?;
    Ok(Json(page.into()))
}

/// Counts of accepted and rejected answers per choice of temperature and model, by context.
#[utoipa::path(
    get, path = "/api/feedback/learning", tag = "feedback",
    security(("bearer" = ["admin"])),
    responses((status = 200, description = "The counts", body = BanditReportView))
)]
async fn bandit_report(
    State(feedback): State<Feedback>,
    Admin(principal): Admin,
) -> Result<Json<BanditReportView>, Problem> {
    let report = feedback.bandit_report(&principal).await?;
    Ok(Json(BanditReportView::new(
        principal.org_id.as_str(),
        report,
    )))
}
