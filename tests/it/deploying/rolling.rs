//! Servers that are replaced one after the other behind a proxy, while people work.

#![expect(clippy::disallowed_methods, reason = "a test asks many things at once")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::documents::claims::blocks;
use crate::documents::read;
use crate::runs::stage::{calls, says, script};
use crate::support::nginx::Nginx;
use crate::support::served::{Place, Served, url};

const GUIDE: &str = "docs/DEPLOYMENT_GUIDE.md";
/// People who ask without a pause, each over connections of their own.
const PEOPLE: u64 = 6;
const PATIENCE: Duration = Duration::from_mins(1);

/// The proxy of the guide in front of two servers.
async fn proxy(first: &str, second: &str) -> Option<Nginx> {
    let text = read(GUIDE);
    let blocks = blocks(&text);
    let (_, block) = blocks.iter().find(|(kind, _)| *kind == "nginx").unwrap();
    let mut settings = block.clone();
    for (there, here) in [
        ("listen 443 ssl;", "listen HERE;"),
        ("127.0.0.1:8787", first),
        ("127.0.0.1:8788", second),
    ] {
        assert!(settings.contains(there), "{there}");
        settings = settings.replace(there, here);
    }
    let certificates = |line: &&str| !line.trim_start().starts_with("ssl_certificate");
    let lines: Vec<_> = settings.lines().filter(certificates).collect();
    Nginx::with(&lines.join("\n")).await
}

/// The answers to clients that kept asking.
#[derive(Default)]
struct Found {
    answered: AtomicU64,
    over: AtomicBool,
}

impl Found {
    /// Asks until it is over, changing something every other time; answers with what went wrong.
    async fn keep_asking(&self, nginx: &Nginx, token: &str, person: u64) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut number = 0;
        while !self.over.load(Ordering::Relaxed) {
            number += 1;
            let response = if number % 2 == 0 {
                let batch = format!("{person}-{number}");
                let body = json!({"batchId": batch, "events": [{"type": "restart.number"}]});
                nginx.try_post(token, "/api/telemetry", &body).await
            } else {
                nginx.try_get(token, "/api/jobs?limit=1").await
            };
            match response {
                Ok(200) => {
                    self.answered.fetch_add(1, Ordering::Relaxed);
                }
                other => wrong.push(format!("{person}-{number}: {other:?}")),
            }
        }
        wrong
    }

    /// Waits until as many more were answered.
    async fn more(&self, count: u64) {
        let began = Instant::now();
        let goal = self.answered.load(Ordering::Relaxed) + count;
        while self.answered.load(Ordering::Relaxed) < goal {
            assert!(began.elapsed() < PATIENCE, "hardly any request is answered");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Ends a server as a rollout does, and starts the next one at its address.
async fn replace(place: &std::sync::Arc<Place>, mut old: Served) -> Served {
    let address = old.url.strip_prefix("http://").unwrap().to_owned();
    old.signal(Signal::SIGTERM);
    assert_eq!(old.gone(PATIENCE).await, Some(0), "{}", old.log());
    place.serve_at(&address, &[]).await
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn servers_that_are_replaced_one_by_one_behind_the_guides_proxy_lose_no_request(db: PgPool) {
    let turns = [
        calls(&[("run_command", json!({"command": "echo one"}))]),
        says("Done."),
    ];
    let place = Place::new(&script(turns), Some(&url(&db.connect_options())));
    let (mut first, mut second) = (place.serve(&[]).await, place.serve(&[]).await);
    let address = |served: &Served| served.url.strip_prefix("http://").unwrap().to_owned();
    let Some(nginx) = proxy(&address(&first), &address(&second)).await else {
        return;
    };
    let token = first.token.clone();
    let found = Found::default();
    let people = (0..PEOPLE).map(|person| found.keep_asking(&nginx, &token, person));
    let rollout = async {
        found.more(100).await;
        for _ in 0..2 {
            first = replace(&place, first).await;
            found.more(100).await;
            second = replace(&place, second).await;
            found.more(100).await;
        }
        found.over.store(true, Ordering::Relaxed);
        (first, second)
    };
    let (wrong, servers) = tokio::join!(futures_util::future::join_all(people), rollout);
    let wrong: Vec<_> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", nginx.said());
    let stored = "select count(*) from telemetry_events where event_type = 'restart.number'";
    let stored: i64 = sqlx::query_scalar(stored).fetch_one(&db).await.unwrap();
    let answered = found.answered.load(Ordering::Relaxed);
    assert!(i64::try_from(answered).unwrap() <= 2 * stored + i64::try_from(PEOPLE).unwrap());
    // Routes for operators alone stay behind the proxy.
    assert_eq!(nginx.try_get(&token, "/metrics").await, Ok(404));
    drop(servers);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn requests_that_wait_to_be_taken_are_answered_by_a_server_that_ends(db: PgPool) {
    let place = Place::new(&script([says("Done.")]), Some(&url(&db.connect_options())));
    let mut served = place.serve(&[]).await;
    let ask = |_: u32| served.send(reqwest::Method::GET, "/api/jobs?limit=1", &Value::Null);
    let asked: Vec<_> = (0..200).map(|n| tokio::spawn(ask(n))).collect();
    served.signal(Signal::SIGTERM);
    let mut statuses = Vec::new();
    for request in asked {
        // One that came after the socket was closed is refused, so that a proxy can ask another server.
        match request.await.unwrap() {
            Ok(response) => statuses.push(response.status().as_u16()),
            Err(error) => assert!(error.is_connect(), "{error:?}\n{}", served.log()),
        }
    }
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(served.gone(PATIENCE).await, Some(0));
}
