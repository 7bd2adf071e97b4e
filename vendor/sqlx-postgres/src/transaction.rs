use sqlx_core::database::Database;
use sqlx_core::sql_str::SqlStr;

use crate::error::Error;
use crate::executor::Executor;

use crate::{PgConnection, Postgres};

pub(crate) use sqlx_core::transaction::*;

/// Implementation of [`TransactionManager`] for PostgreSQL.
pub struct PgTransactionManager;

impl TransactionManager for PgTransactionManager {
    type Database = Postgres;

    async fn begin(conn: &mut PgConnection, statement: Option<SqlStr>) -> Result<(), Error> {
        let depth = conn.inner.transaction_depth;

        // NAVI: the beginning of a transaction without one of its own goes with its first statement, so that it
        // costs no round trip.
        if depth == 0 && statement.is_none() {
            conn.wait_until_ready().await?;
            if conn.in_transaction() {
                return Err(Error::BeginFailed);
            }
            conn.inner.begins_with_next = true;
            conn.inner.transaction_depth = 1;
            return Ok(());
        }

        let statement = match statement {
            // custom `BEGIN` statements are not allowed if we're already in
            // a transaction (we need to issue a `SAVEPOINT` instead)
            Some(_) if depth > 0 => return Err(Error::InvalidSavePointStatement),
            Some(statement) => statement,
            None => begin_ansi_transaction_sql(depth),
        };

        // NAVI: a savepoint comes after the beginning of its transaction.
        conn.wait_until_ready().await?;
        let rollback = Rollback::new(conn);
        rollback.conn.queue_simple_query(statement.as_str())?;
        rollback.conn.wait_until_ready().await?;
        if !rollback.conn.in_transaction() {
            return Err(Error::BeginFailed);
        }
        rollback.conn.inner.transaction_depth += 1;
        rollback.defuse();

        Ok(())
    }

    async fn commit(conn: &mut PgConnection) -> Result<(), Error> {
        if conn.leaves_unbegun() {
            return Ok(());
        }
        if conn.inner.transaction_depth > 0 {
            let end = commit_ansi_transaction_sql(conn.inner.transaction_depth);
            // NAVI: in the message of what was queued, if anything was.
            if !conn.end_queued(end.clone()).await? {
                conn.execute(end).await?;
            }

            conn.inner.transaction_depth -= 1;
        }

        Ok(())
    }

    async fn rollback(conn: &mut PgConnection) -> Result<(), Error> {
        if conn.leaves_unbegun() {
            return Ok(());
        }
        if conn.inner.transaction_depth > 0 {
            // NAVI: a statement that was queued may have failed, which is nothing to whom all of them are of no use.
            let _answered = conn.wait_until_ready().await;
            conn.execute(rollback_ansi_transaction_sql(conn.inner.transaction_depth))
                .await?;

            conn.inner.transaction_depth -= 1;
        }

        Ok(())
    }

    fn start_rollback(conn: &mut PgConnection) {
        if conn.leaves_unbegun() {
            return;
        }
        if conn.inner.transaction_depth > 0 {
            conn.sync_queued();
            conn.queue_simple_query(
                rollback_ansi_transaction_sql(conn.inner.transaction_depth).as_str(),
            )
            .expect("BUG: Rollback query somehow too large for protocol");

            conn.inner.transaction_depth -= 1;
        }
    }

    fn get_transaction_depth(conn: &<Self::Database as Database>::Connection) -> usize {
        conn.inner.transaction_depth
    }
}

struct Rollback<'c> {
    conn: &'c mut PgConnection,
    defuse: bool,
}

impl Drop for Rollback<'_> {
    fn drop(&mut self) {
        if !self.defuse {
            PgTransactionManager::start_rollback(self.conn)
        }
    }
}

impl<'c> Rollback<'c> {
    fn new(conn: &'c mut PgConnection) -> Self {
        Self {
            conn,
            defuse: false,
        }
    }
    fn defuse(mut self) {
        self.defuse = true;
    }
}
