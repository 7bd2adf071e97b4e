//! What `rm` and its kin would delete.

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
        let place = self.place(path);
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
                let name = at.rsplit('/').next().unwrap_or_default();
                let disposable = self.rules.is_disposable(name)
                    || self.rules.is_disposable(&at)
                    || at
                        .split('/')
                        .any(|part| self.rules.is_disposable(part) && !part.contains('*'));
                if (recursive || path.glob || at == ".") && !disposable {
                    let object = self.deleted(path, &at, call);
                    let many = Found::Fact("deletes-many");
                    self.note_about(object, many, &call.program, &call.segment);
                }
                self.writes(path, &call.program, &call.segment);
            }
        }
    }

    /// What is deleted, where its links lead; none when that is more than one file or folder.
    fn deleted(&self, path: &Field, at: &str, call: &Call) -> Option<ActionScope> {
        if !path.is_static() || path.glob {
            return None;
        }
        match self.places.resolved(at) {
            Some(Place::Inside(real)) => files::deleted(&call.program, &real),
            Some(Place::Temporary(_) | Place::Outside(_) | Place::Unknown) => None,
            None => files::deleted(&call.program, at),
        }
    }
}
