//! Servers that this program starts, kills and starts again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use url::Url;

use crate::cli::failure::Failure;
use crate::cli::load::measure::call_tally::CallTally;
use crate::cli::load::stand::place::{OwnDatabase, ServerProcesses};
use crate::cli::load::stand::project;
use crate::cli::load::stand_in::provider::StandIn;
use crate::exec::launch::THIS_PROGRAM;
use crate::exec::replicas::replica::{Replica, ReplicaOrder};
use crate::platform::secret::{ExposeSecret, SecretString};
use crate::platform::sync::lock;

/// The longest that a server may take to be ready.
const START: Duration = Duration::from_mins(1);
/// The longest that one may take to end.
const STOP: Duration = Duration::from_secs(30);
/// Settings of all servers: limits of one person are off where a load would meet them.
const SETTINGS: [(&str, &str); 6] = [
    ("NAVI_WRITES_PER_MINUTE", "0"),
    ("NAVI_TELEMETRY_BATCHES_PER_MINUTE", "0"),
    ("NAVI_TELEMETRY_EVENTS_PER_MINUTE", "0"),
    ("RL_FB_PM", "0"),
    ("LOG_LEVEL", "warn"),
    ("NAVI_SHUTDOWN_GRACE_SECONDS", "15"),
];
/// Parts of the names of settings whose values are not told.
const SECRET_NAMES: [&str; 5] = ["SECRET", "KEY", "PASSWORD", "TOKEN", "URL"];

/// The order for servers.
#[derive(Clone, Debug)]
pub struct ServerOrder {
    /// Their number.
    pub count: u32,
    /// The pause before each piece of the model's text, in milliseconds.
    pub pause_ms: u64,
    /// Settings that go before those of a load.
    pub settings: BTreeMap<String, String>,
    /// The projects that runs work on, one for each organisation.
    pub projects: usize,
    /// The secret that signs tokens.
    pub secret: SecretString,
    /// The folders of `PATH`, for the commands of runs.
    pub path: String,
}

/// Servers of this program. They share a database, a data folder, a model and projects.
#[derive(Debug)]
pub struct OwnServers {
    replicas: Vec<Replica>,
    provider: StandIn,
    order: ServerOrder,
    database: OwnDatabase,
    folder: TempDir,
    processes: ServerProcesses,
}

impl OwnServers {
    /// Starts them over this database.
    pub async fn start(
        order: ServerOrder,
        database: OwnDatabase,
        folder: TempDir,
    ) -> Result<Self, Failure> {
        for number in 0..order.projects {
            project::write(&project_folder(&folder, number))?;
        }
        let provider = StandIn::start(project::script(order.pause_ms)).await?;
        let mut servers = Self {
            replicas: Vec::new(),
            provider,
            order,
            database,
            folder,
            processes: ServerProcesses::default(),
        };
        for number in 0..servers.order.count {
            let replica = servers.replica(number, "127.0.0.1:0").await?;
            servers.replicas.push(replica);
        }
        servers.note_processes();
        Ok(servers)
    }

    /// Their addresses.
    pub fn urls(&self) -> Result<Vec<Url>, Failure> {
        let parse = |replica: &Replica| {
            Url::parse(replica.url()).map_err(|error| Failure::Load(error.to_string()))
        };
        self.replicas.iter().map(parse).collect()
    }

    /// Their processes.
    pub fn processes(&self) -> ServerProcesses {
        self.processes.clone()
    }

    /// Their database.
    pub fn database(&self) -> &OwnDatabase {
        &self.database
    }

    /// The calls that their model was asked for.
    pub fn calls(&self) -> &CallTally {
        self.provider.tally()
    }

    /// The folders that runs work in.
    pub fn projects(&self) -> Vec<String> {
        let folder = |number| project_folder(&self.folder, number);
        (0..self.order.projects)
            .map(|number| folder(number).to_string_lossy().into_owned())
            .collect()
    }

    /// The settings that matter, without secrets.
    pub fn told_settings(&self) -> BTreeMap<String, String> {
        let mut all = self.settings();
        for (name, value) in &mut all {
            if SECRET_NAMES.iter().any(|part| name.contains(part)) {
                "[set]".clone_into(value);
            }
        }
        all
    }

    fn settings(&self) -> BTreeMap<String, String> {
        let ours = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut all: BTreeMap<_, _> = ours.into();
        all.extend(self.order.settings.clone());
        all
    }

    /// Kills the one whose turn it is, as a machine does that fails, and starts it again.
    pub async fn kill(&mut self, turn: u32) -> Result<(), Failure> {
        let at = turn % self.order.count;
        let index = usize::try_from(at).unwrap_or_default();
        let address = self.replicas[index].address().to_owned();
        self.replicas[index].kill().await?;
        self.replicas[index] = self.replica(at, &address).await?;
        self.note_processes();
        Ok(())
    }

    /// Ends all, and the database if it is ours.
    pub async fn stop(self) -> Result<(), Failure> {
        for replica in self.replicas {
            replica.stop(STOP).await?;
        }
        self.provider.stop().await;
        if let Some(postgres) = self.database.postgres {
            postgres.stop().await;
        }
        Ok(())
    }

    async fn replica(&self, number: u32, address: &str) -> Result<Replica, Failure> {
        let folder = self.folder.path();
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let mut environment = self.settings();
        environment.extend([
            ("PATH".to_owned(), self.order.path.clone()),
            ("HOME".to_owned(), text(folder.to_owned())),
            ("NAVI_BIND".to_owned(), address.to_owned()),
            ("NAVI_DATA_DIR".to_owned(), text(folder.join("data"))),
            (
                "SELF_HOSTED_API_BASE_URL".to_owned(),
                self.provider.url().to_owned(),
            ),
            ("SELF_HOSTED_MODEL".to_owned(), "load".to_owned()),
            (
                "DATABASE_URL".to_owned(),
                self.database.url.expose_secret().to_owned(),
            ),
            (
                "JWT_SECRET".to_owned(),
                self.order.secret.expose_secret().to_owned(),
            ),
        ]);
        let order = ReplicaOrder {
            program: Path::new(THIS_PROGRAM),
            environment,
            log: folder.join(format!("server-{number}.log")),
        };
        let replica = Replica::start(order, START).await;
        replica.map_err(|error| Failure::Load(error.to_string()))
    }

    fn note_processes(&self) {
        *lock(&self.processes) = self.replicas.iter().filter_map(Replica::pid).collect();
    }
}

fn project_folder(folder: &TempDir, number: usize) -> PathBuf {
    folder.path().join(format!("projects/{number}"))
}
