//! Starting and ending the processes of Postgres. The one place of this module that does.

use std::ffi::{CStr, OsString};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, mpsc};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::{set_dumpable, set_pdeathsig};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, getegid, geteuid, getpid, getppid, write};

use crate::platform::embedded_postgres::account::Account;
use crate::platform::embedded_postgres::error::Error;
use crate::platform::embedded_postgres::log;
use crate::platform::sync::{lock, unpoisoned};

/// The longest that Postgres may take to write everything down and end by itself.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// The longest that it may take after an immediate stop (`SIGQUIT`); the next start recovers from the
/// log.
const QUIT_PATIENCE: Duration = Duration::from_secs(5);
/// The interval at which the length of the log is checked.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// The output of `postgres --version`; `None` when it cannot be run.
pub(super) fn version(postgres: &Path) -> Option<String> {
    let output = command(postgres, &["--version".into()]).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a program to its end. The error is what it wrote to standard error.
pub(super) fn run(program: &Path, args: &[OsString], account: Account) -> Result<(), Error> {
    let mut command = command(program, args);
    become_account(&mut command, account, Signal::SIGKILL);
    let output = command
        .output()
        .map_err(|source| spawn_error(program, account, source))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::Init(said.trim().to_owned()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the embedded Postgres is one of the two places that start processes"
)]
fn command(program: &Path, args: &[OsString]) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        // Nothing of our environment: secrets are none of its business, and the variables that
        // Postgres' programs listen to would change what they do. Messages are in English.
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C")
        // Where we were started may be closed to the account.
        .current_dir("/")
        .stdin(Stdio::null())
        // Ctrl-C goes to the whole group of the terminal. Postgres is stopped by us, after the
        // last request was answered, and not by the key.
        .process_group(0);
    command
}

/// Makes the child run under the account and get `at_death` when the thread that spawned it ends.
#[expect(
    unsafe_code,
    reason = "only the child itself can ask for a parent-death signal and enter a user namespace, \
              between fork and exec, and `pre_exec` is unsafe because little may be done there"
)]
fn become_account(command: &mut Command, account: Account, at_death: Signal) {
    let mut namespace = None;
    match account {
        Account::Own => {}
        // Happens before the closure below, which matters: changing the user clears the signal.
        Account::Other { uid, gid } => {
            command.uid(uid).gid(gid);
        }
        Account::Namespace { uid, gid } => {
            namespace = Some((
                format!("{uid} {} 1\n", geteuid()),
                format!("{gid} {} 1\n", getegid()),
            ));
        }
    }
    let parent = getpid();
    let prepare = move || -> std::io::Result<()> {
        if let Some((users, groups)) = &namespace {
            // A process that is closed to others may not write its own maps. This is the child's
            // flag alone, and the program it becomes is open in any case.
            set_dumpable(true)?;
            unshare(CloneFlags::CLONE_NEWUSER)?;
            // Without the right to set groups the kernel lets anyone map their own.
            put(c"/proc/self/setgroups", b"deny")?;
            put(c"/proc/self/uid_map", users.as_bytes())?;
            put(c"/proc/self/gid_map", groups.as_bytes())?;
        }
        set_pdeathsig(at_death)?;
        // If we ended before the line above, no signal will come any more.
        if getppid() == parent {
            Ok(())
        } else {
            Err(Errno::ESRCH.into())
        }
    };
    // SAFETY: between fork and exec only what is safe in a signal handler may be called, for
    // another thread may have held any lock at the moment of the fork. The closure makes system
    // calls and compares numbers. It allocates nothing: its texts were made before, paths are C
    // strings, and an `io::Error` from an error number owns no memory.
    unsafe {
        command.pre_exec(prepare);
    }
}

fn put(path: &CStr, text: &[u8]) -> nix::Result<()> {
    let file = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    write(&file, text)?;
    Ok(())
}

fn spawn_error(program: &Path, account: Account, source: std::io::Error) -> Error {
    Error::Spawn {
        program: program.to_owned(),
        account: match account {
            Account::Own => String::new(),
            Account::Other { uid, .. } => format!(" as user id {uid}"),
            Account::Namespace { .. } => " in a user namespace".to_owned(),
        },
        source,
    }
}

/// A running Postgres. It is stopped when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    ended: tokio::sync::watch::Sender<bool>,
}

#[derive(Debug)]
enum State {
    Running(Pid),
    /// Waited for: its number may belong to another process by now.
    Ended,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Sends a signal, unless the process has ended. Holding the state keeps it from being waited
    /// for meanwhile, so the number is still its own.
    fn signal(&self, signal: Signal) {
        if let State::Running(pid) = *self.state()
            && let Err(error) = kill(pid, signal)
        {
            tracing::warn!(%error, %signal, "the embedded Postgres could not be signalled");
        }
    }

    /// Waits until the process has ended, at most `patience`; answers whether it has.
    fn wait(&self, patience: Duration) -> bool {
        let running = |state: &mut State| matches!(state, State::Running(_));
        let waited = self
            .changed
            .wait_timeout_while(self.state(), patience, running);
        let (state, _) = unpoisoned(waited);
        matches!(*state, State::Ended)
    }
}

impl Server {
    /// Starts Postgres; `log` takes what it says.
    pub(super) fn start(
        program: &Path,
        args: &[OsString],
        account: Account,
        log: File,
        log_path: PathBuf,
    ) -> Result<Self, Error> {
        let second = log
            .try_clone()
            .map_err(Error::file("cannot open", &log_path))?;
        let mut command = command(program, args);
        command.stdout(log).stderr(second);
        // Its fast shutdown: connections are closed, everything is written down.
        become_account(&mut command, account, Signal::SIGINT);

        // The parent-death signal comes when the *thread* ends that spawned the child. This one
        // lives exactly as long as the child, and waits for it, so that it leaves no zombie.
        let (sender, receiver) = mpsc::sync_channel(1);
        let spawner = std::thread::Builder::new().name("postgres".to_owned());
        spawner
            .spawn(move || match command.spawn() {
                Ok(child) => {
                    let shared = Arc::new(Shared {
                        state: Mutex::new(State::Running(pid_of(&child))),
                        changed: Condvar::new(),
                        ended: tokio::sync::watch::Sender::new(false),
                    });
                    // If the receiver is gone, the value is dropped here, and that stops it.
                    drop(sender.send(Ok(Arc::clone(&shared))));
                    reap(&shared, child);
                }
                Err(error) => drop(sender.send(Err(error))),
            })
            .map_err(|source| spawn_error(program, account, source))?;
        let shared = receiver
            .recv()
            .unwrap_or_else(|_gone| Err(Errno::ECHILD.into()))
            .map_err(|source| spawn_error(program, account, source))?;

        let server = Self { shared };
        server.watch_log(log_path);
        Ok(server)
    }

    /// Keeps the log from growing without end.
    fn watch_log(&self, path: PathBuf) {
        let shared = Arc::clone(&self.shared);
        let watcher = std::thread::Builder::new().name("postgres-log".to_owned());
        let started = watcher.spawn(move || {
            while !shared.wait(LOG_INTERVAL) {
                if let Err(error) = log::shorten(&path) {
                    tracing::warn!(%error, "the log of the embedded Postgres cannot be shortened");
                }
            }
        });
        if let Err(error) = started {
            tracing::warn!(%error, "the log of the embedded Postgres is not watched");
        }
    }

    /// True once the process has ended.
    pub(super) fn has_ended(&self) -> bool {
        matches!(*self.shared.state(), State::Ended)
    }

    /// Resolves when the process has ended, asked or not.
    pub(super) async fn ended(&self) {
        let mut ended = self.shared.ended.subscribe();
        // The sender lives in `self`, so this cannot fail before it is true.
        drop(ended.wait_for(|ended| *ended).await);
    }

    /// Stops Postgres and waits for its end: kindly, then firmly, then by force.
    pub(super) fn stop(&self) {
        self.shared.signal(Signal::SIGINT);
        if self.shared.wait(STOP_PATIENCE) {
            return;
        }
        tracing::warn!(
            "the embedded Postgres takes too long to stop; it will recover at its next start"
        );
        self.shared.signal(Signal::SIGQUIT);
        if self.shared.wait(QUIT_PATIENCE) {
            return;
        }
        self.shared.signal(Signal::SIGKILL);
        self.shared.wait(QUIT_PATIENCE);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.stop();
        }
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap_or_default())
}

/// Waits for the child; holds the state only while its number is given back.
fn reap(shared: &Shared, mut child: Child) {
    let seen = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    while waitid(Id::Pid(pid_of(&child)), seen) == Err(Errno::EINTR) {}
    let mut state = shared.state();
    let status = child.wait().ok();
    *state = State::Ended;
    drop(state);
    tracing::debug!(?status, "the embedded Postgres has ended");
    shared.changed.notify_all();
    shared.ended.send_replace(true);
}

/// The processes of Postgres whose working folder is `data`, zombies left out.
///
/// A postmaster and all its children stay in the data folder for life. Nothing else tells them apart from
/// others as surely: the number in a lock file may belong to another process by now.
pub(super) fn using(data: &Path) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            // A zombie has no working folder any more.
            let folder = std::fs::read_link(entry.path().join("cwd")).ok()?;
            let name = std::fs::read_to_string(entry.path().join("comm")).ok()?;
            (folder == data && name.trim_end() == "postgres").then(|| Pid::from_raw(pid))
        })
        .collect()
}

/// Ends what an earlier life of ours left running: one that was killed a moment ago and whose
/// Postgres is still writing things down, or the orphaned children of a killed postmaster.
///
/// Only for the holder of the folder's lock: then none of these belongs to another process.
pub(super) fn end_leftovers(data: &Path) -> Result<(), Error> {
    let steps = [
        (Signal::SIGINT, STOP_PATIENCE),
        (Signal::SIGQUIT, QUIT_PATIENCE),
        (Signal::SIGKILL, QUIT_PATIENCE),
    ];
    for (signal, patience) in steps {
        let left = using(data);
        if left.is_empty() {
            return Ok(());
        }
        tracing::info!(?left, %signal, "ending processes that an earlier start left behind");
        for pid in left {
            match kill(pid, signal) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => tracing::warn!(%error, %pid, "a leftover could not be signalled"),
            }
        }
        let started = std::time::Instant::now();
        while started.elapsed() < patience {
            if using(data).is_empty() {
                return Ok(());
            }
            pause(Duration::from_millis(20));
        }
    }
    let left: Vec<i32> = using(data).into_iter().map(Pid::as_raw).collect();
    if left.is_empty() {
        Ok(())
    } else {
        Err(Error::Leftover(left))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "runs on a thread for blocking work, where nothing else can wait"
)]
pub(super) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
