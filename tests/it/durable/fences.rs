//! Writes that the database refuses, and runs that are given up.

use navi::platform::clock::Clock;
use navi::platform::ids::{OrgId, RunId};
use navi::runs::event::Event;
use navi::runs::event_data::RunPhase;
use navi::runs::log::store::events::{Append, Appended, Storable, append};
use navi::runs::model::RunStatus;
use navi::runs::store::runs;
use serde_json::json;
use sqlx::PgPool;

use crate::jobs::desk::{Desk, nothing};
use crate::runs::stage::{says, script};
use crate::support::app::ORG;

async fn rows(db: &PgPool) -> (i64, i64) {
    sqlx::query_as("select last_sequence, (select count(*) from run_events) from runs")
        .fetch_one(db)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn whoever_lost_a_run_or_is_too_late_writes_nothing(db: PgPool) {
    let desk = Desk::new(db.clone(), script([says("Done.")])).await;
    let id = desk.create(json!({"auto_start": false})).await;
    let (org, run): (OrgId, RunId) = (ORG.parse().unwrap(), id.parse().unwrap());
    let foreign: OrgId = "org-2".parse().unwrap();
    // Taken three times.
    sqlx::query("update runs set fence = 3")
        .execute(&db)
        .await
        .unwrap();
    let events = [(
        Storable::new(Event::status(RunPhase::Executing)),
        RunStatus::Running,
    )];
    let mut conn = db.acquire().await.unwrap();
    let mut write = async |org: &OrgId, last, fence| {
        let wanted = Append::events(last, fence, &events, RunStatus::Running);
        append(&mut conn, org, run, &wanted, Clock::System.now())
            .await
            .unwrap()
    };
    for fence in [0, 1, 2, 4] {
        assert_eq!(write(&org, 1, fence).await, Appended::Fenced, "{fence}");
    }
    for last in [0, 2, 7] {
        assert_eq!(write(&org, last, 3).await, Appended::EndsAt(1), "{last}");
    }
    assert_eq!(write(&foreign, 1, 3).await, Appended::Fenced);
    assert_eq!(rows(&db).await, (1, 1));
    assert_eq!(write(&org, 1, 3).await, Appended::Done);
    assert_eq!(
        write(&org, 1, 3).await,
        Appended::EndsAt(2),
        "a second try is recognised"
    );
    assert_eq!(rows(&db).await, (2, 2));
    sqlx::query("update runs set finished_at = now(), status = 'failed'")
        .execute(&db)
        .await
        .unwrap();
    assert_eq!(write(&org, 2, 3).await, Appended::Fenced, "after the end");
    assert_eq!(rows(&db).await, (2, 2));
    let mut conn = db.acquire().await.unwrap();
    assert_eq!(runs::lock_run(&mut conn, &org, run, 3).await.unwrap(), None);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_that_is_put_back_by_who_lost_it_stays_where_it_is(db: PgPool) {
    let desk = Desk::new(db.clone(), script([says("Done.")])).await;
    let id = desk.create(json!({"auto_start": false})).await;
    let (org, run): (OrgId, RunId) = (ORG.parse().unwrap(), id.parse().unwrap());
    sqlx::query("update runs set fence = 2, worker_id = gen_random_uuid(), status = 'running'")
        .execute(&db)
        .await
        .unwrap();
    let mut conn = db.acquire().await.unwrap();
    runs::release_run(&mut conn, &org, run, 1, Clock::System.now())
        .await
        .unwrap();
    assert_eq!(desk.job(&id).await["status"], "running");
    runs::release_run(&mut conn, &org, run, 2, Clock::System.now())
        .await
        .unwrap();
    let told = desk.ended(&id).await;
    assert_eq!(told.stopped_reason(), "completed");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_that_loses_its_worker_again_and_again_is_given_up(db: PgPool) {
    let desk = Desk::new(db.clone(), script([says("Done.")])).await;
    let id = desk.create(json!({"auto_start": false})).await;
    sqlx::query(
        "update runs set fence = 11, takeovers = 10, worker_id = gen_random_uuid(),
                         status = 'running', available_at = now()",
    )
    .execute(&db)
    .await
    .unwrap();
    let told = desk.ended(&id).await;
    assert_eq!(told.stopped_reason(), "internal_error");
    let errors = told.all("error");
    assert_eq!(errors[0]["code"], "RUN_GIVEN_UP");
    assert_eq!(errors.len(), 1);
    assert_eq!(desk.stage.requests().len(), 0);
    let job = desk.job(&id).await;
    assert_eq!(
        (&job["status"], &job["takeovers"]),
        (&json!("failed"), &json!(11))
    );
    assert!(job["error"].as_str().unwrap().contains("11 times"), "{job}");
    assert_eq!(desk.ask(&id, "start", nothing()).await.0, 409);
}

/// As it is left when the answer to a commit is lost: held by a worker that lives and does not know.
#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_that_is_held_and_not_worked_on_is_found(db: PgPool) {
    let desk = Desk::new(db.clone(), script([says("Done.")])).await;
    let id = desk.create(json!({"auto_start": false})).await;
    sqlx::query(
        "update runs set fence = 1, worker_id = (select worker_id from workers),
                         status = 'running', available_at = now()",
    )
    .execute(&db)
    .await
    .unwrap();
    let told = desk.ended(&id).await;
    assert_eq!(told.stopped_reason(), "completed");
    assert_eq!(desk.job(&id).await["takeovers"], 0);
}
