//! The guard against scans of a whole tree: they take minutes, fill the context and find ignored files.
//! The behaviour that is pinned here is the one that clients of the guard know.

use crate::policy::judge::call::{Call, Field, Stdin};
use crate::policy::model::Rewrite;
use crate::policy::shell::ast::{Node, Script};
use crate::policy::shell::commands::parse;

/// True when a program would read a whole tree.
pub(super) fn is_unbounded(call: &Call) -> bool {
    match call.program.as_str() {
        "find" => find_is_unbounded(call),
        "grep" | "egrep" | "fgrep" => grep_is_unbounded(call),
        "rg" => rg_is_unbounded(call),
        _ => false,
    }
}

/// True when a path is the root of the workspace or of the file system, or above.
fn is_root(path: &str) -> bool {
    let rooted = path.starts_with('/');
    let mut above = 0_u32;
    let mut names = 0_u32;
    for part in path.split('/') {
        match part {
            "" | "." | "*" | "**" | "~" => {}
            ".." if names > 0 => names -= 1,
            ".." => above += 1,
            _ => names += 1,
        }
    }
    // One level up with a name is a neighbour; two levels up is everything.
    names == 0 && (rooted || above != 1 || path.trim_end_matches('/').ends_with(".."))
}

fn find_is_unbounded(call: &Call) -> bool {
    if call.has(&["-maxdepth"]) {
        return false;
    }
    let starts = call
        .args
        .iter()
        .skip_while(|arg| ["-L", "-H", "-P"].contains(&arg.text.as_str()));
    let paths: Vec<&Field> = starts
        .take_while(|arg| !arg.is_option() && !["(", "!", ")"].contains(&arg.text.as_str()))
        .collect();
    paths.is_empty() || paths.iter().any(|path| is_root(&path.text))
}

fn grep_is_unbounded(call: &Call) -> bool {
    if !call.has(&["-r", "-R", "--recursive", "--dereference-recursive"]) {
        return false;
    }
    // A kind of files bounds the read; leaving folders out does not.
    let valued = [
        "-e",
        "-f",
        "-m",
        "-A",
        "-B",
        "-C",
        "--include",
        "--exclude",
        "--exclude-dir",
        "--max-count",
        "--regexp",
        "--color",
    ];
    let has_pattern = call.has(&["-e", "-f", "--regexp"]);
    let operands = call.operands(&valued);
    let paths = operands
        .get(usize::from(!has_pattern)..)
        .unwrap_or_default();
    paths.is_empty() || paths.iter().any(|path| is_root(&path.text))
}

fn rg_is_unbounded(call: &Call) -> bool {
    let bounded = |arg: &Field| {
        let text = arg.text.as_str();
        [
            "-g",
            "-t",
            "--glob",
            "--iglob",
            "--type",
            "--max-depth",
            "-d",
            "--version",
            "--help",
            "--type-list",
        ]
        .contains(&text)
            || ["--glob=", "--iglob=", "--type=", "--max-depth="]
                .iter()
                .any(|start| text.starts_with(start))
            || (text.len() > 2
                && !text.starts_with("--")
                && (text.starts_with("-g") || text.starts_with("-t")))
    };
    if call.args.iter().any(bounded) {
        return false;
    }
    let valued = [
        "-e",
        "--regexp",
        "-f",
        "-m",
        "--max-count",
        "-A",
        "-B",
        "-C",
        "--type-add",
        "-j",
        "-r",
        "--sort",
        "--color",
        "--context",
    ];
    let patterns = call
        .args
        .iter()
        .any(|arg| ["-e", "--regexp", "-f"].contains(&arg.text.as_str()));
    let files = call.has(&["--files"]);
    let operands = call.operands(&valued);
    let paths = operands
        .get(usize::from(!patterns && !files)..)
        .unwrap_or_default();
    // Without a path it reads its input when there is one.
    if paths.is_empty() {
        return call.stdin == Stdin::Nothing;
    }
    // As pinned: `-e` with a path that is not written as one.
    let unclear = patterns && paths.iter().all(|path| !path.text.contains('/'));
    unclear || paths.iter().any(|path| is_root(&path.text))
}

/// The bounded search that replaces a lone `find` with exactly one name.
pub fn rewrite(command: &str, directory: &str) -> Option<Rewrite> {
    let script = parse(command).ok()?;
    let words = only_command(&script)?;
    if words.first()? != "find" {
        return None;
    }
    let mut pattern = None;
    let mut start = None;
    let mut rest = words.iter().skip(1);
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-name" | "-iname" => {
                if pattern.replace(rest.next()?.clone()).is_some() {
                    return None;
                }
            }
            "-type" => {
                if rest.next()? != "f" {
                    return None;
                }
            }
            "-print" => {}
            word if word.starts_with(['-', '(', '!']) || start.is_some() || pattern.is_some() => {
                return None;
            }
            word => start = Some(word.to_owned()),
        }
    }
    let start = start.unwrap_or_else(|| ".".to_owned());
    // Above the workspace there is nothing a tool may search.
    if start.starts_with(['/', '~']) || start.contains("..") {
        return None;
    }
    let pattern = pattern.filter(|pattern| pattern.chars().any(|c| !"*?[].".contains(c)))?;
    Some(Rewrite {
        pattern,
        search_type: "filename".to_owned(),
        path: directory.to_owned(),
    })
}

/// The words of a script that is one simple command and nothing else.
fn only_command(script: &Script) -> Option<Vec<String>> {
    let [pipeline] = script.pipelines.as_slice() else {
        return None;
    };
    let [command] = pipeline.as_slice() else {
        return None;
    };
    if !command.redirects.is_empty() {
        return None;
    }
    match &command.node {
        Node::Simple { assignments, words } if assignments.is_empty() => words
            .iter()
            .map(crate::policy::shell::ast::Word::literal)
            .collect(),
        Node::Simple { .. } | Node::Compound { .. } | Node::For { .. } | Node::Function { .. } => {
            None
        }
    }
}
