//! The audit log as answers show it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::audit::checkpoints::{Inclusion, Signed};
use crate::audit::entry::Entry;
use crate::audit::event::Event;
use crate::audit::model::{ActorKind, EntryId, Outcome, Phase};
use crate::audit::note::VerifyingKey;
use crate::audit::reader::Opened;
use crate::audit::record::Hash;
use crate::audit::tree::merkle::leaf;
use crate::platform::page;

/// An entry, under the names that the original gave to what it had.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditEntry)]
pub struct EntryView {
    /// The entry.
    pub id: Uuid,
    /// Its number in the log.
    pub sequence: i64,
    /// The event.
    pub event_type: Event,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it ended; absent while unknown, as after a crash.
    pub completed_at: Option<DateTime<Utc>>,
    /// The kind of actor.
    pub actor_kind: ActorKind,
    /// Who: the token's `sub`; absent when erased.
    pub actor_sub: Option<String>,
    /// The role in their token.
    pub actor_role: Option<String>,
    /// The request's method.
    pub method: Option<String>,
    /// The route's template.
    pub route: Option<String>,
    /// The id of the resource it was done to.
    pub resource_id: Option<String>,
    /// The answer's status.
    pub status_code: Option<i32>,
    /// Its outcome; absent while unknown.
    pub outcome: Option<Outcome>,
    /// Its duration, in milliseconds.
    pub duration_ms: Option<i64>,
    /// The request.
    pub request_id: Option<String>,
    /// Its trace.
    pub trace_id: Option<String>,
    /// The run that it belongs to.
    pub run_id: Option<Uuid>,
    /// True if something is sealed with it that can still be opened.
    pub has_payload: bool,
    /// True if the fields that identified a person were erased.
    pub erased: bool,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.entry_id.0,
            sequence: entry.sequence,
            event_type: entry.event,
            created_at: entry.created_at,
            completed_at: entry.completed_at,
            actor_kind: entry.actor_kind,
            actor_sub: entry.actor,
            actor_role: entry.actor_role,
            method: entry.method,
            route: entry.route,
            resource_id: entry.resource,
            status_code: entry.status,
            outcome: entry.outcome,
            duration_ms: entry.duration_ms,
            request_id: entry.request_id,
            trace_id: entry.trace_id,
            run_id: entry.run_id,
            has_payload: entry.has_payload.unwrap_or_default(),
            erased: entry.erased_by.is_some(),
        }
    }
}

/// Some entries, newest first.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditPage)]
pub struct PageView {
    /// The entries.
    pub entries: Vec<EntryView>,
    /// The `cursor` of the next, older page; absent at the end.
    pub next_cursor: Option<i64>,
}

impl PageView {
    /// A page that was asked for with one entry more than it shows.
    pub fn new(mut entries: Vec<Entry>, limit: usize) -> Self {
        let next_cursor = page::cut(&mut entries, limit).map(|last| last.sequence);
        Self {
            next_cursor,
            entries: entries.into_iter().map(EntryView::from).collect(),
        }
    }
}

/// The opened payload of an entry.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditPayload)]
pub struct OpenedView {
    /// The entry.
    pub id: Uuid,
    /// The audit key that sealed it.
    pub key_id: Option<String>,
    /// The request: query and body, without secrets.
    pub payload: Option<Value>,
    /// The changes it made: before and after, where that is small.
    pub changes: Option<Value>,
}

impl OpenedView {
    /// Of an entry.
    pub fn new(id: EntryId, opened: Opened) -> Self {
        Self {
            id: id.0,
            key_id: opened.key_id,
            payload: opened.begun,
            changes: opened.completed,
        }
    }
}

/// A signed checkpoint.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditCheckpoint)]
pub struct CheckpointView {
    /// The number of records in the log.
    pub size: i64,
    /// The root of the tree over them, in base64.
    pub root: String,
    /// The hash of the last record, in base64.
    pub head: String,
    /// The signed text: keep it elsewhere.
    pub checkpoint: String,
    /// The keys that verify it, as `NAME+BASE64` of an Ed25519 key.
    pub keys: Vec<String>,
    /// With `since`: the proof that the log continues what it was, RFC 9162 §2.1.4, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Vec<String>>,
}

impl CheckpointView {
    /// Of a checkpoint.
    pub fn new(signed: &Signed, keys: &[VerifyingKey], consistency: Option<Vec<Hash>>) -> Self {
        Self {
            size: signed.checkpoint.size,
            root: STANDARD.encode(signed.checkpoint.root),
            head: STANDARD.encode(signed.checkpoint.head),
            checkpoint: signed.note.clone(),
            keys: keys.iter().map(VerifyingKey::text).collect(),
            consistency: consistency.map(|path| encoded(&path)),
        }
    }
}

/// That an entry's records stand in a log.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditProof)]
pub struct ProofView {
    /// The entry.
    pub id: Uuid,
    /// The checkpoint that the proofs lead to.
    pub checkpoint: String,
    /// The number of records it covers.
    pub size: i64,
    /// The keys that verify it.
    pub keys: Vec<String>,
    /// The entry's records.
    pub records: Vec<InclusionView>,
}

/// That a record stands in a log: RFC 9162 §2.1.3.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditInclusion)]
pub struct InclusionView {
    /// The record's number, from 1; the leaf's index is one less.
    pub sequence: i64,
    /// Which part of the entry.
    pub phase: Phase,
    /// The record's hash, in base64.
    pub hash: String,
    /// `SHA-256(0x00 ‖ hash)`, in base64.
    pub leaf: String,
    /// The way to the root, from below, in base64.
    pub path: Vec<String>,
}

impl ProofView {
    /// Of an entry.
    pub fn new(id: EntryId, signed: &Signed, keys: &[VerifyingKey], found: &[Inclusion]) -> Self {
        let records = found.iter().map(|one| InclusionView {
            sequence: one.record.sequence,
            phase: one.record.phase,
            hash: STANDARD.encode(&one.record.hash),
            leaf: STANDARD.encode(leaf(&one.record.hash)),
            path: encoded(&one.path),
        });
        Self {
            id: id.0,
            checkpoint: signed.note.clone(),
            size: signed.checkpoint.size,
            keys: keys.iter().map(VerifyingKey::text).collect(),
            records: records.collect(),
        }
    }
}

fn encoded(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| STANDARD.encode(hash)).collect()
}
