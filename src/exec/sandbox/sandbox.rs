//! The sandbox of this machine: how strong it is, and what all commands may use.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::exec::launch::Demand;
use crate::exec::sandbox::enclosure::{Enclosure, Grant, Widening, remove_left_behind};
use crate::exec::sandbox::limits::Limits;
use crate::exec::sandbox::settings::{SandboxConfig, SandboxMode};
use crate::exec::sandbox::toolchains;
use crate::exec::sandbox::wall::{Tier, WallError};
use crate::exec::supervisor::{self, Order};

/// How long a command that does nothing may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The sandbox of this machine; cheap to clone.
#[derive(Clone, Debug)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    tier: Tier,
    missing: Vec<String>,
    program: PathBuf,
    readable: Vec<PathBuf>,
    writable: Vec<PathBuf>,
    hidden: Vec<PathBuf>,
    variables: BTreeMap<String, String>,
    limits: Limits,
    run_folders: PathBuf,
    landlock_at_most: Option<u8>,
}

/// Commands cannot be contained as they must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotContain {
    /// The wall that a setting names cannot be built here.
    #[error("NAVI_SANDBOX is `{wanted}`, and this machine cannot build that: {missing}")]
    Wanted {
        /// The setting.
        wanted: SandboxMode,
        /// What stands against it.
        missing: String,
    },
    /// None can be built, and none was not asked for.
    #[error(
        "this machine cannot contain what commands do ({missing}); outside development the server \
         runs without a sandbox only with NAVI_SANDBOX=off"
    )]
    Nothing {
        /// What stands against it.
        missing: String,
    },
}

impl Sandbox {
    /// No wall.
    pub fn off() -> Self {
        Self {
            inner: Arc::new(Inner {
                tier: Tier::None,
                missing: vec!["it is switched off".to_owned()],
                program: PathBuf::new(),
                readable: Vec::new(),
                writable: Vec::new(),
                hidden: Vec::new(),
                variables: BTreeMap::new(),
                limits: Limits::default(),
                run_folders: PathBuf::new(),
                landlock_at_most: None,
            }),
        }
    }

    /// Finds the strongest wall that this machine can build, by building it around a command that
    /// does nothing. `program` is the supervisor, `environment` that of commands. To find none is an
    /// error where one is required. Blocks.
    pub fn find(
        config: &SandboxConfig,
        program: &Path,
        environment: &BTreeMap<String, String>,
        demand: Demand,
    ) -> Result<Self, CannotContain> {
        let mut found = Inner {
            program: program.to_owned(),
            readable: with_real([toolchains::readable(environment), config.read.clone()].concat()),
            writable: with_real([toolchains::writable(environment), config.write.clone()].concat()),
            hidden: toolchains::hidden(),
            variables: toolchains::variables(environment),
            limits: config.limits(),
            run_folders: std::env::temp_dir(),
            missing: Vec::new(),
            ..Inner::clone(&Self::off().inner)
        };
        remove_left_behind(&found.run_folders);
        let mut missing = Vec::new();
        for tier in config.mode.tiers() {
            found.tier = *tier;
            let sandbox = Self {
                inner: Arc::new(found.clone()),
            };
            match sandbox.try_out() {
                Ok(()) => {
                    found.missing = missing;
                    return Ok(Self {
                        inner: Arc::new(found),
                    });
                }
                Err(error) => missing.push(format!("{tier}: {error}")),
            }
        }
        match config.mode {
            SandboxMode::Off => Ok(Self::off()),
            SandboxMode::Auto if demand == Demand::Required => Err(CannotContain::Nothing {
                missing: missing.join("; "),
            }),
            SandboxMode::Auto => {
                found.tier = Tier::None;
                found.missing = missing;
                Ok(Self {
                    inner: Arc::new(found),
                })
            }
            SandboxMode::Exactly(_) => Err(CannotContain::Wanted {
                wanted: config.mode,
                missing: missing.join("; "),
            }),
        }
    }

    /// This sandbox on a kernel whose Landlock is that old, without namespaces if they are not wanted.
    #[must_use]
    pub fn weakened(&self, tier: Tier, landlock_at_most: Option<u8>) -> Self {
        let inner = Inner {
            tier: self.inner.tier.min(tier),
            landlock_at_most,
            ..Inner::clone(&self.inner)
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// This sandbox, with folders that commands cannot read wherever they lie. What is named besides,
    /// such as a workspace in them, they can.
    #[must_use]
    pub fn closing(&self, folders: &[PathBuf]) -> Self {
        let mut inner = Inner::clone(&self.inner);
        inner.hidden.extend(with_real(folders.to_vec()));
        Self {
            inner: Arc::new(inner),
        }
    }

    /// How strong the wall is.
    pub fn tier(&self) -> Tier {
        self.inner.tier
    }

    /// What this machine lacks for a stronger one.
    pub fn missing(&self) -> &[String] {
        &self.inner.missing
    }

    /// The tier and what is missing, in one sentence for people.
    pub fn describe(&self) -> String {
        match (self.tier(), self.missing()) {
            (Tier::None, missing) => format!("commands are not contained: {}", missing.join("; ")),
            (tier, []) => format!("commands are contained: {tier}"),
            (tier, missing) => format!(
                "commands are contained: {tier}; not to be had here: {}",
                missing.join("; ")
            ),
        }
    }

    /// Variables that commands need because their home folder is another.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.inner.variables
    }

    pub(super) fn program(&self) -> &Path {
        &self.inner.program
    }

    pub(super) fn readable(&self) -> &[PathBuf] {
        &self.inner.readable
    }

    pub(super) fn writable(&self) -> &[PathBuf] {
        &self.inner.writable
    }

    pub(super) fn hidden(&self) -> Vec<PathBuf> {
        self.inner.hidden.clone()
    }

    pub(super) fn limits(&self) -> Limits {
        self.inner.limits
    }

    pub(super) fn run_folders(&self) -> &Path {
        &self.inner.run_folders
    }

    pub(super) fn landlock_at_most(&self) -> Option<u8> {
        self.inner.landlock_at_most
    }

    /// Runs a command that does nothing within the wall.
    fn try_out(&self) -> Result<(), WallError> {
        let grant = Grant {
            network: true,
            ..Grant::default()
        };
        let (enclosure, _listener) = Enclosure::open(self, grant, "trial")?;
        let wall = enclosure.wall(PathBuf::from("/"), &Widening::default());
        let order = Order {
            program: "/bin/sh".to_owned(),
            arguments: vec!["-c".to_owned(), ":".to_owned()],
            record: None,
            wall: Some(wall),
        };
        let failed = "trying it out";
        let (ours, theirs) = UnixStream::pair().map_err(WallError::at(failed))?;
        ours.set_read_timeout(Some(PATIENCE))
            .map_err(WallError::at(failed))?;
        #[expect(
            clippy::disallowed_methods,
            reason = "this is where the sandbox is tried out"
        )]
        let mut command = Command::new(self.program());
        let mut supervisor = command
            .arg(supervisor::ARGUMENT)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(WallError::at(failed))?;
        drop(command);
        let told = ask(&ours, &order);
        drop(ours);
        supervisor.wait().map_err(WallError::at(failed))?;
        match told.map_err(WallError::at(failed))?.trim() {
            "ended 0" => Ok(()),
            other => Err(WallError::new(
                failed,
                other.strip_prefix("failed ").unwrap_or(other),
            )),
        }
    }
}

/// These paths, and what they lead to through links: rules hold for what is real.
fn with_real(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let real: Vec<_> = paths
        .iter()
        .filter_map(|it| it.canonicalize().ok())
        .collect();
    paths.extend(real);
    paths.sort();
    paths.dedup();
    paths
}

fn ask(mut line: &UnixStream, order: &Order) -> std::io::Result<String> {
    let order = serde_json::to_string(order)?;
    line.write_all(format!("{order}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(line).read_line(&mut answer)?;
    Ok(answer)
}
