//! Starting commands, and ending them with everything they started.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::future::join_all;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OnceCell, watch};
use tokio_util::sync::CancellationToken;

use crate::exec::credentials::lent::{Borrower, LentCredentials, NotLent, WantedCredentials};
use crate::exec::credentials::outside::Outside;
use crate::exec::egress::connection::{RefusalMark, RefusedHost};
use crate::exec::egress::hosts::RunHosts;
use crate::exec::egress::proxy::{RunEgress, proxy_variables};
use crate::exec::error::ExecError;
use crate::exec::launch::{COMMAND_BYTES, Launch, ProgramCommand, ShellCommand, shell};
use crate::exec::running::{CommandState, ENDING, Outputs, Running, end_groups, supervised};
use crate::exec::sandbox::enclosure::{Enclosure, Grant, PathAccess, Widening};
use crate::exec::sandbox::order::{self, Handles, Order};
use crate::exec::sandbox::repositories::guarded::GuardedFiles;
use crate::exec::sandbox::wall::{Tier, Wall};
use crate::exec::supervision::spares::{SpareSupervisor, refill};
use crate::exec::supervision::sweep::{MARK, sweep};
use crate::platform::process::descriptors::descriptor_path;
use crate::platform::sync::{lock, unpoisoned};
use crate::platform::tasks::Tasks;

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
    /// The hosts that the run may reach, and the sink of its connections.
    outside: Option<Outside>,
    opened: OnceCell<SharedByRun>,
    running: Mutex<Vec<Running>>,
}

/// The state that the run's commands share.
#[derive(Debug)]
struct SharedByRun {
    enclosure: Enclosure,
    egress: Option<RunEgress>,
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

impl SharedByRun {
    /// The variables of the run's commands.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let proxy = self.egress.as_ref().map(|it| it.address().port());
        let proxy = proxy.map(proxy_variables).into_iter().flatten();
        self.enclosure
            .variables()
            .into_iter()
            .chain(proxy)
            .collect()
    }
}

impl Processes {
    /// No processes yet. `mark` names the run, uniquely on this machine; `grant` is what its commands
    /// may use where they are contained, `outside` what of it lies beyond this machine.
    pub fn new(launch: Launch, mark: &str, grant: Grant, outside: Option<Outside>) -> Self {
        Self {
            inner: Arc::new(Inner {
                launch,
                mark: mark.to_owned(),
                grant,
                outside,
                opened: OnceCell::new(),
                running: Mutex::new(Vec::new()),
            }),
        }
    }

    /// The variables every command sees.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.inner.launch.environment
    }

    /// The strength of the wall around them.
    pub fn tier(&self) -> Tier {
        self.inner.launch.sandbox.tier()
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
            presence: self.inner.launch.presence_path(),
            wall: self.wall(directory, widening, tasks).await?,
            environment: self.variables(extra),
        };
        self.carry_out(order, directory, tasks)
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
            presence: self.inner.launch.presence_path(),
            wall: self.wall(directory, command.widening, tasks).await?,
            environment: self.variables(extra),
        };
        self.carry_out(order, directory, tasks)
    }

    /// The wall around a command that begins in this directory; none where commands are not
    /// contained.
    async fn wall(
        &self,
        directory: &OwnedFd,
        widening: &Widening,
        tasks: &Tasks,
    ) -> Result<Option<Wall>, ExecError> {
        if self.tier() == Tier::None {
            return Ok(None);
        }
        let directory = std::fs::read_link(descriptor_path(directory)).map_err(not_started)?;
        let opened = self.opened(tasks).await?;
        Ok(Some(opened.enclosure.wall(directory, widening)))
    }

    /// The state that the run's commands share; made for the first of them.
    async fn opened(&self, tasks: &Tasks) -> Result<&SharedByRun, ExecError> {
        let open = || async {
            let sandbox = self.inner.launch.sandbox.clone();
            let (grant, mark) = (self.inner.grant.clone(), self.inner.mark.clone());
            let opening = move || Enclosure::open(&sandbox, grant, &mark);
            let opened = tokio::task::spawn_blocking(opening).await;
            let (enclosure, listener) = opened.map_err(not_started)?.map_err(not_started)?;
            let egress = match (listener, &self.inner.launch.egress, &self.inner.outside) {
                (Some(listener), Some(proxy), Some(outside)) => {
                    let (hosts, sink) = (outside.hosts.clone(), Arc::clone(&outside.sink));
                    let served = proxy.serve(listener, hosts, sink, tasks);
                    Some(served.map_err(not_started)?)
                }
                // Without a proxy nothing accepts what arrives at the socket.
                _ => None,
            };
            Ok(SharedByRun { enclosure, egress })
        };
        self.inner.opened.get_or_try_init(open).await
    }

    /// The hosts that the run may reach, which can be widened; none where it has no way out.
    pub fn hosts(&self) -> Option<&RunHosts> {
        Some(&self.inner.outside.as_ref()?.hosts)
    }

    /// Gives all commands of the run from now on what a person gave it for the rest of it.
    pub async fn widen(&self, more: &Widening, tasks: &Tasks) -> Result<(), ExecError> {
        self.opened(tasks).await?.enclosure.widen(more);
        Ok(())
    }

    /// Lends a command credentials until they are dropped.
    pub async fn lend_credentials(
        &self,
        wanted: &WantedCredentials,
        tasks: &Tasks,
    ) -> Result<LentCredentials, ExecError> {
        let refused =
            |reason: NotLent| ExecError::Refused(format!("`needs.credentials`: {reason}"));
        let Some(outside) = &self.inner.outside else {
            return Err(refused(NotLent::NoAgent));
        };
        let mut borrower = Borrower {
            home: self.environment().get("HOME").map(Path::new),
            ..Borrower::default()
        };
        let program = self.inner.launch.supervisor.canonicalize();
        match self.tier() {
            // No local socket can be made there.
            Tier::NoNamespaces if !wanted.agent.is_empty() => {
                return Err(refused(NotLent::NoNamespaces));
            }
            Tier::None | Tier::NoNamespaces => {}
            Tier::Full => {
                let opened = self.opened(tasks).await?;
                let port = opened.egress.as_ref().map(|it| it.address().port());
                let user = opened.enclosure.user();
                borrower.owner = user.map(|it| (it.uid, it.gid));
                borrower.tunnel = program.as_deref().ok().zip(port);
            }
        }
        LentCredentials::lend(wanted, &outside.credentials, borrower, tasks).map_err(refused)
    }

    /// A command's access to a path, by its absolute name; none where commands are not contained,
    /// or none was started yet.
    pub fn access(&self, path: &Path) -> Option<PathAccess> {
        Some(self.inner.opened.get()?.enclosure.access(path))
    }

    /// The files that commands may not change; none where they are not contained.
    pub async fn guarded(&self, tasks: &Tasks) -> Result<Option<Arc<[GuardedFiles]>>, ExecError> {
        if self.tier() == Tier::None {
            return Ok(None);
        }
        let opened = self.opened(tasks).await?;
        Ok(Some(opened.enclosure.guarded()))
    }

    /// The present end of the list of hosts that the run was refused.
    pub fn refusal_mark(&self) -> RefusalMark {
        let egress = self.egress();
        egress.map(RunEgress::refusal_mark).unwrap_or_default()
    }

    /// The hosts that the run was refused since then.
    pub fn refusals_since(&self, mark: RefusalMark) -> Vec<RefusedHost> {
        let egress = self.egress();
        egress.map(|it| it.refusals_since(mark)).unwrap_or_default()
    }

    fn egress(&self) -> Option<&RunEgress> {
        self.inner.opened.get()?.egress.as_ref()
    }

    fn carry_out(
        &self,
        mut order: Order,
        directory: &OwnedFd,
        tasks: &Tasks,
    ) -> Result<(Running, Outputs), ExecError> {
        let failed = not_started::<std::io::Error>;
        let launch = &self.inner.launch;
        let taken = launch.spares.take(&launch.supervisor, &launch.sandbox);
        let SpareSupervisor {
            child,
            line,
            groups,
        } = taken.map_err(failed)?;
        let (outputs, stdout, stderr) = Outputs::open().map_err(failed)?;
        let handles = Handles {
            directory: directory.try_clone().map_err(failed)?,
            stdout,
            stderr,
        };
        if let Some(wall) = &mut order.wall {
            wall.groups.clone_from(&groups);
        }
        let order = serde_json::to_vec(&order).map_err(not_started)?;
        order::announce(&line, order.len(), &handles).map_err(failed)?;
        drop(handles);
        line.set_nonblocking(true).map_err(failed)?;
        let line = UnixStream::from_std(line).map_err(failed)?;
        let (tell, state) = watch::channel(CommandState::default());
        let (stop, force) = (CancellationToken::new(), CancellationToken::new());
        let running = Running {
            stop: stop.clone(),
            force: force.clone(),
            state,
        };
        let stopping = tasks.stopping();
        let Launch {
            spares,
            supervisor,
            sandbox,
            ..
        } = launch.clone();
        tasks.spawn(refill(spares, supervisor, sandbox, tasks.stopping()));
        tasks.spawn(async move {
            let stop = async {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = stopping.cancelled() => {}
                }
            };
            let supervised = supervised(child, line, &order, &tell, stop, force).await;
            if let Err(error) = supervised {
                tracing::warn!(%error, "a command's supervision ended early");
                end_groups(groups).await;
            }
            tell.send_modify(|state| state.gone = true);
        });
        let mut all = self.inner.running();
        all.retain(|running| !running.state().gone);
        all.push(running.clone());
        Ok((running, outputs))
    }

    /// The whole environment of a command.
    fn variables(&self, extra: &[(&str, String)]) -> Vec<(String, String)> {
        let owned = |(name, value): (&str, &String)| (name.to_owned(), value.clone());
        let environment = self.environment().iter();
        let toolchains = self.inner.launch.sandbox.variables().iter();
        let of_machine = environment.chain(toolchains);
        let mut all: BTreeMap<_, _> = of_machine
            .map(|(name, value)| owned((name, value)))
            .collect();
        let own = self.inner.opened.get().map(SharedByRun::variables);
        all.extend(
            own.into_iter()
                .flatten()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        all.extend(extra.iter().map(|(name, value)| owned((name, value))));
        all.insert(MARK.to_owned(), self.inner.mark.clone());
        all.into_iter().collect()
    }

    /// True if something still runs that a command left behind when it ended.
    pub fn has_left_behind(&self) -> bool {
        let left = |running: &Running| {
            let state = running.state();
            state.left_running && !state.gone
        };
        self.inner.running().iter().any(left)
    }

    /// Connects with a program of the run that listens on its loopback address; none where the run has
    /// no network of its own.
    pub async fn connect(&self, port: u16) -> Option<std::io::Result<TcpStream>> {
        if !self.inner.opened.get()?.enclosure.has_network() {
            return None;
        }
        let inner = Arc::clone(&self.inner);
        let connecting = move || inner.opened.get()?.enclosure.connect(port);
        let connected = tokio::task::spawn_blocking(connecting).await.ok()??;
        Some(connected.and_then(|stream| {
            stream.set_nonblocking(true)?;
            TcpStream::from_std(stream)
        }))
    }

    /// Ends everything that was started, and waits for it; `soon` when in a hurry. Returns the number of
    /// processes that were found by their mark, out of reach of their supervisor, and killed.
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

fn not_started<E: std::fmt::Display>(error: E) -> ExecError {
    ExecError::Failed(format!("commands cannot be started: {error}"))
}
