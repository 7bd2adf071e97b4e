//! What every server does beside its requests: it learns from ratings, and counts the passes of all.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::feedback::config::LearningConfig;
use crate::feedback::learning::model::Options;
use crate::feedback::learning::service::Analyzer;
use crate::feedback::store::passes;
use crate::platform::metrics::Metrics;

/// The first pass comes soon after the start, so that a server that never lives as long as the interval
/// learns too.
const FIRST: Duration = Duration::from_mins(1);
/// Ratings come in bursts; after the first of them this long is waited for others.
const SETTLES: Duration = Duration::from_millis(250);
/// How long a pass that a rating asked for waits for one that began before the rating and did not see it.
const WAIT: Duration = Duration::from_secs(5);
/// How often the passes that others made are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// How many of them are counted at once.
const LOOK_FOR: i64 = 1_000;

/// A pause that differs from process to process by at most a tenth, so that those which were started
/// together do not all come at the same moment.
pub fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(1.0 + rand::random::<f64>() / 10.0)
}

/// Makes passes every interval and, if that is wanted, when something was rated, until `stopping`.
pub async fn keep(
    analyzer: Analyzer,
    config: LearningConfig,
    changed: Arc<Notify>,
    stopping: CancellationToken,
) {
    let interval = config.interval();
    let mut next = interval.map(|interval| Instant::now() + jittered(FIRST.min(interval)));
    loop {
        let by_rating = tokio::select! {
            () = stopping.cancelled() => return,
            () = at(next) => false,
            () = rated(&changed), if config.feedback_learn_on_rating => true,
        };
        let options = Options {
            wait: if by_rating { WAIT } else { Duration::ZERO },
            ..Options::default()
        };
        // What was rated meanwhile has left a permit, and is looked at next.
        match analyzer.pass(&options, &stopping, &|_| {}).await {
            Ok(Some(report)) => tracing::debug!(orgs = report.orgs, "ratings were looked at"),
            Ok(None) => tracing::debug!("another process learns from ratings"),
            Err(error) => tracing::warn!(%error, "nothing could be learned from ratings"),
        }
        // A pass that a rating asked for has done what the next one would have.
        next = interval.map(|interval| Instant::now() + jittered(interval));
    }
}

async fn at(next: Option<Instant>) {
    match next {
        Some(next) => tokio::time::sleep_until(next).await,
        None => std::future::pending().await,
    }
}

async fn rated(changed: &Notify) {
    changed.notified().await;
    tokio::time::sleep(SETTLES).await;
}

/// Counts the passes that end from now on, whoever makes them, until `stopping`: a server, a cron job or
/// a person. So every server shows every pass.
pub async fn count(db: PgPool, metrics: Metrics, stopping: CancellationToken) {
    let mut counted = None;
    let looking = async {
        loop {
            if let Err(error) = look(&db, &metrics, &mut counted).await {
                tracing::debug!(%error, "the passes of the analyzer could not be read");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let _ended: Option<()> = stopping.run_until_cancelled(looking).await;
}

/// Counts what has ended since it last looked, which it notes in `counted`; the first time it only notes
/// what there is.
pub async fn look(db: &PgPool, metrics: &Metrics, counted: &mut Option<i64>) -> sqlx::Result<()> {
    let mut conn = db.acquire().await?;
    let mut newest = match *counted {
        Some(newest) => newest,
        None => passes::newest(&mut conn).await?,
    };
    for pass in passes::after(&mut conn, newest, LOOK_FOR).await? {
        newest = pass.id;
        tell(metrics, &pass);
    }
    *counted = Some(newest);
    if let Some(at) = passes::last_success(&mut conn).await? {
        let gauge = &metrics.navi_analyzer_last_success_timestamp_seconds;
        gauge.set(at.timestamp());
    }
    Ok(())
}

fn tell(metrics: &Metrics, pass: &passes::Noted) {
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
    }
}
