//! Sealing what an entry holds: a key for every entry, wrapped under the audit key.

use serde_json::Value;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::audit::error::Error;
use crate::audit::keyring::{AuditKey, Keyring};
use crate::audit::model::Phase;
use crate::audit::record::Record;
use crate::vault::envelope::{DataKey, KEY_BYTES, open, seal};

/// The largest payload that is kept, in bytes of JSON; of a larger one its size and digest are.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

/// The place of an entry's key or payload, which its seal is bound to.
fn place(log: &str, entry: Uuid, what: &str) -> Vec<u8> {
    let mut place = Vec::with_capacity(16 + what.len() + log.len());
    place.extend_from_slice(entry.as_bytes());
    place.extend_from_slice(what.as_bytes());
    place.push(0);
    place.extend_from_slice(log.as_bytes());
    place
}

fn payload_place(log: &str, entry: Uuid, phase: Phase) -> Vec<u8> {
    let what = match phase {
        Phase::Begun => "payload begun",
        Phase::Completed => "payload completed",
        Phase::Noted => "payload noted",
    };
    place(log, entry, what)
}

/// Wraps an entry's key.
pub fn wrap(key: &AuditKey, log: &str, entry: Uuid, entry_key: &DataKey) -> Result<Vec<u8>, Error> {
    let place = place(log, entry, "entry key");
    Ok(seal(&key.wrapping, &place, entry_key.expose())?)
}

/// Seals a payload with its entry's key.
pub fn seal_payload(
    entry_key: &DataKey,
    log: &str,
    entry: Uuid,
    phase: Phase,
    payload: &Value,
) -> Result<Vec<u8>, Error> {
    let text = Zeroizing::new(serde_json::to_vec(payload).unwrap_or_default());
    let text = if text.len() > MAX_PAYLOAD_BYTES {
        let kept = serde_json::json!({"bytes": text.len(), "kept": false});
        Zeroizing::new(serde_json::to_vec(&kept).unwrap_or_default())
    } else {
        text
    };
    Ok(seal(entry_key, &payload_place(log, entry, phase), &text)?)
}

/// The key of an entry, by the record that carries it.
pub fn unwrap(keys: &Keyring, record: &Record) -> Result<DataKey, Error> {
    let wrapped = record.entry_key.as_deref().ok_or(Error::Erased)?;
    let key = keys.get(record.key_id.as_deref().unwrap_or_default())?;
    let place = place(&record.org_id, record.entry_id, "entry key");
    let bytes = open(&key.wrapping, &place, wrapped).map_err(|_| Error::Unsealable)?;
    let bytes: [u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| Error::Unsealable)?;
    Ok(DataKey::from_bytes(bytes))
}

/// Opens a record's payload, if it has one.
pub fn open_payload(entry_key: &DataKey, record: &Record) -> Result<Option<Value>, Error> {
    let Some(sealed) = &record.payload else {
        return Ok(None);
    };
    let place = payload_place(&record.org_id, record.entry_id, record.phase);
    let text = open(entry_key, &place, sealed).map_err(|_| Error::Unsealable)?;
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|_| Error::Unsealable)
}
