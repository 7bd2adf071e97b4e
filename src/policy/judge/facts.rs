//! The findings of a walk through a command. The rules give them a meaning.

use crate::policy::scope::ActionScope;

/// Facts that rules may name.
pub const FACTS: &[&str] = &[
    "unparsed",
    "invisible-characters",
    "too-much",
    "name-not-static",
    "unknown-program",
    "code-not-static",
    "piped-into-interpreter",
    "runs-downloaded",
    "runs-outside-program",
    "workspace-code",
    "privilege",
    "dangerous-variable",
    "shell-tampering",
    "self-calling-function",
    "network-device",
    "writes-device",
    "writes-outside",
    "writes-unknown",
    "reads-unknown",
    "holds-secret",
    "secret-below",
    "server-data",
    "links-outside",
    "copies-program",
    "deletes-everything",
    "deletes-outside",
    "deletes-repository",
    "deletes-unknown",
    "deletes-many",
    "kills-others",
    "kills-everything",
    "package-not-local",
    "scan",
    "wall-host",
    "wall-host-closed",
    "wall-host-run",
    "wall-folder",
    "wall-folder-closed",
    "wall-folder-run",
    "wall-port",
    "wall-credential",
];

/// The kinds of findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// One of [`FACTS`].
    Fact(&'static str),
    /// A file is written: its path relative to the workspace or absolute, lower-case.
    Writes(String),
    /// A file is read.
    Reads(String),
    /// A file of the workspace is read: its absolute path, lower-case.
    ReadsAt(String),
    /// A rule matches a program, by the rule's place in the list.
    Rule(usize),
}

/// A finding and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The finding.
    pub found: Found,
    /// The program, with its subcommand where it has one.
    pub kind: String,
    /// The part of the command.
    pub segment: String,
    /// The object that it is about, or its exact text; none when only the exact action is the same.
    pub scope: Option<ActionScope>,
}
