//! The circumstances of a run of this program.

use std::process::Command;
use std::time::Instant;

use navi::platform::clock::Clock;

use crate::figure::Run;

/// A run that began now.
pub(crate) struct Begun {
    run: Run,
    at: Instant,
}

impl Begun {
    pub(crate) fn now() -> Self {
        let run = Run {
            date: Clock::System.now().format("%-d %B %Y").to_string(),
            commit: said("git", &["rev-parse", "--short", "HEAD"]),
            machine: machine(),
            load_before: read("/proc/loadavg")
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
            minutes: 0.0,
        };
        Self {
            run,
            at: Instant::now(),
        }
    }

    pub(crate) fn over(mut self) -> Run {
        self.run.minutes = (self.at.elapsed().as_secs_f64() / 6.0).round() / 10.0;
        self.run
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn machine() -> String {
    let processors = read("/proc/cpuinfo");
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unknown processor", |(_, model)| model);
    let count = std::thread::available_parallelism().unwrap();
    let memory = read("/proc/meminfo");
    let kib: u64 = memory
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .unwrap_or_default();
    format!(
        "{count} virtual processors ({model}), {} GiB, Linux {}, {}",
        kib / 1_048_576,
        said("uname", &["--kernel-release"])
            .split(['-', '+'])
            .next()
            .unwrap_or_default(),
        said("pgbench", &["--version"]).replace("pgbench (PostgreSQL)", "Postgres"),
    )
}
