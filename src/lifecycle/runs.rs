//! Ends a person's or an organisation's runs before they are erased, and removes their commands' status
//! files.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::lifecycle::error::Error;
use crate::lifecycle::model::Subject;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::runs::store::erasure;

/// The interval at which the runs are looked at until they have ended.
const LOOKS_EVERY: Duration = Duration::from_millis(250);

/// Asks the workers of the runs to end them, and ends those without a worker. Answers how many those were;
/// fails when others are still worked on after this time.
pub async fn end(
    db: &Pool,
    clock: &Clock,
    subject: &Subject,
    within: Duration,
) -> Result<u64, Error> {
    let (org, user) = (&subject.org, subject.user.as_ref());
    let mut conn = db.acquire().await?;
    let before = erasure::unfinished(&mut conn, org, user).await?;
    if before == 0 {
        return Ok(0);
    }
    let until = Instant::now() + within;
    loop {
        // New ones may have come since the last look.
        erasure::request_cancel(&mut conn, org, user, clock.now()).await?;
        erasure::close_unheld(&mut conn, org, user, clock.now()).await?;
        let left = erasure::unfinished(&mut conn, org, user).await?;
        if left == 0 {
            return Ok(u64::try_from(before).unwrap_or_default());
        }
        if Instant::now() >= until {
            return Err(Error::StillRunning(left));
        }
        tokio::time::sleep(LOOKS_EVERY).await;
    }
}

/// Removes what the commands of these runs noted about themselves on this machine. To be called while
/// the runs are still known. Answers how many runs that were.
pub async fn forget_notes(db: &Pool, subject: &Subject, folder: &Path) -> Result<u64, Error> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let ids: Vec<Uuid> = entries
        .filter_map(|entry| Uuid::parse_str(entry.file_name().to_str()?).ok())
        .collect();
    if ids.is_empty() {
        return Ok(0);
    }
    let mut conn = db.acquire().await?;
    let mut removed = 0;
    for id in erasure::theirs(&mut conn, &subject.org, subject.user.as_ref(), &ids).await? {
        match std::fs::remove_dir_all(folder.join(id.to_string())) {
            Ok(()) => removed += 1,
            // They hold no more than whether a command began and how it ended, and go after a week.
            Err(error) => tracing::warn!(%error, "the notes of a run could not be removed"),
        }
    }
    Ok(removed)
}
