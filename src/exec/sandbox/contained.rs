//! Starting a command within its wall.
//!
//! Without namespaces the command is our child. With them our child enters them and divides itself: its
//! own child is the first process of the command's namespace of processes, which adopts what the
//! command leaves behind, and with whose end the kernel ends everything in it.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, geteuid, setpgid};

use crate::exec::sandbox::control_groups::command::CommandGroups;
use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::kernel::fork::fork;
use crate::exec::sandbox::kernel::mounts::ownership::Ownership;
use crate::exec::sandbox::kernel::mounts::parts::RootParts;
use crate::exec::sandbox::kernel::mounts::root;
use crate::exec::sandbox::kernel::syscalls::SyscallFilters;
use crate::exec::sandbox::kernel::{files, namespaces, privileges};
use crate::exec::sandbox::order::{self, Handles, Order};
use crate::exec::sandbox::wall::{Tier, Wall};
use crate::platform::privacy;

/// Follows the exit code when the command left something running.
pub const LEFT_RUNNING: &str = " leaving";

/// The role of a process after a start has divided it.
#[derive(Debug)]
pub enum Divided {
    /// The one that asked for it.
    Parent(Builder),
    /// Another, which is done and ends with this code.
    Child(ExitCode),
}

/// The process that will build a wall around a command, and waits for its order.
#[derive(Debug)]
pub struct Builder {
    child: Pid,
    told: UnixStream,
}

impl Builder {
    /// Gives it the order, as it was received.
    pub fn hand_over(
        self,
        order: &[u8],
        handles: &Handles,
        tier: Tier,
    ) -> std::io::Result<Contained> {
        order::hand_over(&self.told, order, handles)?;
        Ok(Contained {
            child: (tier != Tier::Full).then_some(self.child),
            told: Some(self.told),
        })
    }
}

/// A command that was started within its wall.
#[derive(Debug)]
pub struct Contained {
    /// The child whose end is the command's; none where the first process of its namespace tells it.
    pub child: Option<Pid>,
    /// Lines from inside: `failed REASON`, and `ended CODE` where there is no such child.
    pub told: Option<UnixStream>,
}

/// The presence of descendants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::exec) enum Left {
    Some,
    None,
}

/// Starts a process that joins the control groups of a command, makes the parts that are the same for all
/// commands of a tier, and waits for its order. This process must have one thread, and adopt orphans.
pub fn prepare(tier: Tier, groups: Option<&CommandGroups>) -> Result<Divided, WallError> {
    let (told, mut telling) = UnixStream::pair().map_err(WallError::at("making a channel"))?;
    match fork()? {
        ForkResult::Parent { child } => Ok(Divided::Parent(Builder { child, told })),
        ForkResult::Child => {
            drop(told);
            let done = wait_and_build(tier, groups, &telling);
            Ok(Divided::Child(done.unwrap_or_else(|error| {
                // Without our parent there is no reader.
                let _told = telling.write_all(format!("failed {error}\n").as_bytes());
                ExitCode::FAILURE
            })))
        }
    }
}

/// Parts of a wall that are made before the command is known, because they take long.
struct PreparedParts {
    /// Shows the files of root as another user's, for servers that run as root.
    ownership: Option<Ownership>,
    filters: Option<SyscallFilters>,
}

impl PreparedParts {
    fn of(tier: Tier) -> Result<Self, WallError> {
        let is_full = tier == Tier::Full;
        let maps_owners = is_full && geteuid().is_root();
        Ok(Self {
            // Where this cannot be done no command asks for it.
            ownership: maps_owners.then(Ownership::make).and_then(Result::ok),
            filters: is_full.then(|| SyscallFilters::compile(None)).transpose()?,
        })
    }
}

fn wait_and_build(
    tier: Tier,
    groups: Option<&CommandGroups>,
    telling: &UnixStream,
) -> Result<ExitCode, WallError> {
    if let Some(groups) = groups {
        let joined = groups.join();
        joined.map_err(WallError::at("joining the control groups of a command"))?;
    }
    let prepared = PreparedParts::of(tier)?;
    let failed = "receiving an order";
    let Some((order, handles)) = order::receive(telling).map_err(WallError::at(failed))? else {
        return Ok(ExitCode::SUCCESS);
    };
    let order: Order = serde_json::from_slice(&order).map_err(WallError::at(failed))?;
    let Some(wall) = &order.wall else {
        return Err(WallError::new(failed, "it has no wall"));
    };
    take(handles).map_err(WallError::at(failed))?;
    build(&order, wall, prepared, telling)
}

/// Makes the files of an order this process's own.
fn take(handles: Handles) -> Result<(), Errno> {
    nix::unistd::dup2_stdout(handles.stdout)?;
    nix::unistd::dup2_stderr(handles.stderr)?;
    nix::unistd::fchdir(handles.directory)
}

fn build(
    order: &Order,
    wall: &Wall,
    prepared: PreparedParts,
    telling: &UnixStream,
) -> Result<ExitCode, WallError> {
    let PreparedParts { ownership, filters } = prepared;
    // Root opens the files before it steps down.
    let parts = wall.shown_as_own.then(|| {
        let ownership = ownership.map_or_else(Ownership::make, Ok)?;
        RootParts::open(wall, Some(&ownership))
    });
    let parts = parts.transpose()?;
    if let Some(user) = wall.user {
        privileges::become_user(user)?;
    }
    if wall.tier != Tier::Full {
        return become_program(order, wall, filters);
    }
    namespaces::enter(wall.network)?;
    if let ForkResult::Parent { .. } = fork()? {
        return Ok(ExitCode::SUCCESS);
    }
    root::enter(wall, parts)?;
    match fork()? {
        ForkResult::Child => become_program(order, wall, filters),
        ForkResult::Parent { child } => adopt(child, telling),
    }
}

/// Puts up the rest of the wall around this process, and becomes the program.
fn become_program(
    order: &Order,
    wall: &Wall,
    filters: Option<SyscallFilters>,
) -> Result<ExitCode, WallError> {
    // A program whose own files cannot be found is the command's fault and not the wall's.
    setpgid(Pid::from_raw(0), Pid::from_raw(0)).map_err(WallError::at("making a process group"))?;
    wall.limits.apply(wall.tier == Tier::Full)?;
    let landlock = files::restrict(wall)?;
    privileges::drop_all()?;
    let filters = filters.map_or_else(|| SyscallFilters::of(wall, landlock), Ok)?;
    filters.apply()?;
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where commands are started"
    )]
    let mut command = Command::new(&order.program);
    command
        .args(&order.arguments)
        .env_clear()
        .envs(order.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null());
    let error = command.exec();
    Err(WallError::new("starting the program", error))
}

/// Waits for all processes of this namespace, of which this one is the first, and tells when the
/// command ended. Ends at once when the supervisor does, however that came about: with the first
/// process of a namespace the kernel ends all others.
fn adopt(command: Pid, telling: &UnixStream) -> Result<ExitCode, WallError> {
    let failed = "watching over a command";
    privileges::drop_all()?;
    privacy::close_to_others().map_err(WallError::at(failed))?;
    // A reader of the outputs shall see their end when the command's last descendant closes them.
    let nothing = File::options().write(true).open("/dev/null");
    let nothing = nothing.map_err(WallError::at(failed))?;
    nix::unistd::dup2_stdout(&nothing).map_err(WallError::at(failed))?;
    nix::unistd::dup2_stderr(&nothing).map_err(WallError::at(failed))?;
    let mut awaited = SigSet::empty();
    awaited.add(Signal::SIGCHLD);
    awaited.thread_block().map_err(WallError::at(failed))?;
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    let signals = SignalFd::with_flags(&awaited, flags).map_err(WallError::at(failed))?;
    let mut ended = None;
    // The command may have ended before its end was waited for.
    while reap(command, &mut ended) == Left::Some {
        tell(telling, &mut ended, LEFT_RUNNING);
        let mut sources = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            // Nothing is said to this process: the kernel reports the other end's closing unasked.
            PollFd::new(telling.as_fd(), PollFlags::empty()),
        ];
        match poll(&mut sources, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(WallError::new(failed, errno)),
        }
        if sources.last().and_then(PollFd::any) == Some(true) {
            return Ok(ExitCode::FAILURE);
        }
        while let Ok(Some(_)) = signals.read_signal() {}
    }
    tell(telling, &mut ended, "");
    Ok(ExitCode::SUCCESS)
}

/// Takes note of every child that ended, and of the command's exit code.
fn reap(command: Pid, ended: &mut Option<i32>) -> Left {
    loop {
        let (pid, code) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => (pid, code),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, 128 + signal as i32),
            Ok(WaitStatus::StillAlive) => return Left::Some,
            Ok(_) | Err(Errno::EINTR) => continue,
            Err(_) => return Left::None,
        };
        if pid == command {
            *ended = Some(code);
        }
    }
}

fn tell(mut telling: &UnixStream, ended: &mut Option<i32>, rest: &str) {
    if let Some(code) = ended.take() {
        // The supervisor may be gone; the descendants still have to end.
        let _told = telling.write_all(format!("ended {code}{rest}\n").as_bytes());
    }
}
