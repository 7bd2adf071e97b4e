//! Starting commands, and ending them with everything they started.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::{OnceCell, watch};
use tokio_util::sync::CancellationToken;

use crate::exec::error::ExecError;
use crate::exec::sandbox::enclosure::{Enclosure, Grant, Widening};
use crate::exec::sandbox::sandbox::Sandbox;
use crate::exec::sandbox::wall::{Tier, Wall};
use crate::exec::supervisor::{ARGUMENT, LEFT_RUNNING, Order};
use crate::exec::sweep::{MARK, sweep};
use crate::platform::descriptors::descriptor_path;
use crate::platform::sync::{lock, unpoisoned};
use crate::platform::tasks::Tasks;

/// The kernel's limit for one argument is 128 KiB.
pub const COMMAND_BYTES: usize = 100_000;

/// How long the supervisors have to end everything: their grace and their force, and a little.
const ENDING: Duration = Duration::from_secs(10);

/// How long a command may take to end by itself when a user waits for the end of its run.
const SOON: Duration = Duration::from_millis(400);

/// This program, even after its file was replaced.
pub const THIS_PROGRAM: &str = "/proc/self/exe";

/// What it takes to start a command; the same for all runs of a server.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program that answers to [`crate::exec::supervisor::ARGUMENT`]: ours.
    pub supervisor: PathBuf,
    /// The commands' whole environment; see [`crate::exec::environment::for_commands`].
    pub environment: Arc<BTreeMap<String, String>>,
    /// The wall around them.
    pub sandbox: Sandbox,
}

/// The processes of one run. Clones share them; when the last clone is gone, so are they.
#[derive(Clone, Debug)]
pub struct Processes {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    launch: Launch,
    mark: String,
    grant: Grant,
    enclosure: OnceCell<Enclosure>,
    running: Mutex<Vec<Running>>,
}

impl Inner {
    fn running(&self) -> MutexGuard<'_, Vec<Running>> {
        lock(&self.running)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for running in unpoisoned(self.running.get_mut()) {
            running.stop();
        }
    }
}

/// How far a command is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The exit code, once the command itself ended. Others that it started may still run.
    pub code: Option<i32>,
    /// When the command itself ended, something that it had started still ran.
    pub left_running: bool,
    /// Why it could not be started.
    pub failure: Option<String>,
    /// What it used more of than it may, so that it was ended.
    pub exceeded: Option<String>,
    /// Nothing of it is left.
    pub gone: bool,
}

/// A command that was started.
#[derive(Clone, Debug)]
pub struct Running {
    stop: CancellationToken,
    force: CancellationToken,
    state: watch::Receiver<State>,
}

/// Ends a command when its caller goes away before it is done.
#[derive(Debug)]
pub struct StopGuard(Option<Running>);

impl StopGuard {
    /// The command is to go on, or is over.
    pub fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for StopGuard {
    fn drop(&mut self) {
        if let Some(running) = &self.0 {
            running.stop();
        }
    }
}

/// The two outputs of a command.
#[derive(Debug)]
pub struct Outputs {
    /// Standard output.
    pub stdout: ChildStdout,
    /// Standard error.
    pub stderr: ChildStderr,
}

impl Running {
    /// Ends the command and everything it started: asked first, by force three seconds later.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Ends it the same way, with force a moment later, and waits until nothing of it is left.
    pub async fn stop_soon(&mut self) {
        self.stop();
        if !self.gone(SOON).await {
            self.force.cancel();
            self.gone(ENDING).await;
        }
    }

    /// Ends it when the guard is dropped.
    pub fn guard(&self) -> StopGuard {
        StopGuard(Some(self.clone()))
    }

    /// How far it is now.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Waits until the command itself ended, or its supervision did.
    pub async fn ended(&mut self) -> State {
        let done = |state: &State| state.code.is_some() || state.gone;
        match self.state.wait_for(done).await {
            Ok(state) => state.clone(),
            Err(_) => State {
                gone: true,
                ..State::default()
            },
        }
    }

    /// Waits until nothing of it is left, at most `limit`. Answers whether that is so.
    pub async fn gone(&mut self, limit: Duration) -> bool {
        let gone = self.state.wait_for(|state| state.gone);
        tokio::time::timeout(limit, gone).await.is_ok()
    }
}

impl Processes {
    /// No processes yet. `mark` names the run, uniquely on this machine; `grant` is what its commands
    /// may use where they are contained.
    pub fn new(launch: Launch, mark: &str, grant: Grant) -> Self {
        Self {
            inner: Arc::new(Inner {
                launch,
                mark: mark.to_owned(),
                grant,
                enclosure: OnceCell::new(),
                running: Mutex::new(Vec::new()),
            }),
        }
    }

    /// The variables every command sees.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.inner.launch.environment
    }

    /// Starts a shell command in `directory`, with `extra` variables.
    pub async fn start(
        &self,
        command: ShellCommand<'_>,
        directory: &OwnedFd,
        extra: &[(&str, String)],
        tasks: &Tasks,
    ) -> Result<(Running, Outputs), ExecError> {
        let ShellCommand {
            text: command,
            record,
            widening,
        } = command;
        if command.contains('\0') || command.len() > COMMAND_BYTES {
            return Err(ExecError::Refused(format!(
                "a command must be at most {COMMAND_BYTES} bytes long, without NUL characters; \
                 write a long script to a file and run that"
            )));
        }
        let order = Order {
            program: shell().to_owned(),
            arguments: vec!["-c".to_owned(), command.to_owned()],
            record: record.map(Path::to_owned),
            wall: self.wall(directory, widening).await?,
        };
        self.carry_out(order, directory, extra, tasks)
    }

    /// Starts a program in `directory`, with `extra` variables.
    pub async fn start_program(
        &self,
        command: ProgramCommand<'_>,
        directory: &OwnedFd,
        extra: &[(&str, String)],
        tasks: &Tasks,
    ) -> Result<(Running, Outputs), ExecError> {
        let order = Order {
            program: command.program.to_owned(),
            arguments: command.arguments.iter().map(|&it| it.to_owned()).collect(),
            record: None,
            wall: self.wall(directory, command.widening).await?,
        };
        self.carry_out(order, directory, extra, tasks)
    }

    /// The wall around a command that begins in this directory; none where commands are not
    /// contained.
    async fn wall(
        &self,
        directory: &OwnedFd,
        widening: &Widening,
    ) -> Result<Option<Wall>, ExecError> {
        if self.inner.launch.sandbox.tier() == Tier::None {
            return Ok(None);
        }
        let directory = std::fs::read_link(descriptor_path(directory));
        let directory = directory.map_err(not_started)?;
        let enclosure = self.enclosure().await?;
        Ok(Some(enclosure.wall(directory, widening)))
    }

    /// What the run's commands share; made for the first of them.
    async fn enclosure(&self) -> Result<&Enclosure, ExecError> {
        let open = || async {
            let sandbox = self.inner.launch.sandbox.clone();
            let (grant, mark) = (self.inner.grant.clone(), self.inner.mark.clone());
            let opened =
                tokio::task::spawn_blocking(move || Enclosure::open(&sandbox, grant, &mark)).await;
            let opened = opened.map_err(not_started)?;
            let (enclosure, _listener) = opened.map_err(not_started)?;
            Ok(enclosure)
        };
        self.inner.enclosure.get_or_try_init(open).await
    }

    fn carry_out(
        &self,
        order: Order,
        directory: &OwnedFd,
        extra: &[(&str, String)],
        tasks: &Tasks,
    ) -> Result<(Running, Outputs), ExecError> {
        let failed = not_started::<std::io::Error>;
        let own = self.inner.enclosure.get().map(Enclosure::variables);
        let (lifeline, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
        lifeline.set_nonblocking(true).map_err(failed)?;
        let lifeline = UnixStream::from_std(lifeline).map_err(failed)?;

        #[expect(
            clippy::disallowed_methods,
            reason = "this is where supervisors are started"
        )]
        let mut supervisor = Command::new(&self.inner.launch.supervisor);
        supervisor
            .arg0("navi-command")
            .arg(ARGUMENT)
            .env_clear()
            .envs(self.environment())
            .envs(self.inner.launch.sandbox.variables())
            .envs(own.into_iter().flatten())
            .envs(extra.iter().map(|(name, value)| (name, value)))
            .env(MARK, &self.inner.mark)
            // The descriptor, not a path: nobody can put a link there in the meantime.
            .current_dir(descriptor_path(directory))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = supervisor.spawn().map_err(failed)?;
        drop(supervisor);
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(ExecError::Failed("a command has no outputs".to_owned()));
        };
        let (tell, state) = watch::channel(State::default());
        let (stop, force) = (CancellationToken::new(), CancellationToken::new());
        let running = Running {
            stop: stop.clone(),
            force: force.clone(),
            state,
        };
        let stopping = tasks.stopping();
        tasks.spawn(async move {
            let stop = async {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = stopping.cancelled() => {}
                }
            };
            let supervised = supervised(child, lifeline, &order, &tell, stop, force).await;
            if let Err(error) = supervised {
                tracing::warn!(%error, "a command's supervision ended early");
            }
            tell.send_modify(|state| state.gone = true);
        });
        let mut all = self.inner.running();
        all.retain(|running| !running.state().gone);
        all.push(running.clone());
        Ok((running, Outputs { stdout, stderr }))
    }

    /// Connects with a program of the run that listens on its loopback address; none where the run has
    /// no network of its own.
    pub async fn connect(&self, port: u16) -> Option<std::io::Result<TcpStream>> {
        if !self.inner.enclosure.get()?.has_network() {
            return None;
        }
        let inner = Arc::clone(&self.inner);
        let connecting = move || inner.enclosure.get()?.connect(port);
        let connected = tokio::task::spawn_blocking(connecting).await.ok()??;
        Some(connected.and_then(|stream| {
            stream.set_nonblocking(true)?;
            TcpStream::from_std(stream)
        }))
    }

    /// Ends everything that was started, `soon` if somebody waits for that, and waits for it. Returns
    /// how many processes were found beyond the reach of their supervisor, by their mark, and killed.
    pub async fn kill_everything(&self, soon: bool) -> usize {
        let all = std::mem::take(&mut *self.inner.running());
        if all.is_empty() {
            return 0;
        }
        let gone = all.into_iter().map(|mut running| async move {
            running.stop();
            if soon {
                running.stop_soon().await;
            } else {
                running.gone(ENDING).await;
            }
        });
        join_all(gone).await;
        sweep(&self.inner.mark).await
    }
}

/// A command for the shell.
#[derive(Clone, Copy, Debug)]
pub struct ShellCommand<'a> {
    /// The text.
    pub text: &'a str,
    /// Where its supervisor notes how far it came.
    pub record: Option<&'a Path>,
    /// What it may do beyond its run.
    pub widening: &'a Widening,
}

/// A program with its arguments.
#[derive(Clone, Copy, Debug)]
pub struct ProgramCommand<'a> {
    /// Its name or path.
    pub program: &'a str,
    /// Its arguments.
    pub arguments: &'a [&'a str],
    /// What it may do beyond its run.
    pub widening: &'a Widening,
}

fn not_started<E: std::fmt::Display>(error: E) -> ExecError {
    ExecError::Failed(format!("commands cannot be started: {error}"))
}

fn shell() -> &'static str {
    const BASH: &str = "/bin/bash";
    if Path::new(BASH).exists() {
        BASH
    } else {
        "/bin/sh"
    }
}

/// Talks to a supervisor until nothing is left of its command.
async fn supervised(
    mut child: Child,
    lifeline: UnixStream,
    order: &Order,
    tell: &watch::Sender<State>,
    stop: impl Future<Output = ()>,
    force: CancellationToken,
) -> std::io::Result<()> {
    let (from, mut to) = lifeline.into_split();
    let mut order = serde_json::to_string(order)?;
    order.push('\n');
    to.write_all(order.as_bytes()).await?;
    let mut lines = BufReader::new(from).lines();
    let mut stop = std::pin::pin!(stop);
    let (mut asked, mut forced) = (false, false);
    loop {
        let line = tokio::select! {
            () = &mut stop, if !asked => {
                asked = true;
                // When it is gone already, the end of its lines says so.
                let _gone = to.write_all(b"stop\n").await;
                continue;
            }
            () = force.cancelled(), if asked && !forced => {
                forced = true;
                let _gone = to.write_all(b"now\n").await;
                continue;
            }
            line = lines.next_line() => match line {
                // It ended while our `stop` was on its way, which the kernel reports like this.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
                line => line?,
            },
        };
        let Some(line) = line else {
            break;
        };
        tell.send_modify(|state| match line.split_once(' ') {
            // Both at once: whoever sees the code also sees what was left.
            Some(("ended", code)) => {
                let left = code.strip_suffix(LEFT_RUNNING);
                state.left_running = left.is_some();
                state.code = left.unwrap_or(code).parse().ok();
            }
            Some(("exceeded", what)) => state.exceeded = Some(what.to_owned()),
            Some((_, reason)) => state.failure = Some(reason.to_owned()),
            None => {}
        });
    }
    let status = child.wait().await?;
    if status.success() {
        Ok(())
    } else {
        Err(std::io::Error::other(format!(
            "its supervisor ended with {status}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, Write as _};
    use std::os::fd::AsFd as _;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;

    #[tokio::test]
    async fn a_supervisor_may_end_before_it_reads_that_it_should() {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let (ended, stop) = tokio::sync::oneshot::channel();
        let supervisor = std::thread::spawn(move || {
            let mut theirs = std::io::BufReader::new(theirs);
            theirs.read_line(&mut String::new()).unwrap();
            theirs.get_mut().write_all(b"ended 7 leaving\n").unwrap();
            ended.send(()).unwrap();
            let mut told = [PollFd::new(theirs.get_ref().as_fd(), PollFlags::POLLIN)];
            poll(&mut told, PollTimeout::NONE).unwrap();
        });
        #[expect(clippy::disallowed_methods, reason = "stands for the supervisor's end")]
        let child = Command::new("true").spawn().unwrap();
        let order = Order {
            program: "sh".to_owned(),
            arguments: Vec::new(),
            record: None,
            wall: None,
        };
        let (tell, state) = watch::channel(State::default());
        let lifeline = UnixStream::from_std(ours).unwrap();
        let stop = async {
            let _told = stop.await;
        };
        supervised(
            child,
            lifeline,
            &order,
            &tell,
            stop,
            CancellationToken::new(),
        )
        .await
        .unwrap();
        supervisor.join().unwrap();
        assert_eq!(state.borrow().code, Some(7));
        assert!(state.borrow().left_running);
    }
}
