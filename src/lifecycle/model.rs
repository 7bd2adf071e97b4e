//! Reports of retention and of an erasure.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use crate::agent::config::AgentConfig;
use crate::audit::config::AuditConfig;
use crate::lifecycle::config::RetentionConfig;
use crate::platform::ids::{OrgId, UserId};
use crate::platform::tables::model::TablePolicy;
use crate::platform::tables::store;

/// For how many days each setting keeps rows.
#[derive(Clone, Debug)]
pub struct Periods(Vec<(&'static str, i32)>);

impl Periods {
    /// As the settings say.
    pub fn of(agent: &AgentConfig, audit: &AuditConfig, own: &RetentionConfig) -> Self {
        Self(vec![
            ("NAVI_EVENTS_RETENTION_DAYS", agent.events_retention_days),
            ("AUDIT_RETENTION_DAYS", audit.audit_retention_days),
            (
                "NAVI_TELEMETRY_RETENTION_DAYS",
                own.telemetry_retention_days,
            ),
            ("NAVI_ERRORS_RETENTION_DAYS", own.errors_retention_days),
            ("NAVI_METRICS_RETENTION_DAYS", own.metrics_retention_days),
            ("NAVI_ROLLUPS_RETENTION_DAYS", own.rollups_retention_days),
        ])
    }

    /// The days of a setting; none when rows stay for ever, as they also do under an unknown setting.
    pub fn days(&self, setting: &str) -> Option<i32> {
        let found = self.0.iter().find(|(name, _)| *name == setting);
        found.map(|(_, days)| *days).filter(|days| *days > 0)
    }
}

/// The report of a pass of retention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pass {
    /// True if it only looked.
    pub dry_run: bool,
    /// The number of months of partitions made.
    pub months_made: i32,
    /// Why the coming months were not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub months_problem: Option<String>,
    /// Each table that has a time.
    pub tables: Vec<TableRetention>,
}

impl Pass {
    /// The number of failures.
    pub fn failures(&self) -> usize {
        let tables = self.tables.iter().filter(|table| table.problem.is_some());
        tables.count() + usize::from(self.months_problem.is_some())
    }
}

/// The report of a pass of retention on one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableRetention {
    /// The table.
    pub table: &'static str,
    /// The setting that says how long, where it is one.
    pub setting: Option<&'static str>,
    /// The days for which rows stay; none for ever.
    pub days: Option<i32>,
    /// The day that must lie behind a row before it may go; none when nothing goes.
    pub kept_since: Option<NaiveDate>,
    /// The months that were dropped.
    pub dropped: Vec<String>,
    /// The number of rows forgotten one by one.
    pub forgotten: u64,
    /// Why it was not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl TableRetention {
    /// A table with which nothing was done yet.
    pub fn new(
        table: &'static str,
        setting: Option<&'static str>,
        days: Option<i32>,
        now: DateTime<Utc>,
    ) -> Self {
        let cutoff = |days: i32| now - chrono::TimeDelta::days(days.into());
        Self {
            table,
            setting,
            days,
            kept_since: days.map(|days| cutoff(days).date_naive()),
            dropped: Vec::new(),
            forgotten: 0,
            problem: None,
        }
    }
}

/// The places outside the database that may still name an erased person or organisation; they are the
/// operator's.
pub const NOT_LOOKED_AT: &[&str] = &[
    "the server's log: a line of a request or a run has `user.id` and `org.id`",
    "logs of proxies and load balancers in front of the server",
    "the log of Postgres, where it writes down statements with their values",
    "what a collector of traces, Grafana or the receivers of webhooks were sent",
    "backups of the database and its archived log: erase again after one was restored",
    "files in workspaces, and commits in repositories",
];

/// The knowledge of the database about a person who is to be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectState {
    /// There are rows.
    Here,
    /// There are none, because they, or all people of the organisation, were erased before.
    Erased,
    /// There are none, and never were as far as can be told.
    Unknown,
}

/// Who is erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The organisation.
    pub org: OrgId,
    /// The person; none for the whole organisation.
    pub user: Option<UserId>,
}

impl Subject {
    /// As the tables name them.
    pub fn as_rows(&self) -> store::Subject<'_> {
        store::Subject {
            org: self.org.as_str(),
            user: self.user.as_ref().map(UserId::as_str),
        }
    }
}

/// The report of an erasure, with the findings of a second look.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// True when it only looked.
    pub dry_run: bool,
    /// The organisation.
    pub org: OrgId,
    /// The person; none for the whole organisation.
    pub user: Option<UserId>,
    /// True if nothing is left.
    pub complete: bool,
    /// The number of times that all tables were gone through.
    pub passes: u32,
    /// Runs that were ended because they were not over.
    pub runs_ended: u64,
    /// Files that were removed from the data folder of this machine.
    pub files_removed: u64,
    /// Every table.
    pub tables: Vec<TableReport>,
    /// Where their name still stands, in what others wrote; their own rows are gone.
    pub mentions: Vec<Mention>,
    /// The places outside the database that may still name them.
    pub not_looked_at: &'static [&'static str],
}

impl Report {
    /// A report of these tables, with which nothing was done yet.
    pub fn begun(subject: &Subject, declared: &[&TablePolicy]) -> Self {
        let tables = declared
            .iter()
            .map(|kept| TableReport::begun(kept, subject));
        Self {
            dry_run: false,
            org: subject.org.clone(),
            user: subject.user.clone(),
            complete: false,
            passes: 0,
            runs_ended: 0,
            files_removed: 0,
            tables: tables.collect(),
            mentions: Vec::new(),
            not_looked_at: NOT_LOOKED_AT,
        }
    }
}

/// The report of an erasure on one table.
#[derive(Clone, Debug, Serialize)]
pub struct TableReport {
    /// The table.
    pub table: &'static str,
    /// Rows that were found.
    pub found: u64,
    /// Rows of those that were erased.
    pub erased: u64,
    /// Rows that the second look found.
    pub left: u64,
    /// The meaning of erasing here, and the reason.
    pub how: String,
    /// The error of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl TableReport {
    /// A table with which nothing was done yet.
    fn begun(kept: &TablePolicy, subject: &Subject) -> Self {
        Self {
            table: kept.table,
            found: 0,
            erased: 0,
            left: 0,
            how: match subject.user {
                Some(_) => kept.person.to_string(),
                None => kept.whole.to_string(),
            },
            problem: None,
        }
    }
}

/// A column where the name of an erased person or organisation still stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mention {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// In how many rows.
    pub rows: u64,
}
