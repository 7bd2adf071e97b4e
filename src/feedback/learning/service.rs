//! Runs passes over the organisations that changed.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::feedback::bandit::service as bandit;
use crate::feedback::learning::error::Error;
use crate::feedback::learning::model::PassCounts;
use crate::feedback::learning::pass::PassContext;
use crate::feedback::learning::store::passes::DueOrg;
use crate::feedback::learning::store::{counts, passes};
use crate::feedback::learning::{pass, posterior};
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::traces::context::TraceContext;
use crate::platform::traces::service::Traces;

pub use crate::feedback::learning::model::{
    FailedOrg, PassOptions, PassOutcome, PassProgress, PassReport,
};

/// Pause between two attempts to take the lock.
const LOCK_RETRY: Duration = Duration::from_millis(200);
/// Organisations analyzed in one transaction, and held in memory at once.
const CHUNK_SIZE: usize = 50;
/// The longest error text that is stored, in characters.
const MAX_PROBLEM_CHARS: usize = 500;

/// Runs passes; cheap to clone.
#[derive(Clone, Debug)]
pub struct Analyzer {
    db: Pool,
    clock: Clock,
    traces: Traces,
}

impl Analyzer {
    /// An analyzer of this database.
    pub fn new(db: impl Into<Pool>, clock: Clock) -> Self {
        Self {
            db: db.into(),
            clock,
            traces: Traces::default(),
        }
    }

    /// The same, whose passes are traced.
    #[must_use]
    pub fn traced(self, traces: Traces) -> Self {
        Self { traces, ..self }
    }

    /// Runs a pass. Returns none if another process held the lock for the whole wait.
    ///
    /// Organisations are independent: a failed one is recorded and retried by the next pass. Between chunks
    /// the pass checks whether it should stop, and leaves the rest to the next one. It may also be killed:
    /// the watermark moves only when all organisations were analyzed.
    pub async fn pass(
        &self,
        options: &PassOptions,
        stopping: &CancellationToken,
        progress: &(dyn Fn(PassProgress) + Send + Sync),
    ) -> Result<Option<PassReport>, Error> {
        // A session of its own, outside the pool: the lock ends with it, whatever happens.
        let mut session = self.db.session().await?;
        let until = Instant::now() + options.wait;
        while !passes::try_lock(&mut session).await? {
            if Instant::now() >= until || stopping.is_cancelled() {
                session.close().await?;
                return Ok(None);
            }
            tokio::time::sleep(LOCK_RETRY).await;
        }
        let span = self.traces.after(None).begin("analyze feedback");
        let report = span.around(self.locked_pass(options, stopping, progress));
        let report = report.await;
        tell(&span, &report);
        drop(span);
        passes::unlock(&mut session).await?;
        session.close().await?;
        report.map(Some)
    }

    async fn locked_pass(
        &self,
        options: &PassOptions,
        stopping: &CancellationToken,
        progress: &(dyn Fn(PassProgress) + Send + Sync),
    ) -> Result<PassReport, Error> {
        let started_at = self.clock.now();
        let mut conn = self.db.acquire().await?;
        let window = passes::window(&mut conn).await?;
        let context = PassContext {
            now: started_at,
            lookback_days: options.lookback_days,
            weeks: posterior::week_weights(started_at, options.lookback_days),
            from: window.from.clone(),
        };
        let due = due_orgs(&mut conn, options, &context).await?;
        let mut pass = PassState::new(due.len());
        for chunk in due.chunks(CHUNK_SIZE) {
            if stopping.is_cancelled() {
                pass.interrupted = true;
                break;
            }
            pass.analyze(&mut conn, chunk, options, &context).await?;
            progress(PassProgress {
                done: pass.analyzed,
                total: due.len(),
            });
        }
        let is_complete = !pass.interrupted && options.only.is_none();
        let watermark = if is_complete {
            window.next
        } else {
            window.from
        };
        let mut report = pass.report(started_at, &watermark);
        report.ended_at = self.clock.now();
        let mut tx = conn.begin().await?;
        if is_complete {
            let succeeded = report.outcome != PassOutcome::Failed;
            passes::advance(&mut tx, &watermark, report.ended_at, succeeded).await?;
        }
        passes::record(&mut tx, &report).await?;
        tx.commit().await?;
        Ok(report)
    }
}

/// Says in a span what came of a pass.
fn tell(span: &TraceContext, report: &Result<PassReport, Error>) {
    let Ok(report) = report else {
        return span.fail("pass_failed");
    };
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    span.set("navi.analyzer.outcome", report.outcome.label());
    span.set("navi.analyzer.orgs", count(report.orgs));
    span.set("navi.analyzer.orgs_failed", count(report.orgs_failed.len()));
    span.set("navi.analyzer.rows_read", report.rows_read);
    if !report.orgs_failed.is_empty() {
        span.fail("orgs_failed");
    }
}

async fn due_orgs(
    conn: &mut PgConnection,
    options: &PassOptions,
    context: &PassContext,
) -> Result<Vec<DueOrg>, Error> {
    if let Some(org_id) = &options.only {
        return Ok(vec![DueOrg {
            org_id: org_id.clone(),
            whole: true,
        }]);
    }
    if options.rebuild {
        return Ok(passes::all_orgs(conn).await?);
    }
    Ok(passes::due(conn, &context.from, context.now.date_naive()).await?)
}

/// The state of a pass.
#[derive(Debug)]
struct PassState {
    due: usize,
    analyzed: usize,
    interrupted: bool,
    failed: Vec<FailedOrg>,
    counts: PassCounts,
}

impl PassState {
    fn new(due: usize) -> Self {
        Self {
            due,
            analyzed: 0,
            interrupted: false,
            failed: Vec::new(),
            counts: PassCounts::default(),
        }
    }

    /// Analyzes organisations together. If that fails, each of them alone, so that a failing one does not
    /// block the others.
    async fn analyze(
        &mut self,
        conn: &mut PgConnection,
        due: &[DueOrg],
        options: &PassOptions,
        context: &PassContext,
    ) -> Result<(), Error> {
        match attempt(conn, due, options, context).await {
            Ok(counts) => self.counts += counts,
            Err(error) if error.is_lost() => return Err(error),
            Err(error) if due.len() == 1 => self.fail(conn, due, &error, context).await?,
            Err(error) => {
                tracing::debug!(%error, "a chunk failed; its organisations are analyzed one by one");
                for one in due.chunks(1) {
                    match attempt(conn, one, options, context).await {
                        Ok(counts) => self.counts += counts,
                        Err(error) if error.is_lost() => return Err(error),
                        Err(error) => self.fail(conn, one, &error, context).await?,
                    }
                }
            }
        }
        self.analyzed += due.len();
        Ok(())
    }

    async fn fail(
        &mut self,
        conn: &mut PgConnection,
        due: &[DueOrg],
        error: &Error,
        context: &PassContext,
    ) -> Result<(), Error> {
        for one in due {
            let org_id = &one.org_id;
            tracing::warn!(%org_id, %error, "the analysis of an organisation failed");
            let failed = FailedOrg {
                org_id: org_id.clone(),
                problem: error.to_string().chars().take(MAX_PROBLEM_CHARS).collect(),
            };
            passes::mark_failed(conn, &failed, context.now).await?;
            self.failed.push(failed);
        }
        Ok(())
    }

    fn report(self, started_at: chrono::DateTime<chrono::Utc>, watermark: &str) -> PassReport {
        let outcome = if self.interrupted {
            PassOutcome::Interrupted
        } else if self.failed.is_empty() {
            PassOutcome::Done
        } else if self.failed.len() < self.due {
            PassOutcome::Partly
        } else {
            PassOutcome::Failed
        };
        PassReport {
            started_at,
            ended_at: started_at,
            outcome,
            orgs: self.analyzed,
            orgs_failed: self.failed,
            rows_read: self.counts.rows_read,
            rows_skipped: self.counts.rows_skipped,
            insights_made: self.counts.created,
            insights_changed: self.counts.changed,
            insights_retired: self.counts.retired,
            watermark: watermark.parse().unwrap_or_default(),
        }
    }
}

async fn attempt(
    conn: &mut PgConnection,
    due: &[DueOrg],
    options: &PassOptions,
    context: &PassContext,
) -> Result<PassCounts, Error> {
    if options.rebuild {
        for one in due {
            rebuild(conn, one).await?;
        }
    }
    pass::analyze_chunk(conn, due, context).await
}

/// Recomputes the counts that are derived from an organisation's ratings.
async fn rebuild(conn: &mut PgConnection, one: &DueOrg) -> Result<(), Error> {
    let mut tx = conn.begin().await?;
    counts::lock(&mut tx).await?;
    counts::recount(&mut tx, &one.org_id).await?;
    // Last: it blocks the ratings of the organisation.
    bandit::rebuild(&mut tx, &one.org_id).await?;
    tx.commit().await?;
    Ok(())
}
