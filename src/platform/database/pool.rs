//! The connections that requests share.
//!
//! Turns are taken in the order in which they were asked for. A turn finds a connection that rests, or
//! makes one; when the server grants none, the turn is withheld and its caller waits for another, so
//! that requests wait where sqlx's own pool would ask the server until it gives up.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{PgConnection, PgPool};
use tokio::runtime::Handle;
use tokio::sync::AcquireError;
use tokio::time::{sleep, timeout_at};

use crate::platform::database::connection::{PooledConnection, PooledTransaction};
use crate::platform::database::refusal::{is_no_room, is_starting};
use crate::platform::database::servers::Servers;
use crate::platform::database::share::{ConnectionUse, PoolTurn};
use crate::platform::database::stock::{PoolLimits, PoolState, Stock};
use crate::platform::database::storage::Storage;

/// The interval at which connections that rest too long are looked for.
const TIDY: Duration = Duration::from_secs(30);
/// The first pause and the longest between two attempts to connect.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// A pool; cheap to clone.
#[derive(Clone)]
pub struct Pool {
    stock: Arc<Stock>,
    /// The way to the database itself, where a pooler stands in front of it: for sessions that keep
    /// something between two transactions.
    direct: Arc<Servers>,
    /// The pool that gives way when the server has no room for this one.
    elder: Option<Arc<Stock>>,
    storage: Storage,
}

impl Pool {
    /// A pool that connects when it has to.
    pub fn new(servers: impl Into<Servers>, limits: PoolLimits) -> Self {
        let servers = servers.into();
        let direct = Arc::new(servers.clone());
        Self::over(Stock::new(servers, limits), direct, None)
    }

    /// A pool whose connections lead through a pooler that shares them between transactions, with the way
    /// around it.
    pub fn behind_pooler(pooled: Servers, direct: Servers, limits: PoolLimits) -> Self {
        let stock = Stock::new(pooled, limits).sharing_sessions();
        Self::over(stock, Arc::new(direct), None)
    }

    fn over(stock: Stock, direct: Arc<Servers>, elder: Option<Arc<Stock>>) -> Self {
        let stock = Arc::new(stock);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(keep_tidy(Arc::downgrade(&stock)));
        }
        Self {
            stock,
            direct,
            elder,
            storage: Storage::default(),
        }
    }

    /// A pool of one connection that a busy pool never keeps from working: where the server has no room,
    /// this pool closes one of its own.
    #[must_use]
    pub fn beside(&self) -> Self {
        let limits = PoolLimits {
            most: 1,
            ..self.stock.limits
        };
        let elder = Some(self.stock.clone());
        let stock = Stock::new(Servers::clone(&self.direct), limits);
        Self {
            storage: self.storage.clone(),
            ..Self::over(stock, self.direct.clone(), elder)
        }
    }

    /// A session of its own, outside the pool, for locks that end with it.
    pub async fn session(&self) -> sqlx::Result<PgConnection> {
        self.connect_beside(&self.direct).await
    }

    /// A connection outside the pool, made to these servers in the same way.
    pub async fn connect_beside(&self, servers: &Servers) -> sqlx::Result<PgConnection> {
        let mut pause = BACKOFF.0;
        let end = Instant::now() + self.stock.limits.patience;
        loop {
            match servers.connect().await {
                Err(error) if is_no_room(&error) && Instant::now() < end => {
                    make_room(&self.stock).await;
                }
                connected => return connected,
            }
            sleep(pause).await;
            pause = (pause * 2).min(BACKOFF.1);
        }
    }

    /// Closes one connection as soon as one rests, for another to be made beside the pool.
    pub async fn make_room(&self) {
        make_room(&self.stock).await;
    }

    /// The servers of sessions outside the pool.
    pub fn servers(&self) -> Arc<Servers> {
        self.direct.clone()
    }

    /// A connection, as soon as one is free.
    pub async fn acquire(&self) -> sqlx::Result<PooledConnection> {
        let end = Instant::now() + self.stock.limits.patience;
        loop {
            let turn = self.turn(end).await?;
            if let Some(live) = self.stock.rested().await {
                return Ok(PooledConnection::new(live, turn, self.stock.clone()));
            }
            // On the heap: it is large and rare, and would be part of every request's future.
            if let Some(conn) = Box::pin(self.connected(turn, end)).await? {
                return Ok(conn);
            }
        }
    }

    /// A transaction on a connection, as soon as one is free.
    pub async fn begin(&self) -> sqlx::Result<PooledTransaction> {
        let conn = self.acquire().await?;
        PooledTransaction::begin(conn, self.stock.shares_sessions).await
    }

    /// A new connection for this turn; none when the turn is withheld.
    async fn connected(
        &self,
        turn: PoolTurn,
        end: Instant,
    ) -> sqlx::Result<Option<PooledConnection>> {
        let stock = &self.stock;
        let mut turn = turn;
        let mut pause = BACKOFF.0;
        let given_up = Instant::now() + stock.limits.connect;
        loop {
            let error = match stock.open().await {
                Ok(live) => return Ok(Some(PooledConnection::new(live, turn, stock.clone()))),
                Err(error) => error,
            };
            let until = if is_no_room(&error) {
                if let Some(elder) = &self.elder {
                    make_room(elder).await;
                    stock.note_refusal();
                } else {
                    match stock.withhold(turn) {
                        Some(last) => turn = last,
                        None => return Ok(None),
                    }
                }
                end
            } else if is_starting(&error) {
                given_up.min(end)
            } else {
                return Err(error);
            };
            if self.is_closed() {
                return Err(sqlx::Error::PoolClosed);
            }
            if Instant::now() + pause >= until {
                return Err(error);
            }
            sleep(pause).await;
            pause = (pause * 2).min(BACKOFF.1);
        }
    }

    /// A turn; one for reading once it is among those that reading may have.
    async fn turn(&self, end: Instant) -> sqlx::Result<PoolTurn> {
        let _queued = self.stock.queued();
        let closed = self.stock.closed.cancelled();
        let turn = async {
            let reading = match ConnectionUse::current() {
                ConnectionUse::Reading => Some(self.stock.share.turn().await?),
                ConnectionUse::Work => None,
            };
            let all = self.stock.turns.clone().acquire_owned().await?;
            Ok::<_, AcquireError>(PoolTurn { all, reading })
        };
        let turn = timeout_at(end.into(), turn);
        tokio::select! {
            biased;
            () = closed => Err(sqlx::Error::PoolClosed),
            turn = turn => match turn {
                Ok(Ok(turn)) => Ok(turn),
                Ok(Err(_)) => Err(sqlx::Error::PoolClosed),
                Err(_) => Err(sqlx::Error::PoolTimedOut),
            },
        }
    }

    /// True if the database stores what its writers give it.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// The reason for which a caller waits.
    pub fn state(&self) -> PoolState {
        self.stock.state()
    }

    /// The number of connections that rest, and of all.
    pub fn count(&self) -> (usize, usize) {
        self.stock.count()
    }

    /// The number of callers that wait, because every connection is in use.
    pub fn count_waiting(&self) -> u32 {
        self.stock.count_waiting()
    }

    /// The number of connections that reading has, and of callers that wait to read.
    pub fn count_reading(&self) -> (u32, u32) {
        self.stock.share.count()
    }

    /// True if the pool was closed.
    pub fn is_closed(&self) -> bool {
        self.stock.closed.is_cancelled()
    }

    /// Grants no more connections, and closes every one as soon as it is given back.
    pub async fn close(&self) {
        self.stock.closed.cancel();
        while self.count().1 > 0 {
            if !self.stock.close_one().await {
                sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

/// Closes one connection of this stock, and keeps its turn from making another.
async fn make_room(stock: &Arc<Stock>) {
    let Ok(all) = stock.turns.clone().acquire_owned().await else {
        return;
    };
    let turn = PoolTurn { all, reading: None };
    stock.close_one().await;
    // The last one of a pool goes on; it makes its connection again.
    drop(stock.withhold(turn));
}

/// Closes what rests too long, for as long as there is the pool.
async fn keep_tidy(stock: Weak<Stock>) {
    loop {
        sleep(TIDY).await;
        match stock.upgrade() {
            Some(stock) if !stock.closed.is_cancelled() => stock.tidy().await,
            Some(_) | None => return,
        }
    }
}

impl From<PgPool> for Pool {
    /// A pool that connects as another does; for tests, which get one of sqlx's.
    fn from(pool: PgPool) -> Self {
        let limits = PoolLimits {
            most: pool.options().get_max_connections(),
            ..PoolLimits::default()
        };
        Self::new(PgConnectOptions::clone(&pool.connect_options()), limits)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resting, open) = self.count();
        f.debug_struct("Pool")
            .field("open", &open)
            .field("resting", &resting)
            .finish_non_exhaustive()
    }
}
