//! One entry for a person's requests of a minute, where requests come by the thousand and only add.
//!
//! The rule stays: nothing runs before the entry that covers it is on disk, and when that cannot be, it
//! is refused. The entry ends with how many requests it covered and how they went.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::json;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::audit::error::Error;
use crate::audit::model::{Ending, NewEntry, Outcome};
use crate::audit::service::{Audit, Open};
use crate::auth::principal::{Principal, Proof};
use crate::platform::ids::{OrgId, UserId};
use crate::platform::sync::lock;
use crate::platform::tasks::Tasks;

/// The time for which an entry covers the actions of its person.
const COVERS: Duration = Duration::from_mins(1);
/// Time limit for the beginning of an entry, after which the requests that wait for it are refused.
const PATIENCE: Duration = Duration::from_secs(1);
/// The interval at which entries that are over are ended.
const END_EVERY: Duration = Duration::from_secs(1);

/// Whose requests an entry covers, by which proof, and on which route.
type Key = (OrgId, UserId, Proof, String);

/// The entries that cover requests now; cheap to clone.
#[derive(Clone, Debug)]
pub struct Spans(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    audit: Audit,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    /// Those that cover what begins now.
    open: HashMap<Key, Arc<Span>>,
    /// Those that cover what began before and may still run.
    ending: Vec<Arc<Span>>,
}

/// One of them.
#[derive(Debug)]
struct Span {
    began: Instant,
    entry: OnceCell<Mutex<Option<Open>>>,
    answered: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

/// A request that an entry covers. The entry does not end before it does.
#[derive(Debug)]
pub struct Covered(Arc<Span>);

impl Spans {
    /// Ends entries as their time is over, until `tasks` end; see [`Self::end_all`].
    pub fn keep(audit: Audit, tasks: &Tasks) -> Self {
        let spans = Self(Arc::new(Inner {
            audit,
            entries: Mutex::default(),
        }));
        tasks.spawn(spans.clone().end_in_time(tasks.stopping()));
        spans
    }

    /// Covers a request, by the entry of this minute or a new one. What has no entry must not run.
    pub async fn cover(
        &self,
        principal: &Principal,
        route: &str,
        entry: impl FnOnce() -> NewEntry,
    ) -> Result<Covered, Error> {
        let key = (
            principal.org_id.clone(),
            principal.user_id.clone(),
            principal.proof,
            route.to_owned(),
        );
        let span = self.present(&key);
        // One of those who come at the same time begins the entry; if that fails, the next one tries.
        let begin = span.entry.get_or_try_init(|| async {
            let open = self.0.audit.begin(entry()).await?;
            Ok::<_, Error>(Mutex::new(Some(open)))
        });
        match timeout(PATIENCE, begin).await {
            Ok(there) => there.map(drop)?,
            Err(_) => return Err(self.0.audit.refusal()),
        }
        Ok(Covered(span))
    }

    fn present(&self, key: &Key) -> Arc<Span> {
        let mut entries = self.entries();
        if let Some(span) = entries.open.get(key)
            && span.began.elapsed() < COVERS
        {
            return span.clone();
        }
        let span = Arc::new(Span {
            began: Instant::now(),
            entry: OnceCell::new(),
            answered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        let before = entries.open.insert(key.clone(), span.clone());
        entries.ending.extend(before);
        span
    }

    async fn end_in_time(self, stopping: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(END_EVERY) => {}
                () = stopping.cancelled() => return,
            }
            for span in self.over(false) {
                span.end().await;
            }
        }
    }

    /// Ends all entries: once no request comes any more, and before the log's writer ends.
    pub async fn end_all(&self) {
        for span in self.over(true) {
            span.end().await;
        }
    }

    /// Takes out the entries whose time is over and whose requests have ended, or all of them.
    fn over(&self, all: bool) -> Vec<Arc<Span>> {
        let mut over = Vec::new();
        let mut entries = self.entries();
        let Entries { open, ending } = &mut *entries;
        open.retain(|_, span| {
            let is_over = all || span.began.elapsed() >= COVERS;
            if is_over {
                ending.push(span.clone());
            }
            !is_over
        });
        ending.retain(|span| {
            // A request that runs holds a handle of its own.
            let is_over = all || Arc::strong_count(span) == 1;
            if is_over {
                over.push(span.clone());
            }
            !is_over
        });
        over
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        lock(&self.0.entries)
    }
}

impl Span {
    async fn end(&self) {
        let Some(entry) = self.entry.get() else {
            return;
        };
        let open = lock(entry).take();
        let Some(open) = open else { return };
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (answered, refused, failed) = (
            count(&self.answered),
            count(&self.refused),
            count(&self.failed),
        );
        let outcome = if failed > 0 {
            Outcome::Failure
        } else {
            Outcome::Success
        };
        open.complete(Ending {
            outcome,
            status: None,
            resource: None,
            payload: Some(json!({"requests": {
                "answered": answered, "refused": refused, "failed": failed,
            }})),
        })
        .await;
    }
}

impl Covered {
    /// Counts the request by its answer's status.
    pub fn ended(self, status: u16) {
        let counter = match status {
            500.. => &self.0.failed,
            400.. => &self.0.refused,
            _ => &self.0.answered,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
