//! The enclosure of a run: the folders, temporary files and network that its commands share.

use std::fs::{self, DirBuilder, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};

use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::identity::CommandIdentity;
use crate::exec::sandbox::machine::Sandbox;
use crate::exec::sandbox::network::run_network::RunNetwork;
use crate::exec::sandbox::repositories::guarded::GuardedFiles;
use crate::exec::sandbox::repositories::linked::LinkedRepository;
use crate::exec::sandbox::repositories::search::{guarded_in_linked, guarded_in_workspace};
use crate::exec::sandbox::wall::{CommandNetwork, CommandUser, Tier, Wall};
use crate::platform::sync::lock;

/// The prefix of the name of a run's folder.
const FOLDER: &str = "navi-run-";

/// Counts the folders of this process.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The age from which a folder without a lock is left behind.
const YOUNG: Duration = Duration::from_mins(1);

/// The folders that the commands of a run are given, by their real paths.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    /// Paths that may be read besides the machine's programs.
    pub readable: Vec<PathBuf>,
    /// Paths that may be written.
    pub writable: Vec<PathBuf>,
    /// The workspace among those, of which some files stay as they are.
    pub workspace: Option<PathBuf>,
    /// The repository outside of the workspace that it belongs to.
    pub linked: Option<LinkedRepository>,
    /// True if the run has a network of its own.
    pub network: bool,
}

/// Access of one command beyond its run's, after a person's consent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Widening {
    /// Folders that it may read and write.
    pub folders: Vec<PathBuf>,
    /// Paths that it may read.
    pub readable: Vec<PathBuf>,
    /// True if it has the machine's network.
    pub network: bool,
}

impl Widening {
    fn add(&mut self, more: &Self) {
        self.folders.extend_from_slice(&more.folders);
        self.readable.extend_from_slice(&more.readable);
        self.network |= more.network;
    }
}

/// A command's access to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathAccess {
    /// Neither read nor write it.
    Nothing,
    /// Read it.
    Read,
    /// Read it although it lies in a folder that may be written.
    Protected,
    /// Read and write it.
    Write,
}

/// Folders of which every process has its own part.
const OF_EVERY_PROCESS: &[&str] = &["/dev", "/proc"];

/// The enclosure of one run.
#[derive(Debug)]
pub struct Enclosure {
    sandbox: Sandbox,
    grant: Grant,
    identity: Option<CommandIdentity>,
    guarded: Arc<[GuardedFiles]>,
    folder: RunFolder,
    network: Option<RunNetwork>,
    /// The access that a person gave to the rest of the run.
    widened: Mutex<Widening>,
}

impl Grant {
    /// The grant of a run that works in this folder, which is named by its real path.
    pub fn of_workspace(root: &Path) -> Self {
        Self {
            writable: vec![root.to_owned()],
            workspace: Some(root.to_owned()),
            network: true,
            ..Self::default()
        }
    }

    /// This grant, with the repository that the workspace is linked to.
    #[must_use]
    pub fn with_repository(self, linked: Option<LinkedRepository>) -> Self {
        Self { linked, ..self }
    }

    /// Opens the repository that the workspace is linked to, unless that is hidden, and looks for the
    /// files that stay as they are.
    fn guard(&mut self, hidden: &[PathBuf]) -> Arc<[GuardedFiles]> {
        let meets =
            |path: &Path, other: &PathBuf| path.starts_with(other) || other.starts_with(path);
        let is_shown = |it: &LinkedRepository| !hidden.iter().any(|other| meets(&it.common, other));
        let linked = self.linked.take().filter(is_shown);
        let of_linked = linked.as_ref().and_then(guarded_in_linked);
        self.writable.extend(linked.map(|it| it.common));
        let of_workspace = self.workspace.as_deref().map(guarded_in_workspace);
        of_workspace.into_iter().chain(of_linked).collect()
    }
}

impl Enclosure {
    /// Makes one, with the socket on which the proxy of its network is to listen. Blocks.
    pub fn open(
        sandbox: &Sandbox,
        mut grant: Grant,
        mark: &str,
    ) -> Result<(Self, Option<TcpListener>), WallError> {
        let folder = grant.writable.first().or(grant.readable.first());
        let identity = folder.and_then(|it| CommandIdentity::of_work_in(it, sandbox));
        let user = identity.map(|it| it.user);
        let guarded = grant.guard(&sandbox.hidden());
        let folder = RunFolder::create(sandbox, mark, user)?;
        let (network, listener) = if grant.network && sandbox.tier() == Tier::Full {
            let (network, listener) = RunNetwork::open(sandbox.program(), user)?;
            (Some(network), Some(listener))
        } else {
            (None, None)
        };
        let enclosure = Self {
            sandbox: sandbox.clone(),
            grant,
            identity,
            guarded,
            folder,
            network,
            widened: Mutex::default(),
        };
        Ok((enclosure, listener))
    }

    /// The wall of one command that begins in this directory.
    pub fn wall(&self, directory: PathBuf, widening: &Widening) -> Wall {
        let mut widening = widening.clone();
        widening.add(&lock(&self.widened));
        let network = match self.network.as_ref().map(RunNetwork::holder) {
            _ if widening.network => CommandNetwork::OfMachine,
            Some(holder) => CommandNetwork::OfRun(holder),
            None => CommandNetwork::Nothing,
        };
        let sandbox = &self.sandbox;
        Wall {
            tier: sandbox.tier(),
            readable: [sandbox.readable(), &self.grant.readable, &widening.readable].concat(),
            writable: [sandbox.writable(), &self.grant.writable, &widening.folders].concat(),
            protected: self
                .guarded
                .iter()
                .flat_map(GuardedFiles::read_only)
                .collect(),
            hidden: sandbox.hidden(),
            temporary: self.folder.path.clone(),
            directory,
            network,
            user: self.identity.map(|it| it.user),
            shown_as_own: self.identity.is_some_and(|it| it.shown_as_own),
            limits: sandbox.limits(),
            groups: None,
            landlock_at_most: sandbox.landlock_at_most(),
        }
    }

    /// Gives all commands from now on more.
    pub fn widen(&self, more: &Widening) {
        lock(&self.widened).add(more);
    }

    /// The commands' access to a path, by its absolute name.
    pub fn access(&self, path: &Path) -> PathAccess {
        let within = |folders: &[PathBuf]| folders.iter().any(|folder| path.starts_with(folder));
        let sandbox = &self.sandbox;
        let mut protected = self.guarded.iter().flat_map(GuardedFiles::read_only);
        if protected.any(|it| path.starts_with(it)) {
            PathAccess::Protected
        } else if within(&self.grant.writable)
            || within(sandbox.writable())
            || within(&lock(&self.widened).folders)
            || path.starts_with(self.temporary())
        {
            PathAccess::Write
        } else if within(&sandbox.hidden()) {
            PathAccess::Nothing
        } else if within(sandbox.readable())
            || within(&self.grant.readable)
            || OF_EVERY_PROCESS.iter().any(|own| path.starts_with(own))
        {
            PathAccess::Read
        } else {
            PathAccess::Nothing
        }
    }

    /// Variables of the run's commands: where they find a home and temporary files.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let temporary = self.temporary();
        let home = temporary.join("home");
        let text = |path: &Path| path.to_string_lossy().into_owned();
        vec![
            ("HOME", text(&home)),
            ("TMPDIR", text(temporary)),
            ("XDG_CACHE_HOME", text(&home.join(".cache"))),
        ]
    }

    /// Connects with a program of the run that listens on its loopback address; none where the run
    /// has no network of its own. Blocks.
    pub fn connect(&self, port: u16) -> Option<std::io::Result<TcpStream>> {
        Some(self.network.as_ref()?.connect(port))
    }

    /// The files that commands may not change.
    pub fn guarded(&self) -> Arc<[GuardedFiles]> {
        Arc::clone(&self.guarded)
    }

    /// The user that commands run as, when that is not the server's.
    pub fn user(&self) -> Option<CommandUser> {
        self.identity.map(|it| it.user)
    }

    /// True if the run has a network of its own.
    pub fn has_network(&self) -> bool {
        self.network.is_some()
    }

    /// The temporary folder, as commands see it.
    fn temporary(&self) -> &Path {
        match self.sandbox.tier() {
            Tier::Full => Path::new("/tmp"),
            Tier::NoNamespaces | Tier::None => &self.folder.path,
        }
    }
}

/// The folder of a run's temporary files, which goes with it.
#[derive(Debug)]
struct RunFolder {
    path: PathBuf,
    /// Held as long as the folder is used; the kernel lets go of it when we are killed.
    _lock: Flock<File>,
}

impl RunFolder {
    fn create(sandbox: &Sandbox, mark: &str, user: Option<CommandUser>) -> Result<Self, WallError> {
        let failed = "making a folder for temporary files";
        let make = |path: &Path| DirBuilder::new().mode(0o700).create(path);
        // Another process may have one for the same run, and so may another part of this one.
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let own = format!("{FOLDER}{mark}-{}-{count}", std::process::id());
        let path = sandbox.run_folders().join(own);
        make(&path).map_err(WallError::at(failed))?;
        let path = path.canonicalize().map_err(WallError::at(failed))?;
        let home = path.join("home");
        make(&home).map_err(WallError::at(failed))?;
        let mut owned = vec![path.clone(), home.clone()];
        if let Some(settings) = sandbox.git_settings() {
            let file = home.join(".gitconfig");
            fs::write(&file, settings).map_err(WallError::at(failed))?;
            owned.push(file);
        }
        // At last, and from within: nothing is written by a path that another user could lead elsewhere.
        for path in owned.iter().rev() {
            if let Some(user) = user {
                chown(path, Some(user.uid), Some(user.gid)).map_err(WallError::at(failed))?;
            }
        }
        let open = File::open(&path).map_err(WallError::at(failed))?;
        let lock = Flock::lock(open, FlockArg::LockExclusiveNonblock);
        let lock = lock.map_err(|(_, errno)| WallError::new(failed, errno))?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes the folders of runs whose server was killed. Blocks.
pub fn remove_left_behind(place: &Path) {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    for entry in entries {
        let is_of_a_run = entry.file_name().to_string_lossy().starts_with(FOLDER);
        let is_ours = entry.metadata().is_ok_and(|found| {
            let own = nix::unistd::geteuid();
            // One that was just made is not locked yet.
            let age = found.modified().ok().and_then(|made| made.elapsed().ok());
            let is_old = age.is_some_and(|age| age > YOUNG);
            found.is_dir() && is_old && (own.is_root() || found.uid() == own.as_raw())
        });
        if !is_of_a_run || !is_ours {
            continue;
        }
        // A process that holds the lock works with it.
        let Ok(open) = File::open(entry.path()) else {
            continue;
        };
        if Flock::lock(open, FlockArg::LockExclusiveNonblock).is_ok() {
            remove(&entry.path());
        }
    }
}

fn remove(path: &Path) {
    match fs::remove_dir_all(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(%error, "temporary files of a run could not be removed"),
    }
}
