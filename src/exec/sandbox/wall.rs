//! The wall around one command: what a supervisor must be told to build it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::exec::sandbox::control_groups::command::CommandGroups;
use crate::exec::sandbox::kernel::limits::CommandLimits;

/// The strength of the wall that this machine can build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// No wall: commands may do what the server's user may.
    None,
    /// Landlock and seccomp: files and system calls are bounded, and there is no network.
    NoNamespaces,
    /// The same within namespaces of users, mounts, processes and networks.
    Full,
}

impl Tier {
    /// The name in settings, logs and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NoNamespaces => "no-namespaces",
            Self::Full => "full",
        }
    }
}

impl std::fmt::Display for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The wall around one command. Paths are absolute and real; those that do not exist count for
/// nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wall {
    /// The tier; never [`Tier::None`].
    pub tier: Tier,
    /// Paths that may be read and executed.
    pub readable: Vec<PathBuf>,
    /// Paths that may also be changed.
    pub writable: Vec<PathBuf>,
    /// Paths that stay as they are although they lie in something writable.
    pub protected: Vec<PathBuf>,
    /// Paths that cannot be read although they lie in something readable.
    pub hidden: Vec<PathBuf>,
    /// The folder of temporary files, which is `/tmp` where there are namespaces.
    pub temporary: PathBuf,
    /// Where the command begins.
    pub directory: PathBuf,
    /// The network that it may reach.
    pub network: CommandNetwork,
    /// The user that it runs as, when that is not the server's.
    pub user: Option<CommandUser>,
    /// True if the files of root that it may write are shown as those of the user, which is
    /// [`CommandUser::WITHOUT_RIGHTS`] then.
    pub shown_as_own: bool,
    /// The resources that it may use.
    pub limits: CommandLimits,
    /// The control groups that hold it to them; none where none can be made, and none before a
    /// supervisor is there that made them.
    pub groups: Option<CommandGroups>,
    /// The newest Landlock that is used, for tests of older kernels.
    pub landlock_at_most: Option<u8>,
}

/// The user that a command runs as when the server is root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandUser {
    /// The user's id.
    pub uid: u32,
    /// The id of the user's group.
    pub gid: u32,
}

impl CommandUser {
    /// The user without any rights, by convention (`nobody`).
    pub const WITHOUT_RIGHTS: Self = Self {
        uid: 65_534,
        gid: 65_534,
    };

    /// Reads `UID:GID`.
    pub fn parse(text: &str) -> Option<Self> {
        let (uid, gid) = text.split_once(':')?;
        Some(Self {
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
        })
    }
}

impl std::fmt::Display for CommandUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

/// The network of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandNetwork {
    /// Nothing, not even the programs of its run.
    Nothing,
    /// The network of its run, which this process holds; see [`crate::exec::sandbox::network::holder`].
    OfRun(i32),
    /// The network of the machine, after a person's consent.
    OfMachine,
}
