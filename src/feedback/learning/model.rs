//! What a pass is told, what it reports, and what it knows of an organisation meanwhile.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::feedback::insight::{InsightType, Status};
use crate::platform::ids::OrgId;

/// How far back ratings count, unless somebody says otherwise.
pub const LOOKBACK_DAYS: u32 = 90;

/// How a pass is to be made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Answers older than this teach nothing.
    pub lookback_days: u32,
    /// Whether the counts are first made anew from the ratings themselves.
    pub rebuild: bool,
    /// Look at this organisation alone, whether or not something changed there.
    pub only: Option<OrgId>,
    /// How long to wait while another process is at it.
    pub wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lookback_days: LOOKBACK_DAYS,
            rebuild: false,
            only: None,
            wait: Duration::ZERO,
        }
    }
}

/// How far a pass is, in organisations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Looked at, or failed.
    pub done: usize,
    /// To be looked at.
    pub total: usize,
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every organisation was looked at.
    Done,
    /// Some could not be.
    Partly,
    /// None could be.
    Failed,
    /// It was asked to stop before it had looked at all of them.
    Interrupted,
}

impl Outcome {
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

/// An organisation that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedOrg {
    /// Which.
    pub org_id: OrgId,
    /// Why not.
    pub problem: String,
}

/// What a pass did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How.
    pub outcome: Outcome,
    /// Organisations that were looked at, those that failed among them.
    pub orgs: usize,
    /// Those that failed: the next pass tries them again.
    pub orgs_failed: Vec<FailedOrg>,
    /// Rows that were read, as far as they belong to an organisation.
    pub rows_read: i64,
    /// Rows that made no sense, and were passed over.
    pub rows_skipped: i64,
    /// Insights that are new.
    pub insights_made: usize,
    /// Insights that were there and are different now.
    pub insights_changed: usize,
    /// Insights that no longer apply.
    pub insights_retired: usize,
    /// The transaction from which the next pass goes on; zero when it begins with the first.
    pub watermark: u64,
}

/// Whom an insight is for. The wider ones come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everybody.
    Org,
    /// The people of a team.
    Team(String),
    /// One person.
    User(String),
}

impl Scope {
    /// The scope of a row with these.
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
}

/// Why the analyzer retired an insight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Newer ratings say otherwise.
    EvidenceTurned,
    /// The ratings that said so are too old.
    EvidenceAged,
    /// A wider scope says the same.
    Covered,
    /// Answers became worse with it.
    Harmful,
    /// Answers did not become better with it.
    NoEffect,
}

impl Reason {
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

    /// The reason with this label; none for the words of a person.
    pub fn of(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.label() == label)
    }

    /// Whether evidence that comes back undoes it. What was measured stays.
    pub fn may_return(self) -> bool {
        match self {
            Self::EvidenceTurned | Self::EvidenceAged | Self::Covered => true,
            Self::Harmful | Self::NoEffect => false,
        }
    }
}

/// What makes an insight the same one within an organisation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Whom it is for.
    pub scope: Scope,
    /// What kind of thing it says.
    pub insight_type: InsightType,
    /// The category it is confined to.
    pub category: Option<String>,
    /// What it is about: `subject=value` for a trait, so that each value is measured for itself;
    /// `*` for a whole category and `comment:…` for a group of comments.
    pub subject: String,
    /// The language it is confined to.
    pub language: Option<String>,
}

/// What an insight says, apart from whether it is used.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// For people.
    pub title: String,
    /// For prompts.
    pub description: String,
    /// What it was concluded from.
    pub pattern_data: Value,
    /// How sure it is, from 0 to 1.
    pub confidence: f64,
    /// Voices it was concluded from, without their age.
    pub sample_size: i32,
    /// Whose words it quotes.
    pub quoted_user: Option<String>,
    /// The newest answers it was learned from.
    pub evidence: Vec<i64>,
}

/// An insight as it stands in the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Insight {
    /// Its number.
    pub id: i64,
    /// What makes it this one.
    pub key: Key,
    /// What it says.
    pub content: Content,
    /// Whether it is used.
    pub status: Status,
    /// Why not.
    pub status_reason: Option<String>,
    /// Who says so; nobody when the analyzer does.
    pub decided_by: Option<String>,
    /// Who changed its words.
    pub edited_by: Option<String>,
    /// What it does.
    pub effect: Option<Value>,
}
