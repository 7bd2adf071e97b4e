//! Stream tickets: for a minute they open one stream for one person, without a header.
//!
//! `EventSource` sends no header, and a token in an address ends in the logs of every proxy on the
//! way. A ticket may end there: by then it opens nothing. It is a sealed value, so it tells a reader
//! of those logs neither a person nor an organisation, and any server with the same secret opens it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::auth::principal::{Principal, Proof, Role};
use crate::platform::clock::Clock;
use crate::platform::ids::{OrgId, TeamId, UserId};
use crate::vault::envelope::{DataKey, NoRandomness, open, seal};

/// The beginning of every ticket, by which redaction knows them (`platform/redact/forms.rs`).
const PREFIX: &str = "navist_";
/// The life of a ticket, in seconds.
pub const TTL_SECONDS: u32 = 60;
/// The purpose that their keys are derived for.
pub const PURPOSE: &[u8] = b"navi stream tickets 1";
/// The additional data of the seal, which no other sealed value has.
const AAD: &[u8] = b"navi stream ticket 1";
/// Tickets longer than this are refused unread; the longest ids make one of half of it.
const MAX_BYTES: usize = 4 * 1024;

/// The path of a stream, written in one way: ids in small letters with hyphens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamPath(String);

/// Why a path names no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoStream {
    /// It is that of a stream, but for an id that is none.
    NoId,
    /// It is another path.
    OtherPath,
}

impl StreamPath {
    /// Reads a path that fits one of these route templates, whose parameters are all ids.
    pub fn parse(path: &str, templates: &[&str]) -> Result<Self, NoStream> {
        let fits = |template: &&&str| fits(path, template);
        let template = templates.iter().find(fits).ok_or(NoStream::OtherPath)?;
        let segments = path.split('/').zip(template.split('/'));
        let written = segments.map(|(segment, expected)| {
            if !expected.starts_with('{') {
                return Ok(segment.to_owned());
            }
            let id = segment.parse::<Uuid>();
            id.map(|id| id.to_string()).map_err(|_| NoStream::NoId)
        });
        let written: Vec<_> = written.collect::<Result<_, _>>()?;
        Ok(Self(written.join("/")))
    }
}

/// True if a path has the segments of a template, whatever stands in the places of its ids.
fn fits(path: &str, template: &str) -> bool {
    let (segments, expected) = (path.split('/'), template.split('/'));
    segments.clone().count() == expected.clone().count()
        && segments
            .zip(expected)
            .all(|(segment, expected)| segment == expected || expected.starts_with('{'))
}

/// The content of a ticket.
#[derive(Serialize, Deserialize)]
struct TicketClaims {
    org_id: OrgId,
    user_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    team_id: Option<TeamId>,
    role: Role,
    path: StreamPath,
    /// True when it was given to the identity of a development server.
    is_development: bool,
    /// In milliseconds since the epoch.
    expires_at: i64,
}

/// A ticket that was given out.
#[derive(Debug)]
pub struct Ticket {
    /// The value that its bearer puts into the address.
    pub text: String,
    /// The moment until which it opens its stream.
    pub expires_at: DateTime<Utc>,
}

/// Why a ticket opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketRefusal {
    /// No server with one of our keys made it, or it was changed since.
    Forged,
    /// Its time is over.
    Expired,
    /// It is for another path.
    WrongStream,
}

/// Gives tickets out and reads them; cheap to clone.
#[derive(Clone, Debug)]
pub struct Tickets(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    current: DataKey,
    previous: Vec<DataKey>,
    clock: Clock,
}

impl Tickets {
    /// Tickets under keys from secrets that sign tokens: a holder of those can sign in anyway.
    pub fn under(secret: &str, previous: &[&str], clock: Clock) -> Self {
        let key = |secret: &str| DataKey::from_secret(secret.as_bytes(), PURPOSE);
        let previous = previous.iter().copied().map(key).collect();
        Self::new(key(secret), previous, clock)
    }

    /// Seals with `current`, and also opens what one of the previous keys sealed.
    pub fn new(current: DataKey, previous: Vec<DataKey>, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            current,
            previous,
            clock,
        }))
    }

    /// A ticket with which `principal` may open the stream at `path`.
    pub fn issue(&self, principal: &Principal, path: StreamPath) -> Result<Ticket, NoRandomness> {
        let lasts = TimeDelta::seconds(i64::from(TTL_SECONDS));
        let expires_at = self.0.clock.now() + lasts;
        let claims = TicketClaims {
            org_id: principal.org_id.clone(),
            user_id: principal.user_id.clone(),
            team_id: principal.team_id.clone(),
            role: principal.role,
            path,
            is_development: principal.proof == Proof::Development,
            expires_at: expires_at.timestamp_millis(),
        };
        // Texts and numbers alone always are JSON.
        let plain = serde_json::to_vec(&claims).unwrap_or_default();
        let sealed = seal(&self.0.current, AAD, &plain)?;
        Ok(Ticket {
            text: format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed)),
            expires_at,
        })
    }

    /// The earliest moment at which a ticket that is good now was issued, in seconds since the epoch.
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds since the epoch are exact in an f64 for millions of years"
    )]
    pub fn earliest_issue(&self) -> f64 {
        let lasts = TimeDelta::seconds(i64::from(TTL_SECONDS));
        (self.0.clock.now() - lasts).timestamp() as f64
    }

    /// The principal that a ticket lets in at `path`.
    pub fn verify(&self, text: &str, path: &StreamPath) -> Result<Principal, TicketRefusal> {
        let claims = self.read(text).ok_or(TicketRefusal::Forged)?;
        if *path != claims.path {
            return Err(TicketRefusal::WrongStream);
        }
        let now = self.0.clock.millis();
        if claims.expires_at <= now {
            return Err(TicketRefusal::Expired);
        }
        // No server gives out one that lasts longer; the clocks of two may differ by as much again.
        if claims.expires_at > now + 2_000 * i64::from(TTL_SECONDS) {
            return Err(TicketRefusal::Forged);
        }
        Ok(Principal {
            org_id: claims.org_id,
            user_id: claims.user_id,
            team_id: claims.team_id,
            role: claims.role,
            proof: if claims.is_development {
                Proof::Development
            } else {
                Proof::Ticket
            },
        })
    }

    fn read(&self, text: &str) -> Option<TicketClaims> {
        let sealed = text.strip_prefix(PREFIX)?;
        if sealed.len() > MAX_BYTES {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let mut keys = std::iter::once(&self.0.current).chain(&self.0.previous);
        let plain = keys.find_map(|key| open(key, AAD, &sealed).ok())?;
        serde_json::from_slice(&plain).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAMS: &[&str] = &["/api/jobs/{job_id}/events", "/api/changes"];
    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn key(byte: u8) -> DataKey {
        DataKey::from_bytes([byte; 32]).derive(PURPOSE)
    }

    fn clock() -> Clock {
        Clock::fixed(DateTime::from_timestamp(1_800_000_000, 0).unwrap())
    }

    fn tickets(current: u8, previous: &[u8], clock: &Clock) -> Tickets {
        let previous = previous.iter().map(|byte| key(*byte)).collect();
        Tickets::new(key(current), previous, clock.clone())
    }

    fn principal() -> Principal {
        Principal {
            org_id: "o1".parse().unwrap(),
            user_id: "u1".parse().unwrap(),
            team_id: Some("t1".parse().unwrap()),
            role: Role::Planner,
            proof: Proof::Token,
        }
    }

    fn stream() -> StreamPath {
        StreamPath::parse(&format!("/api/jobs/{ID}/events"), STREAMS).unwrap()
    }

    #[test]
    fn a_path_is_written_in_one_way_or_is_no_streams() {
        let parse = |path: &str| StreamPath::parse(path, STREAMS);
        let simple = ID.replace('-', "").to_uppercase();
        for same in [ID, &ID.to_uppercase(), &simple] {
            assert_eq!(parse(&format!("/api/jobs/{same}/events")), Ok(stream()));
        }
        assert_eq!(parse("/api/changes").unwrap().0, "/api/changes");
        for other in [
            "",
            "/",
            "/api/changes/",
            "/api/changes?x=1",
            "api/changes",
            "//api/changes",
            "https://navi.example/api/changes",
            "/api/jobs/x/events",
            "/api/jobs//events",
            "/api/jobs/{job_id}/events",
            &format!("/api/jobs/{ID}"),
            &format!("/api/jobs/{ID}/events/"),
            &format!("/api/jobs/{ID}/Events"),
            &format!("/api/jobs/{ID}/events?after_sequence=1"),
            &format!("/api/jobs/{ID}/events/../../{ID}/events"),
            &format!("/api/navi/jobs/{ID}/events"),
        ] {
            assert!(parse(other).is_err(), "{other}");
        }
        let unnamed = ["/api/jobs/{job_id}/events", "/api/jobs//events"];
        for no_id in unnamed {
            assert_eq!(parse(no_id), Err(NoStream::NoId), "{no_id}");
        }
        assert_eq!(parse("/api/jobs/x/diff"), Err(NoStream::OtherPath));
    }

    #[test]
    fn a_ticket_says_whose_it_is_until_it_expires() {
        let clock = clock();
        let tickets = tickets(1, &[], &clock);
        let ticket = tickets.issue(&principal(), stream()).unwrap();
        let expected = Principal {
            proof: Proof::Ticket,
            ..principal()
        };
        let verify = || tickets.verify(&ticket.text, &stream());
        assert_eq!(verify(), Ok(expected.clone()));
        clock.advance(TimeDelta::milliseconds(59_999));
        assert_eq!(verify(), Ok(expected));
        clock.advance(TimeDelta::milliseconds(1));
        assert_eq!(verify(), Err(TicketRefusal::Expired));
    }

    #[test]
    fn a_ticket_opens_its_own_stream_alone() {
        let tickets = tickets(1, &[], &clock());
        let ticket = tickets.issue(&principal(), stream()).unwrap();
        let other = StreamPath::parse("/api/changes", STREAMS).unwrap();
        let verdict = tickets.verify(&ticket.text, &other);
        assert_eq!(verdict, Err(TicketRefusal::WrongStream));
    }

    #[test]
    fn a_ticket_names_neither_person_nor_organisation() {
        let tickets = tickets(1, &[], &clock());
        let ticket = tickets.issue(&principal(), stream()).unwrap().text;
        let bytes = URL_SAFE_NO_PAD.decode(&ticket[PREFIX.len()..]).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("org") && !text.contains("u1"), "{text}");
        assert!(ticket.len() < 600, "{}", ticket.len());
    }

    #[test]
    fn the_longest_ids_fit_into_a_ticket() {
        let tickets = tickets(1, &[], &clock());
        let long = Principal {
            org_id: "\"".repeat(128).parse().unwrap(),
            user_id: "\\".repeat(128).parse().unwrap(),
            team_id: Some("\"".repeat(128).parse().unwrap()),
            ..principal()
        };
        let ticket = tickets.issue(&long, stream()).unwrap();
        assert!(ticket.text.len() < MAX_BYTES / 2, "{}", ticket.text.len());
        assert!(tickets.verify(&ticket.text, &stream()).is_ok());
    }

    #[test]
    fn keys_are_replaced_without_a_gap() {
        let clock = clock();
        let ticket = tickets(1, &[], &clock)
            .issue(&principal(), stream())
            .unwrap();
        let replaced = tickets(2, &[3, 1], &clock);
        assert!(replaced.verify(&ticket.text, &stream()).is_ok());
        let without = tickets(2, &[3], &clock);
        let verdict = without.verify(&ticket.text, &stream());
        assert_eq!(verdict, Err(TicketRefusal::Forged));
    }

    #[test]
    fn the_identity_of_a_development_server_stays_known_as_such() {
        let tickets = tickets(1, &[], &clock());
        let is_development = Principal {
            proof: Proof::Development,
            ..principal()
        };
        let ticket = tickets.issue(&is_development, stream()).unwrap();
        assert_eq!(tickets.verify(&ticket.text, &stream()), Ok(is_development));
    }

    #[test]
    fn other_sealed_values_and_tokens_are_no_tickets() {
        let tickets = tickets(1, &[], &clock());
        let elsewhere = seal(&key(1), b"navi other place", b"{}").unwrap();
        let garbage = seal(&key(1), AAD, b"[]").unwrap();
        for text in [
            String::new(),
            PREFIX.to_owned(),
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2ln".to_owned(),
            format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(elsewhere)),
            format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(garbage)),
            format!("{PREFIX}{}", "A".repeat(MAX_BYTES + 1)),
        ] {
            let verdict = tickets.verify(&text, &stream());
            assert_eq!(verdict, Err(TicketRefusal::Forged), "{text:.40}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_character_is_noticed(at in 0_usize..300, with in "[A-Za-z0-9_-]") {
            let tickets = tickets(1, &[], &clock());
            let ticket = tickets.issue(&principal(), stream()).unwrap().text;
            let at = PREFIX.len() + at % (ticket.len() - PREFIX.len());
            let mut changed = ticket.clone();
            changed.replace_range(at..=at, &with);
            if changed != ticket {
                let verdict = tickets.verify(&changed, &stream());
                prop_assert_eq!(verdict, Err(TicketRefusal::Forged));
            }
        }

        #[test]
        fn no_text_makes_a_ticket_or_a_panic(text in "(navist_)?.{0,200}") {
            let tickets = tickets(1, &[], &clock());
            prop_assert!(tickets.verify(&text, &stream()).is_err());
            let _ = StreamPath::parse(&text, STREAMS);
        }
    }
}
