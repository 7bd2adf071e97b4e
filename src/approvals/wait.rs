//! Waiting for a person's answer in a row.
//!
//! The answer may reach any replica; the run that asks polls the row, and the process that takes the
//! answer wakes it when both are the same.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::platform::clock::Clock;

/// The pause between two polls when nothing wakes the waiting run.
const POLL: Duration = Duration::from_secs(1);
/// The longest database outage that a waiting run survives.
const DATABASE_TIMEOUT: Duration = Duration::from_mins(5);

/// A row at one moment.
pub(crate) enum Polled<A> {
    /// It is settled.
    Settled(A),
    /// It can be answered until this moment.
    Pending {
        /// The end of the time for an answer.
        expires_at: DateTime<Utc>,
    },
}

/// The error of a question, which may be that the database is away for a moment.
pub(crate) trait WaitError: std::fmt::Display {
    /// True if the database failed.
    fn is_database(&self) -> bool;
}

/// Waits until a row is settled, as long as it says itself.
///
/// `poll` reads the row. `expire` closes it at its deadline, so that a late answer is refused as too
/// late, and returns nothing when an answer won at the last moment. The time that is left is measured
/// from the first poll, because the wall clock may be set.
pub(crate) async fn for_answer<A, E, P, X>(
    woken: &Notify,
    clock: &Clock,
    poll: impl Fn() -> P,
    expire: impl Fn() -> X,
) -> Result<A, E>
where
    E: WaitError,
    P: Future<Output = Result<Polled<A>, E>>,
    X: Future<Output = Result<Option<A>, E>>,
{
    let mut deadline: Option<Instant> = None;
    let mut give_up = Instant::now() + DATABASE_TIMEOUT;
    loop {
        // Registered before the row is read, or an answer between the two would be missed.
        let woken = woken.notified();
        let outcome = match poll().await {
            Ok(Polled::Settled(answer)) => Ok(Some(answer)),
            Ok(Polled::Pending { expires_at }) => {
                let left = (expires_at - clock.now()).to_std().unwrap_or_default();
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + left);
                if Instant::now() < deadline {
                    Ok(None)
                } else {
                    expire().await
                }
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => give_up = Instant::now() + DATABASE_TIMEOUT,
            // A database that is away for a moment ends neither the question nor the run.
            Err(error) if error.is_database() && Instant::now() < give_up => {
                tracing::warn!(%error, "a question waits for the database");
            }
            Err(error) => return Err(error),
        }
        let now = Instant::now();
        let next = deadline.filter(|deadline| *deadline > now);
        let poll_at = now + POLL;
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep_until(next.map_or(poll_at, |next| poll_at.min(next))) => {}
        }
    }
}
