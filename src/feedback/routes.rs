//! Rating answers over HTTP, and reading what was said of them.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::layer::Changed;
use crate::auth::principal::{Admin, Principal};
use crate::feedback::cursor::Cursor;
use crate::feedback::error::Error;
use crate::feedback::model::Signal;
use crate::feedback::service::{Feedback, Submission};
use crate::feedback::view::{
    LearningView, NotedView, OwnRatingView, PageView, RatingView, StatsView, StoredView,
};
use crate::platform::extract::{Json, Path, Query};
use crate::platform::page::Position;
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

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound => Self::new(StatusCode::NOT_FOUND, "generation-not-found", detail),
            Error::BadRating | Error::ReasonTooLong | Error::CommentTooLong => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-error", detail)
            }
            // Not a 422: clients of the version before this one know it as this.
            Error::BadDays | Error::BadLimit => {
                Self::new(StatusCode::BAD_REQUEST, "invalid-request", detail)
            }
            Error::Database(error) => Self::internal(&error),
        }
    }
}

/// What somebody says of an answer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct SubmitRating {
    /// The answer, as `generation_logged` named it.
    gen_id: i64,
    /// -1 rejects it, 1 accepts it, 0 takes back what was said.
    #[schema(minimum = -1, maximum = 1)]
    rating: i64,
    /// Why, in a word: at most 64 characters.
    reason: Option<String>,
    /// Why, in more words: at most 1000 characters.
    comment: Option<String>,
}

/// Rate an answer of yours, or change your mind about it.
///
/// A second rating takes the place of the first, with its reason and comment. Saying the same again
/// changes nothing. Who asks is known from the token; other fields are ignored.
#[utoipa::path(
    post, path = "/api/feedback/submit", tag = "feedback",
    security(("bearer" = ["viewer"])),
    request_body = SubmitRating,
    responses(
        (status = 200, description = "The rating as it is stored", body = StoredView),
        (status = 404, description = "There is no such answer of yours"),
        (status = 422, description = "No such rating, or too many words"),
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
    let (before, after) = feedback.submit(&principal, submission).await?;
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
    params(("gen_id" = i64, Path, description = "the answer, as `generation_logged` named it")),
    responses(
        (status = 200, description = "The rating, or nulls while there is none", body = OwnRatingView),
        (status = 404, description = "There is no such answer of yours"),
    )
)]
async fn own_rating(
    State(feedback): State<Feedback>,
    principal: Principal,
    Path(gen_id): Path<i64>,
) -> Result<Json<OwnRatingView>, Problem> {
    let rated = feedback.own_rating(&principal, gen_id).await?;
    Ok(Json(OwnRatingView::new(gen_id, rated)))
}

/// What a client can see happen to an answer.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum SeenSignal {
    /// Its changes were left as they are.
    Kept,
    /// They were changed further.
    Edited,
    /// They were undone.
    Reverted,
}

impl From<SeenSignal> for Signal {
    fn from(seen: SeenSignal) -> Self {
        match seen {
            SeenSignal::Kept => Self::Kept,
            SeenSignal::Edited => Self::Edited,
            SeenSignal::Reverted => Self::Reverted,
        }
    }
}

/// What happened to an answer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct NoteSignal {
    /// The answer, as `generation_logged` named it.
    gen_id: i64,
    /// What happened.
    signal: SeenSignal,
}

/// Say what became of an answer of yours in the editor.
///
/// Each thing is noted once. It counts for half as much as a rating, and only while there is none.
#[utoipa::path(
    post, path = "/api/feedback/signals", tag = "feedback",
    security(("bearer" = ["viewer"])),
    request_body = NoteSignal,
    responses(
        (status = 200, description = "It is noted", body = NotedView),
        (status = 404, description = "There is no such answer of yours"),
    )
)]
async fn note_signal(
    State(feedback): State<Feedback>,
    principal: Principal,
    Json(body): Json<NoteSignal>,
) -> Result<(Extension<Changed>, Json<NotedView>), Problem> {
    let signal = body.signal.into();
    let is_new = feedback.note(&principal, body.gen_id, signal).await?;
    let noted = NotedView::new(body.gen_id, signal);
    let before = (!is_new).then_some(&noted);
    let changed = Changed::between(before, Some(&noted));
    Ok((Extension(changed), Json(noted)))
}

/// Of which time.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct StatsQuery {
    /// How many days back, 1 to 365; 30 when absent.
    days: Option<i64>,
}

/// What your organisation said of the answers of the last days, in numbers.
///
/// A rating counts with its answer, whenever it was given.
#[utoipa::path(
    get, path = "/api/feedback/stats", tag = "feedback",
    security(("bearer" = ["viewer"])),
    params(StatsQuery),
    responses(
        (status = 200, description = "The numbers", body = StatsView),
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

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct RecentQuery {
    /// At most this many, 1 to 200; 50 when absent.
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The ratings of your organisation, page by page.
#[utoipa::path(
    get, path = "/api/feedback/recent", tag = "feedback",
    security(("bearer" = ["admin"])),
    params(RecentQuery),
    responses(
        (status = 200, description = "A page", body = PageView),
        (status = 400, description = "`limit` is out of bounds"),
        (status = 422, description = "No such cursor"),
    )
)]
async fn recent_ratings(
    State(feedback): State<Feedback>,
    Admin(principal): Admin,
    Query(query): Query<RecentQuery>,
) -> Result<Json<PageView>, Problem> {
    let after = query.cursor.as_deref().map(Cursor::decode).transpose()?;
    let limit = query.limit.unwrap_or(50);
    let page = feedback.recent(&principal, limit, after).await?;
    Ok(Json(page.into()))
}

/// What is known of each choice of temperature and model, in each kind of circumstances.
#[utoipa::path(
    get, path = "/api/feedback/learning", tag = "feedback",
    security(("bearer" = ["admin"])),
    responses((status = 200, description = "What is known", body = LearningView))
)]
async fn bandit_report(
    State(feedback): State<Feedback>,
    Admin(principal): Admin,
) -> Result<Json<LearningView>, Problem> {
    let report = feedback.learning(&principal).await?;
    Ok(Json(LearningView::new(principal.org_id.as_str(), report)))
}
