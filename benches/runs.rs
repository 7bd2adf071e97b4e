//! What the server adds to the turns of many runs at once.
//!
//! `navi serve` with its embedded Postgres (every commit reaches the disk) works on runs of the
//! agent; a provider in this program plays their model. A run is a plan and eight turns: texts, six
//! turns with tools that read, one with a tool that writes. The model takes a while for the first
//! token and for each piece after it, on the average 0.8 s for a turn and never the same, so
//! that the runs do not march in step; most real models are slower. With the pauses left out, the
//! same runs show how much the server gets done when it is never waiting.
//!
//! * *between turns*: from the provider's last frame of a turn to its having read the whole next
//!   request. The server decodes, records the answer and the intents, runs the tools, records their
//!   results, and asks again: the time of the tools is in it.
//! * *with a write*: the same for the turn that writes a file, which waits 250 ms so that the client
//!   that follows can copy the old one.
//! * *before the plan*: from the client's request to the provider's having read the question for
//!   a plan: run recorded, workspace indexed and searched.
//! * *after the last turn*: from the provider's last frame to the client's `[DONE]`.

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
#[path = "support/http.rs"]
mod http;
#[path = "support/memory.rs"]
mod memory;
#[path = "support/provider.rs"]
mod provider;
#[path = "support/server.rs"]
mod server;
#[path = "support/token.rs"]
mod token;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::{Sample, heading, nanos, short};
use http::Connection;
use provider::Reply;
use server::Server;

const RUNS: usize = 100;
/// What the model does in its turns; after them it says that it is done.
const TURNS: [(&str, &str); 7] = [
    ("list_directory", r#"{\"path\":\".\"}"#),
    ("read_file", r#"{\"path\":\"README.md\"}"#),
    ("read_file", r#"{\"path\":\"src/part_3.rs\"}"#),
    ("search_files", r#"{\"pattern\":\"round_invoice\"}"#),
    ("read_file", r#"{\"path\":\"src/part_5.rs\"}"#),
    (
        "write_file",
        r#"{\"path\":\"notes.md\",\"content\":\"Invoices are rounded in part_5.\\n\"}"#,
    ),
    ("read_file", r#"{\"path\":\"notes.md\"}"#),
];
const PIECES: u64 = 20;
const PIECE: Duration = Duration::from_millis(20);
/// Until the first token: from a half to one and a half of this.
const FIRST_PIECE: Duration = Duration::from_millis(400);

/// What was measured, in nanoseconds.
#[derive(Default)]
struct Measured {
    before_plan: Vec<u64>,
    between: Vec<u64>,
    with_write: Vec<u64>,
    after_last: Vec<u64>,
}

/// The side of the provider: when each place's run last heard from it, or asked for its run.
struct Model {
    pauses: bool,
    last: Vec<u64>,
    measured: Measured,
}

type Shared = Arc<Mutex<Model>>;

fn answer(model: &Shared, body: &str, reply: &mut Reply<'_>) {
    let arrived = nanos();
    let (_, place) = body.split_once("Place ").unwrap();
    let place: usize = place[..3].parse().unwrap();
    let planning = !body.contains(r#""tools":["#);
    let turn = body.matches(r#""role":"assistant""#).count();
    let pauses = {
        let mut model = model.lock().unwrap();
        let waited = arrived - model.last[place];
        let measured = &mut model.measured;
        let before = turn.checked_sub(1).and_then(|before| TURNS.get(before));
        let of_its_kind = match before {
            _ if planning => &mut measured.before_plan,
            Some(("write_file", _)) => &mut measured.with_write,
            _ => &mut measured.between,
        };
        of_its_kind.push(waited);
        model.pauses
    };
    let pause = |time: Duration| {
        if pauses {
            std::thread::sleep(time);
        }
    };
    // Different for every place and turn, and the same each time.
    let share = (place * 31 + turn * 17) % 101;
    pause(FIRST_PIECE / 2 + FIRST_PIECE * u32::try_from(share).unwrap() / 100);
    let call = TURNS.get(turn).filter(|_| !planning);
    if planning {
        reply.text(
            r#"{\"steps\":[{\"title\":\"Find the rounding\"},{\"title\":\"Write it down\"}]}"#,
        );
    } else {
        for _ in 0..PIECES {
            reply.text("and so it goes on ");
            reply.flush();
            pause(PIECE);
        }
    }
    if let Some((name, arguments)) = call {
        reply.choice(&format!(
            r#"{{"index":0,"delta":{{"tool_calls":[{{"index":0,"id":"call_{turn}","type":"function","function":{{"name":"{name}","arguments":"{arguments}"}}}}]}},"finish_reason":null}}"#
        ));
    }
    reply.end(if call.is_some() { "tool_calls" } else { "stop" });
    model.lock().unwrap().last[place] = nanos();
}

/// A small project, one for every run.
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

/// One run after the other in one place.
fn play(server: &Server, token: &str, model: &Shared, place: usize, folder: &Path, rounds: usize) {
    let mut connection = Connection::open(server.address);
    for _ in 0..rounds {
        let body = format!(
            r#"{{"model":"openai/bench","message":"Place {place:03}: find out where invoices are rounded and write it down.","workspace_path":"{}","run_verification":false}}"#,
            folder.display()
        );
        model.lock().unwrap().last[place] = nanos();
        connection.post("/api/navi/chat/autonomous", token, &body);
        let (mut ended, mut succeeded) = (0, false);
        connection.frames(|frame, arrived| {
            ended = arrived;
            succeeded |= frame.contains(r#""success":true"#) && frame.contains("stopped_reason");
        });
        assert!(succeeded, "a run did not end well");
        let mut model = model.lock().unwrap();
        let waited = ended - model.last[place];
        model.measured.after_last.push(waited);
    }
}

/// Processor time that was used so far, in seconds: by all processes, and by the server itself.
fn processor(server: &Server) -> (f64, f64) {
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string("/proc/stat").unwrap();
    let all: Vec<f64> = stat
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .skip(1)
        .map(|n| n.parse().unwrap())
        .collect();
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.pid)).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let own: Vec<&str> = fields.split(' ').collect();
    let own = own[11].parse::<f64>().unwrap() + own[12].parse::<f64>().unwrap();
    // User, nice and system time, and the two kinds of interrupts.
    (
        (all[0] + all[1] + all[2] + all[5] + all[6]) / TICKS,
        own / TICKS,
    )
}

fn measure(what: &str, runs: usize, rounds: usize, pauses: bool, bench: &Bench) {
    {
        let mut model = bench.model.lock().unwrap();
        model.pauses = pauses;
        model.measured = Measured::default();
    }
    let (began, (all, own)) = (nanos(), processor(&bench.server));
    std::thread::scope(|scope| {
        for (place, folder) in bench.folders.iter().enumerate().take(runs) {
            scope.spawn(move || {
                play(
                    &bench.server,
                    &bench.token,
                    &bench.model,
                    place,
                    folder,
                    rounds,
                );
            });
        }
    });
    let wall = Duration::from_nanos(nanos() - began).as_secs_f64();
    let (all, own) = {
        let (all_now, own_now) = processor(&bench.server);
        (all_now - all, own_now - own)
    };
    let measured = std::mem::take(&mut bench.model.lock().unwrap().measured);
    let turns = (measured.between.len() + measured.with_write.len()) as f64;
    heading(what);
    Sample::new(measured.between).row("between turns");
    Sample::new(measured.with_write).row("with a write");
    Sample::new(measured.before_plan).row("before the plan");
    Sample::new(measured.after_last).row("after the last turn");
    let (rss, pss) = memory::of(bench.server.pid);
    let processors = std::thread::available_parallelism().unwrap();
    println!(
        "{:.0} turns/s, {:.1} runs/s; of the processor {} a turn in the server; the machine {:.0} % busy; \
         {rss:.0} MiB resident, {pss:.0} MiB proportional",
        turns / wall,
        (runs * rounds) as f64 / wall,
        short(Duration::from_secs_f64(own / turns)),
        all / wall / processors.get() as f64 * 100.0,
    );
}

struct Bench {
    server: Server,
    token: String,
    model: Shared,
    folders: Vec<PathBuf>,
}

fn main() {
    let data = tempfile::tempdir().unwrap();
    let work = tempfile::tempdir().unwrap();
    let folders: Vec<_> = (0..RUNS)
        .map(|n| work.path().join(format!("{n:03}")))
        .collect();
    for folder in &folders {
        workspace(folder);
    }
    let model = Arc::new(Mutex::new(Model {
        pauses: false,
        last: vec![0; RUNS],
        measured: Measured::default(),
    }));
    let provider = {
        let model = Arc::clone(&model);
        provider::serve(move |body, reply| answer(&model, body, reply))
    };
    let base = format!("http://{provider}/v1");
    let runs = RUNS.to_string();
    let settings = [
        ("OPENAI_BASE_URL", base.as_str()),
        ("NAVI_MAX_CONCURRENT_RUNS", &runs),
        ("NAVI_MAX_RUNS_PER_ORG", &runs),
    ];
    let bench = Bench {
        server: Server::start(data.path(), &settings).0,
        token: token::mint(data.path()),
        model,
        folders,
    };
    measure("one run, to warm up", 1, 20, false, &bench);
    measure("1 run, model with pauses", 1, 2, true, &bench);
    measure("100 runs, model with pauses", RUNS, 3, true, &bench);
    measure("1 run, model without pauses", 1, 50, false, &bench);
    measure("100 runs, model without pauses", RUNS, 5, false, &bench);
}
