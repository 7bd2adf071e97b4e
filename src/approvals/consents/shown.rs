//! The consent as a person sees it, for the description of the API.

use utoipa::ToSchema;
use uuid::Uuid;

use crate::policy::model::{Danger, Finding};

/// A tool call that waits for a person: `data` of the event `command.consent_required`.
#[derive(ToSchema)]
pub struct ConsentRequest {
    /// Answered with `POST /api/navi/consent/{consent_id}`.
    pub consent_id: Uuid,
    /// The whole action.
    pub command: String,
    /// The shell that would run it; for other calls the kind of the call.
    pub shell: String,
    /// The folder that it would run in.
    pub cwd: String,
    /// Harm it could do.
    pub danger_level: Danger,
    /// Why it does not simply run.
    pub warning: String,
    /// Possible consequences.
    pub consequences: Vec<String>,
    /// Other actions that could be done instead.
    pub alternatives: Vec<String>,
    /// True when it can be undone.
    pub rollback_possible: bool,
    /// The tool that the model called.
    pub tool: String,
    /// The call, by the provider's name for it.
    pub tool_call_id: String,
    /// Silence is a denial after this many seconds.
    pub timeout_seconds: u64,
    /// Scope of `allow_always_type`, in one sentence. Older versions did not send it.
    #[schema(required = false)]
    pub always_type_covers: String,
    /// The rules that asked.
    #[schema(required = false)]
    pub reasons: Vec<Finding>,
}
