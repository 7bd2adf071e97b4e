//! The whole stand of a load, set up: servers that run already, or this program's own.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::Value;
use url::Url;

use crate::cli::failure::Failure;
use crate::cli::load::parity::store::now;
use crate::cli::load::stand::own_servers::{OwnServers, ServerOrder};
use crate::cli::load::stand::people::{IN_ORGANISATION, People};
use crate::cli::load::stand::place::{OwnDatabase, ServerProcesses, client, named_database};
use crate::cli::load::stand::project;
use crate::cli::load::stand::store::fill;
use crate::cli::load::watch::store;
use crate::config::settings::Config;
use crate::platform::clock::Clock;
use crate::platform::database::servers::Servers;
use crate::platform::db;
use crate::platform::outbound::client::Client;
use crate::platform::process::descriptors;
use crate::platform::secret::{ExposeSecret, SecretString};

/// The model of the stand-in.
const STAND_IN: &str = "self_hosted/load";

/// The distance that the times of a database and its servers may have.
const LEEWAY: TimeDelta = TimeDelta::minutes(5);

/// The order for a stand.
#[derive(Clone, Debug)]
pub struct StandOrder {
    /// The number of people.
    pub people: u32,
    /// True if servers and databases may be on other machines.
    pub remote: bool,
    /// Whose servers there are.
    pub servers: OrderedServers,
}

/// The servers that a stand is to have.
#[derive(Clone, Debug)]
pub enum OrderedServers {
    /// Those that run already.
    Running {
        /// Their addresses.
        servers: Vec<Url>,
        /// The token for them; without one, tokens are made.
        token: Option<SecretString>,
        /// The folder that runs work in.
        workspace: Option<String>,
        /// The model, when not the default.
        model: Option<String>,
    },
    /// This program's own.
    Own {
        /// Their number.
        count: u32,
        /// The pause before each piece of the model's text, in milliseconds.
        pause_ms: u64,
        /// Settings of theirs.
        settings: BTreeMap<String, String>,
        /// Rows of each large table that are made before.
        rows: u32,
    },
}

/// A stand.
#[derive(Debug)]
pub struct LoadStand {
    /// The beginning of all names.
    pub name: String,
    /// The client.
    pub client: Client,
    /// The servers.
    pub servers: Vec<Url>,
    /// Their processes, where they are known.
    pub processes: ServerProcesses,
    /// Their database, where it is known.
    pub database: Option<Servers>,
    /// The tokens of the people.
    pub people: Vec<SecretString>,
    /// Their organisations.
    pub orgs: Vec<String>,
    /// The model, when not the default.
    pub model: Option<String>,
    /// The folders that runs work in, one for each organisation.
    pub workspaces: Vec<String>,
    /// The people of one organisation.
    pub in_organisation: u32,
    /// Where answers come from, for people.
    pub provider: String,
    /// This program's own servers.
    pub own: Option<OwnServers>,
    /// True if no other program uses the servers.
    pub alone: bool,
    /// When it was set up, by the time of the database; rows of a load are younger.
    pub since: DateTime<Utc>,
}

impl LoadStand {
    /// Sets it up.
    pub async fn set_up(
        order: StandOrder,
        mut config: Config,
        clock: &Clock,
    ) -> Result<Self, Failure> {
        if let Err(error) = descriptors::raise_limit() {
            tracing::warn!(%error, "the limit of open connections stays as it is");
        }
        let name = format!("load-{:08x}", rand::random::<u32>());
        match order.servers {
            OrderedServers::Running {
                servers,
                token,
                workspace,
                model,
            } => {
                let client = client(&servers, order.remote)?;
                let database = named_database(&config, order.remote)?;
                let since = since(database.as_ref(), clock).await?;
                let people = if let Some(token) = token {
                    person_with(&client, &servers[0], token).await?
                } else {
                    // A folder belongs to one organisation.
                    let each = workspace.as_ref().map_or(IN_ORGANISATION, |_| order.people);
                    People::mint(&config, clock, &name, (order.people, each))?
                };
                Ok(Self {
                    name,
                    client,
                    servers,
                    processes: ServerProcesses::default(),
                    database,
                    people: people.tokens,
                    orgs: people.orgs,
                    model,
                    workspaces: workspace.into_iter().collect(),
                    in_organisation: people.in_organisation,
                    provider: "as the servers are configured".to_owned(),
                    own: None,
                    alone: false,
                    since,
                })
            }
            OrderedServers::Own {
                count,
                pause_ms,
                settings,
                rows,
            } => {
                let secret = fresh_secret();
                config.auth.jwt_secret = Some(secret.clone());
                let people = People::mint(&config, clock, &name, (order.people, IN_ORGANISATION))?;
                let servers = ServerOrder {
                    count,
                    pause_ms,
                    settings,
                    projects: people.orgs.len(),
                    secret,
                    path: searched(&config),
                };
                let stand = Self::with_own(name, people, servers, config, order.remote).await?;
                stand.fill(rows).await?;
                Ok(stand)
            }
        }
    }

    async fn with_own(
        name: String,
        people: People,
        order: ServerOrder,
        config: Config,
        remote: bool,
    ) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("navi-load-").tempdir()?;
        let pause_ms = order.pause_ms;
        let database = OwnDatabase::open(config, folder.path(), remote).await?;
        let own = OwnServers::start(order, database, folder).await?;
        let servers = own.urls()?;
        let since = since(Some(&own.database().servers), &Clock::System).await?;
        Ok(Self {
            name,
            client: client(&servers, false)?,
            servers,
            processes: own.processes(),
            database: Some(own.database().servers.clone()),
            people: people.tokens,
            orgs: people.orgs,
            model: Some(STAND_IN.to_owned()),
            workspaces: own.projects(),
            in_organisation: people.in_organisation,
            provider: project::describe(pause_ms),
            own: Some(own),
            alone: true,
            since,
        })
    }

    /// Makes rows that are older than the load.
    async fn fill(&self, rows: u32) -> Result<(), Failure> {
        let Some(database) = self.database.as_ref().filter(|_| rows > 0) else {
            return Ok(());
        };
        let mut conn = db::connect_once(database).await?;
        let grown = format!("{}-grown", self.name);
        let filled = fill(&mut conn, &self.orgs, &grown, i64::from(rows)).await;
        Ok(filled.map_err(db::Error::Query)?)
    }

    /// A sentence about the database.
    pub async fn describe_database(&self) -> String {
        let described = async {
            let mut conn = db::connect_once(self.database.as_ref()?).await.ok()?;
            store::describe(&mut conn).await.ok()
        };
        let described = described.await;
        described.unwrap_or_else(|| "not known, so rows are not compared".to_owned())
    }
}

/// A moment before the present one, by the time of the database. Its servers may have other times.
async fn since(database: Option<&Servers>, clock: &Clock) -> Result<DateTime<Utc>, Failure> {
    let now = match database {
        Some(database) => {
            let mut conn = db::connect_once(database).await?;
            now(&mut conn).await.map_err(db::Error::Query)?
        }
        None => clock.now(),
    };
    Ok(now - LEEWAY)
}

/// The one person who has this token.
async fn person_with(
    client: &Client,
    server: &Url,
    token: SecretString,
) -> Result<People, Failure> {
    let lost = |error: &dyn std::error::Error| Failure::Load(error.to_string());
    let url = server.join("api/auth/me").map_err(|error| lost(&error))?;
    let request = client.request(Method::GET, url)?;
    let request = request.bearer_auth(token.expose_secret());
    let answer = request.send().await.map_err(|error| lost(&error))?;
    let status = answer.status().as_u16();
    let me: Value = answer.json().await.map_err(|error| lost(&error))?;
    let org = me["org_id"].as_str().ok_or_else(|| Failure::Answered {
        status,
        detail: me["detail"].as_str().unwrap_or("no explanation").to_owned(),
    })?;
    Ok(People {
        orgs: vec![org.to_owned()],
        tokens: vec![token],
        in_organisation: u32::MAX,
    })
}

fn fresh_secret() -> SecretString {
    let (one, other) = (rand::random::<u128>(), rand::random::<u128>());
    SecretString::from(format!("{one:032x}{other:032x}"))
}

/// The folders in which commands of runs are looked for.
fn searched(config: &Config) -> String {
    let joined = std::env::join_paths(&config.surroundings.path).unwrap_or_default();
    joined.to_string_lossy().into_owned()
}
