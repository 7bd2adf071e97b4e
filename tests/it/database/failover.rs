//! Several servers in one address: the one that takes writes is found at the start and after a failover.

#![expect(
    clippy::disallowed_methods,
    reason = "a test starts commands as processes, and is the server's client"
)]

use std::process::Command;
use std::time::Duration;

use navi::llm::script::Script;
use navi::platform::database::address::DatabaseAddress;
use navi::platform::database::pool::Pool;
use navi::platform::database::servers::Servers;
use navi::platform::database::stock::PoolLimits;
use navi::platform::db;
use navi::platform::signals::{Signal, Signals};
use navi::platform::tasks::Tasks;
use serde_json::json;
use tokio::time::timeout;

use crate::database::clusters::Clusters;
use crate::support::served::{Place, Served};

/// Far longer than a failover takes.
const PATIENCE: Duration = Duration::from_mins(1);

fn servers(address: &str) -> Servers {
    DatabaseAddress::read(address).unwrap().servers
}

/// Exit code of a command, and what it said.
fn navi(address: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_navi"))
        .args(arguments)
        .env_clear()
        .env("DATABASE_URL", address)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// Writes something, as often as the server says that it should be tried again.
async fn written(served: &Served, title: &str) {
    let write = json!({ "title": title });
    let writing = async {
        loop {
            let (status, answer) = served.post("/api/navi-memory/conversations", &write).await;
            match status {
                503 => tokio::time::sleep(Duration::from_millis(100)).await,
                200 | 201 => return,
                _ => assert_eq!(status, 201, "{answer}"),
            }
        }
    };
    let in_time = timeout(PATIENCE, writing).await;
    assert!(in_time.is_ok(), "{}", served.log());
}

#[tokio::test]
async fn the_server_that_takes_writes_is_found_at_the_start_and_after_a_failover() {
    let mut clusters = Clusters::start().await;
    // The standby is the first to be asked.
    let both = clusters.address(["standby", "primary"], "");
    let (code, said) = navi(&both, &["migrate"]);
    assert_eq!(code, Some(0), "{said}");
    let place = Place::new(&Script::default(), Some(&both));
    let served = place.serve(&[]).await;
    written(&served, "before").await;

    clusters.kill_primary();
    clusters.promote();
    written(&served, "after").await;
    let (_, list) = served
        .call(
            reqwest::Method::GET,
            "/api/navi-memory/conversations",
            &json!({}),
        )
        .await;
    let list = list.to_string();
    assert!(list.contains("before") && list.contains("after"), "{list}");
    assert!(
        served.log().contains("at another of its servers"),
        "{}",
        served.log()
    );
    // A command that is called now has to pass by the dead one.
    let dead_first = clusters.address(["primary", "standby"], "");
    let (code, said) = navi(&dead_first, &["migrate", "--check"]);
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test]
async fn notifications_are_heard_from_the_server_that_took_over() {
    let mut clusters = Clusters::start().await;
    let both = clusters.address(["primary", "standby"], "");
    let one = Pool::new(servers(&both), PoolLimits::default());
    let other = Pool::new(servers(&both), PoolLimits::default());
    let (teller, hearer) = (Signals::new(one.clone()), Signals::new(other));
    let tasks = Tasks::new();
    let mut heard = hearer.subscribe();
    teller.start(&tasks);
    hearer.start(&tasks);
    let is_heard = async |number: i64, heard: &mut tokio::sync::broadcast::Receiver<Signal>| {
        let hearing = async {
            loop {
                // A signal before the first listener is lost, as signals may be.
                teller.tell("test", &"it", number);
                let next = timeout(Duration::from_millis(200), heard.recv()).await;
                match next {
                    Ok(Ok(Signal::Changed { number: told, .. })) if told == number => return,
                    Ok(_) | Err(_) => {}
                }
            }
        };
        timeout(PATIENCE, hearing).await.is_ok()
    };
    assert!(is_heard(1, &mut heard).await);
    clusters.kill_primary();
    clusters.promote();
    assert!(is_heard(2, &mut heard).await);
    let mut conn = one.acquire().await.unwrap();
    db::notify(&mut conn, "navi", "nothing").await.unwrap();
    tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_standby_is_used_only_where_the_address_asks_for_any_server() {
    let mut clusters = Clusters::start().await;
    let order = ["standby", "primary"];
    let is_standby = async |more: &str| {
        let mut conn = servers(&clusters.address(order, more)).connect().await?;
        sqlx::query_scalar::<_, bool>("select pg_is_in_recovery()")
            .fetch_one(&mut conn)
            .await
    };
    assert!(!is_standby("").await.unwrap());
    assert!(!is_standby("&target_session_attrs=primary").await.unwrap());
    assert!(is_standby("&target_session_attrs=any").await.unwrap());
    // A primary whose transactions may not write is one, and is not what `read-write` asks for.
    let read_only = "&options=-c default_transaction_read_only=on";
    let primary = format!("{read_only}&target_session_attrs=primary");
    assert!(!is_standby(&primary).await.unwrap());
    let error = is_standby(read_only).await.unwrap_err().to_string();
    assert!(
        error.contains("none of the servers takes writes"),
        "{error}"
    );

    clusters.kill_primary();
    let both = clusters.address(order, "");
    let (code, said) = navi(&both, &["migrate", "--check"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("none of the servers takes writes") && said.contains("/standby:5432"),
        "{said}"
    );
}
