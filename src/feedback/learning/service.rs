//! A pass over all organisations in which something has changed.

use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::feedback::bandit::service as bandit;
use crate::feedback::learning::error::Error;
use crate::feedback::learning::pass::{self, Done, Frame};
use crate::feedback::learning::posterior;
use crate::feedback::learning::store::counts;
use crate::feedback::learning::store::passes::{self, Due};
use crate::platform::clock::Clock;

pub use crate::feedback::learning::model::{FailedOrg, Options, Outcome, Progress, Report};

/// How often somebody who waits for their turn asks for it.
const ASKS_EVERY: Duration = Duration::from_millis(200);
/// So many organisations are looked at together: what is read of them is in memory at once.
const TOGETHER: usize = 50;
/// The longest text that is kept of a problem, in characters.
const MOST_PROBLEM: usize = 500;

/// Makes passes; cheap to clone.
#[derive(Clone, Debug)]
pub struct Analyzer {
    db: PgPool,
    clock: Clock,
}

impl Analyzer {
    /// Over this database.
    pub fn new(db: PgPool, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// Makes a pass. Nothing when another process was at it all the time that there was to wait.
    ///
    /// Every organisation is for itself: one that fails is noted and tried again with the next pass.
    /// Between organisations the pass looks whether it is to stop, and then leaves the rest to the next
    /// one. It may also be killed: what is next is only moved when all were looked at.
    pub async fn pass(
        &self,
        options: &Options,
        stopping: &CancellationToken,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Option<Report>, Error> {
        // A session of its own, outside the pool: its lock ends with it, whatever happens.
        let mut turn = self.db.acquire().await?.detach();
        let until = Instant::now() + options.wait;
        while !passes::analyze_alone(&mut turn).await? {
            if Instant::now() >= until || stopping.is_cancelled() {
                turn.close().await?;
                return Ok(None);
            }
            tokio::time::sleep(ASKS_EVERY).await;
        }
        let report = self.alone(options, stopping, progress).await;
        passes::let_others(&mut turn).await?;
        turn.close().await?;
        report.map(Some)
    }

    async fn alone(
        &self,
        options: &Options,
        stopping: &CancellationToken,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Report, Error> {
        let started_at = self.clock.now();
        let mut conn = self.db.acquire().await?;
        let window = passes::window(&mut conn).await?;
        let frame = Frame {
            now: started_at,
            lookback_days: options.lookback_days,
            weeks: posterior::weeks(started_at, options.lookback_days),
            from: window.from.clone(),
        };
        let due = due(&mut conn, options, &frame).await?;
        let mut pass = Pass::new(due.len());
        for together in due.chunks(TOGETHER) {
            if stopping.is_cancelled() {
                pass.interrupted = true;
                break;
            }
            pass.look_at(&mut conn, together, options, &frame).await?;
            progress(Progress {
                done: pass.looked_at,
                total: due.len(),
            });
        }
        let moves = !pass.interrupted && options.only.is_none();
        let watermark = if moves { window.next } else { window.from };
        let mut report = pass.report(started_at, &watermark);
        report.ended_at = self.clock.now();
        let mut tx = conn.begin().await?;
        if moves {
            let succeeded = report.outcome != Outcome::Failed;
            passes::advance(&mut tx, &watermark, report.ended_at, succeeded).await?;
        }
        passes::note(&mut tx, &report).await?;
        tx.commit().await?;
        Ok(report)
    }
}

async fn due(conn: &mut PgConnection, options: &Options, frame: &Frame) -> Result<Vec<Due>, Error> {
    if let Some(org_id) = &options.only {
        return Ok(vec![Due {
            org_id: org_id.clone(),
            whole: true,
        }]);
    }
    if options.rebuild {
        return Ok(passes::everybody(conn).await?);
    }
    Ok(passes::due(conn, &frame.from, frame.now.date_naive()).await?)
}

/// How far a pass is.
#[derive(Debug)]
struct Pass {
    due: usize,
    looked_at: usize,
    interrupted: bool,
    failed: Vec<FailedOrg>,
    done: Done,
}

impl Pass {
    fn new(due: usize) -> Self {
        Self {
            due,
            looked_at: 0,
            interrupted: false,
            failed: Vec::new(),
            done: Done::default(),
        }
    }

    /// Looks at organisations together. When that fails, at each of them alone, so that one that cannot
    /// be looked at does not keep the others from it.
    async fn look_at(
        &mut self,
        conn: &mut PgConnection,
        due: &[Due],
        options: &Options,
        frame: &Frame,
    ) -> Result<(), Error> {
        match attempt(conn, due, options, frame).await {
            Ok(done) => self.add(done),
            Err(error) if error.is_lost() => return Err(error),
            Err(error) if due.len() == 1 => self.fail(conn, due, &error, frame).await?,
            Err(error) => {
                tracing::debug!(%error, "organisations are looked at one by one");
                for one in due.chunks(1) {
                    match attempt(conn, one, options, frame).await {
                        Ok(done) => self.add(done),
                        Err(error) if error.is_lost() => return Err(error),
                        Err(error) => self.fail(conn, one, &error, frame).await?,
                    }
                }
            }
        }
        self.looked_at += due.len();
        Ok(())
    }

    fn add(&mut self, done: Done) {
        self.done.rows_read += done.rows_read;
        self.done.rows_skipped += done.rows_skipped;
        self.done.made += done.made;
        self.done.changed += done.changed;
        self.done.retired += done.retired;
    }

    async fn fail(
        &mut self,
        conn: &mut PgConnection,
        due: &[Due],
        error: &Error,
        frame: &Frame,
    ) -> Result<(), Error> {
        for one in due {
            let org_id = &one.org_id;
            tracing::warn!(%org_id, %error, "what was rated could not be analyzed");
            let failed = FailedOrg {
                org_id: org_id.clone(),
                problem: error.to_string().chars().take(MOST_PROBLEM).collect(),
            };
            passes::failed(conn, &failed, frame.now).await?;
            self.failed.push(failed);
        }
        Ok(())
    }

    fn report(self, started_at: chrono::DateTime<chrono::Utc>, watermark: &str) -> Report {
        let outcome = if self.interrupted {
            Outcome::Interrupted
        } else if self.failed.is_empty() {
            Outcome::Done
        } else if self.failed.len() < self.due {
            Outcome::Partly
        } else {
            Outcome::Failed
        };
        Report {
            started_at,
            ended_at: started_at,
            outcome,
            orgs: self.looked_at,
            orgs_failed: self.failed,
            rows_read: self.done.rows_read,
            rows_skipped: self.done.rows_skipped,
            insights_made: self.done.made,
            insights_changed: self.done.changed,
            insights_retired: self.done.retired,
            watermark: watermark.parse().unwrap_or_default(),
        }
    }
}

async fn attempt(
    conn: &mut PgConnection,
    due: &[Due],
    options: &Options,
    frame: &Frame,
) -> Result<Done, Error> {
    if options.rebuild {
        for one in due {
            rebuild(conn, one).await?;
        }
    }
    pass::look_at(conn, due, frame).await
}

/// Makes what is derived from an organisation's ratings anew.
async fn rebuild(conn: &mut PgConnection, one: &Due) -> Result<(), Error> {
    let mut tx = conn.begin().await?;
    counts::hold(&mut tx).await?;
    counts::recount(&mut tx, &one.org_id).await?;
    // Last: ratings of the organisation wait from here on.
    bandit::rebuild(&mut tx, &one.org_id).await?;
    tx.commit().await?;
    Ok(())
}
