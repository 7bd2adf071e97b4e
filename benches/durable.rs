//! The cost of durable runs: following them, losing their worker, starting again, finding one among
//! many.
//!
//! `navi serve` is a process of its own (two of them where it says so) over an embedded Postgres that
//! writes to the disk; the model is a script. This program commits events and reads streams.
//!
//! All of it, or the parts that are named: `cargo bench --bench durable -- followed stalled`.
//!
//! * *followed here*: 1,000 background runs of one server talk at their own pace, each followed by a
//!   client of its own; from the moment the run said something, which is before its commit, to the
//!   client's having it.
//! * *followed elsewhere*: this program plays another server that works on 1,000 runs: it commits their
//!   events and tells so; from the moment the commit returned to the client's having it from a server
//!   that only follows. Beside it the same without telling, by looking alone.
//! * *stalled*: clients that ask for a long log and never read; memory of the server and what the
//!   kernel holds for them.
//! * *take-over*: a server is killed; from the end of its lease to the first event of each of its runs
//!   in the log of another, which has its own data folder.
//! * *recovery*: a server is killed and started again over the same data folder; from that start to the
//!   first event of each of its runs.
//! * *restart*: ready over 1,000 open runs, and until the last of them is under way again.
//! * *listing*: every page of 100,000 runs, and pages of one status; beside it the same page by offset.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a benchmark stops at the first surprise, prints rounded numbers, and starts what it \
              measures"
)]

#[path = "support/clock.rs"]
mod clock;
#[path = "support/memory.rs"]
mod memory;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/server.rs"]
mod server;
#[path = "support/token.rs"]
mod token;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clock::{Sample, heading, nanos};
use navi::platform::clock::Clock;
use navi::platform::ids::{OrgId, RunId};
use navi::platform::signals::Signals;
use navi::platform::tasks::Tasks;
use navi::runs::event::Event;
use navi::runs::log::store::events as store;
use navi::runs::log::store::events::{Append, Storable};
use navi::runs::model::RunStatus;
use navi::runs::topics::EVENTS;
use nix::sys::signal::{Signal, kill};
use server::Server;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

const STREAMS: usize = 1_000;
/// Events of all runs together, each second.
const PER_SECOND: u64 = 200;
const SECONDS: u64 = 20;
const STALLED: usize = 200;
const LISTED: i64 = 100_000;

/// Where everything is, and who asks.
struct Scene {
    runtime: Runtime,
    data: tempfile::TempDir,
    db: PgPool,
    url: String,
    token: String,
    _postgres: navi::platform::embedded_postgres::server::EmbeddedPostgres,
}

impl Scene {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let data = tempfile::tempdir().unwrap();
        let postgres = postgres::start(&runtime, &data.path().join("cluster"));
        let options = postgres.connect_options();
        let db = runtime.block_on(async {
            navi::platform::db::migrate(&options, Clock::System.now())
                .await
                .unwrap();
            let pool = PgPoolOptions::new().max_connections(16);
            pool.connect_with(options.clone()).await.unwrap()
        });
        let token = token::mint(data.path());
        let url = sqlx::ConnectOptions::to_url_lossy(&options).to_string();
        Self {
            runtime,
            data,
            db,
            url,
            token,
            _postgres: postgres,
        }
    }

    fn serve(&self, script: &str, settings: &[(&str, &str)]) -> (Server, Duration) {
        self.serve_in(self.data.path(), script, settings)
    }

    /// A server with that data folder.
    fn serve_in(&self, data: &Path, script: &str, settings: &[(&str, &str)]) -> (Server, Duration) {
        let file = self.data.path().join("script.json");
        std::fs::write(&file, script).unwrap();
        let mut all = vec![
            ("DATABASE_URL", self.url.as_str()),
            ("NAVI_SCRIPT", file.to_str().unwrap()),
            ("NAVI_MAX_CONCURRENT_RUNS", "1000"),
            ("NAVI_MAX_RUNS_PER_ORG", "1000"),
        ];
        all.extend(settings);
        Server::start(data, &all)
    }

    /// Empties the tables that grow.
    fn clear(&self) {
        let sql = "truncate runs, run_events, workers, run_turns cascade";
        self.runtime
            .block_on(sqlx::raw_sql(sql).execute(&self.db))
            .unwrap();
    }

    /// Runs of the token's own user that wait to be taken, created a millisecond apart.
    fn insert(&self, count: i64, status: &str) -> Vec<RunId> {
        let sql = "insert into runs (org_id, user_id, run_id, kind, status, task, provider, model,
                       options, request, created_at, updated_at, available_at, finished_at, role,
                       last_sequence)
             select 'bench', 'bench', gen_random_uuid(), 'job',
                    case when $2 = 'held back' then 'queued' else $2 end, 'say a lot of things', 'scripted',
                    'demo', '{}',
                    '{\"message\": \"say a lot of things\", \"workspace_path\": null,
                      \"conversation_id\": null, \"history\": [], \"attachments\": [],
                      \"editor\": {\"errors\": []}, \"run_verification\": false,
                      \"max_iterations\": null}',
                    now() - n * interval '1 millisecond', now(),
                    case when $2 <> 'held back' then now() end,
                    case when $2 in ('completed', 'failed') then now() end, 'planner', 0
             from generate_series(1, $1) n returning run_id";
        let rows: Vec<uuid::Uuid> = self.runtime.block_on(async {
            let rows = sqlx::query_scalar(sql).bind(count).bind(status);
            rows.fetch_all(&self.db).await.unwrap()
        });
        rows.into_iter().map(RunId).collect()
    }
}

/// A client's handler of each line of data that arrives, with the time of its arrival.
type Each = Arc<dyn Fn(&str, u64) + Send + Sync>;

/// Follows a run until the connection or the run ends.
async fn follow(address: std::net::SocketAddr, token: String, run: RunId, each: Each) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let request = format!(
        "GET /api/jobs/{run}/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let (mut waiting, mut packet) = (String::new(), vec![0; 16 * 1024]);
    loop {
        let read = socket.read(&mut packet).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        let arrived = nanos();
        waiting.push_str(&String::from_utf8_lossy(&packet[..read]));
        while let Some(end) = waiting.find("\n\n") {
            let frame: String = waiting.drain(..end + 2).collect();
            let data = frame.lines().find_map(|line| line.strip_prefix("data: "));
            if let Some(data) = data {
                if data == "[DONE]" {
                    return;
                }
                each(data, arrived);
            }
        }
    }
}

fn field(data: &str, name: &str) -> Option<i64> {
    let (_, rest) = data.split_once(&format!("\"{name}\":"))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// A script that says `pieces` things, one every `every`.
fn talk(pieces: usize, every: Duration) -> String {
    let say: Vec<_> = (0..pieces)
        .map(|n| format!("\"This is sentence number {n} of many.\""))
        .collect();
    format!(
        "{{\"turns\":[{{\"say\":[{}],\"delay_ms\":{}}}]}}",
        say.join(","),
        every.as_millis()
    )
}

/// Milliseconds since the epoch, as events carry them, as a moment of this process's clock.
fn epoch_offset() -> i128 {
    let wall = Clock::System.now().timestamp_micros();
    i128::from(wall) * 1_000 - i128::from(nanos())
}

fn followed_here(scene: &Scene) -> Sample {
    scene.clear();
    let every = Duration::from_millis(STREAMS as u64 * 1_000 / PER_SECOND);
    let pieces = usize::try_from(SECONDS * PER_SECOND).unwrap() / STREAMS;
    let (server, _) = scene.serve(&talk(pieces, every), &[]);
    let runs = scene.insert(i64::try_from(STREAMS).unwrap(), "held back");
    // Runs that begin in the same moment would all speak in the same moment for ever.
    let release = async {
        for run in &runs {
            let sql = "update runs set available_at = now() where run_id = $1";
            let update = sqlx::query(sql).bind(run.0);
            update.execute(&scene.db).await.unwrap();
            tokio::time::sleep(every / u32::try_from(STREAMS).unwrap()).await;
        }
    };
    let delays = Arc::new(Mutex::new(Vec::new()));
    let offset = epoch_offset();
    let each: Each = {
        let delays = delays.clone();
        Arc::new(move |data, arrived| {
            if data.contains("\"type\":\"text\"") {
                let said = i128::from(field(data, "timestamp").unwrap()) * 1_000_000 - offset;
                let delay = (i128::from(arrived) - said).max(0);
                delays.lock().unwrap().push(u64::try_from(delay).unwrap());
            }
        })
    };
    scene.runtime.block_on(async {
        let streams = runs
            .iter()
            .map(|run| follow(server.address, scene.token.clone(), *run, each.clone()));
        let all = futures_util::future::join_all(streams);
        let patience = Duration::from_secs(SECONDS * 4 + 30);
        let both = futures_util::future::join(all, release);
        tokio::time::timeout(patience, both).await.unwrap();
    });
    Sample::new(std::mem::take(&mut delays.lock().unwrap()))
}

fn followed_elsewhere(scene: &Scene, tells: bool) -> Sample {
    scene.clear();
    let (server, _) = scene.serve(&talk(1, Duration::ZERO), &[]);
    let runs = scene.insert(i64::try_from(STREAMS).unwrap(), "running");
    let worker =
        "insert into workers values (gen_random_uuid(), 'bench', now(), now() + interval '1 hour');
                  update runs set worker_id = (select worker_id from workers where host = 'bench'),
                                  fence = 1";
    scene
        .runtime
        .block_on(sqlx::raw_sql(worker).execute(&scene.db))
        .unwrap();
    let committed: Arc<Mutex<HashMap<(String, i64), u64>>> = Arc::default();
    let delays = Arc::new(Mutex::new(Vec::new()));
    let each: Each = {
        let (committed, delays) = (committed.clone(), delays.clone());
        Arc::new(move |data, arrived| {
            let Some(sequence) = field(data, "sequence").filter(|_| data.contains("\"text\""))
            else {
                return;
            };
            let (_, id) = data.split_once("\"job_id\":\"").unwrap();
            let key = (id[..36].to_owned(), sequence);
            // The stream may be quicker than the answer to the commit.
            let at = committed.lock().unwrap().get(&key).copied();
            let delay = at.map_or(0, |at| arrived.saturating_sub(at));
            delays.lock().unwrap().push(delay);
        })
    };
    scene.runtime.block_on(async {
        let streams: Vec<_> = runs
            .iter()
            .map(|run| {
                tokio::spawn(follow(
                    server.address,
                    scene.token.clone(),
                    *run,
                    each.clone(),
                ))
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(3)).await;
        let tasks = Tasks::new();
        let signals = Signals::new(scene.db.clone());
        signals.start(&tasks);
        write_events(scene, &runs, &committed, tells.then_some(&signals)).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        streams.iter().for_each(tokio::task::JoinHandle::abort);
        tasks.shutdown(Duration::from_secs(2)).await;
    });
    Sample::new(std::mem::take(&mut delays.lock().unwrap()))
}

async fn write_events(
    scene: &Scene,
    runs: &[RunId],
    committed: &Mutex<HashMap<(String, i64), u64>>,
    signals: Option<&Signals>,
) {
    let org: OrgId = "bench".parse().unwrap();
    let mut tick = tokio::time::interval(Duration::from_millis(1_000 / PER_SECOND));
    let mut last: HashMap<RunId, i64> = HashMap::new();
    for number in 0..usize::try_from(SECONDS * PER_SECOND).unwrap() {
        tick.tick().await;
        let run = runs[number * 7 % runs.len()];
        let last = last.entry(run).or_default();
        let text = Event::Text {
            text: "This is a sentence of the usual length.".to_owned(),
            timestamp: 0,
        };
        let events = [(Storable::new(text), RunStatus::Running)];
        let append = Append::events(*last, 1, &events, RunStatus::Running);
        let mut conn = scene.db.acquire().await.unwrap();
        let now = Clock::System.now();
        store::append(&mut conn, &org, run, &append, now)
            .await
            .unwrap();
        *last += 1;
        let key = (run.to_string(), *last);
        committed.lock().unwrap().insert(key, nanos());
        if let Some(signals) = signals {
            signals.tell(EVENTS, &run, *last);
        }
    }
}

/// Memory of the server for each client that does not read, and what the kernel holds for it.
fn stalled(scene: &Scene) {
    scene.clear();
    let (server, _) = scene.serve(&talk(1, Duration::ZERO), &[]);
    let run = scene.insert(1, "running")[0];
    let fill = "insert into run_events (org_id, run_id, sequence, kind, payload, run_status, created_at)
         select org_id, run_id, n, 'text', jsonb_build_object('type', 'text', 'timestamp', 0, 'text',
                repeat(md5(n::text), 64)), 'running', now()
         from runs, generate_series(1, 5000) n;
         update runs set last_sequence = 5000, worker_id = gen_random_uuid();
         insert into workers select worker_id, 'x', now(), now() + interval '1 hour' from runs";
    scene
        .runtime
        .block_on(sqlx::raw_sql(fill).execute(&scene.db))
        .unwrap();
    let connect = async |count: usize| {
        let mut sockets = Vec::new();
        for _ in 0..count {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            let mut socket = socket.connect(server.address).await.unwrap();
            let request = format!(
                "GET /api/jobs/{run}/events HTTP/1.1\r\nhost: localhost\r\n\
                 authorization: Bearer {}\r\n\r\n",
                scene.token
            );
            socket.write_all(request.as_bytes()).await.unwrap();
            sockets.push(socket);
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        sockets
    };
    scene.runtime.block_on(async {
        // The pool's connections and the allocator's arenas are there afterwards.
        let warm = connect(STALLED).await;
        drop(warm);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (before, _) = memory::of(server.pid);
        let sockets = connect(STALLED).await;
        let (with, _) = memory::of(server.pid);
        let each = (with - before) * 1_024.0 / STALLED as f64;
        println!("\nstalled clients                    {STALLED}");
        println!("  memory of the server, each       {each:.1} KiB ({before:.1} to {with:.1} MiB)");
        println!(
            "  unsent in the kernel, each       {:.1} KiB",
            unsent(server.address.port()) / STALLED as f64 / 1_024.0
        );
        drop(sockets);
    });
}

/// Bytes in the send queues of a port's connections.
fn unsent(port: u16) -> f64 {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!(":{port:04X}");
    let queued = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let ours = fields[1].ends_with(&local);
        let (sending, _) = fields[4].split_once(':')?;
        ours.then(|| u64::from_str_radix(sending, 16).ok())
            .flatten()
    });
    queued.sum::<u64>() as f64
}

fn take_over(scene: &Scene) -> Sample {
    let mut delays = Vec::new();
    for _ in 0..5 {
        scene.clear();
        let script = talk(1_000, Duration::from_millis(200));
        let lease = [("NAVI_LEASE_SECONDS", "2")];
        let (first, _) = scene.serve(&script, &lease);
        scene.insert(20, "queued");
        scene.runtime.block_on(until(
            &scene.db,
            "select count(*) >= 20 from run_events where kind = 'text'",
        ));
        // With the same folder it would see at once that the first is gone.
        let elsewhere = tempfile::tempdir().unwrap();
        let (_second, _) = scene.serve_in(elsewhere.path(), &script, &lease);
        kill(first.pid, Signal::SIGKILL).unwrap();
        scene.runtime.block_on(until(
            &scene.db,
            "select count(*) >= 20 from run_events where kind = 'job_resumed'",
        ));
        let measured: Vec<f64> = scene.runtime.block_on(async {
            let sql = "select extract(epoch from e.created_at - (select min(expires_at) from workers))::float8
                       from run_events e where kind = 'job_resumed'";
            sqlx::query_scalar(sql).fetch_all(&scene.db).await.unwrap()
        });
        delays.extend(measured.into_iter().map(|seconds| {
            u64::try_from(Duration::from_secs_f64(seconds.max(0.0)).as_nanos()).unwrap()
        }));
        std::mem::forget(first);
    }
    Sample::new(delays)
}

fn recovery(scene: &Scene) -> Sample {
    let mut delays = Vec::new();
    let script = talk(1_000, Duration::from_millis(200));
    for _ in 0..5 {
        scene.clear();
        let (first, _) = scene.serve(&script, &[]);
        scene.insert(20, "queued");
        scene.runtime.block_on(until(
            &scene.db,
            "select count(*) >= 20 from run_events where kind = 'text'",
        ));
        kill(first.pid, Signal::SIGKILL).unwrap();
        let began = Clock::System.now();
        let (_second, _) = scene.serve(&script, &[]);
        scene.runtime.block_on(until(
            &scene.db,
            "select count(*) >= 20 from run_events where kind = 'job_resumed'",
        ));
        let measured: Vec<f64> = scene.runtime.block_on(async {
            let sql = "select extract(epoch from created_at - $1)::float8
                       from run_events where kind = 'job_resumed'";
            let since = sqlx::query_scalar(sql).bind(began);
            since.fetch_all(&scene.db).await.unwrap()
        });
        delays.extend(measured.into_iter().map(|seconds| {
            u64::try_from(Duration::from_secs_f64(seconds.max(0.0)).as_nanos()).unwrap()
        }));
        std::mem::forget(first);
    }
    Sample::new(delays)
}

async fn until(db: &PgPool, sql: &'static str) {
    let began = Instant::now();
    while !sqlx::query_scalar::<_, bool>(sql)
        .fetch_one(db)
        .await
        .unwrap()
    {
        assert!(began.elapsed() < Duration::from_mins(1), "{sql}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn restart(scene: &Scene) {
    let mut ready = Vec::new();
    let mut going = Vec::new();
    for _ in 0..5 {
        scene.clear();
        scene.insert(i64::try_from(STREAMS).unwrap(), "queued");
        let began = Instant::now();
        let (_server, until_ready) = scene.serve(&talk(1_000, Duration::from_secs(1)), &[]);
        ready.push(u64::try_from(until_ready.as_nanos()).unwrap());
        scene.runtime.block_on(until(
            &scene.db,
            "select count(*) >= 1000 from run_events where kind = 'job_started'",
        ));
        going.push(u64::try_from(began.elapsed().as_nanos()).unwrap());
    }
    heading("restart over 1,000 open runs");
    Sample::new(ready).row("ready");
    Sample::new(going).row("the last of them under way");
}

/// A page over HTTP: how long it took, and where the next one begins.
async fn page(client: &reqwest::Client, url: &str, token: &str) -> (u64, Option<String>) {
    let began = nanos();
    let answer = client.get(url).bearer_auth(token).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let took = nanos() - began;
    let page: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(page["success"], true, "{text}");
    (took, page["next_cursor"].as_str().map(str::to_owned))
}

fn listing(scene: &Scene) {
    scene.clear();
    scene.insert(LISTED - 500, "completed");
    scene.insert(500, "failed");
    scene
        .runtime
        .block_on(sqlx::raw_sql("vacuum analyze runs").execute(&scene.db))
        .unwrap();
    let (server, _) = scene.serve(&talk(1, Duration::ZERO), &[]);
    heading("a page of 100,000 runs");
    for (name, filter) in [
        ("all, 100 a page, from first to last", "limit=100"),
        ("failed ones, 50 a page", "limit=50&status=failed"),
    ] {
        let times = scene.runtime.block_on(async {
            let client = reqwest::Client::new();
            let base = format!("http://{}/api/jobs?{filter}", server.address);
            let (mut times, mut url) = (Vec::new(), base.clone());
            loop {
                let (took, next) = page(&client, &url, &scene.token).await;
                times.push(took);
                match next {
                    Some(cursor) => url = format!("{base}&cursor={cursor}"),
                    None => return times,
                }
            }
        });
        Sample::new(times).row(name);
    }
    let offsets = scene.runtime.block_on(async {
        let sql = "select to_jsonb(r) from runs r where org_id = 'bench' and user_id = 'bench'
                   order by created_at desc, run_id desc limit 100 offset $1";
        let mut times = Vec::new();
        for n in 0..50 {
            let began = nanos();
            let rows = sqlx::query(sql).bind(n * LISTED / 50).fetch_all(&scene.db);
            rows.await.unwrap();
            times.push(nanos() - began);
        }
        times
    });
    Sample::new(offsets).row("the alternative: by offset, SQL alone");
}

fn main() {
    let named: Vec<String> = std::env::args().skip(1).collect();
    let named: Vec<_> = named.iter().filter(|name| !name.starts_with('-')).collect();
    let wants = |part: &str| named.is_empty() || named.iter().any(|name| *name == part);
    let scene = Scene::new();
    if wants("followed") {
        println!("\n{STREAMS} streams, {PER_SECOND} events a second");
        heading("said, or committed, to received");
        followed_here(&scene).row("followed here, commit included");
        followed_elsewhere(&scene, true).row("followed elsewhere");
        followed_elsewhere(&scene, false).row("the alternative: by looking alone");
    }
    if wants("stalled") {
        stalled(&scene);
    }
    if wants("take-over") {
        let sample = take_over(&scene);
        heading("end of a lease to going on");
        sample.row("20 runs of a lost server, 5 times");
    }
    if wants("recovery") {
        let sample = recovery(&scene);
        heading("start after a kill to going on");
        sample.row("20 runs of a killed server, 5 times");
    }
    if wants("restart") {
        restart(&scene);
    }
    if wants("listing") {
        listing(&scene);
    }
}
