//! What telemetry costs: events a second by one request each and by batches, beside `COPY` of the same
//! rows; what happens under more load than can be borne.
//!
//! `navi serve` is a process of its own over an embedded Postgres that writes to the disk; this program
//! is all of its clients, on the same cores.
//!
//! All of it, or the parts that are named: `cargo bench --bench telemetry -- single batches overload`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a benchmark stops at the first surprise, prints rounded numbers, and starts what it \
              measures"
)]

#[path = "support/memory.rs"]
mod memory;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/server.rs"]
mod server;
#[path = "support/token.rs"]
mod token;

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use navi::platform::clock::Clock;
use navi::platform::db;
use navi::telemetry::fingerprint::Fingerprinter;
use navi::telemetry::model::Sender;
use navi::telemetry::parse;
use navi::telemetry::rows::{BatchRows, COLUMNS};
use serde_json::json;
use server::Server;
use sqlx::PgPool;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long each load lasts.
const LASTS: Duration = Duration::from_secs(8);

/// A request with a batch whose id is written anew each time.
#[derive(Clone)]
struct Request {
    bytes: Vec<u8>,
    id_at: usize,
    events: usize,
}

const ID: &str = "batch_0000000000000000";

fn event(size: usize, n: usize) -> serde_json::Value {
    const WORDS: &[&str] = &[
        "panel",
        "render",
        "stream",
        "token",
        "workspace",
        "editor",
        "request",
        "cursor",
        "buffer",
        "handler",
        "module",
        "prompt",
    ];
    let mut notes = String::new();
    let mut seed = n as u64 * 2_654_435_761 + 1;
    let mut data = json!({"action": "accept", "model": "claude-sonnet-4", "latencyMs": n % 900,
        "tokens": n % 5_000, "success": true, "view": "chat"});
    let bare = data.to_string().len() + 80;
    while notes.len() + bare < size {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        notes.push_str(WORDS[(seed >> 33) as usize % WORDS.len()]);
        let _written = write!(notes, " {:x} ", seed >> 48);
    }
    data["notes"] = notes.into();
    json!({"type": "navi.user.interaction", "timestamp": Clock::System.millis(),
        "sessionId": "session_1764000000000_abcdefg", "data": data})
}

fn body(size: usize, events: usize) -> String {
    let events: Vec<_> = (0..events).map(|n| event(size, n)).collect();
    json!({"events": events, "batchId": ID, "timestamp": Clock::System.millis()}).to_string()
}

fn request(token: &str, size: usize, events: usize) -> Request {
    let body = body(size, events);
    let text = format!(
        "POST /api/telemetry HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    Request {
        id_at: text.find(ID).unwrap() + ID.len() - 16,
        bytes: text.into_bytes(),
        events,
    }
}

#[derive(Default)]
struct Outcome {
    stored: usize,
    refused: usize,
    other: usize,
    took: Vec<Duration>,
}

/// One client: sends until the end, at its own pace or at that of a clock.
async fn client(
    address: SocketAddr,
    mut request: Request,
    number: u64,
    every: Option<Duration>,
    end: Instant,
) -> Outcome {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let mut outcome = Outcome::default();
    let mut answer = vec![0; 64 * 1024];
    let mut due = Instant::now()
        + every
            .unwrap_or_default()
            .mul_f64((number % 97) as f64 / 97.0);
    let mut was_due = due;
    let mut n = number << 32;
    while Instant::now() < end {
        if let Some(every) = every {
            tokio::time::sleep_until(due.into()).await;
            was_due = due;
            due += every;
        }
        // From when it was due: who waits for a slow answer is late with the next one.
        let began = if every.is_some() {
            was_due
        } else {
            Instant::now()
        };
        n += 1;
        let id = format!("{n:016x}");
        request.bytes[request.id_at..request.id_at + 16].copy_from_slice(id.as_bytes());
        let Some(status) = ask(&mut socket, &request.bytes, &mut answer).await else {
            outcome.other += request.events;
            socket = TcpStream::connect(address).await.unwrap();
            continue;
        };
        match &status {
            b"200" => {
                outcome.stored += request.events;
                outcome.took.push(began.elapsed());
            }
            b"429" => {
                outcome.refused += request.events;
                // What the answer asks for is a second; clients that obey are no overload.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            _ => outcome.other += request.events,
        }
    }
    outcome
}

/// Sends a request and reads the status of its answer; nothing when the connection was closed.
async fn ask(socket: &mut TcpStream, request: &[u8], answer: &mut [u8]) -> Option<[u8; 3]> {
    socket.write_all(request).await.ok()?;
    let mut read = 0;
    while !is_whole(&answer[..read]) {
        let more = socket.read(&mut answer[read..]).await.ok()?;
        read += more;
        if more == 0 {
            return None;
        }
    }
    answer[9..12].try_into().ok()
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

async fn load(
    address: SocketAddr,
    request: &Request,
    clients: u64,
    rate: Option<f64>,
    round: u64,
) -> (Outcome, f64) {
    let began = Instant::now();
    let end = began + LASTS;
    let every = rate.map(|rate| Duration::from_secs_f64(clients as f64 / rate));
    let all: Vec<_> = (0..clients)
        .map(|n| {
            tokio::spawn(client(
                address,
                request.clone(),
                (round << 16) + n + 1,
                every,
                end,
            ))
        })
        .collect();
    let mut sum = Outcome::default();
    for one in all {
        let one = one.await.unwrap();
        sum.stored += one.stored;
        sum.refused += one.refused;
        sum.other += one.other;
        sum.took.extend(one.took);
    }
    sum.took.sort_unstable();
    (sum, began.elapsed().as_secs_f64())
}

fn millis(took: &[Duration], share: usize) -> f64 {
    // In thousandths, which is exact enough for any of them.
    let at = (took.len() * share / 1_000).min(took.len().saturating_sub(1));
    took.get(at)
        .map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
}

fn report(name: &str, (outcome, seconds): &(Outcome, f64)) -> f64 {
    let rate = outcome.stored as f64 / seconds;
    println!(
        "{name}: {rate:.0} events/s stored, {:.0}/s refused, {} failed; p50 {:.1} ms, p95 {:.1}, p99 {:.1}",
        outcome.refused as f64 / seconds,
        outcome.other,
        millis(&outcome.took, 500),
        millis(&outcome.took, 950),
        millis(&outcome.took, 990),
    );
    rate
}

/// The same rows by `COPY`, as many at once as there are connections, in pieces of 100 rows or all in
/// one.
async fn copy(pool: &PgPool, size: usize, rows: usize, connections: usize) -> f64 {
    let sender = Sender {
        org_id: "copied".parse().unwrap(),
        user_id: "copied".parse().unwrap(),
        user_agent: None,
    };
    let now = Clock::System.now();
    let batch = parse::batch(
        body(size, 1_000.min(1_000_000 / size)).as_bytes(),
        &sender,
        now,
    )
    .unwrap();
    let count = batch.events.len();
    let (lines, _) = BatchRows::of(batch, &sender, &Fingerprinter::new().unwrap(), now);
    let times = rows / count / connections;
    let began = Instant::now();
    let all: Vec<_> = (0..connections)
        .map(|_| {
            let (pool, lines) = (pool.clone(), lines.lines.clone());
            tokio::spawn(async move {
                let statement = format!("copy telemetry_events ({COLUMNS}) from stdin");
                let mut conn = pool.acquire().await.unwrap();
                let mut copy = conn.copy_in_raw(&statement).await.unwrap();
                for _ in 0..times {
                    copy.send(&lines[..]).await.unwrap();
                }
                copy.finish().await.unwrap();
            })
        })
        .collect();
    for one in all {
        one.await.unwrap();
    }
    (times * count * connections) as f64 / began.elapsed().as_secs_f64()
}

async fn single(address: SocketAddr, token: &str) {
    println!("\nevents of 2.9 KB, one in a request");
    let request = request(token, 2_900, 1);
    for (round, clients) in [(1, 16), (2, 64), (3, 256)] {
        let loaded = load(address, &request, clients, None, round).await;
        report(&format!("{clients} clients"), &loaded);
    }
    for (round, rate) in [(4, 2_000.0), (5, 4_000.0), (6, 8_000.0)] {
        let loaded = load(address, &request, 128, Some(rate), round).await;
        report(&format!("{rate} events/s asked by 128 clients"), &loaded);
    }
}

async fn batches(address: SocketAddr, token: &str, pool: &PgPool) {
    for (size, round) in [(2_900, 10), (400, 20)] {
        println!("\nevents of {size} bytes, 100 in a request");
        let request = request(token, size, 100);
        let one = copy(pool, size, 60_000, 1).await;
        let two = copy(pool, size, 60_000, 2).await;
        println!("COPY of the same rows: {one:.0} rows/s by one connection, {two:.0} by two");
        for (n, clients) in [(1, 4), (2, 16), (3, 64)] {
            let loaded = load(address, &request, clients, None, round + n).await;
            let rate = report(&format!("{clients} clients"), &loaded);
            println!(
                "  {:.0} % of one COPY, {:.0} % of two",
                rate / one * 100.0,
                rate / two * 100.0
            );
        }
    }
}

async fn overload(server: &Server, token: &str) {
    println!(
        "\nten times the clients that saturate the server, 100 events of 400 bytes in a request"
    );
    let request = request(token, 400, 100);
    let peak = load(server.address, &request, 32, None, 30).await;
    let peak = report("32 clients", &peak);
    let before = memory::of(server.pid).0;
    let over = load(server.address, &request, 320, None, 31).await;
    let rate = report("320 clients", &over);
    println!(
        "  {:.0} % of the peak; {before:.0} MiB before, {:.0} MiB after",
        rate / peak * 100.0,
        memory::of(server.pid).0
    );
    let tenfold = load(server.address, &request, 3_000, Some(peak / 10.0), 32).await;
    let rate = report("ten times the peak asked by 3000 clients", &tenfold);
    println!(
        "  {:.0} % of the peak; {:.0} MiB",
        rate / peak * 100.0,
        memory::of(server.pid).0
    );
    let after = load(server.address, &request, 32, None, 33).await;
    report("32 clients right after", &after);
    println!("  {:.0} MiB", memory::of(server.pid).0);
}

fn main() {
    let named: Vec<String> = std::env::args()
        .skip(1)
        .filter(|name| !name.starts_with('-'))
        .collect();
    let wanted = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
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
    let data = folder.path().join("data");
    let url = sqlx::ConnectOptions::to_url_lossy(&options).to_string();
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("NAVI_TELEMETRY_BATCHES_PER_MINUTE", "0"),
        ("NAVI_TELEMETRY_EVENTS_PER_MINUTE", "0"),
    ];
    let (server, _) = Server::start(&data, &settings);
    let token = token::mint(&data);
    if wanted("single") {
        runtime.block_on(single(server.address, &token));
    }
    if wanted("batches") {
        runtime.block_on(batches(server.address, &token, &pool));
    }
    if wanted("overload") {
        runtime.block_on(overload(&server, &token));
    }
    println!(
        "\nthe server at the end: {:.0} MiB resident",
        memory::of(server.pid).0
    );
    drop(server);
    runtime.block_on(postgres.stop());
}
