//! What a rating costs: a thousand a second by a thousand people of fifty organisations, each of an answer
//! that was not rated before, within the limits that a server has by itself.
//!
//! `navi serve` is a process of its own over an embedded Postgres that writes to the disk; this program
//! is all of its clients, on the same cores. Beside it, at the same pace: the same transaction without
//! HTTP, tokens and audit, and one row that is inserted by itself. A time counts from when the rating
//! was due, so who waits for a slow answer is late with the next one.
//!
//! `NAVI_BENCH_SECONDS` is how long each of them lasts, 30 when it is not set and 60 at most.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a benchmark stops at the first surprise, prints rounded numbers, and starts what it \
              measures"
)]

#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/server.rs"]
mod server;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use navi::auth::principal::{Principal, Proof, Role};
use navi::auth::token::Verifier;
use navi::config::settings::Config;
use navi::feedback::service::{Feedback, Submission};
use navi::platform::clock::Clock;
use navi::platform::db;
use navi::platform::metrics::Metrics;
use server::{SECRET, Server};
use sqlx::PgPool;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ORGS: usize = 50;
const PEOPLE: usize = 1_000;
/// Ratings a second, of all together.
const RATE: usize = 1_000;
/// Connections, or tasks when there are none.
const CLIENTS: usize = 64;

/// How a rating is given.
enum Way {
    Http(SocketAddr, TcpStream),
    Service(Box<Feedback>),
    Row(PgPool),
}

/// What all clients share: who rates, with which token, and the number of the first answer.
struct World {
    people: Vec<(Principal, String)>,
    first: i64,
}

impl Way {
    /// Gives the rating with this number; answers whether it was stored.
    async fn give(&mut self, world: &World, number: usize) -> bool {
        let (person, token) = &world.people[number % PEOPLE];
        let gen_id = world.first + i64::try_from(number).unwrap();
        let rating = if number.is_multiple_of(3) { -1 } else { 1 };
        match self {
            Self::Http(address, socket) => {
                let body = format!(
                    r#"{{"gen_id":{gen_id},"rating":{rating},"reason":"style","comment":"Rating {number} says so."}}"#
                );
                let request = format!(
                    "POST /api/feedback/submit HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer \
                     {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let status = ask(socket, request.as_bytes()).await;
                if status.is_none() {
                    *socket = TcpStream::connect(*address).await.unwrap();
                }
                status == Some(*b"200")
            }
            Self::Service(feedback) => {
                let submission = Submission {
                    gen_id,
                    rating,
                    reason: Some("style".to_owned()),
                    comment: Some(format!("Rating {number} says so.")),
                };
                feedback.submit(person, submission).await.is_ok()
            }
            Self::Row(pool) => sqlx::query(
                "insert into one_row (org_key, gen_id, user_sub, rating, comment)
                 values ($1, $2, $3, $4, 'Rating says so.')",
            )
            .bind(person.org_id.as_str())
            .bind(gen_id)
            .bind(person.user_id.as_str())
            .bind(rating)
            .execute(&*pool)
            .await
            .is_ok(),
        }
    }
}

/// Sends a request and reads the status of its answer; nothing when the connection was closed.
async fn ask(socket: &mut TcpStream, request: &[u8]) -> Option<[u8; 3]> {
    socket.write_all(request).await.ok()?;
    let mut answer = Vec::with_capacity(2_048);
    while !is_whole(&answer) {
        if socket.read_buf(&mut answer).await.ok()? == 0 {
            return None;
        }
    }
    answer.get(9..12)?.try_into().ok()
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| body.len() >= length.parse().unwrap())
}

/// Every client gives each so many-th of the ratings when it is due, and says how long each took.
async fn offer(name: &str, seconds: usize, world: World, ways: Vec<Way>) {
    let world = Arc::new(world);
    let began = Instant::now() + Duration::from_millis(100);
    let clients: Vec<_> = ways
        .into_iter()
        .enumerate()
        .map(|(client, mut way)| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let mut took = Vec::new();
                let mut failed = 0;
                for number in (client..seconds * RATE).step_by(CLIENTS) {
                    let due = began + Duration::from_secs_f64(number as f64 / RATE as f64);
                    tokio::time::sleep_until(due.into()).await;
                    if way.give(&world, number).await {
                        took.push(due.elapsed());
                    } else {
                        failed += 1;
                    }
                }
                (took, failed)
            })
        })
        .collect();
    let (mut took, mut failed) = (Vec::new(), 0);
    for client in clients {
        let (its, not) = client.await.unwrap();
        took.extend(its);
        failed += not;
    }
    let lasted = began.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |share: usize| {
        let place = (took.len() * share / 1_000).min(took.len().saturating_sub(1));
        took.get(place)
            .map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
    };
    println!(
        "{name}: {RATE}/s offered for {seconds} s, {:.0}/s stored, {failed} failed; \
         p50 {:.2} ms, p95 {:.2}, p99 {:.2}",
        took.len() as f64 / lasted,
        at(500),
        at(950),
        at(990),
    );
}

/// Who rates, and what admits them.
fn people() -> Vec<(Principal, String)> {
    let config = Config::from_flags(["--jwt-secret", SECRET]).unwrap();
    let secret = config.signing_secret().unwrap();
    let verifier = Verifier::over(&config.auth, Some(&secret), Clock::System);
    (0..PEOPLE)
        .map(|n| {
            let person = Principal {
                org_id: format!("org-{}", n % ORGS).parse().unwrap(),
                team_id: None,
                user_id: format!("user-{n}").parse().unwrap(),
                role: Role::Planner,
                proof: Proof::Token,
            };
            let token = verifier.mint(&person, Duration::from_hours(1)).unwrap();
            (person, token)
        })
        .collect()
}

/// Logs an answer for each of so many ratings; answers the number of the first.
async fn log(pool: &PgPool, ratings: usize) -> i64 {
    // One statement numbers its rows in the order of the series.
    let first: Option<i64> = sqlx::query_scalar(
        "with made as (
             insert into ai_generation_log (org_key, user_sub, task_type, model, temperature, params,
                                            prompt_hash, result_ref, category, language, answer, tags)
             select 'org-' || n % $1 % $2, 'user-' || n % $1, 'codegen', 'claude-sonnet-4', 0.3,
                    jsonb_build_object('bandit_context', 'codegen_small_expert', 'bandit_arm',
                                       (array['precise', 'balanced', 'creative'])[1 + n % 3]),
                    repeat('0', 64), n::text, (array['fix', 'feature', 'test'])[1 + n % 3], 'python',
                    repeat('The cause was an open file. ', 20),
                    array['quotes@python=single', 'indent@python=4_spaces', 'length=brief',
                          'lists=prose', 'tests=with_change', 'commands=run']
             from generate_series(0, $3 - 1) series (n) order by series.n returning id
         ) select min(id) from made",
    )
    .bind(i32::try_from(PEOPLE).unwrap())
    .bind(i32::try_from(ORGS).unwrap())
    .bind(i32::try_from(ratings).unwrap())
    .fetch_one(pool)
    .await
    .unwrap();
    first.unwrap()
}

async fn measure(address: SocketAddr, pool: &PgPool, seconds: usize) {
    let people = people();
    let made = async || World {
        people: people.clone(),
        first: log(pool, seconds * RATE).await,
    };
    let mut ways = Vec::new();
    for _ in 0..CLIENTS {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        ways.push(Way::Http(address, socket));
    }
    offer("over HTTP", seconds, made().await, ways).await;
    let metrics = Metrics::new(&[], &[]).unwrap();
    let feedback = Feedback::new(pool.clone(), Clock::System, metrics);
    let ways = (0..CLIENTS).map(|_| Way::Service(Box::new(feedback.clone())));
    offer(
        "the transaction alone",
        seconds,
        made().await,
        ways.collect(),
    )
    .await;
    sqlx::query(
        "create table one_row (org_key text, gen_id bigint, user_sub text, rating int, comment text)",
    )
    .execute(pool)
    .await
    .unwrap();
    let ways = (0..CLIENTS).map(|_| Way::Row(pool.clone()));
    offer("one row by itself", seconds, made().await, ways.collect()).await;
    let (rated, learned, halves): (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from ai_feedback), (select count(*) from learning_suggestions),
                (select sum(accepted + rejected) from learning_counts where subject = '*')",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    println!("{rated} ratings, {learned} rows to learn from, {halves} halves of a voice");
    assert_eq!((rated, rated * 2), (learned, halves), "something was lost");
}

fn main() {
    let seconds = std::env::var("NAVI_BENCH_SECONDS").ok();
    let seconds = seconds.map_or(30, |text| text.parse::<usize>().unwrap());
    let seconds = seconds.clamp(1, 60);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let postgres = postgres::start(&runtime, &folder.path().join("pg"));
    let options = postgres.connect_options();
    let pool = runtime.block_on(async {
        db::migrate(&options, Clock::System.now()).await.unwrap();
        sqlx::postgres::PgPoolOptions::new()
            .max_connections(16)
            .connect_with(options.clone())
            .await
            .unwrap()
    });
    let url = sqlx::ConnectOptions::to_url_lossy(&options).to_string();
    let data = folder.path().join("data");
    let (server, _) = Server::start(&data, &[("DATABASE_URL", url.as_str())]);
    runtime.block_on(measure(server.address, &pool, seconds));
    drop(server);
    runtime.block_on(async { pool.close().await });
    runtime.block_on(postgres.stop());
}
