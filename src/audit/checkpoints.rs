//! Making checkpoints, and proofs against them.

use sqlx::{Connection, PgConnection};

use crate::audit::error::Error;
use crate::audit::model::{EntryId, Log};
use crate::audit::note::{Checkpoint, VerifyingKey};
use crate::audit::record::{Hash, NOTHING, Record};
use crate::audit::seals::seal;
use crate::audit::service::Audit;
use crate::audit::store::tree::StoredCheckpoint;
use crate::audit::store::{appending, reading, tree};
use crate::audit::tree::merkle::{Ranges, empty, leaf};
use crate::audit::tree::tiles::{TilePosition, Tiles, path_to};

/// The number of records read at once.
const PAGE: i64 = 1_000;

/// A checkpoint and what was made of it.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The checkpoint itself.
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

    /// The checkpoint of a log as it is now; none of a log without records. It is kept in the database,
    /// shown to the witness, and named in the server's own log soon.
    pub async fn checkpoint(&self, log: &Log) -> Result<Option<Signed>, Error> {
        self.settled().await;
        let mut conn = self.db.acquire().await?;
        // Before the end, which so lies behind all of them.
        let seen = self.witness.last(log, &self.verifying_keys());
        let written = self.floors.remembered(log.as_str());
        let last = self.last(&mut conn, log).await;
        let Some(end) = appending::end(&mut conn, log.as_str()).await? else {
            let asked = [log.as_str().to_owned()];
            let headless = appending::headless(&mut conn, &asked).await?;
            return if headless.is_empty() && seen.is_none() {
                Ok(None)
            } else {
                Err(Error::EndMissing(log.clone()))
            };
        };
        seal::check(&self.keys, &end)?;
        if end.size == 0 {
            return Ok(None);
        }
        let last = last?;
        self.miss_kept(&mut conn, log, seen.as_ref(), last.as_ref())
            .await?;
        let known = last.as_ref().map(|last| last.checkpoint.size);
        let known = known.max(seen.map(|seen| seen.size)).max(written);
        if let Some(seen) = known.filter(|size| *size > end.size) {
            let log = log.clone();
            return Err(Error::RolledBack { log, seen });
        }
        let is_new = last
            .as_ref()
            .is_none_or(|last| last.checkpoint.size < end.size);
        let signed = match last {
            Some(last) if !is_new => last,
            last => {
                let from = last.map_or_else(Start::of_empty, |last| Start::at(&last.checkpoint));
                let mut tx = conn.begin().await?;
                let signed = self.sign(&mut tx, log, from, &end).await?;
                tx.commit().await?;
                self.name_later(&signed.checkpoint);
                signed
            }
        };
        drop(conn);
        self.show(log, &signed, is_new).await?;
        Ok(Some(signed))
    }

    /// Signs a log up to an end that is trusted, and keeps that.
    async fn sign(
        &self,
        conn: &mut PgConnection,
        log: &Log,
        from: Start,
        end: &appending::End,
    ) -> Result<Signed, Error> {
        let root = self.grow(conn, log, from, end).await?;
        let checkpoint = Checkpoint {
            log: log.as_str().to_owned(),
            size: end.size,
            root,
            head: seal::head(end),
            at: self.clock.now(),
            is_base: false,
            server: self.server_then(conn, log).await?,
        };
        self.keep(conn, checkpoint).await
    }

    /// Finds that the checkpoint in the data folder is gone from the database: with the next one in its
    /// place nothing would know of it.
    async fn miss_kept(
        &self,
        conn: &mut PgConnection,
        log: &Log,
        seen: Option<&Checkpoint>,
        last: Option<&Signed>,
    ) -> Result<(), Error> {
        let Some(seen) = seen.map(|seen| seen.size) else {
            return Ok(());
        };
        if last.is_some_and(|last| last.checkpoint.size == seen) {
            return Ok(());
        }
        let rows = tree::checkpoints(conn, log.as_str(), seen, seen).await?;
        let end = appending::end(conn, log.as_str()).await?;
        if rows.iter().any(|row| !row.is_base) || end.is_some_and(|end| end.size < seen) {
            return Ok(());
        }
        let log = log.clone();
        Err(Error::CheckpointGone { log, seen })
    }

    /// The size and root of the server's own log when it was last signed, for the checkpoint of another log;
    /// nothing if that cannot be trusted, which is found elsewhere.
    async fn server_then(
        &self,
        conn: &mut PgConnection,
        log: &Log,
    ) -> Result<Option<(i64, Hash)>, Error> {
        if *log == Log::Server {
            return Ok(None);
        }
        match self.last(conn, &Log::Server).await {
            Ok(last) => Ok(last.map(|last| (last.checkpoint.size, last.checkpoint.root))),
            Err(Error::Database(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// Signs a log that was verified from its first record on, no matter who signed the checkpoint before.
    pub(super) async fn sign_verified(
        &self,
        conn: &mut PgConnection,
        log: &Log,
        end: &appending::End,
    ) -> Result<Signed, Error> {
        let last = tree::last_checkpoint(conn, log.as_str()).await?;
        let last = last.map(|last| Checkpoint::read(&last.note)).transpose();
        let last = last.map_err(|_| Error::BrokenTree(log.to_string()))?;
        let from = last.map_or_else(Start::of_empty, |last| Start::at(&last.checkpoint));
        self.sign(conn, log, from, end).await
    }

    /// The last checkpoint of a log, which one of the keys signed and whose row says the same.
    pub(super) async fn last(
        &self,
        conn: &mut PgConnection,
        log: &Log,
    ) -> Result<Option<Signed>, Error> {
        let Some(stored) = tree::last_checkpoint(conn, log.as_str()).await? else {
            return Ok(None);
        };
        let broken = || Error::BrokenTree(log.to_string());
        let read = Checkpoint::read(&stored.note).map_err(|_| broken())?;
        if !says(&stored, log.as_str(), &read.checkpoint) {
            return Err(broken());
        }
        self.keys.get(&read.key)?;
        let opened = Checkpoint::open(&stored.note, &self.verifying_keys());
        let checkpoint = opened.map_err(|_| broken())?;
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
            root: checkpoint.root.to_vec(),
            note: note.clone(),
            created_at: checkpoint.at,
        };
        tree::keep_checkpoint(conn, &checkpoint.log, &stored).await?;
        Ok(Signed { checkpoint, note })
    }

    /// Adds the records between the last checkpoint and an end to the tree, each checked, and answers
    /// with the root. What does not fit is not signed.
    pub(super) async fn grow(
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
        self.name_soon().await;
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
        self.settled().await;
        let mut conn = self.db.acquire().await?;
        let records = reading::records_of(&mut conn, log.as_str(), entry).await?;
        drop(conn);
        if records.is_empty() {
            return Err(Error::NotFound(entry.to_string()));
        }
        let signed = self.checkpoint(log).await?;
        let signed = signed.ok_or_else(|| Error::NotFound(entry.to_string()))?;
        self.name_soon().await;
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
}

/// True if the columns of a stored checkpoint say what its signed text says.
pub(super) fn says(stored: &StoredCheckpoint, log: &str, checkpoint: &Checkpoint) -> bool {
    checkpoint.log == log
        && checkpoint.size == stored.size
        && checkpoint.is_base == stored.is_base
        && checkpoint.root == *stored.root
        && checkpoint.at == stored.created_at
}

/// Where the tree was last signed.
pub(super) struct Start {
    size: i64,
    root: Hash,
    head: Hash,
}

impl Start {
    /// An empty tree.
    pub(super) fn of_empty() -> Self {
        Self {
            size: 0,
            root: empty(),
            head: NOTHING,
        }
    }

    /// The tree of a checkpoint.
    pub(super) fn at(checkpoint: &Checkpoint) -> Self {
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
