//! A primary and a standby of its own that every commit waits for.

#![expect(
    clippy::disallowed_methods,
    reason = "a test starts the programs of Postgres as processes"
)]

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use navi::platform::embedded_postgres::binaries;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection, Row};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct Clusters {
    folder: TempDir,
    primary: Option<Child>,
    standby: Option<Child>,
}

impl Clusters {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let mut clusters = Self {
            folder,
            primary: None,
            standby: None,
        };
        let data = clusters.make_folder("primary");
        done(program("initdb", &["--username=navi", "--auth=trust", "--no-sync"]).arg(&data));
        clusters.primary = Some(clusters.run("primary"));
        clusters.until("primary", "select true").await;
        let data = clusters.make_folder("standby");
        let from = format!(
            "host={} user=navi application_name=standby",
            clusters.socket("primary").display()
        );
        let mut copy = program(
            "pg_basebackup",
            &["--write-recovery-conf", "--wal-method=stream"],
        );
        done(copy.arg("--pgdata").arg(&data).args(["--dbname", &from]));
        clusters.standby = Some(clusters.run("standby"));
        let streams = "select count(*) = 1 from pg_stat_replication where state = 'streaming'";
        clusters.until("primary", streams).await;
        let mut conn = clusters.connect("primary").await.unwrap();
        for statement in [
            "alter system set synchronous_standby_names = 'standby'",
            "select pg_reload_conf()",
        ] {
            sqlx::raw_sql(statement).execute(&mut conn).await.unwrap();
        }
        let waits = "select count(*) = 1 from pg_stat_replication where sync_state = 'sync'";
        clusters.until("primary", waits).await;
        clusters
    }

    /// An address of both, in this order and with this behind it.
    pub(super) fn address(&self, order: [&str; 2], more: &str) -> String {
        let hosts = order.map(|name| self.socket(name).display().to_string());
        format!("postgres://navi@/postgres?host={}{more}", hosts.join(","))
    }

    /// Ends the primary as a crash does.
    pub(super) fn kill_primary(&mut self) {
        end(self.primary.take(), Signal::SIGQUIT);
    }

    /// Makes a primary of the standby.
    pub(super) fn promote(&self) {
        let data = self.socket("standby").join("data");
        done(program("pg_ctl", &["promote", "--wait", "--pgdata"]).arg(data));
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of the data, in one that holds the socket.
    fn make_folder(&self, name: &str) -> PathBuf {
        let folder = self.socket(name);
        std::fs::create_dir(&folder).unwrap();
        give_away(&folder);
        folder.join("data")
    }

    fn run(&self, name: &str) -> Child {
        let folder = self.socket(name);
        let log = std::fs::File::create(self.folder.path().join(format!("{name}.log"))).unwrap();
        program("postgres", &["-c", "listen_addresses=", "-c", "fsync=off"])
            .arg("-D")
            .arg(folder.join("data"))
            .arg("-k")
            .arg(&folder)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    async fn connect(&self, name: &str) -> sqlx::Result<PgConnection> {
        let options = PgConnectOptions::new_without_pgpass();
        let options = options.socket(self.socket(name)).port(5432);
        options
            .username("navi")
            .database("postgres")
            .connect()
            .await
    }

    /// Waits until a query on a cluster answers that it is so.
    async fn until(&self, name: &str, query: &'static str) {
        let began = Instant::now();
        loop {
            let holds = async {
                let mut conn = self.connect(name).await?;
                let row = sqlx::raw_sql(query).fetch_one(&mut conn).await?;
                row.try_get::<bool, _>(0)
            };
            if let Ok(true) = holds.await {
                return;
            }
            let log = self.folder.path().join(format!("{name}.log"));
            let log = std::fs::read_to_string(log).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "{query}: {log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A cluster by itself, in a folder that its test may put more into.
pub(super) struct Cluster {
    pub(super) folder: TempDir,
    server: Option<Child>,
}

impl Cluster {
    /// One that is made and not yet started.
    pub(super) fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let made = Self {
            folder,
            server: None,
        };
        made.give("one");
        let data = made.socket().join("data");
        done(program("initdb", &["--username=navi", "--auth=trust", "--no-sync"]).arg(data));
        made
    }

    /// A folder here that belongs to the user of Postgres.
    pub(super) fn give(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        give_away(&folder);
        folder
    }

    /// The folder of its socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("one")
    }

    /// Starts it with these settings.
    pub(super) async fn start(&mut self, settings: &[&str]) {
        self.start_at(5432, settings).await;
    }

    /// The same where the settings name this port.
    pub(super) async fn start_at(&mut self, port: u16, settings: &[&str]) {
        let log = std::fs::File::create(self.folder.path().join("one.log")).unwrap();
        let mut command = program("postgres", &["-c", "fsync=off"]);
        for setting in settings {
            command.args(["-c", setting]);
        }
        let folder = self.socket();
        command
            .arg("-D")
            .arg(folder.join("data"))
            .arg("-k")
            .arg(folder);
        let command = command.stdout(log.try_clone().unwrap()).stderr(log);
        self.server = Some(command.spawn().unwrap());
        let began = Instant::now();
        while self.connect(port).await.is_err() {
            let log = std::fs::read_to_string(self.folder.path().join("one.log")).unwrap();
            assert!(began.elapsed() < PATIENCE, "{log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn connect(&self, port: u16) -> sqlx::Result<PgConnection> {
        let options = PgConnectOptions::new_without_pgpass();
        let options = options.socket(self.socket()).port(port);
        let options = options.username("navi").database("postgres");
        options.connect().await
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        end(self.server.take(), Signal::SIGQUIT);
    }
}

/// Gives a file or folder to the user that Postgres runs as.
pub(super) fn give_away(path: &Path) {
    if let Some(user) = other_user() {
        let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
        std::os::unix::fs::chown(path, Some(uid), Some(gid)).unwrap();
    }
}

impl Drop for Clusters {
    fn drop(&mut self) {
        end(self.standby.take(), Signal::SIGQUIT);
        end(self.primary.take(), Signal::SIGQUIT);
    }
}

fn end(process: Option<Child>, signal: Signal) {
    if let Some(mut process) = process {
        let pid = Pid::from_raw(i32::try_from(process.id()).unwrap());
        kill(pid, signal).unwrap();
        process.wait().unwrap();
    }
}

/// The user that Postgres runs as where the test is root, which it refuses to be.
fn other_user() -> Option<User> {
    let find = |name| User::from_name(name).unwrap();
    geteuid()
        .is_root()
        .then(|| find("postgres").or_else(|| find("nobody")).unwrap())
}

fn program(name: &str, arguments: &[&str]) -> Command {
    let named = std::env::var_os("NAVI_PG_BIN").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<_> = std::env::split_paths(&path).collect();
    let found = binaries::find(named.as_deref(), &path, None).unwrap();
    let mut command = Command::new(found.folder.join(name));
    command
        .args(arguments)
        .env_clear()
        .env("LC_ALL", "C")
        .current_dir(Path::new("/"))
        .stdin(Stdio::null());
    if let Some(user) = other_user() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}

fn done(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
