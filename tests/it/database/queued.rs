//! Statements whose answers are not looked at go with the next one, and share its fate.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::{Connection, PgConnection, PgPool};

use crate::database::transactions::{counted, notes, with_notes, write};

async fn queue(conn: &mut PgConnection, note: i32) -> sqlx::Result<()> {
    let insert = sqlx::query("insert into notes values ($1)").bind(note);
    conn.queue(insert).await
}

fn code(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.map(Cow::into_owned)
}

#[sqlx::test]
async fn a_transaction_of_queued_statements_costs_one_round_trip(db: PgPool) {
    with_notes(&db).await;
    let (mut conn, round_trips) = counted(&db).await;
    // A statement is parsed once for each connection, and waited for then.
    write(&mut conn, 0).await.unwrap();
    let before = round_trips.load(Ordering::SeqCst);
    let mut tx = conn.begin().await.unwrap();
    for note in 1..=5 {
        queue(&mut tx, note).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(round_trips.load(Ordering::SeqCst) - before, 1);
    assert_eq!(notes(&db).await, 6);
    let mut tx = conn.begin().await.unwrap();
    queue(&mut tx, 6).await.unwrap();
    write(&mut tx, 7).await.unwrap();
    queue(&mut tx, 8).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(round_trips.load(Ordering::SeqCst) - before, 3);
    assert_eq!(notes(&db).await, 9);
}

#[sqlx::test]
async fn the_answer_to_a_statement_is_its_own_whatever_was_queued_before_it(db: PgPool) {
    with_notes(&db).await;
    let mut conn = db.acquire().await.unwrap();
    // The second time the statements are known to the connection.
    for _ in 0..2 {
        let mut tx = conn.begin().await.unwrap();
        queue(&mut tx, 1).await.unwrap();
        let rows = sqlx::query("select * from generate_series(1, 3)");
        tx.queue(rows).await.unwrap();
        let insert = sqlx::query("insert into notes values (2), (3)");
        let done = insert.execute(&mut *tx).await.unwrap();
        assert_eq!(done.rows_affected(), 2);
        queue(&mut tx, 4).await.unwrap();
        let all = sqlx::query_scalar::<_, i32>("select note from notes order by note");
        assert_eq!(all.fetch_all(&mut *tx).await.unwrap(), [1, 2, 3, 4]);
        tx.rollback().await.unwrap();
        assert_eq!(notes(&db).await, 0);
    }
}

#[sqlx::test]
async fn a_queued_statement_that_fails_undoes_its_transaction(db: PgPool) {
    with_notes(&db).await;
    let mut conn = db.acquire().await.unwrap();
    write(&mut conn, 1).await.unwrap();
    let twice = Some("23505".to_owned());
    // At the end.
    let mut tx = conn.begin().await.unwrap();
    queue(&mut tx, 2).await.unwrap();
    queue(&mut tx, 1).await.unwrap();
    queue(&mut tx, 3).await.unwrap();
    assert_eq!(code(&tx.commit().await.unwrap_err()), twice);
    assert_eq!(notes(&db).await, 1);
    // With the one that is waited for, which is not executed.
    let mut tx = conn.begin().await.unwrap();
    queue(&mut tx, 1).await.unwrap();
    assert_eq!(code(&write(&mut tx, 2).await.unwrap_err()), twice);
    tx.rollback().await.unwrap();
    assert_eq!(notes(&db).await, 1);
    // With a caller that rolls back.
    let mut tx = conn.begin().await.unwrap();
    queue(&mut tx, 1).await.unwrap();
    tx.rollback().await.unwrap();
    // With a statement in text, and before a savepoint.
    let mut tx = conn.begin().await.unwrap();
    queue(&mut tx, 1).await.unwrap();
    let text = sqlx::raw_sql("select 1").execute(&mut *tx).await;
    assert_eq!(code(&text.unwrap_err()), twice);
    drop(tx);
    let mut tx = conn.begin().await.unwrap();
    queue(&mut tx, 1).await.unwrap();
    assert_eq!(code(&tx.begin().await.err().unwrap()), twice);
    drop(tx);
    write(&mut conn, 4).await.unwrap();
    assert_eq!(notes(&db).await, 2);
}

#[sqlx::test]
async fn queued_statements_are_undone_when_their_transaction_is_dropped_or_left_halfway(
    db: PgPool,
) {
    with_notes(&db).await;
    let mut conn = db.acquire().await.unwrap();
    write(&mut conn, 0).await.unwrap();
    let mut tx = conn.begin().await.unwrap();
    queue(&mut tx, 1).await.unwrap();
    drop(tx);
    write(&mut conn, 2).await.unwrap();
    assert_eq!(notes(&db).await, 2);
    let mut tx = conn.begin().await.unwrap();
    queue(&mut tx, 3).await.unwrap();
    tx.queue(sqlx::query("select pg_sleep(0.2)")).await.unwrap();
    let left = tokio::time::timeout(Duration::from_millis(50), write(&mut tx, 4));
    left.await.unwrap_err();
    drop(tx);
    write(&mut conn, 5).await.unwrap();
    assert_eq!(notes(&db).await, 3);
    assert!(conn.is_at_rest());
}

#[sqlx::test]
async fn outside_of_a_transaction_a_queued_statement_is_executed_at_once(db: PgPool) {
    with_notes(&db).await;
    let mut conn = db.acquire().await.unwrap();
    queue(&mut conn, 1).await.unwrap();
    assert_eq!(notes(&db).await, 1);
    assert_eq!(
        code(&queue(&mut conn, 1).await.unwrap_err()),
        Some("23505".to_owned())
    );
}
