//! Figures of Postgres about itself.

use sqlx::PgConnection;

/// Counters of the database since they were begun.
#[derive(Clone, Debug)]
pub struct DatabaseCounters {
    /// Committed transactions.
    pub commits: i64,
    /// Rows that were inserted, updated or deleted.
    pub written: i64,
    /// Blocks that were not in memory.
    pub read_blocks: i64,
    /// Blocks that were.
    pub hit_blocks: i64,
    /// Deadlocks.
    pub deadlocks: i64,
    /// Bytes of the log.
    pub wal_bytes: f64,
    /// The process of this session.
    pub session: i32,
}

/// Reads them.
pub async fn counters(conn: &mut PgConnection) -> sqlx::Result<DatabaseCounters> {
    sqlx::query_as!(
        DatabaseCounters,
        r#"select xact_commit as "commits!",
                  tup_inserted + tup_updated + tup_deleted as "written!",
                  blks_read as "read_blocks!", blks_hit as "hit_blocks!", deadlocks as "deadlocks!",
                  pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as "wal_bytes!",
                  pg_backend_pid() as "session!"
           from pg_stat_database where datname = current_database()"#
    )
    .fetch_one(conn)
    .await
}

/// Reasons for which busy sessions wait: the kind of wait, and the number of sessions.
pub async fn waits(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        r#"select coalesce(wait_event_type || ' ' || wait_event, 'nothing') as "wait!",
                  count(*) as "sessions!"
           from pg_stat_activity
           where datname = current_database() and state = 'active' and pid <> pg_backend_pid()
           group by 1"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.wait, row.sessions))
        .collect())
}

/// The version and what matters most of the settings.
pub async fn describe(conn: &mut PgConnection) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        r#"select format('Postgres %s, shared_buffers %s, fsync %s, synchronous_commit %s, max_connections %s',
                         split_part(current_setting('server_version'), ' ', 1),
                         current_setting('shared_buffers'), current_setting('fsync'),
                         current_setting('synchronous_commit'), current_setting('max_connections'))
                  as "described!""#
    )
    .fetch_one(conn)
    .await
}
