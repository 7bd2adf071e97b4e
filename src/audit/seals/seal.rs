//! The seal of a log's end: which key made it, what it covers, and whether it fits.
//!
//! The first versions sealed log, number and hash. Now a seal covers all that an end says, the time
//! and the seal's own name included:
//!
//! ```text
//! seal = HMAC-SHA-256(key, SHA-256("navi audit end 2\0" ‖ log ‖ number ‖ hash ‖ time ‖ name))
//! ```
//!
//! Which of the two a seal is stands in its name: `KEY` or `KEY/2`. Each kind has a key of its own,
//! derived from the audit key, so that a seal of one kind under a name of the other does not fit, and
//! a new end cannot pass for an old one whose time is free. A server of the first versions takes the new name
//! for a key that it does not have.

use crate::audit::error::Error;
use crate::audit::keyring::{AuditKey, Keyring, same};
use crate::audit::model::Log;
use crate::audit::record::{Fields, Hash, NOTHING};
use crate::audit::store::appending::End;

/// The suffix of a seal's name behind the name of its key. No key's name holds the stroke.
const SECOND: &str = "/2";

/// The name of the seals that this key makes.
pub fn name_of(key: &AuditKey) -> String {
    format!("{}{SECOND}", key.id)
}

/// The name of the key that made the seal of this name.
pub fn key_of(name: &str) -> &str {
    name.strip_suffix(SECOND).unwrap_or(name)
}

/// True if this is the name of a seal as the first versions made it.
pub fn is_of_first_kind(name: &str) -> bool {
    !name.is_empty() && !name.ends_with(SECOND)
}

/// The end, sealed with this key.
pub fn sealed(mut end: End, key: &AuditKey) -> End {
    end.seal_key_id = name_of(key);
    end.seal = key.end_seal(&said(&end)).to_vec();
    end
}

/// Checks that an end is where a holder of the key put it. Without the key this server cannot tell, and so
/// nothing may stand on that end.
pub fn check(keys: &Keyring, end: &End) -> Result<(), Error> {
    let id = key_of(&end.seal_key_id);
    let Ok(key) = keys.get(id) else {
        return Err(Error::UnknownSeal {
            log: Log::from_name(&end.org_id),
            key: id.to_owned(),
        });
    };
    let expected = if is_of_first_kind(&end.seal_key_id) {
        key.first_seal(&end.org_id, end.size, &head(end))
    } else {
        key.end_seal(&said(end))
    };
    if same(&expected, &end.seal) {
        Ok(())
    } else {
        Err(Error::Tampered(Log::from_name(&end.org_id)))
    }
}

/// The hash of an end's last record, as a hash.
pub fn head(end: &End) -> Hash {
    Hash::try_from(end.head.as_slice()).unwrap_or(NOTHING)
}

fn said(end: &End) -> Hash {
    let mut fields = Fields::new(b"navi audit end 2\0");
    fields.text(Some(&end.org_id));
    fields.number(Some(end.size));
    fields.bytes(Some(&end.head));
    fields.number(Some(end.last_at.timestamp_micros()));
    fields.text(Some(&end.seal_key_id));
    fields.finish()
}
