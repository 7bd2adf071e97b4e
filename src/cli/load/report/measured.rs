//! The raw data of a load. Everything else that is told is computed from it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::cli::load::measure::acknowledged::KeptThing;
use crate::cli::load::measure::histogram::LatencyHistogram;
use crate::cli::load::measure::kind::{Moment, Scenario, UserAction};

/// The format of the raw data.
pub const FORMAT: u32 = 1;

/// A load, as it was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoadReport {
    /// The format, [`FORMAT`].
    pub format: u32,
    /// When it began.
    pub made_at: DateTime<Utc>,
    /// The version of the program that measured.
    pub version: String,
    /// The kind of its build, which this program's own servers share.
    pub build: BuildKind,
    /// The machine of the program that measured.
    pub machine: String,
    /// Its load average before.
    pub load_before: f64,
    /// The mixture of actions.
    pub scenario: Scenario,
    /// The factor by which users were quicker than usual.
    pub pace: f64,
    /// The models that answered, as the server named them.
    pub models: Vec<String>,
    /// Where the model's answers came from.
    pub provider: String,
    /// The servers.
    pub servers: MeasuredServers,
    /// The stages, in their order.
    pub stages: Vec<StageReport>,
    /// The comparison of the rows.
    pub parity: Vec<ParityLine>,
    /// The most users that were served well, where that was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub knee: Option<Knee>,
}

/// The kinds of build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildKind {
    /// Quick to compile, and several times slower.
    Debug,
    /// The one that is run.
    Release,
}

impl BuildKind {
    /// The kind of this program.
    pub fn of_this_program() -> Self {
        if cfg!(debug_assertions) {
            Self::Debug
        } else {
            Self::Release
        }
    }

    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }
}

/// The servers of a load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredServers {
    /// Their number.
    pub count: u32,
    /// True if this program started them, so that no other used them.
    pub own: bool,
    /// Times that one was killed.
    pub kills: u32,
    /// The settings they were started with, without secrets.
    pub settings: BTreeMap<String, String>,
    /// A sentence about the database.
    pub database: String,
    /// Rows of each large table that were there before.
    #[serde(default)]
    pub rows_before: u64,
    /// Event streams that were open all the time.
    #[serde(default)]
    pub followers: u32,
}

/// Kinds of stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageKind {
    /// Caches fill; its times count nowhere, its rows do.
    WarmUp,
    /// So many users for a while.
    Steady,
    /// Looking for the most users that are served well.
    Beyond,
    /// Few users before a spike.
    Before,
    /// Many at once.
    Spike,
    /// As few as before, after the spike.
    After,
    /// A part of a long time.
    Soak,
    /// Servers are killed.
    Kill,
}

impl StageKind {
    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::WarmUp => "warm-up",
            Self::Steady => "steady",
            Self::Beyond => "beyond",
            Self::Before => "before",
            Self::Spike => "spike",
            Self::After => "after",
            Self::Soak => "soak",
            Self::Kill => "kill",
        }
    }
}

/// One stage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StageReport {
    /// Its kind.
    pub kind: StageKind,
    /// The users.
    pub users: u32,
    /// Actions that were to begin in a second.
    pub rate: f64,
    /// The seconds from the first action to the end of the last.
    pub seconds: f64,
    /// The outcomes of the actions.
    pub actions: Vec<ActionReport>,
    /// The use of the servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerUse>,
    /// The use of the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseUse>,
    /// The use of this machine and this program.
    pub machine: MachineUse,
}

/// The outcomes of the actions of one kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActionReport {
    /// The kind.
    pub action: UserAction,
    /// Actions that were to begin.
    pub offered: u64,
    /// Those that ended well.
    pub good: u64,
    /// The others, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, u64>,
    /// The times until its moments. What failed before a moment counts there as long as its user would
    /// have waited.
    pub times: BTreeMap<Moment, MomentTimes>,
}

/// The times until a moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MomentTimes {
    /// Percentiles in milliseconds, for readers of the raw data with other programs.
    #[serde(default)]
    pub ms: BTreeMap<String, f64>,
    /// All times.
    pub histogram: LatencyHistogram,
}

impl From<LatencyHistogram> for MomentTimes {
    fn from(histogram: LatencyHistogram) -> Self {
        let named = [
            ("p50", 500),
            ("p95", 950),
            ("p99", 990),
            ("p999", 999),
            ("max", 1_000),
        ];
        let at = |permille| histogram.millis_at(permille);
        let ms = named
            .into_iter()
            .filter_map(|(name, permille)| Some((name.to_owned(), at(permille)?)));
        Self {
            ms: ms.collect(),
            histogram,
        }
    }
}

/// The use of all servers together. `most` values are the largest of all looks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerUse {
    /// Processors in use, on average.
    pub processors: f64,
    /// Resident memory at the end, in MiB.
    pub memory_mib: f64,
    /// The most resident memory, in MiB.
    pub memory_most_mib: f64,
    /// The most open file descriptors.
    pub descriptors_most: f64,
    /// The most database connections in use.
    pub connections_most: f64,
    /// The most callers that waited for one.
    pub waiting_most: f64,
    /// The most runs under way.
    pub runs_most: f64,
    /// The most runs that waited for a worker.
    pub queued_most: f64,
    /// The most open event streams.
    pub streams_most: f64,
    /// The most records that waited for the audit log.
    pub audit_queue_most: f64,
    /// The most rows that waited for the ledger.
    pub ledger_queue_most: f64,
}

/// The use of the database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DatabaseUse {
    /// Transactions that were committed in a second.
    pub commits: f64,
    /// Rows that were inserted, updated or deleted in a second.
    pub written: f64,
    /// Blocks that were not in its memory, in a second.
    pub read_blocks: f64,
    /// The part of all blocks that were in its memory.
    pub hit: f64,
    /// Bytes of its log in a second.
    pub wal_bytes: f64,
    /// Deadlocks.
    pub deadlocks: i64,
    /// The most sessions that worked at once.
    pub active_most: i64,
    /// Reasons for which sessions waited, with the number of looks.
    pub waits: BTreeMap<String, u64>,
    /// Processors in use, on average, where Postgres runs on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processors: Option<f64>,
}

/// The use of the machine of the program that measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineUse {
    /// Processors that it has.
    pub count: u32,
    /// Processors in use by anything, on average.
    pub processors: f64,
    /// Processors in use by the program that measured.
    pub own_processors: f64,
    /// Delays with which this program began actions.
    pub lag: MomentTimes,
}

/// One kind of thing: acknowledged, stored and counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParityLine {
    /// The kind of thing.
    pub thing: KeptThing,
    /// Those that the server acknowledged.
    pub acknowledged: u64,
    /// Those that were asked for and never acknowledged, so that they may be there or not.
    pub unknown: u64,
    /// Those that the database holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<u64>,
    /// Those that were acknowledged and are not stored.
    pub lost: u64,
    /// Runs that never ended.
    #[serde(default)]
    pub open: u64,
    /// Those that the servers counted in their metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<u64>,
    /// False if others may have used the same servers or rows.
    pub alone: bool,
}

impl ParityLine {
    /// The fault; none if the rows are as they should be.
    pub fn fault(&self) -> Option<String> {
        if self.lost > 0 {
            return Some(format!("{} of {} are lost", self.lost, self.acknowledged));
        }
        if self.open > 0 {
            return Some(format!("{} never ended", self.open));
        }
        if let Some(stored) = self.stored
            && self.alone
            && stored > self.acknowledged + self.unknown
        {
            let asked = self.acknowledged + self.unknown;
            return Some(format!("{stored} are stored, and {asked} were asked for"));
        }
        let counted = self.counted?;
        let (least, words) = match self.stored {
            Some(stored) => (stored, "are stored"),
            None => (self.acknowledged, "were acknowledged"),
        };
        let differs = if self.alone && self.stored.is_some() {
            counted != least
        } else {
            counted < least
        };
        differs.then(|| format!("{counted} are counted, and {least} {words}"))
    }
}

/// The most users that were served well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Knee {
    /// That many; 0 when not even the fewest were.
    pub users: u32,
    /// The fewest that were not; none if all were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<u32>,
    /// The faults there.
    #[serde(default)]
    pub because: Vec<String>,
    /// The things that were used up there.
    #[serde(default)]
    pub used_up: Vec<String>,
}

impl ActionReport {
    /// The number of the actions that failed.
    pub fn failed_count(&self) -> u64 {
        self.offered - self.good.min(self.offered)
    }

    /// The part of them.
    pub fn failed_part(&self) -> f64 {
        ratio(self.failed_count(), self.offered)
    }

    /// The time until the last of its moments that so many of a thousand did not exceed, in milliseconds.
    pub fn millis_to(&self, moment: Moment, permille: u64) -> Option<f64> {
        self.times.get(&moment)?.histogram.millis_at(permille)
    }
}

/// One number divided by another; 0 where there is nothing.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
