//! A Postgres that was started by `scripts/bench.sh`, the ways to it, and the people who ask.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use navi::auth::principal::{Principal, Proof, Role};
use navi::auth::token::Verifier;
use navi::config::settings::Config;
use navi::platform::clock::Clock;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::runtime::Runtime;

use crate::server::{SECRET, Server, measured, with_settings};

/// The way from the server to Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Socket,
    /// The loopback, whose segments hold 64 KiB.
    Tcp,
    /// A pair of virtual network cards between two namespaces, whose segments hold 1,500 bytes.
    Veth,
}

impl Way {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Tcp => "tcp",
            Self::Veth => "veth",
        }
    }

    /// The numbers of clients that are measured: all over TCP, which deployments use, and the second
    /// over the others.
    pub(crate) fn clients(self, all: &[u64]) -> &[u64] {
        match self {
            Self::Tcp => all,
            Self::Socket | Self::Veth => &all[1..2],
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Socket => "over a socket",
            Self::Tcp => "over TCP",
            Self::Veth => "over a network with an MTU of 1,500",
        }
    }
}

/// The namespace in which a server runs that reaches Postgres over a network.
struct Veth {
    namespace: String,
    server: String,
    postgres: String,
}

/// Where everything is.
pub(crate) struct Scene {
    pub(crate) runtime: Runtime,
    pub(crate) data: tempfile::TempDir,
    pub(crate) db: PgPool,
    pub(crate) port: String,
    /// A folder that Postgres may write to.
    pub(crate) shared: std::path::PathBuf,
    /// The length of a load, and of a baseline.
    pub(crate) lasts: Duration,
    pub(crate) baseline: Duration,
    socket: String,
    password: String,
    veth: Option<Veth>,
    verifier: Verifier,
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run scripts/bench.sh"))
}

impl Scene {
    pub(crate) fn new(lasts: Duration) -> Self {
        let runtime = Runtime::new().unwrap();
        let (socket, port) = (variable("NAVI_BENCH_SOCKET"), variable("NAVI_BENCH_PORT"));
        let password = variable("PGPASSWORD");
        let options = PgConnectOptions::new_without_pgpass()
            .host(&socket)
            .port(port.parse().unwrap())
            .username("navi")
            .password(&password)
            .database("postgres");
        let db = runtime.block_on(async {
            navi::platform::db::migrate(&options, Clock::System.now())
                .await
                .unwrap();
            let pool = PgPoolOptions::new().max_connections(4);
            pool.connect_with(options).await.unwrap()
        });
        let veth = std::env::var("NAVI_BENCH_NAMESPACE")
            .ok()
            .map(|namespace| Veth {
                namespace,
                server: variable("NAVI_BENCH_SERVER_ADDRESS"),
                postgres: variable("NAVI_BENCH_POSTGRES_ADDRESS"),
            });
        let config = Config::from_flags(["--jwt-secret", SECRET]).unwrap();
        let secret = config.signing_secret().unwrap();
        Self {
            runtime,
            data: tempfile::tempdir().unwrap(),
            db,
            port,
            shared: variable("NAVI_BENCH_SHARED").into(),
            lasts,
            baseline: (lasts / 2).max(Duration::from_secs(1)),
            socket,
            password,
            veth,
            verifier: Verifier::over(&config.auth, Some(&secret), Clock::System),
        }
    }

    /// The ways that this machine has.
    pub(crate) fn ways(&self) -> Vec<Way> {
        let mut ways = vec![Way::Socket, Way::Tcp];
        ways.extend(self.veth.is_some().then_some(Way::Veth));
        ways
    }

    /// Where Postgres is for who comes that way.
    pub(crate) fn host(&self, way: Way) -> &str {
        match (way, &self.veth) {
            (Way::Socket, _) => &self.socket,
            (Way::Veth, Some(veth)) => &veth.postgres,
            (Way::Tcp | Way::Veth, _) => "127.0.0.1",
        }
    }

    /// A program that runs where a server that comes that way does.
    pub(crate) fn within(&self, way: Way, program: &Path) -> Command {
        match &self.veth {
            Some(veth) if way == Way::Veth => {
                let mut command = Command::new("ip");
                command
                    .args(["netns", "exec", &veth.namespace])
                    .arg(program);
                command
            }
            _ => Command::new(program),
        }
    }

    /// The address of Postgres at a host and port, as an operator writes it.
    pub(crate) fn url(&self, place: &str) -> String {
        format!("postgres://navi:{}@{place}/postgres", self.password)
    }

    /// A server with that way to Postgres. Its limits are off where a load would meet them.
    pub(crate) fn serve(&self, way: Way, settings: &[(&str, &str)]) -> Server {
        let url = match way {
            Way::Socket => self.url(&format!("localhost:{}", self.port)) + "?host=" + &self.socket,
            Way::Tcp | Way::Veth => self.url(&format!("{}:{}", self.host(way), self.port)),
        };
        let mut all = vec![
            ("DATABASE_URL", url.as_str()),
            ("NAVI_TELEMETRY_BATCHES_PER_MINUTE", "0"),
            ("NAVI_TELEMETRY_EVENTS_PER_MINUTE", "0"),
            ("NAVI_MAX_CONCURRENT_RUNS", "128"),
            ("NAVI_MAX_RUNS_PER_ORG", "128"),
        ];
        all.extend(settings);
        match &self.veth {
            Some(veth) if way == Way::Veth => {
                let mut command = self.within(way, &measured());
                command.arg("serve");
                let command = &mut with_settings(command, self.data.path());
                let address = format!("{}:8787", veth.server).parse().unwrap();
                Server::start_as(command, address, &all).0
            }
            _ => Server::start(self.data.path(), &all).0,
        }
    }

    /// A token for a person of an organisation, for an hour.
    pub(crate) fn token(&self, org: &str, user: &str) -> String {
        let person = Principal {
            org_id: org.parse().unwrap(),
            team_id: None,
            user_id: user.parse().unwrap(),
            role: Role::Admin,
            proof: Proof::Token,
        };
        self.verifier
            .mint(&person, Duration::from_hours(1))
            .unwrap()
    }

    pub(crate) fn execute(&self, sql: &str) {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        let done = self.runtime.block_on(sqlx::raw_sql(sql).execute(&self.db));
        done.unwrap();
    }

    /// The one number that a statement answers.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        let count = sqlx::query_scalar(sql).fetch_one(&self.db);
        self.runtime.block_on(count).unwrap()
    }
}
