//! The folders that an organisation may look into.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::platform::ids::OrgId;
use crate::workspace::place::{overlap, place_of};
use crate::workspaces::error::Error;
use crate::workspaces::roots::Roots;

/// The settings of all workspaces.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceRules {
    /// Where they may lie.
    pub roots: Roots,
    /// Folders with secrets of the server: no workspace may lie in one or hold one.
    pub closed: Vec<PathBuf>,
}

impl WorkspaceRules {
    /// Refuses a place that is none for workspaces of an organisation. `named` is its name for people.
    pub fn check(&self, org: &OrgId, place: &Path, named: &str) -> Result<(), Error> {
        if !self.roots.admit(org, place) {
            return Err(Error::NotFound(named.to_owned()));
        }
        let mut closed = self.closed.iter().map(|folder| place_of(folder));
        if closed.any(|folder| overlap(place, &folder)) {
            return Err(Error::Closed(named.to_owned()));
        }
        Ok(())
    }
}

/// Everything that an organisation may look into at one moment; cheap to clone.
#[derive(Clone, Debug)]
pub struct Territory {
    pub(super) org: OrgId,
    pub(super) rules: Arc<WorkspaceRules>,
    /// The folders of all others.
    pub(super) elsewhere: Arc<[PathBuf]>,
}

impl Territory {
    /// True if a real path lies in it.
    pub fn holds(&self, real: &Path) -> bool {
        let place = place_of(real);
        let foreign = || self.elsewhere.iter().any(|folder| overlap(&place, folder));
        self.rules.check(&self.org, &place, "").is_ok() && !foreign()
    }
}
