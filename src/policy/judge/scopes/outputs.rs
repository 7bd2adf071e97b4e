//! The destination of what a command prints, and commands that change the shell.

use crate::policy::judge::scopes::files;
use crate::policy::shell::ast::{Command, Node, Redirect, RedirectKind, Word};

/// Targets of a redirection that keep nothing.
const KEEPING_NOTHING: &[&str] = &["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"];

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
