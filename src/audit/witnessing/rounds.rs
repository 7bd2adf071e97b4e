//! Signing all logs from time to time, and bearing witness of what was signed.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::audit::checkpoints::{Signed, around, number};
use crate::audit::error::Error;
use crate::audit::event::Event;
use crate::audit::model::{Actor, ActorKind, Log, NewEntry, Outcome, Phase};
use crate::audit::note::Checkpoint;
use crate::audit::service::Audit;
use crate::audit::store::mark::mark;
use crate::audit::store::{appending, reading, tree};
use crate::audit::witnessing::beginnings::beginning_of;
use crate::audit::witnessing::statement::line;
use crate::platform::sync::lock;

/// The most checkpoints that one record names.
const MAX_NAMED: usize = 200;
/// The most checkpoints that wait to be named, when the server's own log takes no records.
const MAX_UNNAMED: usize = 10_000;

impl Audit {
    /// Makes the checkpoints of all logs that have grown, from time to time, until `stopping`.
    pub async fn keep_checkpoints(self, every: Duration, stopping: CancellationToken) {
        while stopping
            .run_until_cancelled(tokio::time::sleep(every))
            .await
            .is_some()
        {
            self.make_checkpoints().await;
        }
    }

    /// Makes the checkpoints of all logs that have grown. Those of the others say what the server's own
    /// log was before, which names them and is signed last.
    pub async fn make_checkpoints(&self) {
        let grown = self.grown().await;
        let (own, others): (Vec<_>, Vec<_>) = grown.iter().partition(|name| name.is_empty());
        if !own.is_empty() && !others.is_empty() {
            self.sign_in_turn(&Log::Server).await;
        }
        for name in others {
            self.sign_in_turn(&Log::from_name(name)).await;
        }
        let named = match self.name_checkpoints().await {
            Ok(named) => named,
            Err(error) => {
                self.metrics.navi_audit_checkpoint_failures_total.inc();
                tracing::error!(%error, "the server's own log does not name the checkpoints of others");
                0
            }
        };
        if named > 0 || !own.is_empty() {
            self.sign_in_turn(&Log::Server).await;
        }
    }

    async fn grown(&self) -> Vec<String> {
        let grown = async {
            let mut conn = self.db.acquire().await?;
            tree::grown(&mut conn).await
        };
        grown.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "no audit checkpoints were made");
            Vec::new()
        })
    }

    async fn sign_in_turn(&self, log: &Log) {
        match self.checkpoint(log).await {
            Ok(Some(signed)) => tracing::info!(
                org.id = %log.as_str(),
                audit.size = signed.checkpoint.size,
                audit.checkpoint = %signed.note.replace('\n', "\\n"),
                "an audit log was signed"
            ),
            Ok(None) => {}
            Err(error) => {
                self.metrics.navi_audit_checkpoint_failures_total.inc();
                tracing::error!(%error, org.id = %log.as_str(), "an audit log cannot be signed");
            }
        }
    }

    /// Remembers that the server's own log is to name a checkpoint.
    pub(in crate::audit) fn name_later(&self, checkpoint: &Checkpoint) {
        let mut unnamed = lock(&self.unnamed);
        if !checkpoint.log.is_empty() && unnamed.len() < MAX_UNNAMED {
            unnamed.push(checkpoint.clone());
        }
    }

    /// Writes into the server's own log which checkpoints of others this process made since it last
    /// did, and the last one of its own. Answers how many of others.
    ///
    /// Its own alone are no reason to write: each record would be one for the next.
    pub async fn name_checkpoints(&self) -> Result<usize, Error> {
        let others = std::mem::take(&mut *lock(&self.unnamed));
        if others.is_empty() {
            return Ok(0);
        }
        let named = self.name_all(&others).await;
        if named.is_err() {
            for one in &others {
                self.name_later(one);
            }
        }
        named.map(|()| others.len())
    }

    async fn name_all(&self, others: &[Checkpoint]) -> Result<(), Error> {
        let mut conn = self.db.acquire().await?;
        let own = self.last(&mut conn, &Log::Server).await?;
        drop(conn);
        let own = own.map(|signed| signed.checkpoint);
        let lines: Vec<String> = others.iter().chain(&own).map(line).collect();
        for some in lines.chunks(MAX_NAMED) {
            let entry = NewEntry::new(
                Log::Server,
                Event::AuditWitnessed,
                Actor::nameless(ActorKind::Server),
            );
            let (mut record, _key) = self.draft(entry, Phase::Noted)?;
            record.outcome = Some(Outcome::Success);
            record.statement = Some(some.join("\n"));
            self.write(record).await?;
        }
        // Behind the record: a beginning that the writer was still to name is named by now.
        self.name_beginnings(others).await
    }

    /// Names the beginnings of logs of which the server's own log says nothing: of a version that named
    /// none, or in a month that was dropped.
    async fn name_beginnings(&self, others: &[Checkpoint]) -> Result<(), Error> {
        let mut conn = self.db.acquire().await?;
        let logs: BTreeSet<&str> = others.iter().map(|one| one.log.as_str()).collect();
        let marks: Vec<String> = logs.iter().map(|log| mark(log)).collect();
        let there = appending::traces_there(&mut conn, Log::Server.as_str(), &marks).await?;
        for log in logs.into_iter().filter(|log| !there.contains(&mark(log))) {
            let first = reading::records_after(&mut conn, log, 0, None, 1).await?;
            if let Some(first) = first.first() {
                let record = beginning_of(first, self.keys.current()?, &self.clock);
                self.write(record).await?;
            }
        }
        Ok(())
    }

    /// Has the server's own log name the checkpoint that was signed for a caller. A log that cannot be
    /// written to is no reason to refuse them.
    pub async fn name_soon(&self) {
        if let Err(error) = self.name_checkpoints().await {
            tracing::error!(%error, "the server's own log does not name the checkpoints of others");
        }
    }

    /// Shows a checkpoint to the witness, who remembers the last one: a log that no longer continues
    /// it was rolled back.
    pub(in crate::audit) async fn show(
        &self,
        log: &Log,
        signed: &Signed,
        is_new: bool,
    ) -> Result<(), Error> {
        let size = signed.checkpoint.size;
        let seen = self.witness.last(log, &self.verifying_keys());
        if let Some(seen) = &seen
            && !self.continues(log, seen, size).await?
        {
            return Err(Error::RolledBack {
                log: log.clone(),
                seen: seen.size,
            });
        }
        // Another request was faster, or showed the same; a file by itself is told only what is new.
        let is_known = match &seen {
            Some(seen) => seen.size >= size,
            None => !is_new && !self.witness.has_folder(),
        };
        if is_known {
            return Ok(());
        }
        self.keep_outside(log, signed).await;
        Ok(())
    }

    /// Keeps a checkpoint where the witness keeps them, whatever stands there.
    pub(in crate::audit) async fn keep_outside(&self, log: &Log, signed: &Signed) {
        let (witness, log, note) = (self.witness.clone(), log.clone(), signed.note.clone());
        let remembered = tokio::task::spawn_blocking(move || witness.remember(&log, &note)).await;
        let problem = match remembered {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            problem,
            "the last audit checkpoint could not be kept beside the database"
        );
    }

    /// True if a log begins with the records of this checkpoint. It has `size` records at least, or as
    /// many as a later checkpoint says that was made meanwhile.
    async fn continues(&self, log: &Log, seen: &Checkpoint, size: i64) -> Result<bool, Error> {
        let mut conn = self.db.acquire().await?;
        let last = tree::last_checkpoint(&mut conn, log.as_str()).await?;
        let size = last.map_or(size, |last| last.size.max(size));
        if seen.size > size {
            return Ok(false);
        }
        let tiles = around(&mut conn, log, &[seen.size - 1, size - 1], size).await?;
        let then = tiles.frontier(number(seen.size));
        Ok(then.is_some_and(|then| then.root() == seen.root))
    }
}
