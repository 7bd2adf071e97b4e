//! One `navi serve` in a process of its own.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// Words that a server writes to its standard output when it is ready, before its address.
const READY: &str = "navi listens on ";
/// The pause between two looks whether it is.
const POLL: Duration = Duration::from_millis(20);
/// The most of a log that is repeated where a server does not start, in characters.
const TOLD: usize = 2_000;

/// The order for a server.
#[derive(Debug)]
pub struct ReplicaOrder<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its whole environment.
    pub environment: BTreeMap<String, String>,
    /// The file that its output is appended to.
    pub log: PathBuf,
}

/// A server that runs. It is killed when this is dropped.
#[derive(Debug)]
pub struct Replica {
    child: Child,
    url: String,
}

impl Replica {
    /// Starts a server, and returns when it is ready.
    pub async fn start(order: ReplicaOrder<'_>, patience: Duration) -> io::Result<Self> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&order.log)?;
        let before = usize::try_from(log.metadata()?.len()).unwrap_or(usize::MAX);
        let mut replica = Self {
            child: spawn(&order, log)?,
            url: String::new(),
        };
        let began = Instant::now();
        loop {
            let text = std::fs::read(&order.log)?;
            let text = String::from_utf8_lossy(text.get(before..).unwrap_or_default()).into_owned();
            if let Some(url) = text.lines().find_map(|line| line.strip_prefix(READY)) {
                url.clone_into(&mut replica.url);
                return Ok(replica);
            }
            if replica.child.try_wait()?.is_some() || began.elapsed() > patience {
                let skipped = text.chars().count().saturating_sub(TOLD);
                let tail: String = text.chars().skip(skipped).collect();
                return Err(io::Error::other(format!("a server did not start: {tail}")));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Its own address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same without the scheme.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Its process; none if it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills it without a word, and waits until it is gone.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Asks it to end, and kills it when it has not after `patience`.
    pub async fn stop(mut self, patience: Duration) -> io::Result<()> {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            kill(Pid::from_raw(pid), Signal::SIGTERM)?;
        }
        match tokio::time::timeout(patience, self.child.wait()).await {
            Ok(ended) => ended.map(drop),
            Err(_) => self.child.kill().await,
        }
    }
}

fn spawn(order: &ReplicaOrder<'_>, log: File) -> io::Result<Child> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where servers are started beside this one"
    )]
    let mut command = Command::new(order.program);
    command
        .arg("serve")
        .arg("--migrate")
        .env_clear()
        .envs(&order.environment)
        .stdin(Stdio::null())
        .stdout(Stdio::from(log.try_clone()?))
        .stderr(Stdio::from(log))
        // A signal of the terminal is for the program that measures, which ends its servers itself.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}
