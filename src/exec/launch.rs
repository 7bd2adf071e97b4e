//! The means to start commands: the same for all runs of a server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::exec::credentials::settings::UnreadableToken;
use crate::exec::egress::dial::Dialer;
use crate::exec::egress::error::EgressError;
use crate::exec::egress::limits::EgressLimits;
use crate::exec::egress::proxy::EgressProxy;
use crate::exec::egress::resolve::SystemResolver;
use crate::exec::finding::find_sandbox;
use crate::exec::presence::Presence;
use crate::exec::sandbox::enclosure::Widening;
use crate::exec::sandbox::machine::{CannotContain, Sandbox};
use crate::exec::sandbox::settings::{Demand, SandboxConfig};
use crate::exec::sandbox::wall::Tier;
use crate::exec::supervision::spares::Spares;
use crate::platform::health::Probe;
use crate::platform::metrics::Metrics;

/// The kernel's limit for one argument is 128 KiB.
pub const COMMAND_BYTES: usize = 100_000;

/// This program, even after its file was replaced.
pub const THIS_PROGRAM: &str = "/proc/self/exe";

/// The means to start commands.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program that answers to [`crate::exec::supervision::supervisor::ARGUMENT`]: ours.
    pub supervisor: PathBuf,
    /// The commands' whole environment; see [`crate::exec::environment::for_commands`].
    pub environment: Arc<BTreeMap<String, String>>,
    /// The wall around them.
    pub sandbox: Sandbox,
    /// Their way out of a network of their own; none where nothing outside may be reached.
    pub egress: Option<EgressProxy>,
    /// Supervisors that wait for commands.
    pub spares: Arc<Spares>,
    /// The file that shows that this process lives, which supervisors hold as well.
    pub presence: Option<Presence>,
}

/// Commands cannot be started as the settings demand.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// They cannot be contained.
    #[error(transparent)]
    Sandbox(#[from] CannotContain),
    /// The proxy that leads out of this machine's network cannot be used.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// A credential for git cannot be read.
    #[error(transparent)]
    Credentials(#[from] UnreadableToken),
}

impl Launch {
    /// Finds out how commands are started here. They are supervised by this program itself unless
    /// another is named. Blocks.
    pub fn prepare(
        config: &SandboxConfig,
        supervisor: Option<PathBuf>,
        environment: &BTreeMap<String, String>,
        demand: Demand,
        metrics: Metrics,
    ) -> Result<Self, LaunchError> {
        config.credentials.tokens()?;
        let supervisor = supervisor.unwrap_or_else(|| PathBuf::from(THIS_PROGRAM));
        let sandbox = find_sandbox(config, &supervisor, environment, demand)?;
        if sandbox.tier() == Tier::None {
            tracing::warn!("{}", sandbox.describe());
        } else {
            tracing::info!("{}", sandbox.describe());
        }
        let upstream = environment
            .get("HTTPS_PROXY")
            .or_else(|| environment.get("https_proxy"));
        let upstream = upstream.map(|proxy| proxy.parse()).transpose()?;
        let dialer = Dialer::new(Arc::new(SystemResolver), upstream);
        Ok(Self {
            supervisor,
            environment: Arc::new(environment.clone()),
            sandbox,
            egress: Some(EgressProxy::new(EgressLimits::default(), dialer, metrics)),
            spares: Arc::default(),
            presence: None,
        })
    }

    /// The same, with folders that commands cannot read wherever they lie.
    #[must_use]
    pub fn closing(mut self, folders: &[PathBuf]) -> Self {
        self.sandbox = self.sandbox.closing(folders);
        self
    }

    /// The same, with a file below the data folder that shows that this process or a supervisor of its
    /// lives.
    #[must_use]
    pub fn showing(mut self, data_folder: Option<&Path>) -> Self {
        self.presence = data_folder.and_then(Presence::show);
        self
    }

    /// The file that shows that this process lives, for supervisors.
    pub(super) fn presence_path(&self) -> Option<PathBuf> {
        let presence = self.presence.as_ref();
        presence.map(|presence| presence.path().to_owned())
    }

    /// Says how commands are contained. It never fails: whether a server may do without is decided
    /// when it starts.
    pub fn probe(&self) -> Probe {
        let found = self.sandbox.describe();
        Box::new(move || {
            let found = found.clone();
            Box::pin(async move { Ok(found) })
        })
    }
}

/// A command for the shell.
#[derive(Clone, Copy, Debug)]
pub struct ShellCommand<'a> {
    /// The text.
    pub text: &'a str,
    /// Where its supervisor notes how far it came.
    pub record: Option<&'a Path>,
    /// The access that a person gave it beyond its run's.
    pub widening: &'a Widening,
}

/// A program with its arguments.
#[derive(Clone, Copy, Debug)]
pub struct ProgramCommand<'a> {
    /// Its name or path.
    pub program: &'a str,
    /// Its arguments.
    pub arguments: &'a [&'a str],
    /// The access that a person gave it beyond its run's.
    pub widening: &'a Widening,
}

/// The shell that commands are written for.
pub(super) fn shell() -> &'static str {
    const BASH: &str = "/bin/bash";
    if Path::new(BASH).exists() {
        BASH
    } else {
        "/bin/sh"
    }
}
