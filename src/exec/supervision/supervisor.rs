//! The process between us and a command: ends all that the command started, whatever it did.
//!
//! A command can leave its process group, its session and its environment behind; it cannot leave its
//! ancestors when one of them is a *child subreaper*. So every command runs below a supervisor, this
//! program started again, which adopts all of the command's orphans. Its standard input is a socket to
//! us, which is the lifeline. A `stop` on it, or its end because our process died in whatever way, ends
//! every descendant: with a request first, and by force three seconds later or as soon as a second word
//! comes.
//!
//! With a [`Wall`](crate::exec::sandbox::wall::Wall) the command is started within it; the supervisor
//! itself stays outside, where no signal of the command reaches it, and watches how much is used.
//!
//! The supervisor has no runtime and no threads. It waits for its [`Order`]; until then it is a spare
//! ([`crate::exec::supervision::spares`]). Lines to it afterwards: `stop`, `now`.
//! Lines from it: `failed REASON`, `exceeded LIMIT` or `ended CODE`. Its own end says that no descendant
//! is left.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::exec::presence;
use crate::exec::sandbox::contained::{self, Builder, Contained, Divided, LEFT_RUNNING, Left};
use crate::exec::sandbox::control_groups::command::{CommandGroups, GroupLocks};
use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::lines::ChannelLines;
use crate::exec::sandbox::order::{self, Handles, Order, Preparation};
use crate::exec::sandbox::wall::Tier;
use crate::exec::supervision::descendants::descendants;
use crate::exec::supervision::record::Record;
use crate::exec::supervision::sweep::{MARK, supervisor_name};
use crate::exec::supervision::watch::{UsageLimit, Watch};
use crate::platform::privacy;
use crate::platform::process::descriptors;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// The first argument of a supervisor; its [`Preparation`] follows.
pub const ARGUMENT: &str = "__supervise";

/// Grace period of descendants after they were asked to end.
const GRACE: Duration = Duration::from_secs(3);

/// Time limit of ending them by force. Only processes that the kernel itself cannot end outlive this.
const FORCE: Duration = Duration::from_secs(5);

/// Acts as a supervisor when this program was started as one. Must be called before anything else in
/// `main`, while there is one thread.
pub fn main_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    let preparation = arguments.next();
    let preparation = preparation.and_then(|it| serde_json::from_str(it.to_str()?).ok());
    let supervised = preparation.map(|it| supervise(&it));
    Some(match supervised {
        Some(Ok(code)) => code,
        Some(Err(_)) | None => ExitCode::FAILURE,
    })
}

/// Supervises a command. A process that it divides itself into comes back from here, too.
fn supervise(preparation: &Preparation) -> std::io::Result<ExitCode> {
    // When memory runs out, the kernel takes commands before it takes the server. The file is ours
    // only as long as we are not closed.
    let _not_permitted = std::fs::write("/proc/self/oom_score_adj", "500");
    // A command shall not be able to trace the one who ends it.
    privacy::close_to_others()?;
    descriptors::usual_limit()?;
    close_what_was_inherited();
    let lifeline = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    // A session of our own has no terminal, and signals to our parent's group do not reach it.
    let _already_leader = nix::unistd::setsid();
    nix::sys::prctl::set_child_subreaper(true)?;
    let groups = made_groups(preparation);
    let groups = groups.as_ref().map(|(groups, _locks)| groups);
    // The command inherits the signal mask, so its builder is started before we block what we wait for.
    SigSet::empty().thread_set_mask()?;
    let is_contained = preparation.tier != Tier::None;
    let builder = match is_contained.then(|| contained::prepare(preparation.tier, groups)) {
        Some(Ok(Divided::Child(code))) => return Ok(code),
        Some(Ok(Divided::Parent(builder))) => Some(Ok(builder)),
        Some(Err(error)) => Some(Err(error)),
        None => None,
    };
    let done = match order::receive(&lifeline)? {
        Some((order, handles)) => carry_out(lifeline, builder.transpose(), &order, handles, groups),
        None => Ok(()),
    };
    if let Some(groups) = groups {
        groups.remove();
    }
    done.map(|()| ExitCode::SUCCESS)
}

/// Starts the command of an order, and watches over it until nothing is left of it.
fn carry_out(
    mut lifeline: UnixStream,
    builder: Result<Option<Builder>, WallError>,
    order: &[u8],
    handles: Handles,
    groups: Option<&CommandGroups>,
) -> std::io::Result<()> {
    let given: Order = serde_json::from_slice(order)?;
    let mark = given.environment.iter().find(|(name, _)| name == MARK);
    if let Some((_, mark)) = mark {
        nix::sys::prctl::set_name(&supervisor_name(mark))?;
    }
    let _presence = match given.presence.as_deref().map(presence::share).transpose() {
        Ok(presence) => presence,
        Err(error) => {
            let told = format!("failed the server that asked for it is gone: {error}\n");
            return lifeline.write_all(told.as_bytes());
        }
    };
    let record = match Record::begin(given.record.as_deref()) {
        Ok(record) => record,
        Err(error) => {
            return lifeline
                .write_all(format!("failed what it does cannot be noted: {error}\n").as_bytes());
        }
    };
    let started = match (builder, &given.wall) {
        (Ok(Some(builder)), Some(wall)) => {
            let started = builder.hand_over(order, &handles, wall.tier);
            started.map_err(|error| error.to_string())
        }
        (Ok(None), None) => start(&given, &handles).map_err(|error| error.to_string()),
        (Ok(_), _) => Err("it was prepared for another kind of command".to_owned()),
        (Err(error), _) => Err(error.to_string()),
    };
    // A reader of the outputs shall see their end when the command's last descendant closes them.
    drop(handles);
    let Contained { child, told } = match started {
        Ok(contained) => contained,
        Err(error) => return lifeline.write_all(format!("failed {error}\n").as_bytes()),
    };
    let mut awaited = SigSet::empty();
    for signal in [
        Signal::SIGCHLD,
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
    ] {
        awaited.add(signal);
    }
    awaited.thread_block()?;
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    let supervisor = Supervisor {
        lifeline,
        signals: SignalFd::with_flags(&awaited, flags)?,
        command: child,
        inside: told.map(ChannelLines::new).transpose()?,
        usage: given.wall.as_ref().map(Watch::new),
        groups: groups.cloned(),
        record,
        is_cut: false,
    };
    supervisor.watch()
}

/// Makes the control groups of a command. Where that fails, usage is watched without them, as on
/// machines that have none.
fn made_groups(preparation: &Preparation) -> Option<(CommandGroups, GroupLocks)> {
    let groups = preparation.groups.clone()?;
    let Ok(locks) = groups.make(&preparation.limits) else {
        groups.remove();
        return None;
    };
    Some((groups, locks))
}

/// Starts a command without a wall.
fn start(order: &Order, handles: &Handles) -> std::io::Result<Contained> {
    nix::unistd::fchdir(&handles.directory)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where commands are started"
    )]
    let mut command = Command::new(&order.program);
    command
        .args(&order.arguments)
        .env_clear()
        .envs(order.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::from(handles.stdout.try_clone()?))
        .stderr(Stdio::from(handles.stderr.try_clone()?))
        .process_group(0);
    let child = command.spawn()?;
    Ok(Contained {
        child: Some(Pid::from_raw(child.id().cast_signed())),
        told: None,
    })
}

/// Closes the descriptors that our program inherited and did not open itself: no command should have
/// them.
fn close_what_was_inherited() {
    let open = std::fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten();
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse::<i32>().ok();
    let open: Vec<_> = open.filter_map(number).filter(|open| *open > 2).collect();
    for number in open {
        // The directory just read is in the list, and closed by now.
        let _closed = nix::unistd::close(number);
    }
}

struct Supervisor {
    lifeline: UnixStream,
    signals: SignalFd,
    /// The child whose end is the command's; where there is none, its end is reported from inside.
    command: Option<Pid>,
    /// Lines from inside the wall, until they are closed there.
    inside: Option<ChannelLines>,
    /// The watch over usage.
    usage: Option<Watch>,
    /// The control groups that it is in.
    groups: Option<CommandGroups>,
    record: Record,
    /// True when the other end of the lifeline is gone.
    is_cut: bool,
}

impl Supervisor {
    fn watch(mut self) -> std::io::Result<()> {
        // The command may have ended before its end was waited for.
        while self.reap() == Left::Some {
            let pause = self.usage.as_ref().map_or(PollTimeout::NONE, Watch::pause);
            if self.wait(pause, true)? {
                return self.end(GRACE);
            }
            if let Some(exceeded) = self.exceeded() {
                let _told = self.say(&format!("exceeded {exceeded}"));
                return self.end(Duration::ZERO);
            }
        }
        Ok(())
    }

    /// The limit of the wall that is exceeded.
    fn exceeded(&self) -> Option<UsageLimit> {
        self.usage.as_ref()?.exceeded()
    }

    /// Waits for a signal or, if `listening`, the lifeline; true when we are to end everything.
    fn wait(&mut self, timeout: PollTimeout, listening: bool) -> std::io::Result<bool> {
        let mut sources = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        if listening {
            sources.push(PollFd::new(self.lifeline.as_fd(), PollFlags::POLLIN));
        }
        if let Some(inside) = &self.inside {
            sources.push(PollFd::new(inside.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut sources, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let has_news = |at: usize| sources.get(at).and_then(PollFd::any) == Some(true);
        let called = listening && has_news(1);
        let told = self.inside.is_some() && has_news(if listening { 2 } else { 1 });
        drop(sources);
        if told {
            self.hear()?;
        }
        let mut asked = false;
        while let Ok(Some(signal)) = self.signals.read_signal() {
            asked |= i32::try_from(signal.ssi_signo) != Ok(Signal::SIGCHLD as i32);
        }
        // A word or the end of the line: nothing else is possible.
        if called {
            self.is_cut = self.lifeline.read(&mut [0; 64])? == 0;
        }
        Ok(asked || called)
    }

    /// Takes note of every child that ended. That the command is among them is said last, together
    /// with whether anything of it is left.
    fn reap(&mut self) -> Left {
        let mut ended = None;
        let left = loop {
            let (pid, status) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, code),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, 128 + signal as i32),
                Ok(WaitStatus::StillAlive) => break Left::Some,
                Ok(_) | Err(Errno::EINTR) => continue,
                Err(_) => break Left::None,
            };
            if Some(pid) == self.command {
                ended = Some(status);
            }
        };
        // A wall that could not be built says so before its builder ends.
        let _closed = self.hear();
        if let Some(status) = ended.filter(|_| self.command.is_some()) {
            self.tell_of_limit();
            let rest = if left == Left::Some { LEFT_RUNNING } else { "" };
            self.ended(&format!("{status}"), rest);
        }
        left
    }

    /// Passes on reports from inside.
    fn hear(&mut self) -> std::io::Result<()> {
        let Some(inside) = &mut self.inside else {
            return Ok(());
        };
        let (lines, is_open) = inside.read()?;
        if !is_open {
            self.inside = None;
        }
        for line in lines {
            if let Some(code) = line.strip_prefix("ended ") {
                let (code, rest) = match code.strip_suffix(LEFT_RUNNING) {
                    Some(code) => (code, LEFT_RUNNING),
                    None => (code, ""),
                };
                self.tell_of_limit();
                self.ended(code, rest);
            } else {
                // It was not the command that ended.
                self.command = None;
                let _told = self.say(&line);
            }
        }
        Ok(())
    }

    /// Says which limit the kernel itself held the command to, if it did.
    fn tell_of_limit(&mut self) {
        let exceeded = self.usage.as_ref().and_then(Watch::held_to);
        if let Some(exceeded) = exceeded {
            let _told = self.say(&format!("exceeded {exceeded}"));
        }
    }

    fn ended(&mut self, code: &str, rest: &str) {
        self.record.note(&format!("ended {code}\n"));
        // There may be no listener any more; the descendants still have to end.
        let _told = self.say(&format!("ended {code}{rest}"));
    }

    fn end(&mut self, grace: Duration) -> std::io::Result<()> {
        self.record.note("stopped\n");
        for pid in descendants() {
            let _gone = kill(pid, Signal::SIGTERM);
            // A stopped process would never see the request.
            let _gone = kill(pid, Signal::SIGCONT);
        }
        let began = Instant::now();
        while began.elapsed() < grace {
            if self.reap() == Left::None {
                return Ok(());
            }
            // The end of the line only says again that the other end is gone; it is no second word.
            let listening = !self.is_cut;
            if self.wait(PollTimeout::from(50_u8), listening)? && !self.is_cut {
                break;
            }
        }
        if let Some(groups) = &self.groups {
            groups.kill();
        }
        let began = Instant::now();
        while began.elapsed() < FORCE {
            // Stopped first, so that none forks while others are being killed.
            for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
                for pid in descendants() {
                    let _gone = kill(pid, signal);
                }
            }
            if self.reap() == Left::None {
                return Ok(());
            }
            self.wait(PollTimeout::from(20_u8), false)?;
        }
        Err(std::io::Error::from(std::io::ErrorKind::TimedOut))
    }

    fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.lifeline.write_all(format!("{line}\n").as_bytes())
    }
}
