//! Lists, statistics, metrics and probes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use navi::platform::clock::Clock;
use nix::unistd::Pid;
use serde_json::json;

use crate::load::{self, Make};
use crate::plain;
use crate::scene::{Scene, Way};
use crate::sheet::Sheet;

const GROUPS: usize = 500;
const SCRAPES: u64 = 300;
/// Connections that ask for statistics all the time.
const VIEWERS: u64 = 40;

pub(crate) fn gets(path: &str, token: &str) -> Make {
    let request = load::request("GET", path, token, "");
    Arc::new(move |_| request.clone())
}

/// Errors of so many kinds, reported by a client.
pub(crate) fn errors(scene: &Scene, address: SocketAddr, token: &str) {
    let token = token.to_owned();
    let make: Make = Arc::new(move |number| {
        let words = [
            "alpha", "bravo", "delta", "gamma", "kappa", "omega", "sigma", "theta",
        ];
        let kind = usize::try_from(number).unwrap() % GROUPS;
        let (a, b, c) = (words[kind % 8], words[kind / 8 % 8], words[kind / 64 % 8]);
        let event = json!({"type": "navi.error", "timestamp": Clock::System.millis(),
            "sessionId": "session_1764000000000_abcdefg",
            "data": {"errorType": format!("{a}Error"), "errorMessage": format!("{b} could not read {c}"),
                     "severity": "error", "component": "panel",
                     "stackTrace": format!("Error: {b}\n    at {a}{c} (panel.js:4:2)")}});
        let body = json!({"events": [event], "batchId": format!("errors_{number}"),
            "timestamp": Clock::System.millis()});
        load::request("POST", "/api/telemetry", &token, &body.to_string())
    });
    let load = load::closed(address, 8, Duration::from_secs(2), &make);
    let load = scene.runtime.block_on(load);
    assert_eq!(load.failed, 0, "an error was not taken");
}

/// A route of axum that does nothing, on the runtime of the clients.
fn bare(scene: &Scene) -> SocketAddr {
    let listen = tokio::net::TcpListener::bind("127.0.0.1:0");
    let listener = scene.runtime.block_on(listen).unwrap();
    let address = listener.local_addr().unwrap();
    let route = Router::new().route("/health/live", get(async || r#"{"status":"ok"}"#));
    scene
        .runtime
        .spawn(async move { axum::serve(listener, route).await });
    address
}

/// Processor time of a process so far, in milliseconds.
fn processor(pid: Pid) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let nanos: f64 = tasks
        .filter_map(|task| {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<f64>().ok()
        })
        .sum();
    nanos / 1e6
}

pub(crate) fn measure(scene: &Scene, sheet: &mut Sheet) {
    let token = scene.token("org-0", "ada");
    let server = scene.serve(Way::Tcp, &[("NAVI_WRITES_PER_MINUTE", "0")]);
    let address = server.address;
    errors(scene, address, &token);
    let lists = [
        (
            "audit",
            "audit entries, 50 of a page",
            "/api/audit?limit=50",
        ),
        (
            "errors",
            "groups of errors, 20 of a page",
            "/api/telemetry/errors",
        ),
    ];
    for (id, what, path) in lists {
        let make = gets(path, &token);
        for clients in [1, 50] {
            let plain = plain::pages(scene, clients);
            let load = load::closed(address, clients, scene.lasts, &make);
            let load = scene.runtime.block_on(load);
            let what = format!("{what}, {clients} clients");
            let baseline = Some(("pages of 50 rows by pgbench", plain.rate));
            sheet.rate(&format!("list.{id}.{clients}"), &what, &load, baseline);
        }
    }
    statistics(scene, address, &token, sheet);
    probes(scene, &server, sheet);
    drop(server);
    round_trips(scene, &token, sheet);
}

fn statistics(scene: &Scene, address: SocketAddr, token: &str, sheet: &mut Sheet) {
    let plain = plain::pages(scene, 1);
    let make = gets("/api/feedback/stats?days=30", token);
    let load = load::closed(address, 1, scene.lasts, &make);
    let load = scene.runtime.block_on(load);
    let baseline = Some(("pages of 50 rows by pgbench", plain.rate));
    sheet.rate(
        "stats.1",
        "statistics of ratings, one client",
        &load,
        baseline,
    );
    let events = super::telemetry::requests(vec![scene.token("org-9", "bob")], 2_900, 1);
    let alone = load::closed(address, 1, scene.baseline, &events);
    let alone = scene.runtime.block_on(alone);
    let (viewed, beside) = scene.runtime.block_on(async {
        let viewers = load::closed(address, VIEWERS, scene.lasts, &make);
        let writer = load::closed(address, 1, scene.lasts, &events);
        tokio::join!(viewers, writer)
    });
    let what = format!(
        "an event that is stored while {VIEWERS} viewers ask for statistics ({:.0} answers a second), p99",
        viewed.rate()
    );
    let baseline = Some(("the same without viewers, p99", alone.millis(990)));
    sheet.value("stats.viewers", &what, beside.millis(990), "ms", baseline);
}

#[expect(clippy::cast_precision_loss, reason = "hundreds")]
fn probes(scene: &Scene, server: &crate::server::Server, sheet: &mut Sheet) {
    let bare = bare(scene);
    let make = gets("/health/live", "");
    let plain = load::closed(bare, 50, scene.baseline, &make);
    let plain = scene.runtime.block_on(plain).rate();
    let load = load::closed(server.address, 50, scene.lasts, &make);
    let load = scene.runtime.block_on(load);
    let again = load::closed(bare, 50, scene.baseline, &make);
    let again = scene.runtime.block_on(again).rate();
    let baseline = Some((
        "a bare route of axum, before and after",
        plain.midpoint(again),
    ));
    sheet.rate("health", "GET /health/live, 50 clients", &load, baseline);
    let one = gets("/metrics", "");
    let before = processor(server.pid);
    let scrapes = scene.runtime.block_on(async {
        let mut done = 0;
        while done < SCRAPES {
            let load = load::closed(server.address, 1, Duration::from_millis(200), &one).await;
            assert_eq!(load.failed, 0, "a scrape was refused");
            done += load.took.len() as u64;
        }
        done
    });
    let each = (processor(server.pid) - before) / scrapes as f64;
    sheet.value(
        "metrics",
        "processor time of a scrape of /metrics",
        each,
        "ms",
        None,
    );
}

/// Round trips to Postgres for a request that reads once, counted by a relay on the way.
#[expect(clippy::cast_precision_loss, reason = "hundreds")]
fn round_trips(scene: &Scene, token: &str, sheet: &mut Sheet) {
    let sends = Arc::new(AtomicU64::new(0));
    let relay = relay(scene, sends.clone());
    let url = scene.url(&relay.to_string());
    let server = scene.serve(Way::Tcp, &[("DATABASE_URL", &url)]);
    let make = gets("/api/jobs", token);
    let ask = || {
        scene.runtime.block_on(load::closed(
            server.address,
            1,
            Duration::from_secs(1),
            &make,
        ))
    };
    // Connections and statements are made once.
    ask();
    let before = sends.load(Ordering::Relaxed);
    let load = ask();
    let each = (sends.load(Ordering::Relaxed) - before) as f64 / load.took.len() as f64;
    sheet.value(
        "pool.trips",
        "round trips to Postgres for GET /api/jobs",
        each,
        "",
        None,
    );
}

/// Copies bytes between a server and Postgres, and counts what the server sends.
fn relay(scene: &Scene, sends: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let postgres = format!("127.0.0.1:{}", scene.port);
    let copy = |mut from: TcpStream, mut to: TcpStream, count: Option<Arc<AtomicU64>>| {
        from.set_nodelay(true).unwrap();
        let mut packet = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut packet) {
            if let Some(count) = &count {
                count.fetch_add(1, Ordering::Relaxed);
            }
            if to.write_all(&packet[..read]).is_err() {
                break;
            }
        }
        let _ends = to.shutdown(std::net::Shutdown::Write);
    };
    std::thread::spawn(move || {
        for server in listener.incoming() {
            let (server, database) = (server.unwrap(), TcpStream::connect(&postgres).unwrap());
            let (back, forth) = (server.try_clone().unwrap(), database.try_clone().unwrap());
            let sends = sends.clone();
            std::thread::spawn(move || copy(server, database, Some(sends)));
            std::thread::spawn(move || copy(forth, back, None));
        }
    });
    address
}
