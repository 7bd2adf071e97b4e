//! What keeps records from being written: said when it begins, then once a minute with a count.

use std::borrow::Cow;
use std::error::Error as _;
use std::time::Duration;

use sqlx::error::DatabaseError;
use tokio::time::Instant;

use crate::audit::error::Error;
use crate::platform::clock::millis;

/// The interval at which the same cause is said again.
const EVERY: Duration = Duration::from_mins(1);

/// The trouble that the writer is in, if it is.
#[derive(Debug, Default)]
pub struct WritingTrouble(Option<Since>);

#[derive(Debug)]
struct Since {
    kind: String,
    began: Instant,
    said: Instant,
    attempts: u64,
}

impl WritingTrouble {
    /// Notes an attempt that failed. A new cause is said at once; the writer tries several times a second.
    pub fn failed(&mut self, error: &Error, waiting: usize, now: Instant) {
        let kind = kind(error);
        let since = self.0.get_or_insert_with(|| Since {
            kind: String::new(),
            began: now,
            said: now,
            attempts: 0,
        });
        since.attempts += 1;
        if since.kind == kind && now - since.said < EVERY {
            return;
        }
        let attempts = since.attempts;
        let error = cause(error);
        tracing::error!(
            error,
            attempts,
            waiting,
            "audit records cannot be written, and what changes something is refused"
        );
        since.kind = kind;
        since.said = now;
    }

    /// Notes that records were written, and says so after trouble.
    pub fn written(&mut self, now: Instant) {
        if let Some(since) = self.0.take() {
            tracing::info!(
                attempts = since.attempts,
                duration_ms = millis(now - since.began),
                "audit records are written again"
            );
        }
    }
}

/// What makes two errors the same. The text of a database's error may name another file each time.
fn kind(error: &Error) -> String {
    let code = match error {
        Error::Database(error) => error.as_database_error().and_then(DatabaseError::code),
        _ => None,
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
}
