//! What the whole server adds to a streamed model call.
//!
//! The same client asks the same provider three ways: directly; through a relay that only copies
//! bytes, which is what any process in the middle costs on this machine; and through `navi serve`,
//! whose `POST /api/navi/chat/stream/v2` checks the token, routes, decodes the provider's stream,
//! meters, and writes its own. Provider, relay and client are plain threads of this program, the
//! server is a process of its own with its embedded Postgres.
//!
//! * *first token*: from the client's writing of the request to the frame with the first text.
//! * *frame*: from the provider's writing of a frame to the client's having it, paced, one stream
//!   or twenty at once.
//! * *burst*: 1,000 frames that the provider writes at once, from the first to the last, per frame.
//!
//! What NAVI adds is the difference between a row and the row `direct`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark stops at the first surprise, prints, and starts what it measures"
)]

#[path = "support/clock.rs"]
mod clock;
#[path = "support/http.rs"]
mod http;
#[path = "support/provider.rs"]
mod provider;
#[path = "support/server.rs"]
mod server;
#[path = "support/token.rs"]
mod token;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use clock::{Sample, heading, nanos, short};
use http::Connection;
use provider::Reply;
use server::Server;

/// Asked one after the other over kept connections, as a client with many questions does.
const FIRST_TOKENS: usize = 1_000;
const PACE: Duration = Duration::from_millis(5);
const PACED_FRAMES: usize = 1_000;
const STREAMS: usize = 20;
const FRAMES_OF_EACH: usize = 200;
const BURST: usize = 1_000;
const BURSTS: usize = 200;
/// The first ones find cold caches and connections that are just being made.
const COLD_PERCENT: usize = 5;

/// Does what the request's message names.
fn answer(body: &str, reply: &mut Reply<'_>) {
    let frames = |count: usize, pace: Option<Duration>, reply: &mut Reply<'_>| {
        for _ in 0..count {
            pace.into_iter().for_each(std::thread::sleep);
            reply.text(&format!("{} ", nanos()));
            if pace.is_some() {
                reply.flush();
            }
        }
    };
    if body.contains("say one word") {
        frames(1, None, reply);
    } else if body.contains("say it slowly") {
        frames(PACED_FRAMES, Some(PACE), reply);
    } else if body.contains("say some of it") {
        frames(FRAMES_OF_EACH, Some(PACE), reply);
    } else {
        frames(BURST, None, reply);
    }
    reply.end("stop");
}

/// Copies bytes both ways.
fn relay(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        from.set_nodelay(true).unwrap();
        let mut packet = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut packet) {
            if to.write_all(&packet[..read]).is_err() {
                break;
            }
        }
    };
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(to).unwrap());
            let (back, forth) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || copy(client, server));
            std::thread::spawn(move || copy(forth, back));
        }
    });
    address
}

/// One way to the provider.
struct Way {
    name: &'static str,
    address: SocketAddr,
    path: &'static str,
    token: String,
}

impl Way {
    /// Asks over a kept connection; answers when it asked, and for every text when it was sent and
    /// when it was there.
    fn ask(&self, connection: &mut Connection, message: &str) -> (u64, Vec<(u64, u64)>) {
        // Either server takes what it knows and leaves the rest.
        let body = format!(
            r#"{{"model":"openai/bench","message":"{message}","stream":true,"messages":[{{"role":"user","content":"{message}"}}]}}"#
        );
        let asked = nanos();
        connection.post(self.path, &self.token, &body);
        let mut texts = Vec::new();
        connection.frames(|frame, arrived| {
            texts.extend(sent(frame).map(|sent| (sent, arrived)));
        });
        (asked, texts)
    }
}

/// When the text of a frame was sent: that is the text.
fn sent(frame: &str) -> Option<u64> {
    let (_, text) = frame
        .split_once(r#""content":""#)
        .or_else(|| frame.split_once(r#""text":""#))?;
    text.split_once(' ')?.0.parse().ok()
}

fn warm(mut values: Vec<u64>) -> Sample {
    values.drain(..values.len() * COLD_PERCENT / 100);
    Sample::new(values)
}

fn first_tokens(way: &Way) -> Sample {
    let mut connection = Connection::open(way.address);
    let one = |_| {
        let (asked, texts) = way.ask(&mut connection, "say one word");
        texts[0].1 - asked
    };
    warm((0..FIRST_TOKENS).map(one).collect())
}

fn delays(way: &Way, message: &str, frames: usize) -> Vec<u64> {
    let (_, texts) = way.ask(&mut Connection::open(way.address), message);
    assert_eq!(texts.len(), frames);
    let delays = texts.into_iter().map(|(sent, arrived)| arrived - sent);
    delays.skip(frames * COLD_PERCENT / 100).collect()
}

fn paced(way: &Way) -> Sample {
    Sample::new(delays(way, "say it slowly", PACED_FRAMES))
}

fn paced_together(way: &Way) -> Sample {
    let one = || delays(way, "say some of it", FRAMES_OF_EACH);
    std::thread::scope(|scope| {
        let streams: Vec<_> = (0..STREAMS).map(|_| scope.spawn(one)).collect();
        let delays = streams
            .into_iter()
            .flat_map(|stream| stream.join().unwrap());
        Sample::new(delays.collect())
    })
}

fn bursts(way: &Way) -> Sample {
    let mut connection = Connection::open(way.address);
    let one = |_| {
        let (_, texts) = way.ask(&mut connection, "say everything");
        assert_eq!(texts.len(), BURST);
        (texts[BURST - 1].1 - texts[0].0) / BURST as u64
    };
    warm((0..BURSTS).map(one).collect())
}

/// Measures one thing on every way, and says what NAVI adds to it.
fn compare(what: &str, ways: &[Way], measure: fn(&Way) -> Sample) {
    heading(what);
    let samples: Vec<_> = ways.iter().map(measure).collect();
    for (way, sample) in ways.iter().zip(&samples) {
        sample.row(way.name);
    }
    for (index, name) in [(1, "a relay adds"), (2, "navi adds")] {
        let added = |permille| {
            let (more, base) = (samples[index].at(permille), samples[0].at(permille));
            short(more.saturating_sub(base))
        };
        println!(
            "{name:<34} {:>9} {:>9} {:>9}",
            added(500),
            added(950),
            added(990)
        );
    }
}

fn main() {
    let data = tempfile::tempdir().unwrap();
    let provider = provider::serve(answer);
    let base = format!("http://{provider}/v1");
    let (server, _) = Server::start(data.path(), &[("OPENAI_BASE_URL", &base)]);
    let ways = [
        ("direct", provider, "/v1/chat/completions"),
        ("through a relay", relay(provider), "/v1/chat/completions"),
        ("through navi", server.address, "/api/navi/chat/stream/v2"),
    ];
    let token = token::mint(data.path());
    let ways = ways.map(|(name, address, path)| Way {
        name,
        address,
        path,
        token: token.clone(),
    });
    compare("first token", &ways, first_tokens);
    compare("frame, one stream, 5 ms apart", &ways, paced);
    compare("frame, 20 streams, 5 ms apart", &ways, paced_together);
    compare("frame of a burst of 1,000", &ways, bursts);
}
