//! The credentials that one command is lent, until they are dropped.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use url::Host;

use crate::exec::credentials::known_hosts::{HostKey, keys_of};
use crate::exec::credentials::relay::AgentRelay;
use crate::exec::credentials::settings::{GitToken, RunCredentials};
use crate::exec::credentials::variables::{self, SshPlaces};
use crate::platform::redact::known::KnownSecrets;
use crate::platform::secret::{ExposeSecret, SecretString};
use crate::platform::tasks::Tasks;

/// Where the machine's own list of known hosts is.
const KNOWN_TO_ALL: &str = "/etc/ssh/ssh_known_hosts";
/// The largest list that is read, in bytes.
const LIST_BYTES: u64 = 4 << 20;

/// The credentials that a command asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedCredentials {
    /// Hosts to sign in at by the SSH agent.
    pub agent: Vec<(Host, u16)>,
    /// Hosts whose token is wanted.
    pub tokens: Vec<(Host, u16)>,
}

/// The surroundings of a command that credentials are lent to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Borrower<'a> {
    /// The home folder of the server's user.
    pub home: Option<&'a Path>,
    /// The user and group that the command runs as, when those are not the server's.
    pub owner: Option<(u32, u32)>,
    /// This program and the port of the run's proxy, where the run has a network of its own.
    pub tunnel: Option<(&'a Path, u16)>,
}

/// Credentials cannot be lent.
#[derive(Debug, thiserror::Error)]
pub enum NotLent {
    /// The run may not use the agent, or there is none.
    #[error("no SSH agent is open to this run (NAVI_GIT_SSH_AGENT)")]
    NoAgent,
    /// There is no token for the host.
    #[error("this run has no token for {0}:{1} (NAVI_GIT_TOKENS)")]
    NoToken(Host, u16),
    /// The host's key is not known.
    #[error(
        "the key of {0}:{1} is not known: connect to it once yourself, so that it is in known_hosts"
    )]
    Unknown(Host, u16),
    /// No local socket can be made.
    #[error("without namespaces no command reaches an SSH agent; `git-token` works there")]
    NoNamespaces,
    /// A path that `ssh` is to be told cannot be written.
    #[error("a path has other signs than letters and digits")]
    Path,
    /// The relay cannot be made.
    #[error("the SSH agent cannot be reached: {0}")]
    Io(#[from] std::io::Error),
}

/// The credentials that one command is lent. When this is dropped, the agent signs nothing more for it.
#[derive(Debug, Default)]
pub struct LentCredentials {
    /// Variables of the command.
    pub variables: Vec<(String, String)>,
    /// Paths that it may read besides.
    pub readable: Vec<PathBuf>,
    secrets: KnownSecrets,
    agent: Option<AgentLoan>,
}

/// The agent, and the folder where the command finds it. The relay is dropped first.
#[derive(Debug)]
struct AgentLoan {
    relay: AgentRelay,
    _folder: TempDir,
}

impl LentCredentials {
    /// Lends the wanted credentials. Reads lists of known hosts and makes a folder.
    pub fn lend(
        wanted: &WantedCredentials,
        own: &RunCredentials,
        borrower: Borrower<'_>,
        tasks: &Tasks,
    ) -> Result<Self, NotLent> {
        let mut lent = Self::default();
        if !wanted.agent.is_empty() {
            lent.lend_agent(wanted, own, borrower, tasks)?;
        }
        let tokens = wanted.tokens.iter().map(|(host, port)| {
            let found = own.tokens.iter().find(|it| it.is_of(host, *port));
            found.ok_or_else(|| NotLent::NoToken(host.clone(), *port))
        });
        let tokens: Vec<&GitToken> = tokens.collect::<Result<_, _>>()?;
        let for_git = variables::for_git(&tokens, !wanted.agent.is_empty());
        lent.variables.extend(for_git);
        // Git sends both together, encoded.
        let sent = |it: &&GitToken| {
            let pair = format!("{}:{}", it.user, it.token.expose_secret());
            SecretString::from(STANDARD.encode(pair))
        };
        let sent: Vec<_> = tokens.iter().map(sent).collect();
        let plain = tokens.iter().map(|it| &it.token);
        lent.secrets = KnownSecrets::new(plain.chain(&sent));
        Ok(lent)
    }

    fn lend_agent(
        &mut self,
        wanted: &WantedCredentials,
        own: &RunCredentials,
        borrower: Borrower<'_>,
        tasks: &Tasks,
    ) -> Result<(), NotLent> {
        let agent = own.agent.clone().ok_or(NotLent::NoAgent)?;
        let keys = known(&wanted.agent, borrower.home)?;
        let folder = tempfile::Builder::new().prefix("navi-lent-").tempdir()?;
        let real = folder.path().canonicalize()?;
        let (socket, known_hosts) = (real.join("agent"), real.join("known_hosts"));
        let lines: Vec<_> = keys.iter().map(|key| key.line.as_str()).collect();
        fs::write(&known_hosts, lines.join("\n") + "\n")?;
        let keys = keys.into_iter().map(|key| key.blob).collect();
        let relay = AgentRelay::open(&socket, agent, keys, tasks)?;
        for (path, mode) in [(&known_hosts, 0o400), (&socket, 0o600), (&real, 0o700)] {
            fs::set_permissions(path, Permissions::from_mode(mode))?;
            if let Some((user, group)) = borrower.owner {
                chown(path, Some(user), Some(group))?;
            }
        }
        let places = SshPlaces {
            socket: &socket,
            known_hosts: &known_hosts,
            tunnel: borrower.tunnel,
        };
        self.variables = variables::for_ssh(places).ok_or(NotLent::Path)?;
        self.readable.push(real);
        let program = borrower.tunnel.map(|(program, _)| program.to_owned());
        self.readable.extend(program);
        self.agent = Some(AgentLoan {
            relay,
            _folder: folder,
        });
        Ok(())
    }

    /// True if the command holds a secret that it may say.
    pub fn holds_secrets(&self) -> bool {
        self.variables
            .iter()
            .any(|(name, _)| name.starts_with("NAVI_GIT_TOKEN_"))
    }

    /// A text of the command without what it was lent.
    pub fn redacted(&self, text: &str) -> String {
        self.secrets.redact(text).into_owned()
    }

    /// The reasons why the agent did not do something.
    pub fn refused(&self) -> Vec<&'static str> {
        let relay = self.agent.as_ref().map(|it| &it.relay);
        relay.map(AgentRelay::refused).unwrap_or_default()
    }
}

/// The keys of hosts, of each at least one.
fn known(hosts: &[(Host, u16)], home: Option<&Path>) -> Result<Vec<HostKey>, NotLent> {
    let own = home.map(|home| home.join(".ssh/known_hosts"));
    let lists = own.into_iter().chain([PathBuf::from(KNOWN_TO_ALL)]);
    let text: String = lists.filter_map(|path| list(&path)).collect();
    let mut all = Vec::new();
    for (host, port) in hosts {
        let keys = keys_of(host, *port, &text);
        if keys.is_empty() {
            return Err(NotLent::Unknown(host.clone(), *port));
        }
        all.extend(keys);
    }
    Ok(all)
}

fn list(path: &Path) -> Option<String> {
    let is_usual = fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() <= LIST_BYTES);
    let text = is_usual.then(|| fs::read(path).ok()).flatten()?;
    Some(format!("{}\n", String::from_utf8_lossy(&text)))
}
