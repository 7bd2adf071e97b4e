//! The scope of a lasting answer: this very object, not all that a program can do.
//!
//! A rule says why something is asked about; a scope says about which file, remote, server or
//! package, or about which text when there is no such object. Two findings of one rule are alike
//! when their scopes are.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::platform::hex::hex;
use crate::policy::shell::commands::is_invisible;

/// The object of an action.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(tag = "sort", rename_all = "snake_case")]
pub enum ActionScope {
    /// A command as a whole, because what the part that is asked about does depends on the rest.
    Command {
        /// The hash of the command and its folder, in hexadecimal digits.
        digest: String,
        /// The files of code that it runs. What is in them is a part of the digest.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        code: BTreeSet<String>,
    },
    /// A part of a command that means the same wherever it stands.
    Part {
        /// The text that is shown; empty when it is the whole command.
        text: String,
        /// The hash of its text, its words, its input and its folder.
        digest: String,
        /// The files of code that it runs. What is in them is a part of the digest.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        code: BTreeSet<String>,
    },
    /// Reading a file.
    Read {
        /// Relative to the workspace, or absolute.
        path: String,
    },
    /// Writing a file.
    Write {
        /// Relative to the workspace, or absolute.
        path: String,
    },
    /// Deleting a file or a folder, or something below it.
    Delete {
        /// Relative to the workspace, or absolute.
        path: String,
    },
    /// Requests without files, of one method to one server.
    Request {
        /// The program that sends them.
        program: String,
        /// The method.
        method: String,
        /// Scheme, host, and the port where it is not the usual one.
        origin: String,
        /// The options that make it another action.
        options: BTreeSet<String>,
    },
    /// Exchanges of git with one remote, without force.
    Remote {
        /// `push`, `fetch`, `pull` or `clone`.
        subcommand: String,
        /// As the command names it; empty when it names none.
        remote: String,
        /// The folder of the repository, relative to the workspace.
        folder: String,
        /// The options that make it another action.
        options: BTreeSet<String>,
    },
    /// Installing packages.
    Install {
        /// The package manager.
        manager: String,
        /// Its subcommand.
        subcommand: String,
        /// The packages.
        packages: BTreeSet<String>,
        /// The folder, relative to the workspace.
        folder: String,
        /// The options that make it another action.
        options: BTreeSet<String>,
    },
}

impl ActionScope {
    /// The hash that is stored of a lasting approval.
    pub fn digest(&self) -> String {
        match self {
            Self::Command { digest, .. } => hashed(&["command", digest]),
            // The shown text says nothing about the object.
            Self::Part { digest, .. } => hashed(&["part", digest]),
            Self::Read { .. }
            | Self::Write { .. }
            | Self::Delete { .. }
            | Self::Request { .. }
            | Self::Remote { .. }
            | Self::Install { .. } => hashed(&[&serde_json::to_string(self).unwrap_or_default()]),
        }
    }

    /// The same text, as long as a file of code that it runs is unchanged. A scope of an object stays the
    /// same.
    #[must_use]
    pub(super) fn running(mut self, file: &str, content: &str) -> Self {
        if let Self::Command { digest, code } | Self::Part { digest, code, .. } = &mut self {
            *digest = hashed(&[digest, file, content]);
            code.insert(file.to_owned());
        }
        self
    }

    /// The hashes of all scopes that cover this one: its own, and of what is deleted those of the
    /// folders around it.
    pub fn covering(&self) -> Vec<String> {
        let Self::Delete { path } = self else {
            return vec![self.digest()];
        };
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        let folders = folders.filter(|folder| !folder.is_empty()).chain([&**path]);
        folders
            .map(|folder| {
                let path = folder.to_owned();
                Self::Delete { path }.digest()
            })
            .collect()
    }

    /// The object in a few words; nothing for a text.
    pub fn object(&self) -> Option<String> {
        let joined = |words: &BTreeSet<String>| {
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            words.join(" ")
        };
        let text = match self {
            Self::Command { .. } | Self::Part { .. } => return None,
            Self::Read { path } => format!("read {path}"),
            Self::Write { path } => format!("write {path}"),
            Self::Delete { path } => format!("delete {path}"),
            Self::Request {
                program,
                method,
                origin,
                options,
            } => format!("{program} {method} {origin} {}", joined(options)),
            Self::Remote {
                subcommand,
                remote,
                folder,
                options,
            } => {
                let remote = Some(remote.as_str()).filter(|remote| !remote.is_empty());
                let remote = remote.unwrap_or("(default remote)");
                let options = joined(options);
                format!("git{} {subcommand} {remote} {options}", chosen(folder))
            }
            Self::Install {
                manager,
                subcommand,
                packages,
                folder,
                options,
            } => {
                let (options, packages) = (joined(options), joined(packages));
                let manager = format!("{manager}{} {subcommand}", chosen(folder));
                format!("{manager} {options} {packages}")
            }
        };
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Its coverage in one sentence, for the person who allows it.
    pub fn sentence(&self) -> String {
        match self {
            Self::Command { code, .. } => format!("This exact command{}.", unchanged(code)),
            Self::Part { text, code, .. } if text.is_empty() => {
                format!("This exact command{}.", unchanged(code))
            }
            Self::Part { text, code, .. } => {
                format!("This exact command: {}{}.", quoted(text), unchanged(code))
            }
            Self::Read { path } => format!("Reads of {}.", quoted(path)),
            Self::Write { path } => format!("Writes of {}.", quoted(path)),
            Self::Delete { path } => {
                format!("Deletions of {} and of what is below it.", quoted(path))
            }
            Self::Request {
                program,
                method,
                origin,
                options,
            } => format!(
                "{method} requests of {} to {}{}, without files.",
                quoted(program),
                quoted(origin),
                with(options)
            ),
            Self::Remote {
                subcommand,
                remote,
                folder,
                options,
            } => transfer(subcommand, remote, folder, options),
            Self::Install {
                manager,
                subcommand,
                packages,
                folder,
                options,
            } => {
                let packages: Vec<_> = packages.iter().map(|one| quoted(one)).collect();
                let by = quoted(&format!("{manager} {subcommand}"));
                format!(
                    "Installations of {} by {by}{}{}.",
                    packages.join(", "),
                    with(options),
                    within(folder)
                )
            }
        }
    }
}

/// SHA-256 of texts, each with its length before it, so that no two lists share their bytes.
pub(super) fn hashed(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hex(&hasher.finalize())
}

fn transfer(subcommand: &str, remote: &str, folder: &str, options: &BTreeSet<String>) -> String {
    let place = within(folder);
    let remote = match remote {
        "" => "the default remote".to_owned(),
        remote => format!("the remote {}", quoted(remote)),
    };
    match subcommand {
        "push" if options.is_empty() => format!("Pushes to {remote}{place} without force."),
        "push" => format!(
            "Pushes to {remote}{place}{} and without force.",
            with(options)
        ),
        "fetch" => format!("Fetches from {remote}{place}{}.", with(options)),
        "pull" => format!("Pulls from {remote}{place}{}.", with(options)),
        _ => format!("Clones of {remote}{place}{}.", with(options)),
    }
}

/// `, as long as` these files are as they are.
fn unchanged(code: &BTreeSet<String>) -> String {
    let files: Vec<_> = code.iter().map(|file| quoted(file)).collect();
    match files.as_slice() {
        [] => String::new(),
        [file] => format!(", as long as {file} is as it is now"),
        files => format!(", as long as {} are as they are now", files.join(" and ")),
    }
}

/// ` with` these options, when there are any.
fn with(options: &BTreeSet<String>) -> String {
    let options: Vec<_> = options.iter().map(|one| quoted(one)).collect();
    match options.as_slice() {
        [] => String::new(),
        options => format!(" with {}", options.join(" and ")),
    }
}

/// ` in` a folder, when it is not the workspace itself.
fn within(folder: &str) -> String {
    match folder {
        "." => String::new(),
        folder => format!(" in {}", quoted(folder)),
    }
}

/// ` -C` and a folder, when it is not the workspace itself.
fn chosen(folder: &str) -> String {
    match folder {
        "." => String::new(),
        folder => format!(" -C {folder}"),
    }
}

/// A text in code quotes, with an escape for every character that cannot be seen.
fn quoted(text: &str) -> String {
    let mut shown = String::from("`");
    for c in text.chars() {
        if c.is_control() || is_invisible(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown.push('`');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(subcommand: &str, remote: &str, folder: &str, options: &[&str]) -> ActionScope {
        ActionScope::Remote {
            subcommand: subcommand.to_owned(),
            remote: remote.to_owned(),
            folder: folder.to_owned(),
            options: options.iter().map(|one| (*one).to_owned()).collect(),
        }
    }

    #[test]
    fn every_scope_is_told_in_one_sentence() {
        let part = |text: &str| ActionScope::Part {
            text: text.to_owned(),
            digest: "00".to_owned(),
            code: BTreeSet::new(),
        };
        let delete = ActionScope::Delete {
            path: "src".to_owned(),
        };
        for (scope, sentence) in [
            (part(""), "This exact command."),
            (part("kill 7"), "This exact command: `kill 7`."),
            (delete, "Deletions of `src` and of what is below it."),
            (
                remote("push", "origin", ".", &[]),
                "Pushes to the remote `origin` without force.",
            ),
            (
                remote("push", "", "x", &["--tags"]),
                "Pushes to the default remote in `x` with `--tags` and without force.",
            ),
            (
                remote("clone", "https://x.example/y", ".", &[]),
                "Clones of the remote `https://x.example/y`.",
            ),
        ] {
            assert_eq!(scope.sentence(), sentence);
        }
        let read = ActionScope::Read {
            path: "a\u{202e}\n b".to_owned(),
        };
        assert_eq!(read.sentence(), "Reads of `a\\u{202e}\\u{a} b`.");
    }

    #[test]
    fn a_folder_covers_what_is_below_it_and_nothing_beside_it() {
        let delete = |path: &str| ActionScope::Delete {
            path: path.to_owned(),
        };
        let folder = delete("src/a").digest();
        for (path, covered) in [
            ("src/a", true),
            ("src/a/b/c", true),
            ("src/ab", false),
            ("src", false),
            ("lib/src/a", false),
        ] {
            assert_eq!(delete(path).covering().contains(&folder), covered, "{path}");
        }
        let read = ActionScope::Read {
            path: "src/a".to_owned(),
        };
        assert!(!read.covering().contains(&folder));
        assert!(!delete("/a").covering().contains(&delete("").digest()));
    }

    #[test]
    fn how_a_part_is_shown_does_not_change_what_it_is() {
        let part = |text: &str| ActionScope::Part {
            text: text.to_owned(),
            digest: "00".to_owned(),
            code: BTreeSet::new(),
        };
        assert_eq!(part("").digest(), part("kill 7").digest());
        let whole = ActionScope::Command {
            digest: "00".to_owned(),
            code: BTreeSet::new(),
        };
        assert_ne!(part("").digest(), whole.digest());
        let running = |content| part("sh a").running("a", content);
        assert_ne!(running("1").digest(), running("2").digest());
        assert_eq!(
            running("1").sentence(),
            "This exact command: `sh a`, as long as `a` is as it is now."
        );
    }
}
