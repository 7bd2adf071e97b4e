//! A connection and a transaction of the pool; both give the connection back when they are dropped.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use sqlx::postgres::PgTransactionManager;
use sqlx::{PgConnection, SqlSafeStr};
use sqlx_core::transaction::TransactionManager;
use tokio::runtime::Handle;

use crate::platform::database::share::PoolTurn;
use crate::platform::database::stock::{AgedConnection, Stock};

/// The beginning of a transaction on a session that is another's afterwards: the limits that a session
/// of our own has for as long as it lasts.
const BEGIN_WITH_LIMITS: &str = "begin; set local statement_timeout = '30s'; \
                                 set local lock_timeout = '10s'; \
                                 set local idle_in_transaction_session_timeout = '1min'";

/// A connection of the pool.
pub struct PooledConnection {
    held: Option<(AgedConnection, PoolTurn)>,
    stock: Arc<Stock>,
}

impl PooledConnection {
    /// A connection that goes back into this stock.
    pub fn new(live: AgedConnection, turn: PoolTurn, stock: Arc<Stock>) -> Self {
        Self {
            held: Some((live, turn)),
            stock,
        }
    }

    /// Throws it away, as one with an answer outstanding is of no use to the next caller.
    pub fn discard(mut self) {
        self.held = None;
    }

    #[expect(
        clippy::expect_used,
        reason = "the connection is there until it is dropped"
    )]
    fn live(&self) -> &AgedConnection {
        &self.held.as_ref().expect("a held connection").0
    }

    #[expect(
        clippy::expect_used,
        reason = "the connection is there until it is dropped"
    )]
    fn live_mut(&mut self) -> &mut AgedConnection {
        &mut self.held.as_mut().expect("a held connection").0
    }
}

impl Deref for PooledConnection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.live().get()
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.live_mut().get_mut()
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let Some((live, turn)) = self.held.take() else {
            return;
        };
        let Some((live, turn)) = self.stock.take_back(live, turn) else {
            return;
        };
        // Without a runtime there is no one left to give it to.
        if let Ok(runtime) = Handle::try_current() {
            let stock = self.stock.clone();
            runtime.spawn(async move { stock.settle(live, turn).await });
        }
    }
}

impl fmt::Debug for PooledConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledConnection").finish_non_exhaustive()
    }
}

/// A transaction on a connection of the pool; undone unless it is committed.
#[derive(Debug)]
pub struct PooledTransaction {
    conn: PooledConnection,
    is_open: bool,
}

impl PooledTransaction {
    /// Begins one, with its own limits where the session is shared.
    pub async fn begin(mut conn: PooledConnection, is_shared: bool) -> sqlx::Result<Self> {
        let statement = is_shared.then(|| BEGIN_WITH_LIMITS.into_sql_str());
        PgTransactionManager::begin(&mut conn, statement).await?;
        Ok(Self {
            conn,
            is_open: true,
        })
    }

    /// Commits the transaction.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        PgTransactionManager::commit(&mut self.conn).await?;
        self.is_open = false;
        Ok(())
    }

    /// Rolls the transaction back.
    pub async fn rollback(mut self) -> sqlx::Result<()> {
        PgTransactionManager::rollback(&mut self.conn).await?;
        self.is_open = false;
        Ok(())
    }
}

impl Deref for PooledTransaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.conn
    }
}

impl DerefMut for PooledTransaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.conn
    }
}

impl Drop for PooledTransaction {
    fn drop(&mut self) {
        if self.is_open {
            // Queued, and sent when the connection goes back.
            PgTransactionManager::start_rollback(&mut self.conn);
        }
    }
}
