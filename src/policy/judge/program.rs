//! One program: its name, what it wraps, and what rules say about it.

use crate::policy::judge::call::{Call, Certainty, Field, HOLE, Stdin};
use crate::policy::judge::expansion::join;
use crate::policy::judge::facts::Found;
use crate::policy::judge::running::system::is_system;
use crate::policy::judge::scopes::objects;
use crate::policy::judge::walker::Walker;
use crate::policy::judge::{scan, wrappers};
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

/// True when a subscript in a word would run something when it is evaluated.
pub(super) fn hides_code(word: &Field) -> bool {
    let inside = word.text.split_once('[').map(|(_, inside)| inside);
    inside.is_some_and(|inside| inside.contains("$(") || inside.contains('`'))
}

/// True for an option of a shell that takes another back.
fn turns_off(arg: &Field) -> bool {
    arg.text.starts_with('+')
}

/// The largest number of programs that run others around a program.
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
            self.fact("name-not-static", "command name", &call.segment);
            self.disturbed = true;
            return;
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
        let is_by_path = name.text.contains('/') && !is_system(&name.text);
        self.match_rules(call, is_by_path);
        self.judge_closed(call);
        if EVALUATING.contains(&base) && call.args.iter().any(hides_code) {
            self.fact("code-not-static", base, &call.segment);
        }
        self.wrapped += 1;
        // A function's body was judged where it was defined, except for the input that it is given here.
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
        self.ended(call);
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

    fn match_rules(&mut self, call: &Call, is_by_path: bool) {
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
        // A file of that name may be another program.
        let object = (!self.fed && !is_by_path)
            .then(|| objects::of_call(call, place))
            .flatten();
        // Files and settings decide where packages come from.
        let is_install = |object: &ActionScope| matches!(object, ActionScope::Install { .. });
        let object = object.filter(|object| !(self.disturbed && is_install(object)));
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
                // The input of the code is the rest of the code.
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
}
