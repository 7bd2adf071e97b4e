//! The known state of the shell while a command is walked through.

use std::collections::HashMap;
use std::rc::Rc;

use crate::policy::judge::call::{Certainty, Field, HOLE};
use crate::policy::shell::ast::Script;

/// Variables whose values are neither options nor ways out of the workspace.
const TAME: &[&str] = &[
    "RANDOM",
    "SECONDS",
    "LINENO",
    "HOSTNAME",
    "UID",
    "EUID",
    "PPID",
    "USER",
    "LOGNAME",
    "SHLVL",
    "OSTYPE",
    "MACHTYPE",
    "BASHPID",
    "EPOCHSECONDS",
    "EPOCHREALTIME",
    "BASH_VERSION",
    "PIPESTATUS",
    "LANG",
    "TERM",
    "COLUMNS",
    "LINES",
    "PORT",
    "CI",
    "?",
    "$",
    "#",
    "-",
];

/// Where commands run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directory {
    /// Below the workspace or elsewhere, as an absolute or relative path.
    At(String),
    /// Not known.
    Unknown,
}

/// The shell's state.
#[derive(Clone, Debug)]
pub struct Scope {
    variables: HashMap<String, Field>,
    /// Functions that were defined. Their bodies are judged where they are defined, and again where
    /// they are given an input.
    pub functions: HashMap<String, Rc<Script>>,
    /// Where commands run, relative to the workspace or absolute.
    pub directory: Directory,
    /// True once a variable was set: programs may find it in their environment.
    pub has_set: bool,
    /// True once the shell sends what it prints elsewhere, as after `exec > file`.
    pub hands_on: bool,
}

impl Scope {
    /// A fresh shell in a directory.
    pub fn new(directory: String) -> Self {
        Self {
            variables: HashMap::new(),
            functions: HashMap::new(),
            directory: Directory::At(directory),
            has_set: false,
            hands_on: false,
        }
    }

    /// The value of a parameter.
    pub fn value(&self, name: &str, root: &str) -> Field {
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        match name {
            "HOME" => Field::of("~"),
            "IFS" => Field::of(" \t\n"),
            "PWD" => match &self.directory {
                Directory::At(at) if at.starts_with(['/', '~']) => Field::of(at.clone()),
                Directory::At(at) if at == "." => Field::of(root),
                Directory::At(at) => Field::of(format!("{root}/{at}")),
                Directory::Unknown => Field::hole(Certainty::Wild),
            },
            // The last job that was started in the background, as `kill` may name it.
            "!" => Field::of("%!"),
            "PATH" => Field::of("$PATH"),
            "TMPDIR" => Field::of("/tmp"),
            name if TAME.contains(&name) => Field::hole(Certainty::Tame),
            _ => Field::hole(Certainty::Unknown),
        }
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: Field) {
        self.has_set = true;
        self.variables.insert(name.to_owned(), value);
    }

    /// Makes a variable's value unknown.
    pub fn forget(&mut self, name: &str, certainty: Certainty) {
        self.set(name, Field::hole(certainty));
    }

    /// Goes to another directory.
    pub fn change_directory(&mut self, to: Option<&Field>) {
        let next = match to {
            None => Some("~".to_owned()),
            Some(to) if to.text == "-" || to.certainty > Certainty::Tame => None,
            // A tame word is somewhere below; it is its own directory.
            Some(to) if to.text.starts_with(['/', '~']) => Some(to.text.clone()),
            Some(to) => match &self.directory {
                Directory::At(at) => Some(format!("{at}/{}", to.text)),
                Directory::Unknown => None,
            },
        };
        self.directory = next.map_or(Directory::Unknown, Directory::At);
    }
}

/// Counts the places of each name in a text, other than uses of a variable: `$name`, `${name` or
/// `${#name`. Anything else may set it.
pub fn names(text: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut before = ' ';
    let mut name = String::new();
    for c in text.chars().chain([' ']) {
        if is_name(c) {
            name.push(c);
            continue;
        }
        if !name.is_empty() {
            let taken = std::mem::take(&mut name);
            if !matches!(before, '$' | '{' | '#') {
                *counts.entry(taken).or_insert(0) += 1;
            }
        }
        before = c;
    }
    counts
}

/// A text that shows unknown parts as `…`.
pub fn shown(text: &str) -> String {
    text.replace(HOLE, "…")
}
