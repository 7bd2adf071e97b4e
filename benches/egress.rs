//! The overhead of a run's proxy: on a connection, on a request, and on a tunnel's bytes.
//!
//! A host on the loopback answers every message at once. The direct way and the way through the proxy
//! take turns, so that both find the machine in the same state.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark stops at the first surprise, and prints"
)]

#[path = "support/clock.rs"]
mod clock;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use clock::{Sample, heading, nanos, short};
use navi::exec::egress::connection::{ConnectionSink, EgressConnection};
use navi::exec::egress::dial::Dialer;
use navi::exec::egress::hosts::RunHosts;
use navi::exec::egress::limits::EgressLimits;
use navi::exec::egress::proxy::EgressProxy;
use navi::platform::metrics::Metrics;
use navi::platform::tasks::Tasks;
use tokio::runtime::Runtime;

const CONNECTIONS: usize = 3_000;
/// The first ones find cold caches.
const WARM_UP: usize = 200;
const ROUNDS: usize = 10_000;
const BULK_BYTES: usize = 256 * 1024 * 1024;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

struct Deaf;

impl ConnectionSink for Deaf {
    fn note(&self, _: &EgressConnection) {}
}

/// A host that answers each connection in a thread of its own.
fn host(answer: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, answer) = (stream.unwrap(), answer.clone());
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

/// Sends back what comes.
fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 1_024];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
}

/// Answers a request.
fn answer(mut stream: TcpStream) {
    let mut buffer = [0; 4_096];
    if stream.read(&mut buffer).is_ok_and(|read| read > 0) {
        // Who has read the answer may leave without a word.
        let _left = stream.write_all(ANSWER);
    }
}

/// Sends a lot.
fn pour(mut stream: TcpStream) {
    let block = vec![7; 256 * 1024];
    for _ in 0..BULK_BYTES / block.len() {
        stream.write_all(&block).unwrap();
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A tunnel to a host, once the proxy has said that it stands.
fn tunnel(proxy: SocketAddr, host: SocketAddr) -> TcpStream {
    let mut stream = connect(proxy);
    let request = format!("CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{answer:?}");
    stream
}

fn ping(stream: &mut TcpStream) {
    let mut byte = [0];
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut byte).unwrap();
}

fn request(stream: &mut TcpStream, target: &str, host: SocketAddr) {
    let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(
        answer.ends_with(b"ok"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

/// Two ways that take turns, and what the second adds.
fn compare(what: &str, mut direct: impl FnMut(), mut proxied: impl FnMut(), count: usize) {
    let (mut plain, mut through) = (Vec::new(), Vec::new());
    for round in 0..count + WARM_UP {
        let began = nanos();
        direct();
        let between = nanos();
        proxied();
        let ended = nanos();
        if round >= WARM_UP {
            plain.push(between - began);
            through.push(ended - between);
        }
    }
    let mut added: Vec<u64> = through
        .iter()
        .zip(&plain)
        .map(|(through, plain)| through.saturating_sub(*plain))
        .collect();
    added.sort_unstable();
    let (plain, through, added) = (Sample::new(plain), Sample::new(through), Sample::new(added));
    heading(what);
    plain.row("direct");
    through.row("through the proxy");
    added.row("added, pair by pair");
    let ratio = through.at(500).as_secs_f64() / plain.at(500).as_secs_f64();
    let difference = through.at(500).saturating_sub(plain.at(500));
    println!("medians: {ratio:.2} times, {} more", short(difference));
}

/// The time until all that a host pours is read.
fn drain(mut stream: TcpStream) -> Duration {
    let began = nanos();
    let mut buffer = vec![0; 64 * 1024];
    let mut total = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        total += read;
    }
    assert_eq!(total, BULK_BYTES);
    Duration::from_nanos(nanos() - began)
}

fn main() {
    let (echoing, answering, pouring) = (host(echo), host(answer), host(pour));
    let runtime = Runtime::new().unwrap();
    let _inside = runtime.enter();
    let tasks = Tasks::new();
    let hosts = [echoing, answering, pouring].map(|host| format!("{host}=private"));
    let hosts = RunHosts::new(hosts.join(",").parse().unwrap());
    let metrics = Metrics::new(&[], &[]).unwrap();
    let proxy = EgressProxy::new(EgressLimits::default(), Dialer::default(), metrics);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let egress = proxy
        .serve(listener, hosts, Arc::new(Deaf), &tasks)
        .unwrap();
    let proxy = egress.address();

    compare(
        "a connection and one byte there and back",
        || ping(&mut connect(echoing)),
        || ping(&mut tunnel(proxy, echoing)),
        CONNECTIONS,
    );
    let whole = format!("http://{answering}/");
    compare(
        "a plain request on a new connection",
        || request(&mut connect(answering), "/", answering),
        || request(&mut connect(proxy), &whole, answering),
        CONNECTIONS,
    );
    let (mut direct, mut through) = (connect(echoing), tunnel(proxy, echoing));
    compare(
        "a byte there and back on an open connection",
        || ping(&mut direct),
        || ping(&mut through),
        ROUNDS,
    );
    let mib = BULK_BYTES as f64 / 1_048_576.0;
    let (plain, through) = (drain(connect(pouring)), drain(tunnel(proxy, pouring)));
    println!(
        "\n{mib:.0} MiB from a host: {:.0} MiB/s direct, {:.0} MiB/s through the proxy",
        mib / plain.as_secs_f64(),
        mib / through.as_secs_f64()
    );
}
