//! Files that are read or written, wherever a command does it.

use crate::policy::judge::call::{Call, Certainty, Field, HOLE};
use crate::policy::judge::facts::Found;
use crate::policy::judge::scopes::files;
use crate::policy::judge::shell_state::Directory;
use crate::policy::judge::walker::Walker;
use crate::policy::paths::Place;
use crate::policy::rule::FileAccess;
use crate::policy::scope::ActionScope;

/// Programs that give others a folder with all that is in it.
const MOUNTING: &[&str] = &[
    "docker",
    "docker-compose",
    "podman",
    "nerdctl",
    "mount",
    "bwrap",
];

/// Programs that list all that is below a folder.
const LISTING: &[&str] = &["find", "fd", "fdfind", "tree", "du", "ncdu"];

impl Walker<'_> {
    /// Judges that a file is written.
    pub(in crate::policy::judge) fn writes(&mut self, path: &Field, program: &str, segment: &str) {
        self.reads_only = false;
        self.has_written = true;
        self.touches(path, FileAccess::Write, program, segment);
    }

    /// Judges that a file is read.
    pub(in crate::policy::judge) fn reads(&mut self, path: &Field, program: &str, segment: &str) {
        self.touches(path, FileAccess::Read, program, segment);
    }

    fn touches(&mut self, path: &Field, access: FileAccess, program: &str, segment: &str) {
        if path.text.starts_with("/dev/tcp/") || path.text.starts_with("/dev/udp/") {
            return self.fact("network-device", program, segment);
        }
        if self.leads_into_closed(&path.text, path.glob) {
            self.fact("server-data", program, segment);
        }
        let place = self.place(path);
        let name = match &place {
            Place::Inside(name) | Place::Temporary(name) | Place::Outside(name) => name.clone(),
            Place::Unknown => {
                // A line that is read may name a file; what another program makes up may hide one.
                let fact = match access {
                    FileAccess::Write => "writes-unknown",
                    FileAccess::Read if path.certainty < Certainty::Wild && !self.is_lost() => {
                        return;
                    }
                    FileAccess::Read => "reads-unknown",
                };
                if access == FileAccess::Read
                    && !path.text.starts_with(HOLE)
                    && path.certainty < Certainty::Wild
                {
                    return;
                }
                return self.fact(fact, program, segment);
            }
        };
        self.server_data(&place, path.glob, access, program, segment);
        let mut names = vec![name.clone()];
        // A name that the text says and that a link leads away from is a name too.
        if let Place::Inside(said) = self.places.of(&path.text, &self.scope.directory) {
            if access == FileAccess::Read {
                self.reads_inside(&said, path, program, segment);
                if self.places.absolute(&said).is_dir() {
                    // Of some folders all that is in them is a secret.
                    names.push(format!("{said}/any.rs"));
                }
            }
            if let Some(Place::Inside(real)) = self.places.resolved(&said) {
                names.push(real);
            }
            names.push(said);
            names.sort_unstable();
            names.dedup();
        }
        if path.glob {
            names.extend(Self::glob_names(&name));
        }
        if let (Place::Inside(pattern), FileAccess::Read) = (&place, access)
            && path.glob
            && path.is_static()
        {
            self.reads_matching(pattern, program, segment);
        }
        for name in names {
            let (object, found) = match access {
                FileAccess::Read => (
                    named(path, || files::read(program, &name))
                        .filter(|_| self.only_shows(program)),
                    Found::Reads(name.to_lowercase()),
                ),
                FileAccess::Write => (
                    named(path, || files::written(program, &name)).filter(|_| !self.disturbed),
                    Found::Writes(name.to_lowercase()),
                ),
            };
            self.note_about(object, found, program, segment);
        }
        if let Place::Outside(outside) = &place
            && access == FileAccess::Write
        {
            if outside.starts_with("/dev/") {
                let harmless = ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"];
                let descriptor =
                    outside.starts_with("/dev/fd/") || outside.starts_with("/dev/shm/");
                if !harmless.contains(&outside.as_str()) && !descriptor {
                    self.fact("writes-device", program, segment);
                }
            } else {
                self.writes_outside(outside, path, program, segment);
            }
        }
    }

    fn writes_outside(&mut self, outside: &str, path: &Field, program: &str, segment: &str) {
        let object = named(path, || files::written(program, outside));
        let object = object.filter(|_| !self.disturbed);
        let fact = Found::Fact("writes-outside");
        self.note_about(object, fact, program, segment);
    }

    /// Judges a file of the workspace by its real place and by its content.
    pub(in crate::policy::judge) fn reads_inside(
        &mut self,
        inside: &str,
        field: &Field,
        by: &str,
        segment: &str,
    ) {
        let object = named(field, || files::read(by, &self.places.real_name(inside)));
        let object = object.filter(|_| self.only_shows(by));
        if self.places.holds_secret(inside) {
            self.note_about(object.clone(), Found::Fact("holds-secret"), by, segment);
        }
        let at = self
            .places
            .absolute(inside)
            .to_string_lossy()
            .to_lowercase();
        self.note_about(object, Found::ReadsAt(at), by, segment);
    }

    /// Judges that the server's own data are touched; to read a folder is to read the files in it.
    pub(in crate::policy::judge) fn server_data(
        &mut self,
        place: &Place,
        is_pattern: bool,
        access: FileAccess,
        program: &str,
        segment: &str,
    ) {
        let absolute = match place {
            Place::Inside(inside) => self.places.absolute(inside).to_string_lossy().into_owned(),
            Place::Temporary(path) | Place::Outside(path) => path.clone(),
            Place::Unknown => return,
        };
        let closed = self.places.closed();
        let is_closed = match access {
            FileAccess::Read => closed.meets_any(&absolute, is_pattern),
            FileAccess::Write => closed.covers(&absolute, is_pattern),
        };
        if is_closed {
            self.fact("server-data", program, segment);
        }
    }

    /// Judges that any word of a call leads into the server's own data, whatever program it is.
    pub(in crate::policy::judge) fn judge_closed(&mut self, call: &Call) {
        if self.places.closed().is_empty() {
            return;
        }
        let mounts = MOUNTING.contains(&call.program.as_str());
        let lists = LISTING.contains(&call.program.as_str())
            || (call.program == "ls" && call.has(&["-R", "--recursive"]));
        let found = call.args.iter().any(|arg| {
            let pieces = arg
                .text
                .split([':', '=', ',', '@', ' '])
                .filter(|piece| !piece.is_empty());
            pieces.chain([arg.text.as_str()]).any(|piece| {
                self.leads_into_closed(piece, arg.glob)
                    || ((lists || mounts && piece.contains('/'))
                        && !piece.starts_with('-')
                        && self
                            .places
                            .closed()
                            .meets_any(&self.spelled(piece), arg.glob))
            })
        });
        if found {
            self.fact("server-data", &call.program, &call.segment);
        }
    }

    /// True if a path, as it is written, is one into the server's own data.
    fn leads_into_closed(&self, path: &str, is_pattern: bool) -> bool {
        let closed = self.places.closed();
        match path.strip_prefix(HOLE) {
            Some(rest) => closed.may_end_in(rest),
            None => !path.is_empty() && closed.covers(&self.spelled(path), is_pattern),
        }
    }

    /// A path from where the command stands, with nothing taken out of it: the folder above a link is the
    /// one above its target.
    fn spelled(&self, path: &str) -> String {
        let root = self.places.root_text();
        let set = self.scope.value("HOME", &root);
        if let Some(rest) = path.strip_prefix("~/").filter(|_| set.text != "~") {
            return format!("{}/{rest}", set.text);
        }
        match &self.scope.directory {
            _ if path.starts_with(['/', '~']) => path.to_owned(),
            Directory::Unknown => path.to_owned(),
            Directory::At(at) if at.starts_with(['/', '~']) => format!("{at}/{path}"),
            Directory::At(at) => format!("{root}/{at}/{path}"),
        }
    }
}

/// The object of a path, when the path is known and stands for one file.
fn named(path: &Field, object: impl FnOnce() -> Option<ActionScope>) -> Option<ActionScope> {
    (path.is_static() && !path.glob).then(object).flatten()
}
