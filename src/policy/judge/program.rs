//! One program: its name, what it wraps, and what rules say about it.

use crate::policy::judge::call::{Call, Certainty, Field, HOLE, Stdin};
use crate::policy::judge::expansion::join;
use crate::policy::judge::facts::Found;
use crate::policy::judge::scopes::{files, objects};
use crate::policy::judge::walker::Walker;
use crate::policy::judge::{scan, wrappers};
use crate::policy::paths::Place;
use crate::policy::rule::FileAccess;
use crate::policy::scope::ActionScope;

/// Builtins that evaluate the subscripts of what they are given.
const EVALUATING: &[&str] = &[
    "let",
    "test",
    "[",
    "printf",
    "declare",
    "typeset",
    "local",
    "export",
    "readonly",
    "read",
    "unset",
    "mapfile",
    "readarray",
    "wait",
    "getopts",
];

/// Whether a subscript in a word would run something when it is evaluated.
pub(super) fn hides_code(word: &Field) -> bool {
    let inside = word.text.split_once('[').map(|(_, inside)| inside);
    inside.is_some_and(|inside| inside.contains("$(") || inside.contains('`'))
}

/// True for an option of a shell that takes another back.
fn turns_off(arg: &Field) -> bool {
    arg.text.starts_with('+')
}

/// How many programs that run others may be around a program.
const MAX_WRAPPED: usize = 12;

impl Walker<'_> {
    /// Judges a program that would run, and what it would run in turn.
    pub(super) fn program(&mut self, name: &Field, mut call: Call) {
        self.calls += 1;
        if self.wrapped >= MAX_WRAPPED {
            return self.unread("too-much", &call.segment);
        }
        let outer = self.enter(Some(call.clone()));
        if let Some(trace) = &mut self.trace {
            trace.begin_program(&name.text, &call);
        }
        self.named_program(name, &mut call);
        self.done();
        self.leave(outer);
    }

    fn named_program(&mut self, name: &Field, call: &mut Call) {
        if name.text.is_empty() || !name.is_static() || (name.glob && name.text != "[") {
            self.reads_only = false;
            return self.fact("name-not-static", "command name", &call.segment);
        }
        if name.text.contains('/') {
            self.runs_program(name, call);
        }
        let base = name.text.rsplit('/').next().unwrap_or_default();
        base.clone_into(&mut call.program);
        let body = self.scope.functions.get(base).cloned();
        let is_function = body.is_some();
        if !is_function {
            self.count_reading(call);
        }
        self.match_rules(call);
        if EVALUATING.contains(&base) && call.args.iter().any(hides_code) {
            self.fact("code-not-static", base, &call.segment);
        }
        self.wrapped += 1;
        // What a function does was judged where it was defined, but for what it is given to read.
        if let Some(body) = body.filter(|_| call.stdin != Stdin::Nothing) {
            self.fed_with(call.stdin.clone(), |walker| walker.script(&body));
        }
        let unwrapped = wrappers::unwrap(self, call);
        self.wrapped -= 1;
        if unwrapped {
            return;
        }
        self.judge_effects(call);
        if scan::is_unbounded(call) {
            self.fact("scan", &call.program, &call.segment);
        }
        let is_known = is_function || name.text.contains('/') || self.rules.is_known(base);
        if !is_known {
            self.fact("unknown-program", base, &call.segment);
        }
    }

    fn count_reading(&mut self, call: &Call) {
        if !self.reads_only {
            return;
        }
        let mut words = vec![call.program.as_str()];
        words.extend(call.args.iter().take(2).map(|arg| arg.text.as_str()));
        let known = call
            .args
            .iter()
            .all(|arg| arg.certainty <= Certainty::Unknown);
        self.reads_only = known && self.rules.only_reads(&words);
    }

    fn match_rules(&mut self, call: &Call) {
        let rules = self.rules;
        let valued = rules.valued(&call.program);
        let matching: Vec<_> = rules
            .about(&call.program)
            .filter(|(_, matcher)| matcher.is_about(call, &valued))
            .map(|(number, _)| number)
            .collect();
        if matching.is_empty() {
            return;
        }
        let kind = self.kind(call);
        let place = |name: &str| {
            let name = if name.is_empty() { "." } else { name };
            self.places.of(name, &self.scope.directory)
        };
        let object = (!self.fed).then(|| objects::of_call(call, place)).flatten();
        for number in matching {
            self.note_about(object.clone(), Found::Rule(number), &kind, &call.segment);
        }
    }

    /// The program with its subcommand, where it is one that has subcommands.
    pub(super) fn kind(&self, call: &Call) -> String {
        let valued = self.rules.valued(&call.program);
        let first = call.operands(&valued).first().copied();
        match first {
            Some(first) if !valued.is_empty() && !first.text.contains(HOLE) => {
                format!("{} {}", call.program, first.text)
            }
            _ => call.program.clone(),
        }
    }

    /// A text that a shell would run as code.
    pub(super) fn code(&mut self, code: &Field, call: &Call) {
        if code.is_static() {
            let outer = self.scope.clone();
            let fed = self.fed;
            self.fed |= call.stdin != Stdin::Nothing;
            self.fed_with(call.stdin.clone(), |walker| walker.script_text(&code.text));
            self.fed = fed;
            self.scope = outer;
        } else {
            self.reads_only = false;
            self.fact("code-not-static", &call.program, &call.segment);
        }
    }

    /// Words that a program joins and gives to a shell.
    pub(super) fn joined_code(&mut self, words: &[Field], call: &Call) {
        if !words.is_empty() {
            self.code(&join(words.to_vec()), call);
        }
    }

    /// A shell: its option `-c`, the script it reads, or its input.
    pub(super) fn shell(&mut self, call: &Call) {
        if call.has(&["-c"]) {
            match call.value(&["-c"]) {
                Some(code) => self.code(&code, call),
                None => self.fact("code-not-static", &call.program, &call.segment),
            }
            return;
        }
        let valued = ["-o", "-O", "+o", "+O", "--rcfile", "--init-file"];
        if let Some(startup) = call.value(&["--rcfile", "--init-file"]) {
            self.runs_script(&startup, call);
        }
        let operands = call.operands(&valued);
        if let Some(script) = operands.first().filter(|_| !call.has(&["-s"])) {
            if matches!(
                script.text.as_str(),
                "/dev/stdin" | "-" | "/dev/fd/0" | "/proc/self/fd/0"
            ) {
                return self.typed_code(call);
            }
            if wrappers::is_descriptor(&script.text) {
                self.reads_only = false;
                return self.fact("code-not-static", &call.program, &call.segment);
            }
            let script = (*script).clone();
            let mut options = call.args.iter().take_while(|arg| arg.is_option());
            if options.any(|arg| arg.text == "-n") && !call.args.iter().any(turns_off) {
                // It is read and does not run.
                return self.reads(&script, &call.program, &call.segment);
            }
            if script.text.starts_with(HOLE) {
                self.reads_only = false;
                return self.fact("code-not-static", &call.program, &call.segment);
            }
            return self.runs_script(&script, call);
        }
        self.typed_code(call);
    }

    /// Code that comes over the standard input.
    fn typed_code(&mut self, call: &Call) {
        match &call.stdin {
            Stdin::Text(text) => {
                // What the code reads is the rest of the code.
                let inner = Call {
                    stdin: Stdin::Unknown,
                    ..call.clone()
                };
                self.code(&Field::of(text.clone()), &inner);
            }
            Stdin::File(file) => self.runs_script(&Field::of(file.clone()), call),
            Stdin::Unknown => {
                self.reads_only = false;
                self.fact("piped-into-interpreter", &call.program, &call.segment);
            }
            Stdin::Nothing => {}
        }
    }

    /// Judges that a file is written.
    pub(super) fn writes(&mut self, path: &Field, program: &str, segment: &str) {
        self.reads_only = false;
        self.touches(path, FileAccess::Write, program, segment);
    }

    /// Judges that a file is read.
    pub(super) fn reads(&mut self, path: &Field, program: &str, segment: &str) {
        self.touches(path, FileAccess::Read, program, segment);
    }

    fn touches(&mut self, path: &Field, access: FileAccess, program: &str, segment: &str) {
        if path.text.starts_with("/dev/tcp/") || path.text.starts_with("/dev/udp/") {
            return self.fact("network-device", program, segment);
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
        self.server_data(&place, access, program, segment);
        let mut names = vec![name.clone()];
        // A name that the text says and that a link leads away from is a name too.
        if let Place::Inside(said) = self.places.of(&path.text, &self.scope.directory) {
            if access == FileAccess::Read {
                self.reads_inside(&said, path, program, segment);
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
        for name in names {
            let (object, found) = match access {
                FileAccess::Read => (
                    named(path, || files::read(program, &name)),
                    Found::Reads(name.to_lowercase()),
                ),
                FileAccess::Write => (
                    named(path, || files::written(program, &name)),
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
        let fact = Found::Fact("writes-outside");
        self.note_about(object, fact, program, segment);
    }

    /// Judges a file of the workspace by where it really is, and by what is in it.
    fn reads_inside(&mut self, inside: &str, field: &Field, by: &str, segment: &str) {
        let object = named(field, || files::read(by, &self.places.real_name(inside)));
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

    /// Judges that the server's own data are touched; to read a folder is to read what is in it.
    pub(super) fn server_data(
        &mut self,
        place: &Place,
        access: FileAccess,
        program: &str,
        segment: &str,
    ) {
        let absolute = match place {
            Place::Inside(inside) => self.places.absolute(inside).to_string_lossy().into_owned(),
            Place::Temporary(path) | Place::Outside(path) => path.clone(),
            Place::Unknown => return,
        };
        let is_closed = match access {
            FileAccess::Read => self.places.holds_closed(&absolute),
            FileAccess::Write => self.places.is_closed(&absolute),
        };
        if is_closed {
            self.fact("server-data", program, segment);
        }
    }
}

/// The object of a path, when the path is known and stands for one file.
fn named(path: &Field, object: impl FnOnce() -> Option<ActionScope>) -> Option<ActionScope> {
    (path.is_static() && !path.glob).then(object).flatten()
}
