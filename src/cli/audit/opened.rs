//! The audit log as a command uses it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::audit::model;
use crate::audit::model::{Actor, ActorKind};
use crate::audit::reader::Asker;
use crate::audit::service::Audit;
use crate::cli::failure::Failure;
use crate::config::settings::Config;
use crate::llm::config::ProviderId;
use crate::llm::routing::registry;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::database::servers::Servers;
use crate::platform::database::settings::PoolSettings;
use crate::platform::db;
use crate::platform::ids::OrgId;
use crate::platform::metrics::Metrics;
use crate::platform::tasks::Tasks;

/// The time the writer has at the end.
const GRACE: Duration = Duration::from_secs(10);

/// An opened log; what was written is written when it is closed.
pub struct Log {
    /// The log.
    pub audit: Audit,
    /// The database that it lies in.
    pub db: Pool,
    tasks: Tasks,
}

/// Which log a command is about.
#[derive(Clone, Debug, clap::Args)]
pub struct Which {
    /// The organisation.
    #[arg(long, value_name = "ORG")]
    pub org: Option<OrgId>,
    /// The server's own log: refused tokens, settings, retention.
    #[arg(long, conflicts_with = "org")]
    pub server: bool,
}

impl Which {
    /// The one log that is meant.
    pub fn one(&self) -> Result<model::Log, Failure> {
        match (&self.org, self.server) {
            (Some(org), _) => Ok(model::Log::Org(org.clone())),
            (None, true) => Ok(model::Log::Server),
            (None, false) => Err(Failure::Usage(
                "name a log with --org ORG or --server".to_owned(),
            )),
        }
    }
}

/// Opens the log in this database, which must be in the state that this binary needs.
pub async fn open(config: &Config, database: &Servers, clock: &Clock) -> Result<Log, Failure> {
    let settings = PoolSettings::default().at_most(3);
    open_with(config, database, clock, &settings).await
}

/// The same for a command that goes through whole tables: a statement of its may take as long as it
/// needs, but waits no longer for a lock than others do.
pub async fn open_at_length(
    config: &Config,
    database: &Servers,
    clock: &Clock,
) -> Result<Log, Failure> {
    let settings = PoolSettings {
        statement_timeout: Duration::ZERO,
        ..PoolSettings::default().at_most(6)
    };
    // That a statement takes long is no news here.
    let database = database.clone();
    let database = database.each(PgConnectOptions::disable_statement_logging);
    open_with(config, &database, clock, &settings).await
}

async fn open_with(
    config: &Config,
    database: &Servers,
    clock: &Clock,
    settings: &PoolSettings,
) -> Result<Log, Failure> {
    let pool = db::connect(database.clone(), settings).await?;
    let mut conn = pool.acquire().await.map_err(db::Error::Query)?;
    let pending = db::pending(&mut conn).await?.len();
    drop(conn);
    if pending > 0 {
        return Err(Failure::Pending(pending));
    }
    let keys = Arc::new(config.audit_keys()?);
    let labels = registry::configured(&config.llm)
        .map_err(crate::app::BuildError::Catalog)?
        .model_labels(&config.llm, false);
    let metrics =
        Metrics::new(&labels, &ProviderId::names()).map_err(crate::app::BuildError::Metrics)?;
    let tasks = Tasks::new();
    let witness = config.audit_witness();
    let audit = Audit::open(pool.clone(), clock.clone(), keys, metrics, witness, &tasks);
    Ok(Log {
        audit,
        db: pool,
        tasks,
    })
}

impl Log {
    /// Writes what is still to be written.
    pub async fn close(self) {
        if !self.tasks.shutdown(GRACE).await {
            tracing::error!("the audit log was not written in time");
        }
    }
}

/// The person who runs the command.
pub fn operator() -> Asker {
    Asker {
        actor: Actor::nameless(ActorKind::Operator),
        request_id: None,
        trace_id: None,
    }
}
