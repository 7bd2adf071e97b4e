//! The baseline of everything that is stored: rows that `pgbench` inserts, each with a commit of its
//! own, into a table without anything else.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::scene::{Scene, Way};

/// A result of `pgbench`.
pub(crate) struct Plain {
    pub(crate) rate: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Rows of so many bytes by so many connections.
pub(crate) fn inserts(scene: &Scene, way: Way, clients: u64, bytes: usize) -> Plain {
    scene.execute("create table if not exists plain (at timestamptz default now(), body text)");
    // Words, so that it compresses as events do.
    let mut words = String::new();
    for n in 0..bytes / 8 {
        let _written = write!(words, "{:x} ", n * 2_654_435_761_usize);
    }
    let body = &words[..bytes.min(words.len())];
    run(
        scene,
        way,
        clients,
        &format!("insert into plain (body) values ('{body}');\n"),
    )
}

/// A page of 50 rows by its key, as a list reads it.
pub(crate) fn pages(scene: &Scene, clients: u64) -> Plain {
    scene.execute(
        "create table if not exists plain_pages as
             select n as id, now() as at, repeat('text ', 20) as body from generate_series(1, 10000) n;
         create unique index if not exists plain_pages_id on plain_pages (id)",
    );
    let script = "\\set below random(100, 10000)\n\
                  select * from plain_pages where id < :below order by id desc limit 50;\n";
    run(scene, Way::Tcp, clients, script)
}

fn run(scene: &Scene, way: Way, clients: u64, script: &str) -> Plain {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script.sql");
    std::fs::write(&file, script).unwrap();
    let mut command = scene.within(way, Path::new("pgbench"));
    command
        .args([
            "--no-vacuum",
            "--protocol=prepared",
            "--log",
            "--log-prefix",
        ])
        .arg(folder.path().join("log"))
        .args(["--time", &scene.baseline.as_secs().to_string()])
        .args([
            "--client",
            &clients.to_string(),
            "--jobs",
            &clients.min(2).to_string(),
        ])
        .arg("--file")
        .arg(&file)
        .args([
            "--host",
            scene.host(way),
            "--port",
            &scene.port,
            "--username",
            "navi",
            "postgres",
        ]);
    let output = output(command);
    let rate = output
        .lines()
        .find_map(|line| line.strip_prefix("tps = "))
        .and_then(|line| line.split(' ').next())
        .unwrap();
    let mut took = times(folder.path());
    took.sort_unstable();
    let at = |permille: usize| took[(took.len() * permille).div_ceil(1_000).max(1) - 1];
    Plain {
        rate: rate.parse().unwrap(),
        p50_ms: at(500).as_secs_f64() * 1e3,
        p99_ms: at(990).as_secs_f64() * 1e3,
    }
}

fn output(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The third column of each log: microseconds of one transaction.
fn times(folder: &Path) -> Vec<Duration> {
    let mut took = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let micros = |line: &str| line.split(' ').nth(2).unwrap().parse().unwrap();
        took.extend(text.lines().map(micros).map(Duration::from_micros));
    }
    took
}
