//! The order to run a command, and its way from the server to the process that becomes the command.
//!
//! A supervisor is started before there is anything to do, which takes longer than to begin with it. So
//! the order comes later, over a socket: a word with its length and three open files, and then itself.

use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::exec::sandbox::control_groups::command::CommandGroups;
use crate::exec::sandbox::kernel::limits::CommandLimits;
use crate::exec::sandbox::machine::Sandbox;
use crate::exec::sandbox::network::descriptors;
use crate::exec::sandbox::wall::{Tier, Wall};

/// Comes before the length of an order.
const WORD: &str = "order";

/// The preparation of a supervisor for a command that it does not know yet: its only argument.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Preparation {
    /// The tier of its wall.
    pub tier: Tier,
    /// The control groups of the command.
    pub groups: Option<CommandGroups>,
    /// Their limits.
    pub limits: CommandLimits,
}

impl Preparation {
    /// The preparation for a command of this sandbox.
    pub fn of(sandbox: &Sandbox) -> Self {
        let tier = sandbox.tier();
        let mark = format!("{:016x}", rand::random::<u64>());
        let groups = CommandGroups::new(sandbox.group_places(), &mark);
        Self {
            tier,
            groups: groups.filter(|_| tier != Tier::None),
            limits: sandbox.limits(),
        }
    }
}

/// A command to run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// The program's path.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// The file in which to note how far the command came; see [`crate::exec::status_file`].
    pub record: Option<PathBuf>,
    /// The file that shows that something of the server lives; see [`crate::exec::presence`].
    pub presence: Option<PathBuf>,
    /// The wall around it; none where this machine cannot build one, or none is wanted.
    pub wall: Option<Wall>,
}

/// The open files that come with an order.
#[derive(Debug)]
pub struct Handles {
    /// The working directory.
    pub directory: OwnedFd,
    /// The standard output.
    pub stdout: OwnedFd,
    /// The standard error.
    pub stderr: OwnedFd,
}

impl Handles {
    fn all(&self) -> [BorrowedFd<'_>; 3] {
        [
            self.directory.as_fd(),
            self.stdout.as_fd(),
            self.stderr.as_fd(),
        ]
    }
}

/// Announces an order of so many bytes, which are to follow. Its files go with the announcement.
pub fn announce(line: &UnixStream, length: usize, handles: &Handles) -> std::io::Result<()> {
    descriptors::send(line, &format!("{WORD} {length}"), &handles.all())
}

/// Hands over an order. Blocks.
pub fn hand_over(mut line: &UnixStream, order: &[u8], handles: &Handles) -> std::io::Result<()> {
    announce(line, order.len(), handles)?;
    line.write_all(order)
}

/// Waits for an order; none when the other end is closed.
pub fn receive(mut line: &UnixStream) -> std::io::Result<Option<(Vec<u8>, Handles)>> {
    let (word, handles) = descriptors::receive(line)?;
    if word.is_empty() {
        return Ok(None);
    }
    let length = word.strip_prefix(WORD).map(str::trim);
    let length = length.and_then(|length| length.parse().ok());
    let handles = <[OwnedFd; 3]>::try_from(handles).ok();
    let (Some(length), Some([directory, stdout, stderr])) = (length, handles) else {
        return Err(std::io::Error::from(std::io::ErrorKind::InvalidData));
    };
    let mut order = vec![0; length];
    line.read_exact(&mut order)?;
    let handles = Handles {
        directory,
        stdout,
        stderr,
    };
    Ok(Some((order, handles)))
}
