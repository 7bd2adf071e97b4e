//! Consents over HTTP, in the shapes that old clients read.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::approvals::consents::error::Error;
use crate::approvals::consents::model::{
    AnsweredConsent, AuditEntry, Choice, Decided, GivenAnswer,
};
use crate::approvals::consents::preferences::model::{Preference, PreferenceId, PreferenceType};
use crate::approvals::consents::service::Consents;
use crate::auth::principal::{Answerer, Principal};
use crate::platform::extract::{Addressed, Id, Json, Query};
use crate::platform::ids::{ConsentId, RunId};
use crate::platform::page::DEFAULT_LIMIT;
use crate::platform::problem::Problem;
use crate::platform::text::visible;
use crate::policy::model::Danger;

/// The routes of this slice.
pub fn routes(consents: Consents) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(answer_consent))
        .routes(routes!(list_preferences))
        .routes(routes!(delete_preference))
        .routes(routes!(list_audit))
        .with_state(consents)
}

impl Addressed for ConsentId {
    fn missing(name: String) -> Problem {
        Error::NotFound(name).into()
    }
}

impl Addressed for PreferenceId {
    fn missing(name: String) -> Problem {
        Error::PreferenceNotFound(name).into()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "consent-not-found", detail),
            Error::AlreadyAnswered(_) => {
                Self::new(StatusCode::CONFLICT, "consent-already-answered", detail)
            }
            Error::Unanswered | Error::AlternativeMissing => {
                Self::new(StatusCode::BAD_REQUEST, "consent-unanswered", detail)
            }
            Error::AlternativeTooLong { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "text-too-long", detail)
            }
            Error::PreferenceNotFound(_) => {
                Self::new(StatusCode::NOT_FOUND, "preference-not-found", detail)
            }
            Error::Audit(error) => error.into(),
            Error::Database(error) => Self::internal(&error),
        }
    }
}

/// The answer to a consent.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ConsentAnswer {
    /// `allow_once`, `allow_always_exact`, `allow_always_type`, `deny` or `alternative`.
    choice: Option<String>,
    /// The same under the name that other clients send.
    decision: Option<String>,
    /// Command to run instead, at most 8 KiB; needed with `alternative`.
    alternative_command: Option<String>,
    /// True with `deny` where no person could be asked, such as in a script: it is no
    /// person's denial, and the run receives it as that.
    nobody_asked: Option<bool>,
}

impl ConsentAnswer {
    /// The answer. An error when none was given, when two differ, and for a yes where no person was asked.
    pub fn given(self) -> Result<GivenAnswer, Error> {
        let choice = self.chosen()?;
        if !self.nobody_asked.unwrap_or(false) {
            let alternative = self.alternative_command;
            return Ok(GivenAnswer::Chosen {
                choice,
                alternative,
            });
        }
        if choice == Choice::Deny {
            Ok(GivenAnswer::NobodyAsked)
        } else {
            Err(Error::Unanswered)
        }
    }

    fn chosen(&self) -> Result<Choice, Error> {
        let words = [&self.choice, &self.decision];
        let words = words.into_iter().flatten();
        let words = words.filter(|word| !word.trim().is_empty());
        let choices: Vec<_> = words.map(|word| Choice::parse(word)).collect();
        match choices.as_slice() {
            [Some(choice)] => Ok(*choice),
            [Some(choice), Some(same)] if choice == same => Ok(*choice),
            [] | [_] | [_, _, ..] => Err(Error::Unanswered),
        }
    }
}

/// Confirmation of an answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ConsentTaken {
    success: bool,
    #[schema(value_type = uuid::Uuid)]
    consent_id: ConsentId,
    choice: Choice,
    message: &'static str,
}

/// Answer whether the agent may do something.
#[utoipa::path(
    post, path = "/api/navi/consent/{consent_id}", tag = "consents",
    security(("bearer" = ["planner"])),
    request_body = ConsentAnswer,
    params(("consent_id" = uuid::Uuid, Path,
            description = "From the event `command.consent_required`")),
    responses(
        (status = 200, description = "The answer was recorded", body = ConsentTaken),
        (status = 400, description = "`choice` is missing, or its `alternative_command`"),
        (status = 404, description = "Consent not found or expired"),
        (status = 409, description = "Already answered with a different choice"),
    )
)]
async fn answer_consent(
    State(consents): State<Consents>,
    Answerer(principal): Answerer,
    Id(consent_id): Id<ConsentId>,
    Json(answer): Json<ConsentAnswer>,
) -> Result<Json<ConsentTaken>, Problem> {
    let given = answer.given()?;
    let answered = consents.answer(&principal, consent_id, given).await?;
    Ok(Json(ConsentTaken {
        success: true,
        consent_id: answered.consent_id,
        choice: answered.choice,
        message: said(answered),
    }))
}

fn said(answered: AnsweredConsent) -> &'static str {
    if answered.is_repeated {
        return "this answer was given before; nothing changed";
    }
    match answered.choice {
        Choice::AllowOnce => "allowed, this once",
        Choice::AllowAlwaysExact => "allowed, and from now on without asking",
        Choice::AllowAlwaysType => "allowed, and what its type covers from now on without asking",
        Choice::Deny => "denied",
        Choice::Alternative => "the alternative is tried instead",
    }
}

/// Something that its owner does not want to be asked again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PreferenceView {
    /// Its number.
    #[schema(value_type = i64)]
    id: PreferenceId,
    /// Scope of the preference.
    preference_type: PreferenceType,
    /// The command, or the object that its type is bound to.
    command_pattern: String,
    /// The covered actions, in a sentence.
    covers: String,
    /// The moment from which it holds.
    created_at: DateTime<Utc>,
    /// The run whose question led to it.
    #[schema(value_type = Option<uuid::Uuid>)]
    created_by_task_id: Option<RunId>,
    /// Where it holds.
    workspace: String,
}

impl From<Preference> for PreferenceView {
    fn from(preference: Preference) -> Self {
        Self {
            id: preference.id,
            preference_type: preference.kind,
            covers: preference.sentence(),
            // A kind of command is kept to the letter, because it is compared.
            command_pattern: visible(&preference.pattern).into_owned(),
            created_at: preference.created_at,
            created_by_task_id: preference.created_by_run,
            workspace: preference.workspace,
        }
    }
}

/// Preferences.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PreferenceList {
    success: bool,
    /// At most 500, the newest first.
    preferences: Vec<PreferenceView>,
    /// Number of preferences.
    count: usize,
}

/// The caller's preferences.
#[utoipa::path(
    get, path = "/api/navi/consent-preferences", tag = "consents",
    security(("bearer" = ["viewer"])),
    responses((status = 200, description = "The preferences", body = PreferenceList)),
)]
async fn list_preferences(
    State(consents): State<Consents>,
    principal: Principal,
) -> Result<Json<PreferenceList>, Problem> {
    let found = consents.preferences(&principal).await?;
    let preferences: Vec<_> = found.into_iter().map(PreferenceView::from).collect();
    Ok(Json(PreferenceList {
        success: true,
        count: preferences.len(),
        preferences,
    }))
}

/// The result, in words for a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PreferenceForgotten {
    success: bool,
    message: &'static str,
}

/// Forget a preference of the caller.
#[utoipa::path(
    delete, path = "/api/navi/consent-preferences/{id}", tag = "consents",
    security(("bearer" = ["viewer"])),
    params(("id" = i64, Path, description = "The preference")),
    responses(
        (status = 200, description = "The preference was deleted", body = PreferenceForgotten),
        (status = 404, description = "Preference not found"),
    )
)]
async fn delete_preference(
    State(consents): State<Consents>,
    principal: Principal,
    Id(id): Id<PreferenceId>,
) -> Result<Json<PreferenceForgotten>, Problem> {
    consents.forget(&principal, id).await?;
    Ok(Json(PreferenceForgotten {
        success: true,
        message: "the preference was deleted",
    }))
}

/// The page size.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// At most this many; brought into 1 to 100, 50 when absent.
    #[serde(default = "default_limit")]
    limit: u32,
}

fn default_limit() -> u32 {
    DEFAULT_LIMIT
}

/// A decision about an action.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AuditView {
    /// Its number.
    id: i64,
    /// The consent; null when a preference decided.
    #[schema(value_type = Option<uuid::Uuid>)]
    consent_id: Option<ConsentId>,
    /// The action that was decided.
    command: String,
    /// Shell that runs the command; empty when the action is not a command.
    shell: String,
    /// The folder, relative to the workspace.
    cwd: String,
    /// Harm it could do: `low`, `medium`, `high` or `critical`.
    #[schema(value_type = String)]
    danger_level: Danger,
    /// The decision.
    decision: Decided,
    /// Command to run instead.
    alternative_command: Option<String>,
    /// When it was asked.
    requested_at: DateTime<Utc>,
    /// When it was decided.
    responded_at: DateTime<Utc>,
    /// The time between the two, in milliseconds.
    response_time_ms: i64,
    /// The run.
    #[schema(value_type = uuid::Uuid)]
    task_id: RunId,
    /// The conversation of the run.
    session_id: Option<String>,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        let took = entry.responded_at - entry.requested_at;
        Self {
            id: entry.id,
            consent_id: entry.consent_id,
            // Text of earlier versions is kept to the letter.
            command: visible(&entry.command).into_owned(),
            shell: entry.shell,
            cwd: visible(&entry.cwd).into_owned(),
            danger_level: entry.danger,
            decision: entry.decision,
            alternative_command: entry.alternative.map(|text| visible(&text).into_owned()),
            requested_at: entry.requested_at,
            responded_at: entry.responded_at,
            response_time_ms: took.num_milliseconds(),
            task_id: entry.run_id,
            session_id: entry.session_id,
        }
    }
}

/// Decisions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct DecisionList {
    success: bool,
    /// The newest first.
    audit_log: Vec<AuditView>,
    /// Number of decisions.
    count: usize,
}

/// The last decisions about the caller's actions.
#[utoipa::path(
    get, path = "/api/navi/consent-audit", tag = "consents",
    security(("bearer" = ["viewer"])),
    params(AuditQuery),
    responses((status = 200, description = "The decisions", body = DecisionList)),
)]
async fn list_audit(
    State(consents): State<Consents>,
    principal: Principal,
    Query(query): Query<AuditQuery>,
) -> Result<Json<DecisionList>, Problem> {
    let found = consents.audit(&principal, query.limit).await?;
    let audit_log: Vec<_> = found.into_iter().map(AuditView::from).collect();
    Ok(Json(DecisionList {
        success: true,
        count: audit_log.len(),
        audit_log,
    }))
}
