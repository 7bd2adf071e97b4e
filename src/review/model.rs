//! A review: the files and the findings.

use serde::Serialize;

use crate::git::listing::ChangeKind;
use crate::review::patch::Patch;
use crate::review::skipped::Skipped;

/// The weight of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ReviewSeverity)]
pub enum Severity {
    /// Taste, or a small improvement.
    Low,
    /// Wrong in some cases, or hard to keep right.
    Medium,
    /// Wrong, unsafe, or it loses something.
    High,
}

impl Severity {
    /// Reads the words that models use; any other word is `medium`.
    pub fn read(word: &str) -> Self {
        match word.trim().to_ascii_lowercase().as_str() {
            "high" | "critical" | "blocker" | "error" | "major" => Self::High,
            "low" | "info" | "minor" | "nit" | "note" | "hint" => Self::Low,
            _ => Self::Medium,
        }
    }
}

/// A changed file that is reviewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its path, relative to the workspace.
    pub path: String,
    /// Its former path, when it was renamed.
    pub from: Option<String>,
    /// The kind of change.
    pub kind: ChangeKind,
    /// The difference.
    pub patch: Patch,
}

/// A finding of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The place of its file among those that were shown.
    pub file: usize,
    /// Its line in the new file; none when the model named none that was shown.
    pub line: Option<u32>,
    /// Its weight.
    pub severity: Severity,
    /// In a few words.
    pub title: String,
    /// In sentences.
    pub body: String,
    /// A way to mend it.
    pub suggestion: Option<String>,
}

/// A whole review.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Review {
    /// The files that were reviewed.
    pub files: Vec<Changed>,
    /// The findings in them.
    pub findings: Vec<Finding>,
    /// A description of the changes, in sentences.
    pub summary: String,
    /// Remarks about the review itself, in sentences.
    pub notes: Vec<String>,
    /// The files that were not reviewed, with the reasons.
    pub skipped: Skipped,
    /// The model that reviewed; none when there was nothing to review.
    pub model: Option<String>,
}

impl Review {
    /// A review without files.
    pub(crate) fn of_nothing(note: &str) -> Self {
        Self {
            summary: "Nothing was reviewed.".to_owned(),
            notes: vec![note.to_owned()],
            ..Self::default()
        }
    }

    /// Says what changed, in the model's words or, without any, in numbers.
    pub(crate) fn summarise(&mut self, summaries: &[String]) {
        if !summaries.is_empty() {
            self.summary = summaries.join(" ");
            return;
        }
        let (added, removed) = self.counts();
        self.summary = match self.files.len() {
            0 if self.skipped == Skipped::default() => "There is nothing to review.".to_owned(),
            0 => "None of the changed files was reviewed.".to_owned(),
            1 => format!("1 file was reviewed: {added} lines added, {removed} removed."),
            count => {
                format!("{count} files were reviewed: {added} lines added, {removed} removed.")
            }
        };
    }

    /// The numbers of new and of removed lines, in all files together.
    pub fn counts(&self) -> (usize, usize) {
        let counts = self.files.iter().map(|file| file.patch.counts());
        counts.fold((0, 0), |(added, removed), (more, gone)| {
            (added + more, removed + gone)
        })
    }
}
