//! The connections of a pool: those that rest, how many there are, and how many it wishes for.

use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::platform::database::servers::Servers;
use crate::platform::database::share::{PoolTurn, Share};
use crate::platform::sync::lock;

/// The pause before the pool wishes for one more connection than the server granted.
const REGROW: Duration = Duration::from_secs(10);
/// An answer of the server within this time shows that it is there.
const LATELY: Duration = Duration::from_secs(3);
/// The rest of a connection after which the server is asked whether it is still there.
const UNASKED: Duration = Duration::from_secs(1);

/// The bounds of a pool.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// The most connections.
    pub most: u32,
    /// The longest wait for one of them, while others use them or the server grants no more.
    pub patience: Duration,
    /// The longest that the server may take to answer when there is nothing to wait for.
    pub connect: Duration,
    /// The longest rest of a connection before it is closed.
    pub rest: Duration,
    /// The longest life of a connection. A failover leaves some to a server that has become
    /// read-only; they do not live on.
    pub life: Duration,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            most: 16,
            patience: Duration::from_secs(20),
            connect: Duration::from_secs(5),
            rest: Duration::from_mins(10),
            life: Duration::from_mins(30),
        }
    }
}

/// The state of a pool, for its probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolState {
    /// Every connection is in use, and the server answers.
    Busy,
    /// The server grants this process no connection at all.
    Refused,
    /// The server does not answer.
    Silent,
}

/// The stock of a pool.
pub struct Stock {
    /// The servers that connections lead to.
    pub servers: Servers,
    /// The bounds.
    pub limits: PoolLimits,
    /// One permit for each connection that may be in use.
    pub turns: Arc<Semaphore>,
    /// The part of them that reading may have.
    pub share: Share,
    /// True if a pooler shares the sessions behind these connections between transactions.
    pub shares_sessions: bool,
    /// Cancelled when the pool is closed.
    pub closed: CancellationToken,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    resting: Vec<AgedConnection>,
    open: u32,
    /// Callers that wait for a word of the server and not for a connection.
    asking: u32,
    /// Callers that wait for a connection.
    waiting: u32,
    /// Permits that were taken away, because the server grants no connection for them.
    withheld: u32,
    refused: Option<Instant>,
    answered: Option<Instant>,
}

/// A connection with its age.
pub struct AgedConnection {
    conn: Option<PgConnection>,
    made: Instant,
    rested: Instant,
    /// Weak, because a stock holds those that rest.
    stock: Weak<Stock>,
}

/// A caller that waits for a word of the server; counted until it is dropped.
pub struct Asking<'a>(&'a Stock);

/// A caller that waits for a connection; counted until it is dropped.
pub struct Queued<'a>(&'a Stock);

impl Stock {
    /// An empty stock.
    pub fn new(servers: Servers, limits: PoolLimits) -> Self {
        Self {
            servers,
            limits,
            turns: Arc::new(Semaphore::new(limits.most as usize)),
            share: Share::of(limits.most),
            shares_sessions: false,
            closed: CancellationToken::new(),
            counts: Mutex::default(),
        }
    }

    /// The same, behind a pooler that shares sessions.
    #[must_use]
    pub fn sharing_sessions(mut self) -> Self {
        self.shares_sessions = true;
        self
    }

    /// A connection that rested and still works, if there is one.
    pub async fn rested(self: &Arc<Self>) -> Option<AgedConnection> {
        loop {
            let mut live = self.counts().resting.pop()?;
            if self.still_good(&mut live).await {
                return Some(live);
            }
            // One that broke has nothing to be told.
            drop(live);
        }
    }

    /// A new connection.
    pub async fn open(self: &Arc<Self>) -> sqlx::Result<AgedConnection> {
        let _asking = self.asking();
        let conn = match timeout(self.limits.connect, self.servers.connect()).await {
            Ok(conn) => conn?,
            Err(_) => return Err(sqlx::Error::PoolTimedOut),
        };
        let mut counts = self.counts();
        counts.open += 1;
        counts.answered = Some(Instant::now());
        drop(counts);
        Ok(AgedConnection {
            conn: Some(conn),
            made: Instant::now(),
            rested: Instant::now(),
            stock: Arc::downgrade(self),
        })
    }

    /// Takes a connection back that has nothing left to do; hands back every other one, for
    /// [`Stock::settle`].
    pub fn take_back(
        &self,
        mut live: AgedConnection,
        turn: PoolTurn,
    ) -> Option<(AgedConnection, PoolTurn)> {
        let is_of_use = !self.closed.is_cancelled() && live.made.elapsed() <= self.limits.life;
        if !is_of_use || !live.get_mut().is_at_rest() {
            return Some((live, turn));
        }
        self.rest(live);
        self.end(turn);
        None
    }

    /// Takes a connection back, after what is left of its last transaction was undone, or closes it.
    pub async fn settle(self: &Arc<Self>, mut live: AgedConnection, turn: PoolTurn) {
        if !self.closed.is_cancelled() && self.answers(&mut live).await {
            self.rest(live);
        } else {
            live.close().await;
        }
        self.end(turn);
    }

    /// Ends a turn, so that another begins.
    fn end(&self, turn: PoolTurn) {
        drop(turn.all);
        self.regrow();
        let granted = self.limits.most - self.counts().withheld;
        self.share.give_back(turn.reading, granted);
    }

    fn rest(&self, mut live: AgedConnection) {
        live.rested = Instant::now();
        let mut counts = self.counts();
        counts.answered = Some(live.rested);
        counts.resting.push(live);
    }

    /// True if a connection that rested is still of use. The server is asked only after a while: within it,
    /// a connection that the server gave up says so itself, and a network seldom becomes silent.
    async fn still_good(&self, live: &mut AgedConnection) -> bool {
        let is_young = live.made.elapsed() <= self.limits.life;
        if is_young && live.rested.elapsed() < UNASKED {
            return live.get_mut().is_at_rest();
        }
        self.answers(live).await
    }

    /// True if a connection is young and the server answers on it; sends what waits to be sent.
    async fn answers(&self, live: &mut AgedConnection) -> bool {
        if live.made.elapsed() > self.limits.life {
            return false;
        }
        let _asking = self.asking();
        let answer = timeout(self.limits.connect, live.get_mut().ping()).await;
        let answered = matches!(answer, Ok(Ok(())));
        if answered {
            self.counts().answered = Some(Instant::now());
        }
        answered
    }

    /// Closes a resting connection, so that another can be made, and answers whether there was one.
    pub async fn close_one(&self) -> bool {
        let live = self.counts().resting.pop();
        match live {
            Some(live) => {
                live.close().await;
                true
            }
            None => false,
        }
    }

    /// Closes what rested too long.
    pub async fn tidy(&self) {
        let old: Vec<AgedConnection> = {
            let mut counts = self.counts();
            let (rest, life) = (self.limits.rest, self.limits.life);
            counts
                .resting
                .extract_if(.., |live| {
                    live.rested.elapsed() > rest || live.made.elapsed() > life
                })
                .collect()
        };
        for live in old {
            live.close().await;
        }
    }

    /// Wishes for one connection fewer, since the server granted none for this turn. The last turn is
    /// handed back: its holder goes on asking.
    pub fn withhold(&self, turn: PoolTurn) -> Option<PoolTurn> {
        let mut counts = self.counts();
        counts.refused = Some(Instant::now());
        if counts.withheld + 1 >= self.limits.most {
            return Some(turn);
        }
        counts.withheld += 1;
        let (withheld, wished) = (counts.withheld, self.limits.most);
        drop(counts);
        turn.all.forget();
        self.share.give_back(turn.reading, wished - withheld);
        if withheld == 1 {
            tracing::warn!(
                wished,
                "the database grants fewer connections than NAVI_DATABASE_CONNECTIONS asks for; \
                 requests wait for those there are"
            );
        }
        None
    }

    /// Wishes for one connection more, some time after the last was refused.
    fn regrow(&self) {
        let mut counts = self.counts();
        let is_time = counts.refused.is_none_or(|at| at.elapsed() > REGROW);
        if counts.withheld > 0 && is_time {
            counts.withheld -= 1;
            counts.refused = Some(Instant::now());
            drop(counts);
            self.turns.add_permits(1);
        }
    }

    /// Notes that the server granted nothing.
    pub fn note_refusal(&self) {
        self.counts().refused = Some(Instant::now());
    }

    /// Counts a caller that waits for the server.
    pub fn asking(&self) -> Asking<'_> {
        self.counts().asking += 1;
        Asking(self)
    }

    /// Counts a caller that waits for a connection.
    pub fn queued(&self) -> Queued<'_> {
        self.counts().waiting += 1;
        Queued(self)
    }

    /// The number of callers that wait for a connection.
    pub fn count_waiting(&self) -> u32 {
        self.counts().waiting
    }

    /// The reason for which a caller waits.
    pub fn state(&self) -> PoolState {
        let counts = self.counts();
        let lately = |at: Option<Instant>| at.is_some_and(|at| at.elapsed() < LATELY);
        let all_in_use = self.turns.available_permits() == 0 && counts.open > 0;
        if all_in_use && (counts.asking == 0 || lately(counts.answered)) {
            PoolState::Busy
        } else if counts.open == 0 && lately(counts.refused) {
            PoolState::Refused
        } else {
            PoolState::Silent
        }
    }

    /// The number of connections that rest, and of all.
    pub fn count(&self) -> (usize, usize) {
        let counts = self.counts();
        (counts.resting.len(), counts.open as usize)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        lock(&self.counts)
    }
}

impl AgedConnection {
    /// The connection.
    ///
    /// # Panics
    ///
    /// Never: only what closes it takes it out.
    #[expect(
        clippy::expect_used,
        reason = "the connection is there until it is closed"
    )]
    pub fn get(&self) -> &PgConnection {
        self.conn.as_ref().expect("a live connection")
    }

    /// The connection, to work with.
    ///
    /// # Panics
    ///
    /// Never: only what closes it takes it out.
    #[expect(
        clippy::expect_used,
        reason = "the connection is there until it is closed"
    )]
    pub fn get_mut(&mut self) -> &mut PgConnection {
        self.conn.as_mut().expect("a live connection")
    }

    /// Closes it and tells the server.
    pub async fn close(mut self) {
        if let Some(conn) = self.conn.take() {
            // A server that does not listen finds out by itself.
            let _closed = timeout(Duration::from_secs(1), conn.close()).await;
        }
    }
}

impl Drop for AgedConnection {
    fn drop(&mut self) {
        if let Some(stock) = self.stock.upgrade() {
            stock.counts().open -= 1;
        }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.counts().waiting -= 1;
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.counts().asking -= 1;
    }
}
