//! `navi serve`: the server from its first byte to its last.

use std::io::Write;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram};
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::app::App;
use crate::audit::seals::fitting;
use crate::cli::beacon;
use crate::cli::beacon::Beacon;
use crate::cli::config::warnings::{warn_of_models, warnings};
use crate::cli::failure::{Failure, database_servers};
use crate::config::database::Pooler;
use crate::config::settings::{AppEnv, Config};
use crate::http::router::router;
use crate::http::sockets::connections;
use crate::http::sockets::connections::{Departure, HEAD_TIME};
use crate::http::sockets::listeners::Listeners;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::database::servers::Servers;
use crate::platform::database::settings::PoolSettings;
use crate::platform::db;
use crate::platform::embedded_postgres::server::{EmbeddedPostgres, Settings};
use crate::platform::outbound::tls;
use crate::platform::process::{descriptors, memory};
use crate::platform::secret::ExposeSecret;
use crate::platform::tasks::{Tasks, beside};
use crate::policy::service::Policy;

/// The longest that the audit logs may take to be signed at the end; a database that is away is not waited for.
const FOR_SIGNING: Duration = Duration::from_secs(2);

/// The treatment of the database by `navi serve`.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Args {
    /// Apply pending migrations before serving. A private Postgres is always migrated.
    #[arg(long)]
    pub migrate: bool,
}

/// Serves until a signal, then ends gracefully; a second signal ends at once.
pub async fn run(args: &Args, config: Config) -> Result<ExitCode, Failure> {
    config.check()?;
    if let Err(error) = descriptors::raise_limit() {
        tracing::warn!(%error, "the limit of open connections stays as it is");
    }
    let notify_socket = config.surroundings.notify_socket.clone();
    let notify = |state: &str| {
        if let Some(socket) = &notify_socket
            && let Err(error) = tell_systemd(socket.as_os_str().as_bytes(), state)
        {
            tracing::warn!(%error, "systemd could not be told");
        }
    };
    let mut ends = Ends::listen()?;
    let data_dir = config.data_dir();
    let running = tokio::select! {
        running = Running::start(config, args.migrate) => running?,
        () = ends.next() => return Err(Failure::CutShort),
    };
    // Before it is told that it listens, for who is told may look for it.
    let _beacon = data_dir.ok().and_then(|folder| {
        let beacon = Beacon::light(&folder, running.address);
        beacon
            .inspect_err(
                |error| tracing::info!(%error, "commands beside this server will not find it"),
            )
            .ok()
    });
    let url = running.url();
    writeln!(std::io::stdout(), "navi listens on {url}")?;
    tracing::info!(url, "the server listens");
    let (app, models) = (&running.app, running.app.models.clone());
    app.tasks.spawn(warn_of_models(models));
    notify("READY=1");
    let lost = tokio::select! {
        () = ends.next() => false,
        () = running.database_lost() => true,
    };
    notify("STOPPING=1");
    if lost {
        tracing::error!("the private Postgres ended by itself; its log is in the data folder");
    } else {
        tracing::info!("ending; a second signal ends at once");
    }
    let complete = tokio::select! {
        complete = running.stop() => complete,
        () = ends.next() => false,
    };
    match (lost, complete) {
        (true, _) => Err(Failure::DatabaseLost),
        (false, true) => Ok(ExitCode::SUCCESS),
        (false, false) => Err(Failure::CutShort),
    }
}

/// A server that runs in this process.
pub struct Running {
    /// The services behind it.
    pub app: App,
    /// The address it listens on, the first when there are several.
    pub address: SocketAddr,
    server: JoinHandle<()>,
    departure: Departure,
    /// Our own Postgres, when the settings name no other. Dropping it stops it too, on every way out.
    postgres: Option<EmbeddedPostgres>,
}

impl Running {
    /// Starts the database if it is ours, migrates it if that is asked for or it is ours, and
    /// serves. When this returns, requests are answered and the server is ready.
    pub async fn start(mut config: Config, migrate: bool) -> Result<Self, Failure> {
        // First, because it is the cheapest thing that can fail.
        let listeners = Listeners::open(&config.server.bind).await;
        let listeners = listeners.map_err(|source| Failure::Bind {
            address: config.server.bind.clone(),
            source,
            found: config
                .data_dir()
                .ok()
                .and_then(|folder| beacon::find(&folder))
                .map(Box::new),
        })?;
        // The services must know the port, which the system chose when it was to be any.
        config.server.bind = config.server.bind.with_port(listeners.address().port());
        warm_up();
        let clock = Clock::System;
        let (servers, postgres) = database(&config).await?;
        let migrate = migrate || postgres.is_some();
        // A large future within those of all who start a server.
        match Box::pin(Self::over(config, &servers, migrate, clock)).await {
            Ok(app) => Ok(Self::serve(app, listeners, postgres)),
            Err(failure) => {
                if let Some(postgres) = postgres {
                    postgres.stop().await;
                }
                Err(failure)
            }
        }
    }

    /// The services over a database that is in the state they need.
    async fn over(
        config: Config,
        servers: &Servers,
        migrate: bool,
        clock: Clock,
    ) -> Result<App, Failure> {
        if migrate {
            db::migrate(servers, clock.now()).await?;
        }
        let pool = pool(&config, servers).await?;
        let mut conn = pool.acquire().await.map_err(db::Error::Query)?;
        let pending = db::pending(&mut conn).await?.len();
        if pending > 0 {
            return Err(Failure::Pending(pending));
        }
        let is_development = config.app_env == AppEnv::Development;
        fitting::may_start(&mut conn, &config.audit_keys()?, is_development).await?;
        drop(conn);
        if config.app_env == AppEnv::Development && config.auth.jwt_secret.is_none() {
            tracing::info!(
                "tokens are signed with a secret from the data folder; `navi token mint` makes them"
            );
        }
        warn_of_development_identity(&config);
        for warning in warnings(&config) {
            tracing::warn!("{warning}");
        }
        let app = App::build(config, pool, clock, Tasks::new()).await?;
        let settings = &app.config.surroundings.settings;
        if !settings.is_empty()
            && let Err(error) = app.audit.note_settings(settings).await
        {
            // Damage to the server's own log must not stop all organisations with it.
            tracing::error!(%error, "changed settings are not noted in the audit log yet");
            let (audit, stopping) = (app.audit.clone(), app.tasks.stopping());
            app.tasks
                .spawn(audit.keep_noting_settings(settings.clone(), stopping));
        }
        let audit = app.audit.clone();
        app.tasks.spawn(async move {
            if let Err(error) = audit.look_at_logs().await {
                tracing::warn!(%error, "the audit logs could not be looked at");
            }
        });
        app.health.refresh().await;
        app.start_background();
        let giving = memory::keep_giving_back(app.tasks.stopping());
        app.tasks.spawn(giving);
        Ok(app)
    }

    /// Serves these services on sockets that listen already.
    fn serve(app: App, listeners: Listeners, postgres: Option<EmbeddedPostgres>) -> Self {
        let address = listeners.address();
        let departure = Departure::default();
        let serving = connections::serve(
            listeners,
            router(&app),
            app.tasks.clone(),
            departure.clone(),
            HEAD_TIME,
        );
        let server = app.tasks.spawn(serving);
        Self {
            app,
            address,
            server,
            departure,
            postgres,
        }
    }

    /// The server's own address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Resolves when the private Postgres ends by itself; never when the database is another's.
    async fn database_lost(&self) {
        match &self.postgres {
            Some(postgres) => postgres.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Ends gracefully, within the grace period, and answers whether everything was done by then.
    ///
    /// Readiness turns false, what still arrives is answered for a while, streams are told, requests in
    /// flight are answered, background work ends and writes what it holds, and at last the database is
    /// let go.
    pub async fn stop(mut self) -> bool {
        let grace = self.app.config.server.shutdown_grace();
        let end = Instant::now() + grace;
        // Writing at the end needs some of the time, however long the answers take.
        let for_answers = end - (grace / 3).min(Duration::from_secs(5));
        self.app.health.drain();
        self.departure.begun.cancel();
        let _in_time = tokio::time::timeout(grace / 3, self.departure.closed.cancelled()).await;
        self.app.streams_end.cancel();
        // Runs write that they are interrupted, which ends their streams and so their requests.
        let released = self.app.agent.shutdown(for_answers - Instant::now()).await;
        if !released {
            tracing::warn!("not every run could be released; they can be resumed all the same");
        }
        let answered = tokio::time::timeout_at(for_answers, &mut self.server)
            .await
            .is_ok();
        if !answered {
            tracing::warn!("requests are still unanswered and are dropped");
            self.server.abort();
        }
        self.app.spans.end_all().await;
        // Records written since the last round would be known to nothing but their seals.
        let signing = self.app.audit.make_checkpoints();
        if tokio::time::timeout(FOR_SIGNING, signing).await.is_err() {
            tracing::warn!("not every audit log could be signed at the end");
        }
        let left = end.saturating_duration_since(Instant::now());
        let ended = self.app.tasks.shutdown(left).await;
        if !ended {
            tracing::warn!("background work did not end in time");
        }
        let left = end.saturating_duration_since(Instant::now());
        // After the writer, which ended with the tasks: whatever was recorded later still goes in.
        let flushed = match self
            .app
            .ledger
            .flush(left.max(Duration::from_secs(1)))
            .await
        {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "accounting could not be written");
                false
            }
        };
        // An idle pool closes in no time; a connection that hangs is not waited for.
        let closing = left.max(Duration::from_millis(100));
        let closed = tokio::time::timeout(closing, self.app.db.close())
            .await
            .is_ok();
        if let Some(postgres) = self.postgres.take() {
            postgres.stop().await;
        }
        released && answered && ended && flushed && closed
    }
}

fn warn_of_development_identity(config: &Config) {
    if let Some(identity) = config.development_identity() {
        tracing::warn!(
            org.id = %identity.org_id,
            user.id = %identity.user_id,
            role = %identity.role,
            "ALLOW_DEV_AUTH_BYPASS is on: every program on this machine is let in without a token"
        );
    }
}

/// Stops the database when it is ours.
pub async fn stopped(postgres: Option<EmbeddedPostgres>) {
    if let Some(postgres) = postgres {
        postgres.stop().await;
    }
}

/// The pool of a server: through the pooler where there is one.
async fn pool(config: &Config, direct: &Servers) -> Result<Pool, Failure> {
    let settings = PoolSettings::default().at_most(config.database.database_connections);
    match (
        config.database.database_pooler,
        &config.database.database_url,
    ) {
        (Pooler::Transaction, Some(url)) => {
            let pooled = database_servers("DATABASE_URL", url.expose_secret())?;
            Ok(db::connect_behind_pooler(pooled, direct.clone(), &settings).await?)
        }
        (Pooler::None, _) | (Pooler::Transaction, None) => {
            Ok(db::connect(direct.clone(), &settings).await?)
        }
    }
}

/// The database that the settings name, or our own, started. Where a pooler stands in front of it, this
/// is the way around.
///
/// Every command comes to its database here, so none makes one of its own in production.
pub async fn database(config: &Config) -> Result<(Servers, Option<EmbeddedPostgres>), Failure> {
    config.check_database_alone()?;
    if let Some((setting, url)) = config.database.direct()? {
        return Ok((database_servers(setting, url.expose_secret())?, None));
    }
    let settings = Settings {
        data_dir: config.data_dir()?,
        pg_bin: config.database.pg_bin.clone(),
        path: config.surroundings.path.clone(),
    };
    let postgres = EmbeddedPostgres::start(settings).await?;
    Ok((postgres.connect_options().into(), Some(postgres)))
}

/// The signals that end a command.
pub struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    /// Listens from now on; before, a signal ends the process at once.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Resolves with the next signal.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Sends a state to the service manager; a leading `@` means the abstract namespace.
fn tell_systemd(socket: &[u8], state: &str) -> std::io::Result<()> {
    let address = match socket.strip_prefix(b"@") {
        Some(name) => UnixAddr::from_abstract_name(name)?,
        None => UnixAddr::from_pathname(std::ffi::OsStr::from_bytes(socket))?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

/// Begins with what a process computes once and every start needs: the built-in rules and the root
/// certificates. The database answers meanwhile.
fn warm_up() {
    drop(beside(|| drop(Policy::built_in())));
    drop(beside(|| drop(tls::config())));
}
