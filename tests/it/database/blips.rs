//! Readiness while the database ends sessions, or goes away and comes back.

#![expect(
    clippy::disallowed_methods,
    reason = "a test is a client of the server that it starts"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use navi::llm::script::Script;
use sqlx::PgPool;

use crate::database::{address, role, run};
use crate::support::served::{Place, Served};

const PROBERS: usize = 64;

/// Asks for readiness again and again on a connection of its own until the end, and returns the changes
/// of the answer, the first included.
async fn changes(served: &Served, end: &AtomicBool) -> Vec<u16> {
    let client = reqwest::Client::new();
    let address = format!("{}/health/ready", served.url);
    let mut seen = Vec::new();
    while !end.load(Ordering::SeqCst) {
        let answer = client.get(&address).send().await.unwrap();
        let status = answer.status().as_u16();
        answer.bytes().await.unwrap();
        if seen.last() != Some(&status) {
            seen.push(status);
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    seen
}

async fn probed(served: &Served, blips: impl Future<Output = ()>) -> Vec<Vec<u16>> {
    let end = AtomicBool::new(false);
    let probing = join_all((0..PROBERS).map(|_| changes(served, &end)));
    let blipping = async {
        blips.await;
        end.store(true, Ordering::SeqCst);
    };
    tokio::join!(probing, blipping).0
}

async fn end_sessions(db: &PgPool, role: &str) {
    let end =
        format!("select pg_terminate_backend(pid) from pg_stat_activity where usename = '{role}'");
    run(db, end).await;
}

/// Waits until readiness is as it should be.
async fn until(served: &Served, status: u16) {
    let address = format!("{}/health/ready", served.url);
    while reqwest::get(&address).await.unwrap().status() != status {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn sessions_that_end_while_the_database_is_there_leave_the_server_ready(db: PgPool) {
    let role = role(&db, 20).await;
    let place = Place::new(&Script::default(), Some(&address(&db, &role)));
    let served = place.serve(&[]).await;
    // Through two rounds of the checks.
    let seen = probed(&served, async {
        for _ in 0..5 {
            end_sessions(&db, &role).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    assert_eq!(seen.await, vec![vec![200]; PROBERS], "{}", served.log());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_database_that_goes_and_comes_back_changes_readiness_twice_for_every_prober(db: PgPool) {
    let role = role(&db, 20).await;
    let place = Place::new(&Script::default(), Some(&address(&db, &role)));
    let served = place.serve(&[]).await;
    let seen = probed(&served, async {
        run(&db, format!("alter role \"{role}\" nologin")).await;
        end_sessions(&db, &role).await;
        until(&served, 503).await;
        run(&db, format!("alter role \"{role}\" login")).await;
        until(&served, 200).await;
        // Two rounds of the checks and more: it stays so.
        tokio::time::sleep(Duration::from_secs(5)).await;
    });
    let expected = vec![vec![200, 503, 200]; PROBERS];
    assert_eq!(seen.await, expected, "{}", served.log());
}
