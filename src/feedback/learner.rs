//! The background tasks of a server: runs passes of the analyzer, exports metrics of all passes, and keeps
//! the sums of statistics.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::feedback::bandit::service as bandit;
use crate::feedback::config::LearningConfig;
use crate::feedback::learning::model::PassOptions;
use crate::feedback::learning::service::Analyzer;
use crate::feedback::store::passes::PassRecord;
use crate::feedback::store::{passes, sums};
use crate::platform::database::pool::Pool;
use crate::platform::metrics::Metrics;

/// Delay of the first pass. Short, so that a server that is restarted within the interval learns too.
const FIRST_DELAY: Duration = Duration::from_mins(1);
/// The shortest delay after a rating, because ratings come in bursts.
const DEBOUNCE: Duration = Duration::from_millis(250);
/// The delay after a rating, in lengths of the pass before, so that passes take at most a quarter of the time
/// while ratings keep coming. What they compute grows with what an organisation ever rated.
const REST: u32 = 3;
/// Timeout of a pass after a rating for one that began before the rating and did not see it.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Interval at which records of passes are read.
const POLL_INTERVAL: Duration = Duration::from_secs(15);
/// Interval at which changes are added to the sums of statistics, which add up what is not yet.
const FOLD_INTERVAL: Duration = Duration::from_secs(5);
/// The most records read at once.
const POLL_LIMIT: i64 = 1_000;

/// Lengthens a pause by a random amount, at most a tenth, so that processes started together spread out.
pub fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(1.0 + rand::random::<f64>() / 10.0)
}

/// Returns the delay after a rating that follows a pass of this length.
fn rest_after(pass: Duration) -> Duration {
    DEBOUNCE.max(pass * REST)
}

/// Runs passes every interval and, if configured, after ratings, until `stopping`.
pub async fn run(
    analyzer: Analyzer,
    config: LearningConfig,
    changed: Arc<Notify>,
    stopping: CancellationToken,
) {
    let interval = config.interval();
    let mut next = interval.map(|interval| Instant::now() + jittered(FIRST_DELAY.min(interval)));
    let mut rest = DEBOUNCE;
    loop {
        let by_rating = tokio::select! {
            () = stopping.cancelled() => return,
            () = at(next) => false,
            () = rated(&changed, rest), if config.feedback_learn_on_rating => true,
        };
        let options = PassOptions {
            wait: if by_rating { LOCK_WAIT } else { Duration::ZERO },
            ..PassOptions::default()
        };
        // A rating during the pass leaves a permit, and is analyzed by the next one.
        rest = DEBOUNCE;
        match analyzer.pass(&options, &stopping, &|_| {}).await {
            Ok(Some(report)) => {
                tracing::debug!(orgs = report.orgs, "ratings were analyzed");
                let took = (report.ended_at - report.started_at).to_std();
                rest = rest_after(took.unwrap_or_default());
            }
            Ok(None) => tracing::debug!("another process analyzes ratings"),
            Err(error) => tracing::warn!(%error, "ratings could not be analyzed"),
        }
        // A pass after a rating replaces the next scheduled one.
        next = interval.map(|interval| Instant::now() + jittered(interval));
    }
}

async fn at(next: Option<Instant>) {
    match next {
        Some(next) => tokio::time::sleep_until(next).await,
        None => std::future::pending().await,
    }
}

async fn rated(changed: &Notify, rest: Duration) {
    changed.notified().await;
    tokio::time::sleep(rest).await;
}

/// Adds what ratings append to the sums of statistics, and what they left for the arms, every few seconds until
/// `stopping`.
pub async fn keep_sums(db: Pool, stopping: CancellationToken) {
    let folding = async {
        loop {
            tokio::time::sleep(jittered(FOLD_INTERVAL)).await;
            if let Err(error) = add_changes(&db).await {
                tracing::debug!(%error, "changes of ratings could not be added up");
            }
        }
    };
    let _ended: Option<()> = stopping.run_until_cancelled(folding).await;
}

async fn add_changes(db: &Pool) -> sqlx::Result<()> {
    sums::fold(db).await?;
    bandit::add_waiting(&mut *db.acquire().await?).await
}

/// Exports metrics of the passes that end from now on, until `stopping`. Passes of other servers, cron jobs
/// and people are included, so every server shows every pass.
pub async fn export_metrics(db: Pool, metrics: Metrics, stopping: CancellationToken) {
    let mut last = None;
    let polling = async {
        loop {
            if let Err(error) = export_new_passes(&db, &metrics, &mut last).await {
                tracing::debug!(%error, "the records of passes could not be read");
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let _ended: Option<()> = stopping.run_until_cancelled(polling).await;
}

/// Exports the passes after `last`, and sets it to the newest one. Without `last` it exports none.
pub async fn export_new_passes(
    db: &Pool,
    metrics: &Metrics,
    last: &mut Option<i64>,
) -> sqlx::Result<()> {
    let mut conn = db.acquire().await?;
    let mut newest = match *last {
        Some(newest) => newest,
        None => passes::newest(&mut conn).await?,
    };
    for pass in passes::after(&mut conn, newest, POLL_LIMIT).await? {
        newest = pass.id;
        export(metrics, &pass);
    }
    *last = Some(newest);
    if let Some(at) = passes::last_success(&mut conn).await? {
        let gauge = &metrics.navi_analyzer_last_success_timestamp_seconds;
        gauge.set(at.timestamp());
    }
    Ok(())
}

fn export(metrics: &Metrics, pass: &PassRecord) {
    let passes = &metrics.navi_analyzer_passes_total;
    passes.with_label_values(&[pass.outcome.as_str()]).inc();
    let took = (pass.ended_at - pass.started_at).to_std();
    let seconds = took.unwrap_or_default().as_secs_f64();
    metrics.navi_analyzer_pass_seconds.observe(seconds);
    let rows = u64::try_from(pass.rows_read).unwrap_or_default();
    metrics.navi_analyzer_rows_total.inc_by(rows);
    for (change, insights) in [
        ("made", pass.insights_made),
        ("changed", pass.insights_changed),
        ("retired", pass.insights_retired),
    ] {
        let insights = u64::try_from(insights).unwrap_or_default();
        let counter = &metrics.navi_analyzer_insights_total;
        counter.with_label_values(&[change]).inc_by(insights);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_pause_is_never_shorter_and_at_most_a_tenth_longer(seconds in 1_u64..700_000) {
            let pause = Duration::from_secs(seconds);
            let jittered = jittered(pause);
            prop_assert!(jittered >= pause && jittered <= pause.mul_f64(1.1));
        }

        #[test]
        fn passes_after_ratings_take_at_most_a_quarter_of_the_time(millis in 0_u64..100_000) {
            let pass = Duration::from_millis(millis);
            prop_assert!(pass <= (pass + rest_after(pass)) / 4);
            // A short one is hardly waited for.
            prop_assert!(millis > 80 || rest_after(pass) == DEBOUNCE);
        }
    }
}
