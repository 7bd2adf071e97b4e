//! The database of the servers while a stage goes on.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use tokio::time::Instant;

use crate::cli::load::report::measured::DatabaseUse;
use crate::cli::load::watch::process::postgres_processor_seconds;
use crate::cli::load::watch::store;
use crate::cli::load::watch::store::DatabaseCounters;

/// The database as it was seen since the stage began.
pub struct WatchedDatabase {
    conn: PgConnection,
    began: Instant,
    before: DatabaseCounters,
    processor_before: Option<f64>,
    active_most: i64,
    waits: BTreeMap<String, u64>,
}

impl WatchedDatabase {
    /// Begins to watch.
    pub async fn begin(mut conn: PgConnection) -> sqlx::Result<Self> {
        let before = store::counters(&mut conn).await?;
        Ok(Self {
            processor_before: processor(&before),
            conn,
            began: Instant::now(),
            before,
            active_most: 0,
            waits: BTreeMap::new(),
        })
    }

    /// Looks what its sessions do.
    pub async fn look(&mut self) -> sqlx::Result<()> {
        let waits = store::waits(&mut self.conn).await?;
        let active = waits.iter().map(|(_, sessions)| sessions).sum();
        self.active_most = self.active_most.max(active);
        for (wait, _) in waits {
            *self.waits.entry(wait).or_default() += 1;
        }
        Ok(())
    }

    /// The use since the watch began.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 rows and blocks")]
    pub async fn over(mut self) -> sqlx::Result<DatabaseUse> {
        let after = store::counters(&mut self.conn).await?;
        let seconds = self.began.elapsed().as_secs_f64();
        let rate = |of: fn(&DatabaseCounters) -> i64| {
            (of(&after) - of(&self.before)).max(0) as f64 / seconds
        };
        let (read, hit) = (rate(|now| now.read_blocks), rate(|now| now.hit_blocks));
        let processors = self
            .processor_before
            .zip(processor(&after))
            .map(|(before, after)| (after - before).max(0.0) / seconds);
        Ok(DatabaseUse {
            commits: rate(|now| now.commits),
            written: rate(|now| now.written),
            read_blocks: read,
            hit: if read + hit > 0.0 {
                hit / (read + hit)
            } else {
                1.0
            },
            wal_bytes: (after.wal_bytes - self.before.wal_bytes).max(0.0) / seconds,
            deadlocks: after.deadlocks - self.before.deadlocks,
            active_most: self.active_most,
            waits: self.waits,
            processors,
        })
    }
}

fn processor(counters: &DatabaseCounters) -> Option<f64> {
    postgres_processor_seconds(u32::try_from(counters.session).ok()?)
}
