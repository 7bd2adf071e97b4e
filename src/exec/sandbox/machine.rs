//! The sandbox of this machine: how strong it is, and what all commands may use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::exec::sandbox::control_groups::find::GroupPlace;
use crate::exec::sandbox::kernel::limits::CommandLimits;
use crate::exec::sandbox::settings::SandboxMode;
use crate::exec::sandbox::wall::Tier;

/// The sandbox of this machine; cheap to clone.
#[derive(Clone, Debug)]
pub struct Sandbox {
    inner: Arc<SandboxParts>,
}

#[derive(Clone, Debug)]
pub(in crate::exec) struct SandboxParts {
    pub(in crate::exec) tier: Tier,
    pub(in crate::exec) missing: Vec<String>,
    pub(in crate::exec) program: PathBuf,
    pub(in crate::exec) readable: Vec<PathBuf>,
    pub(in crate::exec) writable: Vec<PathBuf>,
    pub(in crate::exec) hidden: Vec<PathBuf>,
    pub(in crate::exec) variables: BTreeMap<String, String>,
    pub(in crate::exec) limits: CommandLimits,
    pub(in crate::exec) group_places: Vec<GroupPlace>,
    pub(in crate::exec) run_folders: PathBuf,
    pub(in crate::exec) landlock_at_most: Option<u8>,
    pub(in crate::exec) git_settings: Option<String>,
}

/// Commands cannot be contained as they must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotContain {
    /// The wall that a setting names cannot be built here.
    #[error("NAVI_SANDBOX is `{wanted}`, which this machine does not support: {missing}")]
    Wanted {
        /// The setting.
        wanted: SandboxMode,
        /// The obstacles.
        missing: String,
    },
    /// None can be built, and none was not asked for.
    #[error(
        "this machine cannot sandbox commands ({missing}); outside development, set \
         NAVI_SANDBOX=off to run without a sandbox"
    )]
    Nothing {
        /// The obstacles.
        missing: String,
    },
}

impl Sandbox {
    pub(in crate::exec) fn of(parts: SandboxParts) -> Self {
        Self {
            inner: Arc::new(parts),
        }
    }

    pub(in crate::exec) fn parts(&self) -> SandboxParts {
        SandboxParts::clone(&self.inner)
    }

    /// No wall.
    pub fn off() -> Self {
        Self {
            inner: Arc::new(SandboxParts {
                tier: Tier::None,
                missing: vec!["it is switched off".to_owned()],
                program: PathBuf::new(),
                readable: Vec::new(),
                writable: Vec::new(),
                hidden: Vec::new(),
                variables: BTreeMap::new(),
                limits: CommandLimits::default(),
                group_places: Vec::new(),
                run_folders: PathBuf::new(),
                landlock_at_most: None,
                git_settings: None,
            }),
        }
    }

    /// This sandbox on a kernel whose Landlock is that old, without namespaces if they are not wanted.
    #[must_use]
    pub fn weakened(&self, tier: Tier, landlock_at_most: Option<u8>) -> Self {
        let inner = SandboxParts {
            tier: self.inner.tier.min(tier),
            landlock_at_most,
            ..SandboxParts::clone(&self.inner)
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// This sandbox on a machine where no control groups can be made.
    #[must_use]
    pub fn without_control_groups(&self) -> Self {
        let mut inner = SandboxParts::clone(&self.inner);
        inner.group_places.clear();
        Self {
            inner: Arc::new(inner),
        }
    }

    /// This sandbox, with folders that commands cannot read wherever they lie. Paths that are named
    /// besides, such as a workspace in them, they can.
    #[must_use]
    pub fn closing(&self, folders: &[PathBuf]) -> Self {
        let mut inner = SandboxParts::clone(&self.inner);
        inner.hidden.extend(with_real(folders.to_vec()));
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The strength of the wall.
    pub fn tier(&self) -> Tier {
        self.inner.tier
    }

    /// The obstacles to a stronger one on this machine.
    pub fn missing(&self) -> &[String] {
        &self.inner.missing
    }

    /// The tier and the missing parts, in one sentence for people.
    pub fn describe(&self) -> String {
        match (self.tier(), self.missing()) {
            (Tier::None, missing) => format!("commands are not contained: {}", missing.join("; ")),
            (tier, []) => format!("commands are contained: {tier}; {}", self.bounds()),
            (tier, missing) => format!(
                "commands are contained: {tier}; {}; not available here: {}",
                self.bounds(),
                missing.join("; ")
            ),
        }
    }

    /// The way in which the use of memory and processes is bounded.
    fn bounds(&self) -> &'static str {
        let places = &self.inner.group_places;
        let memory = places.iter().any(|it| it.kind.bounds_memory());
        let processes = places.iter().any(|it| it.kind.bounds_processes());
        match (memory, processes) {
            (true, true) => "control groups bound memory and processes",
            (true, false) => "control groups bound memory, processes are watched",
            (false, true) => "control groups bound processes, memory is watched",
            (false, false) => "memory and processes are watched",
        }
    }

    /// Variables that commands need because their home folder is another.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.inner.variables
    }

    pub(in crate::exec) fn program(&self) -> &Path {
        &self.inner.program
    }

    pub(in crate::exec) fn readable(&self) -> &[PathBuf] {
        &self.inner.readable
    }

    pub(in crate::exec) fn writable(&self) -> &[PathBuf] {
        &self.inner.writable
    }

    pub(in crate::exec) fn hidden(&self) -> Vec<PathBuf> {
        self.inner.hidden.clone()
    }

    pub(in crate::exec) fn limits(&self) -> CommandLimits {
        self.inner.limits
    }

    /// The places for control groups of commands.
    pub fn group_places(&self) -> &[GroupPlace] {
        &self.inner.group_places
    }

    pub(in crate::exec) fn run_folders(&self) -> &Path {
        &self.inner.run_folders
    }

    pub(in crate::exec) fn git_settings(&self) -> Option<&str> {
        self.inner.git_settings.as_deref()
    }

    pub(in crate::exec) fn landlock_at_most(&self) -> Option<u8> {
        self.inner.landlock_at_most
    }
}

/// These paths, and the targets of their links: rules hold for real paths.
pub(in crate::exec) fn with_real(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let real: Vec<_> = paths
        .iter()
        .filter_map(|it| it.canonicalize().ok())
        .collect();
    paths.extend(real);
    paths.sort();
    paths.dedup();
    paths
}
