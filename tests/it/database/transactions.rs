//! The beginning of a transaction goes with its first statement, and the statement never without it.

#![expect(
    clippy::disallowed_methods,
    reason = "what stands between is no part of a server, and ends with its test"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};

pub(super) async fn notes(db: &PgPool) -> i64 {
    let count = sqlx::query_scalar("select count(*) from notes");
    count.fetch_one(db).await.unwrap()
}

pub(super) async fn with_notes(db: &PgPool) {
    db.execute("create table notes (note integer primary key)")
        .await
        .unwrap();
}

pub(super) async fn write(conn: &mut PgConnection, note: i32) -> sqlx::Result<()> {
    let insert = sqlx::query("insert into notes values ($1)").bind(note);
    insert.execute(conn).await.map(drop)
}

#[sqlx::test]
async fn the_first_statement_is_undone_with_the_rest(db: PgPool) {
    with_notes(&db).await;
    // The second time the statement is known to the connection.
    for _ in 0..2 {
        let mut tx = db.begin().await.unwrap();
        write(&mut tx, 1).await.unwrap();
        tx.rollback().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        write(&mut tx, 1).await.unwrap();
        drop(tx);
        assert_eq!(notes(&db).await, 0);
    }
    let mut tx = db.begin().await.unwrap();
    tx.execute("insert into notes values (1)").await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(notes(&db).await, 0, "a statement in text");
    let mut tx = db.begin().await.unwrap();
    let mut copy = tx.copy_in_raw("copy notes from stdin").await.unwrap();
    copy.send("1\n".as_bytes()).await.unwrap();
    copy.finish().await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(notes(&db).await, 0, "a copy");
    let mut tx = db.begin().await.unwrap();
    let mut inner = tx.begin().await.unwrap();
    write(&mut inner, 1).await.unwrap();
    inner.commit().await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(notes(&db).await, 0, "a savepoint");
}

#[sqlx::test]
async fn a_first_statement_that_fails_ends_its_transaction(db: PgPool) {
    with_notes(&db).await;
    let mut tx = db.begin().await.unwrap();
    write(&mut tx, 1).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    write(&mut tx, 1).await.unwrap_err();
    let refused = write(&mut tx, 2).await.unwrap_err();
    let code = refused.as_database_error().and_then(DatabaseError::code);
    assert_eq!(code.as_deref(), Some("25P02"), "{refused}");
    tx.rollback().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    write(&mut tx, 2).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(notes(&db).await, 2);
}

#[sqlx::test]
async fn a_first_statement_that_is_left_halfway_is_undone(db: PgPool) {
    with_notes(&db).await;
    let mut conn = db.acquire().await.unwrap();
    let mut tx = conn.begin().await.unwrap();
    let slow = sqlx::query("insert into notes select 1 from pg_sleep(0.2)");
    let left = tokio::time::timeout(Duration::from_millis(50), slow.execute(&mut *tx));
    left.await.unwrap_err();
    drop(tx);
    write(&mut conn, 2).await.unwrap();
    assert_eq!(notes(&db).await, 1);
}

/// A connection that counts how often the server said that it waits for the next message.
pub(super) async fn counted(db: &PgPool) -> (PgConnection, Arc<AtomicUsize>) {
    let options = db.connect_options();
    let socket = format!(".s.PGSQL.{}", options.get_port());
    let socket = options.get_socket().unwrap().join(socket);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let counter = Arc::new(AtomicUsize::new(0));
    tokio::spawn(forward(listener, socket, counter.clone()));
    let through = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(port)
        .username(options.get_username())
        .database(options.get_database().unwrap())
        .ssl_mode(PgSslMode::Disable);
    (through.connect().await.unwrap(), counter)
}

/// Forwards one connection, and counts the server's `ReadyForQuery`.
async fn forward(listener: TcpListener, socket: PathBuf, counter: Arc<AtomicUsize>) {
    let (client, _) = listener.accept().await.unwrap();
    let server = UnixStream::connect(socket).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    while let (Ok(kind), Ok(length)) = (from_server.read_u8().await, from_server.read_u32().await) {
        let mut message = vec![kind];
        message.extend(length.to_be_bytes());
        message.resize(1 + length as usize, 0);
        from_server.read_exact(&mut message[5..]).await.unwrap();
        if kind == b'Z' {
            counter.fetch_add(1, Ordering::SeqCst);
        }
        to_client.write_all(&message).await.unwrap();
    }
}

#[sqlx::test]
async fn a_transaction_costs_one_round_trip_for_each_statement_and_one_for_its_end(db: PgPool) {
    with_notes(&db).await;
    let (mut conn, round_trips) = counted(&db).await;
    write(&mut conn, 0).await.unwrap();
    let before = round_trips.load(Ordering::SeqCst);
    let mut tx = conn.begin().await.unwrap();
    write(&mut tx, 1).await.unwrap();
    write(&mut tx, 2).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(round_trips.load(Ordering::SeqCst) - before, 3);
    // One in which nothing was said costs none.
    conn.begin().await.unwrap().commit().await.unwrap();
    conn.begin().await.unwrap().rollback().await.unwrap();
    drop(conn.begin().await.unwrap());
    assert_eq!(round_trips.load(Ordering::SeqCst) - before, 3);
}
