//! The reasons why the sandbox stopped a command: for the model, which can ask for more, and for people.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::exec::egress::connection::RefusalMark;
use crate::exec::process::Processes;
use crate::exec::sandbox::enclosure::PathAccess;
use crate::platform::text::cut_bytes;

/// The most paths that are named.
const PATHS: usize = 5;
/// The longest path that is looked at, in bytes.
const PATH_BYTES: usize = 300;

/// Complaints of programs about files that they may not use, in the words of the C library.
const COMPLAINTS: &[&str] = &[
    "permission denied",
    "read-only file system",
    "operation not permitted",
    "device or resource busy",
    "eacces",
    "eperm",
    "erofs",
];

/// Complaints that say as much of a file that is not seen as of one that is not there.
const MISSING: &[&str] = &["no such file or directory", "enoent"];

/// Complaints of programs that look for a network of their own.
const UNRESOLVED: &[&str] = &[
    "could not resolve host",
    "temporary failure in name resolution",
    "name or service not known",
    "network is unreachable",
    "eai_again",
    "getaddrinfo",
];

/// The reasons, a sentence each.
///
/// Connections are known exactly. The kernel tells nothing about files that it refused, so of those is
/// told what the program complained about and the sandbox does not allow.
pub(super) fn reasons(processes: &Processes, since: RefusalMark, outputs: &[&str]) -> Vec<String> {
    let refused = processes.refusals_since(since);
    let mut reasons: Vec<String> = refused
        .iter()
        .map(|host| format!("{host}; ask for it with `needs.hosts`"))
        .collect();
    let lines = || outputs.iter().flat_map(|output| output.lines());
    let complains = |line: &&str, words: &[&str]| {
        let line = line.to_ascii_lowercase();
        words.iter().any(|word| line.contains(word))
    };
    let mut seen = BTreeSet::new();
    for line in lines() {
        let is_refused = complains(&line, COMPLAINTS);
        if !is_refused && !complains(&line, MISSING) {
            continue;
        }
        for path in paths_in(line).filter(|path| seen.insert(*path)).take(PATHS) {
            let access = processes.access(Path::new(path));
            let access = access.filter(|it| is_refused || *it == PathAccess::Nothing);
            reasons.extend(access.and_then(|access| reason(access, path)));
        }
    }
    let is_contained = processes.access(Path::new("/")).is_some();
    if is_contained && refused.is_empty() && lines().any(|line| complains(&line, UNRESOLVED)) {
        reasons.push(
            "commands have no network of their own: hosts that are allowed are reached over HTTP and \
             HTTPS, through the proxy that `HTTPS_PROXY` names"
                .to_owned(),
        );
    }
    reasons.truncate(PATHS * 2);
    reasons
}

fn reason(access: PathAccess, path: &str) -> Option<String> {
    let shown = cut_bytes(path, PATH_BYTES);
    match access {
        PathAccess::Write => None,
        PathAccess::Protected => Some(format!("`{shown}` is protected: commands cannot change it")),
        PathAccess::Read => Some(format!("`{shown}` can be read and not changed")),
        PathAccess::Nothing => Some(format!(
            "`{shown}` is outside of what commands see; ask for its folder with `needs.folders`"
        )),
    }
}

/// The parts of a line that look like absolute paths.
fn paths_in(line: &str) -> impl Iterator<Item = &str> {
    static PATH: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?:^|[\s'\x22`=(\[])(/[^\s'\x22`:;,)\]]{2,})").ok());
    let found = PATH.as_ref().map(|pattern| pattern.captures_iter(line));
    found
        .into_iter()
        .flatten()
        .filter_map(|groups| Some(groups.get(1)?.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_as_programs_write_them() {
        let found = |line| paths_in(line).collect::<Vec<_>>();
        assert_eq!(
            found("cat: /home/ada/.ssh/id_rsa: No such file or directory"),
            ["/home/ada/.ssh/id_rsa"]
        );
        assert_eq!(
            found("Error: EACCES: permission denied, open '/etc/x'"),
            ["/etc/x"]
        );
        assert_eq!(
            found("could not lock config file \"/w/.git/config\" (see /bin)"),
            ["/w/.git/config", "/bin"]
        );
        assert!(found("a/b and / and /x").is_empty());
    }
}
