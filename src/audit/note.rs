//! Checkpoints: what a log was at some size, as a signed text that can be kept anywhere.
//!
//! The text is a checkpoint of <https://c2sp.org/tlog-checkpoint>, signed as
//! <https://c2sp.org/signed-note> says, with Ed25519:
//!
//! ```text
//! navi-audit/acme
//! 1042
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//! head 9Yt…=
//! time 2026-01-02T03:04:05.000000Z
//!
//! — navi-audit/acme+default Az3grl…
//! ```
//!
//! The lines after the root are ours: the hash of the last record, and when this was signed. A line
//! `server 17 9Yt…=` says what the server's own log was then, of which so the other logs bear witness. A
//! further line `base` says that the records up to this one were dropped.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};

use crate::audit::keyring::AuditKey;
use crate::audit::record::Hash;

/// The prefix of a log's name wherever it is signed.
pub const ORIGIN: &str = "navi-audit/";
/// The kind of signature that signed notes call Ed25519.
const ED25519: u8 = 1;

/// The state of a log at one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log; empty for the server's own.
    pub log: String,
    /// The number of records it had.
    pub size: i64,
    /// The root of the tree over them.
    pub root: Hash,
    /// The hash of the last one.
    pub head: Hash,
    /// When it was signed.
    pub at: DateTime<Utc>,
    /// True if the records up to here were dropped.
    pub is_base: bool,
    /// The size and the root of the server's own log then, if it was signed.
    pub server: Option<(i64, Hash)>,
}

/// Why a text is no checkpoint that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is no checkpoint.
    #[error("it is not a checkpoint of an audit log")]
    Malformed,
    /// None of the keys signed it.
    #[error("none of the given keys signed it")]
    Unsigned,
}

/// A key that verifies checkpoints, and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    /// Its name: the audit key's.
    pub id: String,
    /// Ed25519, 32 bytes.
    pub public: Vec<u8>,
}

impl VerifyingKey {
    /// The key that verifies what an audit key signs.
    pub fn of(key: &AuditKey) -> Self {
        Self {
            id: key.id.clone(),
            public: key.public().to_vec(),
        }
    }

    /// Reads `NAME+BASE64`, as [`Self::text`] writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, public) = text.trim().split_once('+')?;
        let public = STANDARD.decode(public).ok()?;
        (public.len() == 32 && !id.is_empty()).then(|| Self {
            id: id.to_owned(),
            public,
        })
    }

    /// As people pass it on.
    pub fn text(&self) -> String {
        format!("{}+{}", self.id, STANDARD.encode(&self.public))
    }

    /// The first four bytes of the hash of name and key, by which a signature names its key.
    fn fingerprint(&self, name: &str) -> [u8; 4] {
        let mut hasher = Sha256::new_with_prefix(name);
        hasher.update([b'\n', ED25519]);
        hasher.update(&self.public);
        let hash: Hash = hasher.finalize().into();
        [hash[0], hash[1], hash[2], hash[3]]
    }
}

/// A text about a log, signed with this key.
pub fn signed(text: &str, log: &str, key: &AuditKey) -> String {
    let name = key_name(log, &key.id);
    let mut signature = VerifyingKey::of(key).fingerprint(&name).to_vec();
    signature.extend_from_slice(key.signing.sign(text.as_bytes()).as_ref());
    format!("{text}\n— {name} {}\n", STANDARD.encode(signature))
}

/// The text of a note and its signatures.
pub fn parted(note: &str) -> Option<(String, &str)> {
    let (text, signatures) = note.split_once("\n\n")?;
    Some((format!("{text}\n"), signatures))
}

/// The first of these keys that signed a text about a log.
pub fn signer<'k>(
    text: &str,
    signatures: &str,
    log: &str,
    keys: &'k [VerifyingKey],
) -> Option<&'k VerifyingKey> {
    signatures.lines().find_map(|line| {
        keys.iter().find(|key| {
            let name = key_name(log, &key.id);
            signature_of(line, &name).is_some_and(|signature| {
                let (print, signature) = signature.split_at(4);
                let public = aws_lc_rs::signature::UnparsedPublicKey::new(
                    &aws_lc_rs::signature::ED25519,
                    &key.public,
                );
                print == key.fingerprint(&name) && public.verify(text.as_bytes(), signature).is_ok()
            })
        })
    })
}

/// A checkpoint that is read without asking who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified {
    /// The text.
    pub checkpoint: Checkpoint,
    /// The name of the key that it says signed it.
    pub key: String,
    /// True if it is written exactly as it was when it was signed, with one signature and nothing else.
    pub is_plain: bool,
}

impl Checkpoint {
    /// The text, signed.
    pub fn sign(&self, key: &AuditKey) -> String {
        signed(&self.text(), &self.log, key)
    }

    /// Reads a signed text, when one of these keys signed it.
    pub fn open(note: &str, keys: &[VerifyingKey]) -> Result<Self, NoteError> {
        let (text, signatures) = parted(note).ok_or(NoteError::Malformed)?;
        let checkpoint = Self::parse(&text).ok_or(NoteError::Malformed)?;
        match signer(&text, signatures, &checkpoint.log, keys) {
            Some(_) => Ok(checkpoint),
            None => Err(NoteError::Unsigned),
        }
    }

    /// Reads a text without checking its signature: it is compared with a log, and trusted with nothing.
    pub fn read(note: &str) -> Result<Unverified, NoteError> {
        let (text, signatures) = parted(note).ok_or(NoteError::Malformed)?;
        let checkpoint = Self::parse(&text).ok_or(NoteError::Malformed)?;
        let prefix = format!("— {}", key_name(&checkpoint.log, ""));
        let line = signatures.lines().next().unwrap_or_default();
        let key = line.strip_prefix(&prefix);
        let (key, _) = key.and_then(|key| key.split_once(' ')).unwrap_or_default();
        Ok(Unverified {
            is_plain: note == format!("{text}\n{line}\n"),
            key: key.to_owned(),
            checkpoint,
        })
    }

    fn text(&self) -> String {
        let base = if self.is_base { "base\n" } else { "" };
        let server = self.server.as_ref();
        let server = server.map_or(String::new(), |(size, root)| {
            format!("server {}\n", sized(*size, root))
        });
        format!(
            "{ORIGIN}{}\n{}\n{}\nhead {}\ntime {}\n{server}{base}",
            named(&self.log),
            self.size,
            STANDARD.encode(self.root),
            STANDARD.encode(self.head),
            self.at.to_rfc3339_opts(SecondsFormat::Micros, true),
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let log = unnamed(lines.next()?.strip_prefix(ORIGIN)?)?;
        let size = lines.next()?.parse().ok()?;
        let hash = |text: &str| Hash::try_from(STANDARD.decode(text).ok()?).ok();
        let root = hash(lines.next()?)?;
        let head = hash(lines.next()?.strip_prefix("head ")?)?;
        let at = DateTime::parse_from_rfc3339(lines.next()?.strip_prefix("time ")?).ok()?;
        let mut line = lines.next();
        let server = line.and_then(|line| sized_of(line.strip_prefix("server ")?));
        if server.is_some() {
            line = lines.next();
        }
        let is_base = line == Some("base");
        let checkpoint = Self {
            log,
            size,
            root,
            head,
            at: at.to_utc(),
            is_base,
            server,
        };
        // Only the one way of writing it, so that what is signed is what was read. Behind it stand lines of
        // later versions, whose logs this one has to verify after a rollback.
        let further = text.strip_prefix(&checkpoint.text())?;
        further.lines().all(is_further).then_some(checkpoint)
    }
}

/// True for a line that a later version adds: a name that is none of ours, and a value.
fn is_further(line: &str) -> bool {
    let Some((name, value)) = line.split_once(' ') else {
        return false;
    };
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
    is_name && !value.is_empty() && !["head", "time", "server", "base"].contains(&name)
}

fn sized(size: i64, root: &Hash) -> String {
    format!("{size} {}", STANDARD.encode(root))
}

/// Reads a size and a root, as they stand in a line of their own.
pub fn sized_of(text: &str) -> Option<(i64, Hash)> {
    let (size, root) = text.split_once(' ')?;
    let root = Hash::try_from(STANDARD.decode(root).ok()?).ok()?;
    Some((size.parse().ok()?, root))
}

fn key_name(log: &str, key: &str) -> String {
    format!("{ORIGIN}{}+{key}", named(log))
}

fn signature_of(line: &str, name: &str) -> Option<Vec<u8>> {
    let encoded = line
        .strip_prefix("— ")?
        .strip_prefix(name)?
        .strip_prefix(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    (bytes.len() == 4 + 64).then_some(bytes)
}

/// A log's name without what the format gives a meaning: spaces, plus signs, line ends. The server's
/// own log is `.`, which an organisation of that name is not, because its point is escaped.
pub fn named(log: &str) -> String {
    if log.is_empty() {
        return ".".to_owned();
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    let mut name = String::new();
    for byte in log.bytes() {
        if plain(byte) {
            name.push(char::from(byte));
        } else {
            use std::fmt::Write as _;
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

/// Reads it back.
pub fn unnamed(name: &str) -> Option<String> {
    if name == "." {
        return Some(String::new());
    }
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(more.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &more[2..];
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::config::AuditConfig;
    use crate::audit::keyring::Keyring;
    use crate::platform::secret::ExposeSecret;
    use crate::vault::key;

    fn ring() -> Keyring {
        let config = AuditConfig {
            audit_encryption_key: None,
            audit_encryption_key_id: "k1".to_owned(),
            audit_encryption_keys_previous: None,
            audit_retention_days: 365,
            audit_checkpoint_seconds: 60,
            audit_witness_file: None,
        };
        Keyring::new(&config, key::generate().unwrap().expose_secret(), false).unwrap()
    }

    fn checkpoint(log: &str) -> Checkpoint {
        Checkpoint {
            log: log.to_owned(),
            size: 1042,
            root: [7; 32],
            head: [9; 32],
            at: DateTime::from_timestamp(1_767_323_045, 0).unwrap(),
            is_base: false,
            server: None,
        }
    }

    #[test]
    fn what_was_signed_is_read_back_and_nothing_else_is() {
        let ring = ring();
        let keys = [VerifyingKey::of(ring.current().unwrap())];
        for log in ["", ".", "acme", "a b+c\u{e9}%", "x/y\nz"] {
            let note = checkpoint(log).sign(ring.current().unwrap());
            assert_eq!(
                Checkpoint::open(&note, &keys),
                Ok(checkpoint(log)),
                "{note}"
            );
            let other = Keyring::current(&self::ring())
                .map(VerifyingKey::of)
                .unwrap();
            assert_eq!(Checkpoint::open(&note, &[other]), Err(NoteError::Unsigned));
            for (from, to) in [
                ("1042", "1041"),
                ("head ", "head  "),
                ("time ", "base\ntime "),
            ] {
                assert!(Checkpoint::open(&note.replace(from, to), &keys).is_err());
            }
        }
        assert_eq!(Checkpoint::open("hello", &keys), Err(NoteError::Malformed));
    }

    #[test]
    fn what_the_servers_own_log_was_is_under_the_signature() {
        let ring = ring();
        let keys = [VerifyingKey::of(ring.current().unwrap())];
        for is_base in [false, true] {
            let checkpoint = Checkpoint {
                server: Some((17, [5; 32])),
                is_base,
                ..checkpoint("acme")
            };
            let note = checkpoint.sign(ring.current().unwrap());
            assert_eq!(Checkpoint::open(&note, &keys), Ok(checkpoint));
            for (from, to) in [("server 17", "server 16"), ("server 17", "server 017")] {
                assert!(Checkpoint::open(&note.replace(from, to), &keys).is_err());
            }
        }
    }

    #[test]
    fn lines_of_a_later_version_are_signed_and_read_over() {
        let ring = ring();
        let keys = [VerifyingKey::of(ring.current().unwrap())];
        let note = |further: &str| {
            let text = format!("{}{further}", checkpoint("acme").text());
            signed(&text, "acme", ring.current().unwrap())
        };
        let later = note("origin 3 of another\nmark x\n");
        assert_eq!(Checkpoint::open(&later, &keys), Ok(checkpoint("acme")));
        let changed = later.replace("mark x", "mark y");
        assert_eq!(Checkpoint::open(&changed, &keys), Err(NoteError::Unsigned));
        for further in [
            "base 1\n",
            "server x\n",
            "x\n",
            "Mark x\n",
            "mark \n",
            " x\n",
        ] {
            let opened = Checkpoint::open(&note(further), &keys);
            assert_eq!(opened, Err(NoteError::Malformed), "{further}");
        }
    }

    #[test]
    fn a_note_that_nobody_here_signed_says_which_key_did() {
        let note = checkpoint("a b").sign(ring().current().unwrap());
        let read = Checkpoint::read(&note).unwrap();
        assert_eq!(
            (read.checkpoint, read.key),
            (checkpoint("a b"), "k1".to_owned())
        );
        assert!(read.is_plain);
        for appended in ["\n", " ", "— another signature\n"] {
            let read = Checkpoint::read(&format!("{note}{appended}"));
            assert!(!read.unwrap().is_plain, "{appended:?}");
        }
        assert_eq!(Checkpoint::read("hello"), Err(NoteError::Malformed));
    }

    #[test]
    fn a_verifying_key_is_read_back() {
        let key = VerifyingKey::of(ring().current().unwrap());
        assert_eq!(VerifyingKey::parse(&key.text()), Some(key));
        for bad in ["", "k1", "k1+AAAA", "+", "k1+%%%"] {
            assert_eq!(VerifyingKey::parse(bad), None, "{bad}");
        }
    }
}
