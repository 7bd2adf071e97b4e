//! The way to the database: fewer connections than were wished for, other spellings of the address, and
//! poolers in front of it.

mod blips;
mod certificates;
mod clusters;
mod failover;
mod full;
mod pgbouncer;
mod pooling;
mod queued;
mod reading;
mod room;
mod spellings;
mod transactions;

use sqlx::PgPool;

/// An address of the database of a test, with these for user and other parts.
fn address(db: &PgPool, user: &str) -> String {
    let options = db.connect_options();
    let (socket, port) = (options.get_socket().unwrap(), options.get_port());
    let name = options.get_database().unwrap();
    format!(
        "postgres://{user}@/{name}?host={}&port={port}",
        socket.display()
    )
}

/// A role that may have so many connections, and everything that the owner of the tables may.
async fn role(db: &PgPool, connections: u32) -> String {
    let options = db.connect_options();
    // Roles are the cluster's, and every test has a database of its own.
    let role = format!("few_{}", options.get_database().unwrap().to_lowercase());
    run(
        db,
        format!("create role \"{role}\" login connection limit {connections} in role navi"),
    )
    .await;
    role
}

async fn run(db: &PgPool, statement: String) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(db)
        .await
        .unwrap();
}
