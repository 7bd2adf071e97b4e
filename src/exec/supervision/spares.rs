//! Supervisors that were started before there is a command for them.
//!
//! Starting one takes longer than the rest of a command's start: this program is loaded, and a process
//! that joins a control group waits until every processor has passed a quiet point (14 ms were seen).

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::exec::sandbox::control_groups::command::CommandGroups;
use crate::exec::sandbox::machine::Sandbox;
use crate::exec::sandbox::order::Preparation;
use crate::exec::supervision::supervisor::ARGUMENT;
use crate::exec::supervision::sweep::MARK;
use crate::platform::sync::lock;

/// The number of supervisors that wait: commands of a turn come in pairs at most, as a rule.
const WAITING: usize = 2;

/// The time for which a command that begins is left alone. While a process joins a control group, no
/// process of the machine can be divided, and the start of a command divides three.
const PAUSE: Duration = Duration::from_millis(50);

/// Supervisors for commands of one sandbox. None is there before the first command; when this is
/// dropped, those that wait end.
#[derive(Debug, Default)]
pub struct Spares {
    waiting: Mutex<Vec<SpareSupervisor>>,
}

/// A supervisor that waits for its order.
#[derive(Debug)]
pub struct SpareSupervisor {
    /// Its process.
    pub child: Child,
    /// The line to it.
    pub line: UnixStream,
    /// The control groups of its command.
    pub groups: Option<CommandGroups>,
}

impl Spares {
    /// A supervisor: one that waits, or else a new one.
    pub fn take(&self, program: &Path, sandbox: &Sandbox) -> std::io::Result<SpareSupervisor> {
        let mut waiting = lock(&self.waiting);
        while let Some(mut spare) = waiting.pop() {
            // Something may have ended it in the meantime.
            if matches!(spare.child.try_wait(), Ok(None)) {
                return Ok(spare);
            }
        }
        drop(waiting);
        start(program, sandbox)
    }

    /// Starts as many as should wait. Blocks.
    fn fill(&self, program: &Path, sandbox: &Sandbox) -> std::io::Result<()> {
        while lock(&self.waiting).len() < WAITING {
            let spare = start(program, sandbox)?;
            lock(&self.waiting).push(spare);
        }
        Ok(())
    }
}

/// Starts as many as should wait for the commands to come, a moment after one has begun, unless this
/// process is stopping.
pub async fn refill(
    spares: Arc<Spares>,
    program: PathBuf,
    sandbox: Sandbox,
    stopping: CancellationToken,
) {
    tokio::select! {
        () = stopping.cancelled() => return,
        () = tokio::time::sleep(PAUSE) => {}
    }
    let refilled = tokio::task::spawn_blocking(move || spares.fill(&program, &sandbox)).await;
    let refilled = refilled.map_err(std::io::Error::other).flatten();
    if let Err(error) = refilled {
        tracing::warn!(%error, "no supervisor could be started in advance");
    }
}

fn start(program: &Path, sandbox: &Sandbox) -> std::io::Result<SpareSupervisor> {
    let preparation = Preparation::of(sandbox);
    let (line, theirs) = UnixStream::pair()?;
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where supervisors are started"
    )]
    let mut supervisor = Command::new(program);
    supervisor
        .arg0("navi-command")
        .arg(ARGUMENT)
        .arg(serde_json::to_string(&preparation)?)
        .env_clear()
        // It counts as a process of a run, and of none that is known yet.
        .env(MARK, "")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(SpareSupervisor {
        child: supervisor.spawn()?,
        line,
        groups: preparation.groups,
    })
}
