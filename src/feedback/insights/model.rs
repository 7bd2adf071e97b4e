//! Insights as users read them, filters, and cursors.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::auth::principal::{Principal, Role};
use crate::cursor_value;
use crate::feedback::insight::{InsightStatus, InsightType};
use crate::feedback::model::InsightId;
use crate::platform::ids::{OrgId, TeamId, UserId};
use crate::platform::redact::text::redact_text;

cursor_value!(InsightId(i64));

/// The longest title, in characters.
pub const MAX_TITLE_CHARS: usize = 120;
/// The longest description, in characters; it is copied into prompts.
pub const MAX_DESCRIPTION_CHARS: usize = 300;
/// The longest reason for a decision, in characters.
pub const MAX_REASON_CHARS: usize = 200;

/// Kind of an insight's scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InsightScopeKind)]
#[serde(rename_all = "lowercase")]
pub enum ScopeKind {
    /// Organisation.
    Org,
    /// Team.
    Team,
    /// One user.
    User,
}

impl ScopeKind {
    /// The name in queries.
    pub fn label(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Team => "team",
            Self::User => "user",
        }
    }
}

/// The user who reads insights, which decides their visibility.
///
/// Users see the insights of the organisation, of their team and their own. Administrators see all, because
/// they are responsible for prompts. A proposed insight with a quotation is visible to administrators and to
/// the quoted user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsightReader {
    /// Organisation that every query is restricted to.
    pub org_id: OrgId,
    /// User.
    pub user_id: UserId,
    /// Team of the user.
    pub team_id: Option<TeamId>,
    /// True for administrators.
    pub sees_all: bool,
}

impl From<&Principal> for InsightReader {
    fn from(principal: &Principal) -> Self {
        Self {
            org_id: principal.org_id.clone(),
            user_id: principal.user_id.clone(),
            team_id: principal.team_id.clone(),
            sees_all: principal.role == Role::Admin,
        }
    }
}

/// Filter of a list of insights.
#[derive(Clone, Debug, Default)]
pub struct InsightFilter {
    /// Status.
    pub status: Option<InsightStatus>,
    /// Type.
    pub insight_type: Option<InsightType>,
    /// Kind of scope.
    pub scope: Option<ScopeKind>,
    /// Insight before the page.
    pub after: Option<InsightId>,
}

/// A stored insight.
#[derive(Clone, Debug, PartialEq)]
pub struct Insight {
    /// Identifier.
    pub id: InsightId,
    /// Type; possibly one of a later version that [`InsightType`] does not know.
    pub insight_type: String,
    /// Title, for people.
    pub title: String,
    /// Description, for prompts.
    pub description: String,
    /// Status.
    pub status: InsightStatus,
    /// Reason of the status.
    pub status_reason: Option<String>,
    /// Time of the last change of status.
    pub status_since: DateTime<Utc>,
    /// Administrator who decided the status; none if the analyzer did.
    pub decided_by: Option<String>,
    /// Administrator who edited the text.
    pub edited_by: Option<String>,
    /// Team it is for.
    pub team_id: Option<String>,
    /// User it is for.
    pub user_id: Option<String>,
    /// Category it is restricted to.
    pub category: Option<String>,
    /// Language it is restricted to.
    pub language: Option<String>,
    /// Confidence, 0 to 1.
    pub confidence: f64,
    /// Number of votes it was learned from.
    pub sample_size: i32,
    /// Newest answers it was learned from.
    pub evidence: Vec<i64>,
    /// Numbers behind it.
    pub pattern_data: Value,
    /// Number of prompts it was used in.
    pub times_applied: i64,
    /// Time of its last use.
    pub last_applied: Option<DateTime<Utc>>,
    /// Time of its creation.
    pub first_seen: DateTime<Utc>,
    /// Time of its last change.
    pub last_updated: DateTime<Utc>,
    /// Measured effect.
    pub effect: Option<Value>,
}

/// A new text of an insight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InsightText {
    /// Title, if it changes.
    pub title: Option<String>,
    /// Description, if it changes.
    pub description: Option<String>,
}

/// Checks a line of text for use in responses and prompts, and removes secrets. None if it is empty, longer
/// than `max` characters, or has characters that are not text.
pub fn line(text: &str, max: usize) -> Option<String> {
    let text = text.trim();
    if text.chars().any(is_not_text) {
        return None;
    }
    let clean = redact_text(text);
    let fits = |text: &str| (1..=max).contains(&text.chars().count());
    (fits(text) && fits(&clean)).then(|| clean.into_owned())
}

/// True for control characters, line breaks, and characters that hide or reorder others. With them a prompt
/// could read differently from the text that an administrator sees.
fn is_not_text(c: char) -> bool {
    let hides = matches!(
        c,
        '\u{00ad}' | '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    );
    hides || c.is_control()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::platform::page::CursorValue;

    proptest! {
        #[test]
        fn a_cursor_is_decoded_to_the_insight_it_was_encoded_from(id: i64) {
            let text = InsightId(id).encode();
            prop_assert_eq!(InsightId::decode(&text), Ok(InsightId(id)));
        }

        #[test]
        fn a_line_is_short_and_one_line(text in "(?s).{0,40}") {
            if let Some(line) = line(&text, 20) {
                prop_assert!((1..=20).contains(&line.chars().count()));
                prop_assert_eq!(line.lines().count(), 1);
                prop_assert!(!line.chars().any(is_not_text));
            }
        }
    }

    #[test]
    fn a_place_that_clients_hold_is_still_read() {
        assert_eq!(InsightId::decode("AAAAAAAAACo"), Ok(InsightId(42)));
    }

    #[test]
    fn what_would_read_otherwise_than_it_looks_is_no_line() {
        for text in [
            "",
            "  ",
            "a\nb",
            "a\tb",
            "a\u{202e}b",
            "a\u{2028}b",
            "\u{e0041}",
            "a\0",
        ] {
            assert_eq!(line(text, 20), None, "{text:?}");
        }
        assert_eq!(line(" Prefer é. ", 20).as_deref(), Some("Prefer é."));
    }
}
