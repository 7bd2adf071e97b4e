//! A review in the shape that clients read.

use serde::Serialize;

use crate::review::model::{Finding, Review, Severity};

/// A review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReviewView {
    /// Always true.
    pub success: bool,
    /// A description of the changes, in sentences.
    pub summary: String,
    /// Remarks about the review itself, such as the files that were not reviewed.
    pub warning: Option<String>,
    /// Always 100: a review that is shown is complete.
    pub progress: u8,
    /// The files that were reviewed.
    pub results: Vec<ReviewedFile>,
    /// The files that were not.
    pub skipped: Vec<SkippedFile>,
    /// The model that reviewed; null when there was nothing to review.
    pub model: Option<String>,
    /// Lines that are new in the reviewed files.
    pub additions: usize,
    /// Lines that are gone from them.
    pub deletions: usize,
}

/// A file that was reviewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReviewedFile {
    /// Its path, relative to the workspace.
    pub path: String,
    /// Its former path, when it was renamed.
    pub from: Option<String>,
    /// `added`, `modified`, `deleted`, `renamed`, `of another type` or `untracked`.
    pub change: String,
    /// That of its gravest issue; `low` without any.
    pub severity: Severity,
    /// The difference from the last commit, without secrets.
    pub diff: String,
    /// The findings, by line.
    pub issues: Vec<Issue>,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ReviewIssue)]
pub struct Issue {
    /// Names it within the review.
    pub id: String,
    /// In a few words.
    pub title: String,
    /// In sentences.
    pub body: String,
    /// Its weight.
    pub severity: Severity,
    /// The line of the new file; null when it is about no line that the diff shows.
    pub line: Option<u32>,
    /// Always false: a review changes nothing. Ask for a run to mend it.
    #[serde(rename = "canAutoFix")]
    pub can_auto_fix: bool,
    /// A way to mend it.
    pub suggestion: Option<String>,
}

/// A file that was not reviewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SkippedFile {
    /// Its path, relative to the workspace.
    pub path: String,
    /// `secret`, `binary`, `large`, `link`, `nested_repository`, `unreadable`, `too_many_files`,
    /// `too_much_text` or `unanswered`.
    pub reason: String,
}

impl From<Review> for ReviewView {
    fn from(review: Review) -> Self {
        let (additions, deletions) = review.counts();
        let mut told = review.notes;
        told.extend(review.skipped.sentences());
        let skipped = review.skipped.listed().into_iter();
        let mut results: Vec<_> = review
            .files
            .into_iter()
            .map(|file| ReviewedFile {
                diff: file.patch.unified(),
                path: file.path,
                from: file.from,
                change: file.kind.word().to_owned(),
                severity: Severity::Low,
                issues: Vec::new(),
            })
            .collect();
        let mut findings = review.findings;
        findings.sort_by_key(|it| (it.file, it.line.is_none(), it.line));
        for finding in findings {
            if let Some(file) = results.get_mut(finding.file) {
                file.severity = file.severity.max(finding.severity);
                file.issues.push(Issue::of(finding, file.issues.len() + 1));
            }
        }
        Self {
            success: true,
            summary: review.summary,
            warning: (!told.is_empty()).then(|| told.join(" ")),
            progress: 100,
            results,
            skipped: skipped
                .map(|(path, reason)| SkippedFile {
                    path,
                    reason: reason.word().to_owned(),
                })
                .collect(),
            model: review.model,
            additions,
            deletions,
        }
    }
}

impl Issue {
    fn of(finding: Finding, number: usize) -> Self {
        Self {
            id: format!("issue-{}-{number}", finding.file + 1),
            title: finding.title,
            body: finding.body,
            severity: finding.severity,
            line: finding.line,
            can_auto_fix: false,
            suggestion: finding.suggestion,
        }
    }
}
