//! Servers of their own processes.

#![expect(
    clippy::disallowed_methods,
    reason = "a test starts the server as a process and is its client"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use navi::auth::principal::Role;
use navi::auth::token::Verifier;
use navi::config::settings::Config;
use navi::llm::script::Script;
use navi::platform::clock::Clock;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use crate::runs::stream::EventStream;
use crate::support::app::{ORG, SECRET, USER, principal};

/// The things that servers beside each other share: a database, a data folder, a script and workspaces.
pub(crate) struct Place {
    folder: TempDir,
    database: Option<String>,
    servers: AtomicU32,
}

impl Place {
    /// Over the database at this URL, or with a private Postgres when there is none.
    pub(crate) fn new(script: &Script, database: Option<&str>) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("workspace")).unwrap();
        let place = Self {
            folder,
            database: database.map(str::to_owned),
            servers: AtomicU32::new(0),
        };
        place.write_script(&serde_json::to_string(script).unwrap());
        Arc::new(place)
    }

    /// Writes the script that servers play which are started from now on.
    pub(crate) fn write_script(&self, script: &str) {
        std::fs::write(self.folder.path().join("script.json"), script).unwrap();
    }

    /// Starts a server with these flags.
    pub(crate) async fn serve(self: &Arc<Self>, flags: &[&str]) -> Served {
        self.serve_at("127.0.0.1:0", flags).await
    }

    /// Starts a server at this address with these flags.
    pub(crate) async fn serve_at(self: &Arc<Self>, bind: &str, flags: &[&str]) -> Served {
        let number = self.servers.fetch_add(1, Ordering::Relaxed);
        let log = self.folder.path().join(format!("log-{number}"));
        let file = std::fs::File::create(&log).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_navi"));
        command
            .arg("serve")
            .args(["--bind", bind, "--jwt-secret", SECRET])
            .args(["--shutdown-grace-seconds", "15"])
            .arg("--script")
            .arg(self.folder.path().join("script.json"))
            .arg("--data-dir")
            .arg(self.data())
            .args(flags)
            .env_remove("DATABASE_URL")
            .stdout(Stdio::from(file.try_clone().unwrap()))
            .stderr(Stdio::from(file));
        if let Some(url) = &self.database {
            command.args(["--database-url", url]);
        }
        let mut served = Served {
            process: command.spawn().unwrap(),
            url: String::new(),
            token: token(),
            log,
            place: self.clone(),
        };
        let began = Instant::now();
        while served.url.is_empty() {
            let log = served.log();
            assert!(began.elapsed() < Duration::from_secs(30), "{log}");
            assert!(served.process.try_wait().unwrap().is_none(), "{log}");
            let line = log
                .lines()
                .find_map(|line| line.strip_prefix("navi listens on "));
            served.url = line.unwrap_or_default().to_owned();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        served
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A workspace of this name; `.` is the one that all share.
    pub(crate) fn workspace(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join("workspace").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}

/// A server of its own process, on a free port.
pub(crate) struct Served {
    process: Child,
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) log: PathBuf,
    pub(crate) place: Arc<Place>,
}

impl Served {
    /// One in a place of its own.
    pub(crate) async fn start(script: &Script, database: Option<&str>) -> Self {
        Place::new(script, database).serve(&[]).await
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.place.workspace(".")
    }

    pub(crate) async fn begin(&self, message: &str) -> EventStream {
        let response = reqwest::Client::new()
            .post(format!("{}/api/navi/chat/autonomous", self.url))
            .bearer_auth(&self.token)
            .json(&json!({"message": message, "workspace_path": self.workspace()}))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        EventStream::new(response.bytes_stream())
    }

    /// Sends a request, to be awaited or not.
    pub(crate) fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: &Value,
    ) -> impl Future<Output = reqwest::Result<reqwest::Response>> + use<> {
        reqwest::Client::new()
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .json(body)
            .send()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call(reqwest::Method::POST, path, body).await
    }

    pub(crate) async fn call(
        &self,
        method: reqwest::Method,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        let response = self.send(method, path, body).await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }

    /// Asks for a job in this workspace.
    pub(crate) async fn job(&self, workspace: &Path) -> String {
        let body = json!({"message": "do it", "workspace_path": workspace});
        let (status, answer) = self.post("/api/jobs", &body).await;
        assert_eq!(status, 200, "{answer}");
        answer["job"]["job_id"].as_str().unwrap().to_owned()
    }

    /// Follows a job after an event, which is named in the header or, if `in_query`, the parameter.
    pub(crate) async fn follow(&self, id: &str, after: i64, in_query: bool) -> EventStream {
        let path = format!("{}/api/jobs/{id}/events", self.url);
        let client = reqwest::Client::new();
        let request = if in_query {
            client.get(format!("{path}?after_sequence={after}"))
        } else {
            client.get(path).header("last-event-id", after.to_string())
        };
        let request = request.bearer_auth(&self.token);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        EventStream::new(response.bytes_stream())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.process.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// The memory that is its own now, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let text = std::fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.unwrap().split_whitespace().next().unwrap();
        kib.parse().unwrap()
    }

    /// Kills it without a word, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits until the process is gone; answers with its exit code.
    pub(crate) async fn gone(&mut self, within: Duration) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < within, "still there:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may be gone already; with its socket to us its private Postgres goes too.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn token() -> String {
    token_of(ORG, USER, Role::Planner)
}

/// A token that servers here take for an hour.
pub(crate) fn token_of(org: &str, user: &str, role: Role) -> String {
    token_at(org, user, role, Clock::System)
}

/// The same, issued by this clock.
pub(crate) fn token_at(org: &str, user: &str, role: Role, clock: Clock) -> String {
    let config = Config::from_flags(["--jwt-secret", SECRET]).unwrap();
    let secret = config.signing_secret().unwrap();
    let verifier = Verifier::new(&config.auth, &secret, clock);
    let hour = Duration::from_hours(1);
    verifier.mint(&principal(org, user, role), hour).unwrap()
}

/// The URL of a database.
pub(crate) fn url(options: &PgConnectOptions) -> String {
    options.to_url_lossy().to_string()
}
