//! The result of a retrieval, its bounds, and its row in `rag_metrics`.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::ledger::model::CallPhase;
use crate::platform::ids::{OrgId, RunId, UserId};
use crate::platform::logging::TraceId;
use crate::policy::secret_files::SecretFiles;

/// The usual room for code in a prompt, in tokens.
pub const DEFAULT_BUDGET_TOKENS: usize = 4_000;
/// The most characters of a question that `rag_metrics` keeps.
pub const MAX_QUERY_CHARS: usize = 1_000;

/// The bounds of the indexes; what is beyond them is left out, and the answer says so.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most files of one workspace, in path order.
    pub max_files: usize,
    /// Larger files are data or generated, in bytes.
    pub max_file_bytes: u64,
    /// The most text of one workspace, in bytes.
    pub max_total_bytes: u64,
    /// The time in which one search may read files; the next search goes on from there.
    pub refresh_time: Duration,
    /// The most workspaces whose indexes are kept.
    pub max_indexes: usize,
    /// The most memory that all kept indexes take together, in bytes, estimated.
    pub max_index_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_files: 20_000,
            max_file_bytes: 1 << 20,
            max_total_bytes: 256 << 20,
            refresh_time: Duration::from_secs(2),
            max_indexes: 32,
            max_index_bytes: 256 << 20,
        }
    }
}

/// The metadata that tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The inode.
    pub inode: u64,
    /// The size in bytes.
    pub size: u64,
    /// When the content changed, in nanoseconds since the epoch.
    pub modified: i128,
    /// When the inode changed, in nanoseconds: also catches a set-back modification time.
    pub changed: i128,
}

/// The question, and the limits on the code that is shown.
#[derive(Clone, Copy, Debug)]
pub struct CodeQuery<'a> {
    /// The words of a person.
    pub text: &'a str,
    /// The room for the answer, in tokens, about.
    pub budget_tokens: usize,
    /// The files that are left out.
    pub secrets: &'a SecretFiles,
}

/// A piece of a file that may answer the question.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// The file, relative to the workspace, with `/` between folders.
    pub path: String,
    /// Its first line, counted from 1.
    pub start_line: u32,
    /// Its last line, inclusive.
    pub end_line: u32,
    /// The lines themselves; overlong ones are cut off with an ellipsis.
    pub text: String,
    /// The score of the match; comparable only within one answer.
    pub score: f64,
}

/// The answer to a question, best chunk first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retrieved {
    /// The chunks that match, within the budget.
    pub chunks: Vec<Chunk>,
    /// Files that were eligible.
    pub considered_files: usize,
    /// Files that are in the index.
    pub indexed_files: usize,
    /// Files that were left out because they are or may be secret.
    pub secret_files: usize,
    /// True if a bound left files out: the index does not cover the whole workspace.
    pub partial: bool,
    /// The duration, waiting for the index included.
    pub took: Duration,
}

impl Retrieved {
    /// The mean score of the chunks, when there are any.
    pub fn mean_score(&self) -> Option<f64> {
        let count = u32::try_from(self.chunks.len()).ok().filter(|n| *n > 0)?;
        let sum: f64 = self.chunks.iter().map(|chunk| chunk.score).sum();
        Some(sum / f64::from(count))
    }
}

/// One row of `rag_metrics`: what a retrieval found and how much of it the prompt used.
#[derive(Clone, Debug, PartialEq)]
pub struct RagMetric {
    /// Whose.
    pub org_id: OrgId,
    /// Who asked.
    pub user_id: UserId,
    /// The run it was for.
    pub run_id: Option<RunId>,
    /// The trace of the request that led to it.
    pub trace_id: Option<TraceId>,
    /// The phase of the run.
    pub phase: CallPhase,
    /// The question; the row keeps its first [`MAX_QUERY_CHARS`] characters.
    pub query: String,
    /// The number of chunks found.
    pub chunks_retrieved: usize,
    /// The number of them that the prompt used.
    pub chunks_used: usize,
    /// The duration.
    pub latency: Duration,
    /// The mean score of the chunks, absent when none was found.
    pub relevance_score: Option<f64>,
    /// When.
    pub created_at: DateTime<Utc>,
}
