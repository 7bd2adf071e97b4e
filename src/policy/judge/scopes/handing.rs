//! What becomes of what a command prints, and of the shell and the files that come after it.

use crate::policy::judge::call::{Call, Field};
use crate::policy::judge::program::hides_code;
use crate::policy::judge::scopes::files;
use crate::policy::judge::walker::Walker;
use crate::policy::shell::ast::{Command, Node, Redirect, RedirectKind, Word};

/// Targets of a redirection that keep nothing.
const KEEPING_NOTHING: &[&str] = &["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"];

/// Options of `set` that only make a script stricter or say what it does.
const STRICTER: &[&str] = &[
    "-e", "-u", "-x", "-eu", "-ex", "-eux", "-euo", "-euxo", "-o", "pipefail", "+e", "+x",
];

/// Options of programs that find files and then do more than name them.
const FINDING_MORE: &[&str] = &[
    "-delete", "-exec", "-ok", "-fprint", "-fls", "-x", "-X", "--exec",
];

/// True if a command may do more with its input than show it.
pub(in crate::policy::judge) fn does_more(command: &Command) -> bool {
    let Node::Simple { words, .. } = &command.node else {
        return true;
    };
    let words: Vec<_> = words.iter().map(Word::literal).collect();
    let Some(Some(program)) = words.first() else {
        return true;
    };
    let args: Option<Vec<&str>> = words[1..].iter().map(|word| word.as_deref()).collect();
    !files::only_shows(program, args.as_deref()) || hands_on(command)
}

/// True if what a command prints goes to a file or to another descriptor.
pub(in crate::policy::judge) fn hands_on(command: &Command) -> bool {
    command.redirects.iter().any(|redirect: &Redirect| {
        let target = redirect.target.literal();
        let is_one_of = |known: &[&str]| {
            let target = target.as_deref();
            target.is_some_and(|target| known.contains(&target))
        };
        match redirect.kind {
            RedirectKind::Write => !is_one_of(KEEPING_NOTHING),
            RedirectKind::Duplicate => !redirect.is_input && !is_one_of(&["1", "2", "-"]),
            RedirectKind::Read | RedirectKind::Text => false,
        }
    })
}

/// True for arithmetic, which sets variables, and for loops: what stands at their end comes before
/// their beginning.
pub(in crate::policy::judge) fn changes_shell(command: &Command) -> bool {
    let text = command.text.as_str();
    let is_loop = ["for", "while", "until", "select"]
        .iter()
        .any(|word| text.starts_with(word));
    matches!(command.node, Node::Compound { .. }) && (is_loop || text.starts_with("(("))
}

impl Walker<'_> {
    /// True if what is printed here goes on to a file or to a program that may do more than show it.
    pub(in crate::policy::judge) fn is_passed_on(&self) -> bool {
        self.passes_on || self.scope.hands_on
    }

    /// True if a program that is judged only shows what it reads, and a person sees no more than that.
    pub(in crate::policy::judge) fn only_shows(&self, program: &str) -> bool {
        let args = self.current.as_ref().map(|call| {
            let known = call.args.iter().all(Field::is_static);
            let args = call.args.iter().map(|arg| arg.text.as_str());
            known.then(|| args.collect::<Vec<_>>())
        });
        let shows = match args {
            // What a redirection opens was looked at with the command that it is of.
            _ if program == "redirection" => true,
            Some(args) => files::only_shows(program, args.as_deref()),
            None => false,
        };
        shows && !self.is_passed_on() && !self.disturbed
    }

    /// Walks through what runs at another time than where it stands, or prints to another place.
    pub(in crate::policy::judge) fn elsewhere<T>(
        &mut self,
        walk: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.disturbed = true;
        self.handing_on(walk)
    }

    /// Walks through what prints to another place.
    pub(in crate::policy::judge) fn handing_on<T>(
        &mut self,
        walk: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let outer = std::mem::replace(&mut self.passes_on, true);
        let walked = walk(self);
        self.passes_on = outer;
        walked
    }

    /// The same under a condition.
    pub(in crate::policy::judge) fn handing_on_if(
        &mut self,
        is: bool,
        walk: impl FnOnce(&mut Self),
    ) {
        if is {
            self.handing_on(walk);
        } else {
            walk(self);
        }
    }

    /// Notes that a program ended that may have changed a file or the shell.
    pub(in crate::policy::judge) fn ended(&mut self, call: &Call) {
        self.disturbed |= std::mem::take(&mut self.has_written) || !self.changes_nothing(call);
    }

    fn changes_nothing(&self, call: &Call) -> bool {
        let mut words = vec![call.program.as_str()];
        words.extend(call.args.iter().take(2).map(|arg| arg.text.as_str()));
        let is_harmless = match call.program.as_str() {
            ":" | "sleep" | "exit" | "return" | "mkdir" | "sort" | "uniq" | "sed" | "awk" => true,
            "set" => words[1..].iter().all(|word| STRICTER.contains(word)),
            "find" | "fd" => {
                let more = |start: &&str| call.args.iter().any(|arg| arg.text.starts_with(start));
                !FINDING_MORE.iter().any(|start| more(&start))
            }
            _ => self.rules.only_reads(&words),
        };
        // `${name:=value}` sets a variable.
        let sets = call.segment.contains("${") && call.segment.contains('=');
        is_harmless && !sets && !call.args.iter().any(hides_code)
    }
}
