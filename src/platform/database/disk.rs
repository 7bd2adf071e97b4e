//! The disk of a database: whether it has room, and where it is.

use std::net::IpAddr;
use std::path::PathBuf;

use sqlx::{PgConnection, Row};

use crate::platform::database::servers::Servers;

/// More than the free space within existing files, and gone again at the end: half a mebibyte of rows.
const TRY: &str = "begin; \
    create temporary table navi_room on commit drop as \
        select repeat(md5(n::text), 32) as filling from generate_series(1, 512) n; \
    rollback";

/// The folder of this database on its server, where the role may know it.
const FOLDER: &str = "select coalesce(nullif(pg_tablespace_location(dattablespace), ''), \
        (select setting from pg_settings where name = 'data_directory')) \
    from pg_database where datname = current_database()";

/// Stores something and takes it back, to see whether there is room. Nothing of it stays, whatever happens.
pub async fn try_storing(conn: &mut PgConnection) -> sqlx::Result<()> {
    let tried = sqlx::raw_sql(TRY).execute(&mut *conn).await;
    if tried.is_err() {
        // The transaction has failed and is still open.
        sqlx::raw_sql("rollback").execute(conn).await?;
    }
    tried.map(drop)
}

/// The folder of the database, where its server is on this machine and lets it be known.
pub async fn folder_here(conn: &mut PgConnection, servers: &Servers) -> Option<PathBuf> {
    let options = servers.good();
    let host = options.get_host();
    let is_loopback = host
        .parse()
        .is_ok_and(|address: IpAddr| address.is_loopback());
    if options.get_socket().is_none() && !is_loopback && host != "localhost" {
        return None;
    }
    let row = sqlx::raw_sql(FOLDER).fetch_one(conn).await.ok()?;
    let folder = PathBuf::from(row.try_get::<Option<String>, _>(0).ok()??);
    // At the end of a tunnel there is another machine.
    folder.exists().then_some(folder)
}
