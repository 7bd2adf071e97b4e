//! Composition root: builds every service from Config.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::agent::deps::{Deps, ToolSettings};
use crate::agent::learning::changes::keep_checking;
use crate::agent::queue::worker::start_working;
use crate::agent::service::AgentService;
use crate::approvals::consents::service::Consents;
use crate::approvals::questions::service::Questions;
use crate::audit::keyring::Keyring;
use crate::audit::service::Audit;
use crate::audit::spans::Spans;
use crate::auth::erased::service::ErasedNames;
use crate::auth::key_store::{KeyStore, Times};
use crate::auth::ticket;
use crate::auth::ticket::Tickets;
use crate::auth::token::Verifier;
use crate::config::settings::{AppEnv, AuditKeysError, Config, SigningSecretError};
use crate::connectors::service::Connectors;
use crate::conversations::service::ConversationService;
use crate::exec::launch::{Launch, LaunchError};
use crate::exec::sandbox::wall::Tier;
use crate::exec::status_file::StatusFiles;
use crate::feedback::insights::service::Insights;
use crate::feedback::learner;
use crate::feedback::learning::service::Analyzer;
use crate::feedback::service::Feedback;
use crate::jobs::plans::expiring::keep_ending_plans;
use crate::ledger::service::Ledger;
use crate::lifecycle::retention::Retention;
use crate::lifecycle::{disks, keeper};
use crate::llm::catalog::CatalogError;
use crate::llm::config::ProviderId;
use crate::llm::router::{Parts, RouterError};
use crate::llm::routing::registry;
use crate::notices::telling::Notices;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::health::{Health, database_probe, migrations_probe};
use crate::platform::metrics::Metrics;
use crate::platform::outbound::client::{CONNECT_TIMEOUT, Client};
use crate::platform::outbound::error::OutboundError;
use crate::platform::outbound::reach::Reach;
use crate::platform::secret::ExposeSecret;
use crate::platform::signals::Signals;
use crate::platform::tasks::{Tasks, beside};
use crate::platform::traces::error::TracesError;
use crate::platform::traces::service::Traces;
use crate::policy::error::PolicyError;
use crate::policy::service::Policy;
use crate::policy::wall::setting::PolicyWall;
use crate::retrieval::model::Limits;
use crate::retrieval::service::Retrieval;
use crate::runs::active::ActiveRuns;
use crate::runs::lease::keeper::Lease;
use crate::runs::log::feed::Feed;
use crate::telemetry::errors::service::Errors;
use crate::telemetry::rates::service::RateService;
use crate::telemetry::service::Telemetry;
use crate::tools::context::ToolLimits;
use crate::tools::registry::ToolSet;
use crate::vault::config::KeyError;
use crate::vault::service::Vault;
use crate::workspaces::service::Workspaces;
use crate::{ledger, llm};

/// Every service of a process; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The settings it was built from.
    pub config: Arc<Config>,
    /// The database.
    pub db: Pool,
    /// The time.
    pub clock: Clock,
    /// Background work that the end of the process waits for.
    pub tasks: Tasks,
    /// Metrics.
    pub metrics: Metrics,
    /// Traces.
    pub traces: Traces,
    /// Who may call.
    pub verifier: Arc<Verifier>,
    /// Tickets that open streams for clients that cannot send a header.
    pub tickets: Tickets,
    /// The keys of the identity provider, if there is one.
    pub identity_keys: Option<Arc<KeyStore>>,
    /// Health of the process.
    pub health: Health,
    /// Cancelled when streams should say that they end; requests in flight go on.
    pub streams_end: CancellationToken,
    /// The audit log.
    pub audit: Audit,
    /// The entries of it that cover many requests.
    pub spans: Spans,
    /// The choice of models.
    pub models: Arc<llm::router::Router>,
    /// The costs of model calls.
    pub ledger: Ledger,
    /// Runs and chats.
    pub agent: AgentService,
    /// Conversations and their messages.
    pub conversations: ConversationService,
    /// Users' consents to the agent's actions.
    pub consents: Consents,
    /// The vault that seals secrets.
    pub vault: Vault,
    /// People's tokens for other services.
    pub connectors: Connectors,
    /// Notices to other systems.
    pub notices: Notices,
    /// Reports of clients.
    pub telemetry: Telemetry,
    /// Errors by group.
    pub errors: Errors,
    /// Rates and measurements.
    pub rates: RateService,
    /// Ratings of answers.
    pub feedback: Feedback,
    /// Insights learned from ratings.
    pub insights: Insights,
}

/// Why the services could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is nothing to sign tokens with.
    #[error(transparent)]
    Secret(#[from] SigningSecretError),
    /// There is nothing to seal the audit log with.
    #[error(transparent)]
    AuditKeys(#[from] AuditKeysError),
    /// No keys could be derived from those of the audit log.
    #[error(transparent)]
    Keyring(#[from] crate::audit::error::Error),
    /// Commands cannot be started as the settings demand.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The models could not be set up.
    #[error(transparent)]
    Models(#[from] RouterError),
    /// The ledger could not be opened.
    #[error(transparent)]
    Ledger(#[from] ledger::error::Error),
    /// The HTTP client of the agent's tools could not be made.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The keys of the vault cannot be read.
    #[error(transparent)]
    Vault(#[from] KeyError),
    /// The registry of models is wrong.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A built-in rule is wrong, or the policy relies on a wall that is not there.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The database gave no lease to work on runs, or not the names of those who were erased.
    #[error("the server could not load its state from the database: {0}")]
    Database(#[from] sqlx::Error),
    /// A rule for grouping errors is wrong.
    #[error("the rules for grouping errors are not valid: {0}")]
    Grouping(#[from] regex::Error),
    /// Traces cannot be sent.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// A metric is declared twice or wrongly.
    #[error("the metrics could not be registered")]
    Metrics(#[from] prometheus::Error),
}

impl App {
    /// Builds every service. The ledger's writer is started with it; for the rest see
    /// [`Self::start_background`].
    pub async fn build(
        config: Config,
        db: impl Into<Pool>,
        clock: Clock,
        tasks: Tasks,
    ) -> Result<Self, BuildError> {
        let (config, db) = (Arc::new(config), Into::<Pool>::into(db));
        let labels =
            registry::configured(&config.llm)?.model_labels(&config.llm, config.scripted.is_some());
        let metrics = Metrics::new(&labels, &ProviderId::names())?;
        let traces = config.open_traces(&metrics, &clock, &tasks)?;
        let parts = Parts {
            clock: clock.clone(),
            metrics: metrics.clone(),
            scripted: config.scripted.clone(),
        };
        let models = Arc::new(llm::router::Router::new(&config.llm, &parts)?);
        let ledger = Ledger::open(db.clone(), metrics.clone(), &tasks).await?;
        let erased = ErasedNames::open(&db).await?;
        let (verifier, keys) = verifier(&config, &clock, &tasks, erased)?;
        let (settings, counts) = (config.clone(), metrics.clone());
        let tools = beside(move || tool_settings(&settings, counts));
        let conversations = ConversationService::new(db.clone(), clock.clone());
        let (signals, ring) = (Signals::new(db.clone()), Arc::new(config.audit_keys()?));
        let tickets = tickets(&config, &ring, &clock)?;
        let (counts, witness) = (metrics.clone(), config.audit_witness());
        let audit = Audit::open(db.clone(), clock.clone(), ring, counts, witness, &tasks);
        let spans = Spans::keep(audit.clone(), &tasks);
        let vault = Box::pin(config.vault()).await?;
        let (sealing, log, set) = (vault.clone(), audit.clone(), &config.connectors);
        let connectors = Connectors::new(db.clone(), clock.clone(), sealing, log, set)?;
        let (told, development) = (&config.notices, config.app_env == AppEnv::Development);
        let notices = Notices::new(&db, &clock, &vault, &metrics, told, development)?;
        let telemetry = Telemetry::open(
            &db,
            clock.clone(),
            metrics.clone(),
            config.app_env.as_str(),
            config.telemetry.telemetry_events_per_minute,
            &tasks,
        )?;
        telemetry.hear_panics(&tasks, &clock);
        let consents = Consents::new(db.clone(), clock.clone(), signals.clone(), audit.clone());
        let records = config.data_dir().ok().map(|folder| folder.join("outcomes"));
        let tools = tools.await?;
        let health = health(&db, &audit, &tools, keys.as_ref());
        let (times, presence) = (config.agent.lease_times(), tools.launch.presence.as_ref());
        let (active, rules) = (ActiveRuns::default(), config.workspace_rules());
        let deps = Deps {
            db: db.clone(),
            clock: clock.clone(),
            tasks: tasks.clone(),
            traces: traces.clone(),
            ledger: ledger.clone(),
            retrieval: Retrieval::new(Limits::default(), clock.clone(), metrics.clone()),
            metrics: metrics.clone(),
            questions: Questions::new(db.clone(), clock.clone(), signals.clone()),
            consents: consents.clone(),
            audit: audit.clone(),
            telemetry: telemetry.clone(),
            conversations: conversations.clone(),
            feed: Feed::new(signals.clone(), active.clone()),
            active,
            signals,
            status_files: StatusFiles::open(records),
            lease: Lease::acquire(&db, clock.clone(), times, presence, &tasks).await?,
            router: models.clone(),
            config: Arc::new(config.agent.clone()),
            tools: Arc::new(tools),
            workspaces: Workspaces::new(db.clone(), clock.clone(), audit.clone(), rules),
        };
        let agent = AgentService::new(deps);
        Ok(Self {
            errors: Errors::new(db.clone(), clock.clone(), tasks.clone()),
            rates: RateService::new(db.clone(), clock.clone()),
            feedback: Feedback::new(db.clone(), clock.clone(), metrics.clone()).in_lanes(&tasks),
            insights: Insights::new(db.clone(), clock.clone()),
            config,
            db,
            clock,
            tasks,
            metrics,
            traces,
            verifier,
            tickets,
            identity_keys: keys,
            health,
            streams_end: CancellationToken::new(),
            spans,
            audit,
            models,
            ledger,
            agent,
            conversations,
            consents,
            vault,
            connectors,
            notices,
            telemetry,
        })
    }

    /// Starts what runs beside requests.
    pub fn start_background(&self) {
        if let Some(keys) = &self.identity_keys {
            keys.keep_fresh();
        }
        self.health.watch(&self.tasks);
        self.vault.start(&self.tasks);
        self.agent.deps().signals.start(&self.tasks);
        start_working(&self.agent);
        keep_checking(self.agent.deps());
        keep_ending_plans(&self.agent);
        let (tasks, stopping, clock) = (&self.tasks, self.tasks.stopping(), self.clock.clone());
        let heard = self.agent.deps().signals.subscribe();
        let erased = self.verifier.erased().clone();
        tasks.spawn(erased.keep(self.db.clone(), heard, stopping.clone()));
        let every = Duration::from_secs(self.config.audit.audit_checkpoint_seconds);
        tasks.spawn(self.audit.clone().keep_checkpoints(every, stopping.clone()));
        tasks.spawn(self.errors.clone().run_marking(stopping.clone()));
        self.start_learning();
        self.notices.start(tasks);
        let places = disks::places(self.config.data_dir().ok());
        let (metrics, retention) = (self.metrics.clone(), self.retention());
        tasks.spawn(disks::watch(places, metrics.clone(), stopping.clone()));
        tasks.spawn(keeper::keep(retention, clock, metrics, stopping));
    }

    /// Learns from ratings, sums them up, and counts what every process learned.
    fn start_learning(&self) {
        let (db, tasks, stopping) = (self.db.clone(), &self.tasks, self.tasks.stopping());
        let counting = learner::export_metrics(db.clone(), self.metrics.clone(), stopping.clone());
        tasks.spawn(counting);
        tasks.spawn(learner::keep_sums(db.clone(), stopping.clone()));
        let analyzer = Analyzer::new(db, self.clock.clone()).traced(self.traces.clone());
        let (config, rated) = (self.config.learning.clone(), self.feedback.changed());
        tasks.spawn(learner::run(analyzer, config, rated, stopping));
    }

    /// The retention service.
    pub fn retention(&self) -> Retention {
        let (db, clock, audit) = (self.db.clone(), self.clock.clone(), self.audit.clone());
        Retention::new(db, clock, audit, self.config.periods())
    }
}

/// The checks that readiness goes by.
fn health(db: &Pool, audit: &Audit, tools: &ToolSettings, keys: Option<&Arc<KeyStore>>) -> Health {
    let (database, migrations) = (database_probe(db), migrations_probe(db));
    let mut probes = vec![("database", database), ("migrations", migrations)];
    probes.extend([("audit", audit.probe()), ("sandbox", tools.launch.probe())]);
    probes.extend(keys.map(|keys| ("identity provider", keys.clone().probe())));
    Health::new(probes)
}

/// Settings of the agent's tools.
fn tool_settings(config: &Config, metrics: Metrics) -> Result<ToolSettings, BuildError> {
    let launch = Launch::prepare(
        &config.sandbox,
        config.surroundings.supervisor.clone(),
        &config.surroundings.command_environment,
        config.app_env.demand(),
        metrics,
    )?
    .showing(config.data_dir().ok().as_deref());
    let wall = match launch.sandbox.tier() {
        Tier::None => PolicyWall::None,
        Tier::NoNamespaces => PolicyWall::WithoutHosts,
        Tier::Full => PolicyWall::Sandbox,
    };
    let policy = Policy::built_in()?.behind(config.agent.policy, wall)?;
    let closed = config.workspace_rules().closed;
    let home = config.surroundings.command_environment.get("HOME");
    Ok(ToolSettings {
        set: ToolSet::built_in(),
        launch: launch.closing(&closed),
        containment: config.sandbox.clone(),
        http: Client::new(Reach::loopback(), CONNECT_TIMEOUT)?,
        limits: ToolLimits {
            // Tools may talk to servers they started, not to this one.
            reserved_ports: vec![config.server.bind.port()],
            ..ToolLimits::default()
        },
        policy: policy.closing(&closed, home.map(AsRef::as_ref)),
    })
}

/// Who verifies tokens, and the keys of the identity provider if there is one.
fn verifier(
    config: &Config,
    clock: &Clock,
    tasks: &Tasks,
    erased: ErasedNames,
) -> Result<(Arc<Verifier>, Option<Arc<KeyStore>>), BuildError> {
    let secret = match config.signing_secret() {
        Ok(secret) => Some(secret),
        Err(SigningSecretError::Elsewhere) => None,
        Err(error) => return Err(error.into()),
    };
    let secrets = Verifier::over(&config.auth, secret.as_ref(), clock.clone());
    let verifier = secrets.and_erased(erased);
    let Some(provider) = config.auth.identity_provider() else {
        return Ok((Arc::new(verifier), None));
    };
    let times = Times::refreshed_after(config.auth.jwt_jwks_cache_ttl);
    let keys = KeyStore::new(provider.keys.clone(), times, clock.clone(), tasks.clone())?;
    let verifier = verifier.and_provider(provider, keys.clone());
    Ok((Arc::new(verifier), Some(keys)))
}

/// Tickets under the secrets that sign tokens. Where an identity provider signs them there is no such
/// secret, and the audit key takes its place.
fn tickets(config: &Config, ring: &Keyring, clock: &Clock) -> Result<Tickets, BuildError> {
    let secret = match config.signing_secret() {
        Err(SigningSecretError::Elsewhere) => {
            let key = ring.derived(ticket::PURPOSE)?;
            return Ok(Tickets::new(key, Vec::new(), clock.clone()));
        }
        secret => secret?,
    };
    let (secret, previous) = (secret.expose_secret(), config.auth.previous_secrets());
    Ok(Tickets::under(secret, &previous, clock.clone()))
}
