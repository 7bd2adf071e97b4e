//! The disk of a database: whether it has room, and where it is.

use std::net::IpAddr;
use std::path::PathBuf;

use sqlx::PgConnection;

use crate::platform::database::servers::Servers;
use crate::platform::db;

/// More than what is left over in files that are there, and gone again at the end: half a mebibyte of rows.
const TRY: &str = "begin; \
    create temporary table navi_room on commit drop as \
        select repeat(md5(n::text), 32) as filling from generate_series(1, 512) n; \
    rollback";

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
    let folder = PathBuf::from(db::data_folder(conn).await.ok()??);
    // At the end of a tunnel there is another machine.
    folder.exists().then_some(folder)
}
