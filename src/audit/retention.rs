//! Dropping old months, and leaving what stays provable.

use sqlx::Acquire;

use crate::audit::checkpoints::{around, number};
use crate::audit::error::Error;
use crate::audit::event::Event;
use crate::audit::model::{Actor, ActorKind, Log, NewEntry, Outcome};
use crate::audit::note::Checkpoint;
use crate::audit::record::{Hash, NOTHING};
use crate::audit::service::Audit;
use crate::audit::store::{reading, tree};
use crate::platform::db;

impl Audit {
    /// Drops the months of all logs that are older than so many days, and answers with their names.
    ///
    /// Behind the last checkpoint nothing is dropped: each log is signed first, and where its records
    /// will begin is signed as its base, without which `navi audit verify` takes them for removed.
    pub async fn retain(&self, days: i32) -> Result<Vec<String>, Error> {
        let mut conn = self.db.acquire().await?;
        let Some(cutoff) = db::months_older_than(&mut conn, "audit_records", days).await? else {
            return Ok(Vec::new());
        };
        let last = tree::last_before(&mut conn, cutoff).await?;
        drop(conn);
        for (name, size) in &last {
            self.sign_base(&Log::from_name(name), *size).await?;
        }
        let entry = NewEntry {
            payload: Some(serde_json::json!({"before": cutoff, "logs": last.len()})),
            ..NewEntry::new(
                Log::Server,
                Event::AuditRetained,
                Actor::nameless(ActorKind::Server),
            )
        };
        self.note(entry, Outcome::Success).await?;
        let mut conn = self.db.acquire().await?;
        let mut tx = conn.begin().await?;
        // One transaction sees one present moment: no month more than was signed is dropped.
        if db::months_older_than(&mut tx, "audit_records", days).await? != Some(cutoff) {
            return Ok(Vec::new());
        }
        let dropped = db::drop_old_months(&mut tx, "audit_records", days).await?;
        tx.commit().await?;
        Ok(dropped)
    }

    /// Counts the records of a log that [`Self::retain`] would drop by now.
    pub async fn overdue(&self, log: &Log, days: i32) -> Result<i64, Error> {
        let mut conn = self.db.acquire().await?;
        let Some(cutoff) = db::months_older_than(&mut conn, "audit_records", days).await? else {
            return Ok(0);
        };
        Ok(reading::count_before(&mut conn, log.as_str(), cutoff).await?)
    }

    async fn sign_base(&self, log: &Log, size: i64) -> Result<(), Error> {
        let broken = || Error::BrokenTree(log.to_string());
        let signed = self.checkpoint(log).await?.ok_or_else(broken)?;
        let whole = signed.checkpoint.size;
        let mut conn = self.db.acquire().await?;
        let mut tx = conn.begin().await?;
        let tiles = around(&mut tx, log, &[size - 1, whole - 1], whole).await?;
        let root = tiles.frontier(number(size)).ok_or_else(broken)?.root();
        let record = reading::records_after(&mut tx, log.as_str(), size - 1, None, 1).await?;
        let head = record.first().filter(|record| record.sequence == size);
        let head = head.ok_or_else(broken)?;
        let base = Checkpoint {
            log: log.as_str().to_owned(),
            size,
            root,
            head: Hash::try_from(head.hash.as_slice()).unwrap_or(NOTHING),
            at: self.clock.now(),
            is_base: true,
            server: None,
        };
        self.keep(&mut tx, base).await?;
        tx.commit().await?;
        Ok(())
    }
}
