//! Programs that copy, link, download and unpack.

use crate::policy::judge::call::{Call, Field, HOLE};
use crate::policy::judge::walker::Walker;
use crate::policy::paths::Place;

/// Where the system's programs are.
const PROGRAM_FOLDERS: [&str; 5] = [
    "/bin/",
    "/usr/bin/",
    "/sbin/",
    "/usr/sbin/",
    "/usr/local/bin/",
];

/// Options of `cp`, `mv`, `ln`, `install` and `rsync` that take a value.
const VALUED: [&str; 10] = [
    "-t",
    "--target-directory",
    "-m",
    "--mode",
    "-o",
    "-g",
    "-S",
    "-e",
    "--exclude",
    "--include",
];

/// The files that a call copies, moves or links to, and where to. `install -d` makes each of them.
fn sources_and_target(call: &Call) -> Option<(Vec<Field>, Field)> {
    let mut sources: Vec<Field> = call.operands(&VALUED).into_iter().cloned().collect();
    let target = call
        .value(&["-t", "--target-directory"])
        .or_else(|| sources.pop())?;
    if call.program == "install" && call.has(&["-d"]) {
        sources.push(target.clone());
    }
    Some((sources, target))
}

impl Walker<'_> {
    pub(super) fn copies(&mut self, call: &Call) {
        let (program, segment) = (call.program.as_str(), call.segment.as_str());
        let Some((sources, target)) = sources_and_target(call) else {
            return;
        };
        let is_link = program == "ln"
            || program == "link"
            || call.has(&["-s", "--symbolic-link"]) && program == "cp";
        for source in &sources {
            let from = if is_link {
                self.linked(source, &target)
            } else {
                source.clone()
            };
            self.takes(&from, is_link, call);
            let into = self.inside(source, &target);
            if let Some(into) = &into {
                self.writes(into, program, segment);
            }
            if is_link || program == "mv" {
                self.renames(&from, into.as_ref().unwrap_or(&target));
            }
        }
        // A file that is moved out of the workspace is gone from it.
        if program == "mv" && matches!(self.place(&target), Place::Temporary(_)) {
            self.fact("writes-outside", program, segment);
        }
        if !target.text.contains(':') {
            self.writes(&target, program, segment);
        }
    }

    /// Notes that what was no output of a build gets a name that may be one.
    fn renames(&mut self, from: &Field, to: &Field) {
        if let Place::Inside(at) = self.place(from)
            && self.is_disposable(&at)
        {
            return;
        }
        if let Place::Inside(at) = self.places.of(&to.text, &self.scope.directory) {
            self.renamed.insert(at);
        }
    }

    /// The file that a link points to: a relative one is relative to where the link is.
    fn linked(&self, source: &Field, target: &Field) -> Field {
        let mut linked = source.clone();
        if source.text.starts_with(['/', '~']) {
            return linked;
        }
        let folder = if self.is_folder(target) {
            target.text.as_str()
        } else {
            target
                .text
                .rsplit_once('/')
                .map_or(".", |(folder, _)| folder)
        };
        linked.text = format!("{folder}/{}", source.text);
        linked
    }

    /// Judges the source of a copy, a move or a link.
    fn takes(&mut self, from: &Field, is_link: bool, call: &Call) {
        let (program, segment) = (call.program.as_str(), call.segment.as_str());
        let place = self.place(from);
        if is_link && !matches!(place, Place::Inside(_)) {
            self.fact("links-outside", program, segment);
        }
        if let Place::Outside(at) = &place
            && PROGRAM_FOLDERS.iter().any(|folder| at.starts_with(folder))
        {
            self.fact("copies-program", program, segment);
        }
        self.reads(from, program, segment);
        if is_link || program == "mv" {
            self.writes(from, program, segment);
        }
    }

    /// The file that comes to be in `target` when that is a folder, where a file keeps its name.
    fn inside(&self, source: &Field, target: &Field) -> Option<Field> {
        let name = source.text.trim_end_matches('/').rsplit('/').next()?;
        if name.is_empty() || source.text.contains(':') || target.text.contains(HOLE) {
            return None;
        }
        let into = Field {
            text: format!("{}/{name}", target.text.trim_end_matches('/')),
            ..source.clone()
        };
        let names_folder = target.text.ends_with('/') || target.text == "." || target.text == "..";
        let known = into.is_static() && !source.glob;
        (known && (names_folder || self.is_folder(target))).then_some(into)
    }

    fn is_folder(&self, target: &Field) -> bool {
        match self.place(target) {
            Place::Inside(at) => self.places.root().join(at).is_dir(),
            Place::Temporary(_) | Place::Outside(_) | Place::Unknown => false,
        }
    }

    pub(super) fn downloads(&mut self, call: &Call) {
        let output = if call.program == "curl" {
            call.value(&["-o", "--output"])
        } else {
            call.value(&["-O", "--output-document", "-o", "--out"])
        };
        if let Some(file) = &output
            && file.text != "-"
        {
            self.writes(file, &call.program, &call.segment);
            self.downloaded.insert(file.text.clone());
        }
        let keeps_name = (call.program == "curl" && call.has(&["-O", "--remote-name"]))
            || (call.program != "curl" && output.is_none());
        if keeps_name {
            let urls: Vec<Field> = call.args.clone();
            for url in urls.iter().filter(|arg| arg.text.contains('/')) {
                let path = url.text.split(['?', '#']).next().unwrap_or_default();
                let name = path.rsplit('/').next().unwrap_or_default();
                if !name.is_empty() && !url.is_option() {
                    self.downloaded.insert(name.to_owned());
                    let file = Field {
                        text: name.to_owned(),
                        ..url.clone()
                    };
                    self.writes(&file, &call.program, &call.segment);
                }
            }
        }
        for option in [
            "-D",
            "--dump-header",
            "-c",
            "--cookie-jar",
            "--trace",
            "--output-dir",
            "-P",
            "--directory-prefix",
        ] {
            if let Some(file) = call.value(&[option])
                && file.text != "-"
                && file.text != "/dev/null"
                && (option.len() > 2 || call.args.iter().any(|arg| arg.text == option))
            {
                self.writes(&file, &call.program, &call.segment);
            }
        }
    }

    pub(super) fn unpacks(&mut self, call: &Call) {
        let folder = call.value(&["-C", "--directory", "-d"]);
        if let Some(folder) = folder {
            self.writes(&folder, &call.program, &call.segment);
        }
        if call.has(&["-P", "--absolute-names"]) {
            self.fact("writes-outside", &call.program, &call.segment);
        }
        if let Some(archive) = call.value(&["-f", "--file"])
            && (call.has(&["-c", "--create"])
                || call
                    .args
                    .first()
                    .is_some_and(|arg| arg.text.starts_with('c')))
        {
            self.writes(&archive, &call.program, &call.segment);
        }
    }
}
