//! Comparing the rows of checkpoints with the signed texts in them, and with what others know of.

use chrono::{DateTime, Utc};

use crate::audit::checkpoints::says;
use crate::audit::note::Checkpoint;
use crate::audit::record::Hash;
use crate::audit::store::tree::StoredCheckpoint;
use crate::audit::tree::merkle::Frontier;
use crate::audit::verifying::verifier::Verifier;

/// The fault of the row of a checkpoint, if any, no matter who signed it.
pub fn problem(row: &StoredCheckpoint, log: &str) -> Option<String> {
    let what = || format!("the stored checkpoint of {} records", row.size);
    match Checkpoint::read(&row.note) {
        Ok(read) if read.is_plain && says(row, log, &read.checkpoint) => None,
        Ok(_) => Some(format!("{} is not what its signed text says", what())),
        Err(error) => Some(format!("{} cannot be trusted: {error}", what())),
    }
}

/// Reports that a checkpoint was removed that is known from elsewhere.
pub fn miss(
    verifier: &mut Verifier,
    rows: &[StoredCheckpoint],
    known: i64,
    at: DateTime<Utc>,
    by: &str,
) {
    let is_there = rows.iter().any(|row| !row.is_base && row.size == known);
    if !is_there {
        let problem =
            format!("the checkpoint of {known} records, which {by}, is not kept here any more");
        verifier.contradicted(known, at, problem);
    }
}

/// Checkpoints of records that were dropped: no verifier comes to their sizes.
#[derive(Debug)]
pub struct OldRoots(Vec<(u64, Hash, bool)>);

impl OldRoots {
    /// Those of these rows with fewer than so many records.
    pub fn of(rows: &[StoredCheckpoint], before: i64) -> Self {
        let old = rows.iter().filter(|row| (1..before).contains(&row.size));
        let root = |row: &StoredCheckpoint| {
            let size = u64::try_from(row.size).ok()?;
            Some((size, Hash::try_from(row.root.as_slice()).ok()?, false))
        };
        Self(old.filter_map(root).collect())
    }

    /// Compares those of this size with the tree as it was then.
    pub fn at(&mut self, tree: &Frontier) {
        for (size, root, held) in &mut self.0 {
            if *size == tree.size() {
                *held = *root == tree.root();
            }
        }
    }

    /// The sizes of those that are not what the tree was.
    pub fn wrong(&self) -> impl Iterator<Item = u64> {
        self.0
            .iter()
            .filter(|(_, _, held)| !held)
            .map(|(size, ..)| *size)
    }
}
