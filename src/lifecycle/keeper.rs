//! The work of every server beside its requests: a pass of retention every hour.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::lifecycle::retention::Retention;
use crate::platform::clock::Clock;
use crate::platform::metrics::Metrics;

/// After the start, so that a server that never lives for an hour also makes its pass.
const FIRST: Duration = Duration::from_mins(1);
/// Between two passes. Months are made a quarter of a year ahead and kept for many, so nothing depends
/// on the moment.
const EVERY: Duration = Duration::from_hours(1);

/// Makes passes until `stopping`.
pub async fn keep(
    retention: Retention,
    clock: Clock,
    metrics: Metrics,
    stopping: CancellationToken,
) {
    let passes = async {
        tokio::time::sleep(FIRST).await;
        loop {
            once(&retention, &clock, &metrics).await;
            tokio::time::sleep(EVERY).await;
        }
    };
    let _ended: Option<()> = stopping.run_until_cancelled(passes).await;
}

/// Makes one pass, unless another process is at it: of all processes one makes each, the others go on
/// without a word.
pub async fn once(retention: &Retention, clock: &Clock, metrics: &Metrics) {
    match retention.run(false, Duration::ZERO).await {
        Ok(None) => tracing::debug!("another process runs retention"),
        Ok(Some(pass)) => match pass.failures() {
            0 => {
                let seconds = clock.now().timestamp();
                metrics
                    .navi_retention_last_success_timestamp_seconds
                    .set(seconds);
            }
            failures => metrics
                .navi_retention_failures_total
                .inc_by(failures as u64),
        },
        Err(error) => {
            tracing::warn!(%error, "retention could not run");
            metrics.navi_retention_failures_total.inc();
        }
    }
}
