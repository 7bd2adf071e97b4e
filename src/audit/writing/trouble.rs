//! Causes that keep records from being written: said when they begin, then once a minute with a count.

use std::borrow::Cow;
use std::error::Error as _;
use std::time::Duration;

use sqlx::error::DatabaseError;
use tokio::time::Instant;

use crate::audit::error::Error;
use crate::platform::clock::millis;

/// The interval at which the same cause is said again.
const EVERY: Duration = Duration::from_mins(1);

/// The trouble that the writer is in, or was.
#[derive(Debug, Default)]
pub struct WritingTrouble {
    /// The first attempt that failed since records were said to be written.
    began: Option<Instant>,
    /// The attempts that failed since then.
    attempts: u64,
    /// The kind of the last error that was said, and when. It outlives the trouble: where a disk has room for
    /// some records and not for others, it comes and goes several times a second.
    said: Option<(String, Instant)>,
    /// True if it was said and its end was not.
    is_open: bool,
}

impl WritingTrouble {
    /// Notes an attempt that failed. A new cause is said at once; the writer tries several times a second.
    pub fn failed(&mut self, error: &Error, waiting: usize, now: Instant) {
        self.began.get_or_insert(now);
        self.attempts += 1;
        let kind = kind(error);
        let is_said = |(said, at): &(String, Instant)| *said == kind && now - *at < EVERY;
        if self.said.as_ref().is_some_and(is_said) {
            return;
        }
        tracing::error!(
            error = cause(error),
            attempts = self.attempts,
            waiting,
            "audit records cannot be written, and what changes something is refused"
        );
        self.said = Some((kind, now));
        self.is_open = true;
    }

    /// Notes that records were written, and says so after trouble that was said.
    pub fn written(&mut self, now: Instant) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let attempts = std::mem::take(&mut self.attempts);
        let duration_ms = self.began.take().map(|began| millis(now - began));
        tracing::info!(attempts, duration_ms, "audit records are written again");
    }
}

/// The identity of an error, to tell repeats. The text of a database's error may name another file each time.
fn kind(error: &Error) -> String {
    let code = if let Error::Database(error) = error {
        error.as_database_error().and_then(DatabaseError::code)
    } else {
        None
    };
    code.map_or_else(|| error.to_string(), Cow::into_owned)
}

/// The text of an error with those below it, where the database says what it lacks.
fn cause(error: &Error) -> String {
    if let Error::Unavailable = error {
        return "the database did not answer in time".to_owned();
    }
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        below = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(work: impl FnOnce()) -> Vec<String> {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, work);
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn full() -> Error {
        Error::Database(sqlx::Error::Io(io::Error::other("No space left on device")))
    }

    #[test]
    fn a_cause_is_said_at_once_and_then_once_a_minute_with_the_number_of_attempts() {
        let (mut trouble, now) = (WritingTrouble::default(), Instant::now());
        let mut said = lines(|| {
            for _ in 0..200 {
                trouble.failed(&full(), 3, now);
            }
        });
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].contains("No space left on device"), "{said:#?}");
        let later = now + EVERY;
        said = lines(|| {
            trouble.failed(&full(), 3, later);
            trouble.failed(&full(), 3, later);
        });
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].contains("attempts=201"), "{said:#?}");
        said = lines(|| trouble.failed(&Error::Unavailable, 3, later));
        assert!(said[0].contains("did not answer in time"), "{said:#?}");
        said = lines(|| {
            trouble.written(later);
            trouble.written(later);
        });
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].contains("written again"), "{said:#?}");
    }

    #[test]
    fn a_disk_with_room_for_some_records_is_said_twice_a_minute_at_most() {
        let (mut trouble, now) = (WritingTrouble::default(), Instant::now());
        let said = lines(|| {
            for _ in 0..200 {
                trouble.failed(&full(), 3, now);
                trouble.written(now);
            }
        });
        assert_eq!(said.len(), 2, "{said:#?}");
    }
}
