//! Checks that are not run.

use serde::{Deserialize, Serialize};

use crate::verify::detect::Check;

/// A check of a repository that is not run, because what it would do needs a person's consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    command: String,
    directory: String,
    why: String,
}

impl LeftOut {
    /// A check, and the reason.
    pub fn new(check: &Check, why: String) -> Self {
        Self {
            command: check.command.clone(),
            directory: check.directory.clone(),
            why,
        }
    }

    /// True if it is the check with this command in this folder.
    pub fn is_of(&self, command: &str, directory: &str) -> bool {
        self.command == command && self.directory == directory
    }

    /// It in words, for a person.
    pub fn sentence(&self) -> String {
        let place = match self.directory.as_str() {
            "." => String::new(),
            directory => format!(" in `{directory}`"),
        };
        format!(
            "The check `{}`{place} is not run: {}",
            self.command, self.why
        )
    }
}
