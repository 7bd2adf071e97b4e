//! Error groups, filters of lists, and trends.

use std::num::ParseIntError;
use std::str::FromStr;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::cursor_value;
use crate::platform::ids::UserId;
use crate::platform::page;
use crate::platform::page::CursorValue;
use crate::telemetry::model::ErrorSource;

/// The longest search text, in characters.
pub const MAX_SEARCH_CHARS: usize = 200;
/// The longest resolution notes, in characters.
pub const MAX_NOTES_CHARS: usize = 1_000;
/// The default page size. Smaller than in other lists, because each trend is read from up to 336 hours.
pub const DEFAULT_PAGE: u32 = 20;
/// Occurrences shown with a group.
pub const LATEST_OCCURRENCES: i64 = 20;
/// Hours in a trend, the current one included.
pub const TREND_HOURS: usize = 24;
/// Days in a trend, the current one included.
pub const TREND_DAYS: usize = 14;

/// Identifier of an error group within the organisation.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type,
)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct GroupId(pub i64);

impl FromStr for GroupId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

cursor_value!(GroupId(i64));

impl std::fmt::Display for GroupId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Status of an error group.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum ErrorStatus {
    /// Not resolved.
    Open,
    /// Resolved.
    Resolved,
    /// Happened again after its resolution.
    Regressed,
}

/// Filter of a list by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StatusFilter {
    /// Open and regressed groups.
    #[default]
    Unresolved,
    /// Open groups.
    Open,
    /// Resolved groups.
    Resolved,
    /// Regressed groups.
    Regressed,
    /// All groups.
    All,
}

impl StatusFilter {
    /// Returns the names of the statuses in the database.
    pub fn names(self) -> Vec<String> {
        let names: &[&str] = match self {
            Self::Unresolved => &["open", "regressed"],
            Self::Open => &["open"],
            Self::Resolved => &["resolved"],
            Self::Regressed => &["regressed"],
            Self::All => &["open", "resolved", "regressed"],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }
}

/// Order of a list, largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// By the last occurrence.
    #[default]
    LastSeen,
    /// By the number of occurrences.
    Occurrences,
}

/// The value of a group that a list is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// When it last happened.
    LastSeen(DateTime<Utc>),
    /// The number of occurrences.
    Occurrences(i64),
}

/// The place of a group in a list.
///
/// Groups move while pages are read, but in one direction: what happens again is seen later and more
/// often, so it moves towards the beginning. A page that begins after a place therefore shows nothing
/// twice, and leaves out only what has moved to the beginning, which the next reading of the first
/// page shows.
pub type GroupCursor = page::PageCursor<Rank, GroupId>;

impl Sort {
    /// The place before the first group.
    pub fn beginning(self) -> GroupCursor {
        let at = match self {
            Self::LastSeen => Rank::LastSeen(page::LAST_TIME),
            Self::Occurrences => Rank::Occurrences(i64::MAX),
        };
        let id = GroupId(i64::MAX);
        GroupCursor { at, id }
    }
}

impl Rank {
    /// The order that it is a value of.
    pub fn sort(self) -> Sort {
        match self {
            Self::LastSeen(_) => Sort::LastSeen,
            Self::Occurrences(_) => Sort::Occurrences,
        }
    }
}

impl CursorValue for Rank {
    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::LastSeen(at) => {
                bytes.push(b't');
                at.write(bytes);
            }
            Self::Occurrences(count) => {
                bytes.push(b'n');
                count.write(bytes);
            }
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (order, rest) = bytes.split_first()?;
        *bytes = rest;
        match order {
            b't' => DateTime::read(bytes).map(Self::LastSeen),
            b'n' => i64::read(bytes).map(Self::Occurrences),
            _ => None,
        }
    }
}

/// Selects groups.
#[derive(Clone, Debug, Default)]
pub struct ErrorFilter {
    /// Words in the type or message.
    pub search: Option<ErrorSearch>,
    /// Status.
    pub status: StatusFilter,
    /// Severity of the last occurrence.
    pub severity: Option<String>,
    /// Reporter.
    pub source: Option<ErrorSource>,
    /// Component of the last occurrence.
    pub component: Option<String>,
    /// Version of the first or last occurrence.
    pub version: Option<String>,
    /// Earliest last occurrence.
    pub since: Option<DateTime<Utc>>,
    /// Order.
    pub sort: Sort,
    /// The cursor after which the list goes on.
    pub after: Option<GroupCursor>,
}

impl ErrorFilter {
    /// The place after which a list goes on that is ordered by the last occurrence and has no filter but
    /// the status; none of another list.
    pub fn place_by_time_alone(&self) -> Option<(DateTime<Utc>, GroupId)> {
        let Self {
            search: None,
            status: _,
            severity: None,
            source: None,
            component: None,
            version: None,
            since: None,
            sort,
            after,
        } = self
        else {
            return None;
        };
        let place = after.unwrap_or(sort.beginning());
        match place.at {
            Rank::LastSeen(at) => Some((at, place.id)),
            Rank::Occurrences(_) => None,
        }
    }
}

/// Search words, as in a web search: all of them, `"in a row"`, `or`, `-without`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorSearch {
    /// Words.
    pub text: String,
    /// True if the last word may be a prefix, still being typed. False if it is quoted, or excluded, where a
    /// prefix would exclude too much.
    pub is_prefix: bool,
}

impl ErrorSearch {
    /// Parses a search text; none if it is empty.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let last = text.split_whitespace().next_back()?;
        let is_prefix = !last.starts_with('-')
            && text.matches('"').count().is_multiple_of(2)
            && !text.ends_with('"');
        Some(Self {
            text: text.to_owned(),
            is_prefix,
        })
    }
}

/// A stored error group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorGroup {
    /// Identifier.
    pub id: GroupId,
    /// Hash of the fingerprint.
    pub fingerprint: String,
    /// Part of the fingerprint: error type.
    pub error_type: String,
    /// Part of the fingerprint: message with placeholders.
    pub message: String,
    /// Part of the fingerprint: top frames.
    pub frames: Vec<String>,
    /// Reporter.
    pub source: ErrorSource,
    /// Version of the first occurrence.
    pub first_version: Option<String>,
    /// Status.
    pub status: ErrorStatus,
    /// Time of the resolution.
    pub resolved_at: Option<DateTime<Utc>>,
    /// User who resolved it.
    pub resolved_by: Option<String>,
    /// Notes about the resolution.
    pub resolution_notes: Option<String>,
    /// Time of the last regression.
    pub regressed_at: Option<DateTime<Utc>>,
    /// Number of regressions.
    pub regressions: i32,
    /// Number of occurrences.
    pub occurrences: i64,
    /// Number of affected users.
    pub affected_users: i64,
    /// Time of the first occurrence.
    pub first_seen: DateTime<Utc>,
    /// Time of the last occurrence.
    pub last_seen: DateTime<Utc>,
    /// Severity of the last occurrence.
    pub severity: String,
    /// Component of the last occurrence.
    pub component: Option<String>,
    /// Version of the last occurrence.
    pub last_version: Option<String>,
    /// Message of the last occurrence.
    pub last_message: String,
}

impl ErrorGroup {
    /// The cursor of this group in a list.
    pub fn cursor(&self, sort: Sort) -> GroupCursor {
        let at = match sort {
            Sort::LastSeen => Rank::LastSeen(self.last_seen),
            Sort::Occurrences => Rank::Occurrences(self.occurrences),
        };
        GroupCursor { at, id: self.id }
    }
}

/// A stored occurrence of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOccurrence {
    /// Row number.
    pub id: i64,
    /// Time of receipt.
    pub created_at: DateTime<Utc>,
    /// Time of the error by the client's clock.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Message.
    pub message: String,
    /// Stack.
    pub stack: Option<String>,
    /// Affected user.
    pub user_id: UserId,
    /// Session of the client.
    pub session_id: Option<String>,
    /// Version.
    pub version: Option<String>,
    /// Trace.
    pub trace_id: Option<String>,
    /// Run.
    pub run_id: Option<uuid::Uuid>,
}

/// Occurrences of a group over the last hours and days, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ErrorTrend)]
pub struct Trend {
    /// Occurrences in each of the last 24 hours, the current hour included.
    pub hours: Vec<i64>,
    /// Occurrences on each of the last 14 days in UTC, today included.
    pub days: Vec<i64>,
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            hours: vec![0; TREND_HOURS],
            days: vec![0; TREND_DAYS],
        }
    }
}

/// The period of trends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrendWindow {
    /// First hour.
    pub hours_from: DateTime<Utc>,
    /// First day.
    pub days_from: DateTime<Utc>,
}

impl TrendWindow {
    /// The period that ends with `now`.
    pub fn until(now: DateTime<Utc>) -> Self {
        let begin = |unit: TimeDelta, units: usize| {
            let this = now.duration_trunc(unit).unwrap_or(now);
            this - unit * i32::try_from(units - 1).unwrap_or_default()
        };
        Self {
            hours_from: begin(TimeDelta::hours(1), TREND_HOURS),
            days_from: begin(TimeDelta::days(1), TREND_DAYS),
        }
    }
}

impl Trend {
    /// Adds occurrences of an hour.
    pub fn add_hour(&mut self, window: TrendWindow, hour: DateTime<Utc>, count: i64) {
        add(
            &mut self.hours,
            (hour - window.hours_from).num_hours(),
            count,
        );
    }

    /// Adds occurrences of a day.
    pub fn add_day(&mut self, window: TrendWindow, day: DateTime<Utc>, count: i64) {
        add(&mut self.days, (day - window.days_from).num_days(), count);
    }
}

/// Adds to a slot. Slots outside the trend belong to servers whose clock is ahead, and are ignored.
fn add(counts: &mut [i64], index: i64, count: i64) {
    let index = usize::try_from(index).ok();
    if let Some(slot) = index.and_then(|index| counts.get_mut(index)) {
        *slot += count;
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_that_is_given_out_is_read_back(micros in 0..=i64::from(u32::MAX), count: i64, id: i64) {
            let at = DateTime::from_timestamp_micros(micros).unwrap();
            for at in [Rank::LastSeen(at), Rank::Occurrences(count)] {
                let place = GroupCursor { at, id: GroupId(id) };
                prop_assert_eq!(GroupCursor::decode(&place.encode()), Ok(place));
            }
        }

        #[test]
        fn what_decodes_encodes_to_the_same_text(
            order in prop_oneof![Just(b't'), Just(b'n'), any::<u8>()], rest: [u8; 16],
        ) {
            let text = URL_SAFE_NO_PAD.encode([&[order], rest.as_slice()].concat());
            if let Ok(place) = GroupCursor::decode(&text) {
                prop_assert_eq!(place.encode(), text);
            } else {
                prop_assert_ne!(order, b'n');
            }
        }
    }

    #[test]
    fn places_that_clients_hold_are_still_read() {
        let id = GroupId(42);
        let at = Rank::LastSeen("2026-03-04T05:06:07.000008Z".parse().unwrap());
        assert_eq!(
            GroupCursor::decode("dAAGTCvHC63IAAAAAAAAACo"),
            Ok(GroupCursor { at, id })
        );
        let at = Rank::Occurrences(7);
        assert_eq!(
            GroupCursor::decode("bgAAAAAAAAAHAAAAAAAAACo"),
            Ok(GroupCursor { at, id })
        );
    }

    #[test]
    fn both_beginnings_are_places() {
        for sort in [Sort::LastSeen, Sort::Occurrences] {
            let beginning = sort.beginning();
            assert_eq!(GroupCursor::decode(&beginning.encode()), Ok(beginning));
            assert_eq!(beginning.at.sort(), sort);
        }
    }

    #[test]
    fn the_last_word_of_a_search_may_be_a_beginning_unless_it_is_quoted_or_left_out() {
        for (text, is_prefix) in [
            ("cannot rea", true),
            ("cannot -rea", false),
            ("\"cannot read\"", false),
            ("\"cannot rea", false),
            ("\"cannot read\" prop", true),
            ("a or b", true),
        ] {
            assert_eq!(
                ErrorSearch::new(text).unwrap().is_prefix,
                is_prefix,
                "{text}"
            );
        }
        assert_eq!(ErrorSearch::new(" \t "), None);
    }

    #[test]
    fn a_trend_ends_with_the_present_hour_and_today() {
        let now: DateTime<Utc> = "2026-11-25T17:40:00Z".parse().unwrap();
        let window = TrendWindow::until(now);
        assert_eq!(window.hours_from.to_rfc3339(), "2026-11-24T18:00:00+00:00");
        assert_eq!(window.days_from.to_rfc3339(), "2026-11-12T00:00:00+00:00");
        let mut trend = Trend::default();
        trend.add_hour(window, "2026-11-25T17:00:00Z".parse().unwrap(), 3);
        trend.add_hour(window, window.hours_from, 1);
        trend.add_day(window, "2026-11-25T00:00:00Z".parse().unwrap(), 4);
        // Of a clock that is ahead, or before the window.
        trend.add_hour(window, "2026-11-25T18:00:00Z".parse().unwrap(), 9);
        trend.add_day(window, "2026-11-11T00:00:00Z".parse().unwrap(), 9);
        assert_eq!((trend.hours[0], trend.hours[23], trend.days[13]), (1, 3, 4));
        assert_eq!(trend.hours.iter().sum::<i64>(), 4);
        assert_eq!(trend.days.iter().sum::<i64>(), 4);
    }
}
