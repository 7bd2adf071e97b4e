//! Files that run, or that an interpreter reads.

use crate::policy::judge::call::{Call, Field};
use crate::policy::judge::running::system::is_system;
use crate::policy::judge::walker::Walker;
use crate::policy::paths::{Place, normalised};

/// The text that a command writes into a file that it runs.
#[derive(PartialEq, Eq)]
enum Written {
    /// This text.
    Text(String),
    /// The output of another program.
    Unknown,
}

impl Walker<'_> {
    /// Judges a program that is named by its path. Its name is a hint even then: a copy of a program
    /// does what the program does.
    pub(in crate::policy::judge) fn runs_program(&mut self, name: &Field, call: &Call) {
        if !is_system(&name.text) {
            self.runs_script(name, call);
        }
    }

    /// Judges a file that would run, or be read by a shell: its text as well, where the command
    /// itself writes it.
    pub(in crate::policy::judge) fn runs_script(&mut self, file: &Field, call: &Call) {
        if let Some(Written::Text(text)) = self.written_text(file) {
            self.fed_with(call.stdin.clone(), |walker| walker.script_text(&text));
        }
        self.runs_file(file, call);
    }

    /// The text that the command itself wrote into a file, if any.
    fn written_text(&self, file: &Field) -> Option<Written> {
        let plain = file.text.trim_start_matches("./");
        let mut written = self.written.iter();
        let (_, text) = written.find(|(path, _)| path.trim_start_matches("./") == plain)?;
        Some(text.clone().map_or(Written::Unknown, Written::Text))
    }

    /// Judges a file whose code would run.
    pub(in crate::policy::judge) fn runs_file(&mut self, file: &Field, call: &Call) {
        self.reads_only = false;
        self.has_written = true;
        let is_downloaded = self.downloaded.contains(&file.text)
            || self.downloaded.contains(file.text.trim_start_matches("./"));
        if is_downloaded {
            self.fact("runs-downloaded", &call.program, &call.segment);
        }
        let written = self.written_text(file);
        if written == Some(Written::Unknown) {
            self.fact("code-not-static", &call.program, &call.segment);
        }
        let is_made = is_downloaded || written.is_some();
        match self.place(file) {
            Place::Inside(path) => self.runs_inside(&path, is_made, call),
            Place::Temporary(path) | Place::Outside(path) => {
                let is_link = self.leads_out(file);
                // Tools that a project has installed are often links to the system's.
                let is_installed = path.starts_with("/usr/lib/") || is_system(&path);
                if !(is_link && is_installed) {
                    self.code_fact("runs-outside-program", &path, call);
                }
            }
            Place::Unknown => self.fact("name-not-static", &call.program, &call.segment),
        }
    }

    fn runs_inside(&mut self, path: &str, is_made: bool, call: &Call) {
        // Files that git and editors keep are not the project's program.
        if normalised(path).starts_with("/.git/") {
            self.fact("runs-outside-program", &call.program, &call.segment);
        }
        let is_renamed = self.renamed.contains(path);
        if is_made || is_renamed || !self.rules.is_project_tool(path) {
            self.code_fact("workspace-code", path, call);
        }
    }
}
