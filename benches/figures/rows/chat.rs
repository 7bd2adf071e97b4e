//! Calls of a model through the server, beside the same calls without it: the first token, frames that
//! come alone or all at once, and short calls of many clients.
//!
//! The provider is plain threads of this program. Every call is admitted, limited, priced and audited.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Sample, nanos};
use crate::http::Connection;
use crate::load;
use crate::plain;
use crate::provider::{self, Reply};
use crate::scene::{Scene, Way};
use crate::server::Server;
use crate::sheet::Sheet;

const FIRST_TOKENS: usize = 600;
const PACE: Duration = Duration::from_millis(5);
const PACED: usize = 500;
const ONE_WORD: &str = "say one word";
const BURST: usize = 1_000;
const BURSTS: usize = 60;
/// The first ones find cold caches and connections that are just being made.
const COLD_PERCENT: usize = 5;
/// A row of the size of an audit entry.
const ENTRY: usize = 600;

/// A measurement of one way.
type Take = fn(&Asked<'_>) -> Sample;

/// Does what the request's message names.
pub(super) fn answer(body: &str, reply: &mut Reply<'_>) {
    let (count, pace) = if body.contains(ONE_WORD) {
        (1, None)
    } else if body.contains("say it slowly") {
        (PACED, Some(PACE))
    } else {
        (BURST, None)
    };
    for _ in 0..count {
        pace.into_iter().for_each(std::thread::sleep);
        reply.text(&format!("{} ", nanos()));
        if pace.is_some() {
            reply.flush();
        }
    }
    reply.end("stop");
}

/// One way to the provider.
struct Asked<'a> {
    address: SocketAddr,
    path: &'a str,
    token: &'a str,
}

fn body(message: &str) -> String {
    format!(
        r#"{{"model":"openai/bench","message":"{message}","stream":true,"messages":[{{"role":"user","content":"{message}"}}]}}"#
    )
}

impl<'a> Asked<'a> {
    fn of(server: &Server, token: &'a str) -> Self {
        Self {
            address: server.address,
            path: "/api/navi/chat/stream/v2",
            token,
        }
    }

    /// When it asked, and the texts that came.
    fn ask(&self, connection: &mut Connection, message: &str) -> (u64, Vec<Heard>) {
        let body = body(message);
        let asked = nanos();
        connection.post(self.path, self.token, &body);
        let mut texts = Vec::new();
        connection.frames(|frame, arrived| texts.extend(Heard::of(frame, arrived)));
        (asked, texts)
    }

    fn first_tokens(&self, clients: usize) -> Sample {
        let one = || {
            let mut connection = Connection::open(self.address);
            let count = FIRST_TOKENS / clients.min(4);
            let mut took: Vec<_> = (0..count)
                .map(|_| {
                    let (asked, texts) = self.ask(&mut connection, ONE_WORD);
                    texts[0].arrived - asked
                })
                .collect();
            took.drain(..count * COLD_PERCENT / 100);
            took
        };
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..clients).map(|_| scope.spawn(one)).collect();
            Sample::new(
                all.into_iter()
                    .flat_map(|one| one.join().unwrap())
                    .collect(),
            )
        })
    }

    fn paced(&self) -> Sample {
        let (_, texts) = self.ask(&mut Connection::open(self.address), "say it slowly");
        assert_eq!(pieces(&texts), PACED);
        let delays = texts.into_iter().map(|text| text.arrived - text.sent);
        Sample::new(delays.skip(PACED * COLD_PERCENT / 100).collect())
    }

    fn bursts(&self) -> Sample {
        let mut connection = Connection::open(self.address);
        let one = |_| {
            let (_, texts) = self.ask(&mut connection, "say everything");
            assert_eq!(pieces(&texts), BURST);
            (texts[texts.len() - 1].arrived - texts[0].sent) / BURST as u64
        };
        Sample::new(
            (0..BURSTS)
                .map(one)
                .skip(BURSTS * COLD_PERCENT / 100)
                .collect(),
        )
    }
}

/// A frame with text, which is the times at which its pieces were sent.
struct Heard {
    /// Of its first piece.
    sent: u64,
    arrived: u64,
    /// The server may put pieces that came together into one frame.
    pieces: usize,
}

impl Heard {
    fn of(frame: &str, arrived: u64) -> Option<Self> {
        let (_, text) = frame
            .split_once(r#""content":""#)
            .or_else(|| frame.split_once(r#""text":""#))?;
        let (text, _) = text.split_once('"')?;
        let mut times = text.split_whitespace();
        Some(Self {
            sent: times.next()?.parse().ok()?,
            arrived,
            pieces: 1 + times.count(),
        })
    }
}

fn pieces(texts: &[Heard]) -> usize {
    texts.iter().map(|text| text.pieces).sum()
}

pub(crate) fn measure(scene: &Scene, sheet: &mut Sheet) {
    let token = scene.token("org-0", "ada");
    let provider = provider::serve(answer);
    let base = format!("http://{provider}/v1");
    let settings = [
        ("OPENAI_BASE_URL", base.as_str()),
        ("NAVI_WRITES_PER_MINUTE", "0"),
    ];
    let direct = Asked {
        address: provider,
        path: "/v1/chat/completions",
        token: "",
    };
    let server = scene.serve(Way::Socket, &settings);
    first(
        scene,
        Way::Socket,
        1,
        &direct,
        &Asked::of(&server, &token),
        sheet,
    );
    drop(server);
    let server = scene.serve(Way::Tcp, &settings);
    let through = Asked::of(&server, &token);
    for clients in [1, 20] {
        first(scene, Way::Tcp, clients, &direct, &through, sheet);
    }
    let kinds: [(&str, &str, Take); 2] = [
        ("lone", "a frame that comes alone", |asked| asked.paced()),
        ("burst", "a frame of a burst of 1,000", |asked| {
            asked.bursts()
        }),
    ];
    for (id, what, sample) in kinds {
        let (without, with) = (sample(&direct), sample(&through));
        let micros = |sample: &Sample| sample.at(500).as_secs_f64() * 1e6;
        let added = micros(&with) - micros(&without);
        let what = format!("{what}, added to the direct way, p50");
        sheet.value(
            &format!("chat.frame.{id}"),
            &what,
            added,
            "µs",
            Some(("the direct way", micros(&without))),
        );
    }
    calls(scene, provider, &server, &token, sheet);
}

/// Requests for one word each.
pub(super) fn words(token: &str) -> load::Make {
    let (body, token) = (body(ONE_WORD), token.to_owned());
    Arc::new(move |_| load::request("POST", "/api/navi/chat/stream/v2", &token, &body))
}

/// The times of the first tokens of one client, the way to the provider included.
pub(super) fn first_token(server: &Server, token: &str) -> Sample {
    Asked::of(server, token).first_tokens(1)
}

/// The time that the server adds to a first token, beside that of one commit.
fn first(
    scene: &Scene,
    way: Way,
    clients: u64,
    direct: &Asked<'_>,
    through: &Asked<'_>,
    sheet: &mut Sheet,
) {
    let plain = plain::inserts(scene, way, clients, ENTRY);
    let without = direct.first_tokens(usize::try_from(clients).unwrap());
    let with = through.first_tokens(usize::try_from(clients).unwrap());
    for (permille, name, commit) in [(500, "p50", plain.p50_ms), (990, "p99", plain.p99_ms)] {
        let added = with.at(permille).saturating_sub(without.at(permille));
        let what = format!(
            "first token {}, added to the direct way, {name}, {clients} clients",
            way.words()
        );
        let baseline = Some(("a plain commit by pgbench", commit));
        let id = format!("chat.first.{}.{clients}.{name}", way.name());
        sheet.value(&id, &what, added.as_secs_f64() * 1e3, "ms", baseline);
    }
}

/// Short calls, one after the other by each of many clients.
fn calls(scene: &Scene, provider: SocketAddr, server: &Server, token: &str, sheet: &mut Sheet) {
    let body = body(ONE_WORD);
    let direct: load::Make =
        Arc::new(move |_| load::request("POST", "/v1/chat/completions", "", &body));
    let through = words(token);
    for clients in [20, 100] {
        let baseline = load::closed(provider, clients, scene.baseline, &direct);
        let baseline = scene.runtime.block_on(baseline).rate();
        let load = load::closed(server.address, clients, scene.lasts, &through);
        let load = scene.runtime.block_on(load);
        let what = format!("calls, each limited, priced and audited, {clients} clients");
        let baseline = Some(("the provider without the server", baseline));
        sheet.rate(&format!("chat.calls.{clients}"), &what, &load, baseline);
    }
}
