//! Statements of the server's own log about the others: a line for each of their checkpoints.
//!
//! ```text
//! navi-audit/acme 1042 CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//! ```
//!
//! A log that begins is named at once, with its first record, in a record whose entry is found by the
//! name of the log:
//!
//! ```text
//! navi-audit/acme began 9Yt…=
//! ```
//!
//! So to take a log away unseen, or to put an older state of it in its place, one has to do the same with the
//! server's own log, whose checkpoints name its earlier ones in turn.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use chrono::{DateTime, Utc};

use crate::audit::note::{Checkpoint, ORIGIN, named, unnamed};
use crate::audit::record::Hash;
use crate::audit::tree::merkle::leaf;

/// A checkpoint that the server's own log named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCheckpoint {
    /// The number of the record that names it.
    pub by: i64,
    /// The number of records in the log.
    pub size: i64,
    /// The root of the tree over them.
    pub root: Hash,
    /// When it was named.
    pub at: DateTime<Utc>,
    /// True if it was signed, and so is kept; the beginning of a log is not.
    pub is_signed: bool,
}

/// The word in place of the number of records when a log begins.
const BEGAN: &str = "began";

/// The prefix of the lines about a log.
pub fn beginning(log: &str) -> String {
    format!("{ORIGIN}{} ", named(log))
}

/// The line about a checkpoint.
pub fn line(checkpoint: &Checkpoint) -> String {
    let root = STANDARD.encode(checkpoint.root);
    format!("{}{} {root}", beginning(&checkpoint.log), checkpoint.size)
}

/// The line about the beginning of a log, whose first record has this hash.
pub fn beginning_line(log: &str, hash: &[u8]) -> String {
    let root = STANDARD.encode(leaf(hash));
    format!("{}{BEGAN} {root}", beginning(log))
}

/// Reads a line about this log in a record; none when it is no such line.
pub fn parse(log: &str, by: i64, at: DateTime<Utc>, line: &str) -> Option<NamedCheckpoint> {
    let (size, root) = line.strip_prefix(&beginning(log))?.split_once(' ')?;
    let is_signed = size != BEGAN;
    Some(NamedCheckpoint {
        by,
        size: if is_signed { size.parse().ok()? } else { 1 },
        root: Hash::try_from(STANDARD.decode(root).ok()?).ok()?,
        at,
        is_signed,
    })
}

/// The log that a line is about, by its first word.
pub fn log_of(word: &str) -> Option<String> {
    unnamed(word.strip_prefix(ORIGIN)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_for_its_own_log_alone() {
        for log in ["", "acme", "a b", "x/y\nz"] {
            let checkpoint = Checkpoint {
                log: log.to_owned(),
                size: 7,
                root: [3; 32],
                head: [4; 32],
                at: DateTime::UNIX_EPOCH,
                is_base: false,
                server: None,
            };
            let at = checkpoint.at;
            let line = line(&checkpoint);
            let named = NamedCheckpoint {
                by: 5,
                size: 7,
                root: [3; 32],
                at,
                is_signed: true,
            };
            assert_eq!(parse(log, 5, at, &line), Some(named), "{line}");
            assert_eq!(parse("acm", 5, at, &line), None);
            let began = parse(log, 6, at, &beginning_line(log, &[9; 32])).unwrap();
            assert_eq!((began.size, began.is_signed), (1, false));
            assert_eq!(began.root, leaf(&[9; 32]));
            let word = line.split(' ').next().unwrap();
            assert_eq!(log_of(word).as_deref(), Some(log));
        }
    }
}
