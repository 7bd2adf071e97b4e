//! A group of errors, what is asked of them, and how they went over time.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::platform::ids::UserId;
use crate::platform::page::{self, Position};
use crate::position;
use crate::telemetry::model::Source;

/// The longest text that is searched for, in characters.
pub const MAX_SEARCH_CHARS: usize = 200;
/// The longest notes about a resolution, in characters.
pub const MAX_NOTES_CHARS: usize = 1_000;
/// How many groups a page has when nobody says. Fewer than in other lists, because the trend of each is
/// put together from the counts of up to 336 hours.
pub const USUAL_PAGE: u32 = 20;
/// How many occurrences of a group are shown.
pub const LATEST: i64 = 20;
/// How many hours a trend has, the present one included.
pub const TREND_HOURS: usize = 24;
/// How many days a trend has, the present one included.
pub const TREND_DAYS: usize = 14;

/// A group of errors, by its number within the organisation.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type,
)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct GroupId(pub i64);

position!(GroupId(i64));

impl std::fmt::Display for GroupId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a group stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[schema(as = ErrorStatus)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// Nobody has dealt with it.
    Open,
    /// Somebody has.
    Resolved,
    /// Somebody had, and then it came back.
    Regressed,
}

/// Which groups are listed, by where they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StatusFilter {
    /// Those that nobody has dealt with, or that came back.
    #[default]
    Unresolved,
    /// Those that nobody has dealt with yet.
    Open,
    /// Those that somebody has dealt with.
    Resolved,
    /// Those that came back.
    Regressed,
    /// Every group.
    All,
}

impl StatusFilter {
    /// The names of the statuses, as rows carry them.
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

/// What a list of groups is ordered by, the largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// When it last happened.
    #[default]
    LastSeen,
    /// How often it happened.
    Occurrences,
}

/// The value of a group that a list is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// When it last happened.
    LastSeen(DateTime<Utc>),
    /// How often it happened.
    Occurrences(i64),
}

/// The place of a group in a list.
///
/// Groups move while pages are read, but in one direction: what happens again is seen later and more
/// often, so it moves towards the beginning. A page that begins after a place therefore shows nothing
/// twice, and leaves out only what has moved to the beginning, which the next reading of the first
/// page shows.
pub type Cursor = page::Cursor<Rank, GroupId>;

impl Sort {
    /// The place before the first group.
    pub fn beginning(self) -> Cursor {
        let at = match self {
            Self::LastSeen => Rank::LastSeen(page::LAST_TIME),
            Self::Occurrences => Rank::Occurrences(i64::MAX),
        };
        let id = GroupId(i64::MAX);
        Cursor { at, id }
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

impl Position for Rank {
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

/// Which groups.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those with these words in their type or message.
    pub search: Option<Search>,
    /// Only those that stand here.
    pub status: StatusFilter,
    /// Only those whose last occurrence was of this severity.
    pub severity: Option<String>,
    /// Only those that were reported by this.
    pub source: Option<Source>,
    /// Only those whose last occurrence was in this component.
    pub component: Option<String>,
    /// Only those that were first or last seen in this version.
    pub version: Option<String>,
    /// Only those that happened since.
    pub since: Option<DateTime<Utc>>,
    /// What the list is ordered by.
    pub sort: Sort,
    /// After which place.
    pub after: Option<Cursor>,
}

/// Words that are searched for, as in a web search: all of them, `"in a row"`, `or`, `-without`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The words.
    pub text: String,
    /// Whether the last word may be the beginning of one: it may still be being typed. Not when it
    /// was quoted, and not when it is one to leave out, because then it would leave out too much.
    pub is_open: bool,
}

impl Search {
    /// What was typed; nothing when that is nothing.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let last = text.split_whitespace().next_back()?;
        let is_open = !last.starts_with('-')
            && text.matches('"').count().is_multiple_of(2)
            && !text.ends_with('"');
        Some(Self {
            text: text.to_owned(),
            is_open,
        })
    }
}

/// A group, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its number.
    pub id: GroupId,
    /// What tells it from others.
    pub fingerprint: String,
    /// A part of the fingerprint: the type of its errors.
    pub error_type: String,
    /// A part of the fingerprint: what its messages have in common.
    pub message: String,
    /// A part of the fingerprint: the frames at the top of its stacks.
    pub frames: Vec<String>,
    /// Who reported it.
    pub source: Source,
    /// The version in which it was first seen.
    pub first_version: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// When somebody dealt with it.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Who did.
    pub resolved_by: Option<String>,
    /// What they noted.
    pub resolution_notes: Option<String>,
    /// When it last came back.
    pub regressed_at: Option<DateTime<Utc>>,
    /// How often it did.
    pub regressions: i32,
    /// How often it happened.
    pub occurrences: i64,
    /// To how many people.
    pub affected_users: i64,
    /// When it first happened.
    pub first_seen: DateTime<Utc>,
    /// When it last happened.
    pub last_seen: DateTime<Utc>,
    /// How bad its last occurrence was.
    pub severity: String,
    /// Where its last occurrence was.
    pub component: Option<String>,
    /// The version in which it was last seen.
    pub last_version: Option<String>,
    /// The message of its last occurrence.
    pub last_message: String,
}

impl Group {
    /// The place of this group in a list.
    pub fn place(&self, sort: Sort) -> Cursor {
        let at = match sort {
            Sort::LastSeen => Rank::LastSeen(self.last_seen),
            Sort::Occurrences => Rank::Occurrences(self.occurrences),
        };
        Cursor { at, id: self.id }
    }
}

/// One occurrence of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Its number.
    pub id: i64,
    /// When it was received.
    pub created_at: DateTime<Utc>,
    /// When the client says it happened.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Its message.
    pub message: String,
    /// Its stack.
    pub stack: Option<String>,
    /// To whom.
    pub user_id: UserId,
    /// In which session.
    pub session_id: Option<String>,
    /// In which version.
    pub version: Option<String>,
    /// In which trace.
    pub trace_id: Option<String>,
    /// In which run.
    pub run_id: Option<uuid::Uuid>,
}

/// How often a group happened in the hours and days before a moment, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ErrorTrend)]
pub struct Trend {
    /// In each of the last 24 hours; the last one is the present hour.
    pub hours: Vec<i64>,
    /// On each of the last 14 days in UTC; the last one is today.
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

/// The hours and days of trends that end now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrendSpan {
    /// The first of the hours.
    pub hours_from: DateTime<Utc>,
    /// The first of the days.
    pub days_from: DateTime<Utc>,
}

impl TrendSpan {
    /// Those that end with `now`.
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
    /// Counts occurrences of an hour.
    pub fn add_hour(&mut self, span: TrendSpan, hour: DateTime<Utc>, count: i64) {
        add(&mut self.hours, (hour - span.hours_from).num_hours(), count);
    }

    /// Counts occurrences of a day.
    pub fn add_day(&mut self, span: TrendSpan, day: DateTime<Utc>, count: i64) {
        add(&mut self.days, (day - span.days_from).num_days(), count);
    }
}

/// Hours that the trend does not have are those of a server whose clock is ahead.
fn add(counts: &mut [i64], index: i64, count: i64) {
    let place = usize::try_from(index).ok();
    if let Some(place) = place.and_then(|index| counts.get_mut(index)) {
        *place += count;
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
                let place = Cursor { at, id: GroupId(id) };
                prop_assert_eq!(Cursor::decode(&place.encode()), Ok(place));
            }
        }

        #[test]
        fn what_decodes_encodes_to_the_same_text(
            order in prop_oneof![Just(b't'), Just(b'n'), any::<u8>()], rest: [u8; 16],
        ) {
            let text = URL_SAFE_NO_PAD.encode([&[order], rest.as_slice()].concat());
            if let Ok(place) = Cursor::decode(&text) {
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
            Cursor::decode("dAAGTCvHC63IAAAAAAAAACo"),
            Ok(Cursor { at, id })
        );
        let at = Rank::Occurrences(7);
        assert_eq!(
            Cursor::decode("bgAAAAAAAAAHAAAAAAAAACo"),
            Ok(Cursor { at, id })
        );
    }

    #[test]
    fn both_beginnings_are_places() {
        for sort in [Sort::LastSeen, Sort::Occurrences] {
            let beginning = sort.beginning();
            assert_eq!(Cursor::decode(&beginning.encode()), Ok(beginning));
            assert_eq!(beginning.at.sort(), sort);
        }
    }

    #[test]
    fn the_last_word_of_a_search_may_be_a_beginning_unless_it_is_quoted_or_left_out() {
        for (text, is_open) in [
            ("cannot rea", true),
            ("cannot -rea", false),
            ("\"cannot read\"", false),
            ("\"cannot rea", false),
            ("\"cannot read\" prop", true),
            ("a or b", true),
        ] {
            assert_eq!(Search::new(text).unwrap().is_open, is_open, "{text}");
        }
        assert_eq!(Search::new(" \t "), None);
    }

    #[test]
    fn a_trend_ends_with_the_present_hour_and_today() {
        let now: DateTime<Utc> = "2026-11-25T17:40:00Z".parse().unwrap();
        let span = TrendSpan::until(now);
        assert_eq!(span.hours_from.to_rfc3339(), "2026-11-24T18:00:00+00:00");
        assert_eq!(span.days_from.to_rfc3339(), "2026-11-12T00:00:00+00:00");
        let mut trend = Trend::default();
        trend.add_hour(span, "2026-11-25T17:00:00Z".parse().unwrap(), 3);
        trend.add_hour(span, span.hours_from, 1);
        trend.add_day(span, "2026-11-25T00:00:00Z".parse().unwrap(), 4);
        // Of a clock that is ahead, or of before.
        trend.add_hour(span, "2026-11-25T18:00:00Z".parse().unwrap(), 9);
        trend.add_day(span, "2026-11-11T00:00:00Z".parse().unwrap(), 9);
        assert_eq!((trend.hours[0], trend.hours[23], trend.days[13]), (1, 3, 4));
        assert_eq!(trend.hours.iter().sum::<i64>(), 4);
        assert_eq!(trend.days.iter().sum::<i64>(), 4);
    }
}
