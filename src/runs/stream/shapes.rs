//! Shapes of streams beside the events of a log, and of event data that is stored as it came: only described
//! here, because it is made elsewhere.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use uuid::Uuid;

use crate::runs::event_data::InstructionsData;
use crate::runs::model::RunStatus;

/// Which model was chosen, and why.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouterInfo {
    /// The model that was asked for.
    #[schema(required = true)]
    pub requested_model_id: Option<String>,
    /// The mode that was asked for.
    #[schema(required = true)]
    pub requested_mode_id: Option<String>,
    /// The model that answers.
    pub effective_model_id: String,
    /// Its provider.
    pub provider: String,
    /// The provider's name of it.
    pub model: String,
    /// True when another one answers than was asked for.
    pub was_fallback: bool,
    /// Why another one answers.
    #[schema(required = true)]
    pub fallback_reason_code: Option<FallbackReason>,
    /// The same in a sentence.
    #[schema(required = true)]
    pub fallback_reason: Option<String>,
    /// The name that may have been meant by one that is not known.
    #[schema(required = false)]
    pub did_you_mean: String,
    /// The same as `effectiveModelId`.
    pub model_id: String,
    /// `mode` of the request.
    #[schema(required = true)]
    pub mode: Option<String>,
    /// The kind of request.
    #[serde(rename = "task_type")]
    pub task_type: RoutedTask,
    /// The wall around the commands of a run.
    #[schema(required = false)]
    pub sandbox: SandboxInfo,
    /// The part of the repository's words that the model was shown, where it has any.
    #[schema(required = false)]
    pub instructions: InstructionsData,
}

/// The kind of request that a model was chosen for.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum RoutedTask {
    /// A run.
    Autonomous,
    /// A question that is answered in text.
    Chat,
}

/// Why another model answers.
#[derive(ToSchema)]
pub enum FallbackReason {
    /// There is no such model.
    #[schema(rename = "UNKNOWN_MODEL_ID")]
    UnknownModelId,
    /// There is no such mode.
    #[schema(rename = "UNKNOWN_MODE_ID")]
    UnknownModeId,
    /// Its provider has no key.
    #[schema(rename = "PROVIDER_NOT_CONFIGURED")]
    ProviderNotConfigured,
    /// Its provider no longer serves it.
    #[schema(rename = "MODEL_RETIRED")]
    ModelRetired,
    /// It cannot do what the request needs.
    #[schema(rename = "MODEL_LACKS_CAPABILITY")]
    ModelLacksCapability,
}

/// The wall around the commands of a run.
#[derive(ToSchema)]
pub struct SandboxInfo {
    /// Its strength.
    pub tier: SandboxTier,
    /// The requirements of a stronger one that are missing.
    pub missing: Vec<String>,
}

/// The strength of a wall.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub enum SandboxTier {
    /// Files, system calls and the network.
    Full,
    /// The same without namespaces.
    NoNamespaces,
    /// No wall.
    None,
}

/// The first frame of a stream that is not a job's: `router_info`, and alone of all frames no `type`, as the oldest
/// clients know it.
#[derive(ToSchema)]
pub struct RouterInfoFrame {
    /// Never there, which tells this frame from events.
    #[schema(rename = "type", schema_with = absent, required = false)]
    pub kind: (),
    /// Which model was chosen, and why.
    pub router_info: RouterInfo,
}

/// A member that is never there, so that clients can look at it before they know which frame they have.
fn absent() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Null).into()
}

/// Frames of streams that are in no log.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BesideLog {
    /// The connection lives: nothing else was sent for 8 s.
    Heartbeat {
        /// Always true.
        heartbeat: bool,
        /// A sentence for a person.
        message: String,
        /// Milliseconds since the epoch.
        timestamp: i64,
    },
    /// The last frame of a job's stream, unless everything was seen before.
    JobTerminal {
        /// The job.
        job_id: Uuid,
        /// The status of the run at its end.
        job_status: RunStatus,
        /// The number of its last event.
        sequence: i64,
        /// Milliseconds since the epoch.
        timestamp: i64,
    },
}
