//! Jobs whose turn comes in the moment in which they are asked for.

use chrono::{DateTime, Utc};
use navi::runs::lease::store::take_alone;
use sqlx::PgPool;

use crate::jobs::desk::{Desk, nothing};
use crate::runs::stage::{says, script};

async fn turns(db: &PgPool) -> Vec<DateTime<Utc>> {
    let turns = sqlx::query_scalar("select taken_at from run_turns");
    turns.fetch_all(db).await.unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_is_taken_by_the_transaction_that_writes_it(db: PgPool) {
    let desk = Desk::new(db.clone(), script([says("Done."), says("Done.")])).await;
    // The process has its lease by then.
    let first = desk.create(nothing()).await;
    assert_eq!(desk.ended(&first).await.stopped_reason(), "completed");
    let before = turns(&db).await;
    let second = desk.create(nothing()).await;
    assert_eq!(desk.ended(&second).await.stopped_reason(), "completed");
    // A worker notes the turn of every organisation of which it takes a run.
    assert_eq!(turns(&db).await, before);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_waits_while_another_process_takes_runs(db: PgPool) {
    let desk = Desk::new(db.clone(), script([says("Done."), says("Done.")])).await;
    let first = desk.create(nothing()).await;
    assert_eq!(desk.ended(&first).await.stopped_reason(), "completed");
    let mut other = db.begin().await.unwrap();
    take_alone(&mut other).await.unwrap();
    // The lock goes with what is read under it.
    let read = sqlx::query("select 1").execute(&mut *other);
    read.await.unwrap();
    let second = desk.create(nothing()).await;
    assert_eq!(desk.job(&second).await["status"], "queued");
    other.commit().await.unwrap();
    assert_eq!(desk.ended(&second).await.stopped_reason(), "completed");
}
