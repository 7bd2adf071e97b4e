//! The record that says how the end of a log passed from one seal to another.
//!
//! ```text
//! navi-audit-hand-over/acme
//! 1042
//! 9Yt…=
//! from default/2
//! to k2/2
//! the seal before was checked with its key
//! vouched CsUY…=
//!
//! — navi-audit/acme+k2 Az3grl…
//! ```
//!
//! Number and hash are those of the last record before. The text is signed as a checkpoint is, by the
//! key that seals from here on. `vouched` is an HMAC under the key that sealed until then, when it was
//! in the ring; without it the text says why not, and what stands before is vouched for by no seal.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::audit::event::Event;
use crate::audit::keyring::{AuditKey, Keyring, same};
use crate::audit::model::{ActorKind, EntryId, Outcome, Phase};
use crate::audit::note::{NoteError, VerifyingKey, named, parted, signed, signer, unnamed};
use crate::audit::record::{Fields, Hash, Personal, Record};
use crate::audit::seals::seal::{head, key_of, name_of};
use crate::audit::store::appending::End;

/// No checkpoint begins like this, so that neither passes for the other.
const ORIGIN: &str = "navi-audit-hand-over/";
/// The longest name of a seal that is repeated, in characters.
const MAX_NAME: usize = 100;

/// The worth of the former seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It fitted its key, which is in the ring.
    Rotated,
    /// Its key is not in the ring.
    Lost,
    /// It did not fit its key.
    Broken,
    /// There was none.
    Missing,
    /// It fitted its key, and checkpoints say that there was more behind it; or nothing is left of the log.
    RolledBack,
}

impl Cause {
    const ALL: [Self; 5] = [
        Self::Rotated,
        Self::Lost,
        Self::Broken,
        Self::Missing,
        Self::RolledBack,
    ];

    /// The cause in words, as the record states it publicly.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rotated => "the seal before was checked with its key",
            Self::Lost => {
                "the key of the seal before was not available, so no seal vouches for what is before"
            }
            Self::Broken => {
                "the seal before did not fit its key, so no seal vouches for what is before"
            }
            Self::Missing => "the end before was missing, so no seal vouches for what is before",
            Self::RolledBack => "there were more records before, which are lost",
        }
    }
}

/// The statement of a hand-over record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// Whose log; empty for the server's own.
    pub log: String,
    /// The number of records there were.
    pub size: i64,
    /// The hash of the last one.
    pub head: Hash,
    /// The name of the seal before; empty when there was none.
    pub from: String,
    /// The name of the seals from here on.
    pub to: String,
    /// The worth of the former seal.
    pub cause: Cause,
    /// The HMAC under its key, if that was checked.
    pub voucher: Option<Hash>,
}

impl Handover {
    /// The hand-over of a log as it ends to the current key.
    pub fn of(end: &End, cause: Cause, keys: &Keyring, to: &AuditKey) -> Self {
        let mut handover = Self {
            log: end.org_id.clone(),
            size: end.size,
            head: head(end),
            from: shown(&end.seal_key_id),
            to: name_of(to),
            cause,
            voucher: None,
        };
        if cause == Cause::Rotated
            && let Ok(before) = keys.get(key_of(&handover.from))
        {
            handover.voucher = Some(before.voucher(&handover.said()));
        }
        handover
    }

    /// The record, without its place.
    pub fn record(&self, to: &AuditKey, entry: EntryId, kind: ActorKind) -> Record {
        let personal = Personal {
            blind: Some(rand::random::<[u8; 16]>().to_vec()),
            ..Personal::default()
        };
        Record {
            org_id: self.log.clone(),
            sequence: 0,
            entry_id: entry.0,
            phase: Phase::Noted,
            created_at: chrono::DateTime::UNIX_EPOCH,
            event: Event::AuditHandedOver,
            method: None,
            route: None,
            request_id: None,
            trace_id: None,
            run_id: None,
            status: None,
            outcome: Some(Outcome::Success),
            duration_ms: None,
            actor_kind: kind,
            statement: Some(signed(&self.text(), &self.log, to)),
            commitment: personal.commitment(None).to_vec(),
            personal,
            payload: None,
            payload_digest: None,
            entry_key: None,
            key_id: Some(to.id.clone()),
            erased_by: None,
            previous: Vec::new(),
            hash: Vec::new(),
        }
    }

    /// Reads a statement that the key to which it hands over signed.
    pub fn open(statement: &str, keys: &[VerifyingKey]) -> Result<Self, NoteError> {
        let (text, signatures) = parted(statement).ok_or(NoteError::Malformed)?;
        let handover = Self::parse(&text).ok_or(NoteError::Malformed)?;
        let signed = signer(&text, signatures, &handover.log, keys);
        let signed = signed.is_some_and(|key| key.id == key_of(&handover.to));
        signed.then_some(handover).ok_or(NoteError::Unsigned)
    }

    /// True if the key before vouches for it, as far as this ring can tell.
    pub fn is_vouched(&self, keys: &Keyring) -> bool {
        let before = keys.get(key_of(&self.from));
        match (self.cause, before) {
            (Cause::Rotated, Ok(before)) => self
                .voucher
                .is_some_and(|voucher| same(&before.voucher(&self.said()), &voucher)),
            // A verifier that has left the key out of the ring has the signature alone.
            (Cause::Rotated, Err(_)) => self.voucher.is_some(),
            (Cause::Lost | Cause::Broken | Cause::Missing | Cause::RolledBack, _) => {
                self.voucher.is_none()
            }
        }
    }

    fn said(&self) -> Hash {
        let mut fields = Fields::new(b"navi audit hand-over 1\0");
        fields.text(Some(&self.log));
        fields.number(Some(self.size));
        fields.bytes(Some(&self.head));
        fields.text(Some(&self.from));
        fields.text(Some(&self.to));
        fields.finish()
    }

    fn text(&self) -> String {
        let voucher = self.voucher.map(|voucher| STANDARD.encode(voucher));
        let voucher = voucher.map_or(String::new(), |voucher| format!("vouched {voucher}\n"));
        format!(
            "{ORIGIN}{}\n{}\n{}\nfrom {}\nto {}\n{}\n{voucher}",
            named(&self.log),
            self.size,
            STANDARD.encode(self.head),
            self.from,
            self.to,
            self.cause.as_str(),
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let hash = |text: &str| Hash::try_from(STANDARD.decode(text).ok()?).ok();
        let log = unnamed(lines.next()?.strip_prefix(ORIGIN)?)?;
        let size = lines.next()?.parse().ok()?;
        let head = hash(lines.next()?)?;
        let from = lines.next()?.strip_prefix("from ")?.to_owned();
        let to = lines.next()?.strip_prefix("to ")?.to_owned();
        let said = lines.next()?;
        let cause = Cause::ALL
            .into_iter()
            .find(|cause| cause.as_str() == said)?;
        let voucher = match lines.next() {
            Some(line) => Some(hash(line.strip_prefix("vouched ")?)?),
            None => None,
        };
        let handover = Self {
            log,
            size,
            head,
            from,
            to,
            cause,
            voucher,
        };
        // Only the one way of writing it, so that what is signed is what was read.
        (handover.text() == text).then_some(handover)
    }
}

/// The name of a seal in a text of lines: a writer without a key may have put anything there.
fn shown(name: &str) -> String {
    let shown = name.chars().take(MAX_NAME);
    shown
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::config::AuditConfig;
    use crate::platform::secret::{ExposeSecret, SecretString};
    use crate::vault::key;

    fn ring(previous: Option<SecretString>) -> Keyring {
        let config = AuditConfig {
            audit_encryption_key: None,
            audit_encryption_key_id: "new".to_owned(),
            audit_encryption_keys_previous: previous,
            audit_retention_days: 365,
            audit_checkpoint_seconds: 60,
            audit_witness_file: None,
        };
        Keyring::new(&config, key::generate().unwrap().expose_secret(), false).unwrap()
    }

    fn end(seal: &str) -> End {
        End {
            org_id: "acme".to_owned(),
            size: 7,
            head: vec![9; 32],
            last_at: chrono::DateTime::UNIX_EPOCH,
            seal: vec![0; 32],
            seal_key_id: seal.to_owned(),
        }
    }

    fn statement(handover: &Handover, ring: &Keyring) -> String {
        let entry = EntryId(uuid::Uuid::nil());
        let record = handover.record(ring.current().unwrap(), entry, ActorKind::Server);
        record.statement.unwrap()
    }

    #[test]
    fn a_hand_over_is_read_back_and_bound_to_both_keys() {
        let old = key::generate().unwrap();
        let old = SecretString::from(format!("old:{}", old.expose_secret()));
        let (with, without) = (ring(Some(old)), ring(None));
        let to = with.current().unwrap();
        let handover = Handover::of(&end("old/2"), Cause::Rotated, &with, to);
        let text = statement(&handover, &with);
        let keys = [VerifyingKey::of(to)];
        assert_eq!(Handover::open(&text, &keys), Ok(handover.clone()));
        assert!(handover.is_vouched(&with));
        let forged = Handover {
            voucher: Some([7; 32]),
            ..handover.clone()
        };
        assert!(!forged.is_vouched(&with));
        let stranger = [VerifyingKey::of(without.current().unwrap())];
        assert_eq!(Handover::open(&text, &stranger), Err(NoteError::Unsigned));
        for (from, to) in [
            ("\n7\n", "\n8\n"),
            ("old/2", "other"),
            ("vouched", "Vouched"),
        ] {
            assert!(
                Handover::open(&text.replace(from, to), &keys).is_err(),
                "{from}"
            );
        }
    }

    #[test]
    fn a_name_that_somebody_wrote_without_a_key_changes_no_other_line() {
        let ring = ring(None);
        let to = ring.current().unwrap();
        let handover = Handover::of(&end("x\nto other"), Cause::Lost, &ring, to);
        assert_eq!(handover.from, "x?to other");
        let read = Handover::open(&statement(&handover, &ring), &[VerifyingKey::of(to)]);
        assert_eq!(read, Ok(handover));
    }
}
