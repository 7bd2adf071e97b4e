//! The process between us and a command: ends all that the command started, whatever it did.
//!
//! A command can leave its process group, its session and its environment behind; it cannot leave its
//! ancestors when one of them is a *child subreaper*. So every command runs below a supervisor, this
//! program started anew, to which all of the command's orphans fall. Its standard input is a socket to
//! us, which is the lifeline: a `stop` on it, or its end because our process died in whatever way, ends
//! every descendant, with a request first and by force three seconds later, or as soon as a second
//! word comes.
//!
//! With a [`Wall`] the command is started within it; the supervisor itself stays outside, where no
//! signal of the command reaches it, and watches how much is used.
//!
//! The supervisor has no runtime and no threads. Lines to it: the [`Order`], `stop`, `now`. Lines from
//! it: `failed REASON`, `exceeded LIMIT` or `ended CODE`. Its own end says that no descendant is left.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::exec::presence;
use crate::exec::sandbox::contained::{self, Contained, Divided, LEFT_RUNNING};
use crate::exec::sandbox::lines::ChannelLines;
use crate::exec::sandbox::wall::Wall;
use crate::exec::supervision::descendants::descendants;
use crate::exec::supervision::record::Record;
use crate::exec::supervision::watch::{UsageLimit, Watch};
use crate::platform::{descriptors, privacy};

/// The only argument of a supervisor.
pub const ARGUMENT: &str = "__supervise";

/// How long descendants have after they were asked to end.
const GRACE: Duration = Duration::from_secs(3);

/// How long ending them by force is tried. Only what the kernel itself cannot end outlives this.
const FORCE: Duration = Duration::from_secs(5);

/// What to run: the first line to a supervisor. Working directory, environment and outputs are the
/// supervisor's own.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// The program's path.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where to note how far the command came; see [`crate::exec::status_file`].
    pub record: Option<PathBuf>,
    /// The file that shows that something of the server lives; see [`crate::exec::presence`].
    #[serde(default)]
    pub presence: Option<PathBuf>,
    /// The wall around it; none where this machine cannot build one, or nobody wants it.
    pub wall: Option<Wall>,
}

/// Acts as a supervisor when this program was started as one. Must be called before anything else in
/// `main`, while there is one thread.
pub fn main_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    Some(supervise().unwrap_or(ExitCode::FAILURE))
}

/// Supervises a command. A process that it divides itself into comes back from here, too.
fn supervise() -> std::io::Result<ExitCode> {
    // When memory runs out, the kernel takes commands before it takes the server. The file is ours
    // only as long as we are not closed.
    let _not_permitted = std::fs::write("/proc/self/oom_score_adj", "500");
    // A command shall not be able to trace the one who ends it.
    privacy::close_to_others()?;
    descriptors::usual_limit()?;
    close_what_was_inherited();
    let lifeline = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let mut line = String::new();
    BufReader::new(lifeline.try_clone()?).read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;

    // A session of our own has no terminal, and signals to our parent's group do not reach it.
    let _already_leader = nix::unistd::setsid();
    nix::sys::prctl::set_child_subreaper(true)?;
    let _presence = match order.presence.as_deref().map(presence::share).transpose() {
        Ok(presence) => presence,
        Err(error) => {
            let told = format!("failed the server that asked for it is gone: {error}\n");
            (&lifeline).write_all(told.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let record = match Record::begin(order.record.as_deref()) {
        Ok(record) => record,
        Err(error) => {
            let told = format!("failed what it does cannot be noted: {error}\n");
            (&lifeline).write_all(told.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    // The command inherits the signal mask, so it is started before we block what we wait for.
    SigSet::empty().thread_set_mask()?;
    let started = match &order.wall {
        Some(wall) => match contained::start(&order.program, &order.arguments, wall) {
            Ok(Divided::Child(code)) => return Ok(code),
            Ok(Divided::Parent(contained)) => Ok(contained),
            Err(error) => Err(error.to_string()),
        },
        None => start(&order).map_err(|error| error.to_string()),
    };
    let contained = match started {
        Ok(contained) => contained,
        Err(error) => {
            (&lifeline).write_all(format!("failed {error}\n").as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    // Who reads the outputs shall see their end when the command's last descendant closes them.
    let nothing = File::options().write(true).open("/dev/null")?;
    nix::unistd::dup2_stdout(&nothing)?;
    nix::unistd::dup2_stderr(&nothing)?;

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
    let Contained { child, told } = contained;
    let supervisor = Supervisor {
        lifeline,
        signals: SignalFd::with_flags(&awaited, flags)?,
        command: child,
        inside: told.map(ChannelLines::new).transpose()?,
        usage: order.wall.as_ref().map(Watch::new),
        record,
        is_cut: false,
    };
    supervisor.watch()?;
    Ok(ExitCode::SUCCESS)
}

/// Starts a command without a wall.
fn start(order: &Order) -> std::io::Result<Contained> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where commands are started"
    )]
    let mut command = Command::new(&order.program);
    command
        .args(&order.arguments)
        .stdin(Stdio::null())
        .process_group(0);
    let child = command.spawn()?;
    Ok(Contained {
        child: Some(Pid::from_raw(child.id().cast_signed())),
        told: None,
    })
}

/// Descriptors that our program got from whoever started it, and did not open itself, are nothing
/// that a command should have.
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
    /// The child whose end is the command's; where there is none, it is told from inside.
    command: Option<Pid>,
    /// Lines from inside the wall, until they are closed there.
    inside: Option<ChannelLines>,
    /// The watch over what is used.
    usage: Option<Watch>,
    record: Record,
    /// Whether nobody is at the other end of the lifeline any more.
    is_cut: bool,
}

/// Whether descendants are left.
#[derive(PartialEq, Eq)]
enum Left {
    Some,
    None,
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
        // Whether it is a word or the end of the line: there is nothing else it could mean.
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
            let rest = if left == Left::Some { LEFT_RUNNING } else { "" };
            self.ended(&format!("{status}"), rest);
        }
        left
    }

    /// Passes on what is told from inside.
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
                self.ended(code, rest);
            } else {
                // It was not the command that ended.
                self.command = None;
                let _told = self.say(&line);
            }
        }
        Ok(())
    }

    fn ended(&mut self, code: &str, rest: &str) {
        self.record.note(&format!("ended {code}\n"));
        // Nobody may be listening any more; the descendants still have to end.
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
            // The end of the line, which only says again that nobody is there, is no second word.
            let listening = !self.is_cut;
            if self.wait(PollTimeout::from(50_u8), listening)? && !self.is_cut {
                break;
            }
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
