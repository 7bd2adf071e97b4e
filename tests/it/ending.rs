//! Servers that end while clients go on asking.

#![expect(
    clippy::disallowed_methods,
    reason = "a test is a client of the server that it starts"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use navi::auth::principal::Role;
use navi::llm::script::Script;
use nix::sys::signal::Signal;
use reqwest::{Client, Method};
use serde_json::json;
use sqlx::PgPool;

use crate::support::app::ORG;
use crate::support::served::{Served, token_of, url};

/// Answers to the requests of one client.
#[derive(Debug, Default)]
struct Told {
    /// Titles of conversations that the server said it keeps.
    kept: Vec<String>,
    /// Requests that were sent and not answered as they should be.
    lost: Vec<String>,
}

/// Asks, over connections that stay or over one for each request, until the server takes none.
async fn ask(served: &Served, number: usize, begun: &AtomicBool) -> Told {
    let stays = number.is_multiple_of(2);
    // Changing requests are counted for each person.
    let token = token_of(ORG, &format!("user-{number}"), Role::Planner);
    let client = Client::builder()
        .pool_max_idle_per_host(usize::from(stays))
        .build()
        .unwrap();
    let mut told = Told::default();
    for turn in 0.. {
        let title = format!("{number}-{turn}");
        let (method, path) = match turn % 2 {
            0 => (Method::POST, "/api/navi-memory/conversations"),
            _ => (Method::GET, "/api/jobs?limit=1"),
        };
        let request = client
            .request(method.clone(), format!("{}{path}", served.url))
            .bearer_auth(&token)
            .json(&json!({"title": title}));
        match request.send().await {
            Ok(answer) if answer.status() == 200 => {
                let whole = answer.bytes().await;
                match whole {
                    Ok(_) if method == Method::POST => told.kept.push(title),
                    Ok(_) => {}
                    Err(error) => told.lost.push(format!("{title}: {error:?}")),
                }
            }
            Ok(answer) => told.lost.push(format!("{title}: {}", answer.status())),
            Err(error) if error.is_connect() => return told,
            Err(error) => told.lost.push(format!("{title}: {error:?}")),
        }
        begun.store(true, Ordering::SeqCst);
    }
    told
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_that_ends_under_load_answers_whatever_reached_it(db: PgPool) {
    let database = url(&db.connect_options());
    let mut kept = Vec::new();
    for round in 0..3 {
        let mut served = Served::start(&Script::default(), Some(&database)).await;
        let begun = AtomicBool::new(false);
        let clients = join_all((0..32).map(|number| ask(&served, round * 100 + number, &begun)));
        let end = async {
            while !begun.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            served.signal(Signal::SIGTERM);
        };
        let (told, ()) = tokio::join!(clients, end);
        let lost: Vec<_> = told.iter().flat_map(|told| &told.lost).collect();
        assert!(lost.is_empty(), "{lost:#?}\n{}", served.log());
        kept.extend(told.into_iter().flat_map(|told| told.kept));
        assert_eq!(served.gone(Duration::from_secs(20)).await, Some(0));
    }
    assert!(kept.len() > 100, "there was no load: {}", kept.len());
    let titles = "select title from conversations order by 1";
    let mut stored: Vec<String> = sqlx::query_scalar(titles).fetch_all(&db).await.unwrap();
    stored.sort();
    kept.sort();
    assert_eq!(stored, kept);
}
