//! Settings of the sandbox.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::exec::credentials::settings::CredentialConfig;
use crate::exec::egress::error::EgressError;
use crate::exec::egress::pattern::{AllowedHosts, HostPattern};
use crate::exec::egress::registries::registries;
use crate::exec::sandbox::kernel::limits::CommandLimits;
use crate::exec::sandbox::wall::Tier;

/// New files for each MiB of disk that a command may fill.
const FILES_IN_MIB: u64 = 100;

/// Settings of the containment of commands. The names of the arguments are their own, because other
/// commands have a `mode` too.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Sandbox")]
pub struct SandboxConfig {
    /// The wall around commands: `auto` takes the strongest that this machine can build.
    ///
    /// `full` and `no-namespaces` refuse to start without it, `off` does without any. In production
    /// `auto` refuses to start where there is none.
    #[arg(
        id = "sandbox_mode",
        long = "sandbox",
        env = "NAVI_SANDBOX",
        value_name = "auto|full|no-namespaces|off",
        default_value = "auto"
    )]
    pub mode: SandboxMode,

    /// Files and folders that commands may read besides, separated by colons.
    #[arg(
        id = "sandbox_read",
        long = "sandbox-read",
        env = "NAVI_SANDBOX_READ",
        value_name = "PATHS",
        value_delimiter = ':'
    )]
    pub read: Vec<PathBuf>,

    /// Folders that commands may write besides, such as the caches of package managers.
    ///
    /// Other programs of the machine may read files that a run writes there: name folders that no other
    /// program builds from.
    #[arg(
        id = "sandbox_write",
        long = "sandbox-write",
        env = "NAVI_SANDBOX_WRITE",
        value_name = "PATHS",
        value_delimiter = ':'
    )]
    pub write: Vec<PathBuf>,

    /// Hosts that commands may reach, separated by commas: `example.com`, `*.example.com`,
    /// `example.com:8443`, `git.internal=private` for one whose address is not public. With the name
    /// of an organisation before it, as in `acme/git.acme.example`, only its runs may.
    #[arg(
        id = "sandbox_hosts",
        long = "sandbox-hosts",
        env = "NAVI_SANDBOX_HOSTS",
        value_name = "HOSTS",
        value_delimiter = ','
    )]
    pub hosts: Vec<HostSetting>,

    /// Allow commands to fetch packages from public registries: `crates.io`, `npm`, `PyPI`, Go, Maven
    /// Central, `RubyGems` and others.
    #[arg(
        id = "sandbox_registries",
        long = "sandbox-registries",
        env = "NAVI_SANDBOX_REGISTRIES",
        value_name = "BOOL",
        default_value_t = false,
        action = clap::ArgAction::Set
    )]
    pub registries: bool,

    /// Credentials for git that runs may borrow.
    #[command(flatten)]
    pub credentials: Box<CredentialConfig>,

    /// Memory that one command may use with all it starts, in MiB.
    #[arg(
        id = "sandbox_memory_mb",
        long = "sandbox-memory-mb",
        env = "NAVI_SANDBOX_MEMORY_MB",
        value_name = "MIB",
        default_value_t = 4_096,
        value_parser = clap::value_parser!(u64).range(64..=1 << 20)
    )]
    pub memory_mb: u64,

    /// Processes and threads that one command may have at once.
    #[arg(
        id = "sandbox_processes",
        long = "sandbox-processes",
        env = "NAVI_SANDBOX_PROCESSES",
        value_name = "COUNT",
        default_value_t = 1_024,
        value_parser = clap::value_parser!(u64).range(16..=100_000)
    )]
    pub processes: u64,

    /// Room on the disk that one command may fill, in MiB.
    #[arg(
        id = "sandbox_disk_mb",
        long = "sandbox-disk-mb",
        env = "NAVI_SANDBOX_DISK_MB",
        value_name = "MIB",
        default_value_t = 10_240,
        value_parser = clap::value_parser!(u64).range(16..=1 << 24)
    )]
    pub disk_mb: u64,
}

impl SandboxConfig {
    /// The hosts that runs of an organisation may reach from their beginning.
    pub fn hosts_of(&self, org: &str) -> AllowedHosts {
        let named = self.hosts.iter().filter(|host| {
            let owner = host.org.as_deref();
            owner.is_none_or(|owner| owner == org)
        });
        let named = named.map(|host| host.pattern.clone());
        let registries = self.registries.then(registries).into_iter().flatten();
        AllowedHosts::new(named.chain(registries))
    }

    /// The limits of one command.
    pub fn limits(&self) -> CommandLimits {
        CommandLimits {
            memory: self.memory_mb << 20,
            processes: self.processes,
            disk: self.disk_mb << 20,
            file_size: self.disk_mb << 20,
            files: self.disk_mb * FILES_IN_MIB,
            ..CommandLimits::default()
        }
    }
}

/// A host that an operator opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSetting {
    /// The only organisation whose runs may reach it.
    pub org: Option<String>,
    /// The host.
    pub pattern: HostPattern,
}

impl FromStr for HostSetting {
    type Err = EgressError;

    /// Reads `ORG/PATTERN` or `PATTERN`.
    fn from_str(text: &str) -> Result<Self, EgressError> {
        let (org, pattern) = match text.trim().split_once('/') {
            Some((org, pattern)) => (Some(org.to_owned()), pattern),
            None => (None, text.trim()),
        };
        Ok(Self {
            org,
            pattern: pattern.parse()?,
        })
    }
}

/// The need for a wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// A developer: there is a warning.
    Wanted,
    /// Only a server whose operator said so.
    Required,
}

/// The wall that an operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SandboxMode {
    /// The strongest that can be had.
    Auto,
    /// This one, or the server does not start.
    Exactly(Tier),
    /// None.
    Off,
}

impl SandboxMode {
    /// The tiers to try, the strongest first.
    pub fn tiers(self) -> &'static [Tier] {
        match self {
            Self::Auto => &[Tier::Full, Tier::NoNamespaces],
            Self::Exactly(Tier::Full) => &[Tier::Full],
            Self::Exactly(Tier::NoNamespaces) => &[Tier::NoNamespaces],
            Self::Exactly(Tier::None) | Self::Off => &[],
        }
    }
}

/// No mode has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of auto, full, no-namespaces, off")]
pub struct UnknownMode(String);

impl FromStr for SandboxMode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        match text.trim().to_ascii_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "full" => Ok(Self::Exactly(Tier::Full)),
            "no-namespaces" => Ok(Self::Exactly(Tier::NoNamespaces)),
            "off" => Ok(Self::Off),
            _ => Err(UnknownMode(text.to_owned())),
        }
    }
}

impl fmt::Display for SandboxMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Exactly(tier) => tier.as_str(),
            Self::Off => "off",
        })
    }
}
