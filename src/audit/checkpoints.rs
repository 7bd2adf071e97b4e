//! Making checkpoints, and proofs against them.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::audit::chain;
use crate::audit::error::Error;
use crate::audit::merkle::{Ranges, empty, leaf};
use crate::audit::model::{EntryId, Log};
use crate::audit::note::{Checkpoint, VerifyingKey};
use crate::audit::record::{Hash, NOTHING, Record};
use crate::audit::service::Audit;
use crate::audit::store::tree::StoredCheckpoint;
use crate::audit::store::{appending, reading, tree};
use crate::audit::tiles::{TilePosition, Tiles, path_to};
use crate::audit::witness::Witness;

/// How many records are read at once.
const PAGE: i64 = 1_000;

/// A checkpoint and what was made of it.
#[derive(Clone, Debug)]
pub struct Signed {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// As it is handed out.
    pub note: String,
}

/// That a record stands in the log of a checkpoint.
#[derive(Clone, Debug)]
pub struct Inclusion {
    /// The record.
    pub record: Record,
    /// The way to the root, from below.
    pub path: Vec<Hash>,
}

impl Audit {
    /// The keys that verify this server's checkpoints.
    pub fn verifying_keys(&self) -> Vec<VerifyingKey> {
        self.keys.all().map(VerifyingKey::of).collect()
    }

    /// The checkpoint of a log as it is now; none of a log without records.
    pub async fn checkpoint(&self, log: &Log) -> Result<Option<Signed>, Error> {
        let mut conn = self.db.acquire().await?;
        let Some(end) = appending::end(&mut conn, log.as_str()).await? else {
            return Ok(None);
        };
        let last = self.last(&mut conn, log).await?;
        if let Some(last) = &last
            && last.checkpoint.size >= end.size
        {
            return Ok(Some(last.clone()));
        }
        chain::check(&self.keys, &end)?;
        let from = last.map_or_else(Start::of_empty, |last| Start::at(&last.checkpoint));
        let mut tx = conn.begin().await?;
        let root = self.grow(&mut tx, log, from, &end).await?;
        let checkpoint = Checkpoint {
            log: log.as_str().to_owned(),
            size: end.size,
            root,
            head: Hash::try_from(end.head.as_slice()).unwrap_or(NOTHING),
            at: self.clock.now(),
            is_base: false,
        };
        let signed = self.keep(&mut tx, checkpoint).await?;
        tx.commit().await?;
        Ok(Some(signed))
    }

    async fn last(&self, conn: &mut PgConnection, log: &Log) -> Result<Option<Signed>, Error> {
        let Some(stored) = tree::last_checkpoint(conn, log.as_str()).await? else {
            return Ok(None);
        };
        let opened = Checkpoint::open(&stored.note, &self.verifying_keys());
        let checkpoint = opened.map_err(|_| Error::BrokenTree(log.to_string()))?;
        let note = stored.note;
        Ok(Some(Signed { checkpoint, note }))
    }

    /// Signs and keeps a checkpoint.
    pub(super) async fn keep(
        &self,
        conn: &mut PgConnection,
        checkpoint: Checkpoint,
    ) -> Result<Signed, Error> {
        let note = checkpoint.sign(self.keys.current()?);
        let stored = StoredCheckpoint {
            size: checkpoint.size,
            is_base: checkpoint.is_base,
            note: note.clone(),
        };
        let (root, at) = (checkpoint.root, checkpoint.at);
        tree::keep_checkpoint(conn, &checkpoint.log, &stored, &root, at).await?;
        Ok(Signed { checkpoint, note })
    }

    /// Adds the records between the last checkpoint and an end to the tree, each checked, and answers
    /// with the root. What does not fit is not signed.
    async fn grow(
        &self,
        conn: &mut PgConnection,
        log: &Log,
        from: Start,
        end: &appending::End,
    ) -> Result<Hash, Error> {
        let broken = || Error::BrokenTree(log.to_string());
        let mut tiles = edge(conn, log, from.size).await?;
        let before = tiles.frontier(number(from.size)).ok_or_else(broken)?;
        if before.root() != from.root {
            return Err(broken());
        }
        let (mut size, mut head) = (from.size, from.head.to_vec());
        while size < end.size {
            let page = reading::records_after(conn, log.as_str(), size, None, PAGE).await?;
            let mut changed: Vec<TilePosition> = Vec::new();
            for record in page.iter().take_while(|record| record.sequence <= end.size) {
                let whole = record.sequence == size + 1
                    && record.previous == head
                    && record.hash == record.computed_hash();
                if !whole {
                    return Err(broken());
                }
                changed.extend(tiles.push(number(size), leaf(&record.hash)));
                size = record.sequence;
                head.clone_from(&record.hash);
            }
            if changed.is_empty() {
                return Err(broken());
            }
            changed.sort_unstable();
            changed.dedup();
            let rows: Vec<_> = changed
                .into_iter()
                .filter_map(|at| Some((at, tiles.bytes(at)?)))
                .collect();
            tree::keep_tiles(conn, log.as_str(), &rows).await?;
        }
        if head != end.head {
            return Err(broken());
        }
        let frontier = tiles.frontier(number(size)).ok_or_else(broken)?;
        Ok(frontier.root())
    }

    /// The checkpoint of now, and the proof that it continues the log as it was with `since` records.
    pub async fn checkpoint_since(
        &self,
        log: &Log,
        since: i64,
    ) -> Result<Option<(Signed, Vec<Hash>)>, Error> {
        let Some(signed) = self.checkpoint(log).await? else {
            return Ok(None);
        };
        let size = signed.checkpoint.size;
        if !(0..=size).contains(&since) {
            return Err(Error::NoSuchSize { asked: since, size });
        }
        let mut conn = self.db.acquire().await?;
        let tiles = around(&mut conn, log, &[since - 1, size - 1], size).await?;
        let path = tiles.consistency(number(since), number(size));
        let path = path.ok_or_else(|| Error::BrokenTree(log.to_string()))?;
        Ok(Some((signed, path)))
    }

    /// The proof that the records of an entry stand in the log, against the checkpoint of now.
    pub async fn prove(
        &self,
        log: &Log,
        entry: EntryId,
    ) -> Result<(Signed, Vec<Inclusion>), Error> {
        let mut conn = self.db.acquire().await?;
        let records = reading::records_of(&mut conn, log.as_str(), entry).await?;
        drop(conn);
        if records.is_empty() {
            return Err(Error::NotFound(entry));
        }
        let signed = self.checkpoint(log).await?;
        let signed = signed.ok_or(Error::NotFound(entry))?;
        let size = signed.checkpoint.size;
        let mut leaves: Vec<i64> = records.iter().map(|record| record.sequence - 1).collect();
        leaves.push(size - 1);
        let mut conn = self.db.acquire().await?;
        let tiles = around(&mut conn, log, &leaves, size).await?;
        let mut found = Vec::new();
        for record in records {
            let path = tiles.inclusion(number(record.sequence - 1), number(size));
            let path = path.ok_or_else(|| Error::BrokenTree(log.to_string()))?;
            found.push(Inclusion { record, path });
        }
        Ok((signed, found))
    }

    /// Makes the checkpoints of all logs that have grown, from time to time, until `stopping`; shows them
    /// to the witness.
    pub async fn keep_checkpoints(
        self,
        every: Duration,
        witness: Option<PathBuf>,
        stopping: CancellationToken,
    ) {
        let witness = witness.map(Witness::in_folder);
        while stopping
            .run_until_cancelled(tokio::time::sleep(every))
            .await
            .is_some()
        {
            self.make_checkpoints(witness.as_ref()).await;
        }
    }

    /// Makes the checkpoints of all logs that have grown.
    pub async fn make_checkpoints(&self, witness: Option<&Witness>) {
        let grown = async {
            let mut conn = self.db.acquire().await?;
            tree::grown(&mut conn).await
        };
        let grown = match grown.await {
            Ok(grown) => grown,
            Err(error) => {
                tracing::warn!(%error, "no audit checkpoints were made");
                return;
            }
        };
        for name in grown {
            let log = Log::from_name(&name);
            let made = async {
                let signed = self.checkpoint(&log).await?;
                if let (Some(witness), Some(signed)) = (witness, &signed) {
                    self.show(witness, &log, signed).await?;
                }
                Ok::<_, Error>(signed)
            };
            match made.await {
                Ok(Some(signed)) => tracing::info!(
                    org.id = %name,
                    audit.size = signed.checkpoint.size,
                    audit.checkpoint = %signed.note.replace('\n', "\\n"),
                    "an audit log was signed"
                ),
                Ok(None) => {}
                Err(error) => {
                    self.metrics.navi_audit_checkpoint_failures_total.inc();
                    tracing::error!(%error, org.id = %name, "an audit log cannot be signed");
                }
            }
        }
    }

    /// Shows a checkpoint to the witness, who remembers the last one: a log that no longer continues
    /// it was rolled back.
    async fn show(&self, witness: &Witness, log: &Log, signed: &Signed) -> Result<(), Error> {
        if let Some(seen) = witness.last(log, &self.verifying_keys()) {
            let mut conn = self.db.acquire().await?;
            let size = signed.checkpoint.size;
            let tiles = around(&mut conn, log, &[seen.size - 1, size - 1], size).await?;
            let continues = seen.size <= size
                && tiles
                    .frontier(number(seen.size))
                    .is_some_and(|then| then.root() == seen.root);
            if !continues {
                return Err(Error::RolledBack {
                    log: log.to_string(),
                    seen: seen.size,
                });
            }
        }
        if let Err(error) = witness.remember(log, &signed.note) {
            tracing::warn!(%error, "the last audit checkpoint could not be kept beside the database");
        }
        Ok(())
    }
}

/// Where the tree was last signed.
struct Start {
    size: i64,
    root: Hash,
    head: Hash,
}

impl Start {
    fn of_empty() -> Self {
        Self {
            size: 0,
            root: empty(),
            head: NOTHING,
        }
    }

    fn at(checkpoint: &Checkpoint) -> Self {
        Self {
            size: checkpoint.size,
            root: checkpoint.root,
            head: checkpoint.head,
        }
    }
}

/// The right edge of a tree of this size: what is needed to append and to know the root.
pub(super) async fn edge(
    conn: &mut PgConnection,
    log: &Log,
    size: i64,
) -> Result<Tiles, sqlx::Error> {
    around(conn, log, &[size - 1], size).await
}

/// The tiles along the ways to some leaves of a tree of this size.
pub(super) async fn around(
    conn: &mut PgConnection,
    log: &Log,
    leaves: &[i64],
    size: i64,
) -> Result<Tiles, sqlx::Error> {
    let mut positions: Vec<TilePosition> = leaves
        .iter()
        .filter(|leaf| **leaf >= 0)
        .flat_map(|leaf| path_to(number(*leaf), number(size)))
        .collect();
    positions.sort_unstable();
    positions.dedup();
    let mut tiles = Tiles::default();
    for (position, hashes) in tree::tiles(conn, log.as_str(), &positions).await? {
        tiles.insert(position, &hashes);
    }
    Ok(tiles)
}

/// Sizes and numbers are never negative.
pub(super) fn number(size: i64) -> u64 {
    u64::try_from(size).unwrap_or_default()
}
