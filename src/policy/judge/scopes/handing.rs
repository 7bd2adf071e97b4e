//! The destination of a command's output, and its effect on the shell and files after it.

use crate::policy::judge::call::{Call, Field};
use crate::policy::judge::program::hides_code;
use crate::policy::judge::scopes::files;
use crate::policy::judge::walker::Walker;

/// Options of `set` that only make a script stricter or say what it does.
const STRICTER: &[&str] = &[
    "-e", "-u", "-x", "-eu", "-ex", "-eux", "-euo", "-euxo", "-o", "pipefail", "+e", "+x",
];

/// Options of programs that find files and then do more than name them.
const FINDING_MORE: &[&str] = &[
    "-delete", "-exec", "-ok", "-fprint", "-fls", "-x", "-X", "--exec",
];

impl Walker<'_> {
    /// True if output that is printed here goes on to a file or to a program that may do more than show
    /// it.
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
            // The file of a redirection was judged with the command that it belongs to.
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
                !FINDING_MORE.iter().any(more)
            }
            _ => self.rules.only_reads(&words),
        };
        // `${name:=value}` sets a variable.
        let sets = call.segment.contains("${") && call.segment.contains('=');
        is_harmless && !sets && !call.args.iter().any(hides_code)
    }
}
