//! A record, and the bytes that its hash covers.
//!
//! ```text
//! hash = SHA-256("navi audit record 1\0" ‖ field₁ ‖ … ‖ fieldₙ ‖ previous)
//! ```
//!
//! Every field is its length in four bytes, big-endian, and its bytes; an absent one is the length
//! `ffffffff` alone. Numbers are written in decimal, times as microseconds since 1970, ids as
//! their 16 bytes. So no two records have the same encoding, and any language can compute it.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::audit::event::Event;
use crate::audit::model::{ActorKind, Outcome, Phase};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The hash that the first record of a log follows.
pub const NOTHING: Hash = [0; 32];

/// A record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose log; empty for the server's own.
    pub org_id: String,
    /// 1, 2, 3 … within the log.
    pub sequence: i64,
    /// The entry.
    pub entry_id: Uuid,
    /// Which part of it.
    pub phase: Phase,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// The event.
    pub event: Event,
    /// The request's method.
    pub method: Option<String>,
    /// The route's template.
    pub route: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// Its trace.
    pub trace_id: Option<String>,
    /// The run.
    pub run_id: Option<Uuid>,
    /// The answer's status.
    pub status: Option<i32>,
    /// Its outcome.
    pub outcome: Option<Outcome>,
    /// Its duration, in milliseconds.
    pub duration_ms: Option<i64>,
    /// The kind of actor.
    pub actor_kind: ActorKind,
    /// The public statement of an entry about the log itself.
    pub statement: Option<String>,
    /// Who, and to what; erasable.
    pub personal: Personal,
    /// The commitment to what is erasable.
    pub commitment: Vec<u8>,
    /// The sealed payload.
    pub payload: Option<Vec<u8>>,
    /// Its SHA-256.
    pub payload_digest: Option<Vec<u8>>,
    /// The entry's key, wrapped; erasable.
    pub entry_key: Option<Vec<u8>>,
    /// Under which audit key it is wrapped.
    pub key_id: Option<String>,
    /// The number of the record that says that this one was erased.
    pub erased_by: Option<i64>,
    /// The hash of the record before.
    pub previous: Vec<u8>,
    /// The hash of this one.
    pub hash: Vec<u8>,
}

/// The fields that may identify a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Personal {
    /// Who.
    pub actor: Option<String>,
    /// The role in their token.
    pub actor_role: Option<String>,
    /// The resource it was done to.
    pub resource: Option<String>,
    /// Random bytes, without which the commitment would give away short texts to anyone who tries them all.
    pub blind: Option<Vec<u8>>,
}

impl Personal {
    /// `SHA-256("navi audit personal 1\0" ‖ blind ‖ actor ‖ role ‖ resource ‖ entry key)`, fields as in a
    /// record; the entry's key as it is wrapped.
    pub fn commitment(&self, entry_key: Option<&[u8]>) -> Hash {
        let mut fields = Fields::new(b"navi audit personal 1\0");
        fields.bytes(self.blind.as_deref());
        fields.text(self.actor.as_deref());
        fields.text(self.actor_role.as_deref());
        fields.text(self.resource.as_deref());
        fields.bytes(entry_key);
        fields.finish()
    }
}

impl Record {
    /// The hash over all that is said, `previous` included.
    pub fn computed_hash(&self) -> Hash {
        let mut fields = Fields::new(b"navi audit record 1\0");
        fields.text(Some(&self.org_id));
        fields.number(Some(self.sequence));
        fields.bytes(Some(self.entry_id.as_bytes()));
        fields.text(Some(self.phase.as_str()));
        fields.number(Some(self.created_at.timestamp_micros()));
        fields.text(Some(self.event.as_str()));
        fields.text(self.method.as_deref());
        fields.text(self.route.as_deref());
        fields.text(self.request_id.as_deref());
        fields.text(self.trace_id.as_deref());
        fields.bytes(self.run_id.as_ref().map(|id| id.as_bytes().as_slice()));
        fields.number(self.status.map(i64::from));
        fields.text(self.outcome.map(Outcome::as_str));
        fields.number(self.duration_ms);
        fields.text(Some(self.actor_kind.as_str()));
        fields.text(self.statement.as_deref());
        fields.bytes(Some(&self.commitment));
        fields.bytes(self.payload_digest.as_deref());
        fields.text(self.key_id.as_deref());
        fields.bytes(Some(&self.previous));
        fields.finish()
    }
}

/// SHA-256 of a payload as it is stored.
pub fn digest(payload: &[u8]) -> Hash {
    Sha256::digest(payload).into()
}

/// Hashes fields so that no two lists of them meet.
pub struct Fields(Sha256);

impl Fields {
    /// Nothing but what keeps this kind of list apart from others.
    pub fn new(domain: &[u8]) -> Self {
        Self(Sha256::new_with_prefix(domain))
    }

    /// A field of bytes, or an absent one.
    pub fn bytes(&mut self, bytes: Option<&[u8]>) {
        // The largest field is a payload's digest, a text of some hundred bytes.
        let length = bytes.map_or(u32::MAX, |b| u32::try_from(b.len()).unwrap_or(u32::MAX - 1));
        self.0.update(length.to_be_bytes());
        self.0.update(bytes.unwrap_or_default());
    }

    /// A text.
    pub fn text(&mut self, text: Option<&str>) {
        self.bytes(text.map(str::as_bytes));
    }

    /// A number.
    pub fn number(&mut self, number: Option<i64>) {
        self.text(number.map(|n| n.to_string()).as_deref());
    }

    /// The hash.
    pub fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}
