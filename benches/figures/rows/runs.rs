//! Turns of the agent: runs of a plan and eight turns, with tools that read, under a model that never
//! takes time. None writes, because a change of a file waits a quarter of a second for those who follow.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::clock::{Sample, nanos};
use crate::http::Connection;
use crate::plain;
use crate::provider::{self, Reply};
use crate::scene::{Scene, Way};
use crate::server::Server;
use crate::sheet::Sheet;

/// The model's calls, one a turn; after them it says that it is done.
const TURNS: [(&str, &str); 7] = [
    ("list_directory", r#"{\"path\":\".\"}"#),
    ("read_file", r#"{\"path\":\"README.md\"}"#),
    ("read_file", r#"{\"path\":\"src/part_3.rs\"}"#),
    ("search_files", r#"{\"pattern\":\"round_invoice\"}"#),
    ("read_file", r#"{\"path\":\"src/part_5.rs\"}"#),
    ("search_files", r#"{\"pattern\":\"amount\"}"#),
    ("read_file", r#"{\"path\":\"src/part_7.rs\"}"#),
];
const PIECES: usize = 20;
/// A row of the size of an event of a run.
const EVENT: usize = 400;

pub(super) fn answer(body: &str, reply: &mut Reply<'_>) {
    let planning = !body.contains(r#""tools":["#);
    let turn = body.matches(r#""role":"assistant""#).count();
    let call = TURNS.get(turn).filter(|_| !planning);
    if planning {
        reply.text(
            r#"{\"steps\":[{\"title\":\"Find the rounding\"},{\"title\":\"Write it down\"}]}"#,
        );
    } else {
        for _ in 0..PIECES {
            reply.text("and so it goes on ");
            reply.flush();
        }
    }
    if let Some((name, arguments)) = call {
        reply.choice(&format!(
            r#"{{"index":0,"delta":{{"tool_calls":[{{"index":0,"id":"call_{turn}","type":"function","function":{{"name":"{name}","arguments":"{arguments}"}}}}]}},"finish_reason":null}}"#
        ));
    }
    reply.end(if call.is_some() { "tool_calls" } else { "stop" });
}

/// A small project, one for every client.
fn workspace(folder: &Path) {
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(
        folder.join("README.md"),
        "# Invoices\n\nThey are rounded.\n",
    )
    .unwrap();
    for part in 0..10 {
        let function = format!(
            "/// Rounds.\npub fn round_invoice_{part}(amount: i64) -> i64 {{\n    amount / 100 * 100\n}}\n\n"
        );
        fs::write(
            folder.join(format!("src/part_{part}.rs")),
            function.repeat(20),
        )
        .unwrap();
    }
}

/// Plays runs in one folder until the time is over, and returns the nanoseconds that each took.
fn play(address: std::net::SocketAddr, token: &str, folder: &Path, until: Instant) -> Vec<u64> {
    let mut connection = Connection::open(address);
    let mut took = Vec::new();
    while Instant::now() < until {
        let body = format!(
            r#"{{"model":"openai/bench","message":"Find out where invoices are rounded.","workspace_path":"{}","run_verification":false}}"#,
            folder.display()
        );
        let asked = nanos();
        connection.post("/api/navi/chat/autonomous", token, &body);
        let mut succeeded = false;
        connection.frames(|frame, _| {
            succeeded |= frame.contains(r#""success":true"#) && frame.contains("stopped_reason");
        });
        assert!(succeeded, "a run did not end well");
        took.push(nanos() - asked);
    }
    took
}

/// The turns in a second of so many clients, each in a folder of its own, and the times of their runs.
#[expect(clippy::cast_precision_loss, reason = "a few thousand turns")]
pub(super) fn turns(
    server: &Server,
    token: &str,
    work: &Path,
    clients: u64,
    lasts: Duration,
) -> (f64, Sample) {
    let folders: Vec<_> = (0..clients).map(|n| work.join(format!("{n:03}"))).collect();
    for folder in &folders {
        workspace(folder);
    }
    let began = Instant::now();
    let until = began + lasts;
    let took: Vec<_> = std::thread::scope(|scope| {
        let play = |folder| play(server.address, token, folder, until);
        let all: Vec<_> = folders
            .iter()
            .map(|folder| scope.spawn(move || play(folder)))
            .collect();
        all.into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect()
    });
    let turns = took.len() * (TURNS.len() + 1);
    let rate = turns as f64 / began.elapsed().as_secs_f64();
    (rate, Sample::new(took))
}

pub(crate) fn measure(scene: &Scene, sheet: &mut Sheet) {
    let provider = provider::serve(answer);
    let base = format!("http://{provider}/v1");
    let work = tempfile::tempdir().unwrap();
    let token = scene.token("org-0", "ada");
    let measured = [1, 10, 50, 100].map(|clients| (Way::Tcp, clients));
    for (way, clients) in [(Way::Socket, 10)].into_iter().chain(measured) {
        let server = scene.serve(way, &[("OPENAI_BASE_URL", &base)]);
        let plain = plain::inserts(scene, way, clients, EVENT);
        let (value, _) = turns(&server, &token, work.path(), clients, scene.lasts);
        let what = format!("turns of runs {}, {clients} clients", way.words());
        let baseline = Some(("plain inserts by pgbench", plain.rate));
        let id = format!("runs.{}.{clients}", way.name());
        sheet.value(&id, &what, value, "/s", baseline);
    }
}
