//! Servers over a database that grants fewer connections than they wish for.

use navi::llm::script::Script;
use serde_json::{Value, json};
use sqlx::{Connection, PgPool};

use crate::database::{address, role, run};
use crate::support::served::{Place, Served};

async fn list(served: &Served) -> u16 {
    let asked = served.send(reqwest::Method::GET, "/api/jobs?limit=1", &Value::Null);
    asked.await.unwrap().status().as_u16()
}

async fn ready(served: &Served) -> (u16, Value) {
    served
        .call(reqwest::Method::GET, "/health/ready", &Value::Null)
        .await
}

/// Asks until readiness is as it should be, and answers what it then says of the database.
async fn ready_with(served: &Served, status: u16) -> String {
    loop {
        let (found, report) = ready(served).await;
        if found == status {
            let checks = report["checks"].as_array().unwrap();
            let database = checks.iter().find(|check| check["name"] == "database");
            return database.unwrap()["detail"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn requests_wait_where_the_server_wishes_for_more_than_it_is_granted(db: PgPool) {
    let role = role(&db, 5).await;
    let place = Place::new(&Script::default(), Some(&address(&db, &role)));
    let served = place.serve(&["--database-connections", "16"]).await;
    for _ in 0..3 {
        let reads = (0..30).map(|_| list(&served));
        let write = async |_| {
            let body = json!({"title": "notes"});
            served.post("/api/navi-memory/conversations", &body).await.0
        };
        let (reads, writes) = tokio::join!(
            futures_util::future::join_all(reads),
            futures_util::future::join_all((0..10).map(write)),
        );
        assert!(
            reads.iter().chain(&writes).all(|status| *status == 200),
            "{reads:?} {writes:?}"
        );
    }
    assert_eq!(ready(&served).await.0, 200);
    let told = served.log().matches("grants fewer connections").count();
    assert_eq!(told, 1, "{}", served.log());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn readiness_says_that_the_database_grants_nothing_until_it_does(db: PgPool) {
    let role = role(&db, 10).await;
    let place = Place::new(&Script::default(), Some(&address(&db, &role)));
    let served = place.serve(&[]).await;
    run(&db, format!("alter role \"{role}\" connection limit 0")).await;
    let end =
        format!("select pg_terminate_backend(pid) from pg_stat_activity where usename = '{role}'");
    run(&db, end).await;
    let said = ready_with(&served, 503).await;
    assert_eq!(
        said,
        "every connection that the database grants is taken by others"
    );
    run(&db, format!("alter role \"{role}\" connection limit 10")).await;
    ready_with(&served, 200).await;
    assert_eq!(list(&served).await, 200);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_that_starts_waits_for_a_connection(db: PgPool) {
    let role = role(&db, 6).await;
    let address = address(&db, &role);
    let servers = navi::platform::database::address::DatabaseAddress::read(&address);
    let servers = servers.unwrap().servers;
    let mut taken = Vec::new();
    for _ in 0..6 {
        taken.push(servers.connect().await.unwrap());
    }
    let place = Place::new(&Script::default(), Some(&address));
    let log = place.data().with_file_name("log-0");
    let given_back = async {
        let waits =
            || std::fs::read_to_string(&log).is_ok_and(|log| log.contains("is taken; waiting"));
        while !waits() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        for conn in taken {
            conn.close().await.unwrap();
        }
    };
    let (served, ()) = tokio::join!(place.serve(&[]), given_back);
    assert_eq!(list(&served).await, 200);
}

/// The value of a metric without labels.
async fn metric(served: &Served, name: &str) -> f64 {
    let text = reqwest::get(format!("{}/metrics", served.url)).await;
    let text = text.unwrap().text().await.unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap().parse().unwrap()
}

async fn until(served: &Served, name: &str, holds: impl Fn(f64) -> bool) {
    while !holds(metric(served, name).await) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn callers_and_audit_records_that_wait_for_the_database_are_counted(db: PgPool) {
    let role = role(&db, 6).await;
    let place = Place::new(&Script::default(), Some(&address(&db, &role)));
    let served = place.serve(&[]).await;
    let (callers, records) = ("navi_db_waiting_callers", "navi_audit_queue_depth");
    let mut lock = db.begin().await.unwrap();
    sqlx::raw_sql("lock table runs, audit_records in access exclusive mode")
        .execute(&mut *lock)
        .await
        .unwrap();
    let reads = futures_util::future::join_all((0..20).map(|_| list(&served)));
    let body = json!({"title": "notes"});
    // It is refused when its entry is not written for a while, so it comes when all others wait.
    let write = async {
        until(&served, callers, |count| count > 0.0).await;
        served.post("/api/navi-memory/conversations", &body).await
    };
    let waiting = async {
        until(&served, records, |count| count > 0.0).await;
        lock.rollback().await.unwrap();
    };
    let (reads, write, ()) = tokio::join!(reads, write, waiting);
    assert!(reads.iter().all(|status| *status == 200), "{reads:?}");
    assert_eq!(write.0, 200, "{}", write.1);
    until(&served, callers, |count| count == 0.0).await;
    until(&served, records, |count| count == 0.0).await;
}
