//! Telling a way to the database on which two sessions may be one.

use sqlx::{Connection, PgConnection, Row};

use crate::platform::database::servers::Servers;

/// True if a pooler gives the session of one client to another: then locks and settings of one would come
/// to the other, too.
pub async fn are_shared(first: &mut PgConnection, servers: &Servers) -> sqlx::Result<bool> {
    let Ok(mut second) = servers.connect().await else {
        // There may be no room for a second one.
        return Ok(false);
    };
    let mut shared = false;
    for _ in 0..2 {
        shared |= process_of(first).await? == process_of(&mut second).await?;
    }
    second.close().await?;
    Ok(shared)
}

/// The process behind a session. Asked without a prepared statement, which another session would not know.
async fn process_of(conn: &mut PgConnection) -> sqlx::Result<i32> {
    sqlx::raw_sql("select pg_backend_pid()")
        .fetch_one(conn)
        .await?
        .try_get(0)
}
