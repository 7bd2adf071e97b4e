//! Telling other processes that something in the database changed, over `listen` and `notify`.
//!
//! A signal is a hint and nothing more: it may be lost, doubled or late, and its receiver looks at the
//! rows. So nothing is sent within the transaction that changes them, where every `notify` would make all
//! commits of the database queue behind one lock. Signals gather while the message before is on its way,
//! and go out together, the newest number of each subject.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::{Notify, broadcast};

use crate::platform::database::pool::Pool;
use crate::platform::database::refusal::is_no_room;
use crate::platform::db;
use crate::platform::sync::lock;
use crate::platform::tasks::Tasks;

/// The channel in Postgres that all signals share.
const CHANNEL: &str = "navi";
/// Postgres takes payloads below 8,000 bytes.
const MAX_PAYLOAD: usize = 7_900;
/// The number of signals that a subscriber may lag behind before it learns that it missed some.
const LAG: usize = 1_024;
/// The time that the connection that listens may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// The pause after the connection was lost, or a message could not be sent.
const PAUSE: Duration = Duration::from_millis(500);

/// A received signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Something of this kind changed.
    Changed {
        /// The kind of thing.
        topic: String,
        /// The changed thing; text without blanks.
        subject: String,
        /// Its progress.
        number: i64,
    },
    /// Some signals were missed: look at everything.
    Missed,
}

/// Both directions; cheap to clone.
#[derive(Clone, Debug)]
pub struct Signals {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    db: Pool,
    /// Tells our own messages from those of others.
    sender: String,
    waiting: Mutex<HashMap<(&'static str, String), i64>>,
    more: Notify,
    heard: broadcast::Sender<Signal>,
}

impl Signals {
    /// Signals over this database; nothing is sent or heard before [`Self::start`].
    pub fn new(db: impl Into<Pool>) -> Self {
        let db = db.into();
        let (heard, _) = broadcast::channel(LAG);
        Self {
            inner: Arc::new(Inner {
                db,
                sender: format!("{:016x}", rand::random::<u64>()),
                waiting: Mutex::default(),
                more: Notify::new(),
                heard,
            }),
        }
    }

    /// Sends and listens from now on, until `tasks` end.
    pub fn start(&self, tasks: &Tasks) {
        for part in [Part::Sending, Part::Listening] {
            let (signals, stopping) = (self.clone(), tasks.stopping());
            tasks.spawn(async move {
                let work = async {
                    match part {
                        Part::Sending => signals.send_as_told().await,
                        Part::Listening => signals.listen().await,
                    }
                };
                stopping.run_until_cancelled(work).await;
            });
        }
    }

    /// Tells other processes, soon. Never waits.
    pub fn tell(&self, topic: &'static str, subject: &impl ToString, number: i64) {
        let key = (topic, subject.to_string());
        let mut waiting = self.waiting();
        let newest = waiting.entry(key).or_insert(number);
        *newest = (*newest).max(number);
        drop(waiting);
        self.inner.more.notify_one();
    }

    /// Tells other processes at once, for a process that ends before [`Self::start`] would send it.
    pub async fn tell_now(&self, topic: &'static str, subject: &str) -> sqlx::Result<()> {
        let payload = format!("{}\n{topic} {subject} 0", self.inner.sender);
        let mut conn = self.inner.db.acquire().await?;
        db::notify(&mut conn, CHANNEL, &payload).await
    }

    /// Hears what other processes tell. What this process tells it does not hear itself.
    pub fn subscribe(&self) -> broadcast::Receiver<Signal> {
        self.inner.heard.subscribe()
    }

    async fn send_as_told(&self) {
        loop {
            self.inner.more.notified().await;
            let waiting = std::mem::take(&mut *self.waiting());
            for payload in payloads(&self.inner.sender, waiting) {
                let sent = async {
                    let mut conn = self.inner.db.acquire().await?;
                    db::notify(&mut conn, CHANNEL, &payload).await
                };
                if let Err(error) = sent.await {
                    tracing::debug!(%error, "signals were not sent; others find out by looking");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn listen(&self) {
        loop {
            if let Err(error) = self.listen_once().await {
                tracing::debug!(%error, "signals are not heard; what changes is found by looking");
            }
            self.hear(Signal::Missed);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn listen_once(&self) -> sqlx::Result<()> {
        let listening = self.listener().await;
        if let Err(error) = &listening
            && (matches!(error, sqlx::Error::PoolTimedOut) || is_no_room(error))
        {
            // Where the server has no room, the pool gives up one of its connections.
            self.inner.db.make_room().await;
        }
        let mut listener = listening?;
        listener.listen(CHANNEL).await?;
        loop {
            match listener.try_recv().await? {
                Some(message) => self.read(message.payload()),
                // The connection broke, and another server may have taken over.
                None if self.inner.db.servers().are_several() => return Ok(()),
                // The connection broke and was made again.
                None => self.hear(Signal::Missed),
            }
        }
    }

    /// A session of its own: a pooler would give its notifications to another client.
    async fn listener(&self) -> sqlx::Result<PgListener> {
        let alone = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT)
            .connect_lazy_with(self.inner.db.servers().chosen().await?);
        PgListener::connect_with(&alone).await
    }

    fn read(&self, payload: &str) {
        let mut lines = payload.lines();
        if lines.next() == Some(&self.inner.sender) {
            return;
        }
        for line in lines {
            let mut parts = line.split(' ');
            let (Some(topic), Some(subject), Some(number)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            self.hear(Signal::Changed {
                topic: topic.to_owned(),
                subject: subject.to_owned(),
                number: number.parse().unwrap_or_default(),
            });
        }
    }

    fn hear(&self, signal: Signal) {
        // It is no error when there is no listener.
        let _heard = self.inner.heard.send(signal);
    }

    /// The numbers of signals that are not sent yet.
    #[cfg(test)]
    pub fn untold(&self) -> Vec<i64> {
        self.waiting().values().copied().collect()
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<(&'static str, String), i64>> {
        lock(&self.inner.waiting)
    }
}

#[derive(Clone, Copy)]
enum Part {
    Sending,
    Listening,
}

/// The messages that carry these signals: the sender on the first line, then one signal a line.
fn payloads(sender: &str, signals: HashMap<(&'static str, String), i64>) -> Vec<String> {
    let mut payloads: Vec<String> = Vec::new();
    for ((topic, subject), number) in signals {
        let line = format!("\n{topic} {subject} {number}");
        match payloads.last_mut() {
            Some(payload) if payload.len() + line.len() <= MAX_PAYLOAD => payload.push_str(&line),
            Some(_) | None => payloads.push(format!("{sender}{line}")),
        }
    }
    payloads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_signals_share_messages_that_postgres_takes() {
        let signals = (0..1_000).map(|n| (("events", format!("{n:036}")), n));
        let payloads = payloads("me", signals.collect());
        assert!(payloads.iter().all(|payload| payload.len() <= MAX_PAYLOAD));
        let lines: usize = payloads
            .iter()
            .map(|payload| payload.lines().count() - 1)
            .sum();
        assert_eq!(lines, 1_000);
        assert!(payloads.len() < 10, "{}", payloads.len());
    }
}
