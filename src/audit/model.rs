//! The fields of an entry of the audit log.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::audit::event::Event;
use crate::auth::principal::{Principal, Proof, Role};
use crate::platform::ids::OrgId;

crate::id!(
    /// Names an entry; its two records share it.
    EntryId
);

/// Whose log: an organisation's, or the server's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Log {
    /// The server's own, for events of no organisation: refused tokens, settings, retention.
    Server,
    /// An organisation's.
    Org(OrgId),
}

impl Log {
    /// As the tables name it; the server's own has the empty name, which no organisation can have.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Server => "",
            Self::Org(org_id) => org_id.as_str(),
        }
    }

    /// Reads the name back.
    pub fn from_name(name: &str) -> Self {
        OrgId::from_str(name).map_or(Self::Server, Self::Org)
    }

    /// The flag that names it in a shell.
    pub fn flag(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        match self.as_str() {
            "" => "--server".to_owned(),
            org if org.chars().all(plain) => format!("--org {org}"),
            org => format!("--org '{}'", org.replace('\'', r"'\''")),
        }
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("the server's own log"),
            Self::Org(org_id) => write!(f, "the log of `{org_id}`"),
        }
    }
}

/// The kind of actor that caused an event.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum ActorKind {
    /// A person, by a token of theirs.
    User,
    /// The identity that a development server lends to requests without a token.
    Development,
    /// The agent, for the person whose run it is.
    Agent,
    /// The person at the server's machine.
    Operator,
    /// The server, by itself.
    Server,
    /// A caller whose token was refused.
    Stranger,
}

impl ActorKind {
    /// The name, as records carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Development => "development",
            Self::Agent => "agent",
            Self::Operator => "operator",
            Self::Server => "server",
            Self::Stranger => "stranger",
        }
    }
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The kind of actor.
    pub kind: ActorKind,
    /// The person's id, where there is one.
    pub id: Option<String>,
    /// The role in their token.
    pub role: Option<Role>,
}

impl Actor {
    /// A person, or the development identity.
    pub fn user(principal: &Principal) -> Self {
        Self {
            kind: match principal.proof {
                Proof::Token | Proof::Ticket | Proof::Owner => ActorKind::User,
                Proof::Development => ActorKind::Development,
            },
            id: Some(principal.user_id.as_str().to_owned()),
            role: Some(principal.role),
        }
    }

    /// The agent, for a person.
    pub fn agent(principal: &Principal) -> Self {
        Self {
            kind: ActorKind::Agent,
            ..Self::user(principal)
        }
    }

    /// An actor who is no person that we know.
    pub fn nameless(kind: ActorKind) -> Self {
        Self {
            kind,
            id: None,
            role: None,
        }
    }
}

/// Which part of an entry a record is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[schema(as = AuditPhase)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Phase {
    /// It is about to happen.
    Begun,
    /// It has happened.
    Completed,
    /// Both at once: something that has happened already.
    Noted,
}

impl Phase {
    /// The name, as records carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Completed => "completed",
            Self::Noted => "noted",
        }
    }
}

/// The outcome of an action.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[schema(as = AuditOutcome)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was not allowed, or asked for wrongly.
    Refused,
    /// It failed.
    Failure,
    /// Its end was not awaited: the client left or the time was over.
    Abandoned,
}

impl Outcome {
    /// The name, as records carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Failure => "failure",
            Self::Abandoned => "abandoned",
        }
    }

    /// The outcome for an HTTP status.
    pub fn of_status(status: u16) -> Self {
        match status {
            ..400 => Self::Success,
            // 501 refuses what is not built.
            400..=499 | 501 => Self::Refused,
            _ => Self::Failure,
        }
    }
}

/// An entry that begins.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Whose log.
    pub log: Log,
    /// The event.
    pub event: Event,
    /// Who does it.
    pub actor: Actor,
    /// The request's method.
    pub method: Option<String>,
    /// The route's template.
    pub route: Option<String>,
    /// The id of the resource it is done to.
    pub resource: Option<String>,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// Its trace, 32 hexadecimal digits.
    pub trace_id: Option<String>,
    /// The run that it belongs to.
    pub run_id: Option<Uuid>,
    /// The payload sealed with it.
    pub payload: Option<Value>,
}

impl NewEntry {
    /// An entry with nothing but what every entry has.
    pub fn new(log: Log, event: Event, actor: Actor) -> Self {
        Self {
            log,
            event,
            actor,
            method: None,
            route: None,
            resource: None,
            request_id: None,
            trace_id: None,
            run_id: None,
            payload: None,
        }
    }
}

/// The end of an entry.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The outcome.
    pub outcome: Outcome,
    /// The answer's HTTP status.
    pub status: Option<u16>,
    /// The id of the resource, when it is known only at the end.
    pub resource: Option<String>,
    /// The payload sealed with it.
    pub payload: Option<Value>,
}

impl From<Outcome> for Ending {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            status: None,
            resource: None,
            payload: None,
        }
    }
}

/// Which entries.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those of this person.
    pub actor: Option<String>,
    /// Only these events.
    pub event: Option<Event>,
    /// Only those of this route template.
    pub route: Option<String>,
    /// Only those with this outcome.
    pub outcome: Option<Outcome>,
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
}

impl Filter {
    /// True if it lets every entry through.
    pub fn is_empty(&self) -> bool {
        let Self {
            actor,
            event,
            route,
            outcome,
            since,
            until,
        } = self;
        (actor.is_none() && event.is_none() && route.is_none())
            && (outcome.is_none() && since.is_none() && until.is_none())
    }
}
