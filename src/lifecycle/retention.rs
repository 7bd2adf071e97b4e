//! A pass over all tables: the coming months are made, and what is too old goes.

use std::time::Duration;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use sqlx::{Connection, PgConnection};
use tokio::time::Instant;

use crate::audit::service::Audit;
use crate::lifecycle::error::Error;
use crate::lifecycle::model::{Pass, Periods, TableRetention};
use crate::lifecycle::{store, tables};
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::db;
use crate::platform::db::MONTHS_READY;
use crate::platform::tables::model::Stays;
use crate::platform::tables::store as table_store;

/// The interval at which a waiting process asks for its turn.
const ASKS_EVERY: Duration = Duration::from_millis(200);
/// The most months that are made for rows that came when there were none.
const MOST_MONTHS: i32 = 120;

/// Looks after what is kept; cheap to clone.
#[derive(Clone, Debug)]
pub struct Retention {
    db: Pool,
    clock: Clock,
    audit: Audit,
    periods: Periods,
}

impl Retention {
    /// Over this database, with these times.
    pub fn new(db: Pool, clock: Clock, audit: Audit, periods: Periods) -> Self {
        Self {
            db,
            clock,
            audit,
            periods,
        }
    }

    /// Makes a pass, or only says what one would do. Nothing when another process was at it all the
    /// time that there was to wait.
    ///
    /// Every table is for itself: one that another session has locked for more than five seconds, or that
    /// fails otherwise, is left as it is, and the others go on.
    pub async fn run(&self, dry_run: bool, patience: Duration) -> Result<Option<Pass>, Error> {
        if dry_run {
            return self.pass(true).await.map(Some);
        }
        // A session of its own, outside the pool: its lock ends with it, whatever happens.
        let mut turn = self.db.session().await?;
        let until = Instant::now() + patience;
        while !store::keep_alone(&mut turn).await? {
            if Instant::now() >= until {
                turn.close().await?;
                return Ok(None);
            }
            tokio::time::sleep(ASKS_EVERY).await;
        }
        let pass = self.pass(false).await;
        store::let_others(&mut turn).await?;
        turn.close().await?;
        pass.map(Some)
    }

    async fn pass(&self, dry_run: bool) -> Result<Pass, Error> {
        let now = self.clock.now();
        let mut pass = Pass {
            dry_run,
            months_made: 0,
            months_problem: None,
            tables: Vec::new(),
        };
        if !dry_run {
            match self.make_months(now).await {
                Ok(made) => pass.months_made = made,
                Err(error) => {
                    tracing::warn!(%error, "the partitions of the coming months could not be \
                                            created");
                    pass.months_problem = Some(error.to_string());
                }
            }
        }
        for declared in tables::all() {
            let table = declared.table;
            let Some(mut kept) = self.begun(table, declared.stays, now) else {
                continue;
            };
            if let Err(error) = self.keep(declared.stays, &mut kept, now, dry_run).await {
                if error.is_lost() {
                    return Err(error);
                }
                tracing::warn!(%error, table, "old rows stay");
                kept.problem = Some(error.to_string());
            }
            if !dry_run && (!kept.dropped.is_empty() || kept.forgotten > 0) {
                let TableRetention {
                    dropped, forgotten, ..
                } = &kept;
                tracing::info!(table, ?dropped, forgotten, "old rows are gone");
            }
            pass.tables.push(kept);
        }
        Ok(pass)
    }

    /// A table that has a time.
    fn begun(
        &self,
        table: &'static str,
        stays: Stays,
        now: DateTime<Utc>,
    ) -> Option<TableRetention> {
        match stays {
            Stays::Months { setting, .. } | Stays::SignedMonths { setting } => {
                let days = self.periods.days(setting);
                Some(TableRetention::new(table, Some(setting), days, now))
            }
            Stays::Days { days, .. } => Some(TableRetention::new(table, None, Some(days), now)),
            Stays::With(_) | Stays::Until(_) => None,
        }
    }

    async fn keep(
        &self,
        stays: Stays,
        kept: &mut TableRetention,
        now: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<(), Error> {
        let Some(days) = kept.days else {
            return Ok(());
        };
        let mut conn = self.db.acquire().await?;
        let before = now - TimeDelta::days(days.into());
        match stays {
            Stays::Months { .. } | Stays::SignedMonths { .. } if dry_run => {
                kept.dropped = store::old_months(&mut conn, kept.table, days).await?;
            }
            Stays::Months { .. } => {
                kept.dropped = db::drop_old_months(&mut conn, kept.table, days).await?;
            }
            Stays::SignedMonths { .. } => {
                drop(conn);
                kept.dropped = self.audit.retain(days).await?;
            }
            Stays::Days { column, .. } if dry_run => {
                let (table, count) = (kept.table, table_store::count_older);
                kept.forgotten = count(&mut conn, table, column, before).await?;
            }
            Stays::Days { column, .. } => {
                let (table, forget) = (kept.table, table_store::forget_older);
                kept.forgotten = forget(&mut conn, table, column, before).await?;
            }
            Stays::With(_) | Stays::Until(_) => {}
        }
        Ok(())
    }

    /// Makes the coming months, and those of rows that came when their month was not there: only what
    /// lies in a month can be dropped with it.
    async fn make_months(&self, now: DateTime<Utc>) -> Result<i32, Error> {
        let mut conn = self.db.acquire().await?;
        let mut made = db::make_month_partitions(&mut conn, now, MONTHS_READY).await?;
        let oldest = oldest_without_month(&mut conn).await?;
        if let Some(oldest) = oldest.filter(|oldest| *oldest < now) {
            let months = (months_of(now) - months_of(oldest) + 1).clamp(1, MOST_MONTHS);
            made += db::make_month_partitions(&mut conn, oldest, months).await?;
        }
        Ok(made)
    }
}

/// The oldest row of all tables for which there was no month.
async fn oldest_without_month(conn: &mut PgConnection) -> Result<Option<DateTime<Utc>>, Error> {
    let mut oldest = None;
    for declared in tables::all() {
        let column = match declared.stays {
            Stays::Months { column, .. } => column,
            Stays::SignedMonths { .. } => "created_at",
            Stays::Days { .. } | Stays::With(_) | Stays::Until(_) => continue,
        };
        let found = table_store::oldest_without_month(conn, declared.table, column).await?;
        oldest = match (oldest, found) {
            (Some(one), Some(other)) => Some(DateTime::min(one, other)),
            (one, other) => one.or(other),
        };
    }
    Ok(oldest)
}

/// Months since the year 0.
fn months_of(at: DateTime<Utc>) -> i32 {
    at.year() * 12 + i32::try_from(at.month0()).unwrap_or_default()
}
