//! Where the paths of a command lead.

use crate::policy::judge::call::{Certainty, Field, HOLE};
use crate::policy::judge::shell_state::Directory;
use crate::policy::judge::walker::Walker;
use crate::policy::paths::Place;

impl Walker<'_> {
    /// Where a path leads from where the command stands, with links followed.
    pub(in crate::policy::judge) fn place(&self, path: &Field) -> Place {
        self.as_known(path, |walker| {
            walker.places.following(&path.text, &walker.scope.directory)
        })
    }

    /// The same by its text, for what looks at the links itself.
    pub(in crate::policy::judge) fn said(&self, path: &Field) -> Place {
        self.as_known(path, |walker| {
            walker.places.of(&path.text, &walker.scope.directory)
        })
    }

    fn as_known(&self, path: &Field, place: impl FnOnce(&Self) -> Place) -> Place {
        if path.certainty > Certainty::Tame && path.text.starts_with(HOLE) {
            return Place::Unknown;
        }
        let place = place(self);
        let unsure = path.certainty > Certainty::Tame && matches!(place, Place::Inside(_));
        if unsure { Place::Unknown } else { place }
    }

    /// True if a path is in the workspace by its text, and its links lead out.
    pub(in crate::policy::judge) fn leads_out(&self, path: &Field) -> bool {
        let said = self.places.of(&path.text, &self.scope.directory);
        matches!(said, Place::Inside(_)) && !matches!(self.place(path), Place::Inside(_))
    }

    /// True if it is not known where the command stands.
    pub(in crate::policy::judge) fn is_lost(&self) -> bool {
        self.scope.directory == Directory::Unknown
    }
}
