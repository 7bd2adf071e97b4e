//! Answers to questions over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::approvals::questions::error::Error;
use crate::approvals::questions::model::QuestionAnswer;
use crate::approvals::questions::service::Questions;
use crate::auth::principal::Principal;
use crate::platform::extract::{Addressed, Id, Json};
use crate::platform::ids::PromptId;
use crate::platform::problem::Problem;

/// The routes of this slice.
pub fn routes(questions: Questions) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(answer_prompt))
        .with_state(questions)
}

impl Addressed for PromptId {
    fn missing(name: String) -> Problem {
        Error::NotFound(name).into()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "prompt-not-found", detail),
            Error::AlreadyAnswered(_) => {
                Self::new(StatusCode::CONFLICT, "prompt-already-answered", detail)
            }
            Error::Database(error) => Self::internal(&error),
        }
    }
}

/// The answer to a question of a run.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct PromptAnswer {
    /// The answer; a text, or whatever the question's type asks for.
    response: Option<Value>,
    /// True when the user does not want to answer.
    cancelled: Option<bool>,
    /// True with `cancelled` where no person could be asked, such as in a script; the run receives it as that.
    nobody_asked: Option<bool>,
}

/// Confirmation of an answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PromptTaken {
    success: bool,
    #[schema(value_type = uuid::Uuid)]
    prompt_id: PromptId,
    cancelled: bool,
    message: String,
}

/// Answer a question of a run, or refuse to.
#[utoipa::path(
    post, path = "/api/navi/prompt/{prompt_id}", tag = "agent", request_body = PromptAnswer,
    params(("prompt_id" = uuid::Uuid, Path, description = "From the event `prompt_request`")),
    responses(
        (status = 200, description = "The answer was recorded", body = PromptTaken),
        (status = 400, description = "Neither `response` nor `cancelled` was sent"),
        (status = 404, description = "Prompt not found or expired"),
        (status = 409, description = "Already answered with a different answer"),
    )
)]
async fn answer_prompt(
    State(questions): State<Questions>,
    principal: Principal,
    Id(prompt_id): Id<PromptId>,
    Json(answer): Json<PromptAnswer>,
) -> Result<Json<PromptTaken>, Problem> {
    let nobody_asked = answer.nobody_asked.unwrap_or(false);
    let response = match (answer.cancelled.unwrap_or(false), answer.response) {
        (true, _) => None,
        (false, Some(Value::String(text))) => Some(text),
        (false, Some(value)) if !value.is_null() => Some(value.to_string()),
        (false, Some(_) | None) => {
            let detail = "supply `response`, or `cancelled: true`";
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "prompt-unanswered",
                detail,
            ));
        }
    };
    let (org_id, user_id) = (&principal.org_id, &principal.user_id);
    let given = match response.as_deref() {
        Some(words) => QuestionAnswer::Words(words),
        None if nobody_asked => QuestionAnswer::NobodyAsked,
        None => QuestionAnswer::Refused,
    };
    questions.answer(org_id, user_id, prompt_id, given).await?;
    let cancelled = response.is_none();
    let message = if cancelled {
        "the question was cancelled"
    } else {
        "the answer was taken"
    };
    Ok(Json(PromptTaken {
        success: true,
        prompt_id,
        cancelled,
        message: message.to_owned(),
    }))
}
