//! The exchanges of git with remotes.

use crate::policy::judge::call::{Call, Field};
use crate::policy::judge::scopes::options::Grammar;
use crate::policy::scope::ActionScope;

/// The longest name or address of a remote that is an object, in bytes.
const MAX_REMOTE: usize = 256;

/// Force is in none of these: it needs an allowance of its own, for the exact text.
const PUSH: Grammar = Grammar {
    free: &[
        "-q",
        "--quiet",
        "-v",
        "--verbose",
        "--progress",
        "--no-progress",
        "--porcelain",
        "-u",
        "--set-upstream",
        "-n",
        "--dry-run",
        "--atomic",
        "--no-atomic",
        "--thin",
        "--no-thin",
        "-4",
        "--ipv4",
        "-6",
        "--ipv6",
    ],
    telling: &[
        "--no-verify",
        "--tags",
        "--follow-tags",
        "--all",
        "--branches",
    ],
    valued: &[],
};

const FETCH: Grammar = Grammar {
    free: &[
        "-q",
        "--quiet",
        "-v",
        "--verbose",
        "--progress",
        "--no-progress",
        "-n",
        "--no-tags",
        "--dry-run",
        "-4",
        "--ipv4",
        "-6",
        "--ipv6",
    ],
    telling: &["--all", "-t", "--tags", "-p", "--prune", "--unshallow"],
    valued: &["--depth", "--deepen", "-j", "--jobs"],
};

const PULL: Grammar = Grammar {
    free: &[
        "-q",
        "--quiet",
        "-v",
        "--verbose",
        "--progress",
        "--no-progress",
        "--ff-only",
        "--no-edit",
        "--stat",
        "-n",
        "--no-stat",
        "-4",
        "--ipv4",
        "-6",
        "--ipv6",
    ],
    telling: &[
        "-r",
        "--rebase",
        "--no-rebase",
        "--autostash",
        "--all",
        "-t",
        "--tags",
        "-p",
        "--prune",
        "--no-verify",
    ],
    valued: &["--depth"],
};

const CLONE: Grammar = Grammar {
    free: &[
        "-q",
        "--quiet",
        "-v",
        "--verbose",
        "--progress",
        "--single-branch",
        "--no-single-branch",
        "--no-tags",
        "-n",
        "--no-checkout",
        "-4",
        "--ipv4",
        "-6",
        "--ipv6",
    ],
    telling: &["--bare", "--mirror", "--recurse-submodules", "--recursive"],
    valued: &["--depth", "-b", "--branch", "-j", "--jobs"],
};

/// The remote that a call of git is about, by the name or the address that it gives.
pub(super) fn remote(call: &Call, folder: impl Fn(&str) -> Option<String>) -> Option<ActionScope> {
    let (chosen, subcommand, args) = subcommand(&call.args)?;
    // `*` in a branch would be as good as `--all`.
    if args.iter().any(|arg| arg.glob || arg.text.contains('*')) {
        return None;
    }
    let grammar = match subcommand {
        "push" => PUSH,
        "fetch" => FETCH,
        "pull" => PULL,
        "clone" => CLONE,
        _ => return None,
    };
    let given = grammar.read(args)?;
    let (remote, rest) = match given.operands.split_first() {
        Some((remote, rest)) => (*remote, rest),
        None if subcommand == "clone" => return None,
        None => ("", &[][..]),
    };
    let is_forced = |branch: &&str| branch.starts_with(['+', ':', '^']) || branch.is_empty();
    if rest.iter().any(is_forced) || !is_remote(remote) {
        return None;
    }
    Some(ActionScope::Remote {
        subcommand: subcommand.to_owned(),
        remote: remote.to_owned(),
        folder: folder(&chosen)?,
        options: given.telling,
    })
}

/// The folder that `-C` chooses, the subcommand and what follows it; none when other options come
/// before the subcommand, because these can change what a remote's name means.
fn subcommand(args: &[Field]) -> Option<(String, &str, &[Field])> {
    let mut chosen = String::new();
    let mut at = 0;
    loop {
        let arg = args.get(at).filter(|arg| arg.is_static() && !arg.glob)?;
        match arg.text.as_str() {
            "-C" => {
                let next = args.get(at + 1);
                let next = next.filter(|next| next.is_static() && !next.glob)?;
                // A second one is relative to the first.
                if !chosen.is_empty() || next.text.is_empty() {
                    return None;
                }
                chosen.clone_from(&next.text);
                at += 2;
            }
            "-P" | "--no-pager" => at += 1,
            text if text.starts_with('-') => return None,
            text => return Some((chosen, text, &args[at + 1..])),
        }
    }
}

/// True if a text names a remote and nothing else: no credentials, no helper that is run.
fn is_remote(text: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_' | b'/' | b':' | b'@' | b'~' | b'-')
    };
    text.len() <= MAX_REMOTE
        && text.bytes().all(plain)
        && !text.contains("::")
        && !(text.contains("://") && text.contains('@'))
}
