//! An insight, what is asked of insights, and what is decided about one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::auth::principal::{Principal, Role};
use crate::feedback::insight::{InsightType, Status};
use crate::feedback::model::InsightId;
use crate::platform::ids::{OrgId, TeamId, UserId};
use crate::platform::redact::text::redact_text;
use crate::position;

position!(InsightId(i64));

/// The longest title, in characters.
pub const MAX_TITLE_CHARS: usize = 120;
/// The longest description, in characters: every word of it stands in prompts.
pub const MAX_DESCRIPTION_CHARS: usize = 300;
/// The longest reason for a decision, in characters.
pub const MAX_REASON_CHARS: usize = 200;

/// For whom an insight is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InsightScopeKind)]
#[serde(rename_all = "lowercase")]
pub enum ScopeKind {
    /// For everybody in the organisation.
    Org,
    /// For a team.
    Team,
    /// For one person.
    User,
}

impl ScopeKind {
    /// The name, as queries carry it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Team => "team",
            Self::User => "user",
        }
    }
}

/// Whose insights somebody may see.
///
/// Everybody sees those of the organisation, of their own team and of their own. Administrators see
/// all, because they answer for what stands in prompts. What waits for an administrator and quotes
/// somebody is seen by administrators and by whom it quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The organisation every query is confined to.
    pub org_id: OrgId,
    /// Who looks.
    pub user_id: UserId,
    /// Their team.
    pub team_id: Option<TeamId>,
    /// Whether they see all.
    pub sees_all: bool,
}

impl From<&Principal> for Reader {
    fn from(principal: &Principal) -> Self {
        Self {
            org_id: principal.org_id.clone(),
            user_id: principal.user_id.clone(),
            team_id: principal.team_id.clone(),
            sees_all: principal.role == Role::Admin,
        }
    }
}

/// Which insights.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those that stand here.
    pub status: Option<Status>,
    /// Only those of this type.
    pub insight_type: Option<InsightType>,
    /// Only those for these.
    pub scope: Option<ScopeKind>,
    /// After which one.
    pub after: Option<InsightId>,
}

/// An insight, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Insight {
    /// Its number.
    pub id: InsightId,
    /// What kind of thing it says; more than [`InsightType`] when a newer analyzer made it.
    pub insight_type: String,
    /// What it is about, for people.
    pub title: String,
    /// What it puts into prompts.
    pub description: String,
    /// Where it stands.
    pub status: Status,
    /// Why.
    pub status_reason: Option<String>,
    /// Since when.
    pub status_since: DateTime<Utc>,
    /// Who says so; the analyzer when nobody does.
    pub decided_by: Option<String>,
    /// Who changed its words.
    pub edited_by: Option<String>,
    /// The team it is for.
    pub team_id: Option<String>,
    /// The person it is for.
    pub user_id: Option<String>,
    /// The kind of work it is about.
    pub category: Option<String>,
    /// The language it is about.
    pub language: Option<String>,
    /// How sure it is.
    pub confidence: f64,
    /// How many voices it was learned from.
    pub sample_size: i32,
    /// The answers it was learned from, the newest of them.
    pub evidence: Vec<i64>,
    /// What was counted.
    pub pattern_data: Value,
    /// In how many prompts it stood.
    pub times_applied: i64,
    /// When it last did.
    pub last_applied: Option<DateTime<Utc>>,
    /// When it was first found.
    pub first_seen: DateTime<Utc>,
    /// When it last changed.
    pub last_updated: DateTime<Utc>,
    /// What it does, as measured.
    pub effect: Option<Value>,
}

/// New words for an insight, as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// A title.
    pub title: Option<String>,
    /// A description.
    pub description: Option<String>,
}

/// One line of a person, as it may stand in an answer or a prompt: without secrets and without
/// characters that are no text. None when there is nothing in it, or more than `max` characters.
pub fn line(text: &str, max: usize) -> Option<String> {
    let text = text.trim();
    if text.chars().any(is_no_text) {
        return None;
    }
    let clean = redact_text(text);
    let fits = |text: &str| (1..=max).contains(&text.chars().count());
    (fits(text) && fits(&clean)).then(|| clean.into_owned())
}

/// Whether a character controls, breaks lines, or turns or hides what stands around it: it could make a
/// prompt read otherwise than what an administrator sees.
fn is_no_text(c: char) -> bool {
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
    use crate::platform::page::Position;

    proptest! {
        #[test]
        fn a_place_that_is_given_out_is_read_back(id: i64) {
            let text = InsightId(id).encode();
            prop_assert_eq!(InsightId::decode(&text), Ok(InsightId(id)));
        }

        #[test]
        fn a_line_is_short_and_one_line(text in "(?s).{0,40}") {
            if let Some(line) = line(&text, 20) {
                prop_assert!((1..=20).contains(&line.chars().count()));
                prop_assert_eq!(line.lines().count(), 1);
                prop_assert!(!line.chars().any(is_no_text));
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
