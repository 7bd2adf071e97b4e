//! A command that was started, and the conversation with its supervisor.

use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::process::Child;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::exec::sandbox::contained::LEFT_RUNNING;
use crate::exec::sandbox::control_groups::command::CommandGroups;

/// The time that supervisors have to end everything: their grace and their force, and a little.
pub(super) const ENDING: Duration = Duration::from_secs(10);

/// The time that a command has to end by itself when a user waits for the end of its run.
const SOON: Duration = Duration::from_millis(400);

/// The state of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandState {
    /// The exit code, once the command itself ended. Others that it started may still run.
    pub code: Option<i32>,
    /// When the command itself ended, something that it had started still ran.
    pub left_running: bool,
    /// Why it could not be started.
    pub failure: Option<String>,
    /// The limit that it exceeded, so that it was ended.
    pub exceeded: Option<String>,
    /// Nothing of it is left.
    pub gone: bool,
}

/// A command that was started.
#[derive(Clone, Debug)]
pub struct Running {
    pub(super) stop: CancellationToken,
    pub(super) force: CancellationToken,
    pub(super) state: watch::Receiver<CommandState>,
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
    pub stdout: pipe::Receiver,
    /// Standard error.
    pub stderr: pipe::Receiver,
}

impl Outputs {
    /// Opens both, with the ends that the command writes to.
    pub(super) fn open() -> std::io::Result<(Self, OwnedFd, OwnedFd)> {
        let (stdout, to_stdout) = std::io::pipe()?;
        let (stderr, to_stderr) = std::io::pipe()?;
        let outputs = Self {
            stdout: pipe::Receiver::from_owned_fd(stdout.into())?,
            stderr: pipe::Receiver::from_owned_fd(stderr.into())?,
        };
        Ok((outputs, to_stdout.into(), to_stderr.into()))
    }
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

    /// Its present state.
    pub fn state(&self) -> CommandState {
        self.state.borrow().clone()
    }

    /// Waits until the command itself ended, or its supervision did.
    pub async fn ended(&mut self) -> CommandState {
        let done = |state: &CommandState| state.code.is_some() || state.gone;
        match self.state.wait_for(done).await {
            Ok(state) => state.clone(),
            Err(_) => CommandState {
                gone: true,
                ..CommandState::default()
            },
        }
    }

    /// Waits until nothing of it is left, at most `limit`. Answers whether that is so.
    pub async fn gone(&mut self, limit: Duration) -> bool {
        let gone = self.state.wait_for(|state| state.gone);
        tokio::time::timeout(limit, gone).await.is_ok()
    }
}

/// Talks to a supervisor until nothing is left of its command. Its order has been announced.
pub(super) async fn supervised(
    mut child: Child,
    lifeline: UnixStream,
    order: &[u8],
    tell: &watch::Sender<CommandState>,
    stop: impl Future<Output = ()>,
    force: CancellationToken,
) -> std::io::Result<()> {
    let (from, mut to) = lifeline.into_split();
    to.write_all(order).await?;
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
            // Both at once: a reader that sees the code also sees `left_running`.
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

/// Ends the control groups of a command whose supervisor cannot.
pub(super) async fn end_groups(groups: Option<CommandGroups>) {
    if let Some(groups) = groups {
        let ended = tokio::task::spawn_blocking(move || groups.remove()).await;
        if let Err(error) = ended {
            tracing::warn!(%error, "the control groups of a command could not be ended");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
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
            theirs.read_exact(&mut [0; 5]).unwrap();
            theirs.get_mut().write_all(b"ended 7 leaving\n").unwrap();
            ended.send(()).unwrap();
            let mut told = [PollFd::new(theirs.get_ref().as_fd(), PollFlags::POLLIN)];
            poll(&mut told, PollTimeout::NONE).unwrap();
        });
        #[expect(clippy::disallowed_methods, reason = "stands for the supervisor's end")]
        let child = tokio::process::Command::new("true").spawn().unwrap();
        let (tell, state) = watch::channel(CommandState::default());
        let lifeline = UnixStream::from_std(ours).unwrap();
        let stop = async {
            let _told = stop.await;
        };
        supervised(
            child,
            lifeline,
            b"order",
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
