//! Texts: for all that takes code, signals, statements or anything else that has no object.

use std::collections::BTreeSet;

use crate::platform::text::cut_bytes;
use crate::policy::judge::call::{Call, Field, HOLE, Stdin};
use crate::policy::judge::shell_state::Directory;
use crate::policy::scope::{ActionScope, hashed};

/// The most of a text that a sentence shows, in bytes.
const MAX_SHOWN: usize = 160;

/// A command, and the folder it begins in.
pub(in crate::policy::judge) struct WholeCommand<'a> {
    pub(in crate::policy::judge) command: &'a str,
    pub(in crate::policy::judge) folder: &'a str,
}

impl WholeCommand<'_> {
    /// The whole command.
    pub(in crate::policy::judge) fn scope(&self) -> ActionScope {
        ActionScope::Command {
            digest: hashed(&[self.folder, self.command]),
            code: BTreeSet::new(),
        }
    }

    /// A part of it, when that means the same wherever it stands; the whole when it takes a value,
    /// its input or its folder from the rest.
    pub(in crate::policy::judge) fn part(
        &self,
        segment: &str,
        call: Option<&Call>,
        directory: &Directory,
    ) -> ActionScope {
        let Directory::At(folder) = directory else {
            return self.scope();
        };
        let means = match call {
            Some(call) => words(call),
            None => (!segment.contains(['$', '`'])).then(String::new),
        };
        let Some(means) = means else {
            return self.scope();
        };
        let shown = if segment.trim() == self.command.trim() {
            String::new()
        } else {
            let line: Vec<_> = segment.split_whitespace().collect();
            cut_bytes(&line.join(" "), MAX_SHOWN)
        };
        ActionScope::Part {
            text: shown,
            digest: hashed(&[folder, segment, &means]),
            code: BTreeSet::new(),
        }
    }
}

/// The hash of a program's input and words; none when they are not known before it runs.
fn words(call: &Call) -> Option<String> {
    let is_known = call.args.iter().all(Field::is_static) && !call.program.contains(HOLE);
    let (kind, input) = match &call.stdin {
        Stdin::Nothing => ("nothing", ""),
        Stdin::Text(text) => ("text", text.as_str()),
        Stdin::File(file) => ("file", file.as_str()),
        Stdin::Unknown => return None,
    };
    let mut parts = vec![kind, input, call.program.as_str()];
    for arg in &call.args {
        parts.push(if arg.glob { "pattern" } else { "word" });
        parts.push(&arg.text);
    }
    is_known.then(|| hashed(&parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::judge::call::Certainty;

    fn call(args: &[&str], stdin: Stdin) -> Call {
        Call {
            program: "kill".to_owned(),
            args: args.iter().map(|arg| Field::of(*arg)).collect(),
            stdin,
            segment: "kill 7".to_owned(),
        }
    }

    #[test]
    fn a_part_is_the_same_alone_and_within_a_command() {
        let here = Directory::At(".".to_owned());
        let scope = |command, call: &Call, directory| {
            let whole = WholeCommand {
                command,
                folder: ".",
            };
            whole.part("kill 7", Some(call), directory).digest()
        };
        let known = call(&["7"], Stdin::Nothing);
        let alone = scope("kill 7", &known, &here);
        assert_eq!(alone, scope("false && kill 7", &known, &here));
        let elsewhere = Directory::At("x".to_owned());
        assert_ne!(alone, scope("cd x; kill 7", &known, &elsewhere));
        // A variable of the same name may stand for anything.
        assert_ne!(alone, scope("kill 7", &call(&["8"], Stdin::Nothing), &here));
    }

    #[test]
    fn what_depends_on_the_rest_is_the_whole_command() {
        let here = Directory::At(".".to_owned());
        let mut unknown = call(&[], Stdin::Nothing);
        unknown.args.push(Field::hole(Certainty::Tame));
        let whole = WholeCommand {
            command: "x | kill 7",
            folder: ".",
        };
        for (call, directory) in [
            (Some(&unknown), &here),
            (Some(&call(&["7"], Stdin::Unknown)), &here),
            (Some(&call(&["7"], Stdin::Nothing)), &Directory::Unknown),
        ] {
            assert_eq!(whole.part("kill 7", call, directory), whole.scope());
        }
        assert_eq!(whole.part("kill $x", None, &here), whole.scope());
        assert_ne!(whole.part("kill 7", None, &here), whole.scope());
    }
}
