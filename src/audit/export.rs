//! The lines of an export: JSON, one object a line, with all that verification needs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::audit::event::Event;
use crate::audit::keyring::AuditKey;
use crate::audit::model::{ActorKind, Outcome, Phase};
use crate::audit::note::{VerifyingKey, named, parted, signed, signer};
use crate::audit::record::{Fields, Hash, Personal, Record};
use crate::audit::tree::merkle::Frontier;

/// The version of the format.
pub const VERSION: u32 = 1;

/// A line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Line {
    /// The first one.
    Header(Header),
    /// A record, in the order of the log.
    Record(Box<RecordLine>),
    /// A signed checkpoint over the records before it.
    Checkpoint(String),
}

/// No checkpoint begins like this, so that neither passes for the other.
const ORIGIN: &str = "navi-audit-export/";

/// The state that the records that follow stand on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version of the format.
    pub navi_audit_export: u32,
    /// Whose log; empty for the server's own.
    pub org_id: String,
    /// When it was exported.
    pub exported_at: DateTime<Utc>,
    /// The number of the last record that follows, or of a later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// The number of checkpoints that follow and cover at most `size` records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<u64>,
    /// The signed checkpoint of the log as it was then, when the export goes to its end: cut short, it
    /// does not come to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// The tree before the first record.
    pub base: Base,
    /// When older months were dropped: the signed checkpoint behind which they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_note: Option<String>,
    /// The keys that the server says it signs with; a verifier should know them from elsewhere.
    pub keys: Vec<String>,
    /// A signed text over all of this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl Header {
    /// The header, signed with this key.
    #[must_use]
    pub fn sign(mut self, key: &AuditKey) -> Self {
        self.signature = Some(signed(&self.text(), &self.org_id, key));
        self
    }

    /// True if one of these keys signed it as it is.
    pub fn is_signed(&self, keys: &[VerifyingKey]) -> bool {
        let parts = self.signature.as_deref().and_then(parted);
        parts.is_some_and(|(text, signatures)| {
            text == self.text() && signer(&text, signatures, &self.org_id, keys).is_some()
        })
    }

    /// ```text
    /// navi-audit-export/acme
    /// CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
    /// ```
    ///
    /// The hash is that of all fields, in the order in which they stand here.
    fn text(&self) -> String {
        let mut fields = Fields::new(b"navi audit export 1\0");
        fields.number(Some(i64::from(self.navi_audit_export)));
        fields.text(Some(&self.org_id));
        // As it is written, which may have nanoseconds.
        fields.text(Some(&self.exported_at.to_rfc3339()));
        fields.number(self.size);
        fields.text(self.checkpoints.map(|count| count.to_string()).as_deref());
        fields.text(self.checkpoint.as_deref());
        fields.number(Some(self.base.size));
        fields.text(Some(&self.base.peaks.join(" ")));
        fields.text(self.base_note.as_deref());
        fields.text(Some(&self.keys.join(" ")));
        let hash = STANDARD.encode(fields.finish());
        format!("{ORIGIN}{}\n{hash}\n", named(&self.org_id))
    }
}

/// The tree before the first record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// Its number of records.
    pub size: i64,
    /// The roots of its full subtrees, largest first, in base64.
    pub peaks: Vec<String>,
}

impl Base {
    /// Of a tree's frontier.
    pub fn new(size: i64, peaks: &[Hash]) -> Self {
        Self {
            size,
            peaks: peaks.iter().map(|peak| STANDARD.encode(peak)).collect(),
        }
    }

    /// The frontier, if this is one.
    pub fn frontier(&self) -> Option<Frontier> {
        let peaks: Option<Vec<Hash>> = self
            .peaks
            .iter()
            .map(|peak| Hash::try_from(STANDARD.decode(peak).ok()?).ok())
            .collect();
        Frontier::new(u64::try_from(self.size).ok()?, peaks?)
    }
}

/// A record; bytes are in base64, and what is absent is left out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the fields are those of `Record`, under the same names"
)]
pub struct RecordLine {
    pub org_id: String,
    pub sequence: i64,
    pub entry_id: Uuid,
    pub phase: Phase,
    pub created_at: DateTime<Utc>,
    pub event: Event,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    pub actor_kind: ActorKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "bytes")]
    pub blind: Option<Vec<u8>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "bytes")]
    pub commitment: Option<Vec<u8>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "bytes")]
    pub payload: Option<Vec<u8>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "bytes")]
    pub payload_digest: Option<Vec<u8>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "bytes")]
    pub entry_key: Option<Vec<u8>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_by: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "bytes")]
    pub previous: Option<Vec<u8>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "bytes")]
    pub hash: Option<Vec<u8>>,
}

impl From<Record> for RecordLine {
    fn from(record: Record) -> Self {
        Self {
            org_id: record.org_id,
            sequence: record.sequence,
            entry_id: record.entry_id,
            phase: record.phase,
            created_at: record.created_at,
            event: record.event,
            method: record.method,
            route: record.route,
            request_id: record.request_id,
            trace_id: record.trace_id,
            run_id: record.run_id,
            status: record.status,
            outcome: record.outcome,
            duration_ms: record.duration_ms,
            actor_kind: record.actor_kind,
            statement: record.statement,
            actor: record.personal.actor,
            actor_role: record.personal.actor_role,
            resource: record.personal.resource,
            blind: record.personal.blind,
            commitment: Some(record.commitment),
            payload: record.payload,
            payload_digest: record.payload_digest,
            entry_key: record.entry_key,
            key_id: record.key_id,
            erased_by: record.erased_by,
            previous: Some(record.previous),
            hash: Some(record.hash),
        }
    }
}

impl From<RecordLine> for Record {
    fn from(line: RecordLine) -> Self {
        Self {
            org_id: line.org_id,
            sequence: line.sequence,
            entry_id: line.entry_id,
            phase: line.phase,
            created_at: line.created_at,
            event: line.event,
            method: line.method,
            route: line.route,
            request_id: line.request_id,
            trace_id: line.trace_id,
            run_id: line.run_id,
            status: line.status,
            outcome: line.outcome,
            duration_ms: line.duration_ms,
            actor_kind: line.actor_kind,
            statement: line.statement,
            personal: Personal {
                actor: line.actor,
                actor_role: line.actor_role,
                resource: line.resource,
                blind: line.blind,
            },
            commitment: line.commitment.unwrap_or_default(),
            payload: line.payload,
            payload_digest: line.payload_digest,
            entry_key: line.entry_key,
            key_id: line.key_id,
            erased_by: line.erased_by,
            previous: line.previous.unwrap_or_default(),
            hash: line.hash.unwrap_or_default(),
        }
    }
}

/// Bytes in base64.
mod bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands the field over as it is")]
    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes.as_deref().unwrap_or_default()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| STANDARD.decode(text).map_err(serde::de::Error::custom))
            .transpose()
    }
}
