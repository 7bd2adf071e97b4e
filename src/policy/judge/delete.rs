//! The files and folders that `rm` and its kin would delete.

use crate::policy::judge::call::{Call, Certainty, Field, HOLE};
use crate::policy::judge::facts::Found;
use crate::policy::judge::scopes::files;
use crate::policy::judge::walker::Walker;
use crate::policy::paths::Place;
use crate::policy::rule::FileAccess;
use crate::policy::scope::ActionScope;

/// Folders of the system; deleting one of them, or all below it, destroys the machine.
const VITAL: &[&str] = &[
    "/",
    "~",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib64",
    "/opt",
    "/proc",
    "/root",
    "/sbin",
    "/srv",
    "/sys",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/var",
    "/var/lib",
];

/// True for the folder in which git keeps a repository.
fn is_repository(at: &str) -> bool {
    let name = at.rsplit('/').next().unwrap_or_default();
    name.eq_ignore_ascii_case(".git")
}

impl Walker<'_> {
    /// Judges the deletion of each operand.
    pub(super) fn deletes(&mut self, call: &Call, recursive: bool) {
        let operands: Vec<Field> = call.operands(&[]).into_iter().cloned().collect();
        if operands.len() > 12 {
            self.fact("deletes-many", &call.program, &call.segment);
        }
        for operand in operands {
            self.deletes_one(&operand, recursive, call);
        }
    }

    fn deletes_one(&mut self, path: &Field, recursive: bool, call: &Call) {
        let fact = |walker: &mut Self, fact| walker.fact(fact, &call.program, &call.segment);
        if path.certainty >= Certainty::Unknown {
            return fact(self, "deletes-unknown");
        }
        if path.certainty == Certainty::Tame && path.text.starts_with(HOLE) {
            return fact(self, "deletes-unknown");
        }
        let place = self.places.entry(&path.text, &self.scope.directory);
        // To delete a folder is to delete all that is in it.
        self.server_data(
            &place,
            path.glob,
            FileAccess::Read,
            &call.program,
            &call.segment,
        );
        match place {
            Place::Unknown => fact(self, "deletes-unknown"),
            Place::Outside(at) => {
                let folder = at.strip_suffix("/*").unwrap_or(&at);
                let folder = if folder.is_empty() { "/" } else { folder };
                let vital = VITAL.contains(&folder) || at == "/*" || at == "/.*" || folder == "/.";
                let everything = vital && (recursive || path.glob);
                fact(
                    self,
                    if everything {
                        "deletes-everything"
                    } else {
                        "deletes-outside"
                    },
                );
            }
            Place::Temporary(_) => {
                if recursive || path.glob {
                    fact(self, "deletes-outside");
                }
            }
            Place::Inside(at) => {
                if recursive && is_repository(&at) {
                    fact(self, "deletes-repository");
                }
                let follows = path.text.ends_with('/');
                let disposable = self.is_disposable(&at)
                    && (!follows || self.is_disposable(&self.places.real_name(&at)));
                if (recursive || path.glob || at == ".") && !disposable {
                    let object = self.deleted(path, &at, call);
                    let many = Found::Fact("deletes-many");
                    self.note_about(object, many, &call.program, &call.segment);
                }
                if matches!(self.place(path), Place::Inside(_)) {
                    self.writes(path, &call.program, &call.segment);
                } else {
                    // A link that leads out goes, and not what it leads to.
                    self.reads_only = false;
                    let written = Found::Writes(at.to_lowercase());
                    self.note(written, &call.program, &call.segment);
                }
            }
        }
    }

    /// True for what a build makes again: by its name, where its folder really lies, and unless the
    /// command itself gave it that name.
    pub(super) fn is_disposable(&self, at: &str) -> bool {
        let is_made = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or_default();
            let mut parts = path.split('/');
            self.rules.is_disposable(name)
                || self.rules.is_disposable(path)
                || parts.any(|part| self.rules.is_disposable(part) && !part.contains('*'))
        };
        let mut around = at.match_indices('/').map(|(end, _)| &at[..end]);
        let is_renamed = self.renamed.contains(at) || around.any(|up| self.renamed.contains(up));
        let folder = at.rsplit_once('/').map(|(folder, _)| folder);
        let really = folder.and_then(|folder| self.places.resolved(folder));
        let lies_there = match (folder, really) {
            (Some(folder), Some(Place::Inside(real))) if real != folder => {
                let name = at.rsplit('/').next().unwrap_or_default();
                is_made(&format!("{real}/{name}"))
            }
            _ => true,
        };
        is_made(at) && lies_there && !is_renamed
    }

    /// The file or folder that is deleted, with its links resolved; none when that is more than one.
    fn deleted(&self, path: &Field, at: &str, call: &Call) -> Option<ActionScope> {
        // An earlier command may have put something else under this name.
        if !path.is_static() || path.glob || self.disturbed {
            return None;
        }
        match self.places.resolved(at) {
            Some(Place::Inside(real)) => files::deleted(&call.program, &real),
            Some(Place::Temporary(_) | Place::Outside(_) | Place::Unknown) => None,
            None => files::deleted(&call.program, at),
        }
    }
}
