//! The overhead of the wall on the start of a command.
//!
//! A command that does nothing is started without a wall, without namespaces and within the strongest
//! wall, in turns, so that all find the machine in the same state. Measured is the time from the call
//! until its exit code is known. A pause lies between two commands, as with an agent, whose model thinks
//! in between; `--back-to-back` leaves it out.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and prints"
)]

#[path = "support/clock.rs"]
mod clock;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use clock::{Sample, heading, nanos, short};
use navi::exec::environment::for_commands;
use navi::exec::finding::find_sandbox;
use navi::exec::launch::Launch;
use navi::exec::launch::ProgramCommand;
use navi::exec::process::Processes;
use navi::exec::sandbox::enclosure::{Grant, Widening};
use navi::exec::sandbox::machine::Sandbox;
use navi::exec::sandbox::settings::Demand;
use navi::exec::sandbox::settings::SandboxConfig;
use navi::exec::sandbox::wall::Tier;
use navi::platform::tasks::Tasks;

const COMMANDS: usize = 500;
/// The first ones find cold caches, and make the enclosure.
const WARM_UP: usize = 30;

/// The time between two commands.
const PAUSE: Duration = Duration::from_millis(80);

#[derive(clap::Parser)]
struct Settings {
    /// Leaves out the pause.
    #[arg(long)]
    back_to_back: bool,

    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,

    #[command(flatten)]
    sandbox: SandboxConfig,
}

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_navi"))
}

fn environment() -> BTreeMap<String, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the toolchain is found by the environment"
    )]
    for_commands(std::env::vars())
}

/// The processes of a run behind a wall.
fn processes(sandbox: &Sandbox, root: &std::path::Path, mark: &str) -> Processes {
    let launch = Launch {
        supervisor: program(),
        environment: Arc::new(environment()),
        sandbox: sandbox.clone(),
        egress: None,
        spares: Arc::default(),
        presence: None,
    };
    Processes::new(launch, mark, Grant::of_workspace(root), None)
}

async fn run(processes: &Processes, directory: &OwnedFd, tasks: &Tasks) -> u64 {
    let command = ProgramCommand {
        program: "/bin/true",
        arguments: &[],
        widening: &Widening::default(),
    };
    let began = nanos();
    let (mut running, _outputs) = processes
        .start_program(command, directory, &[], tasks)
        .await
        .unwrap();
    let state = running.ended().await;
    let took = nanos() - began;
    assert_eq!(state.code, Some(0), "{state:?}");
    took
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let settings = Settings::parse();
    let (config, pause) = (settings.sandbox, !settings.back_to_back);
    let found = find_sandbox(&config, &program(), &environment(), Demand::Wanted).unwrap();
    println!("{}", found.describe());
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let walls = [
        ("none", Sandbox::off()),
        ("no-namespaces", found.weakened(Tier::NoNamespaces, None)),
        ("full", found),
    ];
    let runs = walls.map(|(name, wall)| (name, processes(&wall, &root, &format!("bench-{name}"))));
    let mut taken: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    runtime.block_on(async {
        let tasks = Tasks::new();
        let directory = OwnedFd::from(File::open(&root).unwrap());
        for round in 0..COMMANDS + WARM_UP {
            for (name, processes) in &runs {
                if pause {
                    tokio::time::sleep(PAUSE).await;
                }
                let took = run(processes, &directory, &tasks).await;
                if round >= WARM_UP {
                    taken.entry(*name).or_default().push(took);
                }
            }
        }
    });
    heading("a command that does nothing");
    let plain = Sample::new(taken["none"].clone());
    for (name, _) in &runs {
        Sample::new(taken[name].clone()).row(name);
    }
    for (name, _) in runs.iter().filter(|(name, _)| *name != "none") {
        let walled = Sample::new(taken[name].clone());
        let added = |permille| short(walled.at(permille).saturating_sub(plain.at(permille)));
        println!("{name} adds {} at p50, {} at p99", added(500), added(990));
    }
}
