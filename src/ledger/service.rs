//! Pricing, counting and writing calls.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::ledger::error::Error;
use crate::ledger::model::{Call, PricedCall, TaskMetric};
use crate::ledger::money::Cost;
use crate::ledger::prices::{BuiltIn, PriceBook, price_row};
use crate::ledger::store;
use crate::llm::model::Usage;
use crate::platform::database::pool::Pool;
use crate::platform::db::is_refusal;
use crate::platform::metrics::Metrics;
use crate::platform::redact::text::redact_text;
use crate::platform::sync::lock;
use crate::platform::tasks::Tasks;

/// The longest that an answer waits for its call to be in the ledger.
const PATIENCE: Duration = Duration::from_secs(1);
/// Rows of one insert: as many as come together while the one before is on its way.
const BATCH_ROWS: usize = 500;
/// From this many waiting rows on, new calls should wait: [`Ledger::room`].
const FULL_ROWS: usize = 10_000;
/// A write that takes longer is given up and tried again on another connection.
const WRITE_TIMEOUT: Duration = Duration::from_secs(15);
/// The pause after a failed write, first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Grace period of the writer after the process was asked to end.
const DRAIN_GRACE: Duration = Duration::from_secs(5);
/// A count beyond a trillion tokens is no count; bigger ones would also overflow sums.
const MAX_TOKENS: u64 = 1_000_000_000_000;

/// Prices, counts and writes every call to a model; cheap to clone.
///
/// [`Self::record`] neither waits nor fails, so that it can be called where a stream is dropped. A
/// background task writes what was recorded, in batches, and tries again for as long as the
/// database is away. What waits is bounded from the other side: before a run makes a call it waits
/// for [`Self::room`], so accounting that cannot be written stops new spending, not the recording
/// of what was spent.
#[derive(Clone, Debug)]
pub struct Ledger {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    db: Pool,
    prices: PriceBook,
    metrics: Metrics,
    queue: Mutex<Queue>,
    recorded: Notify,
    settled: Notify,
    /// The current writer holds it: rows leave the queue in order, one batch at a time.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Queue {
    rows: VecDeque<Arc<PricedCall>>,
    /// The number of rows that were ever recorded, and of those that left the queue.
    recorded: u64,
    settled: u64,
    /// The number of rows that the database refused for good since the last [`Ledger::flush`] that
    /// reported it.
    refused: usize,
}

impl Ledger {
    /// Adds the built-in prices that `model_prices` lacks, reads all of them, starts the writer.
    ///
    /// The writer ends, after a last attempt to write everything, when `tasks` is asked to; what is
    /// recorded after that is written by [`Self::flush`].
    pub async fn open(db: impl Into<Pool>, metrics: Metrics, tasks: &Tasks) -> Result<Self, Error> {
        let db = db.into();
        let built_in = BuiltIn::read()?;
        let mut conn = db.acquire().await?;
        store::insert_missing_prices(&mut conn, &built_in.rows).await?;
        let rows = store::all_prices(&mut conn).await?;
        drop(conn);
        let rows = rows
            .into_iter()
            .map(|row| {
                let amounts = [
                    Some(row.input_per_million),
                    Some(row.output_per_million),
                    row.cache_read_per_million,
                    row.cache_write_per_million,
                ];
                price_row(row.provider, row.model, row.valid_from, amounts, row.source)
            })
            .collect::<Result<_, _>>()?;
        let shared = Arc::new(Shared {
            db,
            prices: PriceBook::new(rows, &built_in),
            metrics,
            queue: Mutex::default(),
            recorded: Notify::new(),
            settled: Notify::new(),
            writing: tokio::sync::Mutex::default(),
        });
        let ledger = Self { shared };
        let writer = ledger.clone();
        let stopping = tasks.stopping();
        tasks.spawn(async move {
            // Recording needs no one to wait for the writer, so it may be cut off at any await.
            stopping
                .run_until_cancelled(writer.write_as_recorded())
                .await;
            if let Err(error) = writer.flush(DRAIN_GRACE).await {
                tracing::error!(%error, "the ledger's writer ended with work left");
            }
        });
        Ok(ledger)
    }

    /// The cost of a call with these tokens at a moment, or none when its price is unknown.
    pub fn cost_of(
        &self,
        provider: &str,
        model: &str,
        usage: Usage,
        at: DateTime<Utc>,
    ) -> Option<Cost> {
        self.shared.prices.cost(provider, model, usage, at)
    }

    /// Prices and counts a call and queues its row. Answers what it cost, when that is known.
    ///
    /// Never waits and never loses the row while the process lives.
    pub fn record(&self, mut call: Call) -> Option<Cost> {
        if let Some(usage) = call.usage.filter(|usage| !is_plausible(*usage)) {
            tracing::warn!(?usage, provider = %call.provider, "a provider's token counts are absurd");
            call.usage = None;
        }
        // A provider's error message about a request may repeat the request.
        call.error_message = call
            .error_message
            .map(|message| redact_text(&message).into_owned());
        let cost = call
            .usage
            .and_then(|usage| self.cost_of(&call.provider, &call.model, usage, call.created_at));
        self.count(&call, cost);
        let mut queue = self.queue();
        queue.rows.push_back(Arc::new(PricedCall { call, cost }));
        queue.recorded += 1;
        self.show_depth(&queue);
        drop(queue);
        self.shared.recorded.notify_one();
        cost
    }

    /// Waits until fewer rows wait than the ledger cares to hold. To be awaited before each call.
    pub async fn room(&self) {
        loop {
            let mut settled = pin!(self.shared.settled.notified());
            // Listening begins before looking, so a row that leaves in between is not missed.
            settled.as_mut().enable();
            if self.queue().rows.len() < FULL_ROWS {
                return;
            }
            settled.await;
        }
    }

    /// Waits until everything recorded before is committed.
    ///
    /// Fails with [`Error::Behind`] when that takes longer than `within`, and with
    /// [`Error::Refused`], once, when the database refused rows for good.
    pub async fn flush(&self, within: Duration) -> Result<(), Error> {
        let target = self.queue().recorded;
        let in_time = timeout(within, self.write_until(target)).await.is_ok();
        let mut queue = self.queue();
        let refused = std::mem::take(&mut queue.refused);
        match (in_time, refused) {
            (true, 0) => Ok(()),
            (true, rows) => Err(Error::Refused { rows }),
            (false, _) => {
                queue.refused = refused;
                Err(Error::Behind {
                    rows: queue.rows.len(),
                })
            }
        }
    }

    /// Waits until everything recorded before is committed, as long as an answer may wait for that. What
    /// is not written by then is written later, unless this process is lost first.
    pub async fn settled(&self) {
        if let Err(error) = self.flush(PATIENCE).await {
            tracing::warn!(%error, "a call is not in the ledger yet");
        }
    }

    /// Observes a finished task; its row is written by [`store::insert_task_metric`] in the
    /// transaction that ends the run.
    pub fn observe_task(&self, task: &TaskMetric) {
        let label = [task.status.label()];
        let metrics = &self.shared.metrics;
        metrics
            .aep_task_iterations
            .with_label_values(&label)
            .observe(f64::from(task.llm_iterations));
        metrics
            .aep_task_completion_time_ms
            .with_label_values(&label)
            .observe(task.completion_time.as_secs_f64() * 1_000.0);
    }

    fn count(&self, call: &Call, cost: Option<Cost>) {
        let metrics = &self.shared.metrics;
        let phase = call.phase.label();
        let model = metrics.model_label(&call.model);
        metrics
            .aep_llm_calls_total
            .with_label_values(&[phase, model, call.status.label()])
            .inc();
        metrics
            .aep_llm_latency_ms
            .with_label_values(&[phase, model])
            .observe(call.latency.as_secs_f64() * 1_000.0);
        if let Some(ttft) = call.ttft {
            metrics
                .navi_llm_time_to_first_token_seconds
                .with_label_values(&[phase])
                .observe(ttft.as_secs_f64());
        }
        let Some(usage) = call.usage else {
            return;
        };
        metrics
            .aep_llm_tokens_total
            .with_label_values(&[phase, model])
            .inc_by(usage.total());
        for (kind, tokens) in [
            ("input", usage.input),
            ("cache_read", usage.cache_read),
            ("cache_write", usage.cache_write),
            ("output", usage.output),
            ("reasoning", usage.reasoning),
        ] {
            metrics
                .navi_llm_tokens_by_kind_total
                .with_label_values(&[kind])
                .inc_by(tokens);
        }
        match cost {
            Some(cost) => metrics
                .aep_llm_cost_usd_total
                .with_label_values(&[phase, model])
                .inc_by(cost.total.to_metric()),
            None => metrics.navi_llm_unknown_price_total.inc(),
        }
    }

    async fn write_as_recorded(&self) {
        loop {
            self.shared.recorded.notified().await;
            let target = self.queue().recorded;
            self.write_until(target).await;
        }
    }

    /// Writes batches until `target` rows have left the queue, trying again for as long as it takes.
    async fn write_until(&self, target: u64) {
        let mut backoff = BACKOFF.0;
        loop {
            let writing = self.shared.writing.lock().await;
            if self.queue().settled >= target {
                return;
            }
            match self.write_batch().await {
                Ok(()) => backoff = BACKOFF.0,
                Err(error) => {
                    drop(writing);
                    self.shared.metrics.navi_ledger_write_retries_total.inc();
                    let rows = self.queue().rows.len();
                    tracing::warn!(%error, rows, "accounting rows wait for the database");
                    sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF.1);
                }
            }
        }
    }

    /// Writes the oldest rows. They leave the queue only once they are committed: a writer that is cut
    /// off here leaves them for the next one, which does not write them twice.
    async fn write_batch(&self) -> sqlx::Result<()> {
        let batch: Vec<_> = self.queue().rows.iter().take(BATCH_ROWS).cloned().collect();
        match self.write(&batch).await {
            Ok(()) => {
                self.settle(batch.len(), 0);
                Ok(())
            }
            Err(error) if is_refusal(&error) => self.write_singly(&batch).await,
            Err(error) => Err(error),
        }
    }

    /// Writes row by row, so that one row the database will never take does not hold up the others.
    async fn write_singly(&self, batch: &[Arc<PricedCall>]) -> sqlx::Result<()> {
        for call in batch {
            match self.write(std::slice::from_ref(call)).await {
                Ok(()) => self.settle(1, 0),
                Err(error) if is_refusal(&error) => {
                    tracing::error!(%error, ?call, "the database refused an accounting row");
                    self.settle(1, 1);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn write(&self, batch: &[Arc<PricedCall>]) -> sqlx::Result<()> {
        let mut conn = self.shared.db.acquire().await?;
        let written = timeout(WRITE_TIMEOUT, store::insert_calls(&mut conn, batch)).await;
        written.unwrap_or_else(|_| {
            // A connection with an answer outstanding is of no use to the next one who gets it.
            conn.discard();
            Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))
        })
    }

    fn settle(&self, rows: usize, refused: usize) {
        let mut queue = self.queue();
        queue.rows.drain(..rows);
        queue.settled += rows as u64;
        queue.refused += refused;
        self.show_depth(&queue);
        drop(queue);
        self.shared.settled.notify_waiters();
    }

    fn show_depth(&self, queue: &Queue) {
        let depth = i64::try_from(queue.rows.len()).unwrap_or(i64::MAX);
        self.shared.metrics.navi_ledger_queue_depth.set(depth);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.shared.queue)
    }
}

/// True when a provider can have meant these counts; impossible counts are recorded as unknown.
pub fn is_plausible(usage: Usage) -> bool {
    [
        usage.input,
        usage.cache_read,
        usage.cache_write,
        usage.output,
        usage.reasoning,
    ]
    .iter()
    .all(|count| *count <= MAX_TOKENS)
}
