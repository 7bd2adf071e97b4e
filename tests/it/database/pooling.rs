//! The pool itself: turns, what is undone, and room for others.

use std::time::Duration;

use navi::platform::database::address::DatabaseAddress;
use navi::platform::database::pool::Pool;
use navi::platform::database::refusal::is_no_room;
use navi::platform::database::stock::{PoolLimits, PoolState};
use sqlx::{Connection, PgPool};

use crate::database::{address, role, run};

fn pool(url: &str, most: u32, patience: Duration) -> Pool {
    let limits = PoolLimits {
        most,
        patience,
        ..PoolLimits::default()
    };
    Pool::new(DatabaseAddress::read(url).unwrap().servers, limits)
}

const PATIENT: Duration = Duration::from_secs(20);

async fn sleep_there(pool: &Pool) -> sqlx::Result<()> {
    let mut conn = pool.acquire().await?;
    sqlx::query("select pg_sleep(0.02)")
        .execute(&mut *conn)
        .await
        .map(drop)
}

#[sqlx::test]
async fn callers_wait_for_the_connections_that_there_are(db: PgPool) {
    let role = role(&db, 3).await;
    let pool = pool(&address(&db, &role), 12, PATIENT);
    let work = (0..40).map(|_| sleep_there(&pool));
    for done in futures_util::future::join_all(work).await {
        done.unwrap();
    }
    assert_eq!(pool.count().1, 3);
}

#[sqlx::test]
async fn a_caller_that_the_server_refused_gets_what_another_gives_back(db: PgPool) {
    let role = role(&db, 1).await;
    let pool = pool(&address(&db, &role), 2, PATIENT);
    let first = pool.acquire().await.unwrap();
    let gives_back = async move { drop(first) };
    let (second, ()) = tokio::join!(pool.acquire(), gives_back);
    second.unwrap();
}

#[sqlx::test]
async fn what_a_caller_did_not_commit_is_undone_before_the_next_has_the_connection(db: PgPool) {
    let pool = pool(&address(&db, "navi"), 1, PATIENT);
    let mut conn = pool.acquire().await.unwrap();
    sqlx::query("create table notes (note text)")
        .execute(&mut *conn)
        .await
        .unwrap();
    drop(conn);
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("insert into notes values ('undone')")
        .execute(&mut *tx)
        .await
        .unwrap();
    drop(tx);
    let mut tx = pool.begin().await.unwrap();
    let count = "select count(*) from notes";
    let found: i64 = sqlx::query_scalar(count).fetch_one(&mut *tx).await.unwrap();
    assert_eq!(found, 0);
    sqlx::query("insert into notes values ('kept')")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let found: i64 = sqlx::query_scalar(count).fetch_one(&db).await.unwrap();
    assert_eq!(found, 1);
}

#[sqlx::test]
async fn a_pool_gives_way_to_what_must_have_a_connection(db: PgPool) {
    let role = role(&db, 2).await;
    let pool = pool(&address(&db, &role), 2, PATIENT);
    let held = [pool.acquire().await.unwrap(), pool.acquire().await.unwrap()];
    drop(held);
    let beside = pool.beside();
    let (one, session) = (beside.acquire().await.unwrap(), pool.session());
    assert_eq!(beside.count().1, 1);
    let session = session.await.unwrap();
    assert_eq!(pool.count().1, 0, "both were given up");
    session.close().await.unwrap();
    drop(one);
}

#[sqlx::test]
async fn a_caller_that_waits_in_vain_is_told_so(db: PgPool) {
    let pool = pool(&address(&db, "navi"), 1, Duration::from_millis(50));
    let held = pool.acquire().await.unwrap();
    let refused = pool.acquire().await.unwrap_err();
    assert!(matches!(refused, sqlx::Error::PoolTimedOut), "{refused}");
    assert_eq!(pool.state(), PoolState::Busy);
    drop(held);
    pool.acquire().await.unwrap();
}

#[sqlx::test]
async fn a_server_that_grants_nothing_is_known_from_one_that_is_silent(db: PgPool) {
    let role = role(&db, 0).await;
    let few = pool(&address(&db, &role), 2, Duration::from_millis(100));
    let refused = few.acquire().await.unwrap_err();
    assert!(is_no_room(&refused), "{refused}");
    assert_eq!(few.state(), PoolState::Refused);

    let nowhere = pool(
        "postgres://navi@127.0.0.1:1/navi",
        2,
        Duration::from_millis(100),
    );
    nowhere.acquire().await.unwrap_err();
    assert_eq!(nowhere.state(), PoolState::Silent);
}

#[sqlx::test]
async fn a_connection_that_broke_is_replaced(db: PgPool) {
    let pool = pool(&address(&db, "navi"), 1, PATIENT);
    let pid = "select pg_backend_pid()";
    let mut conn = pool.acquire().await.unwrap();
    let first: i32 = sqlx::query_scalar(pid).fetch_one(&mut *conn).await.unwrap();
    drop(conn);
    run(&db, format!("select pg_terminate_backend({first}, 5000)")).await;
    let mut conn = pool.acquire().await.unwrap();
    let second: i32 = sqlx::query_scalar(pid).fetch_one(&mut *conn).await.unwrap();
    assert_ne!(first, second);
}

#[sqlx::test]
async fn a_pool_that_is_closed_has_no_connection(db: PgPool) {
    let pool = pool(&address(&db, "navi"), 2, PATIENT);
    drop(pool.acquire().await.unwrap());
    pool.close().await;
    assert_eq!(pool.count(), (0, 0));
    let refused = pool.acquire().await.unwrap_err();
    assert!(matches!(refused, sqlx::Error::PoolClosed), "{refused}");
}
