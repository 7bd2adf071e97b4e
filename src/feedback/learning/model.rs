//! Options and reports of passes, and insights as the analyzer reads and writes them.

use std::ops::AddAssign;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::feedback::insight::{InsightStatus, InsightType};
use crate::platform::ids::OrgId;

/// The default look-back, in days.
pub const LOOKBACK_DAYS: u32 = 90;

/// Options of a pass.
#[derive(Clone, Debug)]
pub struct PassOptions {
    /// Age in days from which answers are ignored.
    pub lookback_days: u32,
    /// Recomputes the counts from the ratings first.
    pub rebuild: bool,
    /// Restricts the pass to this organisation, changed or not.
    pub only: Option<OrgId>,
    /// Timeout while another process analyzes.
    pub wait: Duration,
}

impl Default for PassOptions {
    fn default() -> Self {
        Self {
            lookback_days: LOOKBACK_DAYS,
            rebuild: false,
            only: None,
            wait: Duration::ZERO,
        }
    }
}

/// Progress of a pass, in organisations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassProgress {
    /// Organisations analyzed, failures included.
    pub done: usize,
    /// Organisations due.
    pub total: usize,
}

/// Outcome of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PassOutcome {
    /// Every organisation was analyzed.
    Done,
    /// Some organisations failed.
    Partly,
    /// All organisations failed.
    Failed,
    /// The pass was asked to stop before it had analyzed all of them.
    Interrupted,
}

impl PassOutcome {
    /// The value of `learning_passes.outcome`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partly => "partly",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// An organisation whose analysis failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedOrg {
    /// Organisation.
    pub org_id: OrgId,
    /// Error.
    pub problem: String,
}

/// Report of a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassReport {
    /// Start of the pass.
    pub started_at: DateTime<Utc>,
    /// End of the pass.
    pub ended_at: DateTime<Utc>,
    /// Outcome.
    pub outcome: PassOutcome,
    /// Organisations analyzed, failures included.
    pub orgs: usize,
    /// Failed organisations; the next pass tries them again.
    pub orgs_failed: Vec<FailedOrg>,
    /// Rows read, as far as they belong to an organisation.
    pub rows_read: i64,
    /// Malformed rows, which were skipped.
    pub rows_skipped: i64,
    /// Insights created.
    pub insights_made: usize,
    /// Insights changed.
    pub insights_changed: usize,
    /// Insights retired.
    pub insights_retired: usize,
    /// The transaction at which the next pass starts; zero for the first one.
    pub watermark: u64,
}

/// The people an insight is for. Wider scopes order first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InsightScope {
    /// Everyone in the organisation.
    Org,
    /// A team.
    Team(String),
    /// One user.
    User(String),
}

impl InsightScope {
    /// The scope of a row with these columns.
    pub fn of(team_id: Option<String>, user_id: Option<String>) -> Self {
        match (team_id, user_id) {
            (_, Some(user)) => Self::User(user),
            (Some(team), None) => Self::Team(team),
            (None, None) => Self::Org,
        }
    }

    /// The value of `team_id`.
    pub fn team(&self) -> Option<&str> {
        match self {
            Self::Team(team) => Some(team),
            Self::Org | Self::User(_) => None,
        }
    }

    /// The value of `user_id`.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::User(user) => Some(user),
            Self::Org | Self::Team(_) => None,
        }
    }

    /// True for a user who voted in this team.
    pub fn includes(&self, team: &str, user: &str) -> bool {
        match self {
            Self::Org => true,
            Self::Team(only) => only == team,
            Self::User(only) => only == user,
        }
    }
}

/// The analyzer's reason for retiring an insight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetireReason {
    /// Newer ratings contradict it.
    EvidenceTurned,
    /// The ratings that support it are too old.
    EvidenceAged,
    /// An insight of a wider scope says the same.
    Covered,
    /// Answers became worse with it.
    Harmful,
    /// Answers did not become better with it.
    NoEffect,
}

impl RetireReason {
    const ALL: [Self; 5] = [
        Self::EvidenceTurned,
        Self::EvidenceAged,
        Self::Covered,
        Self::Harmful,
        Self::NoEffect,
    ];

    /// The value of `learning_insights.status_reason`.
    pub fn label(self) -> &'static str {
        match self {
            Self::EvidenceTurned => "evidence_turned",
            Self::EvidenceAged => "evidence_aged",
            Self::Covered => "covered",
            Self::Harmful => "harmful",
            Self::NoEffect => "no_effect",
        }
    }

    /// The reason with this label; none for an administrator's words.
    pub fn of(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.label() == label)
    }

    /// True if new evidence reactivates the insight. A measured effect stays decisive.
    pub fn is_reversible(self) -> bool {
        match self {
            Self::EvidenceTurned | Self::EvidenceAged | Self::Covered => true,
            Self::Harmful | Self::NoEffect => false,
        }
    }
}

/// The identity of an insight within an organisation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InsightKey {
    /// Scope.
    pub scope: InsightScope,
    /// Type.
    pub insight_type: InsightType,
    /// Category it is restricted to.
    pub category: Option<String>,
    /// Subject: a [`pattern_key`] for a trait, so that each value is measured by itself; `*` for a whole
    /// category and `comment:…` for a group of comments.
    pub subject: String,
    /// Language it is restricted to.
    pub language: Option<String>,
}

/// Returns the key of insights and patterns about a value: `subject=value`.
pub fn pattern_key(subject: &str, value: &str) -> String {
    format!("{subject}={value}")
}

/// The content of an insight, without its status.
#[derive(Clone, Debug, PartialEq)]
pub struct InsightContent {
    /// Title, for people.
    pub title: String,
    /// Description, for prompts.
    pub description: String,
    /// Numbers behind it.
    pub pattern_data: Value,
    /// Confidence, from 0 to 1.
    pub confidence: f64,
    /// Votes behind it, regardless of age.
    pub sample_size: i32,
    /// User whose comment it quotes.
    pub quoted_user: Option<String>,
    /// Newest answers it was learned from.
    pub evidence: Vec<i64>,
}

/// An insight in the database, as far as the analyzer changes it.
#[derive(Clone, Debug, PartialEq)]
pub struct InsightState {
    /// Row number.
    pub id: i64,
    /// Identity.
    pub key: InsightKey,
    /// Content.
    pub content: InsightContent,
    /// Status.
    pub status: InsightStatus,
    /// Reason of the status.
    pub status_reason: Option<String>,
    /// Administrator who decided the status; none if the analyzer did.
    pub decided_by: Option<String>,
    /// Administrator who edited the text.
    pub edited_by: Option<String>,
    /// Measured effect.
    pub effect: Option<Value>,
}

/// Counts of rows and insights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassCounts {
    /// Rows read.
    pub rows_read: i64,
    /// Malformed rows.
    pub rows_skipped: i64,
    /// Insights created.
    pub created: usize,
    /// Insights changed.
    pub changed: usize,
    /// Insights retired.
    pub retired: usize,
}

impl AddAssign for PassCounts {
    fn add_assign(&mut self, other: Self) {
        self.rows_read += other.rows_read;
        self.rows_skipped += other.rows_skipped;
        self.created += other.created;
        self.changed += other.changed;
        self.retired += other.retired;
    }
}
