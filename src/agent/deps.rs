//! Dependencies of the agent: the services that runs and chats use.

use std::sync::Arc;

use crate::agent::config::AgentConfig;
use crate::approvals::consents::service::Consents;
use crate::approvals::questions::service::Questions;
use crate::audit::service::Audit;
use crate::conversations::service::ConversationService;
use crate::exec::launch::Launch;
use crate::exec::sandbox::settings::SandboxConfig;
use crate::exec::status_file::StatusFiles;
use crate::ledger::service::Ledger;
use crate::llm::router::Router;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::metrics::Metrics;
use crate::platform::outbound::client::Client;
use crate::platform::signals::Signals;
use crate::platform::tasks::Tasks;
use crate::platform::traces::service::Traces;
use crate::policy::service::Policy;
use crate::retrieval::service::Retrieval;
use crate::runs::active::ActiveRuns;
use crate::runs::lease::keeper::Lease;
use crate::runs::log::feed::Feed;
use crate::telemetry::service::Telemetry;
use crate::tools::context::ToolLimits;
use crate::tools::registry::ToolSet;
use crate::workspaces::service::Workspaces;

/// The services, settings and registries of the agent; cheap to clone.
#[derive(Clone)]
pub struct Deps {
    /// The database.
    pub db: Pool,
    /// The time.
    pub clock: Clock,
    /// Background work.
    pub tasks: Tasks,
    /// Traces.
    pub traces: Traces,
    /// The cost of calls.
    pub ledger: Ledger,
    /// Finding code.
    pub retrieval: Retrieval,
    /// Counters.
    pub metrics: Metrics,
    /// Questions to users.
    pub questions: Questions,
    /// Consents of users.
    pub consents: Consents,
    /// The audit log.
    pub audit: Audit,
    /// Where runs that fail are recorded as errors.
    pub telemetry: Telemetry,
    /// Stored conversations.
    pub conversations: ConversationService,
    /// The runs that this process works on.
    pub active: ActiveRuns,
    /// The streams that follow runs here.
    pub feed: Feed,
    /// Notifications to and from other processes.
    pub signals: Signals,
    /// The exits of commands, as they recorded them themselves.
    pub status_files: StatusFiles,
    /// This process's right to work on runs.
    pub lease: Lease,
    /// The choice of models.
    pub router: Arc<Router>,
    /// Settings of the agent.
    pub config: Arc<AgentConfig>,
    /// Settings of the agent's tools.
    pub tools: Arc<ToolSettings>,
    /// Whose the folders are that the agent works in.
    pub workspaces: Workspaces,
}

/// Settings of the agent's tools.
#[derive(Clone, Debug)]
pub struct ToolSettings {
    /// The tools.
    pub set: ToolSet,
    /// The way commands are started, and their environment.
    pub launch: Launch,
    /// The hosts that runs may reach.
    pub containment: SandboxConfig,
    /// For requests to servers that the agent started.
    pub http: Client,
    /// Bounds of the tools.
    pub limits: ToolLimits,
    /// The rules for what may run and what is asked about.
    pub policy: Policy,
}
